"""Checks a CRM's mapping against itself and the catalogue: what would fail, or quietly do nothing, in the first run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from connector.config.names import known_name
from connector.config.routecheck import check_routes, check_stages
from connector.config.templates import template_problems
from connector.config.yamldoc import Loaded
from connector.domain.catalogue import Catalogue
from connector.domain.change import FieldType, Policy
from connector.domain.errors import Problem
from connector.domain.expressions import FILE, NOTE, OPPORTUNITY, TASK, What
from connector.domain.mapping import CrmMapping, FieldRule, NewField
from connector.domain.play import StepKind

LONGEST_FIELD = 131_072
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
NESTED_REPEAT = re.compile(r"\([^()]*[+*]\)\s*[+*{]")
"""A repetition of a repetition takes for ever on the wrong name."""


def check_mapping(document: Loaded[CrmMapping], catalogue: Catalogue) -> Iterator[Problem]:
    """List what is wrong in a mapping, part by part."""
    yield from _people(document, catalogue)
    yield from _fields(document)
    yield from check_stages(document, ("opportunity", "stages"), document.value.opportunity.stages)
    yield from check_routes(document, catalogue)
    yield from _links_and_kinds(document)
    yield from _documents(document)
    yield from _week(document)
    yield from _owners(document)
    yield from _budget(document)
    yield from _install(document)


def _people(document: Loaded[CrmMapping], catalogue: Catalogue) -> Iterator[Problem]:
    opportunity = document.value.opportunity
    needs = sorted({offer.need for offer in catalogue.offers.values() if offer.need})
    for i, people in enumerate(opportunity.people):
        loc = ("opportunity", "people", i)
        yield from _regex(people.matches, document.at(*loc, "matches"))
        if people.need is not None:
            yield from known_name("need", people.need, needs, document.at(*loc, "need"))
        elif not people.renewal:
            yield Problem("this rule tells nothing", document.at(*loc), "add `need: …`, or `renewal: true`")
    for i, outcome in enumerate(opportunity.outcomes):
        yield from _regex(outcome.matches, document.at("opportunity", "outcomes", i, "matches"))
    for profile, pattern in document.value.contact.profiles.items():
        yield from _regex(pattern, document.at("contact", "profiles", profile))
    for i, example in enumerate(opportunity.people_examples):
        if example.need is not None:
            at = document.at("opportunity", "people_examples", i, "need")
            yield from known_name("need", example.need, needs, at)


def _fields(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    mapping = document.value
    facts = list(mapping.account.facts)
    sections: list[tuple[str, Mapping[str, FieldRule], Mapping[str, What]]] = [
        ("opportunity", mapping.opportunity.fields, OPPORTUNITY),
        ("task", mapping.task.fields, TASK),
    ]
    sections += [("note", mapping.note.fields, NOTE)] if mapping.note is not None else []
    sections += [("file", mapping.file.fields, FILE)] if mapping.file is not None else []
    for section, rules, names in sections:
        for field, rule in rules.items():
            yield from template_problems(rule.value, names, _word(document, section, field), facts)
            if rule.policy is Policy.OWN and not field.lower().startswith(mapping.own_prefix.lower()):
                at = document.at(section, "fields", field)
                hint = f"use policy `merge`, or a field that starts with {mapping.own_prefix}"
                yield Problem(f"policy `own` on {field}, which is not ours", at, hint)


def _word(document: Loaded[Any], section: str, field: str) -> Callable[[str], str]:
    return lambda word: document.of(word, section, "fields", field, "value")


def _links_and_kinds(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    mapping = document.value
    sections: list[tuple[str, Mapping[str, str], tuple[str, ...]]] = [
        ("opportunity", mapping.opportunity.links, ("account", "contact")),
        ("task", mapping.task.links, ("account", "contact", "opportunity")),
    ]
    note, file = mapping.note, mapping.file
    sections += [("note", note.links, ("account", "opportunity", "file"))] if note is not None else []
    sections += [("file", file.links, ("account", "opportunity", "task"))] if file is not None else []
    for section, links, roles in sections:
        for role in links:
            yield from known_name("link", role, roles, document.at(section, "links", role))
        is_carried = section == "file" and note is not None and "file" in note.links
        if "account" not in links and not is_carried:
            at = document.at(section, "links")
            yield Problem("no link to the account", at, "add `account: …`: without it nobody finds the record")
    if bool(mapping.task.answer) != bool(mapping.task.answers):
        at = document.at("task", "answers" if mapping.task.answers else "answer")
        yield Problem("a field of answers needs answers, and answers a field", at, "write both, or neither")
    missing = [kind for kind in get_args(StepKind) if kind not in mapping.task.kinds]
    if missing:
        at = document.at("task", "kinds")
        yield Problem(f"kinds without a task type: {', '.join(missing)}", at, "name the CRM's task type for each")


def _documents(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    note, file = document.value.note, document.value.file
    if file is not None and file.content not in file.fields:
        hint = f"add `{file.content}: {{value: '{{{{ content }}}}'}}`"
        yield Problem("nothing fills the file", document.at("file", "fields"), hint)
    if note is not None and note.body not in note.fields:
        hint = f"add `{note.body}: {{value: '{{{{ body }}}}'}}`"
        yield Problem("nothing fills the note", document.at("note", "fields"), hint)


def _week(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    week, prefix = document.value.opportunity.week, document.value.own_prefix
    if week is not None and not week.lower().startswith(prefix.lower()):
        hint = f"name a field that starts with {prefix}, or leave it out"
        yield Problem(f"{week} is not ours: it is written anew each week", document.at("opportunity", "week"), hint)


def _owners(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    owners = document.value.owners
    if owners.default and not EMAIL.fullmatch(owners.default):
        yield _no_email(owners.default, document.at("owners", "default"))
    for country, email in owners.territories.items():
        if not EMAIL.fullmatch(email):
            yield _no_email(email, document.at("owners", "territories", country))
    for role, named in owners.roles.items():
        if "@" in named and not EMAIL.fullmatch(named):
            yield _no_email(named, document.at("owners", "roles", role))
    for email in owners.languages:
        if not EMAIL.fullmatch(email):
            yield _no_email(email, document.at("owners", "languages", email))


def _no_email(text: str, at: str) -> Problem:
    return Problem(f"{text!r} is no e-mail", at, "write the e-mail of a user of the CRM: ana@example.com")


def _budget(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    budget = document.value.api_budget
    parts: Mapping[str, float] = {"share": budget.share, "floor": budget.floor}
    for name, part in parts.items():
        if not 0 <= part <= 1:
            at = document.at("api_budget", name)
            yield Problem(f"{name} must be from 0 to 1", at, "0.5: half of the day's calls")


def _install(document: Loaded[CrmMapping]) -> Iterator[Problem]:
    mapping = document.value
    for section, fields in mapping.install.items():
        for name, new in fields.items():
            if (new.type is FieldType.PICKLIST) != bool(new.options):
                at = document.at("install", section, name)
                yield Problem(
                    f"{name}: options belong to a picklist, and a picklist needs some", at, "`options: {id: label}`"
                )
            if not 1 <= new.length <= LONGEST_FIELD:
                at = document.at("install", section, name, "length")
                yield Problem(f"a field of {new.length:,} characters", at, f"from 1 to {LONGEST_FIELD:,}")
            if not name.lower().startswith(mapping.own_prefix.lower()):
                at = document.at("install", section, name)
                hint = f"call it {mapping.own_prefix}{name}"
                yield Problem(f"{name} would be made by us and does not start with {mapping.own_prefix}", at, hint)
    made: Mapping[str, Mapping[str, NewField]] = {str(type): fields for type, fields in mapping.install.items()}
    for type, key in (("opportunity", mapping.opportunity.key), ("task", mapping.task.key)):
        field = made.get(type, {}).get(key or "")
        if field is not None and not field.unique:
            at = document.at("install", type, str(key))
            yield Problem(f"{key} is our key, and not unique", at, "add `unique: true`: by it nothing is made twice")


def _regex(pattern: str, at: str) -> Iterator[Problem]:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as wrong:
        yield Problem(f"not a regular expression: {wrong}", at, "escape ( ) [ ] . + * ? with a backslash")
        return
    if NESTED_REPEAT.search(pattern):
        shown = "a repetition inside a repetition takes for ever on some names"
        yield Problem(shown, at, "repeat once: `\\w+` instead of `(\\w+)+`")
