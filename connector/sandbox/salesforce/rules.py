"""Checks that look beyond one value: references, uniqueness, an admin's rules, permission rows, planned faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce import derive
from connector.sandbox.salesforce.access import is_available
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.schema import Field, ObjectType, standard_objects, types_by_prefix

if TYPE_CHECKING:
    from connector.sandbox.salesforce.records import Caller

_UNIQUE_TOGETHER = {
    "ObjectPermissions": ("ParentId", "SobjectType"),
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
        target = types_by_prefix().get(value[:3])
        if target is not None and target not in field.refers_to:
            raise Refusal("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [name])
        row = org.get(target, value) if target else None
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])
        if row.get("IsDeleted"):
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", [name])
        if name == "RecordTypeId" and (
            row["SobjectType"] != kind.name or not row["IsActive"] or not is_available(org, row)
        ):
            unusable = f"Record Type ID: this ID value isn't valid for the user: {value}"
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", unusable, [name])
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


def check_validation(org: Org, kind: str, row: Row, before: Row | None) -> None:
    """Apply the validation rules that the switch `validation_rules` sets on a type, in their order.

    The switch maps a type to `[{"when": {field: value}, "was": {field: value}, "message", "field"}]`. A rule refuses a
    record that is as `when` says, and, if the rule has `was`, was so before; a list of values means any of them.
    """
    found = org.switch("validation_rules", {}).get(kind, [])
    row = row | derive.derived(org, kind, row, before) if found else row
    for rule in found:
        was = rule.get("was")
        if _is_as(row, rule["when"]) and (was is None or (before is not None and _is_as(before, was))):
            named = [rule["field"]] if "field" in rule else []
            raise Refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.get("message", "The record is not valid."), named)


def _is_as(row: Row, wanted: dict[str, Any]) -> bool:
    return all(row.get(name) in (value if isinstance(value, list) else [value]) for name, value in wanted.items())


def check_duplicates(caller: Caller, kind: str, row: Row, *, is_new: bool) -> None:
    """Apply the duplicate rule that the switch `duplicate_rules` sets on a type.

    The switch maps a type to `{"match": [fields], "allow_save": bool, "on_edit": bool, "name", "message"}`; without
    `allow_save` the rule blocks, and the caller's header cannot override it.
    """
    org = caller.org
    rule = org.switch("duplicate_rules", {}).get(kind)
    if not rule or not (is_new or rule.get("on_edit", False)):
        return
    if caller.may_save_duplicates and rule.get("allow_save", False):
        return
    found = [
        one
        for one in org.alive(kind)
        if one["Id"] != row["Id"]
        and all(row.get(name) is not None and one.get(name) == row[name] for name in rule["match"])
    ]
    if found:
        raise _duplicates_detected(caller, kind, rule, found)


def _duplicates_detected(caller: Caller, kind: str, rule: dict[str, Any], found: list[Row]) -> Refusal:
    message = rule.get("message", "Use one of these records?")
    shown = ["Id", *(rule["match"] if caller.wants_duplicate_details else [])]
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {
                "attributes": {"type": kind, "url": f"/services/data/{caller.version}/sobjects/{kind}/{one['Id']}"}
            }
            | {name: one[name] for name in shown},
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


def check_unassigned(org: Org, kind: str, row: Row) -> None:
    """Refuse to delete a permission set that somebody has."""
    assigned = (one["PermissionSetId"] for one in org.alive("PermissionSetAssignment"))
    if kind == "PermissionSet" and row["Id"] in assigned:
        message = f"Cannot delete permission set {row['Name']}: it is assigned to users; remove the assignments first"
        raise Refusal("DELETE_FAILED", message, [])


def check_locks(org: Org, kind: ObjectType, row: Row) -> None:
    """Refuse a record that is locked, or hangs on one that is, as often as the switch `locked_records` says.

    The switch maps ids to how many writes still meet the lock.
    """
    locked = org.switch("locked_records", {})
    parents = [str(row[name]) for name, field in kind.fields.items() if field.type == "reference" and row.get(name)]
    for record_id in (row["Id"], *parents):
        if locked.get(record_id, 0) > 0:
            locked[record_id] -= 1
            message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
            raise Refusal("UNABLE_TO_LOCK_ROW", message, [])


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
