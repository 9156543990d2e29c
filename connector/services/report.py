"""First numbers: what was proposed, accepted, won and billed, each share with its denominator; by signal and by owner.

Decided here: a transaction counts where it happened. `won` is what the CRM says of our opportunity; `billed` is what
billing showed in the newest run that scored: the customer holds the offer, since no earlier than we proposed it.
Amounts are recurring only, a month, in the reporting currency. A proposal counts under every signal that spoke for it,
so those lines do not add up to the total; every other does. Two bases are told for D31, because they answer two
questions: of what was decided in the period, how much was won (closed); of what was proposed in it, how much was won
so far (cohort).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.domain.episode import LOST, Episode, EpisodeState
from connector.domain.features import Holding
from connector.domain.intent import Intent, intent_of
from connector.domain.mapping import OurStage
from connector.domain.money import Money
from connector.domain.project import Project
from connector.services.facts import Facts
from connector.services.pilot_report import share
from connector.services.reasons import ruled
from connector.services.world import World

ACCEPTED: tuple[OurStage, ...] = ("consult", "confront", "concretize", "won")
KINDS = ("upsell", "cross_sell")
FORMULAS: Mapping[str, str] = {
    "accepted": "proposals that their owner moved on, or won / proposals",
    "won": "proposals won / proposals",
    "billed": "won proposals that billing shows / won proposals",
    "rate_closed": "D31: won opportunities / opportunities won or lost, closed in the period",
    "rate_cohort": "D31: won opportunities / opportunities proposed in the period",
    "basket": "D32: recurring amount that billing shows / transactions that billing shows",
}


@dataclass(frozen=True)
class Attempt:
    """One proposal and what became of it."""

    key: str
    account: str
    owner: str
    kind: str
    offer: str
    signals: tuple[str, ...]
    opened_on: date
    closed_on: date | None
    state: EpisodeState
    is_opportunity: bool
    is_accepted: bool
    adds: Money
    """A month, in the reporting currency, as it was proposed."""
    billed: Money | None = None
    """A month, in the reporting currency, as billing shows it."""
    billed_on: date | None = None

    @property
    def is_won(self) -> bool:
        return self.state is EpisodeState.WON

    @property
    def is_lost(self) -> bool:
        return self.state in LOST


@dataclass(frozen=True)
class Span:
    """A period of days, both ends in it."""

    since: date
    until: date

    def holds(self, on: date | None) -> bool:
        return on is not None and self.since <= on <= self.until


def report(world: World, rules: Project, facts: Facts | None, span: Span) -> dict[str, Any]:
    """Give the whole report as plain values."""
    every = attempts(world, rules, facts)
    inside = [one for one in every if span.holds(one.opened_on) or span.holds(one.closed_on)]
    return {
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "currency": rules.policy.reporting_currency,
        "billed_as_of": facts.today.isoformat() if facts is not None else None,
        "formulas": dict(FORMULAS),
        "total": numbers(inside, span, rules),
        "signals": _by(inside, lambda one: one.signals, span, rules, "signal"),
        "owners": _by(inside, lambda one: (one.owner,), span, rules, "owner"),
    }


def numbers(some: Sequence[Attempt], span: Span, rules: Project) -> dict[str, Any]:
    """Count some proposals; a share of fewer than ten is not worked out."""
    proposed = [one for one in some if span.holds(one.opened_on)]
    won = [one for one in some if one.is_won and span.holds(one.closed_on)]
    billed = [one for one in won if one.billed is not None]
    return {
        "proposed": len(proposed),
        "accepted": share(sum(one.is_accepted for one in proposed), len(proposed)),
        "won": share(sum(one.is_won for one in proposed), len(proposed)),
        "billed": share(len(billed), len(won)),
        "won_amount": _sum((one.adds for one in won), rules),
        "billed_amount": _sum((one.billed for one in billed if one.billed is not None), rules),
        "basket": _basket(billed, rules),
        "kinds": {kind: _rates([one for one in some if one.kind == kind], span) for kind in KINDS},
    }


def _rates(some: Sequence[Attempt], span: Span) -> dict[str, Any]:
    deals = [one for one in some if one.is_opportunity]
    closed = [one for one in deals if (one.is_won or one.is_lost) and span.holds(one.closed_on)]
    cohort = [one for one in deals if span.holds(one.opened_on)]
    return {
        "rate_closed": share(sum(one.is_won for one in closed), len(closed)),
        "rate_cohort": share(sum(one.is_won for one in cohort), len(cohort)),
    }


def _sum(amounts: Iterable[Money], rules: Project) -> int:
    """Minor units of the reporting currency, in which every amount is."""
    total = 0
    for amount in amounts:
        assert amount.currency == rules.policy.reporting_currency
        total += amount.minor
    return total


def _basket(billed: Sequence[Attempt], rules: Project) -> dict[str, Any]:
    total = _sum((one.billed for one in billed if one.billed is not None), rules)
    return {"amount": total, "of": len(billed), "average": round(total / len(billed)) if billed else None}


def _by(
    some: Sequence[Attempt], of: Callable[[Attempt], Iterable[str]], span: Span, rules: Project, name: str
) -> list[dict[str, Any]]:
    grouped: dict[str, list[Attempt]] = defaultdict(list)
    for one in some:
        for part in of(one):
            grouped[part].append(one)
    return [{name: part, **numbers(grouped[part], span, rules)} for part in sorted(grouped)]


def attempts(world: World, rules: Project, facts: Facts | None) -> list[Attempt]:
    """Every proposal of ours that is remembered, oldest first; save tasks and plays are none."""
    held = _held(facts)
    found = [
        _attempt(episode, world, rules, held.get((episode.account_id, episode.offer or ""), ()), facts)
        for episode in world.episodes
        if "offer" in episode.brief and "contributions" in episode.brief
    ]
    return sorted(found, key=lambda one: (one.opened_on, one.key))


def _attempt(
    episode: Episode, world: World, rules: Project, holdings: Sequence[Holding], facts: Facts | None
) -> Attempt:
    intent, account = intent_of(episode.brief), world.accounts.get(episode.account_id)
    record = world.opportunity(episode.key)
    owner = world.owner("ae", account) if account is not None else None
    opened = rules.day(episode.opened_at)
    moved = any(world.entries_into(record, stage) for stage in ACCEPTED) if record is not None else False
    since = sorted(one.since for one in holdings if one.since >= opened)
    return Attempt(
        key=episode.key,
        account=account.name if account is not None else episode.account_id,
        owner=owner.name if owner is not None else "nobody",
        kind=intent.kind,
        offer=intent.offer,
        signals=tuple(dict.fromkeys(one.name for one in ruled(intent.contributions) if one.term > 0)),
        opened_on=opened,
        closed_on=rules.day(episode.closed_at) if episode.closed_at is not None else None,
        state=episode.state,
        is_opportunity=not intent.as_task,
        is_accepted=moved or episode.state is EpisodeState.WON,
        adds=_in_reporting(intent.reported, rules, intent),
        billed=_billed(holdings, opened, rules, facts) if since else None,
        billed_on=since[0] if since else None,
    )


def _in_reporting(amount: Money, rules: Project, intent: Intent) -> Money:
    """An amount that was proposed under another reporting currency is brought to today's."""
    to = rules.policy.reporting_currency
    return amount if amount.currency == to else rules.fx.convert(amount, to, intent.data_to)


def _held(facts: Facts | None) -> dict[tuple[str, str], list[Holding]]:
    """What each CRM account holds, by offer, over its billing accounts."""
    found: dict[tuple[str, str], list[Holding]] = defaultdict(list)
    for billing_id, account in facts.measured.accounts.items() if facts is not None else ():
        customer = facts.crm.links.get(billing_id) if facts is not None else None
        for offer, holding in account.holdings.items() if customer is not None else ():
            if not holding.trialing:
                found[str(customer), offer].append(holding)
    return found


def _billed(holdings: Sequence[Holding], opened: date, rules: Project, facts: Facts | None) -> Money:
    to = rules.policy.reporting_currency
    on = facts.today if facts is not None else opened
    each = (rules.fx.convert(Money(one.mrr_minor, one.currency), to, on) for one in holdings if one.since >= opened)
    return sum(each, Money(0, to))


def span_of(since: date | None, until: date | None, now: datetime, rules: Project) -> Span:
    """The period that is meant; by default the last quarter up to today."""
    last = until or rules.day(now)
    return Span(since or date(last.year - (last.month <= 3), (last.month - 4) % 12 + 1, 1), last)
