"""Tables → features → signals, as known at a moment.

Everything is computable for any past moment: a fact that became known later changes nothing measured before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from connector.compute.accounts import (
    account_expressions,
    account_features,
    items_in_force,
    prices_known,
    with_crm,
)
from connector.compute.features import event_features, held_quantities, in_memory, usage_features
from connector.compute.freshness import feeds, feeds_of, restrained
from connector.compute.peers import with_peers
from connector.compute.signals import Fired, fired
from connector.domain.catalogue import Catalogue, Language
from connector.domain.features import AccountFeatures, EventFeatures, Feature, MetricFeatures
from connector.domain.feed import Feed, is_drop_believed
from connector.domain.signal import AT, Signal, Signals
from connector.ports.billing import Warehouse
from connector.services.texts import in_language, names_in, render


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
    data_to: date | None
    """Last day any usage source has told."""
    feeds: tuple[Feed, ...] = ()
    """How each source of usage is doing."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why no drop of usage is believed, if so."""
        told = (feed.trouble(self.as_of.date()) for feed in self.feeds)
        return tuple(text for text in told if text is not None)

    def of(self, account_id: str) -> tuple[Signal, ...]:
        """The signals of one account."""
        return tuple(signal for signal in self.signals if signal.account_id == account_id)


def measure(
    warehouse: Warehouse,
    catalogue: Catalogue,
    rules: Signals,
    as_of: datetime,
    crm: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Measured:
    """Measure every account and try every rule on it. `crm`: what the CRM tells, by billing account."""
    tables = warehouse.tables()
    # Usage may lie in another engine: what it is compared with is small, and goes there.
    held = in_memory(warehouse.execute(held_quantities(items_in_force(tables, as_of), catalogue)))
    usage = usage_features(tables, held, catalogue, as_of)
    metrics: dict[str, dict[str, MetricFeatures]] = defaultdict(dict)
    for row in _rows(warehouse, usage):
        metrics[row["account_id"]][row["metric"]] = MetricFeatures(**row)
    events: dict[str, list[EventFeatures]] = defaultdict(list)
    for row in _rows(warehouse, event_features(tables, as_of)):
        events[row["account_id"]].append(EventFeatures(**row))
    prices = [*_rows(warehouse, prices_known(tables, as_of))]
    facts = {name: [*_rows(warehouse, expression)] for name, expression in account_expressions(tables, as_of).items()}
    intervals = {row["price_id"]: row["interval"] for row in prices if row["interval"]}
    accounts = with_peers(account_features(facts, intervals, metrics, catalogue, as_of), catalogue)
    accounts = with_crm(accounts, crm, as_of.date())
    told = feeds_of(_rows(warehouse, feeds(tables, as_of)))
    if not is_drop_believed(told, as_of.date()):
        accounts = restrained(accounts)
    signals = raised(rules, accounts, metrics, events, catalogue, as_of)
    return Measured(
        as_of=as_of,
        accounts=accounts,
        metrics=dict(metrics),
        events=dict(events),
        prices=prices,
        signals=believed(signals, told, as_of.date()),
        feeds=told,
        data_to=max((one.data_to for some in metrics.values() for one in some.values()), default=None),
    )


def raised(
    rules: Signals,
    accounts: Mapping[str, AccountFeatures],
    metrics: Mapping[str, Mapping[str, MetricFeatures]],
    events: Mapping[str, Sequence[EventFeatures]],
    catalogue: Catalogue,
    as_of: datetime,
) -> tuple[Signal, ...]:
    """Try every rule on what was measured, and word what fires."""
    cases = fired(rules, accounts, metrics, events, catalogue, as_of.date())
    return tuple(signal_of(case, catalogue) for case in cases)


def believed(signals: Sequence[Signal], feeds: Sequence[Feed], today: date) -> tuple[Signal, ...]:
    """Leave out what a stream that is late or short may only seem to say: that somebody uses less."""
    is_sure = is_drop_believed(feeds, today)
    return tuple(one for one in signals if is_sure or one.kind != "help" or one.metric is None)


PERCENT = {
    "growth_percent": "growth",
    "growth_year_percent": "growth_year",
    "activity_percent": "activity_trend",
    "peer_percent": "peer_rate",
}
"""Shares that evidence cites as whole percent, by the word it uses."""
BATCH = 10_000
Words = tuple[tuple[str, type, Feature], ...]
"""What a text says: each name with its value, and the value's type, because 1 and true are written otherwise."""


def _rows(warehouse: Warehouse, expression: Any) -> Iterator[dict[str, Any]]:
    """Rows of an expression, few of them in memory at a time."""
    for batch in warehouse.execute(expression).to_batches(max_chunksize=BATCH):
        yield from batch.to_pylist()


def signal_of(case: Fired, catalogue: Catalogue) -> Signal:
    """Word a rule that fired, in every language it has."""
    languages: Mapping[Language, str] = case.rule.evidence
    read = {*case.rule.when.names(), case.rule.strength.of}
    return Signal(
        id=case.rule_id,
        row=case.rule.row,
        kind=case.rule.kind,
        account_id=case.account_id,
        needs=case.needs,
        strength=case.strength,
        weight=case.rule.weight,
        evidence={
            language: _said(text, language, _words(case, catalogue, language, names_in(text, language)))
            for language, text in languages.items()
        },
        data_to=case.data_to,
        metric=case.metric,
        numbers={name: case.features.get(name) for name in sorted(read)},
        offer=case.offer if case.offer in catalogue.offers else None,
    )


@lru_cache(maxsize=20_000)
def _said(text: str, language: Language, words: Words) -> str:
    """Many customers do the same: what was said with the same words is not worked out again."""
    return render(text, language, {name: value for name, _, value in words}, AT)


def _words(case: Fired, catalogue: Catalogue, language: Language, names: Collection[str]) -> Words:
    """What a text names, as people cite it: whole numbers where they are large, labels in the reader's language."""
    cited = {name: _citable(case.features[name]) for name in names if name in case.features}
    for word, name in PERCENT.items():
        if word in names:
            share = case.features.get(name)
            cited[word] = abs(round(share * 100)) if isinstance(share, float) else None
    if "label" in names:
        cited["label"] = in_language(catalogue.metrics[case.metric].label, language) if case.metric else ""
    if "offer_label" in names:
        offer = catalogue.offers.get(case.offer or "")
        cited["offer_label"] = in_language(offer.label, language) if offer else ""
    return tuple((name, type(value), value) for name, value in cited.items())


def _citable(value: Feature) -> Feature:
    if not isinstance(value, float):
        return value
    return round(value) if value >= 100 or value == round(value) else round(value, 1)
