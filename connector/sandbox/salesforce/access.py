"""Permissions: the schema as one user sees it.

The rule, simplified from the real one without being kinder: standard fields are open to everybody. A custom field
made through Tooling or a deployment is there for nobody, the user who made it included, until a FieldPermissions row
of a permission set assigned to that user says PermissionsRead; it can be written with PermissionsEdit. An invisible
field is answered exactly as an unknown one. A permission on Task holds for Event and the other way round, since the
field itself belongs to Activity. Custom fields that came with rows loaded through `/__state` were there before us,
and are open to all. Whatever the rows say, the switches `hidden_fields` and `read_only_fields` (`{type: [fields]}`)
are an admin who takes fields away from everybody; `object_permissions` (`{type: [create, read, edit, delete]}`)
leaves of a type's permissions only those named, and a type that cannot be read is not there. What an admin set up, and
whatever Tooling alone shows, is seen while `view_setup` is on.

Source: Object Reference, "FieldPermissions"; Salesforce Help, "Field-Level Security".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.sandbox.control import Row
from connector.sandbox.salesforce.schema import ACTIVITIES, Field, ObjectType, standard_objects

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org


_SEEN_BY_ALL = ("UserPermissionAccess", "EntityDefinition")
_SETUP = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions")
"""What only who may view the setup sees, beside what an admin made and what Tooling alone shows."""


class View:
    """Object types and fields visible to one user at one moment."""

    def __init__(self, org: Org, user_id: str, *, tooling: bool = False) -> None:
        self._org = org
        self._user_id = user_id
        self._tooling = tooling
        self._grants = _grants(org, user_id)
        self._seen: dict[str, ObjectType] = {}
        self._names = {name.casefold(): name for name, kind in standard_objects().items() if kind.tooling is tooling}

    def of_tooling(self) -> View:
        """What the same user sees through Tooling."""
        return View(self._org, self._user_id, tooling=True)

    def names(self) -> list[str]:
        return sorted(name for name in self._names.values() if "read" in self._allowed(standard_objects()[name]))

    def type(self, name: str) -> ObjectType | None:
        """Find an object type; letter case does not matter to Salesforce."""
        known = self._names.get(name.casefold())
        if known is None:
            return None
        if known not in self._seen:
            self._seen[known] = self._visible(standard_objects()[known])
        return self._seen[known] if "read" in self._seen[known].allowed else None

    def _allowed(self, kind: ObjectType) -> frozenset[str]:
        is_setup = kind.from_switches or kind.tooling or kind.name in _SETUP
        hidden = is_setup and kind.name not in _SEEN_BY_ALL and not self._org.switch("view_setup", True)
        if hidden or kind.tooling is not self._tooling:
            return frozenset()
        granted = self._org.switch("object_permissions", {}).get(kind.name, kind.allowed)
        return kind.allowed & frozenset(granted)

    def _visible(self, kind: ObjectType) -> ObjectType:
        custom, taken, allowed = self._org.custom_fields(kind.name), self._taken(kind.name), self._allowed(kind)
        if not custom and not taken and allowed == kind.allowed:
            return kind
        seen = {name: shown for name, field in custom.items() if (shown := self._shown(kind.name, field))}
        fields = {name: field for name, field in {**kind.fields, **seen}.items() if taken.get(name) != "hidden"}
        read_only = {name: _read_only(field) for name, field in fields.items() if name in taken}
        return replace(kind, fields={**fields, **read_only}, allowed=allowed)

    def _taken(self, kind: str) -> dict[str, str]:
        """Say which fields of a type an admin took away or left readable only."""
        hidden = [*self._org.switch("hidden_fields", {}).get(kind, [])]
        if kind == "Opportunity" and not record_types(self._org, kind):
            hidden.append("RecordTypeId")  # an object without record types has no such field
        read_only = self._org.switch("read_only_fields", {}).get(kind, [])
        return {**dict.fromkeys(read_only, "read only"), **dict.fromkeys(hidden, "hidden")}

    def _shown(self, kind: str, field: Field) -> Field | None:
        if (kind, field.name) in self._org.open_fields or field.is_required:
            return field
        editable = self._grants.get((_owner(kind), field.name))
        if editable is None:
            return None
        return field if editable else _read_only(field)


def record_types(org: Org, kind: str) -> list[Row]:
    """List the record types that an admin made for an object."""
    return [row for row in org.rows("RecordType") if row["SobjectType"] == kind]


def is_available(org: Org, record_type: Row) -> bool:
    """Say whether an admin opened a record type to our user."""
    return record_type["DeveloperName"] not in org.switch("unavailable_record_types", [])


def _read_only(field: Field) -> Field:
    return replace(field, createable=False, updateable=False)


def _owner(kind: str) -> str:
    return "Activity" if kind in ACTIVITIES else kind


def _grants(org: Org, user_id: str) -> Mapping[tuple[str, str], bool]:
    """Map each custom field the user may read to whether the user may write it."""
    sets = {row["PermissionSetId"] for row in org.alive("PermissionSetAssignment") if row["AssigneeId"] == user_id}
    grants: dict[tuple[str, str], bool] = {}
    for row in org.alive("FieldPermissions"):
        if row["ParentId"] in sets and row["PermissionsRead"]:
            key = (_owner(row["SobjectType"]), row["Field"].partition(".")[2])
            grants[key] = grants.get(key, False) or row["PermissionsEdit"]
    return grants
