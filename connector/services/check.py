"""What only trying shows: every template rendered on an example, every field and stage looked for in the live CRM."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields as parts_of
from dataclasses import is_dataclass
from datetime import date
from typing import Any, get_args

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.change import RecordType, Schema
from connector.domain.errors import ConnectorError, Problem
from connector.domain.mapping import CrmMapping, FieldRule, OurStage
from connector.domain.money import Money
from connector.domain.play import Step
from connector.domain.project import Project
from connector.ports.crm import Crm
from connector.services.opening import wanted_fields
from connector.services.scope import owner_problems
from connector.services.texts import render
from connector.services.world import read_names

LANGUAGES: tuple[Language, ...] = get_args(Language)


def check_templates(project: Project) -> list[Problem]:
    """Render every playbook text and field rule on an example, in every language."""
    book = project.negotiation
    names = _example_names()
    found: list[Problem] = []
    for key in ("title", "why", "next_step"):
        found += _try_texts(getattr(book, key), names, project, "playbooks/negotiation.yaml", key)
    for stage, steps in book.stages.items():
        for i, step in enumerate(steps):
            found += _try_step(step, names, project, "playbooks/negotiation.yaml", "stages", stage, i)
    found += _try_step(book.small, names, project, "playbooks/negotiation.yaml", "small")
    found += _try_step(book.bought, names, project, "playbooks/negotiation.yaml", "bought")
    for i, step in enumerate(project.review.steps):
        found += _try_step(step, names, project, "playbooks/business_review.yaml", "steps", i)
    if project.mapping is not None:
        rules: tuple[tuple[str, Mapping[str, FieldRule]], ...] = (
            ("opportunity", project.mapping.opportunity.fields),
            ("task", project.mapping.task.fields),
        )
        for section, fields in rules:
            for name, rule in fields.items():
                at = project.at(f"mappings/{project.mapping.name}.yaml", section, "fields", name)
                found += _try(rule.value, "en", _example_field_names(), at)
    return found


def check_live(project: Project, mapping: CrmMapping, crm: Crm) -> list[Problem]:
    """Hold the mapping against the CRM as the runtime user sees it."""
    document = f"mappings/{mapping.name}.yaml"
    ours = wanted_fields(mapping)
    found: list[Problem] = []
    for type in (RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK):
        schema = crm.reader.schema(type)
        own = ours.get(type, {})
        found += _installed(type, own, schema, project.at(document, "install", type.value))
        for name in read_names(mapping, type):
            if name not in own:
                found += _known(type, name, schema, project.at(document, *_place(mapping, type, name)))
    for section, type, rules in (
        ("opportunity", RecordType.OPPORTUNITY, mapping.opportunity.fields),
        ("task", RecordType.TASK, mapping.task.fields),
    ):
        schema = crm.reader.schema(type)
        for name in rules:
            at = project.at(document, section, "fields", name)
            if name not in ours.get(type, {}):
                found += _known(type, name, schema, at)
            found += _writable(type, name, schema, at)
    found += _stages(project, mapping, crm, document)
    found += owner_problems(project, crm.feed.owners()) if project.policy.scope.owners else ()
    return list(dict.fromkeys(found))


def _stages(project: Project, mapping: CrmMapping, crm: Crm, document: str) -> Iterator[Problem]:
    pipeline = mapping.opportunity.pipeline
    every_stage = crm.feed.stages()
    pipelines = sorted({stage.pipeline for stage in every_stage if stage.pipeline})
    if pipeline is not None and pipeline not in pipelines:
        at = project.at(document, "opportunity", "pipeline")
        yield Problem(f"the CRM has no pipeline {pipeline!r}", at, _meant(pipeline, pipelines))
        return
    stages = [stage for stage in every_stage if pipeline in (None, stage.pipeline)]
    labels = {label: stage for stage in stages for label in (stage.label, stage.id)}
    every: tuple[OurStage, ...] = get_args(OurStage)
    for ours in every:
        label = mapping.opportunity.stages[ours]
        at = project.at(document, "opportunity", "stages", ours)
        if label not in labels:
            yield Problem(f"the CRM has no stage {label!r}", at, _meant(label, [stage.label for stage in stages]))
        elif ours == "proposed" and labels[label].in_forecast:
            yield Problem(f"stage {label!r} counts in the forecast", at, "choose a stage outside the forecast")


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    listed = f"known: {', '.join(sorted(set(known))) or 'none'}"
    return f"did you mean {near[0]}? {listed}" if near else listed


def _installed(type: RecordType, own: Mapping[str, object], schema: Schema, at: str) -> Iterator[Problem]:
    lacking = [name for name in own if name not in schema.fields]
    if lacking:
        fields = "1 field" if len(lacking) == 1 else f"{len(lacking)} fields"
        yield Problem(f"{type} lacks {fields} of ours: {', '.join(lacking)}", at, "run `connector install`")


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


def _known(type: RecordType, name: str, schema: Schema, at: str) -> Iterator[Problem]:
    if name in schema.fields:
        return
    near = difflib.get_close_matches(name, list(schema.fields), 1)
    yield Problem(
        f"unknown field {name!r} on {type}", at, f"did you mean {near[0]}?" if near else "see the CRM's setup"
    )


def _writable(type: RecordType, name: str, schema: Schema, at: str) -> Iterator[Problem]:
    spec = schema.fields.get(name)
    if spec is not None and not spec.createable:
        yield Problem(
            f"{type}.{name} cannot be written", at, "it is calculated or read-only for this user: leave it out"
        )


def _try_step(step: Step, names: Mapping[str, Any], project: Project, document: str, *loc: str | int) -> list[Problem]:
    found = []
    for key in ("subject", "body"):
        found += _try_texts(getattr(step, key), names, project, document, *loc, key)
    return found


def _try_texts(
    texts: Mapping[Language, str], names: Mapping[str, Any], project: Project, document: str, *loc: str | int
) -> list[Problem]:
    found = []
    for language in LANGUAGES:
        if language in texts:
            found += _try(texts[language], language, names, project.at(document, *loc, language))
    return found


def _try(template: str, language: Language, names: Mapping[str, Any], at: str) -> list[Problem]:
    try:
        render(template, language, names, at)
    except ConnectorError as wrong:
        return [wrong.problem]
    except (TypeError, ValueError, AttributeError) as wrong:
        return [Problem(f"template: {wrong}", at, "the value does not fit the filter")]
    return []


def _example_names() -> dict[str, Any]:
    day = date(2026, 9, 30)
    return {
        **_example_field_names(),
        "evidence": ["47 of 50 seats used"],
        "against": ["usage fell"],
        "moment": {"on": day, "label": "renewal"},
        "data_to": day,
        "delta_mrr": Money(9900, "EUR"),
        "mrr": Money(99000, "EUR"),
        "p": 0.3,
        "contact": {"name": "Ana Ruiz", "role": "CFO", "why": "no talk on record yet"},
        "goals": "grow",
        "opportunity": "the opportunity",
        "amount": Money(118800, "EUR"),
        "basis": "arr",
        "irritants": "",
        "stages": dict.fromkeys(get_args(OurStage), "stage"),
        "review_on": day,
        "renewal_on": day,
        "announce": ["Analytics"],
    }


def _example_field_names() -> dict[str, Any]:
    text = (
        "need key episode play amount mrr currency stage pipeline owner_id name why next_step data_to subject body kind"
        " status priority reminder"
    )
    return {
        **dict.fromkeys(text.split(), "text"),
        "account": CrmAccount("1", "Acme"),
        "offer": {"id": "x", "label": "X", "kind": "upsell", "lever": "depth", "team": "", "quantity": 2},
        "close_date": "2026-09-30",
        "due": "2026-09-30",
        "p": 0.3,
        "quantity": 2,
    }
