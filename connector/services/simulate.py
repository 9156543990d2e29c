"""Noise before it is sent: the decisions of every working day of a span, on what was known that day, nothing written.

Decided here: what is proposed stays open for `answered_after` days and is then declined, because a forecast that counts
on sales would hide the noise; save tasks are done after as long. The CRM side starts as the ledger's mirror shows it,
without proposals of ours that were opened in the span: they are decided anew. Each task counts in the week in which it
is due. The caps that are held against the calendar are the policy's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connector.domain.intent import Intent, SaveIntent
from connector.domain.link import linked
from connector.domain.occupied import ClosedEpisode, Crm, CrmContext, OpenEpisode, SaveTask
from connector.domain.play import Step
from connector.domain.project import Project
from connector.domain.workdays import add_workdays
from connector.ports.billing import Warehouse
from connector.services.calendar import country_of, holidays_of
from connector.services.choose import choose
from connector.services.customers import crm_side, told_by_crm
from connector.services.measure import measure
from connector.services.page import Bar, bars, escaped, page, section
from connector.services.reviews import plan_reviews
from connector.services.score import score
from connector.services.world import World

FRIDAY = 4
KINDS = ("proposals", "tasks", "reviews", "saves")


@dataclass
class Calendar:
    """What each person would get in each week, by kind."""

    counts: Counter[tuple[str, date, str]] = field(default_factory=Counter)
    """(Person, Monday of the week, kind) → how many."""

    def add(self, person: str | None, on: date, kind: str) -> None:
        if person is not None:
            self.counts[person, on - timedelta(days=on.weekday()), kind] += 1

    def people(self) -> list[str]:
        return sorted({person for person, _, _ in self.counts})


@dataclass(frozen=True)
class Span:
    """From which day on, for how many calendar days."""

    since: date
    days: int
    answered_after: int = 30

    def weeks(self) -> list[date]:
        """The Monday of each week that the span touches."""
        first = self.since - timedelta(days=self.since.weekday())
        last = self.since + timedelta(days=self.days - 1)
        return [first + timedelta(days=7 * n) for n in range(((last - first).days) // 7 + 1)]

    def workdays(self) -> Iterator[date]:
        for n in range(self.days):
            day = self.since + timedelta(days=n)
            if day.weekday() <= FRIDAY:
                yield day


def simulate(
    warehouse: Warehouse, world: World, rules: Project, span: Span, tell: Callable[[date], None] = lambda _day: None
) -> dict[str, Any]:
    """Decide every working day of a span and count what each person would get."""
    calendar, reviewed = Calendar(), set[tuple[str, int, date]]()
    links = linked(world.links)
    began = datetime.combine(span.since, time(), UTC)
    episodes = tuple(one for one in world.episodes if one.opened_at < began)
    start = crm_side(replace(world, episodes=episodes, tasks=()), began, rules.day)
    contexts = dict(start.contexts)
    for day in span.workdays():
        tell(day)
        now = datetime.combine(day, time(6), UTC)
        measured = measure(warehouse, rules.catalogue, rules.signals, now, told_by_crm(world))
        scores = score(measured, rules.catalogue, rules.policy, rules.fx, day)
        contexts = {id: _answered(one, day, span.answered_after) for id, one in contexts.items()}
        side = Crm(start.links, contexts, start.ambiguous)
        chosen = choose(
            measured, scores, side, rules.catalogue, rules.policy, now, holidays_of, day, rules.save, rules.fx
        )
        for intent in chosen.intents:
            _propose(intent, contexts, day, world, rules, calendar)
        for save in chosen.saves:
            _save(save, contexts, day, world, rules, calendar)
        for review in plan_reviews(measured, links, chosen.intents, world, rules, day).intents:
            key = (review.account_id, review.ordinal, review.term_start)
            if key not in reviewed:
                reviewed.add(key)
                _count_steps(rules.review.steps, review.account_id, review.on, world, calendar, "reviews")
    return _told(calendar, span, rules)


def _answered(one: CrmContext, day: date, after: int) -> CrmContext:
    """Decline what has been open for so long, and do what was to be saved."""
    over = [e for e in one.open_episodes if (day - e.opened_on).days >= after]
    saved = tuple(
        replace(s, closed_on=day) if s.closed_on is None and (day - s.opened_on).days >= after else s for s in one.saves
    )
    if not over and saved == one.saves:
        return one
    closed = (ClosedEpisode(e.need, "no", day, e.opened_on) for e in over)
    return replace(
        one,
        open_episodes=tuple(e for e in one.open_episodes if e not in over),
        closed_episodes=(*one.closed_episodes, *closed),
        saves=saved,
        open_tasks=max(0, one.open_tasks - len(over)),
    )


def _propose(
    intent: Intent, contexts: dict[str, CrmContext], day: date, world: World, rules: Project, calendar: Calendar
) -> None:
    here = contexts.get(intent.account_id)
    if here is None or intent.need in {one.need for one in here.open_episodes}:
        return  # it goes on: nobody gets anything new
    opened = OpenEpisode(intent.need, day, intent.offer)
    contexts[intent.account_id] = replace(
        here, open_episodes=(*here.open_episodes, opened), open_tasks=here.open_tasks + 1
    )
    account = world.accounts.get(intent.account_id)
    owner = world.owner("ae", account) if account is not None else None
    calendar.add(owner.name if owner else None, day, "proposals")
    book = rules.negotiation
    steps = [book.small] if intent.as_task else book.stages.get("proposed", ())
    _count_steps(steps, intent.account_id, day, world, calendar, "tasks")


def _save(
    save: SaveIntent, contexts: dict[str, CrmContext], day: date, world: World, rules: Project, calendar: Calendar
) -> None:
    here = contexts.get(save.account_id)
    if here is None or rules.save is None or any(one.closed_on is None for one in here.saves):
        return
    contexts[save.account_id] = replace(here, saves=(*here.saves, SaveTask(day)), open_tasks=here.open_tasks + 1)
    _count_steps([rules.save.task], save.account_id, day, world, calendar, "saves")


def _count_steps(steps: Sequence[Step], account_id: str, on: date, world: World, calendar: Calendar, kind: str) -> None:
    account = world.accounts.get(account_id)
    for step in steps:
        owner = world.owner(step.role, account) if account is not None else None
        if owner is not None:
            calendar.add(owner.name, add_workdays(on, step.due, holidays_of(country_of(owner))), kind)


def _told(calendar: Calendar, span: Span, rules: Project) -> dict[str, Any]:
    weeks = span.weeks()
    people: list[dict[str, Any]] = [
        {
            "person": person,
            "weeks": [
                {"monday": week.isoformat(), **{kind: calendar.counts[person, week, kind] for kind in KINDS}}
                for week in weeks
            ],
        }
        for person in calendar.people()
    ]
    most = max((week["proposals"] for one in people for week in one["weeks"]), default=0)
    return {
        "since": span.since.isoformat(),
        "days": span.days,
        "answered_after": span.answered_after,
        "cap": rules.policy.caps.per_owner_week,
        "most_proposals_in_a_week": most,
        "people": people,
    }


def plot(told: Mapping[str, Any]) -> str:
    """Draw each person's new proposals week by week, under the line of the cap."""
    cap = told["cap"]
    drawn = []
    for one in told["people"]:
        weeks = [
            Bar(week["proposals"], week["monday"][5:] if n % 4 == 0 else "") for n, week in enumerate(one["weeks"])
        ]
        most = max((week["proposals"] for week in one["weeks"]), default=0)
        words = f"{one['person']}: at most {most} new proposals a week, cap {cap}"
        drawn.append(
            f'<div class="kpi"><b>{escaped(one["person"])}</b><small>{escaped(f"at most {most} a week; cap {cap}")}'
            f"</small>{bars(weeks, float(cap), words)}</div>"
        )
    title = "New proposals a week"
    under = f"{told['since']}, {told['days']} days; the dashed line is the cap of {cap}"
    foot = f"Decided on recorded data; what is not answered counts as declined after {told['answered_after']} days."
    return page(title, under, "en", [section("By person", f'<div class="kpis">{"".join(drawn)}</div>')], foot)
