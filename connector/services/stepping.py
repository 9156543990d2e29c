"""Which entries that wait step aside for a plan.

A newer plan takes the place of whatever waited for the records that it speaks of. A plan that tells everything its job
wants also gives up what it does not speak of: a proposal that was put off is not made after its customer has bought.
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
    moved = []
    for entry in session.entries.values():
        if entry.state not in WAITING or entry.run_id == plan.run_id:
            continue
        key = entry.change.key
        # The ends of an association may have moved: it is planned anew with its record.
        if entry.subject in subjects or key in deleted or (entry.verb == "associate" and key in keys):
            moved.append(entry.to(DeliveryState.SUPERSEDED, NEWER_PLAN))
        elif key in held and entry.job != UNDO:
            moved.append(entry.to(DeliveryState.DROPPED, Why.UNDONE))
        elif plan.whole and entry.job != UNDO and key not in known:
            moved.append(entry.to(DeliveryState.SUPERSEDED, NOT_WANTED))
    return moved
