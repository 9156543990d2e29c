"""Tables → features → signals, as known at a moment.

Everything is computable for any past moment: a fact that became known later changes nothing measured before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from connector.compute.accounts import (
    account_expressions,
    account_features,
    items_in_force,
    prices_known,
    with_crm,
)
from connector.compute.columns import KeptEvents, KeptMetrics
from connector.compute.features import event_features, held_quantities, in_memory, usage_features
from connector.compute.firing import Firing
from connector.compute.freshness import feeds, feeds_of, restrained
from connector.compute.rows import rows_of
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, EventFeatures, Features, MetricFeatures
from connector.domain.feed import Feed, is_drop_believed
from connector.domain.signal import Signal, Signals
from connector.domain.uncollected import uncollected
from connector.ports.billing import WarehouseReader
from connector.services.evidence import Wording


@dataclass(frozen=True)
class Measured:
    """Everything known about the accounts at a moment, and the signals it raises."""

    as_of: datetime
    accounts: Mapping[str, AccountFeatures]
    metrics: Mapping[str, Mapping[str, MetricFeatures]]
    """By account, then metric."""
    events: Mapping[str, Sequence[EventFeatures]]
    prices: Sequence[Mapping[str, Any]]
    """Canonical price rows known at the moment."""
    signals: tuple[Signal, ...]
    """Account by account."""
    data_to: date | None
    """Last day any usage source has told."""
    feeds: tuple[Feed, ...] = ()
    """How each source of usage is doing."""

    @property
    def features(self) -> Features:
        """What rules look at."""
        return Features(self.accounts, self.metrics, self.events)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why no drop of usage is believed, if so."""
        told = (feed.trouble(self.as_of.date()) for feed in self.feeds)
        return tuple(text for text in told if text is not None)

    def of(self, account_id: str) -> tuple[Signal, ...]:
        """The signals of one account."""
        return tuple(signal for signal in self.signals if signal.account_id == account_id)


@uncollected()
def measure(
    warehouse: WarehouseReader,
    catalogue: Catalogue,
    rules: Signals,
    as_of: datetime,
    crm: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    tables: Mapping[str, Any] | None = None,
) -> Measured:
    """Measure every account and try every rule on it.

    `crm`: what the CRM tells, by billing account. `tables`: those of some accounts, where not all are meant.
    """
    tables = tables or warehouse.tables()
    # Whatever reads all of the usage comes before anything is kept of it: its memory serves for what follows.
    told = feeds_of(_rows(warehouse, feeds(tables, as_of)))
    # Usage may lie in another engine: what it is compared with is small, and goes there.
    held = in_memory(warehouse.execute(held_quantities(items_in_force(tables, as_of), catalogue)))
    metrics = KeptMetrics(warehouse.execute(usage_features(tables, held, catalogue, as_of)))
    events = KeptEvents(warehouse.execute(event_features(tables, as_of)))
    prices = [*_rows(warehouse, prices_known(tables, as_of))]
    facts = {name: warehouse.execute(expression) for name, expression in account_expressions(tables, as_of).items()}
    intervals = {row["price_id"]: row["interval"] for row in prices if row["interval"]}
    using, doing = metrics.in_turn(), events.in_turn()

    def metrics_of(account_id: str) -> Mapping[str, MetricFeatures]:
        return {one.metric: one for one in using.of(account_id)}

    raising, is_sure = Raising(rules, catalogue, as_of), is_drop_believed(told, as_of.date())
    marks = raising.firing.screened(metrics)
    accounts, signals = dict[str, AccountFeatures](), list[Signal]()
    for account in account_features(facts, intervals, metrics_of, catalogue, as_of):
        id = account.account_id
        one = with_crm(account, crm[id], as_of.date()) if id in crm else account
        accounts[id] = one if is_sure else restrained(one)
        signals += raising.of(accounts[id], metrics_of(id), doing.of(id), marks.get(id, 0))
    return Measured(
        as_of=as_of,
        accounts=accounts,
        metrics=metrics,
        events=events,
        prices=prices,
        signals=believed(signals, told, as_of.date()),
        feeds=told,
        data_to=metrics.data_to,
    )


def raised(rules: Signals, features: Features, catalogue: Catalogue, as_of: datetime) -> tuple[Signal, ...]:
    """Try every rule on what was measured; what fires can say why."""
    raising = Raising(rules, catalogue, as_of)
    return tuple(
        signal
        for id, account in sorted(features.accounts.items())
        for signal in raising.of(account, features.metrics.get(id, {}), features.events.get(id, ()))
    )


class Raising:
    """Rules made ready to raise signals, one account after the other."""

    def __init__(self, rules: Signals, catalogue: Catalogue, as_of: datetime) -> None:
        self.firing = Firing(rules, catalogue, as_of.date())
        self._wordings = {rule_id: Wording(rule, catalogue) for rule_id, rule in rules.rules.items()}

    def of(
        self,
        account: AccountFeatures,
        metrics: Mapping[str, MetricFeatures],
        events: Sequence[EventFeatures],
        marks: int | None = None,
    ) -> Iterator[Signal]:
        """Try every rule on an account; what fires can say why. `marks`: see `Firing.of`."""
        return (self._wordings[case.rule_id].signal(case) for case in self.firing.of(account, metrics, events, marks))


def believed(signals: Sequence[Signal], feeds: Sequence[Feed], today: date) -> tuple[Signal, ...]:
    """Leave out what a stream that is late or short may only seem to say: that somebody uses less."""
    is_sure = is_drop_believed(feeds, today)
    return tuple(one for one in signals if is_sure or one.kind != "help" or one.metric is None)


def _rows(warehouse: WarehouseReader, expression: Any) -> Iterator[dict[str, Any]]:
    return rows_of(warehouse.execute(expression))
