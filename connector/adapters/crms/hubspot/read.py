"""Looks at single HubSpot records and at the schema.

Decided here: records are read by id or by our unique property, never searched for, because the search index lags
behind. What a batch does not find is looked for once more among archived and merged records.

Source: developers.hubspot.com, "Using object APIs", "Associations v4", "Properties".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from connector.adapters.crms.batches import chunks
from connector.adapters.crms.http import CallError
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.files import SCHEMA as FILE_SCHEMA
from connector.adapters.crms.hubspot.files import HubspotFiles
from connector.adapters.crms.hubspot.translate import (
    OBJECTS,
    Pipelines,
    Translator,
    field_spec,
    key_property,
    links,
    merged_away,
    merged_ids,
    moment,
    pipelines,
    referring,
    refuse_unknown_links,
)
from connector.adapters.crms.values import without_reference
from connector.domain.change import Abilities, Among, CrmRecord, Destination, RecordType, Ref, Schema
from connector.domain.errors import MappingError
from connector.domain.mapping import CrmMapping

_MOST_IN_ONE_CALL = 100
Row = dict[str, Any]
Near = Mapping[str, Sequence[Ref]]


class HubspotReader:
    """Reads by id and key in batches of a hundred."""

    def __init__(self, client: HubspotClient, mapping: CrmMapping) -> None:
        self._client = client
        self._mapping = mapping
        self._schemas: dict[RecordType, Schema] = {}
        self._required: frozenset[str] | None = None
        self._pipelines: Pipelines | None = None
        self.files = HubspotFiles(client, mapping)

    def destination(self) -> Destination:
        """Say which portal the token leads to."""
        account = self._client.account()
        return Destination("hubspot", str(account["portalId"]), label=str(account.get("uiDomain", "")))

    def abilities(self) -> Abilities:
        """Say which types carry a key; only an un-keyed create, which is no upsert, takes its links along."""
        refuse_unknown_links(self._mapping)
        keyed = {type for type in (RecordType.OPPORTUNITY, RecordType.TASK) if self.is_keyed(type)}
        inline = frozenset({RecordType.TASK, RecordType.NOTE} - keyed)
        # A file's folder is its key: a second upload takes the first one's place.
        return Abilities(keyed=frozenset({*keyed, RecordType.FILE}), inline_links=inline)

    def is_keyed(self, type: RecordType) -> bool:
        """Say whether a type has our unique property."""
        name = key_property(self._mapping, type)
        spec = self.schema(type).fields.get(name) if name else None
        return spec is not None and spec.unique

    def schema(self, type: RecordType) -> Schema:
        """Describe a type, once."""
        if type is RecordType.FILE:
            return FILE_SCHEMA
        if type not in self._schemas:
            rows = self._client.read(self._client.properties.get_all, OBJECTS[type])["results"]
            required = self._asked_for() if type is RecordType.OPPORTUNITY else frozenset()
            specs = {row["name"]: field_spec(type, row, row["name"] in required) for row in rows}
            self._schemas[type] = Schema(type, specs)
        return self._schemas[type]

    def _asked_for(self) -> frozenset[str]:
        """Name what an administrator requires of a new deal; a token without `crm.schemas.deals.read` is not told."""
        if self._required is None:
            try:
                told = self._client.call(self._client.type_schemas.get_by_id, OBJECTS[RecordType.OPPORTUNITY])
            except CallError:
                told = {}
            self._required = frozenset(told.get("requiredProperties") or ())
        return self._required

    def forget_schemas(self) -> None:
        """Describe anew from now on: properties have changed."""
        self._schemas.clear()

    def pipelines(self) -> Pipelines:
        """List the deal pipelines, once."""
        if self._pipelines is None:
            self._pipelines = pipelines(self._client.read(self._client.pipelines.get_all, "deals")["results"])
        return self._pipelines

    def translator(self, type: RecordType) -> Translator:
        """Give what translates records of a type."""
        return Translator(type, self._mapping, self.schema(type).fields, self.is_keyed(type), self.pipelines())

    def read(
        self, type: RecordType, ids: Sequence[str], names: Sequence[str], links: bool = True
    ) -> dict[str, CrmRecord]:
        """Read records by id."""
        if type is RecordType.FILE:
            return self.files.read(ids, names)
        found: dict[str, CrmRecord] = {}
        for chunk in chunks(dict.fromkeys(ids), _MOST_IN_ONE_CALL):
            rows = self._batch(type, chunk, names)
            known = self.records(type, rows, names, links)
            found |= {one.id: one for one in known if one.id in chunk}
            for row, survivor in zip(rows, known, strict=True):
                found |= {one: merged_away(survivor, one) for one in merged_ids(row) if one in chunk}
            lacking = [one for one in chunk if one not in found]
            gone = self._batch(type, lacking, names, archived="true") if lacking else []
            found |= {one.id: one for one in self.records(type, gone, names)}
        return found

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Near | None = None,
        among: Among = Among.ALL,
    ) -> dict[str, CrmRecord]:
        """Find our records by key; among archived ones only what is not alive."""
        wanted = list(dict.fromkeys(keys))
        if type is RecordType.FILE:
            return {} if among is Among.DELETED else self.files.find(wanted, names)
        found = {} if among is Among.DELETED else self._find_alive(type, wanted, names, near)
        has_keys = self.is_keyed(type) or referring(self._mapping, type, keyed=False) is not None
        if among is not Among.ALIVE and has_keys and len(found) < len(wanted):
            gone = self.every(type, names, archived="true")
            found = self._by_key(type, gone, names, wanted) | found
        return found

    def _find_alive(
        self, type: RecordType, wanted: Sequence[str], names: Sequence[str], near: Near | None
    ) -> dict[str, CrmRecord]:
        found: dict[str, CrmRecord] = {}
        if self.is_keyed(type):
            name = str(key_property(self._mapping, type))
            for chunk in chunks(wanted, _MOST_IN_ONE_CALL):
                rows = self._batch(type, chunk, [*names, name], id_property=name)
                found |= {str(one.fields[name]): one for one in self.records(type, rows, [*names, name])}
        elif referring(self._mapping, type, keyed=False) is not None:
            ids = (
                self._ids_near(type, wanted, near) if near is not None and all(key in near for key in wanted) else None
            )
            candidates = self.every(type, names) if ids is None else self._rows(type, ids, names)
            found = self._by_key(type, candidates, names, wanted)
        return found

    def every(self, type: RecordType, names: Sequence[str], archived: str = "false") -> Iterator[Row]:
        """Yield the rows of a whole type, a page at a time."""
        asked = self.needed(type, [*names, *self._key(type)])
        after: str | None = None
        while True:
            options: dict[str, Any] = {"limit": 100, "properties": asked, "archived": archived}
            options |= {"after": after} if after else {}
            page = self._client.read(self._client.objects.get_page, OBJECTS[type], **options)
            yield from page["results"]
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return

    def needed(self, type: RecordType, names: Sequence[str]) -> list[str]:
        """Name the properties to ask for; refuse names that do not exist, which HubSpot leaves out in silence."""
        self._refuse_unknown(type, names)
        return self.translator(type).needed(names)

    def records(
        self, type: RecordType, rows: Sequence[Row], names: Sequence[str], with_links: bool = True
    ) -> list[CrmRecord]:
        """Turn rows into records, with what they are associated with: that takes a call for each kind of link."""
        translator = self.translator(type)
        linked: dict[str, dict[str, tuple[str, ...]]] = {str(row["id"]): {} for row in rows}
        alive = [str(row["id"]) for row in rows if not row.get("archived")]
        for role, to_object in links(self._mapping, type).items() if with_links else ():
            for one, others in self.associated(OBJECTS[type], to_object, alive).items():
                linked[one][role] = others
        return [translator.record(row, names, linked[str(row["id"])]) for row in rows]

    def associated(self, from_object: str, to_object: str, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Give the ids of the objects that each record is associated with; a record without any is absent."""
        found: dict[str, tuple[str, ...]] = {}
        for chunk in chunks(ids, _MOST_IN_ONE_CALL):
            inputs = [{"id": one} for one in chunk]
            while inputs:
                call = self._client.association_batches.get_page
                answer = self._client.read(call, from_object, to_object, {"inputs": inputs})
                inputs = []
                for row in answer["results"]:
                    one = str(row["from"]["id"])
                    found[one] = found.get(one, ()) + tuple(str(to["toObjectId"]) for to in row["to"])
                    after = ((row.get("paging") or {}).get("next") or {}).get("after")
                    inputs += [{"id": one, "after": after}] if after else []
        return found

    def _batch(
        self,
        type: RecordType,
        ids: Sequence[str],
        names: Sequence[str],
        archived: str = "false",
        id_property: str | None = None,
    ) -> list[Row]:
        body: Row = {
            "properties": self.needed(type, names),
            "propertiesWithHistory": [],
            "inputs": [{"id": one} for one in ids],
        }
        body |= {"idProperty": id_property} if id_property else {}
        rows: list[Row] = self._client.read(self._client.object_batches.read, OBJECTS[type], body, archived=archived)[
            "results"
        ]
        return rows

    def _rows(self, type: RecordType, ids: Iterable[str], names: Sequence[str]) -> Iterator[Row]:
        for chunk in chunks(ids, _MOST_IN_ONE_CALL):
            yield from self._batch(type, chunk, names)

    def _ids_near(self, wanted: RecordType, keys: Sequence[str], near: Near) -> list[str]:
        """List the tasks or notes associated with any of the records that the wanted ones are linked to."""
        parents: dict[RecordType, dict[str, None]] = {}
        for ref in (ref for key in keys for ref in near[key] if ref.id is not None and ref.type in OBJECTS):
            parents.setdefault(ref.type, {})[str(ref.id)] = None
        found = [self.associated(OBJECTS[type], OBJECTS[wanted], ids) for type, ids in parents.items()]
        return list(dict.fromkeys(one for some in found for others in some.values() for one in others))

    def _by_key(
        self, type: RecordType, rows: Iterable[Row], names: Sequence[str], keys: Sequence[str]
    ) -> dict[str, CrmRecord]:
        wanted, body = set(keys), referring(self._mapping, type, self.is_keyed(type))
        matching: dict[str, Row] = {}
        for row in rows:
            properties = row["properties"]
            key = str(properties.get(next(iter(self._key(type)), "")))
            if body is not None:
                key = str(without_reference(properties.get(body))[1])
            # Somebody may have copied a task, its last line included: ours was there first.
            if key in wanted and (key not in matching or _made(row) < _made(matching[key])):
                matching[key] = row
        return dict(zip(matching, self.records(type, list(matching.values()), names), strict=True))

    def _key(self, type: RecordType) -> tuple[str, ...]:
        name = key_property(self._mapping, type)
        return (name,) if name else ()

    def _refuse_unknown(self, type: RecordType, names: Sequence[str]) -> None:
        specs = self.schema(type).fields
        for name in names:
            # Properties of ours may be read before they are installed: a first plan is made without a write.
            if name not in specs and not name.startswith(self._mapping.own_prefix):
                close = get_close_matches(name, specs, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                raise MappingError(
                    f"unknown property {name!r} on {OBJECTS[type]}", hint=f"{hint}`connector install` creates our own"
                )


def _made(row: Row) -> tuple[datetime, int]:
    return moment(row["createdAt"]), int(row["id"])
