"""Puts the sentences of an explanation together, from their tables and the numbers they cite.

A reason or a gate that has no sentence here is told by its code, so that a new one is never hidden.
"""

from __future__ import annotations

from typing import Any

from connector.domain.catalogue import Catalogue, Language
from connector.domain.gates import Candidate
from connector.domain.near import Turn
from connector.domain.policy import No
from connector.services.explain_tables import (
    BECOMES,
    DATA_TO,
    FEATURES,
    IF_NOTHING_ELSE,
    MOVES,
    OVER,
    REASONS,
    SHARES,
)
from connector.services.reason_facts import cited_facts
from connector.services.texts import day, in_language, percent, render
from connector.services.turning import Change, Move, Verdict


def why(no: No, c: Candidate, language: Language) -> str:
    """Say a gate's no with its numbers and its limit."""
    text = REASONS.get(no.reason.value)
    if text is None:
        return f"{no.reason.value}: {no.detail}" if no.detail else no.reason.value
    return render(in_language(text, language), language, cited_facts(c, language))


def data_to(on: Any, language: Language) -> str:
    """Say until when there were data."""
    return render(in_language(DATA_TO, language), language, {"on": day(on, language)})


def would(change: Change, now: Verdict, catalogue: Catalogue, language: Language) -> str:
    """Say what would lead to another verdict."""
    link = " and " if language == "en" else " et "
    conditions = link.join(_condition(move, catalogue, language) for move in change.moves)
    return f"{in_language(BECOMES[now, change.verdict], language)} {conditions}"


def _condition(move: Move, catalogue: Catalogue, language: Language) -> str:
    if move.words == "number":
        return _numbers(move, catalogue, language)
    told: dict[str, Any] = dict(move.numbers)
    if move.words == "later":
        told["on"] = day(told["on"], language)
        told["over"] = in_language(OVER.get(told["over"].value, IF_NOTHING_ELSE), language)
    if "offers" in told:
        told["offers"] = ", ".join(in_language(catalogue.offers[name].label, language) for name in told["offers"])
    if "trend" in told:
        told["fallen"] = percent(-told["trend"], language)
    return render(in_language(MOVES[move.words], language), language, told)


def _numbers(move: Move, catalogue: Catalogue, language: Language) -> str:
    of = ""
    if move.numbers["metric"] is not None:
        of = in_language(catalogue.metrics[move.numbers["metric"]].label, language)
    elif offer := catalogue.offers.get(move.numbers["offer"] or ""):
        of = in_language(offer.label, language)
    said = (" and " if language == "en" else " et ").join(_turn(turn, of, language) for turn in move.numbers["turns"])
    return f"if {said}" if language == "en" else f"si {said}"


def _turn(turn: Turn, of: str, language: Language) -> str:
    label, about = FEATURES.get(turn.feature), f" ({of})" if of else ""
    told = render(in_language(label, language), language, {"of": of, "about": about}) if label else None
    name = told or f"{turn.feature}{about}"
    rises = turn.then > turn.now
    then, now = number(turn.feature, turn.then, language), number(turn.feature, turn.now, language)
    if language == "fr":
        return f"{name} {'atteignait' if rises else 'tombait à'} {then} (aujourd’hui {now})"
    return f"{name} {'reached' if rises else 'fell to'} {then} (now {now})"


def number(feature: str, value: float, language: Language) -> str:
    """Write a feature's number as people do."""
    if feature in SHARES:
        shown = render("{{ n|number }}", language, {"n": round(value * 100)})
        return f"{shown}%" if language == "en" else f"{shown} %"
    exact = round(value) if abs(value) >= 100 or value == round(value) else round(value, 1)
    return render("{{ n|number }}", language, {"n": exact})
