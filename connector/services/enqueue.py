"""Turns a plan into outbox entries, in one transaction: before it nothing has happened, after it nothing is lost.

A newer plan takes the place of what still waited for the same record; of an older one, applied late, such changes are
`moved`. A record on the wire when this delivery began stays out: its old entry is settled first, and the next plan sees
the result. What a plan noticed (deletions, fields that people took over, records found again) is noted in the same
transaction. A plan that is applied again after a kill goes on with the entries it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from connector.domain.change import Cause, Change, FieldChange, Plan, Policy, RecordType, Why
from connector.domain.errors import PlanRefusedError
from connector.domain.merge import is_touched
from connector.domain.outbox import MOVED, DeliveryState, OutboxEntry, entry_of, subject_of
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.batches import WRITTEN, in_travel_order
from connector.services.readback import still_as_planned
from connector.services.session import Session
from connector.services.stepping import left_to_newer, stepping_aside

MOVED_SHARE = 0.1
MOVED_LEAST = 10
"""More than this share of a plan, and at least so many changes, moved: the plan describes another world."""


def enqueue(plan: Plan, session: Session, blocked: Collection[str]) -> None:
    """Store a plan's changes as entries; raise PlanRefusedError if too much of it moved."""
    taken = {entry.id for entry in session.means.outbox.of_run(plan.run_id)}
    changes = [change for change in plan.changes if change.key and subject_of(change) not in blocked]
    new = [entry for entry in _entries(plan, changes, session.at()) if entry.id not in taken]
    newer = left_to_newer(session, plan)
    overtaken = [
        entry.to(DeliveryState.SUPERSEDED, MOVED)
        for entry in new
        if entry.change.key in newer or _ledger_moved(session, entry.change)
    ]
    gone = {entry.id for entry in overtaken}
    going, moved = still_as_planned(session, [entry for entry in new if entry.id not in gone])
    if session.is_stopped:  # the CRM does not answer: keep the entries, they are compared when they are sent
        going, moved = [entry for entry in new if entry.id not in gone], []
    _refuse_another_world(plan, len(overtaken) + len(moved), len(new))
    aside = stepping_aside(session, plan, changes)
    late = [entry for entry in _late(plan, session, blocked) if entry.id not in taken]
    session.commit(
        [*aside, *_retried(session, plan, aside), *overtaken, *late, *moved, *in_travel_order(going)],
        [note for change in changes for note in _notes(session, change, plan)],
        plan.episodes,
        plan.holds,
    )


def _entries(plan: Plan, changes: Iterable[Change], at: datetime) -> list[OutboxEntry]:
    return [
        entry_of(change, plan.destination, plan.run_id, plan.job, order, at)
        for order, change in enumerate(changes)
        if change.action in WRITTEN
    ]


def _late(plan: Plan, session: Session, blocked: Collection[str]) -> list[OutboxEntry]:
    """Changes whose record was on the wire when this delivery began: told as moved, unless that did what they ask."""
    late = [change for change in plan.changes if change.key and subject_of(change) in blocked]
    return [
        entry.to(DeliveryState.SUPERSEDED, MOVED)
        for entry in _entries(plan, late, session.at())
        if not _came_true(session, entry.change)
    ]


def _ledger_moved(session: Session, change: Change) -> bool:
    """Another run changed what the ledger knows of this record since the plan was made, or a person took it back."""
    if change.key in session.held:
        return True
    known = session.known.get(change.key)
    if known is None or change.action == "associate":
        return False
    if change.action == "create" or known.tombstone is not None:
        return True
    shared = (known.receipts.get(field.name) for field in change.fields if field.policy is Policy.MERGE)
    if any(receipt is not None and receipt.handed_over for receipt in shared):
        return True
    return known.crm_id != change.crm_id and change.type is not RecordType.ACCOUNT


def _came_true(session: Session, change: Change) -> bool:
    """What was on the wire when this delivery began already did what the change asks for."""
    known = session.known.get(change.key)
    if known is None:
        return False
    receipts, told = known.receipts, [field for field in change.fields if field.cause is not Cause.KEY]
    return all(field.name in receipts and receipts[field.name].sent == field.after for field in told)


def _refuse_another_world(plan: Plan, moved: int, of: int) -> None:
    if moved >= MOVED_LEAST and moved > MOVED_SHARE * of:
        raise PlanRefusedError(
            f"{moved} of {of} records changed in the CRM since the plan of run {plan.run_id} was made",
            hint="make a new plan",
        )


def _retried(session: Session, plan: Plan, superseded: Collection[OutboxEntry]) -> list[OutboxEntry]:
    """Parked entries get one more try in a run of their job: what kept them out may have been mended."""
    gone = {entry.id for entry in superseded}
    return [
        entry.to(DeliveryState.PENDING)
        for entry in session.entries.values()
        if entry.state is DeliveryState.PARKED and entry.id not in gone and entry.tried_in != session.run_id
        if plan.whole or entry.job == plan.job
    ]


def _notes(session: Session, change: Change, plan: Plan) -> list[KnownRecord]:
    """What the plan learnt of a record, to be remembered whether or not anything is written."""
    known = session.known.get(change.key)
    if change.crm_id is None or change.action in ("associate", "create"):
        return []
    if known is None:
        known = KnownRecord(change.key, change.type, change.crm_id, change.account_id)
    if change.why == Why.DELETED:
        return [] if known.tombstone else [replace(known, tombstone=Why.DELETED.value, gone_at=plan.created_at)]
    if change.action == "held":
        return []
    taken_over = {
        field.name: _handed_over(known.receipts.get(field.name), field)
        for field in change.handed_over
        if _is_a_persons(session, change, known.receipts.get(field.name), field)
    }
    agreed = {
        field.name: Receipt(field.after, field.before, run_id=plan.run_id, rule=field.rule) for field in change.agreed
    }
    noted = replace(known, crm_id=change.crm_id, receipts={**agreed, **taken_over}, associations=())
    is_news = change.key not in session.known or known.crm_id != change.crm_id or taken_over or agreed
    return [noted] if is_news else []


def _handed_over(receipt: Receipt | None, field: FieldChange) -> Receipt:
    """Note that a field is ours no more; of one that we know nothing of, what it shows, so that an edit is told."""
    return Receipt(None, field.before, handed_over=True) if receipt is None else replace(receipt, handed_over=True)


def _is_a_persons(session: Session, change: Change, receipt: Receipt | None, field: FieldChange) -> bool:
    """What the plan saw is no write of ours that was only heard of since."""
    spec = session.means.reader.schema(change.type).fields.get(field.name)
    return receipt is None or spec is None or is_touched(receipt, field.before, spec)
