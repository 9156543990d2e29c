"""Bulk API 2.0 ingest: the life of a job and what a client may ask of it."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_jobs import INGEST, closed_job, open_job
from salesforce_served import VERSION, StandIn
from simple_salesforce import Salesforce

NAMES = "Name\n" + "".join(f"Account {number}\n" for number in range(1000))


def names(salesforce: StandIn) -> list[str]:
    return [row["Name"] for row in salesforce.query("SELECT Name FROM Account ORDER BY Id")]


def test_new_job_is_described_as_documented(salesforce: StandIn) -> None:
    """The answer to a new job has the documented members, and its address no leading slash."""
    answer = salesforce.call("POST", INGEST, {"object": "account", "operation": "insert", "lineEnding": "CRLF"})

    job = answer.json()
    assert answer.status_code == 200
    assert job["id"].startswith("750")
    assert job["contentUrl"] == f"services/data/{VERSION}/jobs/ingest/{job['id']}/batches"
    assert job["apiVersion"] == 62.0
    shown = {name: job[name] for name in ("object", "operation", "state", "contentType", "concurrencyMode")}
    assert shown == {
        "object": "Account",
        "operation": "insert",
        "state": "Open",
        "contentType": "CSV",
        "concurrencyMode": "Parallel",
    }
    assert (job["lineEnding"], job["columnDelimiter"], "jobType" in job) == ("CRLF", "COMMA", False)


def test_job_goes_through_its_states(salesforce: StandIn) -> None:
    """UploadComplete, at the first look InProgress with some rows done, at the second JobComplete with all."""
    job = open_job(salesforce)
    put = job.upload(NAMES)
    closed = job.close()

    assert (put.status_code, put.content) == (201, b"")
    assert (closed.status_code, closed.json()["state"], names(salesforce)) == (200, "UploadComplete", [])
    first, second = job.poll(), job.poll()
    assert (first["state"], first["numberRecordsProcessed"]) == ("InProgress", 400)
    assert (second["state"], second["numberRecordsProcessed"], second["numberRecordsFailed"]) == (
        "JobComplete",
        1000,
        0,
    )
    assert (second["jobType"], second["retries"], "errorMessage" in second) == ("V2Ingest", 0, False)
    assert len(names(salesforce)) == 1000


def test_job_that_is_not_closed_changes_nothing(salesforce: StandIn) -> None:
    """Without UploadComplete nothing runs, however often one looks."""
    job = open_job(salesforce)
    job.upload("Name\nA\n")

    assert [job.poll()["state"] for _ in range(5)] == ["Open"] * 5
    assert names(salesforce) == []


def test_polls_a_job_needs_are_a_switch(salesforce: StandIn) -> None:
    """`job_polls` says how many looks see a job through."""
    salesforce.control.switches["job_polls"] = 4
    job = closed_job(salesforce, NAMES)

    assert [job.poll()["numberRecordsProcessed"] for _ in range(4)] == [200, 400, 600, 1000]


def test_job_can_go_by_the_clock(salesforce: StandIn) -> None:
    """With `job_seconds` looks change nothing, time does, and what was done is seen without asking for the job."""
    salesforce.control.switches["job_seconds"] = 100
    salesforce.control.clock.advance(0.001)
    job = closed_job(salesforce, NAMES)
    assert [job.poll()["state"] for _ in range(5)] == ["UploadComplete"] * 5

    salesforce.control.clock.advance(50)
    half = len(names(salesforce))
    salesforce.control.clock.advance(50)
    assert (half, len(salesforce.org.dump("Account")), job.poll()["state"]) == (400, 1000, "JobComplete")


def test_result_rows_are_shuffled_and_carry_what_was_sent(salesforce: StandIn) -> None:
    """Rows come in another order than sent, each with its id, whether it was created, and its columns."""
    job = closed_job(salesforce, NAMES)
    job.ended()

    rows = job.results()
    answer = salesforce.call("GET", f"{job.path}/successfulResults")
    assert answer.text.startswith('"sf__Id","sf__Created",Name\n"001')
    assert answer.headers["Content-Type"] == "text/csv"
    assert {row["sf__Created"] for row in rows} == {"true"}
    assert [row["Name"] for row in rows] != [f"Account {number}" for number in range(1000)]
    by_id = {row["sf__Id"]: row["Name"] for row in rows}
    assert by_id == {row["Id"]: row["Name"] for row in salesforce.query("SELECT Id, Name FROM Account")}
    assert job.results("failedResults") == []


@pytest.mark.parametrize("spelling", ["unprocessedrecords", "unprocessedRecords"])
def test_aborted_job_keeps_what_it_did(salesforce: StandIn, spelling: str) -> None:
    """Rows done before the abort stay, the others are fetched as unprocessed, under either spelling."""
    job = closed_job(salesforce, NAMES)
    job.poll()
    assert job.close("Aborted").json()["state"] == "Aborted"

    assert (len(names(salesforce)), job.poll()["state"]) == (400, "Aborted")
    assert len(job.results()) == 400
    assert {row["Name"] for row in job.results(spelling)} == {f"Account {n}" for n in range(400, 1000)}


def test_failed_job_keeps_what_it_did(salesforce: StandIn) -> None:
    """A job that fails on its way takes nothing back; only one job meets the planned fault."""
    fault = {"object": "Account", "after": 250, "message": "InternalServerError : timed out", "times": 1}
    salesforce.control.switches["job_faults"] = [fault]
    job = closed_job(salesforce, NAMES)

    told = job.ended()
    assert (told["state"], told["errorMessage"], told["numberRecordsProcessed"]) == (
        "Failed",
        "InternalServerError : timed out",
        250,
    )
    assert (len(names(salesforce)), len(job.results("unprocessedrecords"))) == (250, 750)
    assert closed_job(salesforce, "Name\nB\n").ended()["state"] == "JobComplete"


def test_outcomes_may_be_in_no_result(salesforce: StandIn) -> None:
    """Beyond the daily allocation of batches rows are worked on, and no result tells of them."""
    salesforce.control.switches["job_faults"] = [{"unrecorded": 2}]
    job = closed_job(salesforce, "Name\nA\nB\nC\n")

    assert job.ended()["state"] == "JobComplete"
    assert [row["Name"] for row in job.results()] == ["A"]
    assert (job.results("failedResults"), job.results("unprocessedrecords")) == ([], [])
    assert names(salesforce) == ["A", "B", "C"]


def test_unclosed_upload_is_all_unprocessed(salesforce: StandIn) -> None:
    """A job aborted before it ran gives back what it was sent."""
    job = open_job(salesforce)
    job.upload("Name\nA\nB\n")
    job.close("Aborted")

    assert [row["Name"] for row in job.results("unprocessedrecords")] == ["A", "B"]
    assert names(salesforce) == []


def test_data_is_sent_once_and_as_csv(salesforce: StandIn) -> None:
    """A second PUT, one to a closed job, another type and too many bytes are refused, and the first data stay."""
    salesforce.control.switches["job_bytes"] = 50
    job = open_job(salesforce)
    refused = job.upload("Name\nA\n", "application/json"), job.upload("Name\n" + "x" * 60)
    job.upload("Name\nA\n")
    second = job.upload("Name\nB\n")
    job.close()
    late = job.upload("Name\nC\n")

    assert [one.status_code for one in refused] == [415, 413]
    assert (second.status_code, second.json()[0]["errorCode"]) == (400, "BULK_API_ERROR")
    assert (late.status_code, late.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    job.ended()
    assert names(salesforce) == ["A"]


def test_job_without_data_fails(salesforce: StandIn) -> None:
    """Closing a job that was sent nothing ends it Failed; a header alone is a job of no rows."""
    empty = open_job(salesforce)
    empty.close()

    assert empty.ended()["state"] == "Failed"
    bare = closed_job(salesforce, "Name\n").ended()
    assert (bare["state"], bare["numberRecordsProcessed"]) == ("JobComplete", 0)


@pytest.mark.parametrize("state", ["UploadComplete", "Aborted"])
def test_ended_job_cannot_be_closed_or_aborted(salesforce: StandIn, state: str) -> None:
    """The state of a job that has ended is final."""
    job = closed_job(salesforce, "Name\nA\n")
    job.ended()

    answer = job.close(state)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    assert job.close("Open").json()[0]["errorCode"] == "API_ERROR"


def test_results_wait_for_the_end(salesforce: StandIn) -> None:
    """Results of a job that has not ended are refused."""
    job = closed_job(salesforce, "Name\nA\n")

    assert salesforce.refused("GET", f"{job.path}/successfulResults")[:2] == (400, "INVALIDJOBSTATE")


def test_deleted_job_is_gone(salesforce: StandIn) -> None:
    """An open job cannot be deleted; an ended one can, and is then not found, its records staying."""
    job = closed_job(salesforce, "Name\nA\n")
    open_one = open_job(salesforce)
    job.ended()
    answer = salesforce.call("DELETE", job.path)

    assert (answer.status_code, answer.content) == (204, b"")
    for path in (job.path, f"{job.path}/successfulResults"):
        assert salesforce.refused("GET", path)[:2] == (404, "NOT_FOUND")
    assert salesforce.refused("DELETE", open_one.path)[:2] == (400, "INVALIDJOBSTATE")
    assert names(salesforce) == ["A"]


def test_deleted_before_it_ran_does_nothing(salesforce: StandIn) -> None:
    """A closed job that is deleted before it starts writes nothing."""
    job = closed_job(salesforce, "Name\nA\n")
    salesforce.call("DELETE", job.path)

    assert salesforce.refused("GET", job.path)[0] == 404
    assert names(salesforce) == []


def test_results_are_kept_a_week(salesforce: StandIn) -> None:
    """Seven days after its end a job is forgotten."""
    salesforce.control.switches["token_seconds"] = 10**9
    salesforce.log_in()
    job = closed_job(salesforce, "Name\nA\n")
    job.ended()
    salesforce.control.clock.advance(6.9 * 86_400)
    assert job.poll()["state"] == "JobComplete"
    salesforce.control.clock.advance(0.2 * 86_400)

    assert salesforce.refused("GET", job.path)[0] == 404


def test_jobs_are_listed_and_in_the_state(salesforce: StandIn) -> None:
    """All jobs are listed, on the control surface too; a reset forgets them."""
    job = open_job(salesforce, "upsert", externalIdFieldName="Id")

    listed = salesforce.call("GET", INGEST).json()
    (told,) = salesforce.org.dump("jobs")
    assert (listed["done"], [one["id"] for one in listed["records"]]) == (True, [job.id])
    assert (told["id"], told["state"], told["externalIdFieldName"]) == (job.id, "Open", "Id")
    assert salesforce.call("GET", f"{INGEST}?jobType=Classic").json()["records"] == []
    salesforce.org.reset()
    assert salesforce.org.dump("jobs") == []


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"object": "Foo"}, "INVALIDJOB", "InvalidJob : Unable to find object: Foo"),
        ({"operation": "merge"}, "API_ERROR", "Invalid value: 'merge' supplied for property: 'operation'"),
        ({"operation": "hardDelete"}, "FEATURENOTENABLED", "FeatureNotEnabled : "),
        ({"contentType": "JSON"}, "API_ERROR", "Invalid value: 'JSON' supplied for property: 'contentType'"),
        ({"lineEnding": "CR"}, "API_ERROR", "Invalid value: 'CR' supplied for property: 'lineEnding'"),
        ({"columnDelimiter": ","}, "API_ERROR", "Invalid value: ',' supplied for property: 'columnDelimiter'"),
        ({"object": "OpportunityStage"}, "INVALIDENTITY", "InvalidEntity : "),
        ({"records": []}, "JSON_PARSER_ERROR", 'Unrecognized field "records"'),
        (
            {"operation": "upsert", "externalIdFieldName": "Site"},
            "INVALIDJOB",
            "InvalidJob : Field name provided, Site does not match an External ID for Account",
        ),
        ({"operation": "upsert"}, "INVALIDJOB", "InvalidJob : Field name provided,  does not match"),
    ],
)
def test_job_is_refused(salesforce: StandIn, asked: dict[str, Any], code: str, message: str) -> None:
    """What a job may not ask for is refused before any data are sent."""
    answer = salesforce.call("POST", INGEST, {"object": "Account", "operation": "insert", **asked})

    assert answer.status_code == 400
    (error,) = answer.json()
    assert error["errorCode"] == code
    assert error["message"].startswith(message)


def test_second_client_loads_through_jobs(salesforce: StandIn, sf: Salesforce) -> None:
    """A client that others wrote inserts, updates, upserts and deletes through jobs, whatever the delimiter."""
    salesforce.control.switches["job_polls"] = 1
    rows = [{"LastName": f"Größe {number}", "Email": f"{number}@example.com", "Title": 'x; "y"'} for number in range(3)]
    bulk = sf.bulk2.Contact
    bulk.insert(records=rows, column_delimiter="SEMICOLON", line_ending="CRLF", wait=0)
    known = {row["Email"]: row["Id"] for row in salesforce.query("SELECT Id, Email FROM Contact")}
    (upserted,) = bulk.upsert(
        records=[{"Email": f"{number}@example.com", "LastName": "New"} for number in (2, 3)],
        external_id_field="Email",
        wait=0,
    )
    bulk.update(records=[{"Id": known["0@example.com"], "Title": "z"}], wait=0)
    bulk.delete(records=[{"Id": known["1@example.com"]}], wait=0)

    assert (upserted["numberRecordsProcessed"], upserted["numberRecordsFailed"]) == (2, 0)
    contacts = salesforce.query("SELECT LastName, Title FROM Contact ORDER BY Email")
    assert [(row["LastName"], row["Title"]) for row in contacts] == [
        ("Größe 0", "z"),
        ("New", 'x; "y"'),
        ("New", None),
    ]
    created = {line.split('"')[3] for line in bulk.get_successful_records(upserted["job_id"]).splitlines()[1:]}
    assert created == {"true", "false"}
