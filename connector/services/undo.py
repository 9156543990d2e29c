"""Takes a run back: what it changed is restored, what it created is closed, and both are left alone until released.

Undoing is a plan like any other and goes the way of every plan, so that it is shown first, survives a kill, is audited
and can be read in the outbox. What it cannot take back it names. Keys are held in the transaction that stores the
plan's entries, so no run finds them free; what still waited for those records is given up in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.domain.audit import Act, Deed
from connector.domain.change import Change
from connector.domain.episode import Episode, EpisodeState
from connector.domain.hold import UNDO, Hold
from connector.domain.outbox import BLOCKING, DeliveryState, OutboxEntry
from connector.domain.run import Delivered, RunStatus
from connector.services.lookback import RECORDS, Undoing, is_done, undoable
from connector.services.memory import Memory
from connector.services.opening import check_installed, open_run
from connector.services.play_tasks import play_task_keys
from connector.services.save_task import only_task_key
from connector.services.settle import apply_plan
from connector.services.shadow import refuse_in_shadow
from connector.services.summary import of_plan
from connector.services.takeback import Left, Stays, title_of
from connector.services.work import Tell, Work

FATES: Mapping[str, str] = {
    "moved": "it changed in the CRM meanwhile",
    "parked": "the CRM refused it",
    "deferred": "the CRM accepts nothing more for now; the next run goes on",
    "unknown": "the CRM's answer was lost; the next run looks",
    "waiting": "it waits for another record",
}
"""Why a change of the undoing is not in the CRM, by what became of it."""


@dataclass(frozen=True)
class Undone:
    """How an undoing ended, and the summary that people script against."""

    status: RunStatus
    summary: Mapping[str, Any]


def undo(work: Work, found: Undoing, agree: bool, tell: Tell) -> Undone:
    """Carry out what looking back has planned."""
    refuse_in_shadow(work.project, f"undoing run {found.run.id}")
    memory, now = work.memory, found.plan.created_at
    destination = work.crm.reader.destination()
    check_installed(work.crm.setup, work.mapping)
    run = open_run(memory, destination, UNDO, now, agree)
    found = replace(found, plan=replace(found.plan, run_id=run.id))
    tell("deliver")
    try:
        deed = Deed(datetime.fromtimestamp(work.clock.now(), UTC), found.by, Act.UNDO, run.id, found.run.id)
        if not found.plan.changes:  # what is only held is an act of somebody's, too
            memory.audit.note(destination.id, [deed])
        delivered = apply_plan(found.plan, work.delivering(), deed=deed)
        after = memory.outbox.of_run(found.run.id)
        fates = _fates(found, delivered)
        memory.episodes.save(destination.id, _taken_back(work, destination.id, _closed(found, fates), now))
    except BaseException:
        memory.runs.close(run.id, RunStatus.FAILED, datetime.now(UTC), {"undoes": found.run.id, "by": found.by})
        raise
    late = _late(found, after)
    status = RunStatus.PARTIAL if late and delivered.status is RunStatus.SUCCESS else delivered.status
    done = [change for change in found.plan.changes if fates.get(change.id) == "ok"]
    told = {
        "run_id": run.id,
        "status": str(status),
        **_told(found, done),
        "dropped": _dropped(after) - _dropped(found.entries),
        **of_plan(found.plan, delivered),
        "api_calls": {"crm": work.crm.meter.calls()},
    }
    memory.runs.close(run.id, status, datetime.now(UTC), told)
    return Undone(status, told | _named(found, done, (*found.left, *_undelivered(found, fates), *late)))


def preview(work: Work, found: Undoing) -> dict[str, Any]:
    """Give the summary that carrying it out would have if nothing failed."""
    return {
        "run_id": None,
        "status": str(RunStatus.PLANNED),
        **_told(found, found.plan.changes),
        "dropped": found.waiting,
        **of_plan(found.plan, None),
        "api_calls": {"crm": work.crm.meter.calls()},
        **_named(found, found.plan.changes, found.left),
    }


def release(memory: Memory, run_id: str, by: str, at: datetime) -> list[Hold]:
    """Let the next runs propose and write again what the undoing of a run holds."""
    run = undoable(memory, run_id)
    released = memory.holds.release(run.destination, run.id)
    if released:
        memory.audit.note(run.destination, [Deed(at, by, Act.RELEASE, run.id, run.id)])
    return released


def _fates(found: Undoing, delivered: Delivered) -> dict[str, str]:
    """What became of each change; one may have travelled as an entry that an earlier undoing left behind."""
    ids = {entry.id: entry.change.id for entry in found.earlier}
    ids |= {f"{found.plan.run_id}/{change.id}": change.id for change in found.plan.changes}
    return {ids[id]: fate for id, fate in delivered.by_entry.items() if id in ids}


def _closed(found: Undoing, fates: Mapping[str, str]) -> frozenset[str]:
    """Keys of the records that are closed now, by this undoing or an earlier one."""
    return found.closed | {
        change.key for change in found.plan.changes if change.action == "close" and fates.get(change.id) == "ok"
    }


def _taken_back(work: Work, destination: str, closed: Collection[str], now: datetime) -> list[Episode]:
    """End the episodes whose opportunity or tasks were closed: what they propose was never made."""
    small, plays = work.project.negotiation.small.id, work.project.plays
    return [
        replace(episode, state=EpisodeState.WITHDRAWN, closed_at=now)
        for episode in work.memory.episodes.all(destination)
        if episode.state is EpisodeState.OPEN
        and (
            episode.key in closed
            or (episode.brief.get("as_task") and only_task_key(episode.key, episode.need, small) in closed)
            or any(key in closed for key in play_task_keys(episode.key, episode.need, plays))
        )
    ]


def _undelivered(found: Undoing, fates: Mapping[str, str]) -> list[Left]:
    left = []
    for change in found.plan.changes:
        fate = fates.get(change.id, "")
        if fate != "ok":
            why = FATES.get(fate, "what another run had on its way came first; undo the run again")
            left.append(Left(change.type, change.key, change.title, change.crm_id, Stays.NOT_DELIVERED, why))
    return left


def _late(found: Undoing, after: Sequence[OutboxEntry]) -> list[Left]:
    """Writes of the run that landed (or may have) since the CRM was looked at."""
    before = {entry.id for entry in found.entries if is_done(entry)}
    why = "it was on its way while the run was undone; undo the run again"
    return [
        Left(entry.change.type, entry.change.key, title_of(entry), entry.crm_id, Stays.ON_ITS_WAY, why)
        for entry in after
        if entry.change.action in RECORDS and entry.id not in before and (is_done(entry) or entry.state in BLOCKING)
    ]


def _dropped(entries: Sequence[OutboxEntry]) -> int:
    return sum(entry.state is DeliveryState.DROPPED for entry in entries)


def _told(found: Undoing, done: Sequence[Change]) -> dict[str, Any]:
    """Count what was (or would be) taken back; counts only, because the ledger keeps them for good."""
    updated = [change for change in done if change.action == "update"]
    return {
        "undoes": found.run.id,
        "by": found.by,
        "destination": found.run.destination,
        "restored": {"fields": sum(len(change.fields) for change in updated), "records": len(updated)},
        "closed": len(done) - len(updated),
        "links_kept": found.links,
        "held": len(found.plan.holds),
    }


def _named(found: Undoing, done: Sequence[Change], left: Sequence[Left]) -> dict[str, Any]:
    """Name what is left as it is, and what was closed although a later run had written to it."""
    return {
        "left_because": dict(sorted(Counter(str(one.why) for one in left).items())),
        "left": [asdict(one) for one in left],
        "also_by": [
            {"key": change.key, "title": change.title, "run_id": found.also_by[change.key]}
            for change in done
            if change.key in found.also_by
        ],
    }
