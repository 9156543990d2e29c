"""Facts of Salesforce's bulk jobs: what is uploaded, and what each kind of ending proves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from connector.adapters.crms.salesforce import bulk as jobs
from connector.domain.change import Outcome, RecordType, Verdict, Write
from connector.domain.errors import BudgetSpentError, LaterError, UnreachableError
from connector.ports.crm import CrmBulk
from connector.sandbox.control import Fault
from connector.testing.contracts.crm_bulk import carried_out, waited_for
from connector.testing.contracts.crm_world import created, link, linked_task, new_key, opportunity, update

if TYPE_CHECKING:
    from crm_worlds import SalesforceWorld

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK


def bulk(world: SalesforceWorld) -> CrmBulk:
    assert world.crm.bulk is not None
    return world.crm.bulk


def opportunities(world: SalesforceWorld, count: int) -> list[Write]:
    template = opportunity(world, new_key())
    return [replace(template, key=new_key(), entry=f"row {i}") for i in range(count)]


def started(world: SalesforceWorld, writes: Sequence[Write]) -> str:
    job, left_out = bulk(world).begin(writes)
    assert left_out == []
    bulk(world).start(job)
    return job


def uploads(world: SalesforceWorld) -> list[Any]:
    return [one["body"] for one in world.control.requests if one["method"] == "PUT"]


def verdicts(outcomes: Sequence[Outcome] | None) -> list[Verdict]:
    return [one.verdict for one in outcomes or ()]


def test_what_a_job_cannot_say_travels_in_a_batch(salesforce: SalesforceWorld) -> None:
    """A text that reads as null, and one longer than a cell may be, are left out of the job and may be sent again."""
    fine, null, long = (linked_task(salesforce, new_key(), {}) for _ in range(3))
    null = replace(null, fields={**null.fields, "Subject": "#N/A"})
    long = replace(long, fields={**long.fields, "Description": "x" * 32_001})

    outcomes = carried_out(salesforce, [null, fine, long])

    assert [outcomes[one.entry].verdict for one in (null, fine, long)] == [Verdict.RETRY, Verdict.OK, Verdict.RETRY]


def test_a_job_is_no_bigger_than_salesforce_takes(salesforce: SalesforceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would make an upload too big is left for later; a job that could carry nothing is not made."""
    writes = opportunities(salesforce, 20)
    monkeypatch.setattr(jobs, "_MOST_BYTES", 1500)

    outcomes = carried_out(salesforce, writes)

    [upload] = uploads(salesforce)
    assert len(str(upload).encode()) <= 1500
    assert {Verdict.OK, Verdict.RETRY} == {one.verdict for one in outcomes.values()}
    monkeypatch.setattr(jobs, "_MOST_BYTES", 10)
    with pytest.raises(LaterError):
        bulk(salesforce).begin(writes)
    assert len(uploads(salesforce)) == 1


def test_a_create_without_a_key_is_never_a_job(new_salesforce: Callable[..., SalesforceWorld]) -> None:
    """Where tasks carry no key, a job that ran unnoticed could make them twice: they travel in batches."""
    world = new_salesforce(keyed_tasks=False)
    world.install()

    assert bulk(world).size("create", TASK, 50_000) == 0
    assert bulk(world).size("update", TASK, 50_000) == 10_000
    assert bulk(world).size("create", OPPORTUNITY, 50_000) == 10_000
    assert bulk(world).size("create", OPPORTUNITY, 2_000) == 0
    assert bulk(world).size("create", OPPORTUNITY, 2_001) == 2_001


def test_results_in_any_order_are_joined_by_key(salesforce: SalesforceWorld) -> None:
    """Among hundreds of shuffled results each write finds its own, written or refused."""
    writes = opportunities(salesforce, 450)
    bad = {one.entry for one in writes[::50]}
    writes = [
        replace(one, fields={**one.fields, "OwnerId": salesforce.nobody}) if one.entry in bad else one for one in writes
    ]

    outcomes = carried_out(salesforce, writes)

    keys = {row["Id"]: row["Expansion_Key__c"] for row in salesforce.store.dump("Opportunity")}
    assert {entry for entry, one in outcomes.items() if one.verdict is Verdict.REJECTED} == bad
    assert {entry: keys[one.crm_id] for entry, one in outcomes.items() if entry not in bad} == {
        one.entry: one.key for one in writes if one.entry not in bad
    }


def test_a_locked_row_travels_again_alone(salesforce: SalesforceWorld) -> None:
    """A row that met a lock may be sent again; its neighbours are written."""
    writes = opportunities(salesforce, 5)
    fault = {"match": str(writes[3].key), "statusCode": "UNABLE_TO_LOCK_ROW", "message": "accès exclusif : 001, 002"}
    salesforce.control.switches["row_faults"] = [fault]

    outcomes = carried_out(salesforce, writes)

    locked = outcomes.pop(writes[3].entry)
    assert (locked.verdict, locked.code, locked.message) == (
        Verdict.RETRY,
        "UNABLE_TO_LOCK_ROW",
        "accès exclusif : 001, 002",
    )
    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}


def test_a_failed_job_tells_why_to_those_it_did_not_reach(salesforce: SalesforceWorld) -> None:
    """What a failed job did stays done; the rest may be sent again, with the job's own message."""
    writes = opportunities(salesforce, 12)
    salesforce.control.switches["job_faults"] = [{"after": 5, "message": "InternalServerError : trigger storm"}]

    outcomes = carried_out(salesforce, writes)

    done = [one for one in outcomes.values() if one.verdict is Verdict.OK]
    rest = [one for one in outcomes.values() if one.verdict is Verdict.RETRY]
    assert (len(done), len(rest)) == (5, 7)
    assert {(one.code, one.message) for one in rest} == {
        ("InternalServerError", "the bulk job failed: InternalServerError : trigger storm")
    }


def test_a_job_that_failed_at_once_wrote_nothing(salesforce: SalesforceWorld) -> None:
    """A job that failed before its first row leaves every write to be sent again, without asking for results."""
    writes = opportunities(salesforce, 3)
    message = "InvalidBatch : Field name not found : X"
    salesforce.control.switches["job_faults"] = [{"after": 0, "message": message}]

    outcomes = carried_out(salesforce, writes)

    assert {(one.verdict, one.code) for one in outcomes.values()} == {(Verdict.RETRY, "InvalidBatch")}
    assert not [one for one in salesforce.control.requests if one["path"].endswith("Results/")]


def test_a_job_aborted_by_a_person_tells_what_it_did(salesforce: SalesforceWorld) -> None:
    """Rows that an aborted job had come to are written; the others may be sent again."""
    writes = opportunities(salesforce, 600)
    salesforce.control.switches["job_seconds"] = 100
    job = started(salesforce, writes)
    salesforce.later(50)
    assert bulk(salesforce).outcomes(job, writes) is None
    salesforce.store.jobs[job] = replace(salesforce.store.jobs[job], state="Aborted")

    outcomes = bulk(salesforce).outcomes(job, writes)

    assert outcomes is not None
    assert {verdict: verdicts(outcomes).count(verdict) for verdict in set(verdicts(outcomes))} == {
        Verdict.OK: 200,
        Verdict.RETRY: 400,
    }


def test_results_come_in_pages(salesforce: SalesforceWorld) -> None:
    """Where an answer names a locator the page after it is read too."""
    writes = opportunities(salesforce, 2)
    job = started(salesforce, writes)
    first, second = (
        f'"sf__Id","sf__Created","Expansion_Key__c"\n"006{i}","true","{one.key}"\n' for i, one in enumerate(writes)
    )
    for text, locator in ((first, "MTAw"), (second, "null")):
        headers = {"Content-Type": "text/csv", "Sforce-Locator": locator}
        salesforce.control.faults.append(Fault(path="/successfulResults", status=200, body=text, headers=headers))

    outcomes = waited_for(salesforce, job, writes)

    assert [outcomes[one.entry].crm_id for one in writes] == ["0060", "0061"]
    assert "locator=MTAw" in str(salesforce.control.requests[-1]["query"])


def test_what_half_a_result_file_leaves_out_is_unknown(salesforce: SalesforceWorld) -> None:
    """Rows that no readable result mentions may have been written: they are read back."""
    writes = opportunities(salesforce, 8)
    job = started(salesforce, writes)
    salesforce.control.faults.append(Fault(path="/successfulResults", kind="garbled"))

    outcomes = waited_for(salesforce, job, writes)

    told = {verdict: [one for one in outcomes.values() if one.verdict is verdict] for verdict in Verdict}
    assert told[Verdict.OK]
    assert told[Verdict.UNKNOWN]
    assert len(told[Verdict.OK]) + len(told[Verdict.UNKNOWN]) == 8
    assert all(one.crm_id for one in told[Verdict.OK])


def test_results_that_are_gone_leave_the_writes_unknown(salesforce: SalesforceWorld) -> None:
    """A week later Salesforce has forgotten the job: nothing is claimed of its writes."""
    writes = opportunities(salesforce, 2)
    job = started(salesforce, writes)
    waited_for(salesforce, job, writes)
    salesforce.later(8 * 86_400)
    started(salesforce, opportunities(salesforce, 1))
    salesforce.store.jobs.pop(job, None)

    assert verdicts(bulk(salesforce).outcomes(job, writes)) == [Verdict.UNKNOWN] * 2


def test_two_writes_of_one_record_are_not_taken_for_each_other(salesforce: SalesforceWorld) -> None:
    """Asked after a crash for both of two writes to one record, of which the job carried one, neither is claimed."""
    deal = created(salesforce, opportunity(salesforce, new_key()))
    accounts = salesforce.account("Here"), salesforce.account("There")
    writes = [
        Write(f"link {to}", "associate", OPPORTUNITY, None, deal, {}, (link(salesforce, OPPORTUNITY, "account", to),))
        for to in accounts
    ]
    job, _ = bulk(salesforce).begin(writes)
    bulk(salesforce).start(job)

    outcomes = waited_for(salesforce, job, writes)

    assert {one.verdict for one in outcomes.values()} == {Verdict.UNKNOWN}


def test_a_job_that_starts_while_it_is_ended_is_waited_for(salesforce: SalesforceWorld) -> None:
    """When the start arrives between the look and the end, the job runs: nothing is sent again meanwhile."""
    writes = opportunities(salesforce, 2)
    job, _ = bulk(salesforce).begin(writes)
    body = [{"errorCode": "INVALIDJOBSTATE", "message": "InvalidJobState : Aborting already Completed Job not allowed"}]
    salesforce.control.faults.append(Fault(path="/jobs/ingest/", method="PATCH", status=400, body=body))

    assert bulk(salesforce).outcomes(job, writes) is None

    bulk(salesforce).start(job)
    assert {one.verdict for one in waited_for(salesforce, job, writes).values()} == {Verdict.OK}


def test_an_end_that_nobody_confirmed_is_asked_for_again(salesforce: SalesforceWorld) -> None:
    """When the answer to the end of an unstarted job is lost, nothing is claimed until the next look."""
    writes = opportunities(salesforce, 2)
    job, _ = bulk(salesforce).begin(writes)
    salesforce.control.faults.append(Fault(path="/jobs/ingest/", method="PATCH", cut="after"))

    with pytest.raises(UnreachableError):
        bulk(salesforce).outcomes(job, writes)

    assert verdicts(bulk(salesforce).outcomes(job, writes)) == [Verdict.RETRY] * 2


@pytest.mark.parametrize("path", ["/jobs/ingest$", "/batches$"])
@pytest.mark.parametrize("status", [400, 403, 503])
def test_a_job_that_is_refused_is_no_crash(salesforce: SalesforceWorld, path: str, status: int) -> None:
    """Whatever refuses a job, its writes are simply not in one; a job that was made is ended."""
    writes = opportunities(salesforce, 2)
    body = [{"errorCode": "FEATURENOTENABLED", "message": "no bulk for this user"}]
    salesforce.control.faults.append(Fault(path=path, status=status, body=body))

    with pytest.raises(LaterError):
        bulk(salesforce).begin(writes)

    assert {job.state for job in salesforce.store.jobs.values()} <= {"Aborted"}


def test_a_session_that_ends_before_the_upload_is_renewed(salesforce: SalesforceWorld) -> None:
    """The rows are uploaded once, under a new session."""
    writes = opportunities(salesforce, 2)
    body = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    salesforce.control.faults.append(Fault(path="/batches$", status=401, body=body))

    outcomes = carried_out(salesforce, writes)

    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}


def test_a_day_s_floor_holds_for_jobs(salesforce: SalesforceWorld) -> None:
    """A job that would go below the floor is not made, and asking for results comes later."""
    writes = opportunities(salesforce, 2)
    job = started(salesforce, writes)
    salesforce.control.switches["daily_api_requests"] = len(salesforce.control.requests)
    salesforce.crm.feed.stages()
    made = len(salesforce.control.requests)

    with pytest.raises(BudgetSpentError, match=r"api_budget\.floor"):
        bulk(salesforce).outcomes(job, writes)
    with pytest.raises(LaterError):
        bulk(salesforce).begin(writes)
    assert len(salesforce.control.requests) == made


def test_a_job_costs_few_calls(salesforce: SalesforceWorld) -> None:
    """Two thousand five hundred creates take seven calls: make, fill, start, look twice, read what was written."""
    writes = opportunities(salesforce, 2_500)
    before = salesforce.crm.meter.calls()

    outcomes = carried_out(salesforce, writes)

    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
    assert len(outcomes) == 2_500
    assert salesforce.crm.meter.calls() - before <= 7


def test_updates_are_joined_by_id(salesforce: SalesforceWorld) -> None:
    """An update of a deleted record is refused alone, whatever the order of the results."""
    writes = opportunities(salesforce, 6)
    ids = {one.entry: str(one.crm_id) for one in salesforce.crm.writer.write(writes)}
    salesforce.person_archives(OPPORTUNITY, ids[writes[2].entry])
    changes = [update(one, ids[one.entry], {"Amount": str(i)}) for i, one in enumerate(writes)]

    outcomes = carried_out(salesforce, changes)

    gone = outcomes.pop(changes[2].entry)
    assert (gone.verdict, gone.code) == (Verdict.REJECTED, "ENTITY_IS_DELETED")
    assert {one.crm_id for one in outcomes.values()} == set(ids.values()) - {ids[writes[2].entry]}
    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
