"""What each refusal of Salesforce's makes of a write, and how tasks without a key are found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from connector.adapters.crms import salesforce as adapter
from connector.adapters.crms.http import Timeouts
from connector.adapters.crms.salesforce import SalesforceCredentials
from connector.domain.change import Allowance, RecordType, Verdict, Write
from connector.domain.errors import BudgetSpentError, ConnectorError, UnreachableError
from connector.sandbox.control import Fault
from connector.testing.contracts.crm_world import by_entry, created, link, linked_task, new_key, opportunity, update

if TYPE_CHECKING:
    from crm_worlds import SalesforceWorld

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK
CROWDED = [
    {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded."}
]


def opportunities(world: SalesforceWorld, count: int) -> list[Write]:
    template = opportunity(world, new_key())
    return [replace(template, key=new_key(), entry=f"row {i}") for i in range(count)]


def test_a_duplicate_rule_names_itself_and_what_it_matched(salesforce: SalesforceWorld) -> None:
    """What a duplicate rule blocks tells the rule and the records it found, and the cure; the others are written."""
    known = created(salesforce, opportunity(salesforce, new_key(), name="Twin"))
    salesforce.control.switches["duplicate_rules"] = {"Opportunity": {"match": ["Name"], "name": "No_Twins"}}
    twin, other = opportunity(salesforce, new_key(), name="Twin"), opportunity(salesforce, new_key(), name="Other")

    outcomes = by_entry(salesforce.crm.writer.write([twin, other]))

    refused = outcomes[twin.entry]
    assert outcomes[other.entry].verdict is Verdict.OK
    assert (refused.verdict, refused.code) == (Verdict.REJECTED, "DUPLICATES_DETECTED")
    assert "Use one of these records?" in refused.message
    assert f"duplicate rule No_Twins matches {known}" in refused.message
    assert "merge" in str(refused.hint)


def test_only_the_locked_record_is_sent_again(salesforce: SalesforceWorld) -> None:
    """One row lock among many records leaves that record to be sent again, and no other."""
    writes = opportunities(salesforce, 9)
    fault = {"match": str(writes[4].key), "statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain"}
    salesforce.control.switches["row_faults"] = [fault]

    first = by_entry(salesforce.crm.writer.write(writes))
    again = [one for one in writes if first[one.entry].verdict is Verdict.RETRY]

    assert again == [writes[4]]
    assert {one.verdict for entry, one in first.items() if entry != writes[4].entry} == {Verdict.OK}
    assert [one.verdict for one in salesforce.crm.writer.write(again)] == [Verdict.OK]


def test_too_many_long_calls_are_no_spent_day(salesforce: SalesforceWorld) -> None:
    """When too many long calls run at once a write may be sent again, and a read is repeated after a pause."""
    write = opportunity(salesforce, new_key())
    salesforce.control.faults.append(Fault(path="/composite", status=403, body=CROWDED))
    assert [one.verdict for one in salesforce.crm.writer.write([write])] == [Verdict.RETRY]

    salesforce.control.faults.append(Fault(path="/queryAll", status=403, body=CROWDED, times=2))
    assert salesforce.crm.feed.stages()

    salesforce.control.faults.append(Fault(path="/queryAll", status=403, body=CROWDED, times=99))
    with pytest.raises(UnreachableError, match="Concurrent"):
        salesforce.crm.feed.stages()


@pytest.mark.parametrize("body", ["", "<html>welcome</html>", "{}", "[]"])
def test_a_success_that_cannot_be_read_is_unknown(salesforce: SalesforceWorld, body: str) -> None:
    """A 2xx answer that does not tell of the records proves nothing about them."""
    write = opportunity(salesforce, new_key())
    salesforce.control.faults.append(Fault(path="/composite", status=200, body=body))

    assert [one.verdict for one in salesforce.crm.writer.write([write])] == [Verdict.UNKNOWN]


def test_an_answer_about_another_record_is_unknown(salesforce: SalesforceWorld) -> None:
    """An update whose answer names another record's id is read back; ids of 15 and 18 letters are one."""
    writes = opportunities(salesforce, 3)
    ids = [str(one.crm_id) for one in salesforce.crm.writer.write(writes)]
    changes = [update(one, crm_id, {"Amount": "7"}) for one, crm_id in zip(writes, ids, strict=True)]
    told = [{"id": one, "success": True, "errors": []} for one in (ids[1], ids[0], ids[2][:15])]
    salesforce.control.faults.append(Fault(path="/composite", status=200, body=told))

    outcomes = by_entry(salesforce.crm.writer.write(changes))

    assert [outcomes[one.entry].verdict for one in changes] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.OK]


def test_a_read_answered_with_nothing_is_for_later(salesforce: SalesforceWorld) -> None:
    """A success without an answer is asked for again; after the last attempt it is for later."""
    salesforce.control.faults.append(Fault(path="/queryAll", status=200, body=""))
    assert salesforce.crm.feed.stages()

    salesforce.control.faults.append(Fault(path="/queryAll", status=204, body="", times=99))
    with pytest.raises(UnreachableError):
        salesforce.crm.feed.stages()


def test_an_installation_answered_with_nothing_is_for_later(new_salesforce: Callable[..., SalesforceWorld]) -> None:
    """A creation that is answered with an empty success is a lost answer, not a crash."""
    world = new_salesforce()
    world.control.faults.append(Fault(path="/sobjects/PermissionSet", method="POST", status=201, body=""))

    with pytest.raises(UnreachableError):
        world.crm.setup.install({OPPORTUNITY: world.mapping.install["opportunity"]})


def test_a_login_waits_no_longer_than_a_call(salesforce: SalesforceWorld) -> None:
    """A login host that does not answer is given up, and the write is proven unsent."""
    write = opportunity(salesforce, new_key())
    salesforce.control.faults.append(Fault(path="/oauth2/token", delay=0.4, times=99))
    crm = adapter.connect(
        salesforce.credentials, salesforce.mapping, salesforce.clock, salesforce.base_url, timeouts=Timeouts(1, 0.1)
    )

    assert [one.verdict for one in crm.writer.write([write])] == [Verdict.DEFER]
    assert salesforce.write_sizes() == []


def test_the_day_is_told_as_the_last_answer_told_it(salesforce: SalesforceWorld) -> None:
    """What the org has used and may use is what its last answer said, the calls of others included."""
    salesforce.control.switches["daily_api_requests"] = 5_000
    salesforce.crm.feed.stages()
    before = salesforce.crm.meter.allowance()
    salesforce.connect().feed.stages()
    salesforce.crm.feed.stages()

    after = salesforce.crm.meter.allowance()

    assert isinstance(before, Allowance)
    assert isinstance(after, Allowance)
    assert (before.allowed, after.allowed) == (5_000, 5_000)
    assert after.used >= before.used + 2


@pytest.fixture
def unkeyed(new_salesforce: Callable[..., SalesforceWorld]) -> SalesforceWorld:
    """An org whose tasks carry no key."""
    world = new_salesforce(keyed_tasks=False)
    world.install()
    return world


def near(world: SalesforceWorld, account: str) -> list[Any]:
    return [link(world, TASK, "account", account).to]


def test_a_task_of_another_maker_is_not_ours(unkeyed: SalesforceWorld) -> None:
    """A task that somebody copied, with its last line, is not taken for the one we made."""
    account, key = unkeyed.account("Acme"), new_key()
    ours = created(unkeyed, linked_task(unkeyed, key, {"account": account}))
    row = next(one for one in unkeyed.store.dump("Task") if one["Id"] == ours)
    copy = {"Subject": "Copy", "Description": row["Description"], "WhatId": account}
    unkeyed.put("Task", {**copy, "CreatedById": unkeyed.person, "CreatedDate": "2026-01-01T00:00:00.000+0000"})

    for found in (
        unkeyed.crm.reader.find(TASK, [key], (), {key: near(unkeyed, account)}),
        unkeyed.crm.reader.find(TASK, [key], ()),
    ):
        assert found[key].id == ours


def test_the_first_of_two_tasks_with_one_key_is_found(unkeyed: SalesforceWorld) -> None:
    """Should a key have been written twice, the one that was made first is always the one found."""
    account, key = unkeyed.account("Acme"), new_key()
    write = linked_task(unkeyed, key, {"account": account})
    first = created(unkeyed, write)
    unkeyed.later(60)
    created(unkeyed, write)
    unkeyed.later(60)
    unkeyed.store.load("Task", [{"Id": first, "Subject": "touched last"}])

    assert unkeyed.crm.reader.find(TASK, [key], ())[key].id == first


def test_tasks_are_looked_for_beside_their_parents_only(unkeyed: SalesforceWorld) -> None:
    """Hundreds of lost tasks are searched for by parent, in queries that fit into a URL."""
    accounts = [unkeyed.account(f"Account {i}") for i in range(450)]
    keys = [new_key() for _ in accounts]
    wanted = created(unkeyed, linked_task(unkeyed, keys[449], {"account": accounts[449]}))
    made = len(unkeyed.control.requests)

    found = unkeyed.crm.reader.find(
        TASK, keys, (), {key: near(unkeyed, account) for key, account in zip(keys, accounts, strict=True)}
    )

    asked = [one["query"] for one in unkeyed.control.requests[made:] if "Description" in str(one["query"])]
    assert {key: one.id for key, one in found.items()} == {keys[449]: wanted}
    assert len(asked) >= 3
    assert all("WhatId" in str(one) for one in asked)
    assert max(len(str(one)) for one in asked) < 16_000


@pytest.mark.parametrize("keyed_tasks", [True, False])
def test_a_task_closed_long_ago_is_found(new_salesforce: Callable[..., SalesforceWorld], keyed_tasks: bool) -> None:
    """A task that Salesforce has archived for its age is found and read, and is not taken for deleted."""
    world = new_salesforce(keyed_tasks=keyed_tasks)
    world.install()
    account, key = world.account("Acme"), new_key()
    task = created(world, linked_task(world, key, {"account": account}))
    world.store.load("Task", [{"Id": task, "IsArchived": True, "Status": "Completed"}])

    found = world.crm.reader.find(TASK, [key], (), {key: near(world, account)})
    read = world.crm.reader.read(TASK, [task], ())

    assert (found[key].id, found[key].archived) == (task, False)
    assert not read[task].archived


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=".*", status=400, body="<html>", times=99),
        Fault(path=".*", status=401, body=[{"message": "no", "errorCode": "INVALID_SESSION_ID"}], times=99),
        Fault(path=".*", status=503, body="<html>", times=99),
        Fault(path=".*", cut="before", times=99),
    ],
)
def test_no_failure_tells_a_secret(salesforce: SalesforceWorld, fault: Fault) -> None:
    """Whatever goes wrong, no error or outcome holds the app's secret, the key or a session."""
    write = opportunity(salesforce, new_key())
    key = salesforce.app.state.credentials.private_key.splitlines()[1]
    salesforce.control.faults.append(fault)
    told = []
    secret = SalesforceCredentials("client_credentials", "key", "acme.my", consumer_secret="hush")
    for known in (secret, salesforce.credentials):
        crm = salesforce.connect(credentials=known)
        with pytest.raises(ConnectorError) as raised:
            crm.reader.destination()
        outcomes = crm.writer.write([write])
        told += [str(raised.value), repr(raised.value), repr(raised.value.__cause__), *map(repr, outcomes)]

    assert "hush" not in "".join(told)
    assert key not in "".join(told)


def test_an_installation_on_a_spent_day_is_for_later(new_salesforce: Callable[..., SalesforceWorld]) -> None:
    """When the day's calls end in the middle of an installation nobody is told to change a permission."""
    world = new_salesforce()
    wanted = {OPPORTUNITY: world.mapping.install["opportunity"]}
    spent = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    world.control.faults.append(Fault(path="/tooling/", status=403, body=spent))

    with pytest.raises(BudgetSpentError):
        world.crm.setup.install(wanted)


@pytest.mark.parametrize("kind", [{"status": 503, "body": [{"message": "busy"}]}, {"kind": "html"}])
def test_a_login_host_that_is_down_is_no_refusal(
    new_salesforce: Callable[..., SalesforceWorld], kind: dict[str, Any]
) -> None:
    """Whatever a 5xx of the login host holds, it passes by itself."""
    world = new_salesforce()
    world.control.faults.append(Fault(path="/oauth2/token", times=None, **kind))

    with pytest.raises(UnreachableError):
        world.crm.reader.destination()
