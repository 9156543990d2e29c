"""Puts a step into words for who reads it: its variant, a subject that fits, the exit test, the letter to be pasted.

A subject is a verb, the account and the reason, and is read in a list: a long name gives way first, then the reason.
What stands below the line of a letter is the contact's language and no part of the ten lines that a task may have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language, Texts
from connector.domain.play import Email, Step, Variant, Whom
from connector.services.texts import cut, in_language, render, typeset

LONGEST_SUBJECT = 80
SHORTEST_NAME = 24
"""Characters of an account's name that stay in a subject, so that people recognise it."""
MOST_LINES = 10
_BREAKS = re.compile(r"[^\S\u00a0\u202f]+")
"""White space at which a line may end."""
_DANGLING = re.compile(r"(\s+\w{1,3})+…$")
"""Small words that would stand before the sign of a cut: "Company for the…"."""
_ASIDE = re.compile(r"\s*\([^()]*\)$")
DONE_WHEN: Texts = {"en": "Done when you can say yes:", "fr": "Avant de clore, vérifiez :"}
TO_PASTE: Texts = {"en": "E-mail to paste, if you like", "fr": "E-mail à coller, si vous le souhaitez"}
SUBJECT: Texts = {"en": "Subject:", "fr": "Objet :"}


@dataclass(frozen=True)
class Words:
    """The templates that speak to somebody."""

    subject: Texts
    body: Texts


def words_for(step: Step | Email, whom: Whom) -> Words:
    """Choose the words of the first variant that takes somebody; what it leaves out stays as it is."""
    found = _variant(step.variants, whom)
    if found is None:
        return Words(step.subject, step.body)
    return Words(found.subject or step.subject, found.body or step.body)


def _variant(variants: Sequence[Variant], whom: Whom) -> Variant | None:
    return next((one for one in variants if one.when.takes(whom)), None)


def subject_of(texts: Texts, language: Language, names: Mapping[str, Any], at: str | None) -> str:
    """Render a subject on one line that fits: the account's name gives way first, then what stands in brackets."""
    template, account = in_language(texts, language), names.get("account")
    full = one_line(render(template, language, names, at))
    if len(full) <= LONGEST_SUBJECT or not isinstance(account, CrmAccount):
        return cut(full, LONGEST_SUBJECT)
    subject = full
    for shorten in (str, _without_aside):
        room = max(SHORTEST_NAME, len(account.name) - (len(shorten(full)) - LONGEST_SUBJECT))
        name = _DANGLING.sub("…", cut(one_line(account.name), room))
        shown = {**names, "account": replace(account, name=name)}
        subject = shorten(one_line(render(template, language, shown, at)))
        if len(subject) <= LONGEST_SUBJECT:
            break
    return cut(subject, LONGEST_SUBJECT)


def _without_aside(subject: str) -> str:
    return _ASIDE.sub("", subject)


def body_of(step: Step, texts: Texts, language: Language, names: Mapping[str, Any], at: str | None) -> str:
    """Render a body, with the question that says when the task is done."""
    body = render(in_language(texts, language), language, names, at)
    if not step.exit:
        return body
    question = render(in_language(step.exit, language), language, names, at)
    return f"{body}\n{typeset(in_language(DONE_WHEN, language), language)} {question}"


def letter(
    email: Email, whom: Whom, reader: Language, language: Language, names: Mapping[str, Any], at: str | None
) -> str:
    """Write a letter in the contact's language, under a line in the reader's."""
    words = words_for(email, whom)
    subject = one_line(render(in_language(words.subject, language), language, names, at))
    body = render(in_language(words.body, language), language, names, at)
    above, head = typeset(in_language(TO_PASTE, reader), reader), typeset(in_language(SUBJECT, language), language)
    return f"\n\n— {above} —\n{head} {subject}\n\n{body}"


def one_line(text: str) -> str:
    """Put a text on one line: a name may hold anything; what must not break stays together."""
    return _BREAKS.sub(" ", text).strip()
