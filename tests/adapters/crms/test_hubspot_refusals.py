"""What each refusal of HubSpot's makes of a write: who waits, who is parked, and who goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from connector.adapters.crms.hubspot import HubspotCredentials
from connector.domain.change import Allowance, RecordType, Verdict, Write
from connector.domain.errors import BudgetSpentError, ConnectorError, MappingError
from connector.sandbox.control import Fault
from connector.testing.contracts.crm_world import by_entry, created, link, linked_task, new_key, opportunity, update

if TYPE_CHECKING:
    from crm_worlds import HubspotWorld

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK


def deals(world: HubspotWorld, count: int) -> list[Write]:
    template = opportunity(world, new_key())
    return [replace(template, key=new_key(), entry=f"row {i}") for i in range(count)]


def limit(message: str, policy: str | None = None) -> dict[str, Any]:
    return {"status": "error", "message": message} | ({"policyName": policy} if policy else {})


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        (limit("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"), [10.0, 20.0]),
        (limit("You have reached your ten_secondly_rolling limit."), [10.0, 20.0]),
        (limit("You have reached your secondly limit."), [1.0, 2.0]),
        (limit("You have reached your secondly limit.", "SECONDLY"), [1.0, 2.0]),
        (limit("Slow down."), [10.0, 20.0]),
    ],
)
def test_each_limit_waits_as_long_as_its_window(
    hubspot: HubspotWorld, body: dict[str, Any], waits: list[float]
) -> None:
    """A window of a second is waited out in seconds, any other one in tens of them; then the write is carried out."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=429, body=body, times=2))
    hubspot.clock.slept.clear()

    [outcome] = hubspot.crm.writer.write([write])

    assert outcome.verdict is Verdict.OK
    assert hubspot.clock.slept == waits


@pytest.mark.parametrize("body", [limit("You have reached your daily limit.", "DAILY"), limit("daily limit reached")])
def test_a_spent_day_is_not_waited_for(hubspot: HubspotWorld, body: dict[str, Any]) -> None:
    """When the day's calls are used up nothing waits and nothing more is sent."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path=".*", status=429, body=body, times=99))
    hubspot.clock.slept.clear()

    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.DEFER]
    with pytest.raises(BudgetSpentError):
        hubspot.crm.reader.destination()
    assert hubspot.clock.slept == []


def test_a_move_says_when_to_come_back(hubspot: HubspotWorld) -> None:
    """While a portal moves, what waits tells for how long."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path=".*", status=477, body={}, headers={"Retry-After": "3600"}, times=99))

    [outcome] = hubspot.crm.writer.write([write])

    assert outcome.verdict is Verdict.DEFER
    assert "3600 seconds" in outcome.message


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526])
def test_a_server_that_breaks_leaves_the_write_unknown(hubspot: HubspotWorld, status: int) -> None:
    """A broken server may have written: the write is not repeated."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=status, body="<html>"))
    hubspot.write_sizes()

    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.UNKNOWN]
    assert hubspot.write_sizes() == [1]


def test_one_locked_record_holds_no_other_back(hubspot: HubspotWorld) -> None:
    """While somebody keeps one record locked, the others of its batch are written, and it alone is sent again."""
    writes = deals(hubspot, 8)
    ids = by_entry(hubspot.crm.writer.write(writes))
    changes = [update(one, str(ids[one.entry].crm_id), {"amount": "7"}) for one in writes]
    body = {"status": "error", "message": "currently locked"}
    hubspot.control.faults.append(
        Fault(path="/batch/update", body_contains=f'"{changes[5].crm_id}"', status=423, body=body, times=99)
    )

    outcomes = by_entry(hubspot.crm.writer.write(changes))

    assert {entry for entry, one in outcomes.items() if one.verdict is Verdict.RETRY} == {changes[5].entry}
    assert {one.verdict for entry, one in outcomes.items() if entry != changes[5].entry} == {Verdict.OK}


@pytest.mark.parametrize("multi_status", ["trace", "always", "never"])
@pytest.mark.parametrize("bare_errors", [True, False])
def test_an_administrator_s_rule_parks_one_record(hubspot: HubspotWorld, multi_status: str, bare_errors: bool) -> None:
    """What a portal's own validation rule refuses keeps its message, its property and a cure."""
    hubspot.control.switches |= {"multi_status": multi_status, "bare_errors": bare_errors}
    hubspot.control.switches["validations"] = {"deals": {"amount": {"MAX_NUMBER": "100000"}}}
    writes = deals(hubspot, 9)
    writes[4] = replace(writes[4], fields={**writes[4].fields, "amount": "250000"})

    outcomes = by_entry(hubspot.crm.writer.write(writes))

    refused = outcomes.pop(writes[4].entry)
    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
    assert (refused.verdict, refused.field) == (Verdict.REJECTED, "amount")
    assert "MAX_NUMBER" in refused.message
    assert refused.hint


@pytest.mark.parametrize("multi_status", ["trace", "never"])
def test_a_required_property_parks_one_record(hubspot: HubspotWorld, multi_status: str) -> None:
    """A property that the portal requires once another has a value is named, with a cure."""
    rule = {"when": {"amount": "777"}, "require": ["hs_next_step"]}
    hubspot.control.switches |= {"multi_status": multi_status, "conditional": {"deals": [rule]}}
    writes = deals(hubspot, 3)
    writes[1] = replace(writes[1], fields={**writes[1].fields, "amount": "777"})

    outcomes = by_entry(hubspot.crm.writer.write(writes))

    refused = outcomes.pop(writes[1].entry)
    assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
    assert (refused.verdict, refused.field) == (Verdict.REJECTED, "hs_next_step")
    assert "fields" in str(refused.hint)


def test_one_poison_record_of_a_hundred_costs_few_calls(hubspot: HubspotWorld) -> None:
    """Where a batch is all or nothing, its culprit is found by halving."""
    hubspot.control.switches["multi_status"] = "never"
    writes = deals(hubspot, 100)
    writes[61] = replace(writes[61], fields={**writes[61].fields, "hubspot_owner_id": hubspot.nobody})
    hubspot.write_sizes()

    outcomes = hubspot.crm.writer.write(writes)

    assert [one.entry for one in outcomes if one.verdict is not Verdict.OK] == [writes[61].entry]
    assert len(hubspot.write_sizes()) <= 1 + 2 * 7


def test_an_answer_in_another_order_is_matched_by_key(hubspot: HubspotWorld) -> None:
    """Whatever order a batch is answered in, each write learns its own record, without trace ids too."""
    writes = deals(hubspot, 3)
    rows = [
        {"id": f"90{i}", "properties": {"expansion_key": one.key}, "new": True, "createdAt": "x", "updatedAt": "x"}
        for i, one in enumerate(writes)
    ]
    body = {"status": "COMPLETE", "results": rows[::-1]}
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=200, body=body))

    outcomes = by_entry(hubspot.crm.writer.write(writes))

    assert [outcomes[one.entry].crm_id for one in writes] == ["900", "901", "902"]


@pytest.mark.parametrize("answer", [{}, {"token_type": "bearer"}, {"access_token": ""}])
def test_a_renewal_without_a_token_is_for_a_person(hubspot: HubspotWorld, answer: dict[str, str]) -> None:
    """A host that answers a renewal with something else is a matter of credentials, not a crash."""
    write = opportunity(hubspot, new_key())
    crm = hubspot.connect(credentials=HubspotCredentials(client_id="c", client_secret="hush", refresh_token="hush"))
    hubspot.control.faults.append(Fault(path="/oauth/", status=200, body=answer, times=9))

    with pytest.raises(ConnectorError, match="was not renewed"):
        crm.reader.destination()
    assert [one.verdict for one in crm.writer.write([write])] == [Verdict.DEFER]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=".*", status=400, body="<html>", times=99),
        Fault(path=".*", status=401, body={"message": "no"}, times=99),
        Fault(path=".*", status=403, body={"message": "no"}, times=99),
        Fault(path=".*", status=503, body="<html>", times=99),
        Fault(path=".*", cut="before", times=99),
    ],
)
def test_no_failure_tells_a_secret(hubspot: HubspotWorld, fault: Fault) -> None:
    """Whatever goes wrong, no error or outcome holds a token, a client secret or a refresh token."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(fault)
    told = []
    for known in (HubspotCredentials("hush-1"), HubspotCredentials(None, "app", "hush-2", "hush-3")):
        crm = hubspot.connect(credentials=known)
        with pytest.raises(ConnectorError) as raised:
            crm.reader.destination()
        told += [
            str(raised.value),
            repr(raised.value),
            repr(raised.value.__cause__),
            *map(repr, crm.writer.write([write])),
        ]

    assert "hush" not in "".join(told)


def test_an_archived_deal_keeps_its_key_s_place(hubspot: HubspotWorld) -> None:
    """A deal that a person deleted is found by its key, so that it is not made again."""
    write = opportunity(hubspot, new_key())
    crm_id = created(hubspot, write)
    hubspot.person_archives(OPPORTUNITY, crm_id)

    assert hubspot.crm.reader.find(OPPORTUNITY, [str(write.key)], ())[str(write.key)].archived


def test_a_copy_of_a_task_is_not_ours(new_hubspot: Callable[..., HubspotWorld]) -> None:
    """Of two tasks with one last line the first made is ours: somebody copied it."""
    world = new_hubspot(keyed_tasks=False)
    world.install()
    account, key = world.account("Acme"), new_key()
    ours = created(world, linked_task(world, key, {"account": account}))
    body = world.store.find("tasks", ours).properties["hs_task_body"]
    world.later(60)
    copy = {"hs_task_subject": "Copy", "hs_timestamp": "2026-12-02T12:00:00Z", "hs_task_body": body}
    world.store.load("tasks", [{"properties": copy, "createdAt": world.now().isoformat()}])
    near = {key: [link(world, TASK, "account", account).to]}

    assert world.crm.reader.find(TASK, [key], ())[key].id == ours
    assert world.crm.reader.find(TASK, [key], (), near)[key].id == ours


def test_a_refusal_tells_of_the_day_too(hubspot: HubspotWorld) -> None:
    """What is left of the day is noted from a refusal's headers as from a success's."""
    headers = {"X-HubSpot-RateLimit-Daily": "1000", "X-HubSpot-RateLimit-Daily-Remaining": "40"}
    hubspot.control.faults.append(Fault(path="/account-info", status=404, body={"message": "no"}, headers=headers))

    with pytest.raises(ConnectorError):
        hubspot.crm.reader.destination()

    assert hubspot.crm.meter.allowance() == Allowance(960, 1000)


@pytest.mark.parametrize("name", ["tickets", "compny", "tasks"])
def test_an_association_that_is_not_known_stops_before_anything_is_written(hubspot: HubspotWorld, name: str) -> None:
    """A mapping that wants a link of an unknown kind is told so, with the kinds there are."""
    hubspot.mapping = replace(hubspot.mapping, task=replace(hubspot.mapping.task, links={"account": name}))
    crm = hubspot.connect()

    with pytest.raises(MappingError, match="may name companies, contacts, deals"):
        crm.reader.abilities()


def test_a_task_key_is_tried_out(new_hubspot: Callable[..., HubspotWorld]) -> None:
    """Installing proves that one key makes one task, and leaves none behind."""
    world = new_hubspot()

    done = world.crm.setup.install({TASK: world.mapping.install["task"]})

    assert "probe tasks.expansion_key: Tasks: one key makes one task." in [str(step) for step in done]
    assert [row["archived"] for row in world.store.dump("tasks")] == [True]
    assert world.crm.setup.install({TASK: world.mapping.install["task"]}) == []


def test_a_task_key_that_does_not_hold_stops_the_installation(new_hubspot: Callable[..., HubspotWorld]) -> None:
    """Where a portal takes the property and makes two tasks of one key all the same, the cure is told."""
    world = new_hubspot()
    for one in ("901", "902"):
        task = {"id": one, "properties": {}, "createdAt": "x", "updatedAt": "x", "new": True}
        body = {"status": "COMPLETE", "results": [task]}
        world.control.faults.append(Fault(path="/tasks/batch/upsert", status=200, body=body))
    world.control.faults.append(Fault(path="/tasks/90", method="DELETE", status=204, body="", times=2))

    with pytest.raises(MappingError, match="made 2 tasks") as refused:
        world.crm.setup.install({TASK: world.mapping.install["task"]})

    assert "task.key: null" in str(refused.value)
