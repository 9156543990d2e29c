"""The control surface of the Salesforce stand-in: state, clock, faults."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from salesforce_served import StandIn

from connector.sandbox.salesforce.ids import long_form


def control(salesforce: StandIn, path: str, body: Any = None) -> Any:
    if body is None:
        return requests.get(f"{salesforce.base}/__{path}", timeout=5).json()
    return requests.post(f"{salesforce.base}/__{path}", json=body, timeout=5).json()


def test_known_ids_get_their_check_letters() -> None:
    """The three last characters of ids of real records are those Salesforce gave."""
    for known in ("001Da00000xnAk6IAE", "0039H00000BbbFBQAZ", "00U9H000000S01tUAC", "0065500000KPywjAAD"):
        assert long_form(known[:15]) == known


@pytest.mark.parametrize("wrong", ["", "acme", "001Da00000xnAk6IAF", "001Da00000xnAk!", "001Da00000xnAk6IAEX"])
def test_what_is_no_id_is_refused(wrong: str) -> None:
    """Wrong length, wrong letters or wrong check letters make no id."""
    with pytest.raises(ValueError, match=f"^{wrong}$"):
        long_form(wrong)


def test_loaded_rows_are_as_if_they_had_always_been(salesforce: StandIn) -> None:
    """A loaded row keeps id and timestamps; a missing id is made; custom columns become fields open to all."""
    given = {"Id": "0065500000KPywj", "Name": "Old", "StageName": "Closed Won", "CloseDate": "2024-01-31"}
    given |= {"CreatedDate": "2024-01-01T00:00:00Z", "SystemModstamp": "2024-02-01T00:00:00+0000", "Score__c": 7}
    assert control(salesforce, "state/Opportunity", [given, {"Name": "New", "StageName": "x"}]) == {"loaded": 2}

    old, new = salesforce.query(
        "SELECT Id, CreatedDate, SystemModstamp, IsWon, Score__c FROM Opportunity ORDER BY Name DESC"
    )
    assert old == {
        "Id": "0065500000KPywjAAD",
        "CreatedDate": "2024-01-01T00:00:00.000+0000",
        "SystemModstamp": "2024-02-01T00:00:00.000+0000",
        "IsWon": True,
        "Score__c": 7,
    }
    assert (long_form(new["Id"]), new["Score__c"]) == (new["Id"], None)
    assert salesforce.query("SELECT Id FROM OpportunityHistory") == []


def test_loading_a_known_id_is_an_edit_by_somebody(salesforce: StandIn) -> None:
    """Columns not given stay, derived ones follow, and history tells of it."""
    opportunity = salesforce.create("Opportunity", Name="x", StageName="Prospecting", CloseDate="2026-12-01")
    salesforce.control.clock.advance(60)
    control(salesforce, "state/Opportunity", [{"Id": opportunity, "StageName": "Closed Lost"}])

    (row,) = salesforce.query("SELECT Name, IsClosed, CreatedDate, SystemModstamp FROM Opportunity")
    assert (row["Name"], row["IsClosed"]) == ("x", True)
    assert row["SystemModstamp"] > row["CreatedDate"]
    stages = [one["StageName"] for one in salesforce.query("SELECT StageName FROM OpportunityHistory ORDER BY Id")]
    assert stages == ["Prospecting", "Closed Lost"]


def test_dump_shows_deleted_rows_too(salesforce: StandIn) -> None:
    """State holds every row, deleted ones marked."""
    account = salesforce.create("Account", Name="A")
    salesforce.call("DELETE", f"sobjects/Account/{account}")

    (row,) = control(salesforce, "state/Account")
    assert (row["Id"], row["IsDeleted"]) == (account, True)


def test_wrong_state_is_refused(salesforce: StandIn) -> None:
    """No such type is 404; a column that is no field, or a time that is none, is 400."""
    for kind, row, status in (
        ("Foo", {"Name": "x"}, 404),
        ("Account", {"Nope": 1}, 400),
        ("Account", {"CreatedDate": "soon"}, 400),
    ):
        answer = requests.post(f"{salesforce.base}/__state/{kind}", json=[row], timeout=5)
        assert answer.status_code == status
    assert requests.get(f"{salesforce.base}/__state/Foo", timeout=5).status_code == 404


def test_reset_keeps_sessions_and_forgets_the_rest(salesforce: StandIn) -> None:
    """After a reset the org is as new, and the token still holds."""
    salesforce.keyed_field()
    salesforce.create("Account", Name="A")
    requests.post(f"{salesforce.base}/__reset", timeout=5)

    assert salesforce.query("SELECT Id FROM Account") == []
    assert not salesforce.org.custom_fields("Task")
    assert salesforce.call("GET", "limits").headers["Sforce-Limit-Info"].startswith("api-usage=2/")


def test_stamps_follow_the_clock(salesforce: StandIn) -> None:
    """Created and changed are told by the stand-in's clock, to the second."""
    control(salesforce, "clock", {"now": "2025-03-01T12:00:00.700+00:00"})
    salesforce.control.switches["token_seconds"] = 10**9
    account = salesforce.create("Account", Name="A")
    control(salesforce, "clock", {"advance": 90})
    salesforce.call("PATCH", f"sobjects/Account/{account}", {"Name": "B"})

    assert salesforce.query("SELECT CreatedDate, SystemModstamp FROM Account") == [
        {"CreatedDate": "2025-03-01T12:00:00.000+0000", "SystemModstamp": "2025-03-01T12:01:30.000+0000"}
    ]


def test_lost_answer_leaves_the_record(salesforce: StandIn) -> None:
    """A fault that cuts after the handler loses the answer, not the record."""
    control(salesforce, "faults", {"path": "/sobjects/Account", "method": "POST", "cut": "after"})
    with pytest.raises(requests.exceptions.RequestException):
        salesforce.call("POST", "sobjects/Account", {"Name": "A"})

    assert salesforce.query("SELECT Name FROM Account") == [{"Name": "A"}]


def test_answers_carry_usage_and_are_not_cached(salesforce: StandIn) -> None:
    """Every data answer, refused ones too, counts and says so."""
    good, bad = salesforce.call("GET", "sobjects"), salesforce.call("GET", "sobjects/Foo")

    assert good.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert "no-store" in good.headers["Cache-Control"]
    assert [one.headers["Sforce-Limit-Info"] for one in (good, bad)] == ["api-usage=1/100000", "api-usage=2/100000"]


def test_record_count_leaves_out_empty_types(salesforce: StandIn) -> None:
    """Types are counted without their deleted records; those with none are not named."""
    salesforce.create("Account", Name="A")
    gone = salesforce.create("Contact", LastName="B")
    salesforce.call("DELETE", f"sobjects/Contact/{gone}")

    answer = salesforce.call("GET", "limits/recordCount?sObjects=Account,Contact").json()
    assert answer == {"sObjects": [{"count": 1, "name": "Account"}]}


def test_columns_of_loaded_rows_get_the_type_of_their_value(salesforce: StandIn) -> None:
    """A flag, a number, a short and a long text each become a field that holds such a value."""
    row = {"Name": "A", "Flag__c": True, "Score__c": 1.5, "Note__c": "x", "Story__c": "x" * 300}
    salesforce.org.load("Account", [row])

    described = salesforce.call("GET", "sobjects/Account/describe").json()["fields"]
    types = {field["name"]: field["type"] for field in described if field["custom"]}
    assert types == {"Flag__c": "boolean", "Score__c": "double", "Note__c": "string", "Story__c": "textarea"}


def test_usage_is_forgotten_after_a_day(salesforce: StandIn) -> None:
    """The allowance is one of rolling 24 hours."""
    salesforce.control.switches |= {"token_seconds": 10**6, "session_epoch": 0}
    salesforce.call("GET", "limits")
    salesforce.org.calls[0] -= timedelta(hours=25)

    assert salesforce.call("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"
