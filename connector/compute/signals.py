"""Features → rules that fire. The wording of their evidence is left to whoever knows the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.domain.catalogue import Catalogue
from connector.domain.features import (
    AccountFeatures,
    EventFeatures,
    Feature,
    MetricFeatures,
    account_view,
    event_view,
    metric_view,
    owned_offers,
)
from connector.domain.signal import SignalRule, Signals, freshness

FROM_USAGE = frozenset({"activity_trend", "metrics_used"})
"""Account features that are as old as the usage they come from."""


@dataclass(frozen=True)
class Fired:
    """A rule whose condition holds for an account, a metric or an event of it."""

    rule_id: str
    rule: SignalRule
    account_id: str
    needs: tuple[str, ...]
    strength: float
    data_to: date
    features: Mapping[str, Feature]
    metric: str | None = None
    offer: str | None = None
    """The offer in an event's detail."""


@dataclass
class _Case:
    """One thing that a rule looks at, fired or not; there are many times more of these."""

    needs: tuple[str, ...]
    data_to: date
    features: Mapping[str, Feature]
    metric: str | None = None
    offer: str | None = None


@dataclass(frozen=True)
class _Customer:
    """One account with everything its rules look at; `features` are read by every rule, so they are named once."""

    account: AccountFeatures
    metrics: Mapping[str, MetricFeatures]
    events: Sequence[EventFeatures]
    owned: frozenset[str]
    features: Mapping[str, Feature]


def fired(
    rules: Signals,
    accounts: Mapping[str, AccountFeatures],
    metrics: Mapping[str, Mapping[str, MetricFeatures]],
    events: Mapping[str, Sequence[EventFeatures]],
    catalogue: Catalogue,
    today: date,
) -> Iterator[Fired]:
    """Try every rule on every account with a running subscription, in the order of accounts, then of the document."""
    for account_id in sorted(accounts):
        account = accounts[account_id]
        if not account.subscribed:
            continue
        owned = owned_offers(account, catalogue)
        named = account_view(account, owned, catalogue)
        customer = _Customer(account, metrics.get(account_id, {}), events.get(account_id, ()), owned, named)
        for rule_id, rule in rules.rules.items():
            for case in _cases(rule, customer, catalogue, today):
                fresh = freshness((today - case.data_to).days, rule)
                if fresh and rule.when.holds(case.features):
                    strength = rule.strength.strength(case.features) * fresh
                    yield Fired(rule_id, rule, account_id, strength=strength, **vars(case))


def _cases(rule: SignalRule, customer: _Customer, catalogue: Catalogue, today: date) -> Iterator[_Case]:
    """What a rule looks at: the account, each of its metrics, or each thing its events are about."""
    account, needs = customer.account, tuple(rule.needs)
    match rule.per:
        case "account":
            read = {*rule.when.names(), rule.strength.of}
            told = account.data_to if read & FROM_USAGE else today
            if told is not None:
                yield _Case(needs, told, customer.features)
        case "metric":
            for name in rule.metrics:
                used = customer.metrics.get(name)
                if used is not None:
                    named = {**customer.features, **metric_view(used, account)}
                    yield _Case(needs, used.data_to, named, metric=name)
        case "event":
            for row in _together(rule, customer.events):
                offer = catalogue.offers.get(row.detail)
                if not needs and (offer is None or offer.need is None or row.detail in customer.owned):
                    continue
                met = needs or ((offer.need,) if offer and offer.need else ())
                yield _Case(met, row.last_on, {**customer.features, **event_view(row)}, offer=row.detail)


def _together(rule: SignalRule, rows: Sequence[EventFeatures]) -> Iterator[EventFeatures]:
    """Counts of the rule's events, added up by what they are about; all of them when the rule names the need."""
    about: dict[str, EventFeatures] = {}
    for row in rows:
        if row.event in rule.events:
            detail = "" if rule.needs else row.detail
            so_far = about.get(detail, replace(row, detail=detail, count_28=0, count_90=0))
            about[detail] = replace(
                so_far,
                count_28=so_far.count_28 + row.count_28,
                count_90=so_far.count_90 + row.count_90,
                last_on=max(so_far.last_on, row.last_on),
            )
    yield from about.values()
