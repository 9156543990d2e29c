"""HubSpot's words and our words: object names, association types, and property values on the wire.

Decided here: canonical text on our side, strings on theirs, an empty string for nothing. A pipeline is told by its
label, which is what the mapping names; its id stays on the wire. A note, and a task that cannot carry a key, end their
body with a `ref:` line that readers of this adapter never show.

Source: developers.hubspot.com, "Properties", "Associations v4" (association type ids), "Pipelines".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.adapters.crms.values import datetime_text, number_text, with_reference, without_reference
from connector.domain.change import CrmRecord, FieldSpec, FieldType, Link, RecordType, Scalar, Stage, Write
from connector.domain.errors import MappingError
from connector.domain.mapping import CrmMapping

OBJECTS = {
    RecordType.ACCOUNT: "companies",
    RecordType.CONTACT: "contacts",
    RecordType.OPPORTUNITY: "deals",
    RecordType.TASK: "tasks",
    RecordType.NOTE: "notes",
}
ATTACHED = "hs_attachment_ids"
"""What a note carries a file by: a property, not an association."""
MODIFIED = {RecordType.CONTACT: "lastmodifieddate"}
MERGED = "hs_merged_object_ids"
CURRENCY = "deal_currency_code"
SOURCE, SOURCE_ID = "hs_object_source", "hs_object_source_id"
_ASSOCIATION_TYPES = {
    # From a deal to its company: unlabelled, and as the primary one, which reports roll up to.
    ("deals", "companies"): (341, 5),
    ("deals", "contacts"): (3,),
    ("deals", "tasks"): (215,),
    ("tasks", "companies"): (192,),
    ("tasks", "contacts"): (204,),
    ("tasks", "deals"): (216,),
    ("notes", "companies"): (190,),
    ("notes", "contacts"): (202,),
    ("notes", "deals"): (214,),
}
_TYPES = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOL,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}
_REQUIRED = {
    RecordType.OPPORTUNITY: ("dealname", "dealstage"),
    RecordType.TASK: ("hs_timestamp",),
    RecordType.NOTE: ("hs_timestamp",),
}
_LONGEST_TEXT = 65_536
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# HubSpot knows no forecast category by stage and closes a deal at 0 %: what weighs at most this is out of the forecast.
_OUT_OF_FORECAST = Decimal("0.1")


@dataclass(frozen=True)
class Pipelines:
    """The portal's deal pipelines: label by id, and every stage."""

    labels: Mapping[str, str]
    stages: tuple[Stage, ...]

    def label(self, pipeline_id: str) -> str:
        return self.labels.get(pipeline_id, pipeline_id)

    def id(self, label: str) -> str:
        """Give the id of a label; what is no label is taken for an id."""
        return next((one for one, named in self.labels.items() if named == label), label)


def pipelines(rows: Iterable[Mapping[str, Any]]) -> Pipelines:
    """Read the deal pipelines, in their order."""
    ordered = sorted(rows, key=lambda row: row["displayOrder"])
    stages = [
        _stage(stage, row["label"])
        for row in ordered
        for stage in sorted(row["stages"], key=lambda one: one["displayOrder"])
        if not stage.get("archived")
    ]
    return Pipelines({row["id"]: row["label"] for row in ordered}, tuple(stages))


def _stage(row: Mapping[str, Any], pipeline: str) -> Stage:
    probability = Decimal(row["metadata"].get("probability") or "0")
    closes = "true" if probability in (0, 1) else "false"
    closed = str(row["metadata"].get("isClosed", closes)).lower() == "true"
    return Stage(
        id=row["id"],
        label=row["label"],
        pipeline=pipeline,
        closed=closed,
        won=closed and probability == 1,
        in_forecast=probability > _OUT_OF_FORECAST,
    )


def field_spec(type: RecordType, row: Mapping[str, Any], is_required: bool = False) -> FieldSpec:
    """Read one property definition; `is_required`: an administrator asks for it on a new record."""
    kind = _field_type(row)
    is_text = kind in (FieldType.TEXT, FieldType.HTML)
    options = tuple(option["value"] for option in row.get("options") or ())
    writable = not row.get("calculated") and not (row.get("modificationMetadata") or {}).get("readOnlyValue")
    return FieldSpec(
        name=row["name"],
        type=kind,
        label=row["label"],
        length=_LONGEST_TEXT if is_text else None,
        createable=writable,
        updateable=writable,
        required=is_required or row["name"] in _REQUIRED.get(type, ()),
        unique=bool(row.get("hasUniqueValue")),
        options=options if options and kind in (FieldType.PICKLIST, FieldType.MULTI_PICKLIST) else None,
        is_currency=row["name"] == CURRENCY,
    )


def _field_type(row: Mapping[str, Any]) -> FieldType:
    if row["type"] == "enumeration":
        if row.get("referencedObjectType") == "OWNER":
            return FieldType.REFERENCE
        return FieldType.MULTI_PICKLIST if row["fieldType"] == "checkbox" else FieldType.PICKLIST
    if row["fieldType"] == "html":
        return FieldType.HTML
    return _TYPES.get(row["type"], FieldType.TEXT)


def to_wire(spec: FieldSpec, value: Scalar) -> str:
    """Write a canonical value; raise ValueError when it is none of the property's type."""
    if value is None:
        return ""
    match spec.type:
        case FieldType.NUMBER:
            try:
                return str(Decimal(value))
            except InvalidOperation as error:
                raise ValueError(f"{value!r} is not a number") from error
        case FieldType.DATE:
            return datetime.fromisoformat(value).date().isoformat()
        case FieldType.DATETIME:
            return datetime_text(moment(value))
        case _:
            return value


def from_wire(spec: FieldSpec, value: Any) -> Scalar:
    """Read a property value as canonical text."""
    if value is None or value == "":
        return None
    text = str(value)
    match spec.type:
        case FieldType.NUMBER:
            return number_text(text)
        case FieldType.DATE:
            return moment(text).date().isoformat()
        case FieldType.DATETIME:
            return datetime_text(moment(text))
        case FieldType.MULTI_PICKLIST:
            return ";".join(sorted(text.split(";")))
        case _:
            return text


def moment(text: str) -> datetime:
    """Read a datetime, a day, or milliseconds, as HubSpot writes all three."""
    if text.lstrip("-").isdigit():
        return _EPOCH + timedelta(milliseconds=int(text))
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def milliseconds(at: datetime) -> str:
    """Write a moment as a search filter takes it."""
    return str((at - _EPOCH) // timedelta(milliseconds=1))


def links(mapping: CrmMapping, type: RecordType) -> Mapping[str, str]:
    """Name the associated object of each link role of a type."""
    match type:
        case RecordType.OPPORTUNITY:
            return mapping.opportunity.links
        case RecordType.TASK:
            return mapping.task.links
        case RecordType.NOTE if mapping.note is not None:
            return {role: name for role, name in mapping.note.links.items() if name != ATTACHED}
        case _:
            return {}


def referring(mapping: CrmMapping, type: RecordType, keyed: bool) -> str | None:
    """Name the property whose last line is `ref: KEY`, where a type carries no key of its own."""
    if type is RecordType.NOTE and mapping.note is not None:
        return mapping.note.body
    return mapping.task.body if type is RecordType.TASK and not keyed else None


def refuse_unknown_links(mapping: CrmMapping) -> None:
    """Raise when the mapping wants an association whose type is not known here: nothing would be written right."""
    for type in (RecordType.OPPORTUNITY, RecordType.TASK, RecordType.NOTE):
        known = [to for one, to in _ASSOCIATION_TYPES if one == OBJECTS[type] and to != OBJECTS[RecordType.TASK]]
        for role, to_object in links(mapping, type).items():
            if to_object not in known:
                raise MappingError(
                    f"{OBJECTS[type]} cannot be associated with {to_object!r} as {role}",
                    hint=f"`{type}.links` of the mapping may name {', '.join(known)}",
                )


def merged_ids(row: Mapping[str, Any]) -> list[str]:
    """List the records that were merged into this one."""
    return [one for one in str(row["properties"].get(MERGED) or "").split(";") if one]


def merged_away(survivor: CrmRecord, gone: str) -> CrmRecord:
    """Mark a record that lives on as another one."""
    return replace(survivor, id=gone, archived=True, merged_into=survivor.id)


def association_types(type: RecordType, to_object: str) -> list[dict[str, Any]]:
    """Name the types of an association in the direction from a record of ours."""
    ids = _ASSOCIATION_TYPES[OBJECTS[type], to_object]
    return [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": one} for one in ids]


def inline(type: RecordType, wanted: Iterable[Link]) -> list[dict[str, Any]]:
    """Write links as they travel with a create."""
    ends = [link for link in wanted if link.name != ATTACHED]
    return [{"to": {"id": link.to.id}, "types": association_types(type, link.name)} for link in ends]


def key_property(mapping: CrmMapping, type: RecordType) -> str | None:
    """Name the property that carries our key."""
    match type:
        case RecordType.OPPORTUNITY:
            return mapping.opportunity.key
        case RecordType.TASK:
            return mapping.task.key
        case _:
            return None


@dataclass(frozen=True)
class Translator:
    """Translates the records of one type, given how this portal stores them."""

    type: RecordType
    mapping: CrmMapping
    specs: Mapping[str, FieldSpec]
    keyed: bool
    pipelines: Pipelines

    def record(self, row: Mapping[str, Any], names: Sequence[str], linked: Mapping[str, tuple[str, ...]]) -> CrmRecord:
        """Read one row of a list, search or batch."""
        changed = [moment(row[name]) for name in ("updatedAt", "archivedAt") if row.get(name)]
        account = row["properties"].get(self.mapping.contact.account) if self.type is RecordType.CONTACT else None
        return CrmRecord(
            type=self.type,
            id=str(row["id"]),
            fields=self.shown(row["properties"], names),
            links={"account": (account,)} if account else linked,
            created_at=moment(row["createdAt"]),
            modified_at=max(changed),
            archived=bool(row.get("archived")),
        )

    def shown(self, properties: Mapping[str, Any], names: Iterable[str]) -> dict[str, Scalar]:
        """Read property values; a body without its `ref:` line, whose key stands in for the missing property."""
        asked = list(names)
        fields = {
            name: from_wire(self.specs[name], properties.get(name)) if name in self.specs else None for name in asked
        }
        pipeline = self.mapping.opportunity.pipeline_field
        if self.type is RecordType.OPPORTUNITY and pipeline in fields and fields[pipeline]:
            fields[pipeline] = self.pipelines.label(str(fields[pipeline]))
        if self.referring is not None:
            body, key = without_reference(properties.get(self.referring))
            if self.referring in fields:
                fields[self.referring] = body
            if self.type is RecordType.TASK and self.mapping.task.key in fields:
                fields[str(self.mapping.task.key)] = key
        return fields

    def needed(self, names: Iterable[str]) -> list[str]:
        """Name the properties to ask for, so that records with these fields can be made."""
        wanted = [*names]
        if self.type in (RecordType.ACCOUNT, RecordType.CONTACT):
            wanted.append(MERGED)
        if self.type is RecordType.CONTACT:
            wanted.append(self.mapping.contact.account)
        if self.referring is not None:
            wanted.append(self.referring)
        return [name for name in dict.fromkeys(wanted) if name in self.specs]

    def fields_of(self, write: Write) -> dict[str, Scalar]:
        """Complete a write's fields with its key, its pipeline's id and its `ref:` line."""
        attached = [str(link.to.id) for link in write.links if link.name == ATTACHED]
        fields = {**write.fields, **({ATTACHED: ";".join(attached)} if attached else {})}
        pipeline = self.mapping.opportunity.pipeline_field
        if self.type is RecordType.OPPORTUNITY and pipeline in fields and fields[pipeline]:
            fields[pipeline] = self.pipelines.id(str(fields[pipeline]))
        if write.key is None:
            return fields
        name, body, is_new = key_property(self.mapping, self.type), self.referring, write.verb == "create"
        if is_new and name is not None and name in self.specs:
            fields[name] = write.key
        if body is not None and (is_new or body in fields):
            fields[body] = with_reference(fields.get(body), write.key, _LONGEST_TEXT, paragraph=True)
        return fields

    @property
    def referring(self) -> str | None:
        return referring(self.mapping, self.type, self.keyed)
