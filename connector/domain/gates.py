"""Whether to propose: one ordered list of small questions, each answered "pass" or with a reason.

The first "no" is the headline; `answers` shows them all. Order is from who the account is, to what it owns, to its
health, to who is already working on it, to how much is enough. Gates see one frozen `Candidate` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import date, timedelta
from typing import Literal

from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.health import QUESTIONS, Question
from connector.domain.holdout import Arm
from connector.domain.load import Load
from connector.domain.occupied import ANY_NEED, CrmContext, OpenEpisode, Quote
from connector.domain.policy import GatesPolicy, No, Reason
from connector.domain.score import Score
from connector.domain.values import value

Link = Literal["linked", "unmatched", "ambiguous"]


@value
class Candidate:
    """An offer for a CRM account, with all that a gate may look at."""

    score: Score
    offer: Offer
    accounts: tuple[AccountFeatures, ...]
    """Billing accounts of the CRM account, the one with the best evidence first."""
    owned: frozenset[str]
    """Offers that any of them holds."""
    used: frozenset[str]
    link: Link
    crm: CrmContext
    catalogue: Catalogue
    policy: GatesPolicy
    today: date
    load: Load = field(default_factory=Load)
    quotes: tuple[Quote, ...] = ()
    metrics: Mapping[str, MetricFeatures] = field(default_factory=dict)
    """How the billing account with the best evidence uses what it has."""

    @property
    def episode(self) -> OpenEpisode | None:
        """Our own open proposal for the same need, which goes on."""
        episodes = self.crm.open_episodes
        return next((one for one in episodes if one.need == self.score.need), None) if episodes else None

    @property
    def needs(self) -> frozenset[str]:
        """What it would meet: a pack takes the needs of all its parts."""
        return self.catalogue.needs_met(self.score.offer) | {self.score.need}

    @property
    def country(self) -> str | None:
        """Where it is sold to: billing knows best, then the CRM."""
        return self.accounts[0].country or self.crm.country


Gate = Callable[[Candidate], No | None]
HELD_OUT = "held out, so that what proposals cause can be measured"


# Who it is ---------------------------------------------------------------------------------------------------------


def _real_account(c: Candidate) -> No | None:
    return No(Reason.TEST_ACCOUNT, c.accounts[0].name) if c.accounts[0].is_test else None


def _linked(c: Candidate) -> No | None:
    match c.link:
        case "linked":
            return None
        case "unmatched":
            return No(Reason.UNMATCHED, "no CRM account is linked; `connector link set` names one")
        case "ambiguous":
            return No(Reason.AMBIGUOUS, "several CRM accounts fit; `connector link set` decides")


def _in_scope(c: Candidate) -> No | None:
    return No(Reason.OUT_OF_SCOPE, c.crm.outside) if c.crm.outside else None


def _has_owner(c: Candidate) -> No | None:
    detail = "nobody active owns the account; give it an owner, or name `owners: default` in the CRM's mapping"
    return None if c.crm.owner_active else No(Reason.NO_OWNER, detail)


def _customer(c: Candidate) -> No | None:
    if any(account.mrr_minor > 0 for account in c.accounts):
        return None
    if any(account.trialing for account in c.accounts):
        return No(Reason.ON_TRIAL, "converting a trial is no expansion") if c.policy.trial == "hold" else None
    return No(Reason.NOT_A_CUSTOMER, "pays nothing recurring") if c.policy.paying_only else None


# What is offered ---------------------------------------------------------------------------------------------------


def _recurring(c: Candidate) -> No | None:
    return None if c.offer.recurring else No(Reason.NOT_RECURRING, "a one-off service is no expansion")


def _not_owned(c: Candidate) -> No | None:
    name, plans = c.score.offer, list(c.catalogue.plans)
    inside = c.catalogue.contents(name) if name in c.catalogue.packs else frozenset()
    if name in c.owned or (inside and inside <= c.owned):
        return No(Reason.ALREADY_OWNED, name)
    higher = [plan for plan in plans[plans.index(name) + 1 :] if plan in c.owned] if name in plans else []
    return No(Reason.ALREADY_OWNED, f"on {higher[-1]} already") if higher else None


def _sold_here(c: Candidate) -> No | None:
    countries, segments = c.offer.countries, c.offer.segments
    if countries and c.country not in countries:
        return No(Reason.NOT_SOLD_IN_COUNTRY, f"{c.country or 'country unknown'}; sold in {', '.join(countries)}")
    segment = c.accounts[0].segment
    if segments and segment not in segments:
        return No(Reason.NOT_SOLD_TO_SEGMENT, f"{segment or 'segment unknown'}; sold to {', '.join(segments)}")
    return None


def _delivered_here(c: Candidate) -> No | None:
    if c.offer.delivered_by == "us" or c.catalogue.partner_for(c.score.offer, c.country, c.accounts[0].segment):
        return None
    return No(Reason.NO_PARTNER, f"no partner delivers it in {c.country or 'an unknown country'} to this segment")


def _used_enough(c: Candidate) -> No | None:
    wanted, level = c.offer.from_use, short_use(c.offer, c.metrics)
    if wanted is None or level is None:
        return None
    return No(Reason.USE_TOO_LOW, f"{level:g} {wanted.metric} in 28 days, from {wanted.at_least:g} on")


def short_use(offer: Offer, metrics: Mapping[str, MetricFeatures]) -> float | None:
    """How much of what an offer wants first is used in 28 days; None where it is enough, or nothing is wanted."""
    wanted = offer.from_use
    if wanted is None:
        return None
    told = metrics.get(wanted.metric)
    level = told.level_28 if told is not None else 0.0
    return level if level < wanted.at_least else None


def _plan_carries_it(c: Candidate) -> No | None:
    plans = c.offer.sold_with
    if not plans or c.owned.intersection(plans):
        return None
    return No(Reason.PLAN_TOO_LOW, f"on {c.accounts[0].plan or 'no known plan'}; sold with {', '.join(plans)}")


def _prerequisites(c: Candidate) -> No | None:
    missing = [name for name in c.offer.prerequisites if name not in c.owned]
    if missing:
        return No(Reason.PREREQUISITE_MISSING, ", ".join(missing))
    unused = [name for name in c.offer.prerequisites if name not in c.used]
    return No(Reason.PREREQUISITE_UNUSED, f"{', '.join(unused)} not used in the last 28 days") if unused else None


def dormant_modules(c: Candidate) -> list[str]:
    """Name the modules that a customer has and did not use in 28 days."""
    offers = c.catalogue.offers
    return sorted(name for name in c.owned - c.used if name in offers and offers[name].lever == "scope")


def _adopted(c: Candidate) -> No | None:
    if c.offer.lever != "scope":
        return None
    dormant = dormant_modules(c)
    too_many = len(dormant) > c.policy.dormant_modules
    return No(Reason.ADOPTION_FIRST, f"{', '.join(dormant)} bought and not used in 28 days") if too_many else None


# Who is already on it ----------------------------------------------------------------------------------------------


def _not_undone(c: Candidate) -> No | None:
    for one in c.crm.undone:
        if one.need == c.score.need:
            cure = f"`connector undo {one.run_id} --release` lets it be proposed again"
            return No(Reason.UNDONE, f"undone by {one.by} on {one.on.isoformat()}; {cure}")
    return None


def _no_save_open(c: Candidate) -> No | None:
    opened = [one.opened_on for one in c.crm.saves if one.closed_on is None]
    return No(Reason.SAVE_OPEN, f"a save task is open since {min(opened).isoformat()}") if opened else None


def _no_person_on_it(c: Candidate) -> No | None:
    theirs = [one for one in c.crm.opportunities if not one.renewal and one.need in c.needs]
    return No(Reason.REP_WORKING, theirs[0].name) if theirs else None


def _no_unknown_need_open(c: Candidate) -> No | None:
    if c.policy.on_unknown_need == "allow" or not c.crm.opportunities:
        return None
    since = c.today - timedelta(days=c.policy.unknown_need_days)
    unread = [o for o in c.crm.opportunities if not o.renewal and o.need is None and o.touched_on >= since]
    return No(Reason.UNKNOWN_NEED_OPEN, unread[0].name) if unread else None


def _no_quote_open(c: Candidate) -> No | None:
    for one in c.quotes:
        since = c.today - timedelta(days=c.policy.quote_days)
        offer = c.catalogue.offers.get(one.about)
        need = offer.need if offer is not None else one.about
        is_unread = offer is None and not c.catalogue.for_need(one.about)
        if one.sent_on >= since and (need in c.needs or (is_unread and c.policy.on_unknown_need == "hold")):
            about = one.about or "what it is about is not told"
            return No(Reason.QUOTE_OPEN, f"a quote was sent on {one.sent_on.isoformat()} ({about})")
    return None


def _need_free(c: Candidate) -> No | None:
    if taken := c.needs & c.load.needs:
        return No(Reason.BETTER_OFFER, f"another offer for {min(taken)} ranks higher")
    ours = c.episode
    if ours is not None and ours.offer not in (None, c.score.offer):
        return No(Reason.NEED_OPEN, f"{ours.offer} is proposed since {ours.opened_on.isoformat()}")
    for one in c.crm.open_episodes if ours is None else ():
        if c.needs & ({one.need} | c.catalogue.needs_met(one.offer or "")):
            return No(Reason.NEED_OPEN, f"{one.offer or one.need} is proposed since {one.opened_on.isoformat()}")
    return None


def _cooled_down(c: Candidate) -> No | None:
    if c.episode is not None:
        return None
    for closed in sorted(c.crm.closed_episodes, key=lambda one: one.closed_on, reverse=True):
        until = closed.closed_on + timedelta(days=c.policy.cool_down_days.get(closed.outcome, 0))
        if closed.need in c.needs | {ANY_NEED} and until > c.today:
            detail = f"{closed.outcome} on {closed.closed_on.isoformat()}, quiet until {until.isoformat()}"
            return No(Reason.COOL_DOWN, detail)
    return None


def _not_held_out(c: Candidate) -> No | None:
    return No(Reason.HELD_OUT, HELD_OUT) if c.policy.holdout and c.crm.arm is Arm.HELD_OUT else None


# Is it worth it, and is it enough ----------------------------------------------------------------------------------


def _adds_revenue(c: Candidate) -> No | None:
    added = c.score.delta_mrr
    if added is None:
        return No(Reason.NO_PRICE, f"no price in {c.accounts[0].currency or 'an unknown currency'}")
    return None if added.minor > 0 else No(Reason.NO_GAIN, "adds no recurring revenue")


def _likely(c: Candidate) -> No | None:
    return No(Reason.UNLIKELY, f"p {c.score.p:.1%}") if c.score.p < c.policy.p_minimum else None


def _account_has_room(c: Candidate) -> No | None:
    caps = c.policy.caps
    if c.episode is not None:
        return None
    if c.load.account_open >= caps.per_account:
        told = f"{c.load.account_open} open on this account"
        return No(Reason.ACCOUNT_CAP, told + _undone_too(c.load.open_undone))
    if c.load.account_week >= caps.per_account_week:
        told = f"{c.load.account_week} new on this account within seven days"
        return No(Reason.ACCOUNT_CAP, told + _undone_too(c.load.week_undone))
    return None


def _owner_has_room(c: Candidate) -> No | None:
    caps = c.policy.caps
    if c.episode is not None or c.crm.owner_id is None:
        return None
    if c.load.owner_week >= caps.per_owner_week:
        told = f"{c.load.owner_week} new for this owner within seven days"
        return No(Reason.OWNER_CAP, told + _undone_too(c.load.owner_undone))
    if c.load.owner_tasks > caps.owner_open_tasks:
        return No(Reason.OWNER_BUSY, f"{c.load.owner_tasks} open tasks of ours")
    return None


def _undone_too(runs: frozenset[str]) -> str:
    """Say that what was undone still takes its place, and what frees it."""
    return f", with what was undone; `connector undo {min(runs)} --release` frees its place" if runs else ""


def _day_has_room(c: Candidate) -> No | None:
    most = c.policy.caps.max_new_per_day
    if c.episode is not None or most is None or c.load.day < most:
        return None
    return No(Reason.DAY_CAP, f"{c.load.day} new today, and they are worth more; tomorrow it is weighed again")


def _healthy(question: Question) -> Gate:
    """Ask a question of health of all the customer's billing accounts."""
    return lambda c: question(c.accounts, c.policy.health, c.today)


GATES: Mapping[str, Gate] = {
    "real_account": _real_account,
    "linked": _linked,
    "in_scope": _in_scope,
    "has_owner": _has_owner,
    "customer": _customer,
    "recurring": _recurring,
    "not_owned": _not_owned,
    "sold_here": _sold_here,
    "delivered_here": _delivered_here,
    "plan_carries_it": _plan_carries_it,
    "prerequisites": _prerequisites,
    "used_enough": _used_enough,
    "adopted": _adopted,
    **{name: _healthy(question) for name, question in QUESTIONS.items()},
    "not_undone": _not_undone,
    "no_save_open": _no_save_open,
    "no_person_on_it": _no_person_on_it,
    "no_unknown_need_open": _no_unknown_need_open,
    "no_quote_open": _no_quote_open,
    "adds_revenue": _adds_revenue,
    "likely": _likely,
    "cooled_down": _cooled_down,
    # Whatever else would have held it comes first, so that those counted here are what the holdout alone holds back;
    # they take nobody's place in the caps that follow.
    "not_held_out": _not_held_out,
    "need_free": _need_free,
    "account_has_room": _account_has_room,
    "owner_has_room": _owner_has_room,
    "day_has_room": _day_has_room,
}
