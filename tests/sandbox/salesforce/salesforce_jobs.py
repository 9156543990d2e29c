"""Bulk API 2.0 as the tests of this folder use it: one small step a call, results as dictionaries."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import requests
from salesforce_served import StandIn

INGEST = "jobs/ingest"


@dataclass
class Job:
    """One ingest job on a stand-in."""

    salesforce: StandIn
    id: str

    @property
    def path(self) -> str:
        return f"{INGEST}/{self.id}"

    def upload(self, text: str, content_type: str = "text/csv; charset=UTF-8") -> requests.Response:
        return self.salesforce.call(
            "PUT", f"{self.path}/batches", data=text.encode(), headers={"Content-Type": content_type}
        )

    def close(self, state: str = "UploadComplete") -> requests.Response:
        return self.salesforce.call("PATCH", self.path, {"state": state})

    def poll(self) -> dict[str, Any]:
        """Ask for the job once."""
        answer = self.salesforce.call("GET", self.path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self) -> dict[str, Any]:
        """Ask until the job has ended."""
        for _ in range(10):
            told = self.poll()
            if told["state"] in ("JobComplete", "Failed", "Aborted"):
                return told
        raise AssertionError(told)

    def results(self, kind: str = "successfulResults") -> list[dict[str, str]]:
        """Fetch result rows of a comma-separated job."""
        answer = self.salesforce.call("GET", f"{self.path}/{kind}/")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))

    def errors(self) -> list[str]:
        """List the codes that rows were refused with."""
        return sorted(row["sf__Error"].partition(":")[0] for row in self.results("failedResults"))


def open_job(salesforce: StandIn, operation: str = "insert", kind: str = "Account", **asked: Any) -> Job:
    """Make a job."""
    answer = salesforce.call("POST", INGEST, {"object": kind, "operation": operation, **asked})
    assert answer.status_code == 200, answer.text
    return Job(salesforce, answer.json()["id"])


def closed_job(salesforce: StandIn, text: str, operation: str = "insert", kind: str = "Account", **asked: Any) -> Job:
    """Make a job, give it its data and close it."""
    job = open_job(salesforce, operation, kind, **asked)
    assert job.upload(text).status_code == 201
    assert job.close().status_code == 200
    return job
