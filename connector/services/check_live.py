"""Holds the mapping against the CRM as the user we run as sees it.

Two questions are kept apart. What is the CRM's shape (fields, stages, what must be filled)? That is asked at the start
of every run, because an admin changes it without telling anybody; `Gap.stops` says which answers let no run begin, and
the plan holds what needs the others. And do the values fit (types, lengths, options, owners, currency)? That takes
rendering examples, and is asked by `check --live` alone (`check_values`): the CRM refuses such a value for its own
record.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as parts_of
from typing import Any, get_args

from connector.domain.change import FieldSpec, Policy, RecordType, Schema, Stage
from connector.domain.errors import Problem
from connector.domain.mapping import CrmMapping, FieldRule, OurStage, Route, documents
from connector.domain.project import Project
from connector.domain.routing import place_of, routes_of, stages_in
from connector.ports.crm import Crm
from connector.services.opening import essential_fields, wanted_fields
from connector.services.scope import owner_problems
from connector.services.world import read_names

TYPES = (RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK)
CONTEXT_ONLY = {
    RecordType.ACCOUNT: ("country", "language", "facts"),
    RecordType.CONTACT: ("role", "language", "last_touch"),
    RecordType.OPPORTUNITY: ("amount", "close_date"),
}
"""What is read only to be shown or narrowed by: a run goes on without it."""
UPDATED = (Policy.OWN, Policy.MERGE, Policy.FILL)
NEEDED = ("proposed", "withdrawn")
"""Stages that we move an opportunity into ourselves."""
HIDDEN = "if the CRM has it, it is hidden from this user: grant read and edit on it"


@dataclass(frozen=True)
class Gap:
    """One thing in which the CRM differs from what the mapping needs; `stops`: no run begins with it."""

    problem: Problem
    stops: bool = False


def shape_gaps(project: Project, mapping: CrmMapping, crm: Crm) -> list[Gap]:
    """Find what the CRM lacks, hides, closes to us or asks for: the part that is looked at on every run."""
    document = f"mappings/{mapping.name}.yaml"
    ours = wanted_fields(mapping)
    written = {type: rules for _, type, rules, _ in sections(mapping)}
    found: list[Gap] = []
    for type in TYPES:
        schema = crm.reader.schema(type)
        own = ours.get(type, {})
        found += _installed(type, own, schema, essential_fields(mapping).get(type, ()), project, document)
        for name in read_names(mapping, type):
            place = _place(mapping, type, name)
            stops = len(place) < 2 or place[1] not in CONTEXT_ONLY.get(type, ())
            # What is written, too, is told at its rule.
            if name not in own and (stops or name not in written.get(type, ())):
                found += _known(type, name, schema, project.at(document, *place), stops)
    for section, type, rules, links in sections(mapping):
        schema = crm.reader.schema(type)
        for name, rule in rules.items():
            at = project.at(document, section, "fields", name)
            if name not in ours.get(type, {}):
                found += _known(type, name, schema, at)
            found += _writable(type, name, rule, schema, at)
        found += _required(type, {*rules, *links.values()}, schema, project.at(document, section, "fields"))
    found += _stages(project, mapping, crm.feed.stages(), document)
    if project.policy.scope.owners:
        found += (Gap(problem, stops=True) for problem in owner_problems(project, crm.feed.owners()))
    return list(dict.fromkeys(found))


def sections(
    mapping: CrmMapping,
) -> tuple[tuple[str, RecordType, Mapping[str, FieldRule], Mapping[str, str]], ...]:
    """List what is written: the section's name, its type, its field rules and its links."""
    opportunity, task = mapping.opportunity, mapping.task
    return (
        ("opportunity", RecordType.OPPORTUNITY, opportunity.fields, opportunity.links),
        ("task", RecordType.TASK, task.fields, task.links),
        *documents(mapping),
    )


def _installed(
    type: RecordType,
    own: Mapping[str, object],
    schema: Schema,
    essential: Sequence[str],
    project: Project,
    document: str,
) -> Iterator[Gap]:
    lacking = [name for name in own if name not in schema.fields]
    if lacking:
        fields = "1 field" if len(lacking) == 1 else f"{len(lacking)} fields"
        problem = Problem(
            f"{type} lacks {fields} of ours: {', '.join(lacking)}",
            project.at(document, "install", type.value),
            "run `connector install`",
        )
        yield Gap(problem, stops=bool(set(lacking) & set(essential)))


def _known(type: RecordType, name: str, schema: Schema, at: str, stops: bool = False) -> Iterator[Gap]:
    if name in schema.fields:
        return
    by_label = [spec.name for spec in schema.fields.values() if spec.label.casefold() == name.casefold()]
    near = by_label or difflib.get_close_matches(name, list(schema.fields), 1)
    hint = f"did you mean {near[0]}? Or, {HIDDEN}" if near else HIDDEN
    yield Gap(Problem(f"unknown field {name!r} on {type}", at, hint), stops)


def _writable(type: RecordType, name: str, rule: FieldRule, schema: Schema, at: str) -> Iterator[Gap]:
    spec = schema.fields.get(name)
    if spec is None:
        return
    if not spec.createable and not spec.updateable:
        cure = "it is calculated or read-only for this user: grant edit on it, or leave it out"
        yield Gap(Problem(f"{labelled(type, spec)} cannot be written", at, cure))
    elif not spec.createable:
        cure = "leave it out, or grant this user to set it on new records"
        yield Gap(Problem(f"{labelled(type, spec)} cannot be set on a new record", at, cure))
    elif not spec.updateable and rule.policy in UPDATED:
        cure = f"use policy `create` instead of `{rule.policy}`, or grant edit on it"
        yield Gap(Problem(f"{labelled(type, spec)} cannot be changed once the record exists", at, cure))


def _required(type: RecordType, filled: set[str], schema: Schema, at: str) -> Iterator[Gap]:
    for spec in unfilled(filled, schema):
        cure = f"add a rule for it: `{spec.name}: {{value: …, policy: create}}`, or give it a default in the CRM"
        yield Gap(Problem(f"{labelled(type, spec)} is required on a new record, and no rule fills it", at, cure))


def unfilled(filled: set[str], schema: Schema) -> list[FieldSpec]:
    """List the fields that a new record must have and that nothing fills."""
    return [spec for name, spec in schema.fields.items() if spec.required and name not in filled]


def labelled(type: RecordType, spec: FieldSpec) -> str:
    """Name a field as people see it and as the mapping writes it."""
    return f"{type}.{spec.name}" + (f" ({spec.label!r})" if spec.label and spec.label != spec.name else "")


def _stages(project: Project, mapping: CrmMapping, every_stage: Sequence[Stage], document: str) -> Iterator[Gap]:
    """Each route's place is there and open to us, and has the stages that the route names.

    Without a later stage, one that was renamed perhaps, the rest goes on: its tasks wait, and what is there stays.
    """
    lists: dict[str, Route] = {}
    for i, route in enumerate(routes_of(mapping.opportunity)):
        is_default = i == len(mapping.opportunity.routes)
        loc = ("opportunity",) if is_default else ("opportunity", "routes", i)
        place, word = place_of(route), "record_type" if route.record_type else "pipeline"
        stages = stages_in(route, every_stage)
        if place is not None and not stages:
            at = project.at(document, *loc, word)
            yield Gap(_no_place(route, place, every_stage, at), stops=True)
            continue
        yield from _stages_of(project, route, stages, every_stage, (document, *loc))
        first = lists.setdefault(stages[0].pipeline, route) if place is not None else route
        if first.stages != route.stages:
            shown = f"{place_of(first)!r} and {place!r} are one {word.replace('_', ' ')}, with two lists of stages"
            cure = "write the same stages in both"
            yield Gap(Problem(shown, project.at(document, *loc, "stages"), cure), stops=True)


def _stages_of(
    project: Project, route: Route, stages: Sequence[Stage], every_stage: Sequence[Stage], place: tuple[Any, ...]
) -> Iterator[Gap]:
    every: tuple[OurStage, ...] = get_args(OurStage)
    for ours in every:
        label = route.stages[ours]
        found = [stage for stage in stages if label in (stage.label, stage.id)]
        at = project.at(*place, "stages", ours)
        if not found and route.record_type and any(label in (stage.label, stage.id) for stage in every_stage):
            yield Gap(_not_offered(route.record_type, label, stages, at), stops=ours in NEEDED)
        elif not found:
            cure = meant(label, [stage.label for stage in stages])
            yield Gap(Problem(f"the CRM has no stage {label!r}", at, cure), stops=ours in NEEDED)
        elif len({stage.pipeline for stage in found}) > 1:
            two = ", ".join(sorted(stage.pipeline for stage in found))
            shown = f"several pipelines have a stage {label!r}"
            yield Gap(Problem(shown, at, f"set `opportunity.pipeline` to one of {two}"), stops=True)
        else:
            yield from (Gap(problem, stops=True) for problem in _fit_for(ours, found[0], at))


def _not_offered(record_type: str, label: str, stages: Sequence[Stage], at: str) -> Problem:
    """Tell of a stage that the CRM has and that the sales process of a record type leaves out."""
    offers = ", ".join(stage.label for stage in stages)
    cure = f"it offers {offers}: name one of these, or add {label!r} to its sales process (Setup > Sales Processes)"
    return Problem(f"record type {record_type!r} does not offer stage {label!r}", at, cure)


def _no_place(route: Route, place: str, stages: Sequence[Stage], at: str) -> Problem:
    names = {name for stage in stages if stage.pipeline for name in stage.pipeline_names or (stage.pipeline,)}
    near = meant(place, sorted(names))
    if route.record_type is None:
        return Problem(f"the CRM has no pipeline {place!r}", at, near)
    shown = f"the CRM has no record type {place!r} that is active and open to this user"
    return Problem(shown, at, f"{near}; or activate it, and assign it to this user's profile or permission set")


def _fit_for(ours: OurStage, stage: Stage, at: str) -> Iterator[Problem]:
    """What a stage is for the CRM goes with what it is for us."""
    if ours == "proposed" and stage.in_forecast:
        yield Problem(f"stage {stage.label!r} counts in the forecast", at, "choose a stage outside the forecast")
    match ours:
        case "won" if not stage.won:
            yield Problem(f"stage {stage.label!r} is not one in which a deal is won", at, "name the won stage")
        case "lost" | "withdrawn" if stage.won or not stage.closed:
            yield Problem(f"stage {stage.label!r} is not one in which a deal is lost", at, "name a closed stage")
        case "proposed" | "consult" | "confront" | "concretize" if stage.closed:
            yield Problem(f"stage {stage.label!r} closes the deal", at, "name an open stage")
        case _:
            pass


def meant(name: str, known: Sequence[str]) -> str:
    """Say what was probably meant, and what there is."""
    near = difflib.get_close_matches(name, known, 1)
    listed = f"known: {', '.join(sorted(set(known))) or 'none'}"
    return f"did you mean {near[0]}? {listed}" if near else listed


def _place(mapping: CrmMapping, type: RecordType, name: str) -> tuple[str | int, ...]:
    """Say where the mapping names a field that it reads."""
    section = getattr(mapping, type.value)
    if (found := _path(section, name)) is not None:
        return (type.value, *found)
    role = _path(mapping.owners.roles, name)
    return ("owners", "roles", *role) if type is RecordType.ACCOUNT and role is not None else (type.value,)


def _path(part: object, name: str) -> tuple[str | int, ...] | None:
    """Find a text in a part of a document: the keys and positions that lead to it."""
    inner: Iterator[tuple[str | int, object]]
    match part:
        case str():
            return () if part == name else None
        case Mapping():
            inner = iter(part.items())
        case Sequence():
            inner = iter(enumerate(part))
        case _ if is_dataclass(part):
            inner = ((one.name, getattr(part, one.name)) for one in parts_of(part))
        case _:
            return None
    return next(((key, *rest) for key, value in inner if (rest := _path(value, name)) is not None), None)
