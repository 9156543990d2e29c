"""Property and property-group endpoints: the schema a set-up command reads and extends.

Source: "Properties API", developers.hubspot.com.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.batches import inputs, within
from connector.sandbox.hubspot.catalogue import property_row
from connector.sandbox.hubspot.errors import ApiError, invalid, nothing_named
from connector.sandbox.hubspot.portal import Call, Portal, Routes, fields, object_type
from connector.sandbox.hubspot.records import iso
from connector.sandbox.hubspot.rules import required_names

Row = dict[str, Any]
FIELD_TYPES = {
    "bool": {"booleancheckbox", "calculation_equation"},
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "string": {"file", "html", "text", "textarea", "phonenumber", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "phone_number": {"phonenumber"},
}
MOST_CUSTOM, MOST_UNIQUE = 1_000, 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_REQUIRED = {"groupName": str, "name": str, "label": str, "type": str, "fieldType": str}
_OPTIONAL = {
    "options": list,
    "hasUniqueValue": bool,
    "description": str,
    "displayOrder": int,
    "formField": bool,
    "hidden": bool,
    "externalOptions": bool,
    "referencedObjectType": str,
    "calculationFormula": str,
    "currencyPropertyName": str,
    "dataSensitivity": str,
    "numberDisplayHint": str,
    "showCurrencySymbol": bool,
    "textDisplayHint": str,
}
_CHANGEABLE = {
    name: type_
    for name, type_ in (_REQUIRED | _OPTIONAL).items()
    if name not in {"name", "hasUniqueValue", "referencedObjectType", "externalOptions", "dataSensitivity"}
}
_OPTION = {"label": str, "value": str}
_OPTION_MORE = {"displayOrder": int, "hidden": bool, "description": str}


def _of(portal: Portal, call: Call) -> tuple[str, dict[str, Row]]:
    kind = object_type(call.path["type"]).name
    return kind, portal.store.properties[kind]


def _list(portal: Portal, call: Call) -> Response:
    kind, known = _of(portal, call)
    asked = call.flag("archived")
    rows = [row for name, row in known.items() if row["archived"] == asked and portal.is_visible(kind, name)]
    return JSONResponse({"results": rows})


def _one(portal: Portal, call: Call) -> Row:
    kind, known = _of(portal, call)
    row = known.get(call.path["name"])
    if row is None or row["archived"] != call.flag("archived") or not portal.is_visible(kind, row["name"]):
        raise nothing_named("Property", call.path["name"])
    return row


def _get(portal: Portal, call: Call) -> Response:
    return JSONResponse(_one(portal, call))


def _create(portal: Portal, call: Call) -> Response:
    kind, _ = _of(portal, call)
    row = _define(portal, kind, fields(call.body, _REQUIRED, _OPTIONAL))
    return JSONResponse(row, 201, {"Location": f"/crm/v3/properties/{kind}/{row['name']}"})


def _define(portal: Portal, kind: str, given: Row) -> Row:
    """Add a property, or raise; the name of an archived one brings that one back."""
    known, name, now = portal.store.properties[kind], given["name"], iso(portal.now())
    old = known.get(name)
    if old is not None and not old["archived"]:
        message = f"A property named '{name}' already exists."
        raise ApiError(409, message, "OBJECT_ALREADY_EXISTS", sub_category="Properties.PROPERTY_WITH_NAME_EXISTS")
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r}: a name has lower-case letters, digits and underscores, starts with a letter")
    _check(portal, kind, given)
    if sum(not row["hubspotDefined"] and not row["archived"] for row in known.values()) >= MOST_CUSTOM:
        raise invalid(f"The limit of {MOST_CUSTOM} custom properties is reached")
    if given.get("hasUniqueValue"):
        _check_unique(portal, kind, given)
    brought_back = {name: value for name, value in (old or {}).items() if name != "archivedAt"}
    row = property_row(**{**brought_back, **given, "archived": False, "createdAt": now, "updatedAt": now})
    portal.define(kind, row)
    return row


def _check(portal: Portal, kind: str, given: Row) -> None:
    if given["fieldType"] not in FIELD_TYPES.get(given["type"], set()):
        raise invalid(f"fieldType {given['fieldType']} does not go with type {given['type']}", "INVALID_FIELD_TYPE")
    if given["groupName"] not in portal.store.groups[kind]:
        raise invalid(f"Property group {given['groupName']!r} does not exist on {kind}", "GROUP_DOESNT_EXIST")
    options = [fields(option, _OPTION, _OPTION_MORE) for option in given.get("options", [])]
    if given["type"] == "enumeration" and not options and not given.get("externalOptions"):
        raise invalid("An enumeration needs options")
    if len({option["value"] for option in options}) < len(options):
        raise invalid("Option values must be unique")
    given["options"] = [{"displayOrder": -1, "hidden": False, **option} for option in options]


def _check_unique(portal: Portal, kind: str, given: Row) -> None:
    if kind == "tasks" and not portal.switch("keyed_tasks"):
        raise invalid("Object type 0-27 does not support unique properties", "UNIQUE_NOT_SUPPORTED")
    if given["type"] not in {"string", "number"}:
        raise invalid(f"A property of type {given['type']} cannot have unique values")
    rows = (portal.store.properties[kind][name] for name in portal.store.unique_names(kind))
    custom = [row for row in rows if not row["hubspotDefined"] and not row["archived"]]
    if len(custom) >= MOST_UNIQUE:
        raise invalid(f"At most {MOST_UNIQUE} properties of an object type can have unique values")


def _update(portal: Portal, call: Call) -> Response:
    kind, known = _of(portal, call)
    row, given = _one(portal, call), fields(call.body, {}, _CHANGEABLE)
    if row["modificationMetadata"]["readOnlyDefinition"] and given.keys() - {"options"}:
        raise invalid(f"The definition of {row['name']} is read only", "READ_ONLY_DEFINITION")
    merged = {**row, **given}
    _check(portal, kind, merged)
    known[row["name"]] = merged | {"updatedAt": iso(portal.now())}
    return JSONResponse(known[row["name"]])


def _archive(portal: Portal, call: Call) -> Response:
    _retire(portal, call, call.path["name"])
    return Response(status_code=204)


def _retire(portal: Portal, call: Call, name: str) -> None:
    kind, known = _of(portal, call)
    row = known.get(name)
    if row is None or row["archived"]:
        raise nothing_named("Property", name)
    if users := portal.switch("properties_in_use").get(f"{kind}.{name}"):
        raise invalid(f"Property {name} is used in: {', '.join(users)}", "PROPERTY_IN_USE")
    if not row["modificationMetadata"]["archivable"]:
        raise invalid(f"{name} cannot be archived")
    known[name] = row | {"archived": True, "archivedAt": iso(portal.now())}


def _batch_read(portal: Portal, call: Call) -> Response:
    kind, known = _of(portal, call)
    options = {"archived": bool, "dataSensitivity": str}
    given = fields(call.body, {"inputs": list}, options)
    names = [row["name"] for row in within(given["inputs"], {"name": str})]
    archived = given.get("archived", False)
    there = [name for name in names if name in known and portal.is_visible(kind, name)]
    rows = [known[name] for name in there if known[name]["archived"] == archived]
    errors = [portal.error_item(nothing_named("Property", name)) for name in _absent(names, rows)]
    return portal.completed(rows, errors)


def _absent(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    present = {row["name"] for row in rows}
    return [name for name in names if name not in present]


def _batch_create(portal: Portal, call: Call) -> Response:
    kind, _ = _of(portal, call)
    rows, errors = [], []
    for given in inputs(call.body, _REQUIRED, _OPTIONAL):
        try:
            rows.append(_define(portal, kind, given))
        except ApiError as refusal:
            errors.append(portal.error_item(refusal, name=[given["name"]]))
    return portal.completed(rows, errors, 200 if call.version == "2026-09" else 201)


def _batch_archive(portal: Portal, call: Call) -> Response:
    for row in inputs(call.body, {"name": str}, {}):
        _retire(portal, call, row["name"])
    return Response(status_code=204)


def _groups(portal: Portal, call: Call) -> dict[str, Row]:
    return portal.store.groups[object_type(call.path["type"]).name]


def _list_groups(portal: Portal, call: Call) -> Response:
    return JSONResponse({"results": list(_groups(portal, call).values())})


def _create_group(portal: Portal, call: Call) -> Response:
    given = fields(call.body, {"name": str, "label": str}, {"displayOrder": int})
    if given["name"] in _groups(portal, call):
        message = f"A property group named '{given['name']}' already exists."
        raise ApiError(409, message, "OBJECT_ALREADY_EXISTS", sub_category="Properties.GROUP_WITH_NAME_EXISTS")
    kind = object_type(call.path["type"]).name
    row = portal.store.add_group(kind, given["name"], given["label"], given.get("displayOrder", -1))
    return JSONResponse(row, 201)


def _group(portal: Portal, call: Call) -> Row:
    row = _groups(portal, call).get(call.path["name"])
    if row is None:
        raise nothing_named("Property group", call.path["name"])
    return row


def _get_group(portal: Portal, call: Call) -> Response:
    return JSONResponse(_group(portal, call))


def _update_group(portal: Portal, call: Call) -> Response:
    row = _group(portal, call)
    row.update(fields(call.body, {}, {"label": str, "displayOrder": int}))
    return JSONResponse(row)


def _archive_group(portal: Portal, call: Call) -> Response:
    row = _group(portal, call)
    _, known = _of(portal, call)
    if any(one["groupName"] == row["name"] and not one["archived"] for one in known.values()):
        raise invalid(f"Property group {row['name']!r} still has properties")
    del _groups(portal, call)[row["name"]]
    return Response(status_code=204)


def _schema(portal: Portal, call: Call) -> Response:
    """Tell a type's schema: its properties, and which of them a new record needs."""
    kind, known = _of(portal, call)
    shown = [row for name, row in known.items() if not row["archived"] and portal.is_visible(kind, name)]
    told = {
        "id": object_type(kind).type_id,
        "objectTypeId": object_type(kind).type_id,
        "name": kind,
        "fullyQualifiedName": kind,
        "labels": {"singular": kind.removesuffix("s"), "plural": kind},
        "archived": False,
        "allowsSensitiveProperties": False,
        "properties": shown,
        "associations": [],
        "requiredProperties": list(required_names(portal, kind)),
        "searchableProperties": [],
        "secondaryDisplayProperties": [],
    }
    return JSONResponse(told)


ROUTES: Routes = (
    ("GET", "/crm-object-schemas/v3/schemas/{type}", _schema),
    ("GET", "/crm/v3/properties/{type}", _list),
    ("POST", "/crm/v3/properties/{type}", _create),
    ("GET", "/crm/v3/properties/{type}/groups", _list_groups),
    ("POST", "/crm/v3/properties/{type}/groups", _create_group),
    ("GET", "/crm/v3/properties/{type}/groups/{name}", _get_group),
    ("PATCH", "/crm/v3/properties/{type}/groups/{name}", _update_group),
    ("DELETE", "/crm/v3/properties/{type}/groups/{name}", _archive_group),
    ("POST", "/crm/v3/properties/{type}/batch/read", _batch_read),
    ("POST", "/crm/v3/properties/{type}/batch/create", _batch_create),
    ("POST", "/crm/v3/properties/{type}/batch/archive", _batch_archive),
    ("GET", "/crm/v3/properties/{type}/{name}", _get),
    ("PATCH", "/crm/v3/properties/{type}/{name}", _update),
    ("DELETE", "/crm/v3/properties/{type}/{name}", _archive),
)
