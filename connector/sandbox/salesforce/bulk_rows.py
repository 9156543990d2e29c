"""Working on an ingest job: its header against the schema, then row by row under the rules of every other write.

A job is worked on as far as it has come (`jobs_due`): by polls of its own state, or by the clock. Rows go in chunks
of 200, each a transaction of its own for keys sent twice. What the job did before it failed or was aborted stays.

Switches: `job_polls` (how many looks at a job see it through, 2), `job_seconds` (by the clock instead),
`job_faults` (`[{object, operation, times, after, message, unrecorded}]`: jobs that fail `after` so many rows, or whose
last `unrecorded` outcomes are in no result).

Source: Bulk API 2.0 Developer Guide, "How Requests Are Processed", "Relationship Fields in a Header Row".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce import bulk_csv, records, writes
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.jobs import ENDED, WAITING, Done, Job
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import Field, ObjectType
from connector.sandbox.salesforce.values import stored

CHUNK = 200
_KEPT = timedelta(days=7)
_NULL = "#N/A"
_LONGEST_HEADER, _MOST_FIELDS = 32_000, 5_000
_LONGEST_CELL, _LONGEST_RECORD = 32_000, 400_000
_FAULT = "InternalServerError : the job was stopped by a planned fault"


class JobError(Exception):
    """The job as a whole cannot go on; the text is its `errorMessage`."""


@dataclass(frozen=True)
class Column:
    """A column of the upload: a field, or a parent found by one of its own fields."""

    field: Field
    parent: str | None = None
    parent_field: str | None = None

    def filled(self, cell: str) -> Row:
        """Give what a cell contributes to a body: nothing if empty, null for `#N/A`."""
        if cell == "":
            return {}
        if cell == _NULL:
            return {self.field.name: None}
        if self.parent is None:
            return {self.field.name: _checked(self.field, cell)}
        named = {"attributes": {"type": self.parent}, self.parent_field: cell}
        return {str(self.field.relationship): named}


def jobs_due(org: Org) -> None:
    """Bring every closed job to where it is by now, and forget those that ended a week ago."""
    now = org.control.clock.now()
    for job in list(org.jobs.values()):
        if job.state in WAITING:
            _advance(org, job)
        elif job.state in ENDED and job.changed < now - _KEPT:
            del org.jobs[job.id]


def _advance(org: Org, job: Job) -> None:
    share = _share(org, job)
    if share <= 0:
        return
    try:
        job = job if job.rows is not None else _opened(org, job)
        job = _worked(org, job, share)
    except JobError as error:
        job = replace(org.jobs[job.id], state="Failed", error=str(error))
    ended = job.state in ENDED
    org.jobs[job.id] = replace(job, changed=org.control.clock.now() if ended else job.changed)


def _share(org: Org, job: Job) -> float:
    """Say how much of a job is done by now, from 0 to 1."""
    seconds = org.switch("job_seconds", None)
    if seconds is None:
        needed = org.switch("job_polls", 2)
        return 1.0 if needed <= 0 else min(job.polls / needed, 1.0)
    passed = (org.control.clock.now() - job.changed).total_seconds()
    return 1.0 if seconds <= 0 else min(passed / seconds, 1.0)


def _opened(org: Org, job: Job) -> Job:
    """Read the upload and check its header."""
    job = replace(job, state="InProgress", fault=_planned_fault(org, job))
    header, rows = _table(job)
    caller = _caller(org, job)
    job = replace(job, header=header, rows=rows)
    # A job that fails here keeps its rows, so that they can be fetched as unprocessed.
    org.jobs[job.id] = job
    _columns(caller, _kind(caller, job), job)
    return job


def _table(job: Job) -> tuple[tuple[str, ...], tuple[tuple[str, ...] | str, ...]]:
    spec = job.spec
    if not job.content:
        raise JobError("InvalidBatch : the job has no data")
    try:
        text = job.content.decode()
    except UnicodeDecodeError:
        raise JobError("ClientInputError : the data is not UTF-8") from None
    if not bulk_csv.ends_lines_with(text, spec.line_ending):
        raise JobError(
            f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {spec.line_ending}"
        )
    first, *rest = bulk_csv.read(text, spec.delimiter, spec.line_ending)
    if isinstance(first, str):
        raise JobError(f"InvalidBatch : Failed to parse CSV header: {first[:100]}")
    return first, tuple(row for row in rest if row != ("",))


def _planned_fault(org: Org, job: Job) -> dict[str, Any] | None:
    for fault in org.switch("job_faults", []):
        meets = fault.get("object", job.spec.object) == job.spec.object
        meets = meets and fault.get("operation", job.spec.operation) == job.spec.operation
        if meets and fault.get("times", 1) > 0:
            fault["times"] = fault.get("times", 1) - 1
            return dict(fault)
    return None


def _caller(org: Org, job: Job) -> Caller:
    return Caller(org, job.spec.user_id, View(org, job.spec.user_id), job.spec.version)


def _kind(caller: Caller, job: Job) -> ObjectType:
    kind = caller.type(job.spec.object)
    if kind is None:  # an admin took it away since the job was made
        raise JobError(f"InvalidJob : Unable to find object: {job.spec.object}")
    return kind


def _columns(caller: Caller, kind: ObjectType, job: Job) -> list[Column]:
    header = job.header
    if sum(map(len, header)) + len(header) > _LONGEST_HEADER or len(header) > _MOST_FIELDS:
        raise JobError(f"InvalidBatch : the header row is longer than {_LONGEST_HEADER} characters or 5,000 fields")
    if job.spec.operation == "delete" and [name.casefold() for name in header] != ["id"]:
        raise JobError("InvalidBatch : The 'delete' batch must contain only ids")
    return [_parent(caller, kind, name) if "." in name else _plain(kind, name) for name in header]


def _plain(kind: ObjectType, name: str) -> Column:
    field = kind.field(name)
    if field is None:
        raise JobError(f"InvalidBatch : Field name not found : {name}")
    return Column(field)


def _parent(caller: Caller, kind: ObjectType, name: str) -> Column:
    """Read `Relation.Field`, or `Type:Relation.Field` where the parent can be of several types."""
    path, _, parent_field = name.partition(".")
    type_name, _, relation = path.rpartition(":")
    field = kind.relation(relation)
    if field is None:
        raise JobError(f"InvalidBatch : Unable to find relationship: {relation}")
    if type_name and not field.is_polymorphic:
        raise JobError(f"InvalidBatch : type is not needed for non polymorphic foreign key references: {relation}")
    if not type_name and field.is_polymorphic:
        raise JobError(f"InvalidBatch : type is needed for polymorphic foreign key references: {relation}")
    parent = caller.type(type_name or field.refers_to[0])
    found = parent.field(parent_field) if parent is not None and parent.name in field.refers_to else None
    if parent is None or found is None or not (found.external_id or found.id_lookup):
        raise JobError(f"InvalidBatch : Field name not found : {name}")
    return Column(field, parent.name, found.name)


def _worked(org: Org, job: Job, share: float) -> Job:
    """Work on the rows that are due; the last ones end the job."""
    rows = job.rows or ()
    until = len(rows) if share >= 1 else int(len(rows) * share) // CHUNK * CHUNK
    stop = job.fault.get("after") if job.fault else None
    fails = stop is not None and (stop <= until or share >= 1)
    until = min(until, stop) if stop is not None else until
    if share < 1 and not fails and until <= len(job.done):
        return job
    caller = _caller(org, job)
    kind = _kind(caller, job)
    columns = _columns(caller, kind, job)
    due = iter(rows[len(job.done) : until])
    while chunk := list(islice(due, CHUNK - len(job.done) % CHUNK)):
        job = replace(job, done=(*job.done, *_chunk(caller, kind, job, columns, chunk)))
    if fails and job.fault is not None:
        return replace(job, state="Failed", error=job.fault.get("message", _FAULT))
    return replace(job, state="JobComplete") if share >= 1 else job


def _chunk(
    caller: Caller, kind: ObjectType, job: Job, columns: Sequence[Column], chunk: Sequence[tuple[str, ...] | str]
) -> Iterator[Done]:
    """Write the rows of one transaction, each on its own."""
    bodies = [_body(columns, cells) for cells in chunk]
    act = _action(caller, kind, job, [one for one in bodies if not isinstance(one, Refusal)])
    for body in bodies:
        try:
            if isinstance(body, Refusal):
                raise body
            yield Done(*act(body))
        except Refusal as refusal:
            known = body.get("Id") if not isinstance(body, Refusal) and job.spec.operation != "insert" else None
            yield Done(str(known or ""), error=_told(refusal))


def _action(caller: Caller, kind: ObjectType, job: Job, bodies: Sequence[Row]) -> Callable[[Row], tuple[str, bool]]:
    """Build what the job's operation does with one row."""
    match job.spec.operation:
        case "insert":
            return lambda row: (records.insert(caller, kind, row), True)
        case "update":
            return lambda row: (writes.update_by_id(caller, kind, row), False)
        case "upsert":
            field = records.key_field(kind, str(job.spec.key))
            twice = writes.keys_sent_twice(bodies, field)

            def upsert(row: Row) -> tuple[str, bool]:
                writes.refuse_key_sent_twice(row, field, twice)
                return writes.upsert_by_key(caller, kind, field, row)

            return upsert
        case _:
            return lambda row: (_deleted(caller, kind, row), False)


def _deleted(caller: Caller, kind: ObjectType, row: Row) -> str:
    if not row.get("Id"):
        raise Refusal("MISSING_ARGUMENT", "Id not specified in a delete call")
    found = str(records.existing(caller.org, kind, row["Id"])["Id"])
    records.delete(caller, kind, found)
    return found


def _body(columns: Sequence[Column], cells: tuple[str, ...] | str) -> Row | Refusal:
    """Turn the cells of a row into a body, or say why they are none."""
    if isinstance(cells, str):
        return Refusal("INVALID_INPUT_FORMAT", "the row cannot be read: a quote stands beside other characters")
    if len(cells) != len(columns):
        return Refusal("INVALID_INPUT_FORMAT", f"the row has {len(cells)} cells, the header {len(columns)}")
    if any(len(cell) > _LONGEST_CELL for cell in cells):
        return Refusal("STRING_TOO_LONG", f"data value too large (max length={_LONGEST_CELL})")
    if sum(map(len, cells)) > _LONGEST_RECORD:
        return Refusal("LIMIT_EXCEEDED", f"the record has more than {_LONGEST_RECORD} characters")
    body: Row = {}
    try:
        for column, cell in zip(columns, cells, strict=True):
            body |= column.filled(cell)
    except Refusal as refusal:
        return refusal
    return body


def _checked(field: Field, cell: str) -> str:
    """Let a cell pass that its field can hold; the words for a wrong type are not those of JSON."""
    try:
        stored(field, cell)
    except Refusal as refusal:
        if refusal.code == "JSON_PARSER_ERROR":
            raise Refusal(
                "INVALID_TYPE_ON_FIELD_IN_RECORD",
                f"{field.label}: value not of required type: {cell}",
                [field.name],
            ) from None
        raise
    return cell


def _told(refusal: Refusal) -> str:
    """Write an error as `sf__Error` does: code, message, fields, and two dashes."""
    fields = ", ".join(refusal.fields or [])
    return f"{refusal.code}:{refusal.message}:{fields} --" if fields else f"{refusal.code}:{refusal.message}:--"
