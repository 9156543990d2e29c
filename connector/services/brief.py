"""What a business review's brief tells, gathered from what the run measured: numbers and evidence, no wording of ours.

Everything comes from the features and signals that the run decided from. What was never told stays unknown: a goal that
nobody noted is asked for, a value that cannot be worked out is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from connector.domain.catalogue import Catalogue, Texts
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.intent import Intent
from connector.domain.money import Money
from connector.domain.signal import Signal
from connector.services.measure import Measured
from connector.services.offer_terms import MONTH
from connector.services.reasons import ruled

MOST_KPIS = 6
MOST_LINES = 5
NEAR = 0.9
"""Share of a ceiling from which it counts as met."""


@dataclass(frozen=True)
class Kpi:
    """How one metric is used."""

    label: Texts
    now: float
    before: float
    year_ago: float | None
    growth: float | None
    limit: float | None
    """In the terms of `pace`."""
    pace: float
    """What a limit is compared with."""
    days_near: int = 0
    days_over: int = 0

    @property
    def is_near(self) -> bool:
        """Its limit was met, or nearly."""
        return self.limit is not None and self.limit > 0 and (self.days_over > 0 or self.pace >= NEAR * self.limit)


@dataclass(frozen=True)
class Value:
    """What something that the customer owns saved it in a month, with who says so."""

    label: Texts
    hours: int
    worth: Money
    source: Texts


@dataclass(frozen=True)
class Announced:
    """An expansion to announce: what it is, what it adds a month, and why."""

    label: Texts
    adds: Money
    evidence: Texts


@dataclass(frozen=True)
class Surprises:
    """What is open and must not surprise whoever holds the review."""

    overdue: int = 0
    days_overdue: int | None = None
    disputes: int = 0
    escalated_on: date | None = None
    nps: float | None = None
    nps_on: date | None = None
    cancel_on: date | None = None


@dataclass(frozen=True)
class BriefFacts:
    """All of it, of one customer."""

    pays: Money
    renewal_on: date | None
    plan: Texts
    seats: float | None
    kpis: tuple[Kpi, ...]
    value: tuple[Value, ...]
    uncovered: tuple[Texts, ...]
    announced: tuple[Announced, ...]
    surprises: Surprises
    data_to: date


def brief_facts(
    pays: Money,
    accounts: Sequence[AccountFeatures],
    measured: Measured,
    intents: Sequence[Intent],
    catalogue: Catalogue,
) -> BriefFacts:
    """Gather the facts of a customer; the first billing account is the largest."""
    ids = [one.account_id for one in accounts]
    signals = [signal for id in ids for signal in measured.of(id)]
    usage = sorted(_usage(ids, measured.metrics), key=lambda row: (-(row.limit is not None), -row.level_28, row.metric))
    known = [row for row in usage if row.metric in catalogue.metrics and (row.level_28 or row.level_previous)]
    first = accounts[0]
    return BriefFacts(
        pays=pays,
        renewal_on=first.renewal_on,
        plan=catalogue.offers[first.plan].label if first.plan and first.plan in catalogue.offers else {},
        seats=first.seats,
        kpis=tuple(_kpi(row, catalogue) for row in known[:MOST_KPIS]),
        value=tuple(_values(accounts, known, pays.currency, catalogue))[:MOST_LINES],
        uncovered=tuple(_uncovered(signals, intents, catalogue))[:MOST_LINES],
        announced=tuple(_announced(intents, catalogue))[:MOST_LINES],
        surprises=surprises_of(accounts),
        data_to=first.data_to or measured.as_of.date(),
    )


def _usage(ids: Sequence[str], metrics: Mapping[str, Mapping[str, MetricFeatures]]) -> list[MetricFeatures]:
    """One row a metric: that of the first account that uses it, because levels of several do not add up to a limit."""
    found: dict[str, MetricFeatures] = {}
    for id in ids:
        for name, row in metrics.get(id, {}).items():
            found.setdefault(name, row)
    return list(found.values())


def _kpi(row: MetricFeatures, catalogue: Catalogue) -> Kpi:
    year = row.level_28 / (1 + row.growth_year) if row.growth_year is not None and row.growth_year > -1 else None
    return Kpi(
        label=catalogue.metrics[row.metric].label,
        now=row.level_28,
        before=row.level_previous,
        year_ago=year,
        growth=row.growth,
        limit=row.limit,
        pace=row.pace,
        days_near=row.days_near_limit,
        days_over=row.days_over_limit,
    )


def _values(
    accounts: Sequence[AccountFeatures], usage: Sequence[MetricFeatures], currency: str, catalogue: Catalogue
) -> Iterator[Value]:
    """What owned offers save, as the catalogue says it; nothing where it does not say."""
    levels = {row.metric: row.level_28 for row in usage}
    for name in dict.fromkeys(offer for one in accounts for offer in one.holdings):
        offer = catalogue.offers.get(name)
        worth = offer.worth if offer is not None else None
        hour = worth.hour.get(currency) if worth is not None else None
        if offer is None or worth is None or not hour or worth.metric not in levels:
            continue
        hours = round(levels[worth.metric] * MONTH * worth.hours_per_unit * worth.share_saved)
        if hours:
            yield Value(offer.label, hours, Money(hours * hour, currency), worth.source)


def _uncovered(signals: Sequence[Signal], intents: Sequence[Intent], catalogue: Catalogue) -> Iterator[Texts]:
    """Evidence of needs that nothing owned or announced covers."""
    announced = {need for intent in intents for need in catalogue.needs_met(intent.offer)}
    for signal in sorted(signals, key=lambda one: (-abs(one.term), one.id)):
        if signal.needs and signal.kind == "cross_sell" and not announced.intersection(signal.needs):
            yield signal.evidence


def _announced(intents: Sequence[Intent], catalogue: Catalogue) -> Iterator[Announced]:
    for intent in intents:
        best = max(ruled(intent.contributions), key=lambda one: one.term, default=None)
        evidence = best.evidence if best is not None and best.term > 0 else {}
        yield Announced(catalogue.offers[intent.offer].label, intent.delta_mrr, evidence)


def surprises_of(accounts: Sequence[AccountFeatures]) -> Surprises:
    """What is open on the bill and at support, over all billing accounts of a customer."""
    ages = [one.days_overdue for one in accounts if one.days_overdue is not None]
    escalated = [one.escalated_on for one in accounts if one.escalated_on is not None]
    scored = [(one.nps_on, one.nps) for one in accounts if one.nps is not None and one.nps_on is not None]
    last = max(scored, default=(None, None))
    return Surprises(
        overdue=sum(one.overdue_invoices for one in accounts),
        days_overdue=max(ages, default=None),
        disputes=sum(one.disputes for one in accounts),
        escalated_on=min(escalated, default=None),
        nps=last[1],
        nps_on=last[0],
        cancel_on=min((one.cancel_on for one in accounts if one.cancel_on is not None), default=None),
    )
