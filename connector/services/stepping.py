"""Which entries that wait step aside for a plan.

A newer plan takes the place of whatever waited for the records that it speaks of; an older one that is applied late
leaves them to it. A plan that tells everything its job wants also gives up what it does not speak of: a proposal that
was put off is not made after its customer has bought.
What a person takes back is dropped, whichever run planned it; only what an undo itself still has to do is left alone.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.domain.change import Change, Plan, Why
from connector.domain.hold import UNDO
from connector.domain.outbox import DeliveryState, OutboxEntry, subject_of
from connector.services.session import Session

NEWER_PLAN = "a newer plan"
NOT_WANTED = "nothing asks for it any more"
WAITING = (DeliveryState.PENDING, DeliveryState.PARKED)


def stepping_aside(session: Session, plan: Plan, changes: Collection[Change]) -> list[OutboxEntry]:
    """Move the waiting entries of other runs out of the way of a plan; `changes` are those that it may carry out."""
    spoken = [change for change in changes if change.why != Why.UNDONE]
    subjects = {subject_of(change) for change in spoken}
    keys = {change.key for change in spoken if change.action != "associate"}
    deleted = {change.key for change in changes if change.why == Why.DELETED}
    held = {hold.key for hold in plan.holds} | session.held
    known = {change.key for change in plan.changes}
    newer = newer_runs(session, plan)
    moved = []
    for entry in session.entries.values():
        if entry.state not in WAITING or entry.run_id == plan.run_id:
            continue
        key = entry.change.key
        if entry.run_id in newer:
            if key in held and entry.job != UNDO:
                moved.append(entry.to(DeliveryState.DROPPED, Why.UNDONE))
            continue
        # The ends of an association may have moved: it is planned anew with its record.
        if entry.subject in subjects or key in deleted or (entry.verb == "associate" and key in keys):
            moved.append(entry.to(DeliveryState.SUPERSEDED, NEWER_PLAN))
        elif key in held and entry.job != UNDO:
            moved.append(entry.to(DeliveryState.DROPPED, Why.UNDONE))
        elif plan.whole and entry.job != UNDO and key not in known:
            moved.append(entry.to(DeliveryState.SUPERSEDED, NOT_WANTED))
    return moved


def newer_runs(session: Session, plan: Plan) -> frozenset[str]:
    """Name the runs that began after a plan's own and whose changes still wait: they saw the CRM later than it did."""
    runs = session.means.runs
    waiting = {entry.run_id for entry in session.entries.values() if entry.state in WAITING} - {plan.run_id}
    mine = runs.get(plan.run_id) if runs is not None and waiting else None
    if runs is None or mine is None:
        return frozenset()
    others = {id: runs.get(id) for id in waiting}
    return frozenset(id for id, run in others.items() if run is not None and run.started_at > mine.started_at)


def left_to_newer(session: Session, plan: Plan) -> frozenset[str]:
    """Give the keys of records that wait for what a newer plan makes of them: an older plan's say on them is over."""
    newer = newer_runs(session, plan)
    return frozenset(
        entry.change.key for entry in session.entries.values() if entry.run_id in newer and entry.state in WAITING
    )
