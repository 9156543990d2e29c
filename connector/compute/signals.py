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
        read = metrics.get(account_id, {}), events.get(account_id, ())
        for case in tried(rules, accounts[account_id], *read, catalogue, today):
            if (strength := strength_of(case, today)) is not None:
                yield replace(case, strength=strength)


def tried(
    rules: Signals,
    account: AccountFeatures,
    metrics: Mapping[str, MetricFeatures],
    events: Sequence[EventFeatures],
    catalogue: Catalogue,
    today: date,
) -> Iterator[Fired]:
    """Everything that rules look at of an account, whether they fire on it or not; nothing without a subscription."""
    if not account.subscribed:
        return
    owned = owned_offers(account, catalogue)
    customer = _Customer(account, metrics, events, owned, account_view(account, owned, catalogue))
    for rule_id, rule in rules.rules.items():
        yield from _cases(rule_id, rule, customer, catalogue, today)


def strength_of(case: Fired, today: date) -> float | None:
    """How strongly a rule fires on a case; None when it does not."""
    fresh = freshness((today - case.data_to).days, case.rule)
    return case.rule.strength.strength(case.features) * fresh if fresh and case.rule.when.holds(case.features) else None


def _cases(rule_id: str, rule: SignalRule, customer: _Customer, catalogue: Catalogue, today: date) -> Iterator[Fired]:
    """What a rule looks at: the account, each of its metrics, or each thing its events are about."""
    account = customer.account
    case = Fired(rule_id, rule, account.account_id, tuple(rule.needs), 0.0, today, customer.features)
    match rule.per:
        case "account":
            read = {*rule.when.names(), rule.strength.of}
            told = account.data_to if read & FROM_USAGE else today
            if told is not None:
                yield replace(case, data_to=told)
        case "metric":
            for name in rule.metrics:
                used = customer.metrics.get(name)
                if used is not None:
                    named = {**customer.features, **metric_view(used, account)}
                    yield replace(case, features=named, data_to=used.data_to, metric=name)
        case "event":
            for row in _together(rule, customer.events):
                offer = catalogue.offers.get(row.detail)
                if not rule.needs and (offer is None or offer.need is None or row.detail in customer.owned):
                    continue
                needs = tuple(rule.needs) or ((offer.need,) if offer and offer.need else ())
                named = {**customer.features, **event_view(row)}
                yield replace(case, features=named, data_to=row.last_on, needs=needs, offer=row.detail)


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
