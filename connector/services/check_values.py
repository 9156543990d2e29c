"""Would the CRM take the values? Every rule is rendered on a usual case and on the worst, and held against its field.

Kept apart from `check_live`, which is asked on every run: this reads the owners and renders every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, assert_never, get_args

from connector.domain.account import Owner
from connector.domain.catalogue import Language
from connector.domain.change import FieldSpec, FieldType, RecordType, Schema, Stage
from connector.domain.errors import ConfigError, Problem
from connector.domain.mapping import CrmMapping, FieldRule
from connector.domain.normalise import FALSE, TRUE, comparable
from connector.domain.play import Step
from connector.domain.project import Project
from connector.ports.crm import Crm
from connector.services.check import steps_of, texts_of
from connector.services.check_live import labelled, meant, sections
from connector.services.example import document_names, opportunity_names, task_names, text_names
from connector.services.texts import render
from connector.services.wording import subject_of

LANGUAGES: tuple[Language, ...] = get_args(Language)
Case = dict[str, Any]
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def value_problems(project: Project, mapping: CrmMapping, crm: Crm) -> list[Problem]:
    """List what the CRM would refuse or cut of what the rules make, and people that it does not have."""
    document = f"mappings/{mapping.name}.yaml"
    stages, owners = crm.feed.stages(), crm.feed.owners()
    found = list(_owners(project, mapping, owners, document))
    cases = {
        RecordType.OPPORTUNITY: _opportunities,
        RecordType.TASK: _tasks,
        RecordType.NOTE: _documents,
        RecordType.FILE: _documents,
    }
    for section, type, rules, _ in sections(mapping):
        schema = crm.reader.schema(type)
        some = cases[type](project, mapping, stages)
        for name, rule in rules.items():
            if (spec := schema.fields.get(name)) is not None:
                at = project.at(document, section, "fields", name)
                found += _fits(type, spec, rule, some, at)
    found += _statuses(project, mapping, crm.reader.schema(RecordType.TASK), document)
    found += _currency(project, mapping, crm.reader.schema(RecordType.OPPORTUNITY), document)
    return list(dict.fromkeys(found))


def _opportunities(project: Project, mapping: CrmMapping, stages: Sequence[Stage]) -> list[Case]:
    label, pipeline = mapping.opportunity.stages["proposed"], mapping.opportunity.pipeline
    stage = next((s for s in stages if label in (s.label, s.id) and pipeline in (None, s.pipeline)), None)
    needs = sorted({offer.need for offer in project.catalogue.offers.values() if offer.need})
    cases = []
    for language, worst in product(LANGUAGES, (False, True)):
        case = opportunity_names(project, language, worst)
        case |= {"stage": stage.id, "pipeline": stage.pipeline} if stage else {}
        case |= {key: _longest(project, key, language, worst) for key in ("why", "next_step")}
        case["name"] = _longest(project, "title", language, worst)
        cases.append(case)
    usual = cases[0]
    return [*cases, *({**usual, "need": need} for need in needs), {**usual, "p": 0.01}, {**usual, "p": 0.8}]


def _tasks(project: Project, mapping: CrmMapping, _stages: Sequence[Stage]) -> list[Case]:
    cases = []
    for language, worst in product(LANGUAGES, (False, True)):
        names = text_names(project, language, worst)
        subjects = [subject_of(step.subject, language, names, None) for _, _, step in steps_of(project)]
        bodies = [_whole(step, language, names) for _, _, step in steps_of(project)]
        longest = {"subject": max(subjects, key=len, default=""), "body": max(bodies, key=len, default="")}
        case = task_names(project, worst) | longest
        cases.append(case)
    kinds, priorities = list(mapping.task.kinds.values()), ("high", "normal")
    return [*cases, *({**cases[0], "kind": kind, "priority": one} for kind, one in product(kinds, priorities))]


def _whole(step: Step, language: Language, names: Case) -> str:
    """Everything that the body of a task may come to hold."""
    longest: dict[str, str] = {}
    for loc, texts in texts_of(step):
        part = str(loc[0])
        longest[part] = max(longest.get(part, ""), _rendered(texts.get(language), language, names), key=len)
    return "\n".join(text for part, text in longest.items() if part != "subject")


def _documents(project: Project, _mapping: CrmMapping, _stages: Sequence[Stage]) -> list[Case]:
    return [document_names(project, worst) for worst in (False, True)]


def _longest(project: Project, key: str, language: Language, worst: bool) -> str:
    return _rendered(getattr(project.negotiation, key).get(language), language, text_names(project, language, worst))


def _rendered(template: str | None, language: Language, names: Mapping[str, Any]) -> str:
    try:
        return render(template, language, names) if template else ""
    except ConfigError:  # told with its place by `check`
        return ""


def _fits(type: RecordType, spec: FieldSpec, rule: FieldRule, cases: Sequence[Case], at: str) -> Iterator[Problem]:
    """Hold every value that a rule makes against its field; one problem a rule is enough."""
    values = sorted({_rendered(rule.value, "en", case) for case in cases} - {""})
    ids = re.search(r"\b(owner_id|account\.id|stage|pipeline|record_type)\b", rule.value) is not None
    wrong = next((value for value in values if not (ids or _is_of(spec, value))), None)
    if wrong is not None:
        yield Problem(
            f"{labelled(type, spec)} would get {_short(wrong)}, which is {_lack(spec)}", at, _cure(spec, wrong)
        )
        return
    longest = max(values, key=len, default="")
    if spec.length and spec.type in (FieldType.TEXT, FieldType.HTML) and len(longest) > spec.length:
        shown = f"{labelled(type, spec)} holds {spec.length:,} characters; the worst example makes {len(longest):,}"
        yield Problem(shown, at, f"shorten it with `| truncate({spec.length})`, or map it to a longer text field")


def _is_of(spec: FieldSpec, value: str) -> bool:
    shown = comparable(value, spec) or ""
    match spec.type:
        case FieldType.NUMBER:
            try:
                return Decimal(shown).is_finite()
            except InvalidOperation:
                return False
        case FieldType.BOOL:
            return shown.lower() in TRUE | FALSE
        case FieldType.DATE:
            return DAY.fullmatch(shown) is not None
        case FieldType.DATETIME:
            return MOMENT.fullmatch(shown) is not None
        case FieldType.PICKLIST:
            return spec.options is None or shown in spec.options
        case FieldType.MULTI_PICKLIST:
            return spec.options is None or set(shown.split(";")) <= set(spec.options)
        case FieldType.REFERENCE:
            return not re.search(r"[\s@]", shown)
        case FieldType.TEXT | FieldType.HTML | FieldType.FILE:
            return True
        case _:
            assert_never(spec.type)


def _lack(spec: FieldSpec) -> str:
    match spec.type:
        case FieldType.PICKLIST | FieldType.MULTI_PICKLIST:
            return "none of its values"
        case FieldType.REFERENCE:
            return "no id"
        case FieldType.BOOL:
            return "neither true nor false"
        case FieldType.NUMBER:
            return "no number"
        case _:
            return f"no {spec.type}"


def _cure(spec: FieldSpec, value: str) -> str:
    match spec.type:
        case FieldType.PICKLIST | FieldType.MULTI_PICKLIST:
            return meant(value, spec.options or ())
        case FieldType.REFERENCE:
            return "give it an id: `{{ owner_id }}`; who gets what stands under `owners`"
        case FieldType.BOOL:
            return "write 'true' or 'false'"
        case FieldType.NUMBER:
            return "leave units and words out: `{{ amount }}`, `{{ (p * 100) | round(1) }}`"
        case FieldType.DATE:
            return "give it a day: `{{ close_date }}`"
        case FieldType.DATETIME:
            return "give it a moment: `{{ close_date }}T12:00:00Z`"
        case _:
            return "map it to a field of another type"


def _short(value: str) -> str:
    flat = " ".join(value.split())
    return repr(flat if len(flat) <= 40 else flat[:39] + "…")


def _statuses(project: Project, mapping: CrmMapping, schema: Schema, document: str) -> Iterator[Problem]:
    """The words by which we know whether a task is open are values of its status."""
    spec = schema.fields.get(mapping.task.status)
    if spec is None or spec.options is None:
        return
    for key, words in (
        ("open", [mapping.task.open]),
        ("done", mapping.task.done),
        ("cancelled", [mapping.task.cancelled]),
    ):
        for word in words:
            if word not in spec.options:
                at = project.at(document, "task", key)
                yield Problem(f"{labelled(RecordType.TASK, spec)} has no value {word!r}", at, meant(word, spec.options))


def _owners(project: Project, mapping: CrmMapping, owners: Sequence[Owner], document: str) -> Iterator[Problem]:
    """Everybody that the mapping names by e-mail is in the CRM, and works there."""
    by_email = {owner.email.casefold(): owner for owner in owners if owner.email}
    rules = mapping.owners
    named = [(("owners", "default"), rules.default)] if rules.default else []
    roles = [(("owners", "roles", role), email) for role, email in rules.roles.items() if "@" in email]
    for loc, email in [*named, *roles]:
        owner = by_email.get(email.casefold())
        at = project.at(document, *loc)
        if owner is None:
            cure = "write the e-mail of an active user; in a sandbox it may end in .invalid"
            yield Problem(f"no user of the CRM has the e-mail {email}", at, cure)
        elif not owner.active:
            yield Problem(f"{email} is not active in the CRM", at, "name somebody who works there: tasks need an owner")


def _currency(project: Project, mapping: CrmMapping, schema: Schema, document: str) -> Iterator[Problem]:
    """Amounts are in the reporting currency: the CRM must know it, and be told it where it knows several."""
    spec = next((one for one in schema.fields.values() if one.is_currency), None)
    if spec is None or not spec.options:
        return
    ours = project.policy.reporting_currency
    if ours not in spec.options:
        at = project.at("playbooks/policy.yaml", "reporting_currency")
        shown = f"the CRM has no currency {ours}, and amounts are written in it"
        yield Problem(
            shown, at, f"set reporting_currency to one of {', '.join(spec.options)}, or add {ours} to the CRM"
        )
    elif len(spec.options) > 1 and spec.name not in mapping.opportunity.fields:
        at = project.at(document, "opportunity", "fields")
        shown = f"the CRM has {len(spec.options)} currencies, and no rule says that amounts are in {ours}"
        yield Problem(shown, at, f"add `{spec.name}: {{value: '{{{{ currency }}}}', policy: create}}`")
