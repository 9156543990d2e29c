"""What the portal remembers, and how tests read and seed it.

Loading goes round the API's rules: rows are there as if they had always been (a day old unless they say otherwise,
so that search finds them), unknown properties are defined on the way. A row whose id exists is a person's edit
made now: values are merged, and the history says `CRM_UI`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from connector.sandbox.control import SandboxClock
from connector.sandbox.hubspot.catalogue import (
    BY_NAME,
    TYPES,
    calculated_date,
    deal_stage_metadata,
    default_pipeline,
    information_group,
    property_row,
    stage_row,
)
from connector.sandbox.hubspot.links import End, Links
from connector.sandbox.hubspot.records import CALCULATED, PERSON, Record, Source, derived, iso, moment
from connector.sandbox.hubspot.standard import standard_properties
from connector.sandbox.hubspot.values import Refused, stored_value

Row = dict[str, Any]
FIRST_ID = 20_000_000_001
PRIMARY_COMPANY = 1
VERSIONS_KEPT = 8
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Store:
    """Records, definitions, pipelines, owners and associations of one portal."""

    clock: SandboxClock
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    merged: dict[tuple[str, str], str] = field(default_factory=dict)
    properties: dict[str, dict[str, Row]] = field(default_factory=dict)
    groups: dict[str, dict[str, Row]] = field(default_factory=dict)
    pipelines: dict[str, dict[str, Row]] = field(default_factory=dict)
    owners: dict[str, Row] = field(default_factory=dict)
    files: dict[str, Row] = field(default_factory=dict)
    folders: dict[str, Row] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    next_id: int = FIRST_ID
    revision: int = 0  # moves on with every change to records and associations
    last_change: datetime = NEVER
    _keys: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _older: dict[End, tuple[Record, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Become a new portal: standard properties, one deal pipeline, nothing else."""
        self.records = {kind.name: {} for kind in TYPES}
        self.properties = {kind.name: standard_properties(kind) for kind in TYPES}
        self.groups = {kind.name: {} for kind in TYPES}
        for kind in TYPES:
            self.add_group(kind.name, information_group(kind), f"{kind.singular.title()} information")
        self.pipelines = {kind.name: {} for kind in TYPES}
        self.put_pipeline("deals", default_pipeline())
        self.merged, self.owners, self.links, self._keys, self._older = {}, {}, Links(), {}, {}
        self.files, self.folders = {}, {}
        self.next_id = FIRST_ID
        self.revision += 1

    def add_group(self, kind: str, name: str, label: str, order: int = -1) -> Row:
        """Define a property group."""
        row = {"name": name, "label": label, "displayOrder": order, "archived": False}
        self.groups[kind][name] = row
        return row

    def put_pipeline(self, kind: str, row: Row) -> None:
        """Store a pipeline and define the dates HubSpot keeps for each of its stages."""
        self.pipelines[kind][row["id"]] = row
        for stage in row["stages"]:
            for word in ("entered", "exited"):
                name, label = f"hs_v2_date_{word}_{stage['id']}", f'Date {word} "{stage["label"]}"'
                self.properties[kind][name] = calculated_date(name, label, information_group(BY_NAME[kind]))

    def drop_pipeline(self, kind: str, pipeline_id: str) -> None:
        """Take a pipeline away, and the dates of its stages."""
        for stage in self.pipelines[kind].pop(pipeline_id)["stages"]:
            for word in ("entered", "exited"):
                self.properties[kind].pop(f"hs_v2_date_{word}_{stage['id']}", None)

    def new_id(self) -> str:
        """Return an id no record of any type has had."""
        self.next_id += 1
        return str(self.next_id)

    def find(self, kind: str, record_id: str) -> Record | None:
        """Return a record by id, archived ones included; a merged id finds the survivor."""
        return self.records[kind].get(self.merged.get((kind, record_id), record_id))

    def by_key(self, kind: str, name: str, value: str) -> Record | None:
        """Return the live record that has this value in a unique property."""
        found = self._keys.get((kind, name, _key(value)))
        return self.records[kind][found] if found is not None else None

    def put(self, record: Record) -> None:
        """Store a record's new state and keep the unique values findable."""
        before = self.records[record.kind].get(record.id)
        self._free_keys(before)
        self._remember(before, record)
        self.records[record.kind][record.id] = record
        self.revision, self.last_change = self.revision + 1, max(self.last_change, record.updated_at)
        if not record.archived:
            for name in self.unique_names(record.kind):
                if record.properties.get(name):
                    self._keys[record.kind, name, _key(record.properties[name])] = record.id

    def _remember(self, before: Record | None, record: Record) -> None:
        """Keep what search still finds in place of a record just written."""
        if before is None:
            return
        end = record.kind, record.id
        older = [one for one in (*self._older.get(end, ()), before) if one.updated_at < record.updated_at]
        self._older[end] = tuple(older[-VERSIONS_KEPT:])

    def indexed(self, kind: str, at: datetime) -> Iterator[Record]:
        """Yield the live records as they were at a moment; one made later is not there yet."""
        for record in self.records[kind].values():
            if not record.archived:
                versions = (record, *reversed(self._older.get((kind, record.id), ())))
                yield from islice((one for one in versions if one.updated_at <= at and not one.archived), 1)

    def forget(self, record: Record | None) -> None:
        """Take a record out, as if it had never been."""
        if record is not None:
            self._free_keys(record)
            self._older.pop((record.kind, record.id), None)
            del self.records[record.kind][record.id]
            self.revision += 1

    def _free_keys(self, record: Record | None) -> None:
        if record is None:
            return
        for name in self.unique_names(record.kind):
            key = (record.kind, name, _key(record.properties.get(name, "")))
            if self._keys.get(key) == record.id:
                del self._keys[key]

    def unique_names(self, kind: str) -> list[str]:
        """Return the properties of a type that hold each value once."""
        return [name for name, row in self.properties[kind].items() if row["hasUniqueValue"]]

    def archive(self, record: Record) -> None:
        """Put a record into the recycle bin."""
        if not record.archived:
            self.put(replace(record, archived_at=self.clock.now(), updated_at=self.clock.now()))

    def merge(self, survivor: Record, loser: Record) -> Record:
        """Merge one record into another: its id, associations and otherwise missing values live on there."""
        now = self.clock.now()
        fill = {name: value for name, value in loser.properties.items() if name not in survivor.properties}
        ids = [*survivor.properties.get("hs_merged_object_ids", "").split(";"), loser.id]
        values = fill | {"hs_merged_object_ids": ";".join(filter(None, ids))}
        self.forget(loser)
        kept = self.with_derived(survivor.amended(values, PERSON, now), survivor)
        self.put(kept)
        self._follow_merges(kept)
        return kept

    def with_derived(self, record: Record, before: Record | None) -> Record:
        """Return a record with the values HubSpot computes for it brought up to date."""
        values = derived(record, before, self.pipelines["deals"], record.updated_at)
        return record.amended(values, CALCULATED, record.updated_at)

    def associate(self, end: End, to: End, type_ids: Iterable[int], *, exactly: bool = False) -> None:
        """Associate two records by these types, and `exactly` by no others."""
        if exactly:
            self.links.remove(end, to)
        for type_id in type_ids:
            self.links.add(end, to, type_id)
        self.revision += 1
        self._show_primary(end, to, self.clock.now())

    def dissociate(self, end: End, to: End) -> None:
        """Take every association between two records away."""
        self.links.remove(end, to)
        self.revision += 1
        self._show_primary(end, to, self.clock.now())

    def dissociate_all(self, end: End) -> None:
        """Take every association of a record away."""
        for to in self.links.ends(end):
            self.dissociate(end, to)

    def _show_primary(self, end: End, to: End, at: datetime) -> None:
        """Show the primary company of a contact as its property, once they were or are associated."""
        pair = dict((end, to))
        contact, company = self.records["contacts"].get(pair.get("contacts", "")), pair.get("companies")
        if contact is None or company is None:
            return
        companies = self.links.of(("contacts", contact.id), "companies")
        primary = next((id for id, types in companies.items() if PRIMARY_COMPANY in types), "")
        shown = contact.properties.get("associatedcompanyid", "")
        # A value that no association explains was loaded, and stands.
        if primary != shown and (primary or shown == company):
            changed = contact.amended({"associatedcompanyid": primary}, CALCULATED, at)
            self.put(self.with_derived(changed, contact))

    def dump(self, kind: str) -> list[Row]:
        """Return every row of a type, archived ones included."""
        match kind:
            case "owners":
                return list(self.owners.values())
            case "files" | "folders":
                return list((self.files if kind == "files" else self.folders).values())
            case "pipelines":
                return [row | {"objectType": name} for name, rows in self.pipelines.items() for row in rows.values()]
            case "properties":
                return [row | {"objectType": name} for name, rows in self.properties.items() for row in rows.values()]
            case "associations":
                return [_link_row(*found) for found in self.links.rows()]
            case _:
                return [_record_row(record) for record in self.records[kind].values()]

    def load(self, kind: str, rows: Sequence[Row]) -> None:
        """Put rows there, round every rule."""
        load = {
            "owners": self._load_owner,
            "files": lambda row: self.files.update({row["id"]: self.files.get(row["id"], {}) | row}),
            "folders": lambda row: self.folders.update({row["id"]: row}),
            "pipelines": self._load_pipeline,
            "properties": self._load_property,
            "associations": self._load_link,
        }.get(kind)
        for row in rows:
            if load is not None:
                load(row)
            else:
                self._load_record(BY_NAME[kind].name, row)

    def _load_record(self, kind: str, row: Row) -> None:
        now = self.clock.now()
        record_id = str(row.get("id") or self.new_id())
        self.next_id = max(self.next_id, int(record_id))
        before = self.records[kind].get(record_id)
        values = {name: self._loaded(kind, name, value) for name, value in row.get("properties", {}).items()}
        created = moment(row["createdAt"]) if "createdAt" in row else now - timedelta(days=1)
        updated = moment(row["updatedAt"]) if "updatedAt" in row else now if before else created
        source = Source(row["sourceType"], PERSON.id) if "sourceType" in row else PERSON
        record = before or Record(kind, record_id, created, updated, {"hs_object_source": source.type})
        record = self.with_derived(record.amended(values, source, updated), before)
        # What a row says about derived values stands: a test may know better.
        record = record.amended(values, source, updated)
        if row.get("propertiesWithHistory"):
            history = {name: tuple(entries) for name, entries in row["propertiesWithHistory"].items()}
            record = replace(record, history={**record.history, **history})
        if "archived" in row:
            record = replace(record, archived_at=updated if row["archived"] else None)
        self.put(record)
        self._follow_merges(record)

    def _loaded(self, kind: str, name: str, value: object) -> str:
        """Return a value in the form HubSpot stores it, as it is if HubSpot would not take it."""
        if name not in self.properties[kind]:
            group = information_group(BY_NAME[kind])
            self.properties[kind][name] = property_row(name, groupName=group, createdAt=iso(self.clock.now()))
        text = "" if value is None else str(value)
        try:
            return stored_value(self.properties[kind][name], text, self.owners, "")
        except Refused:
            return text

    def _follow_merges(self, record: Record) -> None:
        for loser in filter(None, record.properties.get("hs_merged_object_ids", "").split(";")):
            self.merged[record.kind, loser] = record.id
            self.forget(self.records[record.kind].get(loser))
            self.links.move((record.kind, loser), (record.kind, record.id))
            for other in self.links.ends((record.kind, record.id)):
                self._show_primary((record.kind, record.id), other, self.clock.now())

    def _load_owner(self, row: Row) -> None:
        owner_id, now = str(row.get("id") or self.new_id()), iso(self.clock.now())
        user_id = row.get("userId", int(owner_id) + 1_000_000)
        archived = row.get("archived", False)
        shown = {"type": "PERSON", "teams": [], "createdAt": now, "updatedAt": now, **row, "id": owner_id}
        shown |= {"userIdIncludingInactive": row.get("userIdIncludingInactive", user_id), "archived": archived}
        self.owners[owner_id] = shown | {"userId": None if archived else user_id}

    def _load_pipeline(self, row: Row) -> None:
        now = iso(self.clock.now())
        stages = [
            stage_row(stage["id"], stage["label"], stage.get("displayOrder", order), _metadata(stage), now) | stage
            for order, stage in enumerate(row.get("stages", []))
        ]
        shown = {"displayOrder": 0, "archived": False, "createdAt": now, "updatedAt": now, **row, "stages": stages}
        self.put_pipeline(shown.pop("objectType", "deals"), shown)

    def _load_property(self, row: Row) -> None:
        given = dict(row)
        kind = given.pop("objectType")
        group = given.setdefault("groupName", information_group(BY_NAME[kind]))
        if group not in self.groups[kind]:
            self.add_group(kind, group, group)
        name = given.pop("name")
        self.properties[kind][name] = property_row(name, **given)

    def _load_link(self, row: Row) -> None:
        end, to = (row["from"], str(row["fromId"])), (row["to"], str(row["toId"]))
        self.links.add(end, to, int(row["typeId"]))
        self.revision += 1
        contact = self.records["contacts"].get(dict((end, to)).get("contacts", ""))
        if contact is not None:
            self._show_primary(end, to, contact.updated_at)


def _key(value: str) -> str:
    return value.lower()


def _metadata(stage: Row) -> Row:
    given: Row = stage.get("metadata", {})
    return deal_stage_metadata(str(given.get("probability", "0.5"))) | given


def _record_row(record: Record) -> Row:
    return {
        "id": record.id,
        "properties": dict(record.properties),
        "propertiesWithHistory": {name: list(entries) for name, entries in record.history.items()},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived,
    }


def _link_row(end: tuple[str, str], to: tuple[str, str], type_id: int) -> Row:
    return {"from": end[0], "fromId": end[1], "to": to[0], "toId": to[1], "typeId": type_id}
