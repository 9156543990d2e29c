"""Features → what rules look at, and how strongly they fire on it: plainly, one case after the other.

`firing` does the same for everybody at once. The wording of evidence is left to whoever knows the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import crm_view
from connector.domain.features import (
    AccountFeatures,
    EventFeatures,
    Feature,
    MetricFeatures,
    account_view,
    event_view,
    metric_view,
    offer_view,
    owned_offers,
)
from connector.domain.signal import TOLD_TO, SignalRule, Signals, freshness
from connector.domain.values import value

FROM_USAGE = frozenset({"activity_trend", "metrics_used"})
"""Account features that are as old as the usage they come from."""
OF_OFFERS = frozenset({"upsell", "cross_sell"})
"""Kinds that point to something to sell: without needs of its own, such a rule looks at events about an offer only."""


@value
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


@dataclass(frozen=True, slots=True)
class _Customer:
    """One account with everything its rules look at; `features` are read by every rule, so they are named once."""

    account: AccountFeatures
    metrics: Mapping[str, MetricFeatures]
    events: Sequence[EventFeatures]
    owned: frozenset[str]
    features: Mapping[str, Feature]


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
    named = {**account_view(account, owned, catalogue), **crm_view(account.crm), TOLD_TO: today}
    customer = _Customer(account, metrics, events, owned, named)
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
    if rule.read:
        case = replace(case, features={**customer.features, **read_of(readings(rule), customer.metrics)})
    match rule.per:
        case "account":
            read = {*rule.when.names(), rule.strength.of}
            dated = customer.features.get(rule.dated) if rule.dated else None
            told = _day(dated) if rule.dated else account.data_to if read & FROM_USAGE else today
            about = customer.features.get(rule.about) if rule.about else None
            needs = (about,) if isinstance(about, str) and catalogue.for_need(about) else case.needs
            if told is not None:
                yield replace(case, data_to=told, needs=needs)
        case "metric":
            for name in rule.metrics:
                used = customer.metrics.get(name)
                if used is not None:
                    named = {**case.features, **metric_view(used, account), TOLD_TO: used.data_to}
                    yield replace(case, features=named, data_to=used.data_to, metric=name)
        case "offer":
            for one in account.peers:
                meets = catalogue.offers[one.offer].need
                if meets is not None and one.offer not in customer.owned:
                    named = {**case.features, **offer_view(one)}
                    yield replace(case, features=named, needs=(meets,), offer=one.offer)
        case "event":
            for row in together(rule, customer.events):
                offer = catalogue.offers.get(row.detail)
                is_of_offer = offer is not None and offer.need is not None and row.detail not in customer.owned
                if not rule.needs and not is_of_offer and rule.kind in OF_OFFERS:
                    continue
                needs = tuple(rule.needs) or ((offer.need,) if offer and offer.need and is_of_offer else ())
                named = {**case.features, **event_view(row)}
                yield replace(case, features=named, data_to=row.last_on, needs=needs, offer=row.detail)


def _day(value: Feature) -> date | None:
    return value if isinstance(value, date) else None


def readings(rule: SignalRule) -> tuple[tuple[str, str, str], ...]:
    """What a rule reads of other metrics: its own name for it, the metric, and the feature."""
    told = ((name, where.partition(".")) for name, where in rule.read.items())
    return tuple((name, metric, feature) for name, (metric, _, feature) in told)


def read_of(read: tuple[tuple[str, str, str], ...], metrics: Mapping[str, MetricFeatures]) -> dict[str, Feature]:
    """Features of other metrics, by a rule's own names; unknown where the metric is not used."""
    return {name: getattr(metrics.get(metric), feature, None) for name, metric, feature in read}


def together(rule: SignalRule, rows: Sequence[EventFeatures]) -> Iterator[EventFeatures]:
    """Counts of the rule's events, added up by what they are about; all of them when the rule names the need."""
    about: dict[str, EventFeatures] = {}
    for row in rows:
        if row.event in rule.events:
            detail = "" if rule.needs else row.detail
            so_far = about.get(detail)
            if so_far is None:
                about[detail] = row if row.detail == detail else replace(row, detail=detail)
                continue
            about[detail] = replace(
                so_far,
                count_28=so_far.count_28 + row.count_28,
                count_90=so_far.count_90 + row.count_90,
                last_on=max(so_far.last_on, row.last_on),
            )
    yield from about.values()
