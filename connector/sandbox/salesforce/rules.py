"""Checks that look beyond one value: references, uniqueness, duplicate rules, permission rows, planned faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.schema import Field, ObjectType, standard_objects

_UNIQUE_TOGETHER = {
    "FieldPermissions": ("ParentId", "Field"),
    "PermissionSetAssignment": ("AssigneeId", "PermissionSetId"),
}


def required_missing(names: Sequence[str]) -> Refusal:
    """Say which required fields have no value."""
    return Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def check_references(org: Org, kind: ObjectType, changes: Row) -> None:
    """Refuse an id of the wrong type, of nothing, of a deleted record, or of an owner who left."""
    for name, value in changes.items():
        field = kind.fields[name]
        if field.type != "reference" or value is None:
            continue
        known = {one.prefix: one.name for one in standard_objects().values()}
        target = known.get(value[:3])
        if target is not None and target not in field.refers_to:
            raise Refusal("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [name])
        row = org.get(target, value) if target else None
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])
        if row.get("IsDeleted"):
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", [name])
        if name == "OwnerId" and not row["IsActive"]:
            raise Refusal(
                "INACTIVE_OWNER_OR_USER",
                f"operation performed with inactive user [{value}] as owner of {kind.name.lower()}",
                ["OwnerId"],
            )


def check_unique(org: Org, kind: ObjectType, row: Row) -> None:
    """Refuse a second living record with the value of a unique field."""
    for field in (one for one in _all_fields(org, kind) if one.unique and row.get(one.name) is not None):
        for other in org.matching(kind.name, field, row[field.name]):
            if other["Id"] != row["Id"]:
                raise _duplicate_value(field.name, other["Id"])
    together = _UNIQUE_TOGETHER.get(kind.name)
    for other in org.alive(kind.name) if together else ():
        if other["Id"] != row["Id"] and together and all(other[name] == row[name] for name in together):
            raise _duplicate_value(together[-1], other["Id"])


def _all_fields(org: Org, kind: ObjectType) -> list[Field]:
    """List the fields of a type, those the caller cannot see included: uniqueness binds everybody."""
    return list(({**kind.fields, **org.custom_fields(kind.name)}).values())


def _duplicate_value(name: str, record_id: str) -> Refusal:
    return Refusal(
        "DUPLICATE_VALUE", f"duplicate value found: {name} duplicates value on record with id: {record_id}", []
    )


def check_setup(org: Org, kind: str, row: Row) -> None:
    """Refuse a field permission on a field that is not there, or on Activity where it belongs on Task."""
    if kind != "FieldPermissions":
        return
    owner, _, name = row["Field"].partition(".")
    known = standard_objects().get(owner)
    fields = {**known.fields, **org.custom_fields(owner)} if known else {}
    if owner != row["SobjectType"] or name not in fields or fields[name].is_required:
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"Field Name: bad value for restricted picklist field: {row['Field']}",
            ["Field"],
        )
    if row["PermissionsEdit"] and not row["PermissionsRead"]:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", "Edit Field requires Read Field", ["PermissionsEdit"])


def check_duplicates(org: Org, kind: str, row: Row, may_save: bool) -> None:
    """Apply the duplicate rule that the switch `duplicate_rules` sets on a type.

    The switch maps a type to `{"match": [fields], "allow_save": bool}`; without `allow_save` the rule blocks, and the
    caller's header cannot override it.
    """
    rule = org.switch("duplicate_rules", {}).get(kind)
    if not rule or (may_save and rule.get("allow_save", False)):
        return
    found = [
        one
        for one in org.alive(kind)
        if all(row.get(name) is not None and one.get(name) == row[name] for name in rule["match"])
    ]
    if found:
        raise _duplicates_detected(kind, rule, found)


def _duplicates_detected(kind: str, rule: dict[str, Any], found: list[Row]) -> Refusal:
    message = rule.get("message", "Use one of these records?")
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": {"type": kind, "url": f"/services/data/v59.0/sobjects/{kind}/{one['Id']}"}}
            | {"Id": one["Id"]},
        }
        for one in found
    ]
    match = {
        "entityType": kind,
        "errors": [],
        "matchEngine": "ExactMatchEngine",
        "matchRecords": records,
        "rule": f"{kind}_Match_Rule",
        "size": len(records),
        "success": True,
    }
    result = {
        "allowSave": rule.get("allow_save", False),
        "duplicateRule": rule.get("name", f"{kind}_Duplicate_Rule"),
        "duplicateRuleEntityType": kind,
        "errorMessage": message,
        "matchResults": [match],
    }
    return Refusal("DUPLICATES_DETECTED", message, [], {"duplicateResult": result})


def meet_row_fault(org: Org, kind: str, record_id: str | None, body: Row) -> None:
    """Apply the first planned fault of the switch `row_faults` that meets this record, and count it.

    Each is `{"object", "match", "times", "statusCode", "message", "fields"}`; `match` is part of any value sent, or
    of the record's id.
    """
    texts = [str(value) for value in (record_id, *body.values()) if value is not None]
    for fault in org.switch("row_faults", []):
        if fault.get("times", 1) <= 0 or fault.get("object", kind) != kind:
            continue
        if any(fault.get("match", "") in text for text in texts):
            fault["times"] = fault.get("times", 1) - 1
            raise Refusal(fault["statusCode"], fault.get("message", fault["statusCode"]), fault.get("fields", []))
