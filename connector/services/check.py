"""What only trying shows: every text and field rule rendered on an example, in every language, and `examples:` run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from connector.domain.catalogue import Language
from connector.domain.errors import ConnectorError, Problem
from connector.domain.mapping import FieldRule, documents
from connector.domain.play import Step
from connector.domain.project import Project
from connector.services.example import document_names, opportunity_names, task_names, text_names
from connector.services.examples import run_examples
from connector.services.texts import render

LANGUAGES: tuple[Language, ...] = get_args(Language)
NEGOTIATION, REVIEW = "playbooks/negotiation.yaml", "playbooks/business_review.yaml"
SAVE, PLAYS = "playbooks/save.yaml", "playbooks/plays.yaml"


def check_templates(project: Project) -> list[Problem]:
    """Render everything that can be rendered; the examples only where nothing else is wrong."""
    found = [*_texts(project), *_fields(project)]
    return found or list(run_examples(project))


def steps_of(project: Project) -> Iterator[tuple[str, tuple[str | int, ...], Step]]:
    """List every task of the playbooks: its document, its place, and the step."""
    book = project.negotiation
    for stage, steps in book.stages.items():
        yield from ((NEGOTIATION, ("stages", stage, i), step) for i, step in enumerate(steps))
    for i, one in enumerate(book.silence.follow_ups):
        yield NEGOTIATION, ("silence", "follow_ups", i, "step"), one.step
    yield NEGOTIATION, ("small",), book.small
    yield NEGOTIATION, ("bought",), book.bought
    if project.save is not None:
        yield SAVE, ("task",), project.save.task
    yield from ((REVIEW, ("steps", i), step) for i, step in enumerate(project.review.steps))
    for name, play in project.plays.items():
        yield from ((PLAYS, ("plays", name, "steps", i), step) for i, step in enumerate(play.steps))


def _texts(project: Project) -> Iterator[Problem]:
    names = {language: text_names(project, language) for language in LANGUAGES}
    for key in ("title", "why", "next_step"):
        yield from _try_texts(getattr(project.negotiation, key), names, project, NEGOTIATION, key)
    for language in LANGUAGES:
        names[language] |= {"subject": "Call Acme", "stage": "Consult"}
    yield from _try_texts(project.negotiation.carried, names, project, NEGOTIATION, "carried")
    for document, loc, step in steps_of(project):
        for more, texts in texts_of(step):
            yield from _try_texts(texts, names, project, document, *loc, *more)


def texts_of(step: Step) -> Iterator[tuple[tuple[str | int, ...], Mapping[Language, str]]]:
    """List every text of a step that there is, with its place in it."""
    for key in ("subject", "body", "exit"):
        yield (key,), getattr(step, key)
    for i, one in enumerate(step.variants):
        yield ("variants", i, "subject"), one.subject
        yield ("variants", i, "body"), one.body
    if step.email is not None:
        yield ("email", "subject"), step.email.subject
        yield ("email", "body"), step.email.body
        for i, one in enumerate(step.email.variants):
            yield ("email", "variants", i, "subject"), one.subject
            yield ("email", "variants", i, "body"), one.body


def _fields(project: Project) -> Iterator[Problem]:
    if project.mapping is None:
        return
    opportunity, task = project.mapping.opportunity, project.mapping.task
    sections: tuple[tuple[str, Mapping[str, FieldRule], dict[str, Any]], ...] = (
        ("opportunity", opportunity.fields, opportunity_names(project)),
        ("task", task.fields, task_names(project)),
        *((section, rules, document_names(project)) for section, _, rules, _ in documents(project.mapping)),
    )
    for section, rules, names in sections:
        for name, rule in rules.items():
            at = project.at(f"mappings/{project.mapping.name}.yaml", section, "fields", name)
            yield from _try(rule.value, "en", names, at)


def _try_texts(
    texts: Mapping[Language, str],
    names: Mapping[Language, Mapping[str, Any]],
    project: Project,
    document: str,
    *loc: str | int,
) -> Iterator[Problem]:
    for language in LANGUAGES:
        if language in texts:
            yield from _try(texts[language], language, names[language], project.at(document, *loc, language))


def _try(template: str, language: Language, names: Mapping[str, Any], at: str) -> Iterator[Problem]:
    try:
        render(template, language, names, at)
    except ConnectorError as wrong:
        yield wrong.problem
