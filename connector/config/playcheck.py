"""Checks playbooks: steps that wait for each other or never come, delays that make no sense, plays that fight.

What a step says is checked with the templates; here is what it does. A step that nobody would ever get is a mistake,
because nobody would notice that it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from connector.config.names import known_name
from connector.config.stepcheck import Steps, check_audience, check_texts
from connector.config.yamldoc import Loaded
from connector.domain.catalogue import Catalogue
from connector.domain.errors import Problem
from connector.domain.expressions import CARRIED, INTENT, LETTER, PLAY, PLAY_LETTER, REVIEW, SAVE, UNHEALTHY
from connector.domain.mapping import CrmMapping
from connector.domain.play import NEGOTIATION, BusinessReview, Negotiation, Play, Plays, Save, Step
from connector.domain.play import REVIEW as REVIEW_PLAY
from connector.domain.play import SAVE as SAVE_PLAY
from connector.domain.signal import Signals

Documents = Mapping[str, Loaded[Any]]
ID = re.compile(r"[a-z][a-z0-9_]*")


def check_negotiation(document: Loaded[Negotiation], documents: Documents) -> Iterator[Problem]:
    """List what is wrong with the negotiation's texts, stages and silence."""
    book, steps = document.value, _steps_of(document, documents, INTENT, LETTER)
    for key in ("title", "why", "next_step"):
        yield from check_texts(getattr(book, key), INTENT, document, (key,))
    yield from check_texts(book.carried, CARRIED, document, ("carried",))
    for stage, some in book.stages.items():
        yield from steps.check(some, ("stages", stage))
    for name, step in (("small", book.small), ("bought", book.bought)):
        yield from steps.check_one(step, (name,))
    if book.carry < 0:
        yield Problem(
            "carry must not be below 0", document.at("carry"), "write how many moves forward: 1, or 0 for none"
        )
    before = 0
    for i, one in enumerate(book.silence.follow_ups):
        loc = ("silence", "follow_ups", i)
        yield from steps.check_one(one.step, (*loc, "step"))
        if one.days <= before:
            what = "must be above 0" if one.days < 1 else f"comes no later than the one before, after {before} days"
            cure = "write business days of silence, each more than the one before"
            yield Problem(f"this follow-up {what}", document.at(*loc, "days"), cure)
        before = max(before, one.days)
    for stage in book.silence.stages if book.silence.follow_ups else ():
        for i, one in enumerate(book.silence.follow_ups):
            if one.step.id in {step.id for step in book.stages.get(stage, ())}:
                at = document.at("silence", "follow_ups", i, "step", "id")
                yield Problem(f"step {one.step.id} is a step of {stage}, too", at, "ids are part of the task's key")


def check_review(document: Loaded[BusinessReview], documents: Documents) -> Iterator[Problem]:
    """List what is wrong with the review's steps and cadence."""
    book = document.value
    yield from _steps_of(document, documents, REVIEW, {}, may_precede=True).check(book.steps, ("steps",))
    if len(book.before_renewal) != 2 or not 0 < book.before_renewal[0] <= book.before_renewal[1]:
        yield Problem("before_renewal is no window", document.at("before_renewal"), "write it like [90, 120]")
    for key in ("ahead", "held_lately_days", "minimum_mrr"):
        if getattr(book, key) < 0:
            yield Problem(f"{key} must not be below 0", document.at(key), "write how many")
    taken: set[str] = set()
    for i, cadence in enumerate(book.cadence):
        if cadence.every_months < 1:
            yield Problem("every_months must be at least 1", document.at("cadence", i, "every_months"), "12: yearly")
        if "*" in taken:
            cure = "the first line that takes a segment wins: put the one without segments last"
            yield Problem("a line above takes every segment that this one would", document.at("cadence", i), cure)
        for segment in taken & set(cadence.segments):
            at = document.at("cadence", i, "segments")
            yield Problem(f"segment {segment} has a cadence above", at, "keep it in one line: the first one wins")
        taken |= set(cadence.segments) or {"*"}


def check_save(document: Loaded[Save], documents: Documents) -> Iterator[Problem]:
    """List what is wrong with the save play."""
    book = document.value
    for key in ("per_owner_week", "quiet_days", "minimum_mrr"):
        if getattr(book, key) < 0:
            yield Problem(f"{key} must not be below 0", document.at(key), "write how many")
    for reason, told in book.reasons.items():
        for key in ("why", "next"):
            yield from check_texts(getattr(told, key), UNHEALTHY[reason], document, ("reasons", reason, key))
    yield from _steps_of(document, documents, SAVE, {}).check_one(book.task, ("task",))


def check_plays(document: Loaded[Plays], documents: Documents) -> Iterator[Problem]:
    """List what is wrong with plays: names, triggers, steps after their end, and two that want the same."""
    signals: Loaded[Signals] = documents["playbooks/signals.yaml"]
    for name, play in document.value.plays.items():
        loc = ("plays", name)
        if not ID.fullmatch(name) or name in (NEGOTIATION, REVIEW_PLAY, SAVE_PLAY):
            yield Problem(
                f"{name!r} is no name for a play", document.at(*loc), "small letters and _; it is part of keys"
            )
        yield from _trigger(document, play, list(signals.value.rules), loc)
        yield from check_audience(play.when, document, documents, (*loc, "when"))
        may_precede = play.trigger.kind == "trial"
        steps = _steps_of(document, documents, PLAY, PLAY_LETTER, may_precede=may_precede, within=play.when)
        yield from steps.check(play.steps, (*loc, "steps"))
        yield from _too_late(document, play.steps, play.lasts_days, (*loc, "steps"))
        for key in ("ahead", "lasts_days", "quiet_days", "per_owner_week"):
            if getattr(play, key) < 0:
                yield Problem(f"{key} must not be below 0", document.at(*loc, key), "write how many")
    yield from _fights(document)


def _trigger(document: Loaded[Plays], play: Play, rules: Sequence[str], loc: tuple[str, ...]) -> Iterator[Problem]:
    trigger, at = play.trigger, (*loc, "trigger")
    for i, rule in enumerate(trigger.signals):
        yield from known_name("signal", rule, rules, document.at(*at, "signals", i))
    if (trigger.kind == "signal") != bool(trigger.signals):
        cure = "write `{kind: signal, signals: […]}`; with another kind, leave `signals` out"
        yield Problem("this trigger does not say which signal", document.at(*at), cure)
    if trigger.days < 0:
        yield Problem("days must not be below 0", document.at(*at, "days"), "write how many")
    if play.stop == "used" and trigger.kind == "signal":
        yield Problem("news is about no offer that could be used", document.at(*loc, "stop"), "take `stop` away")


def _too_late(document: Loaded[Plays], steps: Iterable[Step], lasts: int, loc: tuple[str, ...]) -> Iterator[Problem]:
    for i, step in enumerate(steps):
        day = step.days if step.days is not None else step.due * 7 // 5
        if day > lasts:
            at = document.at(*loc, i, "days" if step.days is not None else "due")
            yield Problem(f"step {step.id} never comes: the play is over after {lasts} days", at, "let it last longer")


def _fights(document: Loaded[Plays]) -> Iterator[Problem]:
    """Two plays that one thing would begin for one customer."""
    for (first, one), (second, other) in combinations(document.value.plays.items(), 2):
        mine, theirs = one.trigger, other.trigger
        same = mine.kind == theirs.kind and (mine.kind != "signal" or set(mine.signals) & set(theirs.signals))
        if same and one.when.meets(other.when):
            what = ", ".join(sorted(set(mine.signals) & set(theirs.signals))) or mine.kind
            at = document.at("plays", second, "trigger")
            cure = "give them different audiences (`when:`), or make them one play"
            yield Problem(f"{first} and {second} both begin with {what}, and one customer would get both", at, cure)


def _steps_of(
    document: Loaded[Any],
    documents: Documents,
    names: Mapping[str, Any],
    letter: Mapping[str, Any],
    may_precede: bool = False,
    within: Any = None,
) -> Steps:
    catalogue: Loaded[Catalogue] = documents["mappings/catalog.yaml"]
    mappings: list[CrmMapping] = [one.value for one in documents.values() if isinstance(one.value, CrmMapping)]
    return Steps(document, documents, catalogue.value, mappings, names, letter, may_precede, within)
