"""Scores → intents: the gates in order, best first, and every "no" with its reason.

Billing accounts that are one customer in the CRM are judged together: the best evidence among them speaks, and what
any of them owns or owes counts for all (`candidates`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

from connector.domain.asking import Asking, no_room, refusal_of
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures
from connector.domain.gates import Candidate
from connector.domain.intent import Held, Intent, PlayIntent, SaveIntent
from connector.domain.load import Load
from connector.domain.money import FxTable
from connector.domain.occupied import Crm, CrmContext
from connector.domain.play import NEGOTIATION, Save
from connector.domain.policy import GatesPolicy, No, Reason
from connector.domain.score import Score
from connector.domain.uncollected import uncollected
from connector.services.candidates import Customers
from connector.services.measure import Measured
from connector.services.moment import Holidays, moment, no_holidays
from connector.services.offer_terms import terms_of
from connector.services.options import options_of, rivals_of
from connector.services.save import saves
from connector.services.score import Scores

WEEK = timedelta(days=7)
NONE = frozenset[str]()
NOTHING_UNDONE = (NONE, NONE, NONE)


@dataclass(frozen=True)
class Chosen:
    """What to propose, best first, and everything that was considered and is not."""

    intents: tuple[Intent, ...]
    held: tuple[Held, ...]
    saves: tuple[SaveIntent, ...] = ()
    """Customers to help instead, most recurring revenue at stake first."""
    white_space: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """CRM account → offer → how it stands, as text."""
    loads: Mapping[tuple[str, str], Load] = field(default_factory=dict)
    """What stood on the account and its owner when each (account, offer) that is proposed was weighed."""
    plays: tuple[PlayIntent, ...] = ()
    """Plays of `plays.yaml` that begin or end."""


@uncollected()
def choose(
    measured: Measured,
    scores: Scores,
    crm: Crm,
    catalogue: Catalogue,
    policy: GatesPolicy,
    now: datetime,
    holidays: Holidays = no_holidays,
    today: date | None = None,
    book: Save | None = None,
    fx: FxTable | None = None,
) -> Chosen:
    """Walk down the ranking and ask every gate; each proposal made counts for those after it.

    `today` is the day that `now` falls on where people work, else in UTC. `book` says how to help the unhealthy.
    """
    today = today or now.date()
    customers = Customers(measured, crm, catalogue, policy, today)
    scored = customers.scored(scores.scores)
    held = _without_signal(customers, scored)
    ledger = _Tally.of(crm, today)
    passed: list[Candidate] = []
    for best, no in _weighed(customers, scored):
        customer = customers.of(best.account_id)
        base = customers.base(customer)
        load = ledger.load(base.crm)
        if no is None:
            weighed = customers.candidate(base, best, load)
            no = no_room(weighed)
            if no is None:
                ledger.count(weighed)
                passed.append(weighed)
                continue
        held.append(Held(customer, best.offer, no.reason.value, no.detail, best.p, best.value, load))
    helped, unhelped = _helped(customers, book, fx or FxTable())
    intents = tuple(_intents(passed, customers, scores, holidays))
    loads = {(one.crm.account_id, one.score.offer): one.load for one in passed}
    return Chosen(intents, (*held, *unhelped), tuple(helped), customers.white_space(), loads)


def _weighed(customers: Customers, scored: dict[str, list[Score]]) -> Iterator[tuple[Score, No | None]]:
    """Offers as they are ranked, each with the headline where it is refused whatever is proposed already.

    What is scored of a customer is forgotten once its gates are asked: it is much, and takes place until the end.
    """
    asking, ranked, headlines = Asking(), list[Score](), list[No | None]()
    for customer in sorted(scored):
        base = customers.base(customer)
        of_customer = refusal_of(base)
        for one in sorted(scored.pop(customer), key=attrgetter("offer")):
            ranked.append(one)
            headlines.append(asking.standing_no(customers.candidate(base, one), of_customer))
    # Best value first, and where that is the same, as they stand here: cheaper than to compare all three.
    for at in array("l", sorted(range(len(ranked)), key=lambda at: ranked[at].value, reverse=True)):
        yield ranked[at], headlines[at]


def _intents(passed: Sequence[Candidate], customers: Customers, scores: Scores, holidays: Holidays) -> Iterator[Intent]:
    """Put together what is proposed, beside what else was scored for the few customers that get a proposal."""
    proposed = {account.account_id for one in passed for account in one.accounts}
    scored: set[tuple[str, str]] = set()
    by_need: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for one in scores.scores:
        if one.account_id in proposed:
            scored.add((one.account_id, one.offer))
            by_need[customers.of(one.account_id), one.need].append(one)
    for weighed in passed:
        ids = (account.account_id for account in weighed.accounts)
        billed = tuple(id for id in ids if (id, weighed.score.offer) in scored)
        yield _intent(weighed, billed, holidays, rivals_of(weighed, by_need))


def load_on(crm: Crm, account_id: str, on: date) -> Load:
    """What stands on an account and its owner on a day, if nothing new is proposed until then."""
    return _Tally.of(crm, on).load(crm.contexts.get(account_id) or CrmContext(account_id))


def _helped(customers: Customers, book: Save | None, fx: FxTable) -> tuple[list[SaveIntent], list[Held]]:
    if book is None:
        return [], []
    groups = customers.groups
    linked = [(one, groups[id]) for id, one in customers.crm.contexts.items() if id in groups]
    return saves(linked, book, customers.policy, fx, customers.today)


def _without_signal(customers: Customers, scored: Mapping[str, Sequence[Score]]) -> list[Held]:
    silent = {customer: group for customer, group in customers.groups.items() if customer not in scored}
    return [
        Held(
            customer, "account", Reason.NO_SIGNAL.value, _silence(silent[customer], customers.measured, customers.today)
        )
        for customer in sorted(silent)
    ]


def _silence(group: Sequence[AccountFeatures], measured: Measured, today: date) -> str:
    if not any(account.subscribed for account in group):
        return "no running subscription"
    metrics = [metric for account in group for metric in measured.metrics.get(account.account_id, {}).values()]
    if not metrics:
        return "no usage was ever told"
    last = max(metric.last_day for metric in metrics)
    return f"no usage since {last.isoformat()}" if today - last > WEEK else "nothing it does points to an offer"


@dataclass
class _Tally:
    """Counts what is open and what this run adds to it, per account and per owner."""

    since: date
    today: date
    day: int = 0
    needs: dict[str, frozenset[str]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    week: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    owner_week: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    owner_tasks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    undone: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(Which cap, of whom) → undone runs whose proposals still take a place there."""
    alike: dict[tuple[Any, ...], Load] = field(default_factory=dict)
    usual: dict[str, Load] = field(default_factory=dict)
    """By owner, what stands on its accounts that have nothing of ours."""
    busy: set[str] = field(default_factory=set)
    """The other accounts."""

    @classmethod
    def of(cls, crm: Crm, today: date) -> _Tally:
        tally = cls(since=today - WEEK, today=today)
        for context in crm.contexts.values():
            tally.add(context)
        return tally

    def add(self, context: CrmContext) -> None:
        """Count what stands on an account already."""
        # What was undone keeps its place until it is released: nothing else is proposed in its stead.
        undone = [one for one in context.undone if one.proposed_on is not None]
        new = {one.run_id for one in undone if self._is_of_this_week(one.proposed_on)}
        # One that was opened this week and is closed already was a proposal of this week all the same.
        opened: list[date | None] = [one.opened_on for one in context.open_episodes]
        opened += [one.opened_on for one in context.closed_episodes] + [one.proposed_on for one in undone]
        lately = sum(map(self._is_of_this_week, opened))
        self.day += opened.count(self.today)
        account, owner = context.account_id, context.owner_id
        # Most accounts have nothing open, and are not counted.
        if standing := len(context.open_episodes) + len(undone):
            self.open[account] += standing
        if standing or lately:
            self.busy.add(account)
        if lately:
            self.week[account] += lately
        self._note("open", account, {one.run_id for one in undone})
        self._note("week", account, new)
        if owner is not None:
            self.owner_week[owner] += lately
            self.owner_tasks[owner] += context.open_tasks
            self._note("owner", owner, new)

    def _note(self, cap: str, of: str, runs: Set[str]) -> None:
        if runs:
            self.undone[cap, of] = self.undone.get((cap, of), NONE) | runs

    def _is_of_this_week(self, on: date | None) -> bool:
        return on is not None and on > self.since

    def load(self, context: CrmContext) -> Load:
        account, owner = context.account_id, context.owner_id or ""
        if account in self.busy:
            return self._load(account, owner)
        if owner not in self.usual:
            self.usual[owner] = self._load(account, owner)
        return self.usual[owner]

    def _load(self, account: str, owner: str) -> Load:
        caps = (("open", account), ("week", account), ("owner", owner)) if self.undone else ()
        stands = (
            self.needs.get(account, NONE),
            self.open.get(account, 0),
            self.week.get(account, 0),
            self.owner_week.get(owner, 0),
            self.owner_tasks.get(owner, 0),
            *([self.undone.get(cap, NONE) for cap in caps] or NOTHING_UNDONE),
            self.day,
        )
        # Many accounts stand alike, and every candidate's is kept.
        if stands not in self.alike:
            self.alike[stands] = Load(*stands)
        return self.alike[stands]

    def count(self, candidate: Candidate) -> None:
        account, owner = candidate.crm.account_id, candidate.crm.owner_id
        self.needs[account] = self.needs.get(account, NONE) | candidate.needs
        self.busy.add(account)
        self.usual.clear()
        if candidate.episode is None:
            self.day += 1
            self.open[account] += 1
            self.week[account] += 1
            if owner is not None:
                self.owner_week[owner] += 1


def _intent(
    candidate: Candidate, billing_ids: tuple[str, ...], holidays: Holidays, rivals: Sequence[Candidate]
) -> Intent:
    score, offer, smallest = candidate.score, candidate.offer, candidate.policy.opportunity_min
    # The gates let nothing through that has no price; the catalogue's check refuses a need without kind and lever.
    assert score.delta_mrr is not None
    assert score.reported is not None
    assert offer.kind is not None
    assert offer.lever is not None
    when = moment(candidate, holidays)
    return Intent(
        play=NEGOTIATION,
        account_id=candidate.crm.account_id,
        billing_ids=billing_ids,
        need=score.need,
        offer=score.offer,
        kind=offer.kind,
        lever=offer.lever,
        quantity=score.quantity,
        p=score.p,
        delta_mrr=score.delta_mrr,
        reported=score.reported,
        value=score.value,
        base=score.base,
        contributions=score.contributions,
        moment=when,
        data_to=score.data_to,
        as_task=score.p < smallest.p or score.value < smallest.value,
        terms=tuple(terms_of(candidate, when)),
        segment=candidate.accounts[0].segment,
        options=options_of(candidate, when, rivals),
    )
