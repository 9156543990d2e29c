"""What an admin, other tools and time do to an org: rules, hidden fields, spent quota, archived activities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from salesforce_jobs import closed_job
from salesforce_served import StandIn

DEAL = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-12-31"}
AMOUNT_RULE = {"when": {"IsWon": True, "Amount": [None, 0]}, "message": "Won deals need an amount", "field": "Amount"}
FROZEN_RULE = {"when": {"StageName": "Prospecting"}, "was": {"IsClosed": True}, "message": "Closed deals stay closed"}


def load(salesforce: StandIn, kind: str, *rows: dict[str, Any]) -> None:
    answer = requests.post(f"{salesforce.base}/__state/{kind}", json=list(rows), timeout=5)
    assert answer.status_code == 200, answer.text


def usage(salesforce: StandIn) -> str:
    return salesforce.call("GET", "sobjects").headers["Sforce-Limit-Info"]


def test_validation_rule_refuses_with_its_own_words(salesforce: StandIn) -> None:
    """A record that meets a rule is refused with the admin's message, on computed fields too, and nothing is stored."""
    salesforce.control.switches["validation_rules"] = {"Opportunity": [AMOUNT_RULE]}

    answer = salesforce.call("POST", "sobjects/Opportunity", {**DEAL, "StageName": "Closed Won"})
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "Won deals need an amount",
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "fields": ["Amount"],
        }
    ]
    assert salesforce.query("SELECT Id FROM Opportunity") == []
    salesforce.create("Opportunity", **{**DEAL, "StageName": "Closed Won", "Amount": 5})


def test_validation_rule_may_ask_what_was_before(salesforce: StandIn) -> None:
    """A rule with `was` meets changes only, in collections and jobs alike."""
    salesforce.control.switches["validation_rules"] = {"Opportunity": [FROZEN_RULE]}
    deals = [salesforce.create("Opportunity", **DEAL, AccountId=None) for _ in range(2)]
    rows = [{"type": "Opportunity", "Id": deals[0], "StageName": stage} for stage in ("Closed Won", "Prospecting")]

    results = [salesforce.batch("PATCH", "composite/sobjects", row)[0] for row in rows]
    job = closed_job(
        salesforce, f"Id,StageName\n{deals[0]},Prospecting\n{deals[1]},Prospecting\n", "update", "Opportunity"
    )
    job.ended()

    assert [one["success"] for one in results] == [True, False]
    assert results[1]["errors"] == [
        {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Closed deals stay closed", "fields": []}
    ]
    assert [row["sf__Error"] for row in job.results("failedResults")] == [
        "FIELD_CUSTOM_VALIDATION_EXCEPTION:Closed deals stay closed:--"
    ]


def test_required_custom_field_is_described_and_demanded(salesforce: StandIn) -> None:
    """A field an admin made required is not nillable, and a record without it is refused everywhere."""
    salesforce.control.switches["required_fields"] = {"Opportunity": ["Region__c"]}

    fields = salesforce.call("GET", "sobjects/Opportunity/describe").json()["fields"]
    (described,) = [field for field in fields if field["name"] == "Region__c"]
    assert (described["nillable"], described["createable"], described["defaultedOnCreate"]) == (False, True, False)
    assert salesforce.refused("POST", "sobjects/Opportunity", DEAL) == (
        400,
        "REQUIRED_FIELD_MISSING",
        ["Region__c"],
    )
    salesforce.create("Opportunity", **DEAL, Region__c="EMEA")
    assert salesforce.query("SELECT Region__c FROM Opportunity") == [{"Region__c": "EMEA"}]


def test_hidden_field_is_there_for_nobody(salesforce: StandIn) -> None:
    """A field an admin hides is neither described nor read nor written; its value stays."""
    salesforce.create("Account", Name="A", Site="here")
    salesforce.control.switches["hidden_fields"] = {"Account": ["Site"]}

    described = salesforce.call("GET", "sobjects/Account/describe").json()["fields"]
    assert "Site" not in {field["name"] for field in described}
    assert salesforce.refused("POST", "sobjects/Account", {"Name": "B", "Site": "x"})[1] == "INVALID_FIELD"
    assert salesforce.refused("GET", "query", params={"q": "SELECT Site FROM Account"})[1] == "INVALID_FIELD"
    assert salesforce.org.dump("Account")[0]["Site"] == "here"


def test_read_only_field_is_read_and_not_written(salesforce: StandIn) -> None:
    """A field an admin made read-only is described so, and refuses writes."""
    account = salesforce.create("Account", Name="A", Site="here")
    salesforce.control.switches["read_only_fields"] = {"Account": ["Site"]}

    assert salesforce.query("SELECT Site FROM Account") == [{"Site": "here"}]
    assert salesforce.refused("PATCH", f"sobjects/Account/{account}", {"Site": "x"}) == (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["Site"],
    )


@pytest.mark.parametrize(
    ("granted", "flags", "codes"),
    [
        (["read", "create", "edit"], (True, True, False), [None, None, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]),
        (["read", "create"], (True, False, False), [None, *["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"] * 2]),
        (["read"], (False, False, False), ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"] * 3),
    ],
)
def test_permissions_on_a_type_can_be_taken_away(
    salesforce: StandIn, granted: list[str], flags: tuple[bool, ...], codes: list[str | None]
) -> None:
    """What is left of a type's permissions is described, and what is not left is refused."""
    deal = salesforce.create("Opportunity", **DEAL)
    salesforce.control.switches["object_permissions"] = {"Opportunity": granted}

    told = salesforce.call("GET", "sobjects/Opportunity/describe").json()
    assert (told["createable"], told["updateable"], told["deletable"]) == flags
    answers = [
        salesforce.call("POST", "sobjects/Opportunity", DEAL),
        salesforce.call("PATCH", f"sobjects/Opportunity/{deal}", {"Amount": 1}),
        salesforce.call("DELETE", f"sobjects/Opportunity/{deal}"),
    ]
    assert [None if one.ok else one.json()[0]["errorCode"] for one in answers] == codes


def test_type_that_cannot_be_read_is_not_there(salesforce: StandIn) -> None:
    """Without the right to read, a type is neither listed, described nor queried, and a running job loses it."""
    job = closed_job(salesforce, "Name\nA\n")
    salesforce.control.switches["object_permissions"] = {"Account": []}

    assert "Account" not in {one["name"] for one in salesforce.call("GET", "sobjects").json()["sobjects"]}
    assert salesforce.refused("GET", "sobjects/Account/describe")[0] == 404
    assert salesforce.refused("GET", "query", params={"q": "SELECT Id FROM Account"})[1] == "INVALID_TYPE"
    assert job.ended()["errorMessage"] == "InvalidJob : Unable to find object: Account"


def test_deleting_takes_along_what_could_not_be_deleted_alone(salesforce: StandIn) -> None:
    """What hangs on a deleted record goes with it, whatever the permissions on its own type."""
    account = salesforce.create("Account", Name="A")
    salesforce.create("Opportunity", **DEAL, AccountId=account)
    salesforce.control.switches["object_permissions"] = {"Opportunity": ["read"]}

    assert salesforce.call("DELETE", f"sobjects/Account/{account}").status_code == 204
    assert salesforce.query("SELECT Id FROM Opportunity") == []


@pytest.mark.parametrize(("on_edit", "status"), [(False, 204), (True, 400)])
def test_duplicate_rule_may_bind_edits(salesforce: StandIn, on_edit: bool, status: int) -> None:
    """A rule meets edits only if it says so, and never a record and itself."""
    salesforce.control.switches["duplicate_rules"] = {"Account": {"match": ["Name"], "on_edit": on_edit}}
    salesforce.create("Account", Name="A")
    other = salesforce.create("Account", Name="B")

    assert salesforce.call("PATCH", f"sobjects/Account/{other}", {"Site": "x"}).status_code == 204
    assert salesforce.call("PATCH", f"sobjects/Account/{other}", {"Name": "A"}).status_code == status


@pytest.mark.parametrize(("header", "shown"), [("", {"Id"}), ("includeRecordDetails=true", {"Id", "Name"})])
def test_duplicates_are_shown_as_far_as_asked(salesforce: StandIn, header: str, shown: set[str]) -> None:
    """The records found carry their id, and with `includeRecordDetails` the fields that matched."""
    salesforce.control.switches["duplicate_rules"] = {"Account": {"match": ["Name"], "allow_save": True}}
    known = salesforce.create("Account", Name="A")

    answer = salesforce.call(
        "POST", "sobjects/Account", {"Name": "A"}, headers={"Sforce-Duplicate-Rule-Header": header}
    )
    (error,) = answer.json()
    result = error["duplicateResult"]
    (match,) = result["matchResults"]
    (found,) = match["matchRecords"]
    assert (result["allowSave"], match["size"]) == (True, 1)
    assert found["record"].keys() - {"attributes"} == shown
    assert found["record"]["Id"] == known


def test_calls_of_others_count_until_a_day_is_over(salesforce: StandIn) -> None:
    """Loaded calls are spent quota; each is free again 24 hours after it was made."""
    salesforce.control.switches |= {"daily_api_requests": 1000, "token_seconds": 10**6}
    salesforce.log_in()
    early = (salesforce.control.clock.now() - timedelta(hours=20)).isoformat()
    load(salesforce, "api_requests", {"count": 300}, {"at": early, "count": 699})
    assert usage(salesforce) == "api-usage=1000/1000"
    assert salesforce.refused("GET", "sobjects")[:2] == (403, "REQUEST_LIMIT_EXCEEDED")

    salesforce.control.clock.advance(4 * 3600 + 1)
    assert usage(salesforce) == "api-usage=302/1000"
    salesforce.control.clock.advance(20 * 3600)
    assert usage(salesforce) == "api-usage=2/1000"
    assert sum(row["count"] for row in salesforce.org.dump("api_requests")) == 2


def test_refused_calls_cost_nothing_once_the_quota_is_spent(salesforce: StandIn) -> None:
    """A call refused for the quota is not counted, and the header says what was used."""
    salesforce.control.switches["daily_api_requests"] = 1
    salesforce.call("GET", "sobjects")
    answers = [salesforce.call("POST", "sobjects/Account", {"Name": "A"}) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {403}
    assert {answer.headers["Sforce-Limit-Info"] for answer in answers} == {"api-usage=1/1"}
    assert salesforce.org.dump("Account") == []


def test_usage_of_the_app_may_stand_beside(salesforce: StandIn) -> None:
    """An app with a quota of its own is told both."""
    salesforce.control.switches["connected_app_name"] = "Connector"

    assert usage(salesforce) == "api-usage=1/100000; per-app-api-usage=1/100000(appName=Connector)"


def test_limits_may_be_forbidden(salesforce: StandIn) -> None:
    """Without the permission to view the setup, limits are refused; the usage header comes all the same."""
    salesforce.control.switches["view_setup"] = False

    answer = salesforce.call("GET", "limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")


def test_archived_tasks_are_shown_to_query_all_only(salesforce: StandIn) -> None:
    """An archived task is left out of `query` and found by `queryAll`."""
    load(salesforce, "Task", {"Subject": "old", "IsArchived": True}, {"Subject": "new"})

    assert salesforce.query("SELECT Subject FROM Task") == [{"Subject": "new"}]
    assert len(salesforce.query("SELECT Subject FROM Task", "queryAll")) == 2


def test_locked_record_stops_what_hangs_on_it(salesforce: StandIn) -> None:
    """Writes of a locked record and of its children are refused as often as the lock holds, others are not."""
    account, other = (salesforce.create("Account", Name=name) for name in ("A", "B"))
    deal = salesforce.create("Opportunity", **DEAL, AccountId=account)
    salesforce.control.switches["locked_records"] = {account: 4}
    rows = [
        {"type": "Account", "Id": account, "Site": "x"},
        {"type": "Opportunity", "Id": deal, "Amount": 1},
        {"type": "Account", "Id": other, "Site": "x"},
    ]

    results = salesforce.batch("PATCH", "composite/sobjects", *rows)
    assert [one["success"] for one in results] == [False, False, True]
    assert results[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert results[1]["errors"][0]["message"].endswith(account)
    assert salesforce.refused("POST", "sobjects/Task", {"WhatId": account})[1] == "UNABLE_TO_LOCK_ROW"
    assert salesforce.refused("DELETE", f"sobjects/Opportunity/{deal}")[1] == "UNABLE_TO_LOCK_ROW"
    assert salesforce.call("PATCH", f"sobjects/Account/{account}", {"Site": "y"}).status_code == 204


def test_merged_accounts_leave_their_records_to_the_survivor(salesforce: StandIn) -> None:
    """A merge moves contacts, deals and tasks to the survivor, and deletes the loser with its master's id."""
    survivor, loser = (salesforce.create("Account", Name=name) for name in ("A", "B"))
    salesforce.create("Opportunity", **DEAL, AccountId=loser)
    salesforce.create("Contact", LastName="C", AccountId=loser)
    salesforce.create("Task", WhatId=loser)
    load(salesforce, "merges", {"loser": loser, "survivor": survivor})

    for kind in ("Opportunity", "Contact", "Task"):
        assert salesforce.query(f"SELECT AccountId FROM {kind}") == [{"AccountId": survivor}]
    assert salesforce.query("SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = TRUE", "queryAll") == [
        {"Id": loser, "MasterRecordId": survivor}
    ]
