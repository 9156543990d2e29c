"""What everybody would get, week by week, if the playbooks ran over recorded data: noise before it is sent.

Decided here: the busiest case. We begin with nothing of ours in the CRM, whatever stands there; each task is done on
the day it is due, and each opportunity moves on once nothing of its stage is open. The CRM side is as the ledger last
saw it, because a CRM keeps no past. Nothing is written, neither to the CRM nor to the ledger.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.change import CrmRecord, Desired, RecordType, StageEntry
from connector.domain.errors import MendError
from connector.domain.play import REVIEW, STAGES
from connector.domain.project import Project
from connector.domain.receipt import KnownRecord, Receipt
from connector.domain.workdays import is_workday
from connector.ports.billing import Warehouse
from connector.services.begin import begin
from connector.services.calendar import holidays_of
from connector.services.choose import choose
from connector.services.customers import crm_side, owned_by_customer, told_by_crm
from connector.services.feedback import ended_by_answers
from connector.services.holdout import by_lot, with_arms
from connector.services.measure import measure
from connector.services.project import Projected, project
from connector.services.score import score
from connector.services.silence import hear
from connector.services.track import ended_episodes, ended_mentions, ended_plays
from connector.services.world import World, due_field

MORNING = time(5, 30)
WEEK = timedelta(days=7)
Tell = Callable[..., None]


@dataclass
class Calendar:
    """What each person got: new tasks and new things, by the week they appeared in."""

    tasks: dict[str, Counter[date]] = field(default_factory=lambda: defaultdict(Counter))
    begun: dict[str, list[date]] = field(default_factory=lambda: defaultdict(list))
    """Days on which a proposal, help, a review or a play began."""
    plays: Counter[str] = field(default_factory=Counter)


def simulate(
    warehouse: Warehouse, world: World, rules: Project, start: date, days: int, tell: Tell = lambda *_: None
) -> dict[str, Any]:
    """Run the decisions forward from a day; give the calendar of every person, and the largest week of each."""
    if not world.accounts:
        raise MendError("nothing is known of the CRM yet", hint="run `connector plan` once: it follows the CRM")
    here, calendar = _without_ours(world), Calendar()
    for number in range(days):
        day = start + timedelta(days=number)
        here = _worked(here, day)
        if is_workday(day):
            tell(f"{day.isoformat()} ({number + 1} of {days})")
            here = _a_day(warehouse, here, rules, day, calendar)
    return _told(calendar, here, rules, start, days)


def _a_day(warehouse: Warehouse, world: World, rules: Project, today: date, calendar: Calendar) -> World:
    """One nightly run on what was known that morning."""
    now = datetime.combine(today, MORNING, ZoneInfo(rules.schedule.timezone))
    for news in (ended_episodes, ended_mentions(rules), ended_plays(rules), ended_by_answers(rules)):
        changed = {one.key: one for one in news(world, now)}
        world = replace(world, episodes=tuple(changed.get(one.key, one) for one in world.episodes))
    measured = measure(warehouse, rules.catalogue, rules.signals, now, told_by_crm(world))
    side = with_arms(crm_side(world, now, rules.day), by_lot(rules, world, measured))
    scores = score(measured, rules.catalogue, rules.policy, rules.fx, today)
    chosen = choose(
        measured, scores, side, rules.catalogue, rules.policy, now, holidays_of, today, rules.save, rules.fx
    )
    begun = begin(measured, side, chosen, world, rules, today)
    chosen, reviews = begun.chosen, begun.reviews
    owned = owned_by_customer(measured, side.links, rules.catalogue)
    made = project(
        chosen.intents,
        reviews.intents,
        reviews.briefs,
        world,
        rules,
        now,
        owned,
        chosen.saves,
        hear(world.episodes, measured, scores, side.links, rules, today),
        chosen.plays,
        reviews.skipped,
    )
    _count(made, world, rules, today, calendar)
    return _written(world, made, now)


def _count(made: Projected, world: World, rules: Project, today: date, calendar: Calendar) -> None:
    """Note the new tasks of the day, and for whom something began."""
    monday, owner_field = today - timedelta(days=today.weekday()), _owner_field(rules)
    begun = {one.key for one in made.episodes} - {one.key for one in world.episodes}
    first = f"{REVIEW}: {rules.review.steps[0].id}"
    for one in _new_tasks(made, world):
        person = one.fields[owner_field].value if owner_field in one.fields else None
        calendar.tasks[person or ""][monday] += 1
        calendar.plays[one.reason.split(": ")[0]] += 1
        if one.reason == first:
            calendar.begun[person or ""].append(today)
    for episode in made.episodes:
        account = world.accounts.get(episode.account_id)
        if episode.key in begun and account is not None:
            play = rules.plays.get(episode.play or "")
            role = play.steps[0].role if play is not None else "csm" if episode.play == "save" else "ae"
            owner = world.owner(role, account)
            calendar.begun[owner.id if owner else ""].append(today)


def _new_tasks(made: Projected, world: World) -> Iterator[Desired]:
    yield from (
        one for one in made.desired if one.type is RecordType.TASK and not one.close and one.key not in world.known
    )


def _owner_field(rules: Project) -> str:
    mapping = rules.mapping
    assert mapping is not None
    return next((name for name, rule in mapping.task.fields.items() if "owner_id" in rule.value), "")


# The CRM as it would be ---------------------------------------------------------------------------------------------


def _without_ours(world: World) -> World:
    """The CRM without a record of ours."""
    people = tuple(one for one in world.opportunities if one.id not in world.our_keys)
    return replace(world, opportunities=people, tasks=(), episodes=(), known={}, entries={}, holds={}, waiting={})


def _written(world: World, made: Projected, now: datetime) -> World:
    """Hold what was wanted as a CRM would that took everything."""
    known, records = dict(world.known), {one.id: one for one in (*world.opportunities, *world.tasks)}
    entries = dict(world.entries)
    for one in made.desired:
        values = {name: value.value for name, value in one.fields.items() if value.value is not None}
        id = f"{one.type}-{one.key}"
        if one.key not in known and not one.close:
            links = {"account": (one.account_id,)}
            records[id] = CrmRecord(one.type, id, {**values, **_key(world, one)}, links, now, now)
            if one.type is RecordType.OPPORTUNITY:
                stage = values.get(world.mapping.opportunity.stage) or ""
                entries[id] = (StageEntry(id, stage, now, by_us=True),)
        elif one.key in known and id in records and (one.close or one.only_untouched):
            records[id] = replace(records[id], fields={**records[id].fields, **values}, modified_at=now)
        else:
            continue
        before = known[one.key].receipts if one.key in known else {}
        receipts = {**before, **{name: Receipt(v, v, rule=one.fields[name].rule) for name, v in values.items()}}
        known[one.key] = KnownRecord(one.key, one.type, id, one.account_id, receipts=receipts)
    episodes = {one.key: one for one in (*world.episodes, *made.episodes)}
    some = sorted(records.values(), key=lambda one: one.id)
    return replace(
        world,
        known=known,
        opportunities=tuple(one for one in some if one.type is RecordType.OPPORTUNITY),
        tasks=tuple(one for one in some if one.type is RecordType.TASK),
        entries=entries,
        episodes=tuple(episodes.values()),
    )


def _key(world: World, one: Desired) -> dict[str, str]:
    named = world.mapping.opportunity.key if one.type is RecordType.OPPORTUNITY else world.mapping.task.key
    return {named: one.key} if named else {}


def _worked(world: World, day: date) -> World:
    """People do what is due by a day, and move an opportunity on once nothing of it is open."""
    task, due = world.mapping.task, due_field(world.mapping)
    noon = datetime.combine(day, time(12), ZoneInfo("UTC"))
    tasks = tuple(
        replace(one, fields={**one.fields, task.status: task.done[0]}, modified_at=noon)
        if one.fields.get(task.status) == task.open and (one.fields.get(due or "") or "")[:10] <= day.isoformat()
        else one
        for one in world.tasks
    )
    busy = {one.links.get("account", ("",))[0] for one in tasks if one.fields.get(task.status) == task.open}
    return _moved(replace(world, tasks=tasks), busy, noon)


def _moved(world: World, busy: set[str], at: datetime) -> World:
    """Move our opportunities of accounts with nothing open to their next stage; the last one is won."""
    field_name, moved, entries = world.mapping.opportunity.stage, [], dict(world.entries)
    for record in world.opportunities:
        here = world.our_stage(record) if record.id in world.our_keys else None
        if here is None or set(record.links.get("account", ())) & busy or record.modified_at == at:
            moved.append(record)
            continue
        place = STAGES.index(here)
        ours = STAGES[place + 1] if place + 1 < len(STAGES) else "won"
        stage = world.stage(ours, world.route_of(record)).id
        entries[record.id] = (*entries.get(record.id, ()), StageEntry(record.id, stage, at))
        moved.append(replace(record, fields={**record.fields, field_name: stage}, modified_at=at))
    return replace(world, opportunities=tuple(moved), entries=entries)


# What is told -------------------------------------------------------------------------------------------------------


def _told(calendar: Calendar, world: World, rules: Project, start: date, days: int) -> dict[str, Any]:
    first = start - timedelta(days=start.weekday())
    weeks = [first + WEEK * n for n in range((start + timedelta(days=days - 1) - first).days // 7 + 1)]
    people = sorted({*calendar.tasks, *calendar.begun})
    return {
        "from": start.isoformat(),
        "days": days,
        "weeks": [week.isoformat() for week in weeks],
        "cap": rules.policy.caps.per_person_week,
        "people": [_person(id, calendar, world, weeks) for id in people],
        "tasks_by_play": dict(sorted(calendar.plays.items())),
        "assumed": "each task done on its day, each opportunity moved on: the busiest case; the CRM as last seen",
    }


def _person(id: str, calendar: Calendar, world: World, weeks: Sequence[date]) -> Mapping[str, Any]:
    owner, begun = world.owners.get(id), sorted(calendar.begun.get(id, ()))
    most = max((sum(day <= other < day + WEEK for other in begun) for day in begun), default=0)
    return {
        "owner": owner.name if owner else "nobody",
        "tasks_by_week": [calendar.tasks.get(id, Counter())[week] for week in weeks],
        "begun_by_week": [sum(week <= day < week + WEEK for day in begun) for week in weeks],
        "most_begun_in_seven_days": most,
    }
