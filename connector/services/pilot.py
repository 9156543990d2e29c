"""What a pilot would have done or did, and what people did meanwhile: one row for each need that was proposed.

A need is told once, however many nights proposed it: when first, on how many days, and whether it still is. Shadow runs
are read from the plans they kept; live ones from the ledger. A person's own opportunity for the same need, opened after
ours was first proposed, is agreement, and in shadow mode nobody could have copied it; one that nothing had proposed is
a miss. Review reminders are no proposals and are not told. Everything is as of the newest run: the report reads the
ledger and asks the CRM only for names and stages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from connector.domain.account import Owner
from connector.domain.change import CrmRecord
from connector.domain.episode import Episode, EpisodeState
from connector.domain.hold import UNDO, Hold
from connector.domain.keys import task_key
from connector.domain.mapping import OurStage
from connector.domain.play import NEGOTIATION, is_proposal
from connector.domain.project import Project
from connector.domain.receipt import KnownRecord
from connector.domain.run import Run, RunStatus
from connector.ports.ledger import PlanStatus
from connector.services.memory import Memory
from connector.services.scope import Bounds
from connector.services.withdraw import stage_task_keys
from connector.services.world import World, accounts_of, need_of

NOBODY = Owner("", "nobody", "")
BEYOND: tuple[OurStage, ...] = ("consult", "confront", "concretize", "won")
"""Stages that the connector moves nothing to, in their order: who is there was moved by people."""


@dataclass(frozen=True)
class Period:
    """From when until when; days are those of the project's time zone."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime | None) -> bool:
        """Say whether a moment lies in it."""
        return moment is not None and self.since <= moment <= self.until


@dataclass(frozen=True)
class Proposal:
    """One need of one account that was proposed, and what became of it."""

    key: str
    account_id: str
    account: str
    owner: Owner
    need: str
    offer: str | None
    as_task: bool
    value: int | None
    """p × added monthly revenue, in minor units of the reporting currency; None once it was erased."""
    first: datetime
    last: date
    days: int
    """On how many days a shadow run proposed it."""
    is_live: bool
    is_still_proposed: bool
    """A shadow proposal: the newest shadow run made it too. A live one: it is open."""
    state: str = EpisodeState.OPEN
    is_written: bool = False
    """The CRM holds a record of it."""
    agreed: tuple[str, ...] = ()
    """People's own opportunities for the same need, opened after it was first proposed, by CRM id."""
    tasks: int = 0
    done: int = 0
    moved_to: str | None = None
    """The furthest of our stages that a person moved it to."""
    is_edited: bool = False
    is_deleted: bool = False
    taken_back: Hold | None = None
    """Who took it back, and when; None, too, where that was released since."""


@dataclass(frozen=True)
class Theirs:
    """An opportunity that a person opened within the period, at an account in scope."""

    id: str
    account_id: str
    owner: Owner
    need: str | None
    """None: its name tells no need, by the mapping's rules."""
    is_renewal: bool
    created_at: datetime


@dataclass(frozen=True)
class Night:
    """What one day's last shadow run came to."""

    day: date
    proposed: int
    new: int
    vanished: int


@dataclass(frozen=True)
class TakenBack:
    """An undo within the period: who took which run back, when, and what that came to."""

    run_id: str
    undoes: str
    by: str
    at: datetime
    closed: int
    restored: int
    """Fields."""


@dataclass(frozen=True)
class Gathered:
    """Everything a report is counted from."""

    proposals: tuple[Proposal, ...]
    theirs: tuple[Theirs, ...]
    nights: tuple[Night, ...]
    days: int
    """Calendar days of the period."""
    days_with_a_run: int
    undone: tuple[TakenBack, ...] = ()


def gather(memory: Memory, rules: Project, world: World, within: Bounds, destination: str, period: Period) -> Gathered:
    """Put together what was proposed within a period and what people did about it."""
    shadows = _last_of_each_day(memory, rules, destination, period)
    theirs = tuple(_theirs(world, within, period))
    runs = [one for one in memory.runs.list(_MANY) if one.destination == destination]
    proposals = [*_shadow(shadows, world), *_live(rules, world, period, _looked_last(runs))]
    merged = {one.key: one for one in proposals}
    for one in proposals:  # first shadow, then live: told once, since when it was first proposed
        merged[one.key] = replace(merged[one.key], first=min(one.first, merged[one.key].first))
    rows = tuple(_agreed(merged[key], theirs) for key in sorted(merged))
    within_it = [one for one in runs if period.holds(one.now)]
    days = {rules.day(run.now) for run in within_it if run.job == "sync"}
    length = (rules.day(period.until) - rules.day(period.since)).days + 1
    return Gathered(rows, theirs, tuple(_nights(shadows)), length, len(days), tuple(_undone(within_it)))


_MANY = 10_000
"""Runs that are looked through: more than a month of one every ten minutes."""


def _looked_last(runs: Sequence[Run]) -> str:
    """Name the last run that looked at the CRM before it wrote: what it and later ones wrote is not seen so far."""
    is_over = (one for one in runs if one.status not in (RunStatus.FAILED, RunStatus.RUNNING))
    return max((one.id for one in is_over if one.job in ("sync", "stages")), default="")


def _undone(runs: Sequence[Run]) -> Iterator[TakenBack]:
    for run in reversed(runs):
        told = run.summary
        if run.job == UNDO and "closed" in told:  # one that broke off tells nothing of what it did
            yield TakenBack(run.id, told["undoes"], told["by"], run.now, told["closed"], told["restored"]["fields"])


def _last_of_each_day(
    memory: Memory, rules: Project, destination: str, period: Period
) -> dict[date, Mapping[str, Episode]]:
    """Map each day → the needs that its last shadow run would have opened, by key."""
    found: dict[date, Mapping[str, Episode]] = {}
    for stored in reversed(memory.plans.list(destination, [PlanStatus.SHADOW])):
        plan = stored.plan
        if period.holds(plan.created_at):
            # What it would only have renewed was opened by an earlier, live run.
            new = {one.key: one for one in plan.episodes if one.opened_at == plan.created_at and is_proposal(one.need)}
            found[rules.day(plan.created_at)] = new
    return found


def _nights(shadows: Mapping[date, Mapping[str, Episode]]) -> Iterator[Night]:
    seen: set[str] = set()
    before: set[str] = set()
    for day, some in shadows.items():
        yield Night(day, len(some), len(set(some) - seen), len(before - set(some)))
        before = set(some)
        seen |= before


def _shadow(shadows: Mapping[date, Mapping[str, Episode]], world: World) -> Iterator[Proposal]:
    days: dict[str, list[date]] = defaultdict(list)
    first: dict[str, Episode] = {}
    newest = max(shadows, default=None)
    for day, some in shadows.items():
        for key, episode in some.items():
            days[key].append(day)
            first.setdefault(key, episode)
    for key, episode in first.items():
        is_still = newest is not None and key in shadows[newest]
        yield _proposal(episode, world, is_live=False, days=days[key], is_still=is_still)


def _live(rules: Project, world: World, period: Period, looked: str) -> Iterator[Proposal]:
    mirror = {record.id: record for record in (*world.opportunities, *world.tasks)}
    for episode in world.episodes:
        if period.holds(episode.opened_at) and is_proposal(episode.need):
            opened = [rules.day(episode.opened_at)]
            row = _proposal(episode, world, True, opened, episode.state is EpisodeState.OPEN)
            yield _reactions(row, episode, rules, world, mirror, looked)


def _proposal(episode: Episode, world: World, is_live: bool, days: Sequence[date], is_still: bool) -> Proposal:
    account = world.accounts.get(episode.account_id)
    return Proposal(
        key=episode.key,
        account_id=episode.account_id,
        account=account.name if account else episode.account_id,
        owner=_owner(world, episode.account_id),
        need=episode.need,
        offer=episode.offer,
        as_task=bool(episode.brief.get("as_task")),
        value=episode.brief.get("value"),
        first=episode.opened_at,
        last=days[-1],
        days=len(days),
        is_live=is_live,
        is_still_proposed=is_still,
        state=episode.state.value,
    )


def _reactions(
    row: Proposal, episode: Episode, rules: Project, world: World, mirror: Mapping[str, CrmRecord], looked: str
) -> Proposal:
    """Add what people did with the records of a live proposal."""
    opportunity, tasks = world.known.get(episode.key), list(_tasks(episode, rules, world))
    records = [one for one in (opportunity, *tasks) if one is not None]
    seen = [mirror[one.crm_id] for one in tasks if one.crm_id in mirror]
    done = set(world.mapping.task.done)
    is_gone = any(one.tombstone for one in records) or any(record.archived for record in seen)
    return replace(
        row,
        is_written=bool(records),
        tasks=len(tasks),
        done=sum(record.fields.get(world.mapping.task.status) in done for record in seen),
        moved_to=_moved_to(world, opportunity),
        is_edited=any(_is_edited(one, world, mirror, looked) for one in records),
        is_deleted=is_gone or episode.state is EpisodeState.DELETED,
        taken_back=_taken_back(episode, records, world),
    )


def _taken_back(episode: Episode, records: Sequence[KnownRecord], world: World) -> Hold | None:
    """Find who took a proposal back. What a person had touched stayed open: that is only held."""
    if records and episode.state is not EpisodeState.WITHDRAWN:
        return None
    holds = (world.holds.get(key) for key in (episode.key, *(one.key for one in records)))
    return next((hold for hold in holds if hold is not None), None)


def _tasks(episode: Episode, rules: Project, world: World) -> Iterator[KnownRecord]:
    """Yield every task of ours that belongs to an episode."""
    book = rules.negotiation
    keys = [task_key(episode.key, NEGOTIATION, "none", 1, book.small.id)]
    keys.append(task_key(episode.key, NEGOTIATION, book.bought.id, 1, book.bought.id))
    keys += [key for key, _ in stage_task_keys(episode.key, world, rules)]
    yield from (world.known[key] for key in keys if key in world.known)


def _moved_to(world: World, opportunity: KnownRecord | None) -> str | None:
    entries = world.entries.get(opportunity.crm_id, ()) if opportunity is not None else ()
    entered = {entry.stage for entry in entries}
    route = world.route_of(world.opportunity(opportunity.key) if opportunity is not None else None)
    return next((ours for ours in reversed(BEYOND) if world.stage(ours, route).id in entered), None)


def _is_edited(one: KnownRecord, world: World, seen: Mapping[str, CrmRecord], looked: str) -> bool:
    """A person took a field over, or the CRM shows something else than after our last write; stages tell more."""
    if any(receipt.handed_over for receipt in one.receipts.values()):
        return True
    told_elsewhere = {world.mapping.opportunity.stage, world.mapping.task.status}
    live = seen[one.crm_id].fields if one.crm_id in seen else {}
    return any(
        name in live and live[name] != receipt.shown
        for name, receipt in one.receipts.items()
        if name not in told_elsewhere and receipt.run_id < looked
    )


def _agreed(row: Proposal, theirs: Sequence[Theirs]) -> Proposal:
    same = [one for one in theirs if (one.account_id, one.need) == (row.account_id, row.need) and not one.is_renewal]
    return replace(row, agreed=tuple(one.id for one in same if one.created_at >= row.first))


def _theirs(world: World, within: Bounds, period: Period) -> Iterator[Theirs]:
    mapping = world.mapping.opportunity
    for record in world.opportunities:
        if record.archived or record.id in world.our_keys or not period.holds(record.created_at):
            continue
        need, is_renewal = need_of(record, mapping.people)
        for account_id in accounts_of(record):
            if account_id in world.accounts and not within.outside(account_id):
                assert record.created_at is not None
                yield Theirs(record.id, account_id, _owner(world, account_id), need, is_renewal, record.created_at)


def _owner(world: World, account_id: str) -> Owner:
    account = world.accounts.get(account_id)
    return (world.owner("ae", account) if account is not None else None) or NOBODY
