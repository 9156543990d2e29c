"""Bulk API 2.0 ingest: making, filling, closing, watching and deleting jobs, and fetching what became of the rows.

What happens to the rows is in `bulk_rows`. Result rows come in no useful order, so that nobody joins them by place.
They are UTF-8 and sent as `text/csv` without a charset: no document promises one, so a client must not rely on it.

Switch: `job_bytes` (the most an upload may hold, 100 MB).

Source: Bulk API 2.0 Developer Guide, "Create a Job", "Upload Job Data", "Close or Abort a Job", "Delete a Job",
"Get All Jobs", "Get Job Successful Record Results".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce import bulk_csv, records
from connector.sandbox.salesforce.bulk_rows import jobs_due
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.http import Handler, answer, json_body
from connector.sandbox.salesforce.jobs import ENDED, WAITING, Job, JobSpec
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import READING

_LARGEST_UPLOAD = 100 * 1024 * 1024
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_ASKED = {"object", "operation", "externalIdFieldName", "contentType", "columnDelimiter", "lineEnding"}
_CLOSED = {"UploadComplete": "closed", "InProgress": "closed", "JobComplete": "Completed", "Failed": "failed"}
_CLOSED |= {"Aborted": "aborted"}
Lines = tuple[Sequence[str], list[Sequence[str]]]


async def create(caller: Caller, request: Request) -> Response:
    """Make a job."""
    spec = _spec(caller, await json_body(request))
    now = caller.org.control.clock.now()
    job = Job(caller.org.mint("750"), spec, created=now, changed=now)
    caller.org.jobs[job.id] = job
    return answer(job.as_created())


async def every(caller: Caller, request: Request) -> Response:
    """List the jobs."""
    asked = request.query_params.get("jobType", "V2Ingest")
    found = [job.as_listed() for job in caller.org.jobs.values()] if asked == "V2Ingest" else []
    return answer({"done": True, "records": found, "nextRecordsUrl": None})


async def upload(caller: Caller, request: Request) -> Response:
    """Take the data of a job, once."""
    content = await request.body()
    job = _job(caller, request)
    if not request.headers.get("content-type", "").startswith("text/csv"):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", "job data must be sent as text/csv; charset=UTF-8")
    if job.state != "Open":
        raise Refusal("INVALIDJOBSTATE", f"InvalidJobState : data cannot be added to a job in state {job.state}")
    if job.content is not None:
        raise Refusal(
            "BULK_API_ERROR",
            f"Found multiple contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job "
            "then create a new Job and make sure you only do 'PUT' once on a given Job.",
        )
    if len(content) > caller.org.switch("job_bytes", _LARGEST_UPLOAD):
        raise Refusal("EXCEEDED_MAX_SIZE_REQUEST", f"the request has {len(content)} bytes, more than a job may hold")
    caller.org.jobs[job.id] = replace(job, content=content)
    return answer(None, 201)


async def change(caller: Caller, request: Request) -> Response:
    """Close a job, which starts it, or abort it."""
    state = (await json_body(request)).get("state")
    job = _job(caller, request)
    now = caller.org.control.clock.now()
    if state == "UploadComplete":
        if job.state != "Open":
            raise _wrong_state(f"Closing already {_CLOSED[job.state]} Job not allowed")
        job = replace(job, state="UploadComplete", changed=now)
    elif state == "Aborted":
        if job.state in ENDED:
            raise _wrong_state(f"Aborting already {_CLOSED[job.state]} Job not allowed")
        job = replace(job, state="Aborted", changed=now)
    else:
        raise Refusal("API_ERROR", f"Invalid value: '{state}' supplied for property: 'state'")
    caller.org.jobs[job.id] = job
    return answer(job.as_changed())


async def info(caller: Caller, request: Request) -> Response:
    """Tell how far a job has come; asking brings it on."""
    job = _job(caller, request)
    if job.state in WAITING:
        caller.org.jobs[job.id] = replace(job, polls=job.polls + 1)
        jobs_due(caller.org)
    return answer(caller.org.jobs[job.id].as_info())


async def remove(caller: Caller, request: Request) -> Response:
    """Delete a job that is not open and not being worked on."""
    job = _job(caller, request)
    if job.state in ("Open", "InProgress"):
        raise _wrong_state(f"Deleting a Job in state {job.state} not allowed")
    del caller.org.jobs[job.id]
    return answer(None, 204)


def results(which: Callable[[Job], Lines]) -> Handler:
    """Build the handler of one kind of results."""

    async def fetch(caller: Caller, request: Request) -> Response:
        job = _job(caller, request)
        if job.state not in ENDED:
            raise _wrong_state(f"the Job is in state {job.state}, its results are not there yet")
        if job.rows is None and which is unprocessed:
            return _csv((job.content or b"").decode(errors="replace"))
        own, lines = which(job)
        shuffled = sorted(enumerate(lines), key=lambda one: (zlib.crc32(f"{job.id}{one[0]}".encode()), one[0]))
        spec = job.spec
        text = bulk_csv.write(own, job.header, (row for _, row in shuffled), spec.delimiter, spec.line_ending)
        return _csv(text)

    return fetch


def _csv(text: str) -> Response:
    return Response(text, headers={"Content-Type": "text/csv"})


def successful(job: Job) -> Lines:
    """Give the rows that were written, with the ids of their records."""
    done = zip(job.recorded, job.rows or (), strict=False)
    rows = [[one.record_id, str(one.created).lower(), *_cells(job, row)] for one, row in done if one.error is None]
    return ("sf__Id", "sf__Created"), [*rows]


def failed(job: Job) -> Lines:
    """Give the rows that were refused, and why."""
    done = zip(job.recorded, job.rows or (), strict=False)
    rows = [[one.record_id, one.error, *_cells(job, row)] for one, row in done if one.error is not None]
    return ("sf__Id", "sf__Error"), [*rows]


def unprocessed(job: Job) -> Lines:
    """Give the rows that a failed or aborted job did not come to."""
    return (), [_cells(job, row) for row in (job.rows or ())[len(job.done) :]]


def _cells(job: Job, row: tuple[str, ...] | str) -> Sequence[str]:
    """Give a row as wide as the header; an unreadable one stands whole in its first cell."""
    cells = (row,) if isinstance(row, str) else row[: len(job.header)]
    return (*cells, *[""] * (len(job.header) - len(cells)))


def _spec(caller: Caller, body: Row) -> JobSpec:
    unknown = sorted(body.keys() - _ASKED)
    if unknown:
        raise Refusal("JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}"')
    operation = _one_of(body, "operation", _OPERATIONS, "")
    if operation == "hardDelete":
        raise Refusal("FEATURENOTENABLED", "FeatureNotEnabled : hardDelete needs the permission Bulk API Hard Delete")
    _one_of(body, "contentType", ("CSV",), "CSV")
    kind = caller.type(str(body.get("object", "")))
    if kind is None:
        raise Refusal("INVALIDJOB", f"InvalidJob : Unable to find object: {body.get('object', '')}")
    if kind.allowed == READING:
        raise Refusal("INVALIDENTITY", f"InvalidEntity : Entity '{kind.name}' is not supported by the Bulk API.")
    key = body.get("externalIdFieldName")
    if operation == "upsert":
        try:
            key = records.key_field(kind, str(key or "")).name
        except Refusal:
            message = f"InvalidJob : Field name provided, {key or ''} does not match an External ID for {kind.name}"
            raise Refusal("INVALIDJOB", message) from None
    return JobSpec(
        kind.name,
        operation,
        key,
        _one_of(body, "columnDelimiter", tuple(bulk_csv.DELIMITERS), "COMMA"),
        _one_of(body, "lineEnding", tuple(bulk_csv.LINE_ENDINGS), "LF"),
        caller.user_id,
        caller.version,
    )


def _one_of(body: Row, name: str, allowed: Sequence[str], default: str) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise Refusal("API_ERROR", f"Invalid value: '{value}' supplied for property: '{name}'")
    return str(value)


def _job(caller: Caller, request: Request) -> Job:
    asked: str = request.path_params["id"]
    job = next((one for one in caller.org.jobs.values() if asked in (one.id, one.id[:15])), None)
    if job is None:
        raise not_found()
    return job


def _wrong_state(message: str) -> Refusal:
    return Refusal("INVALIDJOBSTATE", f"InvalidJobState : {message}")
