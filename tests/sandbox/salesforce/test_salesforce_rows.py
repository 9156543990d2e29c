"""One record through its life: created, read, changed, upserted, deleted, and what Salesforce derives from it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from salesforce_served import StandIn
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMoreThanOneRecord, SalesforceResourceNotFound

OPPORTUNITY = {"Name": "Seats", "StageName": "Prospecting", "CloseDate": "2026-12-01"}


def test_record_is_created_read_changed_and_deleted(sf: Salesforce) -> None:
    """The four calls answer 201 with an id, 200, 204 and 204; afterwards the record is gone."""
    made = sf.Account.create({"Name": "Acme", "BillingCity": "Paris"})
    record_id = made["id"]

    assert dict(made) == {"id": record_id, "success": True, "errors": []}
    assert len(record_id) == 18
    assert sf.Account.update(record_id, {"Industry": "Banking"}) == 204
    row = sf.Account.get(record_id)
    assert next(iter(row)) == "attributes"
    assert (row["Industry"], row["BillingAddress"]["city"]) == ("Banking", "Paris")
    assert sf.Account.delete(record_id) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.get(record_id)


def test_fifteen_character_id_is_enough(salesforce: StandIn) -> None:
    """An id without its check letters finds the record; with wrong ones it does not."""
    account = salesforce.create("Account", Name="Acme")

    assert salesforce.call("GET", f"sobjects/Account/{account[:15]}").json()["Id"] == account
    assert salesforce.refused("GET", f"sobjects/Account/{account[:15]}ZZZ")[:2] == (404, "NOT_FOUND")


def test_text_is_trimmed_and_email_lowered(salesforce: StandIn) -> None:
    """What is read back may differ from what was sent: blanks around text go, e-mail is lower-case."""
    salesforce.create("Contact", LastName=" Doe ", FirstName="Jo", Email="Jo.Doe@Example.com")

    assert salesforce.query("SELECT Name, Email FROM Contact") == [{"Name": "Jo Doe", "Email": "jo.doe@example.com"}]


def test_numbers_may_come_as_text_and_datetimes_with_any_offset(salesforce: StandIn) -> None:
    """A numeric string is a number; a datetime is kept in UTC."""
    salesforce.create("Account", Name="A", NumberOfEmployees="10000")
    salesforce.create("Task", IsReminderSet="true", ReminderDateTime="2026-03-01T10:00:00+02:00")

    assert salesforce.query("SELECT NumberOfEmployees FROM Account") == [{"NumberOfEmployees": 10000}]
    assert salesforce.query("SELECT ReminderDateTime FROM Task") == [
        {"ReminderDateTime": "2026-03-01T08:00:00.000+0000"}
    ]


def test_upsert_creates_once_then_changes(salesforce: StandIn) -> None:
    """The same key gives 201 created, then 200 with the same id."""
    salesforce.keyed_field()
    first = salesforce.call("PATCH", "sobjects/Task/Key__c/k1", {"Subject": "a"})
    second = salesforce.call("PATCH", "sobjects/Task/Key__c/k1", {"Subject": "b"})

    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()) == (
        200,
        {"id": first.json()["id"], "success": True, "errors": [], "created": False},
    )
    assert salesforce.query("SELECT Subject FROM Task") == [{"Subject": "b"}]


def test_upsert_by_a_lookup_field_finds_several(salesforce: StandIn, sf: Salesforce) -> None:
    """A key that several records carry is answered 300 with their addresses, and nothing is written."""
    for name in ("A", "B"):
        salesforce.create("Contact", LastName=name, Email="same@example.com")

    with pytest.raises(SalesforceMoreThanOneRecord) as caught:
        sf.Contact.upsert("Email/same@example.com", {"LastName": "C"})
    assert [address.rpartition("/")[0] for address in caught.value.content] == [
        "/services/data/v59.0/sobjects/Contact"
    ] * 2
    assert [row["LastName"] for row in salesforce.query("SELECT LastName FROM Contact ORDER BY LastName")] == ["A", "B"]


def test_upsert_by_id_changes(salesforce: StandIn) -> None:
    """Upserting under `Id` changes the record, and creates none."""
    account = salesforce.create("Account", Name="A")

    assert salesforce.call("PATCH", f"sobjects/Account/Id/{account}", {"Name": "B"}).json()["created"] is False
    refused = salesforce.refused("PATCH", "sobjects/Account/Id/001000000000001", {"Name": "B"})
    assert refused[1] == "INVALID_CROSS_REFERENCE_KEY"


def test_key_that_was_changed_is_free_again(salesforce: StandIn) -> None:
    """A record is found under its new key only, and its old one makes a new record."""
    salesforce.keyed_field()
    first = salesforce.call("PATCH", "sobjects/Task/Key__c/old", {}).json()["id"]
    salesforce.call("PATCH", f"sobjects/Task/{first}", {"Key__c": "new"})

    assert salesforce.call("PATCH", "sobjects/Task/Key__c/new", {}).json()["id"] == first
    assert salesforce.call("PATCH", "sobjects/Task/Key__c/old", {}).json()["created"] is True


def test_upsert_can_be_kept_from_creating(salesforce: StandIn) -> None:
    """With `updateOnly=true` a key nobody carries is not found."""
    salesforce.keyed_field()

    assert salesforce.refused("PATCH", "sobjects/Task/Key__c/k1?updateOnly=true", {"Subject": "a"})[0] == 404
    assert salesforce.query("SELECT Id FROM Task") == []


def test_upsert_after_deletion_makes_a_new_record(salesforce: StandIn) -> None:
    """A deleted record no longer answers to its key."""
    salesforce.keyed_field()
    first = salesforce.call("PATCH", "sobjects/Task/Key__c/k1", {"Subject": "a"}).json()["id"]
    salesforce.call("DELETE", f"sobjects/Task/{first}")

    again = salesforce.call("PATCH", "sobjects/Task/Key__c/k1", {"Subject": "b"})

    assert again.status_code == 201
    assert again.json()["id"] != first
    rows = salesforce.query("SELECT Id, IsDeleted FROM Task WHERE Key__c = 'k1' ORDER BY IsDeleted", "queryAll")
    assert rows == [{"Id": again.json()["id"], "IsDeleted": False}, {"Id": first, "IsDeleted": True}]


def test_parent_can_be_named_by_its_external_id(salesforce: StandIn) -> None:
    """A nested object with one external id stands for the parent's id."""
    salesforce.keyed_field("Account", "Account")
    account = salesforce.create("Account", Name="A", Key__c="a1")

    salesforce.create("Opportunity", **OPPORTUNITY, Account={"Key__c": "a1"})

    assert salesforce.query("SELECT AccountId FROM Opportunity") == [{"AccountId": account}]
    status, code, _ = salesforce.refused("POST", "sobjects/Opportunity", OPPORTUNITY | {"Account": {"Key__c": "no"}})
    assert (status, code) == (400, "INVALID_FIELD")


def test_stage_decides_probability_forecast_and_closing(salesforce: StandIn) -> None:
    """A stage change resets probability and forecast category, and marks closed and won."""
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY, Amount=200)
    salesforce.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"StageName": "Closed Won"})

    row = salesforce.call("GET", f"sobjects/Opportunity/{opportunity}").json()
    derived = {name: row[name] for name in ("Probability", "ForecastCategory", "IsClosed", "IsWon", "ExpectedRevenue")}
    assert derived == {
        "Probability": 100.0,
        "ForecastCategory": "Closed",
        "IsClosed": True,
        "IsWon": True,
        "ExpectedRevenue": 200.0,
    }
    assert row["LastStageChangeDate"] is not None


def test_unknown_stage_is_accepted_as_open(salesforce: StandIn) -> None:
    """StageName is not restricted: text nobody configured is stored, and the opportunity is open."""
    salesforce.create("Opportunity", **(OPPORTUNITY | {"StageName": "In Progress"}))

    assert salesforce.query("SELECT StageName, IsClosed FROM Opportunity") == [
        {"StageName": "In Progress", "IsClosed": False}
    ]


def test_history_has_a_row_for_each_change_that_counts(salesforce: StandIn) -> None:
    """Stage, amount and close date leave a row, other fields none."""
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY, Amount=1)
    for change in ({"Amount": 2}, {"NextStep": "call"}, {"StageName": "Qualification"}, {"CloseDate": "2027-01-01"}):
        salesforce.call("PATCH", f"sobjects/Opportunity/{opportunity}", change)

    rows = salesforce.query("SELECT StageName, Amount, PrevAmount, CloseDate FROM OpportunityHistory ORDER BY Id")
    assert [tuple(row.values()) for row in rows] == [
        ("Prospecting", 1.0, None, "2026-12-01"),
        ("Prospecting", 2.0, 1.0, "2026-12-01"),
        ("Qualification", 2.0, 2.0, "2026-12-01"),
        ("Qualification", 2.0, 2.0, "2027-01-01"),
    ]


def test_contact_of_a_new_opportunity_becomes_its_primary_role(salesforce: StandIn) -> None:
    """ContactId makes the primary contact role; a new primary role takes the place of the old."""
    first, second = (salesforce.create("Contact", LastName=name) for name in ("A", "B"))
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY, ContactId=first)
    salesforce.create("OpportunityContactRole", OpportunityId=opportunity, ContactId=second, IsPrimary=True)

    rows = salesforce.query("SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert rows == [{"ContactId": first, "IsPrimary": False}, {"ContactId": second, "IsPrimary": True}]


def test_task_takes_account_and_closing_from_elsewhere(salesforce: StandIn) -> None:
    """A task's account is that of what or whom it is about; its status says whether it is closed."""
    account = salesforce.create("Account", Name="A")
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY, AccountId=account)
    contact = salesforce.create("Contact", LastName="C", AccountId=account)
    for about in ({"WhatId": account}, {"WhatId": opportunity}, {"WhoId": contact}):
        salesforce.create("Task", Subject="Call", Status="Completed", **about)
    salesforce.create("Task")

    rows = salesforce.query("SELECT AccountId, IsClosed, Status, Priority FROM Task ORDER BY Id")
    assert [row["AccountId"] for row in rows] == [account, account, account, None]
    assert [row["IsClosed"] for row in rows] == [True, True, True, False]
    assert (rows[3]["Status"], rows[3]["Priority"]) == ("Not Started", "Normal")


def test_deleting_an_account_takes_along_what_hangs_on_it(salesforce: StandIn) -> None:
    """Contacts, opportunities, their roles and tasks go with their account."""
    account = salesforce.create("Account", Name="A")
    contact = salesforce.create("Contact", LastName="C", AccountId=account)
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY, AccountId=account, ContactId=contact)
    salesforce.create("Task", WhatId=opportunity)
    salesforce.call("DELETE", f"sobjects/Account/{account}")

    for kind in ("Account", "Contact", "Opportunity", "OpportunityContactRole", "Task"):
        assert salesforce.query(f"SELECT Id FROM {kind}") == []
        assert len(salesforce.query(f"SELECT Id FROM {kind} WHERE IsDeleted = true", "queryAll")) == 1


def test_updated_and_deleted_list_what_changed(salesforce: StandIn) -> None:
    """Replication calls name the records changed and those deleted within a span."""
    kept, gone = (salesforce.create("Account", Name=name) for name in ("A", "B"))
    salesforce.call("DELETE", f"sobjects/Account/{gone}")
    now = salesforce.control.clock.now()
    salesforce.control.clock.advance(60)
    span = {"start": f"{now:%Y-%m-%dT%H:%M:00}Z", "end": f"{salesforce.control.clock.now():%Y-%m-%dT%H:%M:%S}Z"}

    assert salesforce.call("GET", "sobjects/Account/updated/", params=span).json()["ids"] == [kept]
    deleted = salesforce.call("GET", "sobjects/Account/deleted/", params=span).json()
    assert [one["id"] for one in deleted["deletedRecords"]] == [gone]
    assert set(deleted) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}


def test_replication_reaches_thirty_days_back(salesforce: StandIn) -> None:
    """A span that begins earlier, or ends before it begins, is refused."""
    for span in (
        {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"},
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        {"start": "2026-01-02T00:00:00", "end": "2026-01-03T00:00:00Z"},
    ):
        assert salesforce.refused("GET", "sobjects/Account/updated/", params=span)[:2] == (
            400,
            "INVALID_REPLICATION_DATE",
        )


def test_merged_account_names_its_survivor(salesforce: StandIn) -> None:
    """A merge leaves the loser deleted with MasterRecordId; writing to it says it is deleted."""
    survivor = salesforce.create("Account", Name="A")
    loser = salesforce.create("Account", Name="B")
    merged = [{"Id": loser, "IsDeleted": True, "MasterRecordId": survivor}]
    requests.post(f"{salesforce.base}/__state/Account", json=merged, timeout=5).raise_for_status()

    rows = salesforce.query(f"SELECT MasterRecordId FROM Account WHERE Id = '{loser}'", "queryAll")
    assert rows == [{"MasterRecordId": survivor}]
    assert salesforce.refused("PATCH", f"sobjects/Account/{loser}", {"Name": "C"})[:2] == (404, "ENTITY_IS_DELETED")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"IsReminderSet": False}, None), ({"IsReminderSet": True}, "2026-03-01T10:00:00.000+0000")],
)
def test_reminder_needs_its_flag(salesforce: StandIn, change: dict[str, Any], named: str | None) -> None:
    """A reminder's time is kept only when the reminder is set."""
    salesforce.create("Task", ReminderDateTime="2026-03-01T10:00:00Z", **change)

    assert salesforce.query("SELECT ReminderDateTime FROM Task") == [{"ReminderDateTime": named}]


def test_record_is_read_and_deleted_by_key(salesforce: StandIn, sf: Salesforce) -> None:
    """A key leads to its record for reading and deleting; several are 300, none is 404."""
    salesforce.keyed_field("Account", "Account")
    account = salesforce.create("Account", Name="A", Key__c="a/1 b")

    assert salesforce.call("GET", "sobjects/Account/Key__c/a%2F1%20b").json()["Id"] == account
    assert salesforce.call("DELETE", "sobjects/Account/Key__c/a%2F1%20b").status_code == 204
    for method in ("GET", "DELETE"):
        assert salesforce.refused(method, "sobjects/Account/Key__c/a%2F1%20b")[0] == 404
    for name in ("B", "C"):
        sf.Contact.create({"LastName": name, "Email": "same@example.com"})
    for method in ("GET", "DELETE"):
        assert salesforce.call(method, "sobjects/Contact/Email/same@example.com").status_code == 300


def test_fields_can_be_chosen(salesforce: StandIn) -> None:
    """`fields` narrows a record to what it names, and refuses what is not there."""
    account = salesforce.create("Account", Name="A")

    row = salesforce.call("GET", f"sobjects/Account/{account}?fields=Name,OwnerId").json()
    assert row.keys() == {"attributes", "Name", "OwnerId"}
    assert salesforce.refused("GET", f"sobjects/Account/{account}?fields=Nope")[1] == "INVALID_FIELD"


def test_type_shows_its_summary(salesforce: StandIn) -> None:
    """The resource of a type shows what it is, and `Id` below it creates."""
    assert salesforce.call("GET", "sobjects/Task").json()["objectDescribe"]["keyPrefix"] == "00T"
    assert salesforce.call("POST", "sobjects/Task/Id", {"Subject": "x"}).status_code == 201


def test_slash_in_a_key_must_be_escaped(salesforce: StandIn) -> None:
    """A key with a slash is found as %2F; a bare slash makes a path that leads nowhere."""
    salesforce.keyed_field()
    salesforce.create("Task", Key__c="a/b")

    assert salesforce.call("GET", "sobjects/Task/Key__c/a%2Fb").status_code == 200
    assert salesforce.refused("PATCH", "sobjects/Task/Key__c/a/b", {})[:2] == (404, "NOT_FOUND")


def test_created_record_is_located(salesforce: StandIn) -> None:
    """The answer to a create names the address of the new record."""
    answer = salesforce.call("POST", "sobjects/Account", {"Name": "A"})

    assert answer.headers["Location"].endswith(f"/sobjects/Account/{answer.json()['id']}")
