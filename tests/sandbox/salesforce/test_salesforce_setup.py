"""What an admin set up, as the API shows it: rows follow the switches, and only some users see them."""

from __future__ import annotations

import pytest
import requests
from salesforce_served import StandIn

DEAL = {"Name": "Acme", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
FLOW = "SELECT Label, TriggerObjectOrEventId, RecordTriggerType FROM FlowDefinitionView WHERE IsActive = true"


def tooling(salesforce: StandIn, soql: str) -> list[dict[str, object]]:
    """Run a Tooling query."""
    return salesforce.query(soql, "tooling/query")


def test_versions_are_listed_to_anybody(salesforce: StandIn) -> None:
    """Without a session: oldest first, with label and path."""
    listed = requests.get(f"{salesforce.base}/services/data/", timeout=5).json()

    assert listed[0] == {"label": "Winter '24", "url": "/services/data/v59.0", "version": "59.0"}
    assert listed[-1] == {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"}


def test_a_version_that_is_not_listed_is_not_answered(salesforce: StandIn) -> None:
    """Older and newer ones than the switch says lead nowhere."""
    salesforce.control.switches["api_versions"] = [63, 64]

    statuses = [
        salesforce.http.get(f"{salesforce.base}/services/data/v{number}.0/sobjects").status_code
        for number in (62, 63, 64, 65)
    ]

    assert statuses == [404, 200, 200, 404]


def test_a_duplicate_rule_that_acts_is_one_that_is_listed(salesforce: StandIn) -> None:
    """The switch that makes writes fail is the row that a query shows."""
    salesforce.control.switches["duplicate_rules"] = {"Opportunity": {"match": ["Name"], "name": "Same_name"}}
    salesforce.create("Opportunity", **DEAL)

    refused = salesforce.refused("POST", "sobjects/Opportunity", DEAL)
    listed = salesforce.query("SELECT SobjectType, DeveloperName, MasterLabel, IsActive FROM DuplicateRule")

    assert refused[1] == "DUPLICATES_DETECTED"
    assert listed == [
        {"SobjectType": "Opportunity", "DeveloperName": "Same_name", "MasterLabel": "Same name", "IsActive": True}
    ]


def test_a_validation_rule_that_acts_is_listed_by_tooling(salesforce: StandIn) -> None:
    """Its object is reached through EntityDefinition; the ordinary query does not know the type."""
    rule = {"when": {"StageName": "Prospecting"}, "name": "No_start", "message": "not so"}
    salesforce.control.switches["validation_rules"] = {"Opportunity": [rule]}
    columns = "ValidationName, ErrorMessage, EntityDefinition.QualifiedApiName"
    condition = "Active = true AND EntityDefinition.QualifiedApiName IN ('Opportunity')"

    (row,) = tooling(salesforce, f"SELECT {columns} FROM ValidationRule WHERE {condition}")

    assert row["ValidationName"] == "No_start"
    assert salesforce.refused("POST", "sobjects/Opportunity", DEAL)[1] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert salesforce.refused("GET", "query", params={"q": "SELECT Id FROM ValidationRule"})[1] == "INVALID_TYPE"


def test_automations_are_listed_by_kind(salesforce: StandIn) -> None:
    """Flows by the data API, triggers and workflow rules by Tooling; what is off says so."""
    salesforce.control.switches["automations"] = {
        "Task": [
            {"kind": "flow", "name": "Mail_it", "when": "Create"},
            {"kind": "trigger", "name": "T", "active": False},
        ],
        "Opportunity": [{"kind": "workflow", "name": "Old"}],
    }

    assert salesforce.query(FLOW) == [
        {"Label": "Mail it", "TriggerObjectOrEventId": "Task", "RecordTriggerType": "Create"}
    ]
    assert tooling(salesforce, "SELECT Name, Status FROM ApexTrigger") == [{"Name": "T", "Status": "Inactive"}]
    assert tooling(salesforce, "SELECT Name, TableEnumOrId FROM WorkflowRule") == [
        {"Name": "Old", "TableEnumOrId": "Opportunity"}
    ]


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("query", "FlowDefinitionView"),
        ("query", "DuplicateRule"),
        ("tooling/query", "ValidationRule"),
        ("tooling/query", "ApexTrigger"),
        ("tooling/query", "WorkflowRule"),
    ],
)
def test_who_may_not_view_the_setup_sees_no_such_type(salesforce: StandIn, path: str, type: str) -> None:
    """The type itself is unknown to such a user."""
    salesforce.control.switches["view_setup"] = False

    assert salesforce.refused("GET", path, params={"q": f"SELECT Id FROM {type}"})[:2] == (400, "INVALID_TYPE")


def test_everybody_may_ask_for_their_own_permissions(salesforce: StandIn) -> None:
    """Without the right to view the setup, that very right is told as missing."""
    salesforce.control.switches["view_setup"] = False
    salesforce.control.switches["user_permissions"] = {"PermissionsModifyAllData": True}

    (row,) = salesforce.query(
        "SELECT PermissionsViewSetup, PermissionsModifyAllData, PermissionsApiEnabled FROM UserPermissionAccess"
    )

    assert row == {"PermissionsViewSetup": False, "PermissionsModifyAllData": True, "PermissionsApiEnabled": True}


def test_such_rows_can_be_neither_written_nor_loaded(salesforce: StandIn) -> None:
    """They follow the switches: a client is refused, and so is whoever loads them."""
    refused = salesforce.refused("POST", "sobjects/DuplicateRule", {"MasterLabel": "x"})
    loaded = requests.post(f"{salesforce.base}/__state/DuplicateRule", json=[{"MasterLabel": "x"}], timeout=5)

    assert refused[0] >= 400
    assert (loaded.status_code, loaded.json()) == (400, {"error": "DuplicateRule follows the switches"})


def test_tooling_knows_no_records(salesforce: StandIn) -> None:
    """Its queries are about the setup: what else it may know in a real org is not answered here."""
    assert salesforce.refused("GET", "tooling/query", params={"q": "SELECT Id FROM Account"})[1] == "INVALID_TYPE"
