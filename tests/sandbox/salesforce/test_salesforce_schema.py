"""Describes, custom fields, and field-level security."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_served import StandIn
from simple_salesforce import Salesforce

TEXT = {"label": "Key", "type": "Text", "length": 80}


def tooled(salesforce: StandIn, full_name: str, **metadata: Any) -> tuple[int, Any]:
    body = {"FullName": full_name, "Metadata": metadata}
    answer = salesforce.call("POST", "tooling/sobjects/CustomField/", body)
    return answer.status_code, answer.json()


def described(salesforce: StandIn, kind: str) -> dict[str, dict[str, Any]]:
    fields = salesforce.call("GET", f"sobjects/{kind}/describe").json()["fields"]
    return {field["name"]: field for field in fields}


def test_global_describe_lists_the_types(sf: Salesforce) -> None:
    """Every type the connector meets is there with its key prefix."""
    prefixes = {one["name"]: one["keyPrefix"] for one in sf.describe()["sobjects"]}

    assert (
        prefixes.items()
        >= {
            "Account": "001",
            "Contact": "003",
            "User": "005",
            "Opportunity": "006",
            "OpportunityContactRole": "00K",
            "Task": "00T",
            "Event": "00U",
        }.items()
    )


def test_stage_values_are_those_of_the_org(salesforce: StandIn) -> None:
    """A stage an admin added shows in the picklist and decides like any other; one switched off does not show."""
    first = next(iter(salesforce.org.dump("OpportunityStage")))
    added = {"MasterLabel": "Proposed", "ApiName": "Proposed", "IsActive": True, "SortOrder": 0}
    added |= {"DefaultProbability": 0, "ForecastCategoryName": "Omitted", "ForecastCategory": "Omitted"}
    salesforce.org.load("OpportunityStage", [{"Id": first["Id"], "IsActive": False}, added])

    values = [one["value"] for one in described(salesforce, "Opportunity")["StageName"]["picklistValues"]]
    assert (values[0], first["ApiName"] in values) == ("Proposed", False)
    salesforce.create("Opportunity", Name="x", StageName="Proposed", CloseDate="2026-12-01")
    assert salesforce.query("SELECT Probability, ForecastCategory FROM Opportunity") == [
        {"Probability": 0.0, "ForecastCategory": "Omitted"}
    ]


def test_new_field_is_invisible_until_granted(salesforce: StandIn) -> None:
    """A field made by Tooling is unknown to describe, SOQL, create and upsert until a permission set opens it."""
    status, made = tooled(salesforce, "Activity.Key__c", **TEXT, externalId=True, unique=True)
    assert (status, made["success"]) == (201, True)

    assert "Key__c" not in described(salesforce, "Task")
    assert salesforce.refused("GET", "query", params={"q": "SELECT Key__c FROM Task"})[1] == "INVALID_FIELD"
    assert salesforce.refused("POST", "sobjects/Task", {"Key__c": "k"})[1] == "INVALID_FIELD"
    assert salesforce.refused("PATCH", "sobjects/Task/Key__c/k", {})[1] == "NOT_FOUND"
    salesforce.grant("Task.Key__c")
    field = described(salesforce, "Task")["Key__c"]
    assert (field["externalId"], field["unique"], field["length"], field["idLookup"]) == (True, True, 80, True)
    assert "Key__c" in described(salesforce, "Event")
    assert salesforce.call("PATCH", "sobjects/Task/Key__c/k", {}).status_code == 201


def test_permission_without_assignment_opens_nothing(salesforce: StandIn) -> None:
    """A permission set counts only for the users it is assigned to."""
    tooled(salesforce, "Opportunity.Key__c", **TEXT)
    permission_set = salesforce.create("PermissionSet", Name="Reco", Label="Reco")
    grant = {"ParentId": permission_set, "SobjectType": "Opportunity", "Field": "Opportunity.Key__c"}
    salesforce.create("FieldPermissions", **grant, PermissionsRead=True, PermissionsEdit=True)

    assert "Key__c" not in described(salesforce, "Opportunity")


def test_read_permission_alone_lets_nothing_be_written(salesforce: StandIn) -> None:
    """A field with PermissionsRead only is visible, and refuses writes."""
    tooled(salesforce, "Account.Key__c", **TEXT)
    salesforce.grant("Account.Key__c", edit=False)

    assert described(salesforce, "Account")["Key__c"]["createable"] is False
    assert salesforce.refused("POST", "sobjects/Account", {"Name": "x", "Key__c": "k"}) == (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["Key__c"],
    )


def test_field_that_is_there_is_said_to_be(salesforce: StandIn) -> None:
    """A second field of one name is refused, on Activity as well."""
    tooled(salesforce, "Activity.Key__c", **TEXT)

    status, (error,) = tooled(salesforce, "Activity.Key__c", **TEXT)
    assert (status, error["errorCode"]) == (400, "DUPLICATE_DEVELOPER_NAME")
    assert error["message"] == "There is already a field named Key on Activity."


@pytest.mark.parametrize(
    ("full_name", "metadata", "code"),
    [
        ("Account.Key", TEXT, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.1Key__c", TEXT, "FIELD_INTEGRITY_EXCEPTION"),
        ("Task.Key__c", TEXT, "FIELD_INTEGRITY_EXCEPTION"),
        ("Foo.Key__c", TEXT, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "Key", "type": "Text"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", TEXT | {"length": 256}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"type": "Text", "length": 80}, "REQUIRED_FIELD_MISSING"),
        ("Account.Key__c", TEXT | {"type": "Novel"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "Checkbox", "externalId": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "LongTextArea", "length": 255}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "LongTextArea", "length": 300}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "Checkbox"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "Number"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Key__c", {"label": "K", "type": "Picklist"}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_field_is_refused(salesforce: StandIn, full_name: str, metadata: dict[str, Any], code: str) -> None:
    """Metadata that makes no field is refused 400, and no field is made."""
    status, (error,) = tooled(salesforce, full_name, **metadata)

    assert (status, error["errorCode"]) == (400, code)
    assert not salesforce.org.custom_fields("Account")


@pytest.mark.parametrize(
    ("metadata", "value", "bad"),
    [
        ({"type": "Text", "length": 5}, "abcde", "abcdef"),
        ({"type": "LongTextArea", "length": 300, "visibleLines": 3}, "x" * 300, "x" * 301),
        ({"type": "Number", "precision": 4, "scale": 1}, 123.0, 1234),
        ({"type": "Checkbox", "defaultValue": "false"}, True, "perhaps"),
        ({"type": "Date"}, "2026-01-01", "soon"),
        ({"type": "DateTime"}, "2026-01-01T00:00:00.000+0000", "soon"),
        (
            {
                "type": "Picklist",
                "valueSet": {"restricted": True, "valueSetDefinition": {"value": [{"fullName": "a"}]}},
            },
            "a",
            "b",
        ),
    ],
)
def test_custom_field_holds_what_its_type_holds(
    salesforce: StandIn, metadata: dict[str, Any], value: object, bad: object
) -> None:
    """Each field type stores its values and refuses others."""
    assert tooled(salesforce, "Account.Extra__c", label="Extra", **metadata)[0] == 201
    salesforce.grant("Account.Extra__c")
    salesforce.create("Account", Name="x", Extra__c=value)

    assert salesforce.query("SELECT Extra__c FROM Account") == [{"Extra__c": value}]
    assert salesforce.call("POST", "sobjects/Account", {"Name": "x", "Extra__c": bad}).status_code == 400


@pytest.mark.parametrize(
    "grant",
    [
        {"SobjectType": "Task", "Field": "Task.Nope__c"},
        {"SobjectType": "Activity", "Field": "Activity.Key__c"},
        {"SobjectType": "Account", "Field": "Task.Key__c"},
        {"SobjectType": "Account", "Field": "Account.Name"},
    ],
)
def test_grant_on_no_such_field_is_refused(salesforce: StandIn, grant: dict[str, str]) -> None:
    """A field permission names a field of its type that is not required; Activity's fields are Task's here."""
    tooled(salesforce, "Activity.Key__c", **TEXT)
    permission_set = salesforce.create("PermissionSet", Name="Reco", Label="Reco")

    body = {"ParentId": permission_set, **grant, "PermissionsRead": True}
    assert salesforce.refused("POST", "sobjects/FieldPermissions", body) == (
        400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ["Field"],
    )


def test_permission_rows_are_there_once(salesforce: StandIn) -> None:
    """The same permission set name, assignment or grant twice is DUPLICATE_VALUE."""
    tooled(salesforce, "Account.Key__c", **TEXT)
    salesforce.grant("Account.Key__c")
    permission_set = salesforce.org.dump("PermissionSet")[0]["Id"]
    assignment = {"PermissionSetId": permission_set, "AssigneeId": salesforce.org.user_id}
    grant = {"ParentId": permission_set, "SobjectType": "Account", "Field": "Account.Key__c", "PermissionsRead": True}

    for kind, body in (
        ("PermissionSet", {"Name": "Account_Key__c", "Label": "again"}),
        ("PermissionSetAssignment", assignment),
        ("FieldPermissions", grant),
    ):
        assert salesforce.refused("POST", f"sobjects/{kind}", body)[1] == "DUPLICATE_VALUE"


def test_keys_on_tasks_can_be_switched_off(salesforce: StandIn) -> None:
    """With `keyed_tasks` off, Activity takes plain fields only, and a key made before is one no longer."""
    salesforce.keyed_field()
    salesforce.control.switches["keyed_tasks"] = False

    keyed = {"label": "Other", "type": "Text", "length": 80, "externalId": True}
    assert tooled(salesforce, "Activity.Other__c", **keyed)[0] == 400
    assert tooled(salesforce, "Activity.Other__c", **(keyed | {"externalId": False}))[0] == 201
    assert salesforce.refused("PATCH", "sobjects/Task/Key__c/k", {})[:2] == (404, "NOT_FOUND")
    assert described(salesforce, "Task")["Key__c"]["externalId"] is False
    assert tooled(salesforce, "Opportunity.Key__c", **keyed)[0] == 201


def test_required_field_is_hidden_from_nobody(salesforce: StandIn) -> None:
    """A required custom field is there at once, needs a value, and takes no permission."""
    tooled(salesforce, "Account.Key__c", **TEXT, required=True)

    assert salesforce.refused("POST", "sobjects/Account", {"Name": "x"}) == (400, "REQUIRED_FIELD_MISSING", ["Key__c"])
    salesforce.create("Account", Name="x", Key__c="k")
    permission_set = salesforce.create("PermissionSet", Name="Reco", Label="Reco")
    grant = {"ParentId": permission_set, "SobjectType": "Account", "Field": "Account.Key__c", "PermissionsRead": True}
    assert salesforce.refused("POST", "sobjects/FieldPermissions", grant)[2] == ["Field"]


def test_writing_needs_reading(salesforce: StandIn) -> None:
    """PermissionsEdit without PermissionsRead is refused, and so is a custom field without metadata."""
    tooled(salesforce, "Account.Key__c", **TEXT)
    permission_set = salesforce.create("PermissionSet", Name="Reco", Label="Reco")
    grant = {"ParentId": permission_set, "SobjectType": "Account", "Field": "Account.Key__c", "PermissionsEdit": True}

    assert salesforce.refused("POST", "sobjects/FieldPermissions", grant)[1] == "FIELD_INTEGRITY_EXCEPTION"
    body = {"FullName": "Account.Other__c"}
    assert salesforce.refused("POST", "tooling/sobjects/CustomField", body)[1] == "REQUIRED_FIELD_MISSING"


def test_configured_values_are_records_nobody_writes(salesforce: StandIn) -> None:
    """Stages and statuses are read as records, and created, changed or deleted as none."""
    stage = salesforce.query("SELECT Id FROM OpportunityStage LIMIT 1")[0]["Id"]

    for method in ("PATCH", "DELETE"):
        refused = salesforce.refused(method, f"sobjects/OpportunityStage/{stage}", {"MasterLabel": "x"})
        assert refused[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert salesforce.refused("DELETE", f"sobjects/User/{salesforce.org.user_id}")[0] == 400
