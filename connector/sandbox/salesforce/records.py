"""Creating, changing, upserting and deleting one record under Salesforce's rules.

A record is refused at its first kind of error, in the service's order: unknown fields, fields that cannot be
written, values that do not fit, missing required fields, references, validation rules, uniqueness, duplicate rules,
locks. Nothing is stored before every check has passed, so a refused record leaves no trace.

Source: REST API Developer Guide, "Work with Records"; SOAP API Developer Guide, "StatusCode".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce import derive, documents, rules
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.ids import long_form
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.schema import Field, ObjectType
from connector.sandbox.salesforce.values import stored

_CASCADES: dict[str, tuple[tuple[str, str], ...]] = {
    "Account": (
        ("Contact", "AccountId"),
        ("Opportunity", "AccountId"),
        ("Task", "WhatId"),
        ("Event", "WhatId"),
        ("Note", "ParentId"),
    ),
    "Opportunity": (
        ("OpportunityContactRole", "OpportunityId"),
        ("Task", "WhatId"),
        ("Event", "WhatId"),
        ("Note", "ParentId"),
    ),
    "ContentDocument": (("ContentVersion", "ContentDocumentId"), ("ContentDocumentLink", "ContentDocumentId")),
    "Contact": (("OpportunityContactRole", "ContactId"), ("Task", "WhoId"), ("Event", "WhoId")),
    "PermissionSet": (("FieldPermissions", "ParentId"), ("ObjectPermissions", "ParentId")),
}
_SETUP = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions")
"""Kinds without a recycle bin."""


@dataclass(frozen=True)
class Caller:
    """Who calls, what they see, and what their headers ask for."""

    org: Org
    user_id: str
    view: View
    version: str = "v59.0"
    may_save_duplicates: bool = False
    wants_duplicate_details: bool = False
    batch_size: int | None = None
    is_inside: bool = False
    """Whether this is a request inside another, as in Composite."""

    def type(self, name: str) -> ObjectType | None:
        return self.view.type(name)


def insert(caller: Caller, kind: ObjectType, body: Row) -> str:
    """Create a record and return its id."""
    org = caller.org
    rules.meet_row_fault(org, kind.name, None, body)
    if "create" not in kind.allowed:
        raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {kind.label}")
    if body.get("Id"):
        raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
    changes = _accepted(caller, kind, {k: v for k, v in body.items() if k != "Id"}, creating=True)
    row = org.blank(kind.name, caller.user_id)
    row |= _defaults(org, kind, row) | changes
    missing = [one.name for one in kind.fields.values() if one.is_required and row.get(one.name) is None]
    if missing:
        raise rules.required_missing(missing)
    rules.check_references(org, kind, changes)
    documents.check(caller, kind.name, row, None)
    rules.check_setup(org, kind.name, row)
    rules.check_validation(org, kind.name, row, None)
    rules.check_unique(org, kind, row)
    rules.check_duplicates(caller, kind.name, row, is_new=True)
    rules.check_locks(org, kind, row)
    _save(caller, kind.name, row, None)
    return str(row["Id"])


def update(caller: Caller, kind: ObjectType, record_id: str, body: Row) -> None:
    """Change fields of a record that is there."""
    org = caller.org
    rules.meet_row_fault(org, kind.name, record_id, body)
    before = existing(org, kind, record_id)
    if "edit" not in kind.allowed:
        raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be updated: {kind.label}")
    changes = _accepted(caller, kind, body, creating=False)
    emptied = [name for name, value in changes.items() if value is None and not kind.fields[name].nillable]
    if emptied:
        raise rules.required_missing(emptied)
    rules.check_references(org, kind, changes)
    audit = {"LastModifiedDate": org.now(), "LastModifiedById": caller.user_id, "SystemModstamp": org.now()}
    row = before | {name: value for name, value in audit.items() if name in before} | changes
    documents.check(caller, kind.name, row, before)
    rules.check_setup(org, kind.name, row)
    rules.check_validation(org, kind.name, row, before)
    rules.check_unique(org, kind, row)
    rules.check_duplicates(caller, kind.name, row, is_new=False)
    rules.check_locks(org, kind, row)
    _save(caller, kind.name, row, before)


def delete(caller: Caller, kind: ObjectType, record_id: str) -> None:
    """Move a record to the recycle bin, and with it what hangs on it."""
    org = caller.org
    rules.meet_row_fault(org, kind.name, record_id, {})
    row = existing(org, kind, record_id)
    if "delete" not in kind.allowed or kind.name == "User":
        raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be deleted: {kind.label}")
    rules.check_locks(org, kind, row)
    rules.check_unassigned(org, kind.name, row)
    _remove(org, kind.name, row)


def _remove(org: Org, kind: str, row: Row) -> None:
    """Mark a record and what hangs on it, whoever may delete that by itself; setup records go at once."""
    for child, reference in _CASCADES.get(kind, ()):
        for hanging in [one for one in org.alive(child) if one.get(reference) == row["Id"]]:
            _remove(org, child, hanging)
    if kind in _SETUP:
        org.take(kind, row["Id"])
    else:
        org.put(kind, row | {"IsDeleted": True, "SystemModstamp": org.now()})


def existing(org: Org, kind: ObjectType, record_id: str) -> Row:
    """Find a living record by id, or refuse as a batch does."""
    try:
        wanted = long_form(record_id)
    except ValueError:
        raise Refusal("MALFORMED_ID", f"{kind.label} ID: id value of incorrect type: {record_id}", ["Id"]) from None
    if not wanted.startswith(kind.prefix):
        raise Refusal("MALFORMED_ID", f"{kind.label} ID: id value of incorrect type: {record_id}", ["Id"])
    row = org.get(kind.name, wanted)
    if row is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if row.get("IsDeleted"):
        raise Refusal("ENTITY_IS_DELETED", "entity is deleted")
    return row


def key_field(kind: ObjectType, name: str) -> Field:
    """Find a field that records can be found by from outside."""
    field = kind.field(name)
    if field is None or not (field.external_id or field.id_lookup):
        raise Refusal("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
    return field


def matches(caller: Caller, kind: ObjectType, field: Field, value: Any) -> list[Row]:
    """Find the living records that carry a key."""
    if field.name == "Id":
        return [existing(caller.org, kind, str(value))]
    return caller.org.matching(kind.name, field, stored(field, value))


def _accepted(caller: Caller, kind: ObjectType, body: Row, *, creating: bool) -> Row:
    """Turn a body into stored values by field, or refuse it."""
    named: dict[str, Any] = {}
    for name, value in body.items():
        if name == "attributes":
            continue
        relation = kind.relation(name)
        if relation is not None and isinstance(value, dict):
            named[relation.name] = _parent_id(caller, relation, value)
            continue
        field = kind.field(name)
        if field is None:
            raise Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
        named[field.name] = value
    locked = [name for name in named if not _writable(kind.fields[name], creating=creating)]
    if locked:
        raise Refusal(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this field "
            "and verify that it is read/write for your profile or permission set.",
            locked,
        )
    return {name: stored(kind.fields[name], value) for name, value in named.items()}


def _writable(field: Field, *, creating: bool) -> bool:
    return field.createable if creating else field.updateable


def _parent_id(caller: Caller, relation: Field, parent: Row) -> str:
    """Find a parent named by its external id, as in `"Account": {"Key__c": "a1"}`."""
    named = {name: value for name, value in parent.items() if name not in ("attributes", "type")}
    target = caller.type(parent.get("attributes", {}).get("type", relation.refers_to[0]))
    if target is None or len(named) != 1:
        raise Refusal("INVALID_FIELD", f"a parent of {relation.name} is named by exactly one external id", [])
    (name, value), *_ = named.items()
    found = matches(caller, target, key_field(target, name), value)
    if len(found) != 1:
        raise Refusal(
            "INVALID_FIELD", f"Foreign key external ID: {value} not found for field {name} in entity {target.name}", []
        )
    return str(found[0]["Id"])


def _defaults(org: Org, kind: ObjectType, row: Row) -> Row:
    """Give what Salesforce fills in when the caller does not."""
    match kind.name:
        case "Task":
            default = next((one["ApiName"] for one in org.alive("TaskStatus") if one["IsDefault"]), None)
            return {"Status": default, "Priority": "Normal", "TaskSubtype": "Task"}
        case "Event":
            return {"ShowAs": "Busy", "EventSubtype": "Event"}
        case "ContentDocumentLink":
            return {"ShareType": "V", "Visibility": "AllUsers"}
        case _:
            return {name: False for name, field in kind.fields.items() if field.type == "boolean" and name not in row}


def _save(caller: Caller, kind: str, row: Row, before: Row | None) -> None:
    row = row | derive.derived(caller.org, kind, row, before)
    if kind == "ContentVersion":
        row |= documents.derived(caller.org, row, before, caller.user_id)
    caller.org.put(kind, row)
    derive.aftermath(caller.org, kind, row, before, caller.user_id)
    if kind == "ContentVersion":
        documents.aftermath(caller.org, row, before, caller.user_id)
