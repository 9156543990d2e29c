"""What runs did, from the ledger alone: how each ended, what of it is in the CRM, what is not, and what was undone.

A run that ended well did what it planned, so its summary tells. Of any other the outbox is asked, because what it left
behind may have been delivered, superseded or dropped since. A plan that another run applied counts for that run, by
what it wrote itself: applied twice, it wrote nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.domain.audit import Act
from connector.domain.errors import MendError
from connector.domain.hold import UNDO
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.run import Run, RunStatus
from connector.services.memory import Memory

LOOK = 1000
"""So many runs are looked through for the one that undid another."""
NAMES: Mapping[str, str] = {"create": "created", "update": "updated", "close": "closed", "associate": "linked"}
ONLY_PLANNED = (RunStatus.PLANNED, RunStatus.WAITING)
WAITING = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


def list_runs(memory: Memory, limit: int) -> list[dict[str, Any]]:
    """Describe the newest runs, newest first."""
    runs = memory.runs.list(limit)
    undone, applied = _undone(memory, runs), _applied(runs)
    return [
        _row(run, _counts(memory, run, applied), undone.get(run.id), _was_killed(run, runs), applied.get(run.id))
        for run in runs
    ]


def show_run(memory: Memory, run_id: str) -> dict[str, Any]:
    """Describe one run with everything it planned and what became of it."""
    run = memory.runs.get(run_id)
    if run is None:
        raise MendError(f"the ledger knows no run {run_id}", hint="`connector runs` lists them")
    entries, runs = _entries(memory, run), memory.runs.list(LOOK)
    stored, applied = memory.plans.get(_wrote_as(run)), _applied(runs)
    undone = _undone(memory, runs).get(run.id)
    in_crm = _counted(entries)
    return {
        **_row(run, _counts(memory, run, applied), undone, _was_killed(run, runs), applied.get(run.id)),
        "in_crm": {name: in_crm[name] for name in NAMES.values()},
        "approved_by": stored.approved_by if stored is not None else None,
        "fates": dict(sorted(Counter(str(entry.state) for entry in entries).items())),
        "changes": [_change(entry) for entry in entries],
        "summary": dict(run.summary),
    }


def _was_killed(run: Run, runs: Sequence[Run]) -> bool:
    """It never ended, and another that began later did: whoever runs takes over what was left."""
    ended = (one for one in runs if one.destination == run.destination and one.status is not RunStatus.RUNNING)
    return run.status is RunStatus.RUNNING and any(one.started_at > run.started_at for one in ended)


def _applied(runs: Sequence[Run]) -> dict[str, str]:
    """Map each run whose plan was applied by another → that one; of several the first that wrote anything."""
    found: dict[str, str] = {}
    for run in runs:  # newest first
        plan, wrote = run.summary.get("applies"), run.summary.get("written")
        was_refused = run.status is RunStatus.FAILED and not wrote
        if plan and not was_refused and (plan not in found or wrote):
            found[plan] = run.id
    return found


def _row(
    run: Run, counts: Mapping[str, int], undone: Mapping[str, Any] | None, was_killed: bool, applied_by: str | None
) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "job": run.job,
        "status": "killed" if was_killed else str(run.status),
        "now": run.now.isoformat(),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "destination": run.destination,
        **{name: counts.get(name, 0) for name in (*NAMES.values(), "parked", "waiting")},
        "api_calls": run.summary.get("api_calls", {}).get("crm"),
        "applies": run.summary.get("applies"),
        "applied_by": applied_by,
        "undoes": run.summary.get("undoes"),
        "undone": undone,
    }


def _counts(memory: Memory, run: Run, applied: Mapping[str, str]) -> Mapping[str, int]:
    if run.id in applied and run.status in ONLY_PLANNED:
        return {}
    if run.status is RunStatus.SUCCESS and not run.summary.get("applies"):
        return _named(run.summary.get("plan", {}))
    left, wrote = _counted(_entries(memory, run)), run.summary.get("written")
    return left | _named(wrote) if wrote is not None and run.summary.get("applies") else left


def _named(actions: Mapping[str, int]) -> dict[str, int]:
    return {name: actions.get(action, 0) for action, name in NAMES.items()}


def _entries(memory: Memory, run: Run) -> list[OutboxEntry]:
    return memory.outbox.of_run(_wrote_as(run))


def _wrote_as(run: Run) -> str:
    """A plan is carried out in the name of the run that made it."""
    return str(run.summary.get("applies") or run.id)


def _counted(entries: Sequence[OutboxEntry]) -> Counter[str]:
    counts = Counter(NAMES[entry.change.action] for entry in entries if entry.state is DeliveryState.DELIVERED)
    counts["parked"] = sum(entry.state is DeliveryState.PARKED for entry in entries)
    counts["waiting"] = sum(entry.state in WAITING for entry in entries)
    return counts


def _undone(memory: Memory, runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Map each run that was undone → in which run, by whom, when, and whether it was released since."""
    held = {
        hold.run_id: hold
        for destination in {run.destination for run in runs}
        for hold in memory.holds.all(destination).values()
    }
    # An undoing that was killed has no summary; the holds it laid tell of it.
    found = {id: {"run_id": None, "by": hold.by, "at": hold.at.isoformat()} for id, hold in held.items()}
    homes: dict[str, str] = {}
    for run in reversed(runs):  # the newest undoing is told
        undone = run.summary.get("undoes")
        if run.job == UNDO and undone and run.status is not RunStatus.FAILED:
            found[undone] = {"run_id": run.id, "by": run.summary["by"], "at": run.now.isoformat()}
            homes[undone] = run.destination
    return {id: told | {"released": id not in held and _released(memory, homes[id], id)} for id, told in found.items()}


def _released(memory: Memory, destination: str, run_id: str) -> bool:
    """A run whose keys are not held for it any more was released, or a run before it was undone too."""
    return any(record.act is Act.RELEASE for record in memory.audit.records(destination, run_id=run_id))


def _change(entry: OutboxEntry) -> dict[str, Any]:
    change, refusal = entry.change, entry.refusal
    return {
        "title": change.title,
        "type": str(change.type),
        "action": change.action,
        "key": change.key,
        "crm_id": entry.crm_id,
        "state": str(entry.state),
        "reason": entry.reason,
        "fields": [field.name for field in change.fields],
        "code": refusal.code if refusal else None,
        "message": refusal.message if refusal else None,
        "field": refusal.field if refusal else None,
        "cure": refusal.hint if refusal else None,
    }
