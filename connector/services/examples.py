"""Runs the `examples:` of mappings and playbooks: what is given, and what must come of it.

An example starts from a usual case and changes what it names; so it says only what matters. `…` in what is expected
stands for anything, so that a long text is held to the words that count.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields as parts_of
from dataclasses import is_dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.domain.catalogue import Language
from connector.domain.errors import ConfigError, Problem
from connector.domain.mapping import Example, FieldRule
from connector.domain.money import Money, exponent
from connector.domain.play import Step
from connector.domain.project import Project
from connector.domain.signal import SignalExample, SignalRule
from connector.services.example import DAY, opportunity_names, task_names, text_names
from connector.services.texts import render

Template = tuple[str, str]
"""A template and where it stands."""
SHOWN = 160


def run_examples(project: Project) -> Iterator[Problem]:
    """List every example that does not come out as expected."""
    if project.mapping is not None:
        document = f"mappings/{project.mapping.name}.yaml"
        opportunity, task = project.mapping.opportunity, project.mapping.task
        yield from _fields(project, document, "opportunity", opportunity.fields, opportunity.examples)
        yield from _fields(project, document, "task", task.fields, task.examples)
        yield from _people(project, document)
    book, review = project.negotiation, project.review
    steps = {**{step.id: step for some in book.stages.values() for step in some}, "small": book.small}
    steps |= {one.step.id: one.step for one in book.silence.follow_ups}
    texts = {key: getattr(book, key) for key in ("title", "why", "next_step")}
    yield from _playbook(project, "playbooks/negotiation.yaml", texts, {**steps, "bought": book.bought}, book.examples)
    reviews = {step.id: step for step in review.steps}
    yield from _playbook(project, "playbooks/business_review.yaml", {}, reviews, review.examples)
    if (save := project.save) is not None:
        yield from _playbook(project, "playbooks/save.yaml", {}, {save.task.id: save.task}, save.examples)
    if (plays := project.followups) is not None:
        some = {f"{name}.{step.id}": step for name, play in plays.plays.items() for step in play.steps}
        yield from _playbook(project, "playbooks/plays.yaml", {}, some, plays.examples)
    for rule_id, rule in project.signals.rules.items():
        for i, example in enumerate(rule.examples):
            yield from _signal(rule, example, project, ("rules", rule_id, "examples", i))


def _fields(
    project: Project, document: str, section: str, rules: Mapping[str, FieldRule], examples: Sequence[Example]
) -> Iterator[Problem]:
    names = opportunity_names(project) if section == "opportunity" else task_names(project)
    known = {name: rule.value for name, rule in rules.items()}
    for i, example in enumerate(examples):
        yield from _run(project, document, (section, "examples", i), example, names, known)


def _playbook(
    project: Project,
    document: str,
    texts: Mapping[str, Mapping[Language, str]],
    steps: Mapping[str, Step],
    examples: Sequence[Example],
) -> Iterator[Problem]:
    for i, example in enumerate(examples):
        language = example.language
        known = {key: text.get(language, "") for key, text in texts.items()}
        for id, step in steps.items():
            known |= {f"{id}.subject": step.subject.get(language, ""), f"{id}.body": step.body.get(language, "")}
        yield from _run(project, document, ("examples", i), example, text_names(project, language), known)


def _run(
    project: Project,
    document: str,
    loc: tuple[str | int, ...],
    example: Example,
    usual: Mapping[str, Any],
    templates: Mapping[str, str],
) -> Iterator[Problem]:
    """Change the usual case as the example says, and compare what each template makes of it."""
    at: Callable[..., str] = lambda *more: project.at(document, *loc, *more)  # noqa: E731 - a place in this example
    names: dict[str, Any] = dict(usual)
    for path, value in example.given.items():
        try:
            names = _given(names, path.split("."), value)
        except ConfigError as wrong:
            yield Problem(wrong.problem.message, at("given", path), wrong.problem.hint)
            return
    for what, expected in example.expect.items():
        if what not in templates:
            near = difflib.get_close_matches(what, list(templates), 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(templates)}"
            yield Problem(f"example: nothing makes {what!r}", at("expect", what), hint)
            continue
        try:
            got = render(templates[what], example.language, names)
        except ConfigError as wrong:
            yield Problem(f"example: {what}: {wrong.problem.message}", at("expect", what), wrong.problem.hint)
            continue
        yield from _compared(what, expected, got, at("expect", what))


def _compared(what: str, expected: str, got: str, at: str) -> Iterator[Problem]:
    # Nobody types the spaces that French sets before its marks.
    plain, wanted = (text.replace("\u00a0", " ").replace("\u202f", " ") for text in (got, expected))
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    if not re.fullmatch(pattern, plain, re.DOTALL):
        yield Problem(
            f"example: {what} is not as expected: got {_short(got)}, expected {_short(expected)}",
            at,
            "mend the rule, or the example if it is what you want",
        )


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def _given(into: Any, path: Sequence[str], value: Any) -> Any:
    """Put one value of an example in its place; its kind is that of the usual case."""
    first, *rest = path
    known = [one.name for one in parts_of(into)] if is_dataclass(into) else list(into) if isinstance(into, dict) else []
    if first not in known:
        near = difflib.get_close_matches(first, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known)) or 'no part of it'}"
        raise ConfigError(f"example: unknown name {first!r}", hint=hint)
    before = into[first] if isinstance(into, dict) else getattr(into, first)
    after = _given(before, rest, value) if rest else _of_kind(before, value, first)
    return {**into, first: after} if isinstance(into, dict) else replace(into, **{first: after})


def _of_kind(usual: Any, value: Any, name: str) -> Any:
    if value is None:
        return None
    try:
        match usual:
            case Money():
                currency, amount = str(value).split()
                return Money(int(Decimal(amount).scaleb(exponent(currency)).to_integral_value()), currency)
            case date():
                return date.fromisoformat(str(value))
            case bool() | str():
                return str(value)
            case int() | float():
                return value if isinstance(value, int | float) else float(str(value))
            case list():
                return [str(one) for one in value] if isinstance(value, list) else [str(value)]
            case _:
                return value if not isinstance(usual, dict) or isinstance(value, dict) else _no(name)
    except (ValueError, InvalidOperation):
        raise ConfigError(f"example: {value!r} is no value for {name}", hint=_looks_like(usual)) from None


def _no(name: str) -> Any:
    raise ConfigError(f"example: {name} has parts", hint=f"name one: `{name}.label: …`")


def _looks_like(usual: Any) -> str:
    match usual:
        case Money():
            return 'write it like "EUR 99.00"'
        case date():
            return f'write it like "{DAY}"'
        case _:
            return "write a number"


def _people(project: Project, document: str) -> Iterator[Problem]:
    """Names that people give their deals tell the need, or that it is a renewal."""
    mapping = project.mapping
    assert mapping is not None
    for i, example in enumerate(mapping.opportunity.people_examples):
        rules = [rule for rule in mapping.opportunity.people if example.field in (None, rule.field)]
        found = next((rule for rule in rules if re.search(rule.matches, example.text, re.IGNORECASE)), None)
        got = (found.need, found.renewal) if found else (None, False)
        if got != (example.need, example.renewal):
            yield Problem(
                f"example: {example.text!r} tells {_told(*got)}, expected {_told(example.need, example.renewal)}",
                project.at(document, "opportunity", "people_examples", i),
                "the first rule of `people` that matches wins: mend it, or put another before it",
            )


def _told(need: str | None, renewal: bool) -> str:
    return f"need {need}" if need else "a renewal" if renewal else "nothing"


def _signal(
    rule: SignalRule, example: SignalExample, project: Project, loc: tuple[str | int, ...]
) -> Iterator[Problem]:
    document = "playbooks/signals.yaml"
    given = {name: _feature(value) for name, value in example.given.items()}
    holds = rule.when.holds(given)
    if holds != example.fires:
        fires = {True: "fires", False: "does not fire"}
        yield Problem(
            f"example: the rule {fires[holds]}, expected that it {fires[example.fires]}",
            project.at(document, *loc, "fires"),
            "mend `when`, or the example if it is what you want",
        )
    for language, expected in example.says.items():
        at = project.at(document, *loc, "says", language)
        try:
            got = render(rule.evidence.get(language, ""), language, given)
        except ConfigError as wrong:
            yield Problem(f"example: {wrong.problem.message}", at, "give it under `given`")
            continue
        yield from _compared(f"the evidence in {language}", expected, got, at)


def _feature(value: Any) -> Any:
    """A day is written as text in YAML, and read as one."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value
