"""Tooling API: making, reading, finding and deleting custom fields.

A new field belongs to one type, or to Activity and then shows on Task and Event. It carries no field-level security:
see `access`. Switches: `keyed_tasks` (false refuses a key on Activity), `customize_application` (false: this user may
not change the schema), `fields_in_use`.

Source: Tooling API Developer Guide, "CustomField"; Metadata API Developer Guide, "CustomField".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.http import answer, json_body
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import ACTIVITIES, READING, Field, standard_objects

_TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Email": "email",
    "Url": "url",
    "Phone": "phone",
    "Picklist": "picklist",
    "Lookup": "reference",
}
_LENGTHS = {"TextArea": 255, "Email": 80, "Url": 255, "Phone": 40, "Picklist": 255, "Lookup": 18}
_KEY_TYPES = ("Text", "Number", "Email")
_FULL_NAME = re.compile(r"(\w+)\.([A-Za-z](?:\w*[A-Za-z0-9])?__c)")
_LONGEST_TEXT = 255
_LONG_TEXT = range(256, 131_073)


async def create_field(caller: Caller, request: Request) -> Response:
    """Make a custom field."""
    may_customize(caller.org)
    body = await json_body(request)
    metadata = body.get("Metadata")
    if not isinstance(metadata, dict):
        raise Refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]", ["Metadata"])
    made = make_field(caller.org, str(body.get("FullName", "")), metadata)
    return answer({"id": made, "success": True, "errors": [], "warnings": [], "infos": []}, 201)


async def read_field(caller: Caller, request: Request) -> Response:
    """Show one custom field with its metadata, which a query gives for one row only."""
    row = _definition(caller.org, request)
    kind = standard_objects()["CustomField"]
    url = f"/services/data/{caller.version}/tooling/sobjects/CustomField/{row['Id']}"
    shown = {name: row.get(name) for name in kind.fields}
    full = {"FullName": f"{row['TableEnumOrId']}.{row['DeveloperName']}__c", "Metadata": row["Metadata"]}
    return answer({"attributes": {"type": "CustomField", "url": url}, **shown, **full})


async def delete_field(caller: Caller, request: Request) -> Response:
    """Delete a custom field, unless something else in the org names it."""
    may_customize(caller.org)
    row = _definition(caller.org, request)
    owner, name = row["TableEnumOrId"], f"{row['DeveloperName']}__c"
    if users := used_by(caller.org, owner, name):
        raise Refusal("DELETE_FAILED", in_use(users), [])
    caller.org.drop_custom_field(owner, name)
    return answer(None, 204)


def may_customize(org: Org) -> None:
    """Refuse whoever may not change the org's schema."""
    if not org.switch("customize_application", True):
        raise Refusal("INSUFFICIENT_ACCESS", "insufficient access rights: Customize Application is required")


def make_field(org: Org, full_name: str, metadata: Row) -> str:
    """Make a custom field from its metadata, and return the id of its definition."""
    owner, name = _owner_and_name(full_name)
    shows_on = ACTIVITIES if owner == "Activity" else (owner,)
    if any(name.casefold() in (one.casefold() for one in org.custom_fields(kind)) for kind in shows_on):
        raise Refusal(
            "DUPLICATE_DEVELOPER_NAME",
            f"There is already a field named {name.removesuffix('__c')} on {owner}.",
            ["DeveloperName"],
        )
    made = org.add_custom_field(owner, _built(org, owner, name, metadata), metadata)
    if metadata.get("required"):
        # Nobody could save a record without it, so Salesforce hides a required field from nobody.
        org.open_fields |= {(kind, name) for kind in shows_on}
    return made


def used_by(org: Org, owner: str, name: str, going: Iterable[str] = ()) -> list[str]:
    """Name what in the org shows or filters by a custom field, apart from what goes with it.

    List views and quick actions do that, and whatever the switch `fields_in_use` (`{"Opportunity.X__c": ["Flow Y"]}`)
    says.
    """
    kinds = ACTIVITIES if owner == "Activity" else (owner,)
    users = list(org.switch("fields_in_use", {}).get(f"{owner}.{name}", []))
    for table, what in (("ListView", "List View"), ("QuickActionDefinition", "Quick Action")):
        for row in org.rows(table):
            full = f"{row['SobjectType']}.{row['DeveloperName']}"
            if row["SobjectType"] in kinds and name in row.get("Metadata", "") and full not in going:
                users.append(f"{what} {full}")
    return users


def in_use(users: Iterable[str]) -> str:
    """Say why a field cannot be deleted."""
    return f"This custom field is referenced elsewhere in salesforce.com: {', '.join(users)}"


def _definition(org: Org, request: Request) -> Row:
    row = org.get("CustomField", request.path_params["id"])
    if row is None:
        raise not_found()
    return row


def _owner_and_name(full_name: str) -> tuple[str, str]:
    found = _FULL_NAME.fullmatch(full_name)
    if found is None or "___" in full_name:
        raise _refused("FullName", f"The Custom Field API Name you provided is not valid: {full_name}")
    owner = found[1]
    if owner in ACTIVITIES:
        raise _refused("FullName", f"Entity Enumeration Or ID: bad value for restricted picklist field: {owner}")
    if owner != "Activity" and (owner not in standard_objects() or standard_objects()[owner].allowed == READING):
        raise _refused("FullName", f"Entity Enumeration Or ID: bad value for restricted picklist field: {owner}")
    return owner, found[2]


def _built(org: Org, owner: str, name: str, metadata: Row) -> Field:
    """Turn metadata into a field, or refuse what Salesforce refuses."""
    kind = metadata.get("type")
    if kind not in _TYPES:
        raise _refused("type", f"the field type {kind} is not known")
    if not metadata.get("label"):
        raise Refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [MasterLabel]", ["MasterLabel"])
    is_key = bool(metadata.get("externalId")) or bool(metadata.get("unique"))
    if is_key and kind not in _KEY_TYPES:
        raise _refused("externalId", f"Can not specify 'externalId' for a CustomField of type {kind}")
    if is_key and owner == "Activity" and not org.switch("keyed_tasks", True):
        raise _refused("externalId", "Can not specify 'externalId' for a CustomField on Activity")
    if kind == "Checkbox" and "defaultValue" not in metadata:
        raise _refused("defaultValue", "Must specify 'defaultValue' for a CustomField of type Checkbox")
    precision, scale = _digits(kind, metadata)
    required = bool(metadata.get("required"))
    return Field(
        name,
        _TYPES[kind],
        str(metadata["label"]),
        length=_length(kind, metadata),
        precision=precision,
        scale=scale,
        createable=True,
        updateable=True,
        nillable=kind != "Checkbox" and not required,
        defaulted=kind == "Checkbox",
        id_lookup=bool(metadata.get("externalId")),
        external_id=bool(metadata.get("externalId")),
        unique=bool(metadata.get("unique")),
        case_sensitive=bool(metadata.get("caseSensitive")),
        restricted=bool(metadata.get("valueSet", {}).get("restricted")),
        refers_to=(metadata["referenceTo"],) if kind == "Lookup" else (),
        relationship=name.removesuffix("__c") + "__r" if kind == "Lookup" else None,
        values=_values(kind, metadata),
        custom=True,
    )


def _length(kind: str, metadata: Row) -> int:
    length = metadata.get("length")
    match kind:
        case "Text" if not isinstance(length, int) or not 1 <= length <= _LONGEST_TEXT:
            raise _refused(
                "length", f"Must specify 'length' between 1 and {_LONGEST_TEXT} for a CustomField of type Text"
            )
        case "LongTextArea" if not isinstance(length, int) or length not in _LONG_TEXT:
            raise _refused("length", "Must specify 'length' from 256 to 131072 for a CustomField of type LongTextArea")
        case "LongTextArea" if not metadata.get("visibleLines"):
            raise _refused("visibleLines", "Must specify 'visibleLines' for a CustomField of type LongTextArea")
        case "Text" | "LongTextArea":
            return int(length or 0)
        case _:
            return _LENGTHS.get(kind, 0)


def _digits(kind: str, metadata: Row) -> tuple[int, int]:
    if kind not in ("Number", "Currency", "Percent"):
        return 0, 0
    precision, scale = metadata.get("precision"), metadata.get("scale")
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision <= 18:
        raise _refused("precision", f"Must specify 'precision' and 'scale' for a CustomField of type {kind}")
    return precision, scale


def _values(kind: str, metadata: Row) -> tuple[str, ...]:
    if kind != "Picklist":
        return ()
    values: list[dict[str, Any]] = metadata.get("valueSet", {}).get("valueSetDefinition", {}).get("value", [])
    if not values:
        raise _refused("valueSet", "Must specify either 'valueSetDefinition' or 'valueSetName' for a Picklist")
    return tuple(one.get("fullName") or one["valueName"] for one in values)


def _refused(field: str, message: str) -> Refusal:
    return Refusal("FIELD_INTEGRITY_EXCEPTION", message, [field])
