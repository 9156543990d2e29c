"""Creates our properties in HubSpot, in a property group of their own.

Decided here: a property that exists is left as it is and checked; uniqueness cannot be added later, so a key that
exists without it has to be made anew by a person. Whether tasks take a unique property is not documented: where they
refuse one it is made plain, and our tasks are found by their `ref:` line; where they take one, it is tried out.

Source: developers.hubspot.com, "Properties" (create a property, unique identifiers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from connector.adapters.crms.http import CallError, RefusedError, for_reader
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.read import HubspotReader
from connector.adapters.crms.hubspot.translate import OBJECTS, key_property
from connector.domain.change import FieldType, RecordType
from connector.domain.errors import CredentialError, LaterError, MappingError, MendError
from connector.domain.mapping import CrmMapping, NewField
from connector.ports.clock import Clock

GROUP = "expansion_connector"
_LONGEST_LINE = 255
_LOOKS, _SECONDS_BETWEEN = 10, 0.5
Wanted = Mapping[RecordType, Mapping[str, NewField]]


class HubspotSetup:
    """Makes what is missing; run twice, it changes nothing the second time."""

    def __init__(self, client: HubspotClient, reader: HubspotReader, mapping: CrmMapping, clock: Clock) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping
        self._clock = clock

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        """Name the wanted properties that are not there, or cannot be written."""
        self._reader.forget_schemas()
        lacking = {type: self._lacking(type, fields) for type, fields in wanted.items()}
        return {type: names for type, names in lacking.items() if names}

    def install(self, wanted: Wanted) -> list[str]:
        """Create and verify."""
        done: list[str] = []
        missing = self.missing(wanted)
        try:
            for type, names in missing.items():
                done += self._ensure_group(type)
                done += [self._create(type, name, wanted[type][name]) for name in names]
        except CallError as error:
            raise _not_allowed(error) from error
        self._wait_until_visible(wanted)
        for type, names in self.missing(wanted).items():
            raise MappingError(
                f"{OBJECTS[type]}: {', '.join(names)} cannot be used as wanted",
                hint="a property of that name exists with other settings; rename it in the mapping's `install:`",
            )
        return done + self._probe_task_key(missing)

    def _lacking(self, type: RecordType, fields: Mapping[str, NewField]) -> list[str]:
        specs = self._reader.schema(type).fields
        lacking = []
        for name, field in fields.items():
            spec = specs.get(name)
            # Not every portal lets a task carry a key: then the plain property will do.
            needs_key = field.unique and type is not RecordType.TASK
            if spec is None or not (spec.createable and spec.updateable) or (needs_key and not spec.unique):
                lacking.append(name)
        return lacking

    def _ensure_group(self, type: RecordType) -> list[str]:
        known = self._client.read(self._client.property_groups.get_all, OBJECTS[type])["results"]
        if any(row["name"] == GROUP for row in known):
            return []
        body = {"name": GROUP, "label": "Expansion connector"}
        self._client.call(self._client.property_groups.create, OBJECTS[type], body)
        return [f"{OBJECTS[type]}: property group {GROUP} created"]

    def _create(self, type: RecordType, name: str, field: NewField) -> str:
        shown, create = f"{OBJECTS[type]}.{name}", self._client.properties.create
        try:
            self._client.call(create, OBJECTS[type], _definition(name, field))
        except RefusedError as error:
            if error.status == 409:
                return f"{shown} exists"
            if not (field.unique and type is RecordType.TASK and error.status == 400):
                raise
            self._client.call(create, OBJECTS[type], _definition(name, field) | {"hasUniqueValue": False})
            return f"{shown} created without uniqueness: this portal keeps no key on tasks, a `ref:` line replaces it"
        return f"{shown} created"

    def _wait_until_visible(self, wanted: Wanted) -> None:
        """Wait for the portal to show what it has just confirmed; that takes it most of a second."""
        for _ in range(_LOOKS):
            if not self.missing(wanted):
                return
            self._clock.sleep(_SECONDS_BETWEEN)

    def _probe_task_key(self, missing: Mapping[RecordType, list[str]]) -> list[str]:
        """Prove on a throw-away task that a second upsert of one key finds the first."""
        name = key_property(self._mapping, RecordType.TASK)
        if name not in missing.get(RecordType.TASK, ()) or not self._reader.is_keyed(RecordType.TASK):
            return []
        properties = {
            "hs_task_subject": "Expansion connector: install probe, deleted at once",
            "hs_timestamp": str(int(self._clock.now() * 1000)),
        }
        body = {"inputs": [{"id": uuid4().hex, "idProperty": name, "properties": properties}]}
        tasks, upsert = OBJECTS[RecordType.TASK], self._client.object_batches.upsert
        try:
            ids = {row["id"] for _ in range(2) for row in self._client.call(upsert, tasks, body).get("results") or ()}
            for one in ids:
                self._client.call(self._client.objects.archive, tasks, one)
        except CallError as error:
            raise _not_allowed(error) from error
        if len(ids) != 1:
            raise MappingError(
                f"two upserts of one {name} made {len(ids)} tasks",
                hint="set `task.key: null` in the mapping; tasks are then found by their `ref:` line",
            )
        return [f"{tasks}.{name} proven: one key makes one task"]


def _definition(name: str, field: NewField) -> dict[str, Any]:
    """Write a new property as HubSpot wants it."""
    common: dict[str, Any] = {"name": name, "label": field.label, "groupName": GROUP, "hasUniqueValue": field.unique}
    match field.type:
        case FieldType.BOOL:
            answers = (("Yes", "true"), ("No", "false"))
            options = [{"label": label, "value": value, "displayOrder": i} for i, (label, value) in enumerate(answers)]
            return common | {"type": "bool", "fieldType": "booleancheckbox", "options": options}
        case FieldType.NUMBER:
            return common | {"type": "number", "fieldType": "number"}
        case FieldType.DATE:
            return common | {"type": "date", "fieldType": "date"}
        case FieldType.DATETIME:
            return common | {"type": "datetime", "fieldType": "date"}
        case FieldType.HTML:
            return common | {"type": "string", "fieldType": "html"}
        case _:
            return common | {"type": "string", "fieldType": "text" if field.length <= _LONGEST_LINE else "textarea"}


def _not_allowed(error: CallError) -> LaterError | MendError:
    if not isinstance(error, RefusedError) or error.status in (401, 423, 429):
        return for_reader(error)
    return CredentialError(
        f"the CRM refused to be set up: {error.code} {error.message}",
        hint="install with a token that may write property definitions (crm.schemas.*.write)",
    )
