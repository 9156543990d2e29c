"""What a record type offers of a picklist: its sales process for stages, which guides people and binds no write."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from salesforce_served import StandIn

MASTER = "012000000000000AAA"
PATH = "ui-api/object-info/{}/picklist-values/{}/{}"
PROCESS = ["Prospecting", "Closed Won", "Closed Lost"]


@pytest.fixture
def renewal(salesforce: StandIn) -> str:
    """A record type whose sales process has three stages."""
    row = {"SobjectType": "Opportunity", "DeveloperName": "Renewal", "Name": "Renewals", "IsActive": True}
    answer = requests.post(f"{salesforce.base}/__state/RecordType", json=[row], timeout=5)
    assert answer.status_code == 200, answer.text
    salesforce.control.switches["sales_processes"] = {"Renewal": PROCESS}
    return str(salesforce.query("SELECT Id FROM RecordType")[0]["Id"])


def offered(salesforce: StandIn, record_type: str, field: str = "StageName") -> list[dict[str, Any]]:
    told = salesforce.call("GET", PATH.format("Opportunity", record_type, field)).json()
    assert told["url"].endswith(PATH.format("Opportunity", record_type, field))
    values: list[dict[str, Any]] = told["values"]
    return values


def test_a_record_type_offers_its_sales_process(salesforce: StandIn, renewal: str) -> None:
    """It alone, in order and with what each stage means; the master offers every stage, other fields are whole."""
    own, every = offered(salesforce, renewal), offered(salesforce, MASTER)

    assert [one["value"] for one in own] == PROCESS
    assert own[1]["attributes"] == {
        "closed": True,
        "defaultProbability": 100.0,
        "forecastCategoryName": "Closed",
        "won": True,
    }
    assert len(every) == 10
    assert offered(salesforce, renewal, "Type") == offered(salesforce, MASTER, "Type")


def test_a_write_of_any_stage_is_taken(salesforce: StandIn, renewal: str) -> None:
    """The API writes a stage that the record type does not offer."""
    deal = {"Name": "x", "StageName": "Qualification", "CloseDate": "2026-12-31", "RecordTypeId": renewal}

    salesforce.create("Opportunity", **deal)

    assert salesforce.query("SELECT StageName FROM Opportunity")[0]["StageName"] == "Qualification"


@pytest.mark.parametrize(
    ("kind", "record_type", "field"),
    [
        ("Opportunity", MASTER, "Name"),
        ("Opportunity", MASTER, "Nowhere__c"),
        ("Opportunity", "0125c000000oIN9AAM", "StageName"),
        ("Opportunity", "Renewal", "StageName"),
        ("Nothing", MASTER, "StageName"),
    ],
)
def test_what_is_no_picklist_or_no_record_type_is_not_found(
    salesforce: StandIn, kind: str, record_type: str, field: str
) -> None:
    """Nothing is guessed."""
    assert salesforce.refused("GET", PATH.format(kind, record_type, field))[:2] == (404, "NOT_FOUND")
