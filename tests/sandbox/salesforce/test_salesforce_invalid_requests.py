"""Requests Salesforce refuses, and the code, status and fields it refuses them with."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from salesforce_served import StandIn

OPPORTUNITY = {"Name": "Seats", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
CREATES: list[tuple[str, dict[str, Any], str, list[str] | None]] = [
    ("Account", {}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ("Account", {"Name": "  "}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ("Contact", {"FirstName": "Jo"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
    ("Opportunity", {"Name": "x"}, "REQUIRED_FIELD_MISSING", ["StageName", "CloseDate"]),
    ("OpportunityContactRole", {}, "REQUIRED_FIELD_MISSING", ["OpportunityId", "ContactId"]),
    ("Account", {"Name": "x" * 256}, "STRING_TOO_LONG", ["Name"]),
    ("Opportunity", OPPORTUNITY | {"Name": "x" * 121}, "STRING_TOO_LONG", ["Name"]),
    ("Opportunity", OPPORTUNITY | {"NextStep": "x" * 256}, "STRING_TOO_LONG", ["NextStep"]),
    ("Task", {"Subject": "x" * 256}, "STRING_TOO_LONG", ["Subject"]),
    ("Task", {"Description": "x" * 32_001}, "STRING_TOO_LONG", ["Description"]),
    (
        "Opportunity",
        OPPORTUNITY | {"ForecastCategoryName": "Maybe"},
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ["ForecastCategoryName"],
    ),
    ("Contact", {"LastName": "x", "Email": "badone"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
    ("Account", {"Name": "x", "Nope": 1}, "INVALID_FIELD", None),
    ("Account", {"Name": "x", "Nope__c": "y"}, "INVALID_FIELD", None),
    ("Opportunity", OPPORTUNITY | {"IsWon": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsWon"]),
    ("Opportunity", OPPORTUNITY | {"ExpectedRevenue": 1}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["ExpectedRevenue"]),
    ("Account", {"Name": "x", "BillingAddress": {}}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["BillingAddress"]),
    ("Task", {"AccountId": "001000000000001"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["AccountId"]),
    ("Account", {"Id": "001000000000001", "Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"]),
    ("Account", {"Name": 7}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": 1.5}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": True}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": ["x"]}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": {"x": 1}}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": "x", "Parent": {"Site": "a", "Sic": "b"}}, "INVALID_FIELD", []),
    ("Account", {"Name": "x", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", None),
    ("Account", {"Name": "x", "NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR", None),
    ("Opportunity", OPPORTUNITY | {"IsPrivate": "perhaps"}, "JSON_PARSER_ERROR", None),
    ("Opportunity", OPPORTUNITY | {"CloseDate": "2026-12-01T00:00:00Z"}, "JSON_PARSER_ERROR", None),
    ("Opportunity", OPPORTUNITY | {"CloseDate": "2026-02-30"}, "JSON_PARSER_ERROR", None),
    ("Task", {"ActivityDate": "01.12.2026"}, "JSON_PARSER_ERROR", None),
    ("Task", {"IsReminderSet": True, "ReminderDateTime": "2026-12-01T10:00:00"}, "JSON_PARSER_ERROR", None),
    ("Opportunity", OPPORTUNITY | {"Probability": 1000}, "NUMBER_OUTSIDE_VALID_RANGE", ["Probability"]),
    ("Opportunity", OPPORTUNITY | {"AccountId": "acme"}, "MALFORMED_ID", ["AccountId"]),
    ("Opportunity", OPPORTUNITY | {"AccountId": "003000000000001"}, "MALFORMED_ID", ["AccountId"]),
    ("Opportunity", OPPORTUNITY | {"AccountId": "001000000000001"}, "INVALID_CROSS_REFERENCE_KEY", ["AccountId"]),
    ("Opportunity", OPPORTUNITY | {"OwnerId": "005000000000001"}, "INVALID_CROSS_REFERENCE_KEY", ["OwnerId"]),
    ("OpportunityStage", {"MasterLabel": "x"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", None),
]


@pytest.mark.parametrize(("kind", "body", "code", "fields"), CREATES)
def test_create_is_refused(
    salesforce: StandIn, kind: str, body: dict[str, Any], code: str, fields: list[str] | None
) -> None:
    """A record that does not fit is refused 400 with its code and fields, and nothing is stored."""
    before = len(salesforce.org.dump(kind))

    assert salesforce.refused("POST", f"sobjects/{kind}/", body) == (400, code, fields)
    assert len(salesforce.org.dump(kind)) == before


@pytest.mark.parametrize(("kind", "body", "code", "fields"), CREATES)
def test_collection_reports_the_same_refusal_for_one_record(
    salesforce: StandIn, kind: str, body: dict[str, Any], code: str, fields: list[str] | None
) -> None:
    """Inside a batch the same record fails alone, under the same code, while its neighbour is created."""
    bad, good = salesforce.batch(
        "POST", "composite/sobjects", {"type": kind, **body}, {"type": "Account", "Name": "good"}
    )

    assert good["success"]
    assert bad == {
        "success": False,
        "errors": [{"statusCode": code, "message": bad["errors"][0]["message"]} | {"fields": fields or []}],
    }


@pytest.mark.parametrize(
    ("change", "code", "fields"),
    [
        ({"Name": None}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ({"StageName": ""}, "REQUIRED_FIELD_MISSING", ["StageName"]),
        ({"ContactId": None}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["ContactId"]),
        ({"Id": "x"}, "INVALID_FIELD", None),
        ({"Nope__c": 1}, "INVALID_FIELD", None),
        ({"SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["SystemModstamp"]),
    ],
)
def test_change_is_refused(salesforce: StandIn, change: dict[str, Any], code: str, fields: list[str] | None) -> None:
    """A change that does not fit is refused, and the record stays as it was."""
    opportunity = salesforce.create("Opportunity", **OPPORTUNITY)
    before = salesforce.org.get("Opportunity", opportunity)

    assert salesforce.refused("PATCH", f"sobjects/Opportunity/{opportunity}", change) == (400, code, fields)
    assert salesforce.org.get("Opportunity", opportunity) == before


def test_owner_must_be_active(salesforce: StandIn) -> None:
    """A record cannot be given to a user who was switched off."""
    gone = {"LastName": "Gone", "Username": "gone@example.com", "Email": "gone@example.com", "Alias": "gone"}
    user = salesforce.create("User", **gone)
    salesforce.call("PATCH", f"sobjects/User/{user}", {"IsActive": False})

    assert salesforce.refused("POST", "sobjects/Opportunity", OPPORTUNITY | {"OwnerId": user}) == (
        400,
        "INACTIVE_OWNER_OR_USER",
        ["OwnerId"],
    )


def test_deleted_parent_is_refused(salesforce: StandIn) -> None:
    """A reference to a deleted record says that it is deleted."""
    account = salesforce.create("Account", Name="A")
    salesforce.call("DELETE", f"sobjects/Account/{account}")

    body = OPPORTUNITY | {"AccountId": account}
    assert salesforce.refused("POST", "sobjects/Opportunity", body)[1:] == ("ENTITY_IS_DELETED", ["AccountId"])


def test_unique_field_takes_a_value_once(salesforce: StandIn) -> None:
    """A second record with the value of a unique field is DUPLICATE_VALUE, letter case aside."""
    salesforce.keyed_field()
    salesforce.create("Task", Key__c="abc")

    assert salesforce.refused("POST", "sobjects/Task", {"Key__c": "ABC"})[:2] == (400, "DUPLICATE_VALUE")


def test_case_sensitive_unique_field_tells_letters_apart(salesforce: StandIn) -> None:
    """With caseSensitive two keys that differ in case are two keys."""
    salesforce.keyed_field(caseSensitive=True)
    salesforce.create("Task", Key__c="abc")

    assert salesforce.call("POST", "sobjects/Task", {"Key__c": "ABC"}).status_code == 201
    assert salesforce.call("PATCH", "sobjects/Task/Key__c/Abc", {"Subject": "x"}).status_code == 201


def test_upsert_body_must_not_repeat_the_key(salesforce: StandIn) -> None:
    """The key stands in the address only, and the id nowhere."""
    salesforce.keyed_field()

    for body in ({"Key__c": "k"}, {"Id": "00T000000000001"}):
        assert salesforce.refused("PATCH", "sobjects/Task/Key__c/k", body)[:2] == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "sobjects/Foo"),
        ("GET", "sobjects/Foo/describe"),
        ("POST", "sobjects/Foo/"),
        ("GET", "nowhere"),
        ("GET", "sobjects/Account/001000000000001"),
        ("PATCH", "sobjects/Account/001000000000001"),
        ("DELETE", "sobjects/Account/001000000000001"),
        ("PATCH", "sobjects/Account/Nope__c/x"),
        ("PATCH", "sobjects/Account/Industry/x"),
        ("PATCH", "sobjects/Contact/Email/"),
        ("PATCH", "composite/sobjects/Account/Nope__c"),
        ("PATCH", "sobjects/Account/Nope__c/"),
    ],
)
def test_what_is_not_there_is_not_found(salesforce: StandIn, method: str, path: str) -> None:
    """Unknown types, paths, records and key fields are 404 NOT_FOUND."""
    assert salesforce.refused(method, path, {"Name": "x"})[:2] == (404, "NOT_FOUND")


def test_writing_to_a_deleted_record_says_so(salesforce: StandIn) -> None:
    """PATCH and DELETE of a deleted record are 404 ENTITY_IS_DELETED; GET is plain NOT_FOUND."""
    account = salesforce.create("Account", Name="A")
    salesforce.call("DELETE", f"sobjects/Account/{account}")

    codes = [salesforce.refused(m, f"sobjects/Account/{account}", {"Name": "x"})[1] for m in ("PATCH", "DELETE", "GET")]
    assert codes == ["ENTITY_IS_DELETED", "ENTITY_IS_DELETED", "NOT_FOUND"]


def test_old_versions_are_not_there(salesforce: StandIn) -> None:
    """Versions before 59 and what is no version are not found; with and without trailing slash they are one."""
    for version, status in (("v59.0", 200), ("v67.0", 200), ("v45.0", 404), ("v62", 404)):
        for slash in ("", "/"):
            answer = salesforce.http.get(f"{salesforce.base}/services/data/{version}/limits{slash}")
            assert answer.status_code == status


def test_no_session_is_401(salesforce: StandIn) -> None:
    """Without a token, or with one nobody was given, every path is INVALID_SESSION_ID."""
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        for path in ("limits", "nowhere"):
            answer = requests.get(f"{salesforce.base}/services/data/v62.0/{path}", headers=headers, timeout=5)
            assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_method_a_resource_lacks_is_405(salesforce: StandIn) -> None:
    """A resource names the methods it has."""
    assert salesforce.refused("DELETE", "limits")[:2] == (405, "METHOD_NOT_ALLOWED")


def test_body_must_be_json(salesforce: StandIn) -> None:
    """XML is 415, broken JSON and a JSON list are 400."""
    url = f"{salesforce.base}/services/data/v62.0/sobjects/Account"
    xml = salesforce.http.post(url, data="<a/>", headers={"Content-Type": "text/xml"})
    broken = salesforce.http.post(url, data="{", headers={"Content-Type": "application/json"})

    assert (xml.status_code, xml.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert salesforce.refused("POST", "sobjects/Account", [])[:2] == (400, "JSON_PARSER_ERROR")


def test_too_long_an_address_is_414(salesforce: StandIn) -> None:
    """A query of more than 16,384 characters does not fit into an address."""
    soql = "SELECT Id FROM Account WHERE Name IN (" + ",".join("'" + "x" * 80 + "'" for _ in range(200)) + ")"

    assert salesforce.call("GET", "query", params={"q": soql}).status_code == 414


def test_used_up_quota_is_403(salesforce: StandIn) -> None:
    """Calls beyond the daily allowance are REQUEST_LIMIT_EXCEEDED, until they are a day old."""
    salesforce.control.switches |= {"daily_api_requests": 2, "token_seconds": 10**6}
    seen = [salesforce.call("GET", "limits") for _ in range(2)]

    assert seen[1].headers["Sforce-Limit-Info"] == "api-usage=2/2"
    assert seen[1].json()["DailyApiRequests"] == {"Max": 2, "Remaining": 0}
    assert salesforce.refused("GET", "limits")[:2] == (403, "REQUEST_LIMIT_EXCEEDED")
    salesforce.org.calls.clear()
    assert salesforce.call("GET", "limits").status_code == 200


@pytest.mark.parametrize(
    ("allow_save", "header", "saved"), [(True, "allowSave=true", 201), (False, "allowSave=true", 400), (True, "", 400)]
)
def test_duplicate_rule(salesforce: StandIn, allow_save: bool, header: str, saved: int) -> None:
    """A duplicate rule stops a likely duplicate; the header overrides a rule that alerts, not one that blocks."""
    salesforce.control.switches["duplicate_rules"] = {"Account": {"match": ["Name"], "allow_save": allow_save}}
    salesforce.create("Account", Name="A")

    headers = {"Sforce-Duplicate-Rule-Header": f"{header}; runAsCurrentUser=true"}
    answer = salesforce.call("POST", "sobjects/Account", {"Name": "A"}, headers=headers)

    assert answer.status_code == saved
    if saved == 400:
        (error,) = answer.json()
        assert error["errorCode"] == "DUPLICATES_DETECTED"
        assert set(error["duplicateResult"]) == {
            "allowSave",
            "duplicateRule",
            "duplicateRuleEntityType",
            "errorMessage",
            "matchResults",
        }


def test_planned_fault_meets_its_record_only(salesforce: StandIn) -> None:
    """The switch `row_faults` fails the records it matches, as often as it says."""
    lock = {"object": "Account", "match": "locked", "statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy", "times": 1}
    requests.post(f"{salesforce.base}/__switches", json={"row_faults": [lock]}, timeout=5)
    rows = [{"type": "Account", "Name": name} for name in ("free", "locked 1", "locked 2")]

    outcome = salesforce.batch("POST", "composite/sobjects", *rows)

    assert [one["success"] for one in outcome] == [True, False, True]
    assert outcome[1]["errors"] == [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy", "fields": []}]
