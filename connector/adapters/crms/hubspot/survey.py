"""Looks at what a portal has of ours, and says what an installation would do about the rest.

Decided here: a property that exists with other settings is never changed, because type and uniqueness cannot be; a
pipeline is made only when asked for, because people see it; one that stands there without our stages is the
customer's, and gets them by hand.

Source: developers.hubspot.com, "Properties" (unique identifiers: at most ten per object), "Pipelines".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.pipelines import pipeline_steps, pipelines
from connector.adapters.crms.hubspot.translate import OBJECTS, field_spec, key_property
from connector.domain.catalogue import Language
from connector.domain.change import FieldType, RecordType
from connector.domain.installation import Doing, SetupStep, Wanted, is_written, mark, wanted_fields
from connector.domain.mapping import CrmMapping, NewField

Row = Mapping[str, Any]
GROUP = "expansion"
GROUP_LABELS: Mapping[Language, str] = {"en": "Expansion connector", "fr": "Connecteur Expansion"}
PROVEN, REFUSED_KEYS = "Tasks: one key makes one task.", "Tasks: this portal keeps no key on them."
MOST_UNIQUE, _LONGEST_LINE = 10, 255
_OTHER_NAME = "rename it in the mapping's `install:` and where the mapping uses it"


@dataclass(frozen=True)
class PortalView:
    """What stands in a portal, by type."""

    properties: Mapping[RecordType, Mapping[str, Row]]
    groups: Mapping[RecordType, Mapping[str, Row]]
    pipelines: tuple[Row, ...]


class Surveyor:
    """Compares one portal with a mapping."""

    def __init__(self, client: HubspotClient, mapping: CrmMapping) -> None:
        self._client = client
        self._mapping = mapping

    def portal(self, wanted: Wanted) -> PortalView:
        """Look; raise what a reading step raises."""
        read, client = self._client.read, self._client
        properties = {type: _by_name(read(client.properties.get_all, OBJECTS[type])) for type in wanted}
        groups = {type: _by_name(read(client.property_groups.get_all, OBJECTS[type])) for type in wanted}
        return PortalView(properties, groups, tuple(read(client.pipelines.get_all, "deals")["results"]))

    def steps(self, wanted: Wanted, portal: PortalView, with_pipeline: bool) -> Iterator[SetupStep]:
        """Say what an installation would do, in the order it would."""
        for type, fields in wanted.items():
            steps = [self._property(type, name, new, portal) for name, new in fields.items()]
            yield _group_step(type, steps, portal)
            yield from _bounded(type, steps, wanted, portal)
        yield from pipeline_steps(self._mapping, portal.pipelines, with_pipeline)
        yield from self._probe(wanted, portal)

    def _property(self, type: RecordType, name: str, new: NewField, portal: PortalView) -> SetupStep:
        full, row = f"{OBJECTS[type]}.{name}", portal.properties[type].get(name)
        step = SetupStep(Doing.CREATE, "property", full, described(new), place=(type.value, name))
        if row is None:
            return step
        against = _conflict(type, new, row)
        if against is not None:
            return replace(step, doing=Doing.REFUSED, detail=f"cannot be used as wanted: {against}", hint=_OTHER_NAME)
        plain = new.unique and not row.get("hasUniqueValue")
        detail = "without uniqueness: a `ref:` line replaces the key" if plain else described(new)
        return replace(step, doing=Doing.EXISTS, detail=detail)

    def _probe(self, wanted: Wanted, portal: PortalView) -> Iterator[SetupStep]:
        name = key_property(self._mapping, RecordType.TASK)
        tasks = wanted.get(RecordType.TASK, {})
        if name is None or name not in tasks or not tasks[name].unique:
            return
        row = portal.properties[RecordType.TASK].get(name)
        told = str(row.get("description")) if row else ""
        answer = next((one for one in (PROVEN, REFUSED_KEYS) if one in told), None)
        full = f"{OBJECTS[RecordType.TASK]}.{name}"
        if answer is not None:
            yield SetupStep(Doing.EXISTS, "probe", full, answer)
        elif row is None or mark(self._mapping) in told:
            detail = "does one key make one task? tried on a throw-away task, noted in the property's description"
            yield SetupStep(Doing.CREATE, "probe", full, detail)


def group(mapping: CrmMapping) -> dict[str, Any]:
    """Write our property group as HubSpot wants it."""
    return {"name": GROUP, "label": GROUP_LABELS[mapping.default_language]}


def package(mapping: CrmMapping) -> dict[str, str]:
    """Write every definition as the call that creates it would carry it; nothing is asked of a portal for it."""
    wanted = wanted_fields(mapping)
    files: dict[str, Any] = {
        f"properties/{OBJECTS[type]}/{name}.json": definition(mapping, name, new)
        for type, fields in wanted.items()
        for name, new in fields.items()
    }
    files |= {f"groups/{OBJECTS[type]}/{GROUP}.json": group(mapping) for type in wanted}
    for place, body in enumerate(pipelines(mapping).values(), start=1):
        files[f"pipelines/deals{f'_{place}' if place > 1 else ''}.json"] = body
    return {path: json.dumps(files[path], ensure_ascii=False, indent=2) + "\n" for path in sorted(files)}


def described(new: NewField) -> str:
    """Tell a property's settings in a few words."""
    return f"{new.type}, unique" if new.unique else str(new.type)


def definition(mapping: CrmMapping, name: str, new: NewField) -> dict[str, Any]:
    """Write a new property as HubSpot wants it."""
    common: dict[str, Any] = {
        "name": name,
        "label": new.label,
        "groupName": GROUP,
        "description": mark(mapping),
        "hasUniqueValue": new.unique,
    }
    match new.type:
        case FieldType.BOOL:
            options = _options((("true", "Yes"), ("false", "No")))
            return common | {"type": "bool", "fieldType": "booleancheckbox", "options": options}
        case FieldType.NUMBER:
            return common | {"type": "number", "fieldType": "number"}
        case FieldType.DATE:
            return common | {"type": "date", "fieldType": "date"}
        case FieldType.DATETIME:
            return common | {"type": "datetime", "fieldType": "date"}
        case FieldType.HTML:
            return common | {"type": "string", "fieldType": "html"}
        case FieldType.PICKLIST:
            return common | {"type": "enumeration", "fieldType": "select", "options": _options(new.options.items())}
        case _:
            return common | {"type": "string", "fieldType": "text" if new.length <= _LONGEST_LINE else "textarea"}


def _options(some: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"label": label, "value": value, "displayOrder": i} for i, (value, label) in enumerate(some)]


def _by_name(answer: Row) -> dict[str, Row]:
    return {row["name"]: row for row in answer["results"] if not row.get("archived")}


def _group_step(type: RecordType, steps: list[SetupStep], portal: PortalView) -> SetupStep:
    name = f"{OBJECTS[type]}.{GROUP}"
    needed = GROUP not in portal.groups[type] and any(step.changes for step in steps)
    return SetupStep(Doing.CREATE if needed else Doing.EXISTS, "property group", name)


def _bounded(type: RecordType, steps: list[SetupStep], wanted: Wanted, portal: PortalView) -> Iterator[SetupStep]:
    """Refuse the keys beyond the ten that an object may have."""
    taken = sum(
        1 for row in portal.properties[type].values() if row.get("hasUniqueValue") and not row.get("hubspotDefined")
    )
    for step in steps:
        is_new_key = step.doing is Doing.CREATE and wanted[type][step.place[1]].unique
        taken += is_new_key
        if is_new_key and taken > MOST_UNIQUE:
            said = f"{OBJECTS[type]} have {MOST_UNIQUE} unique properties, as many as HubSpot allows"
            hint = f"archive one in Settings > Properties > {OBJECTS[type]}, then install again"
            yield replace(step, doing=Doing.REFUSED, detail=f"cannot be created: {said}", hint=hint)
        else:
            yield step


def _conflict(type: RecordType, new: NewField, row: Row) -> str | None:
    """Say why a property that is there cannot be ours."""
    spec = field_spec(type, row)
    if new.type is FieldType.PICKLIST and spec.type is FieldType.PICKLIST:
        lacking = sorted(set(new.options) - set(spec.options or new.options))
        return f"its options lack {', '.join(lacking)}: add them to the property" if lacking else None
    texts = (FieldType.TEXT, FieldType.HTML)
    plain = new.type in (FieldType.BOOL, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME, FieldType.HTML)
    expected = (new.type,) if plain else texts
    if spec.type not in expected:
        return f"a {spec.type} property of that name exists, not {described(new)}"
    if new.unique and not spec.unique and type is not RecordType.TASK:
        return "it exists without unique values, and HubSpot lets nobody add them later"
    if is_written(type) and not (spec.createable and spec.updateable):
        return "it exists and its values are read only"
    return None
