"""What an admin made, as the API shows it to whoever may view the setup: flows, triggers, rules, a user's permissions.

Rows follow the switches each time somebody asks, so that what is listed is what acts. `duplicate_rules` and
`validation_rules` are those that `rules` applies; beside them:

- `automations`: type → `[{"kind": "flow" | "workflow" | "trigger", "name", "when", "active"}]`. They are shown and do
  nothing: what a customer's flow does is not for the stand-in to guess. `when` is a flow's `RecordTriggerType`.
- `user_permissions`: `{"PermissionsCustomizeApplication": false}`, over those of a user who may change the setup;
  without `PermissionsApiEnabled` no call is answered.
- `view_setup`: false hides all of it, but for the user's own permissions.

Source: Object Reference, "FlowDefinitionView", "DuplicateRule", "UserPermissionAccess"; Tooling API Developer Guide,
"ValidationRule", "WorkflowRule", "ApexTrigger", "EntityDefinition".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce import queries
from connector.sandbox.salesforce.http import Handler
from connector.sandbox.salesforce.ids import mint
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import standard_objects

PERMISSIONS = {
    "PermissionsApiEnabled": True,
    "PermissionsViewSetup": True,
    "PermissionsCustomizeApplication": True,
    "PermissionsViewAllData": False,
    "PermissionsModifyAllData": False,
}


def refresh(org: Org) -> None:
    """Bring every row that follows a switch up to date."""
    for kind, rows in _rows(org).items():
        prefix = standard_objects()[kind].prefix
        org.replace_all(kind, [{"Id": mint(prefix, at), **row} for at, row in enumerate(rows, start=1)])


def tooling_query() -> Handler:
    """Build the handler of `tooling/query`: the same SOQL over the types that Tooling alone shows."""
    run = queries.query(include_deleted=False)

    async def ask(caller: Caller, request: Request) -> Response:
        return await run(replace(caller, view=caller.view.of_tooling()), request)

    return ask


def _rows(org: Org) -> dict[str, list[Row]]:
    automations = list(_automations(org))
    duplicates, validations = org.switch("duplicate_rules", {}), org.switch("validation_rules", {})
    permissions = {**PERMISSIONS, "PermissionsViewSetup": org.switch("view_setup", True)}
    return {
        "UserPermissionAccess": [permissions | org.switch("user_permissions", {})],
        "EntityDefinition": [{"QualifiedApiName": name, "DurableId": name} for name in standard_objects()],
        "FlowDefinitionView": [_flow(kind, one) for kind, one in automations if one["kind"] == "flow"],
        "WorkflowRule": [_named(kind, one) for kind, one in automations if one["kind"] == "workflow"],
        "ApexTrigger": [
            {**_named(kind, one), "Status": "Active" if one.get("active", True) else "Inactive"}
            for kind, one in automations
            if one["kind"] == "trigger"
        ],
        "DuplicateRule": [_duplicate_rule(kind, rule) for kind, rule in duplicates.items() if rule],
        "ValidationRule": [
            _validation_rule(kind, at, rule) for kind, rules in validations.items() for at, rule in enumerate(rules, 1)
        ],
    }


def _automations(org: Org) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, rules in org.switch("automations", {}).items():
        for rule in rules:
            yield kind, rule


def _named(kind: str, rule: Row) -> Row:
    return {"Name": rule["name"], "TableEnumOrId": kind}


def _flow(kind: str, rule: Row) -> Row:
    return {
        "DurableId": rule["name"],
        "ApiName": rule["name"],
        "Label": rule.get("label", rule["name"].replace("_", " ")),
        "ProcessType": "AutoLaunchedFlow",
        "TriggerType": "RecordAfterSave",
        "RecordTriggerType": rule.get("when", "CreateAndUpdate"),
        "TriggerObjectOrEventId": kind,
        "IsActive": rule.get("active", True),
    }


def _duplicate_rule(kind: str, rule: Row) -> Row:
    name = rule.get("name", f"{kind}_Duplicate_Rule")
    label = name.replace("_", " ")
    return {
        "SobjectType": kind,
        "DeveloperName": name,
        "MasterLabel": label,
        "NamespacePrefix": None,
        "IsActive": True,
        "IsDeleted": False,
    }


def _entity(kind: str) -> str:
    """Give the id under which `refresh` puts a type's own definition."""
    names = list(standard_objects())
    return mint(standard_objects()["EntityDefinition"].prefix, names.index(kind) + 1)


def _validation_rule(kind: str, at: int, rule: Row) -> Row:
    return {
        "ValidationName": rule.get("name", f"{kind}_Rule_{at}"),
        "Active": True,
        "ErrorMessage": rule.get("message", "The record is not valid."),
        "EntityDefinitionId": _entity(kind),
    }
