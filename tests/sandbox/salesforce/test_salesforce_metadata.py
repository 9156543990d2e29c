"""Deployments of a zip: checked or carried out, all or nothing, by whom, and what they delete."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from salesforce_served import VERSION, StandIn

XMLNS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
FIELD = "<fields><fullName>X__c</fullName><label>X</label><length>80</length><type>Text</type></fields>"
VIEW = (
    "<listViews><fullName>V</fullName><columns>X__c</columns><filterScope>Mine</filterScope><label>V</label>"
    "</listViews>"
)
SET = (
    "<fieldPermissions><editable>true</editable><field>Opportunity.X__c</field><readable>true</readable>"
    "</fieldPermissions><label>S</label>"
)
SCHEMA = ("CustomField", "PermissionSet", "FieldPermissions", "ObjectPermissions", "ListView", "QuickActionDefinition")


def document(root: str, inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} {XMLNS}>{inside}</{root}>'


def manifest(**members: tuple[str, ...]) -> str:
    types = "".join(
        f"<types>{''.join(f'<members>{one}</members>' for one in some)}<name>{type}</name></types>"
        for type, some in members.items()
    )
    return document("Package", f"{types}<version>67.0</version>")


def zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def begin(salesforce: StandIn, packed: bytes, **options: Any) -> Any:
    """Send a zip; give the answer."""
    asked = json.dumps({"deployOptions": {"singlePackage": True, "rollbackOnError": True, **options}})
    parts = {"json": (None, asked, "application/json"), "file": ("deploy.zip", packed, "application/zip")}
    return salesforce.http.post(f"{salesforce.base}/services/data/{VERSION}/metadata/deployRequest", files=parts)


def deployed(salesforce: StandIn, files: Mapping[str, str], **options: Any) -> dict[str, Any]:
    """Deploy files and give the result once it is done."""
    answer = begin(salesforce, zipped(files), **options)
    assert answer.status_code == 201, answer.text
    path = f"metadata/deployRequest/{answer.json()['id']}"
    for _ in range(5):
        result = salesforce.call("GET", path, params={"includeDetails": "true"}).json()["deployResult"]
        if result["done"]:
            return dict(result)
    raise AssertionError("never done")


def problems(result: Mapping[str, Any]) -> dict[str, str]:
    return {one["fullName"]: one["problem"] for one in result["details"]["componentFailures"]}


def schema(salesforce: StandIn) -> dict[str, Any]:
    return {kind: salesforce.org.dump(kind) for kind in SCHEMA}


BOTH = {
    "package.xml": manifest(CustomField=("Opportunity.X__c",), PermissionSet=("S",), ListView=("Opportunity.V",)),
    "objects/Opportunity.object": document("CustomObject", FIELD + VIEW),
    "permissionsets/S.permissionset": document("PermissionSet", SET),
}


def test_a_deployed_field_is_there_for_whom_its_permission_set_opens_it(salesforce: StandIn) -> None:
    """Field, permission set and list view come in one deployment; the field shows once the set is assigned."""
    result = deployed(salesforce, BOTH)

    assert (result["status"], result["success"], problems(result)) == ("Succeeded", True, {})
    assert salesforce.refused("POST", "sobjects/Opportunity", {"X__c": "a"})[1] == "INVALID_FIELD"
    (permission_set,) = salesforce.query("SELECT Id FROM PermissionSet WHERE Name = 'S'")
    salesforce.create(
        "PermissionSetAssignment", PermissionSetId=permission_set["Id"], AssigneeId=salesforce.org.user_id
    )
    salesforce.create("Opportunity", Name="x", StageName="Prospecting", CloseDate="2026-12-31", X__c="a")
    assert salesforce.query("SELECT X__c FROM Opportunity") == [{"X__c": "a"}]
    assert salesforce.query("SELECT DeveloperName, SobjectType FROM ListView") == [
        {"DeveloperName": "V", "SobjectType": "Opportunity"}
    ]


def test_a_check_leaves_nothing(salesforce: StandIn) -> None:
    """With checkOnly everything is tried and nothing stays."""
    before = schema(salesforce)

    result = deployed(salesforce, BOTH, checkOnly=True)

    assert (result["success"], result["checkOnly"]) == (True, True)
    assert schema(salesforce) == before


def test_one_component_that_fails_takes_the_others_back(salesforce: StandIn) -> None:
    """What an org does not take of a package takes back what it would."""
    before = schema(salesforce)
    files = {**BOTH, "permissionsets/S.permissionset": document("PermissionSet", SET.replace("X__c", "Y__c"))}

    result = deployed(salesforce, files)

    assert (result["status"], list(problems(result))) == ("Failed", ["S"])
    assert "no CustomField named Opportunity.Y__c found" in problems(result)["S"]
    assert schema(salesforce) == before


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**BOTH, "package.xml": manifest()}, "Not in package.xml"),
        ({"package.xml": manifest(CustomField=("Opportunity.X__c",))}, "no file for CustomField"),
        ({**BOTH, "permissionsets/S.permissionset": "<a"}, "Error parsing file"),
        ({**BOTH, "permissionsets/S.permissionset": f"<!DOCTYPE a><PermissionSet {XMLNS}/>"}, "DOCTYPE"),
        (
            {**BOTH, "permissionsets/S.permissionset": document("PermissionSet", "<name>S</name>")},
            "Element name invalid",
        ),
        (
            {**BOTH, "permissionsets/S.permissionset": document("PermissionSet", "<label>S</label><description/>")},
            "another order",
        ),
        ({"a.xml": "<a/>"}, "No package.xml"),
    ],
)
def test_a_package_that_is_none_is_told_why(salesforce: StandIn, files: dict[str, str], said: str) -> None:
    """Manifest and files have to agree, and every element to be known and in its place."""
    before = schema(salesforce)

    result = deployed(salesforce, files)

    assert not result["success"]
    assert said in " ".join(problems(result).values())
    assert schema(salesforce) == before


def test_who_may_not_deploy_is_refused(salesforce: StandIn) -> None:
    """Without the permission neither a deployment nor a field made through Tooling is taken."""
    salesforce.control.switches["modify_metadata"] = False
    deploy = begin(salesforce, zipped(BOTH))
    salesforce.control.switches["customize_application"] = False
    field = {"FullName": "Opportunity.X__c", "Metadata": {"label": "X", "type": "Text", "length": 80}}

    assert (deploy.status_code, deploy.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")
    assert salesforce.refused("POST", "tooling/sobjects/CustomField", field)[:2] == (403, "INSUFFICIENT_ACCESS")


def test_a_deployment_takes_its_time(salesforce: StandIn) -> None:
    """A deployment is pending, then in progress, then done; details come only to whoever asks for them."""
    salesforce.control.switches["deploy_polls"] = 2
    begun = begin(salesforce, zipped(BOTH)).json()
    path = f"metadata/deployRequest/{begun['id']}"

    told = [salesforce.call("GET", path).json()["deployResult"] for _ in range(3)]

    assert begun["deployResult"]["status"] == "Pending"
    assert [one["status"] for one in told] == ["InProgress", "InProgress", "Succeeded"]
    assert not any("details" in one for one in told)
    assert salesforce.refused("GET", "metadata/deployRequest/0Af000000000001AAA")[0] == 404


def test_what_shows_a_field_goes_before_it(salesforce: StandIn) -> None:
    """A field that a list view shows is deleted only together with it, in the order of the manifests."""
    deployed(salesforce, BOTH)
    field, view = manifest(CustomField=("Opportunity.X__c",)), manifest(ListView=("Opportunity.V",))

    alone = deployed(salesforce, {"package.xml": manifest(), "destructiveChanges.xml": field})
    wrong = deployed(
        salesforce,
        {"package.xml": manifest(), "destructiveChangesPre.xml": field, "destructiveChangesPost.xml": view},
    )
    right = deployed(
        salesforce,
        {"package.xml": manifest(), "destructiveChangesPre.xml": view, "destructiveChangesPost.xml": field},
    )

    assert "referenced elsewhere" in problems(alone)["Opportunity.X__c"]
    assert "List View Opportunity.V" in problems(wrong)["Opportunity.X__c"]
    assert right["success"]
    assert salesforce.org.dump("CustomField") == salesforce.org.dump("ListView") == []


def test_a_deleted_field_takes_its_values_and_permissions(salesforce: StandIn) -> None:
    """A field that is deleted and made again starts empty, and is opened to nobody."""
    salesforce.keyed_field("Opportunity", "Opportunity")
    salesforce.create("Opportunity", Name="x", StageName="Prospecting", CloseDate="2026-12-31", Key__c="k")
    (row,) = salesforce.org.dump("CustomField")

    deleted = salesforce.call("DELETE", f"tooling/sobjects/CustomField/{row['Id']}")

    assert deleted.status_code == 204
    assert salesforce.org.dump("CustomField") == salesforce.org.dump("FieldPermissions") == []
    assert salesforce.refused("GET", "query", params={"q": "SELECT Key__c FROM Opportunity"})[1] == "INVALID_FIELD"
    assert "Key__c" not in salesforce.org.dump("Opportunity")[0]
    assert salesforce.refused("DELETE", f"tooling/sobjects/CustomField/{row['Id']}")[0] == 404


def test_tooling_finds_and_shows_fields(salesforce: StandIn) -> None:
    """Tooling tells of every custom field, hidden ones too; the ordinary query knows no such type."""
    metadata = {"label": "X", "type": "Text", "length": 80, "description": "ours"}
    made = salesforce.call(
        "POST", "tooling/sobjects/CustomField", {"FullName": "Activity.X_y__c", "Metadata": metadata}
    )
    soql = "SELECT Id, TableEnumOrId FROM CustomField WHERE NamespacePrefix = null AND DeveloperName LIKE 'X\\_%'"

    found = salesforce.query(soql, "tooling/query")
    shown = salesforce.call("GET", f"tooling/sobjects/CustomField/{made.json()['id']}").json()

    assert found == [{"Id": made.json()["id"], "TableEnumOrId": "Activity"}]
    assert (shown["FullName"], shown["Metadata"]) == ("Activity.X_y__c", metadata)
    assert salesforce.refused("GET", "query", params={"q": soql})[1] == "INVALID_TYPE"
    assert salesforce.refused("GET", "tooling/query", params={"q": "SELECT Id FROM Account"})[1] == "INVALID_TYPE"


def test_an_assigned_permission_set_stays(salesforce: StandIn) -> None:
    """A permission set that somebody has cannot be deleted; without its assignment it goes, and its rows with it."""
    salesforce.keyed_field("Opportunity", "Opportunity")
    (permission_set,) = salesforce.query("SELECT Id FROM PermissionSet")
    (assignment,) = salesforce.query("SELECT Id FROM PermissionSetAssignment")

    assert salesforce.refused("DELETE", f"sobjects/PermissionSet/{permission_set['Id']}")[1] == "DELETE_FAILED"
    for kind, one in (("PermissionSetAssignment", assignment), ("PermissionSet", permission_set)):
        assert salesforce.call("DELETE", f"sobjects/{kind}/{one['Id']}").status_code == 204
    assert salesforce.query("SELECT Id FROM FieldPermissions", "queryAll") == []
