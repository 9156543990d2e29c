"""What undoing does to one record: restored field by field, closed, or left as it is with the reason.

A field goes back only while it shows what the undone run left there: what a person or a later run wrote since is
theirs. A record that the run created is closed, never deleted, and only if nobody touched it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from dataclasses import field as part
from datetime import datetime
from enum import StrEnum

from connector.domain.change import Cause, Change, CrmRecord, FieldChange, Policy, RecordType, Scalar, Schema
from connector.domain.hold import UNDO
from connector.domain.merge import is_touched
from connector.domain.normalise import same
from connector.domain.outbox import OutboxEntry
from connector.domain.receipt import KnownRecord, Receipt


class Stays(StrEnum):
    """Why something that a run wrote is left as it is."""

    PERSON = "changed_by_a_person"
    LATER_RUN = "changed_by_a_later_run"
    DONE = "already_done"
    GONE = "gone"
    READ_ONLY = "not_writable"
    ERASED = "values_erased"
    ON_ITS_WAY = "on_its_way"
    NOT_DELIVERED = "not_delivered"


@dataclass(frozen=True)
class Left:
    """A record (or one field of it) that undoing leaves as it is."""

    type: RecordType
    key: str
    title: str
    crm_id: str | None
    why: Stays
    detail: str = ""
    field: str | None = None


@dataclass(frozen=True)
class Closing:
    """How a record of a type is closed: the field that says so, what it then holds, and what it holds when done."""

    field: str
    closed: Scalar
    done: Container[Scalar] = ()
    told_by: str | None = None
    """Another field, whose value decides what `closed` is: it has to be read."""


@dataclass(frozen=True)
class Undoes:
    """What is undone, and what has to be known of the ledger and the CRM to do it."""

    run_id: str
    undos: Container[str]
    """Runs that undid something; what they put back is as the run before left it."""
    known: Mapping[str, KnownRecord]
    schema: Callable[[RecordType], Schema]
    closing: Callable[[RecordType, CrmRecord | None], Closing | None]
    """How a record is closed; without one, how its type is."""
    on_its_way: Mapping[str, Mapping[str, Scalar]] = part(default_factory=dict)
    """Key → field → value that an earlier undoing of it was writing when it was broken off."""


@dataclass(frozen=True)
class TakenBack:
    """What becomes of one record."""

    change: Change | None = None
    left: tuple[Left, ...] = ()
    also_by: str | None = None
    """A later run that wrote to a record which is closed all the same."""
    is_closed: bool = False
    """It was created by the run, and it is closed already: by us."""


def take_back(entry: OutboxEntry, record: CrmRecord | None, at: datetime, undoes: Undoes) -> TakenBack:
    """Decide what undoing does to the record that one delivered entry wrote."""
    known = undoes.known.get(entry.change.key)
    gone = _gone(known, record)
    if gone is not None or known is None or record is None:
        return TakenBack(left=(_left(entry, Stays.GONE, gone or "the ledger knows nothing of it"),))
    if entry.change.action == "create":
        return _close(entry, known, record, at, undoes)
    return _restore(entry, known, record, at, undoes)


def _gone(known: KnownRecord | None, record: CrmRecord | None) -> str | None:
    if record is not None and record.merged_into is not None:
        return f"merged into {record.merged_into}"
    if record is None or record.archived:
        return "deleted"
    return known.tombstone if known is not None else None


def _restore(entry: OutboxEntry, known: KnownRecord, record: CrmRecord, at: datetime, undoes: Undoes) -> TakenBack:
    fields, left = [], []
    for written in entry.change.fields:
        if written.cause is Cause.KEY:  # taken back, it would only be lost again
            continue
        found = _field(written, known.receipts.get(written.name), record, undoes, entry.change.type)
        if isinstance(found, FieldChange):
            fields.append(found)
        elif found is not None:
            left.append(_left(entry, *found, written.name))
    change = _change(entry, record, tuple(fields), at, undoes.run_id) if fields else None
    return TakenBack(change, tuple(left))


def _field(
    written: FieldChange, receipt: Receipt | None, record: CrmRecord, undoes: Undoes, type: RecordType
) -> FieldChange | tuple[Stays, str] | None:
    """Give the change that restores a field, why it stays, or None if it is as before already."""
    if written.before is None and written.after is None:
        return Stays.ERASED, "what it held before was erased from the ledger"
    spec, live = undoes.schema(type).fields.get(written.name), record.fields.get(written.name)
    if spec is None:
        return Stays.READ_ONLY, "the CRM has no such field any more, or hides it from us"
    if same(live, written.before, spec):
        return None
    if receipt is None or is_touched(receipt, live, spec):
        return Stays.PERSON, ""
    is_of_the_run = receipt.run_id == undoes.run_id
    if not is_of_the_run and not (receipt.run_id in undoes.undos and same(live, written.after, spec)):
        return Stays.LATER_RUN, receipt.run_id
    if not spec.updateable:
        return Stays.READ_ONLY, "our user may not write it"
    if written.before is None and spec.required:
        return Stays.READ_ONLY, "it was empty, and the CRM wants a value now"
    return FieldChange(written.name, live, written.before, written.policy, Cause.UNDO, written.rule)


def _close(entry: OutboxEntry, known: KnownRecord, record: CrmRecord, at: datetime, undoes: Undoes) -> TakenBack:
    closing, schema = undoes.closing(entry.change.type, record), undoes.schema(entry.change.type)
    spec = schema.fields.get(closing.field) if closing is not None else None
    if closing is None or spec is None or not spec.updateable:
        return TakenBack(left=(_left(entry, Stays.READ_ONLY, "its type has no field by which we may close it"),))
    live, receipt = record.fields.get(closing.field), known.receipts.get(closing.field)
    if receipt is not None and same(live, closing.closed, spec) and not is_touched(receipt, live, spec):
        return TakenBack(is_closed=True)
    ours = undoes.on_its_way.get(entry.change.key, {})
    if closing.field in ours and same(live, ours[closing.field], spec) and same(live, closing.closed, spec):
        return TakenBack(is_closed=True)
    touched = [
        name
        for name, receipt in known.receipts.items()
        if name in schema.fields and is_touched(receipt, record.fields.get(name), schema.fields[name])
    ]
    if live in closing.done:
        return TakenBack(left=(_left(entry, Stays.DONE, "", closing.field),))
    if touched:
        return TakenBack(left=tuple(_left(entry, Stays.PERSON, "", name) for name in sorted(touched)))
    runs = {receipt.run_id for receipt in known.receipts.values()} - {undoes.run_id}
    later = max((run for run in runs if run not in undoes.undos), default=None)
    change = FieldChange(closing.field, live, closing.closed, Policy.MERGE, Cause.UNDO)
    return TakenBack(_change(entry, record, (change,), at, undoes.run_id, close=True), also_by=later)


def _change(
    entry: OutboxEntry,
    record: CrmRecord,
    fields: tuple[FieldChange, ...],
    at: datetime,
    run_id: str,
    close: bool = False,
) -> Change:
    undone = entry.change
    return Change(
        id=f"{undone.type}:{undone.key}",
        action="close" if close else "update",
        type=undone.type,
        key=undone.key,
        account_id=undone.account_id,
        title=title_of(entry),
        reason=f"{UNDO} of run {run_id}",
        crm_id=record.id,
        fields=fields,
        value=undone.value,
        read_at=at,
    )


def _left(entry: OutboxEntry, why: Stays, detail: str = "", name: str | None = None) -> Left:
    change = entry.change
    return Left(change.type, change.key, title_of(entry), entry.crm_id, why, detail, name)


def title_of(entry: OutboxEntry) -> str:
    """Name a record as its change did; one whose values were erased by its id."""
    return entry.change.title or f"{entry.change.type} {entry.crm_id}"
