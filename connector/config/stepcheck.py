"""Checks the steps of a playbook: their texts, what they wait for, whom they are for, and when they are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.config.names import known_name
from connector.config.templates import Names, cited, template_problems
from connector.config.yamldoc import Loaded
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import NOTED
from connector.domain.errors import Problem
from connector.domain.mapping import CrmMapping
from connector.domain.play import Audience, Step

LANGUAGES = ("en", "fr")
Loc = tuple[str | int, ...]
Documents = Mapping[str, Loaded[Any]]


@dataclass(frozen=True)
class Steps:
    """What the steps of one document are held against."""

    document: Loaded[Any]
    documents: Documents
    catalogue: Catalogue
    mappings: Sequence[CrmMapping]
    names: Names
    letter: Names
    """Names that a letter may use; none: no step has one."""
    may_precede: bool = False
    """The day that the steps hang on is known ahead, so that one may be due before it."""
    within: Audience | None = None
    """Whom the whole play is for."""

    def check(self, steps: Sequence[Step], loc: Loc) -> Iterator[Problem]:
        """List what is wrong with a list of steps."""
        seen: set[str] = set()
        for i, step in enumerate(steps):
            if step.id in seen:
                at = self.document.at(*loc, i, "id")
                yield Problem(f"step {step.id} stands twice", at, "ids are part of the task's key")
            seen.add(step.id)
            yield from self.check_one(step, (*loc, i))
            yield from self._waiting(step, steps, (*loc, i))
        yield from self._round(steps, loc)

    def check_one(self, step: Step, loc: Loc) -> Iterator[Problem]:
        """List what is wrong with one step, whatever stands beside it."""
        yield from self._texts(step, loc)
        yield from check_audience(step.when, self.document, self.documents, (*loc, "when"))
        if self.within is not None and not step.when.meets(self.within):
            at = self.document.at(*loc, "when")
            yield Problem(f"nobody gets step {step.id}: its play is for others", at, "name some whom the play is for")
        for key in ("due", "days"):
            count = getattr(step, key)
            if count is not None and count < 0 and (not self.may_precede or step.after):
                cure = "write days after it: 0 is the next business day"
                yield Problem(
                    f"{key} of step {step.id} lies before what it hangs on", self.document.at(*loc, key), cure
                )

    def _texts(self, step: Step, loc: Loc) -> Iterator[Problem]:
        for key in ("subject", "body", "exit"):
            if texts := getattr(step, key):
                yield from check_texts(texts, self.names, self.document, (*loc, key))
                yield from self._noted(texts, (*loc, key))
        for i, variant in enumerate(step.variants):
            yield from check_audience(variant.when, self.document, self.documents, (*loc, "variants", i, "when"))
            for key in ("subject", "body"):
                if texts := getattr(variant, key):
                    yield from check_texts(texts, self.names, self.document, (*loc, "variants", i, key))
        if step.email is None:
            return
        if not self.letter:
            yield Problem("a letter has no place here", self.document.at(*loc, "email"), "take `email` away")
            return
        for key in ("subject", "body"):
            yield from check_texts(getattr(step.email, key), self.letter, self.document, (*loc, "email", key))
        for i, variant in enumerate(step.email.variants):
            for key in ("subject", "body"):
                if texts := getattr(variant, key):
                    where = (*loc, "email", "variants", i, key)
                    yield from check_texts(texts, self.letter, self.document, where)

    def _noted(self, texts: Mapping[Any, str], loc: Loc) -> Iterator[Problem]:
        """What people are to note needs a field that holds it."""
        for language, text in texts.items():
            for name in sorted(cited(text) & set(NOTED)):
                for mapping in self.mappings:
                    if name not in mapping.account.facts:
                        at = self.document.of(name, *loc, language)
                        cure = f"name it in mappings/{mapping.name}.yaml under `account.facts`: `{name}: FIELD`"
                        yield Problem(f"no field of the CRM holds {name}", at, cure)

    def _waiting(self, step: Step, steps: Sequence[Step], loc: Loc) -> Iterator[Problem]:
        by_id = {one.id: one for one in steps}
        for i, other in enumerate(step.after):
            at = self.document.at(*loc, "after", i)
            yield from known_name("step", other, [id for id in by_id if id != step.id], at)
            if other in by_id and not step.when.meets(by_id[other].when):
                cure = "let it wait for a step that the same people get"
                yield Problem(f"step {step.id} never comes: whoever gets it does not get {other}", at, cure)
        if step.answered and not step.after:
            at = self.document.at(*loc, "answered")
            yield Problem(f"step {step.id} waits for an answer to nothing", at, "name the step that asks: `after: […]`")
        for mapping in self.mappings if step.answered else ():
            if mapping.task.answer is None:
                cure = f"name one in mappings/{mapping.name}.yaml: `task.answer` and `task.answers`"
                yield Problem("no field of a task holds answers", self.document.at(*loc, "answered"), cure)
                continue
            for i, answer in enumerate(step.answered):
                at = self.document.at(*loc, "answered", i)
                yield from known_name("answer", answer, list(mapping.task.answers), at)

    def _round(self, steps: Sequence[Step], loc: Loc) -> Iterator[Problem]:
        """Steps that wait for each other never come."""
        waits = {step.id: list(step.after) for step in steps}
        told: set[str] = set()
        for i, step in enumerate(steps):
            way = _way_back(step.id, waits)
            if way and step.id not in told:
                told.update(way)
                at = self.document.at(*loc, i, "after")
                shown = f"steps wait for each other: {' → '.join([*way, step.id])}"
                yield Problem(shown, at, "none of them would ever come: take one `after` away")


def _way_back(start: str, waits: Mapping[str, Sequence[str]]) -> list[str]:
    """The steps on a way from one back to itself; none where there is no such way."""
    ahead: dict[str, list[str]] = {start: [start]}
    way = [start]
    while way:
        here = way.pop()
        for there in waits.get(here, ()):
            if there == start:
                return ahead[here]
            if there not in ahead:
                ahead[there] = [*ahead[here], there]
                way.append(there)
    return []


def check_audience(audience: Audience, document: Loaded[Any], documents: Documents, loc: Loc) -> Iterator[Problem]:
    """List offers and needs that nobody sells."""
    catalogue: Catalogue = documents["mappings/catalog.yaml"].value
    needs = sorted({offer.need for offer in catalogue.offers.values() if offer.need})
    for i, offer in enumerate(audience.offers):
        yield from known_name("offer", offer, list(catalogue.offers), document.at(*loc, "offers", i))
    for i, need in enumerate(audience.needs):
        yield from known_name("need", need, needs, document.at(*loc, "needs", i))


def check_texts(texts: Mapping[Any, str], names: Names, document: Loaded[Any], loc: Loc) -> Iterator[Problem]:
    """List languages without a text, and what a template must not say."""
    yield from check_languages(texts, document.at(*loc), str(loc[-1]))
    for language, text in texts.items():
        yield from check_template(text, names, document, (*loc, language))


def check_languages(texts: Mapping[Any, str], at: str, what: str) -> Iterator[Problem]:
    """Complain about a language that has no text."""
    missing = [language for language in LANGUAGES if language not in texts]
    if missing:
        yield Problem(f"{what} has no text in {' and '.join(missing)}", at, f"add `{missing[0]}: …`")


def check_template(
    text: str, names: Names, document: Loaded[Any], loc: Loc, facts: Sequence[str] = ()
) -> Iterator[Problem]:
    """List what a template says that it must not."""
    yield from template_problems(text, names, lambda word: document.of(word, *loc), facts)
