"""Creates our fields in Salesforce and grants them to the user we run as.

Decided here: fields through Tooling, because it goes through the same session as everything else; a permission set of
ours, because a new field is hidden from everybody, its maker included, until it is granted; and nothing is granted to
anybody else. A task's field belongs to Activity. Where Activity refuses a key the field is made plain, and our tasks
are found by their `ref:` line.

Source: Tooling API Developer Guide, "CustomField"; Object Reference, "FieldPermissions", "PermissionSetAssignment".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from simple_salesforce.format import format_soql

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.errors import QUOTA
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.translate import SOBJECTS, key_field
from connector.domain.change import FieldType, RecordType
from connector.domain.errors import CredentialError, LaterError, MappingError, MendError
from connector.domain.mapping import CrmMapping, NewField

PERMISSION_SET = "Expansion_Connector"
_LONGEST_TEXT = 255
Wanted = Mapping[RecordType, Mapping[str, NewField]]


class SalesforceSetup:
    """Makes what is missing; run twice, it changes nothing the second time."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        """Name the wanted fields that our user cannot see or write."""
        self._reader.forget_schemas()
        lacking = {type: self._lacking(type, fields) for type, fields in wanted.items()}
        return {type: names for type, names in lacking.items() if names}

    def install(self, wanted: Wanted) -> list[str]:
        """Create, grant and verify."""
        missing = self.missing(wanted)
        done: list[str] = []
        try:
            for type, names in missing.items():
                done += [self._create(type, name, wanted[type][name]) for name in names]
            if missing:
                done += self._grant(missing)
            self._reader.forget_schemas()
            done += self._probe_task_key(wanted, missing)
        except CallError as error:
            raise self._not_allowed(error) from error
        for type, names in self.missing(wanted).items():
            raise MappingError(
                f"{SOBJECTS[type]}: {', '.join(names)} cannot be used as wanted",
                hint="a field of that name exists with another type; rename it in the mapping's `install:`",
            )
        return done

    def _lacking(self, type: RecordType, fields: Mapping[str, NewField]) -> list[str]:
        specs = self._reader.schema(type).fields
        lacking = []
        for name, field in fields.items():
            spec = specs.get(name)
            # Not every org lets a task carry a key: then the plain field will do.
            needs_key = field.unique and type is not RecordType.TASK
            if spec is None or not (spec.createable and spec.updateable) or (needs_key and not spec.unique):
                lacking.append(name)
        return lacking

    def _create(self, type: RecordType, name: str, field: NewField) -> str:
        owner = "Activity" if type is RecordType.TASK else SOBJECTS[type]
        shown = f"{owner}.{name}"
        try:
            self._make_field(shown, _metadata(field))
        except RefusedError as error:
            if "already a field named" in error.message:
                return f"{shown} exists"
            if not (field.unique and type is RecordType.TASK and error.code == "FIELD_INTEGRITY_EXCEPTION"):
                raise
            self._make_field(shown, _metadata(field, is_key=False))
            return f"{shown} created without uniqueness: this org keeps no key on tasks, a `ref:` line replaces it"
        return f"{shown} created"

    def _make_field(self, full_name: str, metadata: Mapping[str, Any]) -> None:
        body = {"FullName": full_name, "Metadata": metadata}
        self._client.call("POST", "tooling/sobjects/CustomField/", body=body)

    def _grant(self, missing: Mapping[RecordType, list[str]]) -> list[str]:
        """Let our user read and write the new fields."""
        permission_set, done = self._permission_set()
        soql = format_soql("SELECT Field FROM FieldPermissions WHERE ParentId = {}", permission_set)
        granted = {row["Field"] for row in self._client.query(soql)}
        for type, names in missing.items():
            for field in (f"{SOBJECTS[type]}.{name}" for name in names):
                if field in granted:
                    continue
                target = {"ParentId": permission_set, "SobjectType": SOBJECTS[type], "Field": field}
                body = {**target, "PermissionsRead": True, "PermissionsEdit": True}
                self._client.call("POST", "sobjects/FieldPermissions/", body=body)
                done.append(f"{field} granted to permission set {PERMISSION_SET}")
        return done

    def _permission_set(self) -> tuple[str, list[str]]:
        done = []
        soql = format_soql("SELECT Id FROM PermissionSet WHERE Name = {}", PERMISSION_SET)
        found = next(self._client.query(soql), None)
        if found is None:
            body = {"Name": PERMISSION_SET, "Label": PERMISSION_SET.replace("_", " ")}
            found = {"Id": self._client.call("POST", "sobjects/PermissionSet/", body=body)["id"]}
            done.append(f"permission set {PERMISSION_SET} created")
        pair = {"AssigneeId": self._client.who_am_i()["user_id"], "PermissionSetId": found["Id"]}
        soql = format_soql(
            "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {AssigneeId} "
            "AND PermissionSetId = {PermissionSetId}",
            **pair,
        )
        if next(self._client.query(soql), None) is None:
            self._client.call("POST", "sobjects/PermissionSetAssignment/", body=pair)
            done.append(f"permission set {PERMISSION_SET} assigned to our user")
        return str(found["Id"]), done

    def _probe_task_key(self, wanted: Wanted, missing: Mapping[RecordType, list[str]]) -> list[str]:
        """Prove on a throw-away task that a second upsert of one key finds the first."""
        name = key_field(self._mapping, RecordType.TASK)
        fresh = name in missing.get(RecordType.TASK, ()) and name in wanted.get(RecordType.TASK, {})
        if not fresh or not self._reader.is_keyed(RecordType.TASK):
            return []
        path = f"sobjects/{SOBJECTS[RecordType.TASK]}/{name}/{uuid4().hex}"
        body = {"Subject": "Expansion connector: install probe, deleted at once"}
        first = self._client.call("PATCH", path, body=body)
        try:
            second = self._client.call("PATCH", path, body=body)
        finally:
            self._client.call("DELETE", f"sobjects/{SOBJECTS[RecordType.TASK]}/{first['id']}")
        if second["created"]:
            raise MappingError(
                f"a second upsert of one {name} made a second task",
                hint="set `task.key: null` in the mapping; tasks are then found by their `ref:` line",
            )
        return [f"{name} proven: one key makes one task"]

    def _not_allowed(self, error: CallError) -> LaterError | MendError:
        if not isinstance(error, RefusedError) or error.status in (401, 423, 429) or error.code == QUOTA:
            return self._client.for_reader(error)
        return CredentialError(
            f"the CRM refused to be set up: {error.code} {error.message}",
            hint="install with a user who may Customize Application, or ask an administrator to create the fields",
        )


def _metadata(field: NewField, is_key: bool = True) -> dict[str, Any]:
    """Write a new field as Tooling wants it."""
    common: dict[str, Any] = {"label": field.label}
    match field.type:
        case FieldType.BOOL:
            return common | {"type": "Checkbox", "defaultValue": False}
        case FieldType.NUMBER:
            return common | {"type": "Number", "precision": 18, "scale": 2}
        case FieldType.DATE:
            return common | {"type": "Date"}
        case FieldType.DATETIME:
            return common | {"type": "DateTime"}
        case _ if field.length > _LONGEST_TEXT:
            return common | {"type": "LongTextArea", "length": field.length, "visibleLines": 5}
    key = {"externalId": True, "unique": True, "caseSensitive": True} if field.unique and is_key else {}
    return common | {"type": "Text", "length": field.length, "required": False} | key
