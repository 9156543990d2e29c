"""An ingest job of Bulk API 2.0: what it is told, what it was sent, how far it has come.

A job never changes in place: each step puts a new one in `Org.jobs`. What was not closed by UploadComplete is never
worked on.

Source: Bulk API 2.0 Developer Guide, "Job States", "Get Information About an Ingest Job".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from connector.sandbox.control import Row
from connector.sandbox.salesforce.values import stamp

JobState = Literal["Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]
ENDED: tuple[JobState, ...] = ("JobComplete", "Failed", "Aborted")
WAITING: tuple[JobState, ...] = ("UploadComplete", "InProgress")


@dataclass(frozen=True)
class Done:
    """What became of one row: its record, or why not."""

    record_id: str
    created: bool = False
    error: str | None = None


@dataclass(frozen=True)
class JobSpec:
    """What the creator of a job asked for."""

    object: str
    operation: str
    key: str | None
    delimiter: str
    line_ending: str
    user_id: str
    version: str


@dataclass(frozen=True)
class Job:
    """One ingest job at one moment."""

    id: str
    spec: JobSpec
    created: datetime
    changed: datetime
    state: JobState = "Open"
    content: bytes | None = None
    polls: int = 0
    """How often it was asked for since UploadComplete."""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...] | str, ...] | None = None
    """Cells of each row, or the line itself where it cannot be read; None before the upload was looked at."""
    done: tuple[Done, ...] = ()
    """Outcomes of the first rows, in the order sent."""
    error: str | None = None
    fault: dict[str, Any] | None = None
    """The planned failure of `job_faults` that meets this job."""

    @property
    def failed_rows(self) -> int:
        return sum(one.error is not None for one in self.done)

    @property
    def recorded(self) -> tuple[Done, ...]:
        """Outcomes that Salesforce kept: it records none for batches beyond the daily allocation."""
        lost = self.fault.get("unrecorded", 0) if self.fault else 0
        return self.done[: max(len(self.done) - lost, 0)]

    def as_created(self) -> Row:
        """Show the job as the call that creates it answers."""
        spec = self.spec
        keyed = {"externalIdFieldName": spec.key} if spec.key else {}
        return {
            "id": self.id,
            "operation": spec.operation,
            "object": spec.object,
            "createdById": spec.user_id,
            "createdDate": stamp(self.created),
            "systemModstamp": stamp(self.changed),
            "state": self.state,
            **keyed,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(spec.version.removeprefix("v")),
            # The address has no leading slash, unlike every other one Salesforce gives.
            "contentUrl": f"services/data/{spec.version}/jobs/ingest/{self.id}/batches",
            "lineEnding": spec.line_ending,
            "columnDelimiter": spec.delimiter,
        }

    def as_changed(self) -> Row:
        """Show the job as the call that closes or aborts it answers."""
        body = self.as_created()
        return {name: body[name] for name in body if name not in ("contentUrl", "lineEnding", "columnDelimiter")}

    def as_listed(self) -> Row:
        """Show the job as the list of jobs does."""
        return {**self.as_created(), "jobType": "V2Ingest"}

    def as_info(self) -> Row:
        """Show the job with what it has done so far."""
        failure = {"errorMessage": self.error} if self.error else {}
        return {
            **self.as_listed(),
            "retries": 0,
            "totalProcessingTime": len(self.done),
            "apiActiveProcessingTime": len(self.done),
            "apexProcessingTime": 0,
            "numberRecordsProcessed": len(self.done),
            "numberRecordsFailed": self.failed_rows,
            **failure,
        }
