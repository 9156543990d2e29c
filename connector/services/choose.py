"""Scores → intents: the gates in order, best first, and every "no" with its reason.

Billing accounts that are one customer in the CRM are judged together: the best evidence among them speaks, and what
any of them owns or owes counts for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from connector.domain.catalogue import Catalogue, Texts
from connector.domain.features import AccountFeatures, owned_offers, used_offers
from connector.domain.gates import Candidate, Link, Load, first_no
from connector.domain.intent import Held, Intent, Moment
from connector.domain.occupied import Crm, CrmContext
from connector.domain.policy import GatesPolicy, Reason
from connector.domain.score import Score
from connector.domain.workdays import next_workday
from connector.services.measure import Measured
from connector.services.score import Scores
from connector.services.texts import day as written

PLAY = "negotiation"
WEEK = timedelta(days=7)
Holidays = Callable[[str | None], Container[date]]
"""Country → the days nobody works there."""


def no_holidays(_country: str | None) -> Container[date]:
    """Weekends only."""
    return ()


@dataclass(frozen=True)
class Chosen:
    """What to propose, best first, and everything that was considered and is not."""

    intents: tuple[Intent, ...]
    held: tuple[Held, ...]
    loads: Mapping[tuple[str, str], Load] = field(default_factory=dict)
    """What stood on the account and its owner when each (account, offer) was weighed."""


def choose(
    measured: Measured,
    scores: Scores,
    crm: Crm,
    catalogue: Catalogue,
    policy: GatesPolicy,
    now: datetime,
    holidays: Holidays = no_holidays,
    today: date | None = None,
) -> Chosen:
    """Walk down the ranking and ask every gate; each proposal made counts for those after it.

    `today` is the day that `now` falls on where people work, else in UTC.
    """
    today = today or now.date()
    intents: list[Intent] = []
    loads: dict[tuple[str, str], Load] = {}
    held = _without_signal(measured, scores, crm, today)
    ledger = _Tally.of(crm, today)
    for candidate in candidates(measured, scores, crm, catalogue, policy, today):
        weighed = replace(candidate, load=ledger.load(candidate.crm))
        loads[weighed.crm.account_id, weighed.score.offer] = weighed.load
        refused = first_no(weighed)
        if refused is None:
            ledger.count(weighed)
            intents.append(_intent(weighed, _scored_ids(weighed, scores), holidays))
        else:
            one = weighed.score
            held.append(Held(weighed.crm.account_id, one.offer, refused.reason.value, refused.detail, one.p, one.value))
    return Chosen(tuple(intents), tuple(held), loads)


def load_on(crm: Crm, account_id: str, on: date) -> Load:
    """What stands on an account and its owner on a day, if nothing new is proposed until then."""
    return _Tally.of(crm, on).load(crm.contexts.get(account_id) or CrmContext(account_id))


def candidates(
    measured: Measured, scores: Scores, crm: Crm, catalogue: Catalogue, policy: GatesPolicy, today: date
) -> list[Candidate]:
    """One per (customer, offer), best value first; ties go by account and offer."""
    groups = _groups(measured, crm)
    best: dict[tuple[str, str], Score] = {}
    for one in sorted(scores.scores, key=lambda s: (-s.value, -s.p, s.account_id)):
        best.setdefault((_customer_of(one.account_id, measured, crm), one.offer), one)
    made = [
        _candidate(customer, groups[customer], one, measured, crm, catalogue, policy, today)
        for (customer, _), one in best.items()
    ]
    return sorted(made, key=lambda c: (-c.score.value, c.crm.account_id, c.score.offer))


def _customer_of(billing_id: str, measured: Measured, crm: Crm) -> str:
    """The CRM account; a billing account stands for itself when it has none, or is a test."""
    is_test = measured.accounts[billing_id].is_test
    return billing_id if is_test else crm.links.get(billing_id, billing_id)


def _groups(measured: Measured, crm: Crm) -> Mapping[str, Sequence[AccountFeatures]]:
    groups: dict[str, list[AccountFeatures]] = defaultdict(list)
    for billing_id in sorted(measured.accounts):
        groups[_customer_of(billing_id, measured, crm)].append(measured.accounts[billing_id])
    return groups


def _candidate(
    customer: str,
    accounts: Sequence[AccountFeatures],
    score: Score,
    measured: Measured,
    crm: Crm,
    catalogue: Catalogue,
    policy: GatesPolicy,
    today: date,
) -> Candidate:
    owned, used = set[str](), set[str]()
    for account in accounts:
        holds = owned_offers(account, catalogue)
        owned |= holds
        used |= used_offers(holds, measured.metrics.get(account.account_id, {}), catalogue)
    return Candidate(
        score=score,
        offer=catalogue.offers[score.offer],
        accounts=tuple(sorted(accounts, key=lambda a: (a.account_id != score.account_id, a.account_id))),
        owned=frozenset(owned),
        used=frozenset(used),
        link=_link(score.account_id, crm),
        crm=crm.contexts.get(customer) or CrmContext(customer),
        catalogue=catalogue,
        policy=policy,
        today=today,
    )


def _link(billing_id: str, crm: Crm) -> Link:
    if billing_id in crm.links:
        return "linked"
    return "ambiguous" if billing_id in crm.ambiguous else "unmatched"


def _without_signal(measured: Measured, scores: Scores, crm: Crm, today: date) -> list[Held]:
    scored = {_customer_of(one.account_id, measured, crm) for one in scores.scores}
    silent = {customer: group for customer, group in _groups(measured, crm).items() if customer not in scored}
    return [
        Held(customer, "account", Reason.NO_SIGNAL.value, _silence(silent[customer], measured, today))
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
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    open: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    week: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    owner_week: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    owner_tasks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    undone: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """(Which cap, of whom) → undone runs whose proposals still take a place there."""

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
        self.open[account] += len(context.open_episodes) + len(undone)
        self.week[account] += lately
        self.undone["open", account] |= {one.run_id for one in undone}
        self.undone["week", account] |= new
        if owner is not None:
            self.owner_week[owner] += lately
            self.owner_tasks[owner] += context.open_tasks
            self.undone["owner", owner] |= new

    def _is_of_this_week(self, on: date | None) -> bool:
        return on is not None and on > self.since

    def load(self, context: CrmContext) -> Load:
        owner = context.owner_id or ""
        return Load(
            needs=frozenset(self.needs[context.account_id]),
            account_open=self.open[context.account_id],
            account_week=self.week[context.account_id],
            owner_week=self.owner_week[owner],
            owner_tasks=self.owner_tasks[owner],
            open_undone=frozenset(self.undone["open", context.account_id]),
            week_undone=frozenset(self.undone["week", context.account_id]),
            owner_undone=frozenset(self.undone["owner", owner]),
            day=self.day,
        )

    def count(self, candidate: Candidate) -> None:
        account, owner = candidate.crm.account_id, candidate.crm.owner_id
        self.needs[account].add(candidate.score.need)
        if candidate.episode is None:
            self.day += 1
            self.open[account] += 1
            self.week[account] += 1
            if owner is not None:
                self.owner_week[owner] += 1


def _scored_ids(candidate: Candidate, scores: Scores) -> tuple[str, ...]:
    """Billing accounts of the customer with a score for the offer, the best one first."""
    scored = {one.account_id for one in scores.scores if one.offer == candidate.score.offer}
    return tuple(account.account_id for account in candidate.accounts if account.account_id in scored)


def _intent(candidate: Candidate, billing_ids: tuple[str, ...], holidays: Holidays) -> Intent:
    score, offer, smallest = candidate.score, candidate.offer, candidate.policy.opportunity_min
    # The gates let nothing through that has no price; the catalogue's check refuses a need without kind and lever.
    assert score.delta_mrr is not None
    assert score.reported is not None
    assert offer.kind is not None
    assert offer.lever is not None
    return Intent(
        play=PLAY,
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
        moment=moment(candidate, holidays),
        data_to=score.data_to,
        as_task=score.p < smallest.p or score.value < smallest.value,
    )


def moment(candidate: Candidate, holidays: Holidays = no_holidays) -> Moment:
    """The nearest reason why now: the renewal, a limit about to bind, an anniversary; its day is a working day.

    Where there is none, the proposal has a day to be settled by and nothing that makes it urgent.
    """
    timing, today = candidate.policy.timing, candidate.today
    earliest, latest = today + timedelta(days=timing.earliest), today + timedelta(days=timing.latest)
    options = [(max(on, earliest), kind, label) for on, kind, label in _moments(candidate) if today <= on <= latest]
    within = today + timedelta(days=timing.when_reached)
    on, kind, label = min(options, default=(within, "none", {}), key=lambda option: option[:2])
    return Moment(kind, next_workday(on, holidays(candidate.country)), label)


_REACHED: Texts = {"en": "The limit is reached", "fr": "La limite est atteinte"}


def _moments(candidate: Candidate) -> list[tuple[date, str, Texts]]:
    timing, today, limit = candidate.policy.timing, candidate.today, candidate.score.limit_on
    found: list[tuple[date, str, Texts]] = []
    for account in candidate.accounts:
        if not account.subscribed:
            continue
        if account.renewal_on is not None:
            review = account.renewal_on - timedelta(days=timing.review_before_renewal)
            on = review if review >= today else account.renewal_on
            found.append(
                (on, "renewal", _dated("Contract renews on", "Renouvellement du contrat le", account.renewal_on))
            )
        elif account.anniversary_on is not None:
            label = _dated("Customer anniversary on", "Anniversaire du contrat le", account.anniversary_on)
            found.append((account.anniversary_on, "anniversary", label))
    if limit is not None and limit > today:
        found.append((limit, "limit", _dated("Limit expected on", "Limite attendue le", limit)))
    elif limit is not None:
        found.append((today + timedelta(days=timing.when_reached), "limit", _REACHED))
    return found


def _dated(english: str, french: str, on: date) -> Texts:
    return {"en": f"{english} {written(on, 'en')}", "fr": f"{french} {written(on, 'fr')}"}
