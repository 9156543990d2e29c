"""Carries out thousands of writes as one job of Bulk API 2.0, and finds out what became of each.

Decided here: a job pays above 2,000 records, and carries no more than Salesforce works on as one piece. A keyed create
is an upsert, so that a job that ran unnoticed does no harm when its writes travel again; a create without a key never
travels so. Results are joined by key or id: their order means nothing. What an ended job tells nothing about is
unknown, and read back.

Source: Bulk API 2.0 Developer Guide, "Create a Job", "Upload Job Data", "Upload Complete", "Get Job Info",
"Get Successful / Failed / Unprocessed Record Results".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from connector.adapters.crms.batches import Judgement
from connector.adapters.crms.http import CallError, LostAnswerError, RefusedError
from connector.adapters.crms.salesforce.bulk_csv import Cells, cells, rows, table
from connector.adapters.crms.salesforce.client import CsvAnswer, SalesforceClient
from connector.adapters.crms.salesforce.errors import record_outcome
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.translate import SOBJECTS, fields_of, key_field, to_wire
from connector.adapters.crms.writable import prepare
from connector.domain.change import Outcome, RecordType, Verb, Verdict, Write
from connector.domain.errors import LaterError, MendError
from connector.domain.mapping import CrmMapping

_FEWEST_RECORDS = 2_000
_MOST_RECORDS = 10_000
_MOST_BYTES = 90_000_000
_RUNNING = frozenset({"UploadComplete", "InProgress"})
# `CODE:message:Field, Field --`, with nothing between the last colon and the dashes when no field is named.
_ERROR = re.compile(r"(?P<code>[A-Z][A-Z0-9_]+):(?P<message>.*?)(?::(?P<fields>[\w., ]*) ?--)?\s*", re.DOTALL)
_NOT_CARRIED = Judgement(Verdict.RETRY, "not_for_bulk", "a bulk job cannot carry it; it travels in a batch")
_FORGOTTEN = Judgement(Verdict.UNKNOWN, "job_unknown", "Salesforce does not know the bulk job any more")
_UNACCOUNTED = Judgement(Verdict.UNKNOWN, "unaccounted", "the results of the bulk job do not mention it")
Row = Mapping[str, str]
Result = Literal["successfulResults", "failedResults", "unprocessedrecords"]
_RESULTS: tuple[Result, ...] = ("successfulResults", "failedResults", "unprocessedrecords")


class SalesforceBulk:
    """Ingest jobs: create, upload, start, ask."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def size(self, verb: Verb, type: RecordType, count: int) -> int:
        """Say how many of `count` writes one job carries; 0 where batches serve better."""
        if (
            type is RecordType.FILE
            or count <= _FEWEST_RECORDS
            or (verb == "create" and not self._reader.is_keyed(type))
        ):
            return 0
        return min(count, _MOST_RECORDS)

    def begin(self, batch: Sequence[Write]) -> tuple[str, list[Outcome]]:
        """Create a job and upload its rows; nothing runs before `start`."""
        try:
            content, left_out = self._content(batch)
        except MendError as error:
            raise LaterError(f"no bulk job was made: {error.problem.message}", hint=error.problem.hint) from error
        try:
            job = self._created(batch[0])
        except CallError as error:
            raise LaterError(f"no bulk job was made: {error}", hint="its records travel in batches") from error
        try:
            self._client.call("PUT", f"{_path(job)}/batches", body=content)
        except CallError as error:
            with suppress(CallError):  # a job that stays open does nothing but lie about
                self._abort(job)
            raise LaterError(f"bulk job {job} was not filled: {error}", hint="its records travel in batches") from error
        return job, left_out

    def start(self, job: str) -> None:
        """Let a job run."""
        try:
            self._client.call("PATCH", _path(job), body={"state": "UploadComplete"})
        except CallError as error:
            raise LaterError(f"bulk job {job} may not have started: {error}", hint="it is asked what it did") from error

    def outcomes(self, job: str, batch: Sequence[Write]) -> list[Outcome] | None:
        """Give what became of each write; None while the job runs."""
        try:
            told = self._told(job)
            if told["state"] == "Open":
                if not self._has_ended(job):
                    return None
                told = self._told(job)
            return None if told["state"] in _RUNNING else self._results(job, told, batch)
        except RefusedError as error:
            if error.status == 404:
                return [_FORGOTTEN.of(write) for write in batch]
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error

    def _content(self, batch: Sequence[Write]) -> tuple[bytes, list[Outcome]]:
        """Write the CSV of a batch, and say what is left out of it."""
        type, identity = batch[0].type, self._identity(batch[0])
        specs, keyed = self._reader.schema(type).fields, self._reader.is_keyed(type)
        bodies, left_out = prepare(batch, specs, lambda one: fields_of(one, specs, self._mapping, keyed), to_wire)
        named: dict[str, tuple[Write, Cells]] = {}
        for write in (one for one in batch if one.entry in bodies):
            row = cells(bodies[write.entry] | {identity: self._name(write)})
            # Salesforce refuses both of two rows that name one record: the second travels later.
            if row is None or row[identity] in named:
                left_out.append(_NOT_CARRIED.of(write))
            else:
                named[row[identity]] = write, row
        content, count = table([row for _, row in named.values()], identity, _MOST_BYTES)
        if count == 0:
            raise LaterError("no bulk job was made: none of its records can travel so")
        return content, left_out + [_NOT_CARRIED.of(write) for write, _ in list(named.values())[count:]]

    def _created(self, write: Write) -> str:
        spec = {
            "object": SOBJECTS[write.type],
            "operation": "upsert" if write.verb == "create" else "update",
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        if write.verb == "create":
            spec["externalIdFieldName"] = self._identity(write)
        told = self._client.call("POST", "jobs/ingest", body=spec)
        if not isinstance(told, dict) or not told.get("id"):
            raise LostAnswerError("the answer to the creation of a bulk job names none")
        return str(told["id"])

    def _identity(self, write: Write) -> str:
        """Name the column that tells which record a row is about."""
        return str(key_field(self._mapping, write.type)) if write.verb == "create" else "Id"

    @staticmethod
    def _name(write: Write) -> str:
        """Give what that column holds."""
        return str(write.key if write.verb == "create" else write.crm_id)

    def _told(self, job: str) -> Mapping[str, Any]:
        told = self._client.read(_path(job))
        if not isinstance(told, dict) or "state" not in told:
            raise LostAnswerError(f"the answer about bulk job {job} names no state")
        return told

    def _has_ended(self, job: str) -> bool:
        """End a job that never started; say no when it started meanwhile."""
        try:
            self._abort(job)
        except RefusedError as error:
            if error.status == 400:
                return False
            raise
        return True

    def _abort(self, job: str) -> None:
        self._client.call("PATCH", _path(job), body={"state": "Aborted"})

    def _results(self, job: str, told: Mapping[str, Any], batch: Sequence[Write]) -> list[Outcome]:
        """Join the results of an ended job with the writes it carried."""
        never = _not_processed(str(told.get("errorMessage") or ""))
        if told["state"] != "JobComplete" and not told.get("numberRecordsProcessed"):
            return [never.of(write) for write in batch]
        counts = Counter(map(self._name, batch))
        # After a crash a write that was left out for naming the same record comes along: neither can be told apart.
        left = {self._name(write): write for write in batch if counts[self._name(write)] == 1}
        outcomes: list[Outcome] = []
        for kind in _RESULTS:
            for row in self._rows(job, kind) if left else ():
                write = left.pop(row.get(self._identity(batch[0]), ""), None)
                if write is not None:
                    outcomes.append(_outcome(kind, write, row, never))
        accounted = {outcome.entry for outcome in outcomes}
        return outcomes + [_UNACCOUNTED.of(write) for write in batch if write.entry not in accounted]

    def _rows(self, job: str, kind: Result) -> Iterator[Row]:
        locator: str | None = None
        while True:
            page = self._client.read(f"{_path(job)}/{kind}/", {"locator": locator} if locator else None)
            if not isinstance(page, CsvAnswer):
                raise LostAnswerError(f"the {kind} of bulk job {job} are no CSV")
            yield from rows(page.text)
            locator = page.next
            if locator is None:
                return


def _path(job: str) -> str:
    return f"jobs/ingest/{job}"


def _outcome(kind: Result, write: Write, row: Row, never: Judgement) -> Outcome:
    match kind:
        case "successfulResults":
            created = row.get("sf__Created", "").lower() == "true"
            return Outcome(write.entry, Verdict.OK, crm_id=row.get("sf__Id") or write.crm_id, created=created)
        case "failedResults":
            return record_outcome(write, {"success": False, "errors": [_error(row.get("sf__Error", ""))]})
        case "unprocessedrecords":
            return never.of(write)


def _error(text: str) -> Mapping[str, Any]:
    """Read `CODE:message:Field, Field --` as the error of a record in a batch."""
    found = _ERROR.fullmatch(text)
    if found is None:
        return {"statusCode": "FAILED_IN_BULK_JOB", "message": text}
    fields = [name.strip() for name in (found["fields"] or "").split(",") if name.strip()]
    return {"statusCode": found["code"], "message": found["message"], "fields": fields}


def _not_processed(message: str) -> Judgement:
    """Say why an ended job did not come to a record, in Salesforce's words where it has some."""
    if not message:
        return Judgement(Verdict.RETRY, "job_aborted", "the bulk job was ended before this record was worked on")
    code, _, rest = message.partition(" : ")
    return Judgement(Verdict.RETRY, code if rest else "job_failed", f"the bulk job failed: {message}")
