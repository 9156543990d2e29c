"""How a record is written: every rule that can refuse it, then the record as it will be.

Nothing is stored before every rule has passed, inline associations included.
Source: "Using object APIs", required properties and unique identifiers, developers.hubspot.com.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.sandbox.hubspot.catalogue import BY_NAME
from connector.sandbox.hubspot.errors import (
    ApiError,
    ValueProblem,
    fields_missing,
    no_such_end,
    no_such_link,
    values_not_valid,
    wrong_end,
)
from connector.sandbox.hubspot.links import LINK_TYPES, End, LinkType
from connector.sandbox.hubspot.portal import Portal, fields, strings
from connector.sandbox.hubspot.records import API, Record
from connector.sandbox.hubspot.rules import require_by_condition, require_for_create, violations
from connector.sandbox.hubspot.values import Refused, html_rewritten, problem_with, stored_value

Row = dict[str, Any]


@dataclass(frozen=True)
class InlineLink:
    """An association asked for together with a create."""

    to: End
    type_id: int


def create(portal: Portal, kind: str, sent: Any, links: Sequence[Row] = ()) -> Record:
    """Create a record, with its associations, or raise."""
    record = prepared(portal, kind, strings(sent), None)
    wanted = [link for row in links for link in _inline_links(portal, kind, row)]
    portal.store.put(record)
    portal.lock(record)
    for link in wanted:
        portal.store.associate((kind, record.id), link.to, [link.type_id])
    return portal.store.records[kind][record.id]


def update(portal: Portal, current: Record, sent: Any) -> Record:
    """Change a record, or raise."""
    portal.refuse_locked(current)
    record = prepared(portal, current.kind, strings(sent), current)
    portal.store.put(record)
    portal.lock(record)
    return record


def prepared(portal: Portal, kind: str, sent: Mapping[str, str], current: Record | None) -> Record:
    """Return the record as it will be once these values are written, or raise."""
    values, problems = _checked(portal, kind, sent, current)
    if kind == "deals" and not problems:
        values, problems = _staged(portal, values, current)
    problems = problems or list(violations(portal, kind, values))
    if problems:
        raise values_not_valid(problems)
    if current is None:
        require_for_create(portal, kind, values)
    whole = {**(current.properties if current else {}), **values}
    require_by_condition(portal, kind, values, whole, new=current is None)
    now = portal.now()
    start = current or Record(kind, portal.store.new_id(), now, now)
    if current is None:
        values = values | {"hs_object_source": API.type, "hs_object_source_id": API.id}
    _check_unique(portal, kind, values, start.id)
    return portal.store.with_derived(start.amended(values, API, now), current)


def _checked(
    portal: Portal, kind: str, sent: Mapping[str, str], current: Record | None
) -> tuple[dict[str, str], list[ValueProblem]]:
    values: dict[str, str] = {}
    problems: list[ValueProblem] = []
    before = current.properties if current else {}
    for name, value in sent.items():
        definition = portal.defined(kind, name)
        problem = problem_with(name, definition)
        if problem is not None or definition is None:
            problems.extend([problem] if problem else [])
            continue
        try:
            value = html_rewritten(definition, value) if portal.switch("html_rewritten") else value
            values[name] = stored_value(definition, value, portal.store.owners, before.get(name, ""))
        except Refused as refused:
            problems.append(ValueProblem(name, refused.code, str(refused)))
    if kind == "contacts" and "email" in values:
        values["email"] = values["email"].lower()
        if values["email"] and "@" not in values["email"][1:-1]:
            problems.append(ValueProblem("email", "INVALID_EMAIL", f"Email address {values['email']} is invalid"))
    return values, problems


def _staged(
    portal: Portal, values: dict[str, str], current: Record | None
) -> tuple[dict[str, str], list[ValueProblem]]:
    """Check that the pipeline exists and has the stage; the only pipeline need not be named."""
    pipelines = {name: row for name, row in portal.store.pipelines["deals"].items() if not row["archived"]}
    before = current.properties if current else {}
    if not before and "pipeline" not in values and len(pipelines) == 1:
        values = values | {"pipeline": next(iter(pipelines))}
    pipeline = values.get("pipeline", before.get("pipeline"))
    stage = values.get("dealstage", before.get("dealstage"))
    if not pipeline or not values.keys() & {"pipeline", "dealstage"}:
        return values, []
    if pipeline not in pipelines:
        message = f"{pipeline} was not one of the allowed options: [{', '.join(pipelines)}]"
        return values, [ValueProblem("pipeline", "INVALID_OPTION", message)]
    known = [one["id"] for one in pipelines[pipeline]["stages"] if not one["archived"]]
    if stage and stage not in known:
        message = f"{stage} was not one of the allowed options of pipeline {pipeline}: [{', '.join(known)}]"
        return values, [ValueProblem("dealstage", "INVALID_OPTION", message)]
    return values, []


def _check_unique(portal: Portal, kind: str, values: Mapping[str, str], record_id: str) -> None:
    for name in portal.store.unique_names(kind):
        other = portal.store.by_key(kind, name, values[name]) if values.get(name) else None
        if other is None or other.id == record_id:
            continue
        if (kind, name) == ("contacts", "email"):
            raise ApiError(409, f"Contact already exists. Existing ID: {other.id}", "CONFLICT")
        coordinates = f"objectTypeId={BY_NAME[kind].type_id}, propertyName={name}, value={values[name]}"
        message = (
            f"Cannot set PropertyValueCoordinates{{{coordinates}}} on {record_id}. {other.id} already has that value."
        )
        raise values_not_valid([ValueProblem(name, "CONFLICTING_UNIQUE_VALUE", message)])


def _inline_links(portal: Portal, kind: str, row: Row) -> list[InlineLink]:
    given = fields(row, {"to": dict, "types": list})
    to_id = fields(given["to"], {"id": str})["id"]
    if not given["types"]:
        raise fields_missing(["types"])
    return [InlineLink(to, type_id) for to, type_id in link_types(portal, kind, to_id, given["types"])]


def link_types(portal: Portal, kind: str, to_id: str, types: Sequence[Any]) -> list[tuple[End, int]]:
    """Return the target and id of each association type asked for; each starts at `kind`, its target exists."""
    found = []
    for one in types:
        link = link_type(one)
        if link.from_kind != kind:
            raise wrong_end("from", BY_NAME[kind].type_id, BY_NAME[link.from_kind].type_id, link.id)
        target = portal.store.find(link.to_kind, to_id)
        if target is None or target.archived:
            raise no_such_end(BY_NAME[link.to_kind].singular, to_id)
        found.append(((link.to_kind, target.id), link.id))
    return found


def link_type(row: Any) -> LinkType:
    """Return the association type a JSON specification names."""
    spec = fields(row, {"associationCategory": str, "associationTypeId": int})
    link = LINK_TYPES.get(spec["associationTypeId"]) if spec["associationCategory"] == "HUBSPOT_DEFINED" else None
    if link is None:
        raise no_such_link(spec["associationCategory"], spec["associationTypeId"])
    return link
