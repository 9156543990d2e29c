"""What the CRM tells of an account that rules may use: mapped fields, each under `crm_` and its name.

A field of a CRM arrives as text. What it holds is told by the name the mapping gives it, so that a rule is checked
before any record was read: a name that ends with `_on` is a day, one with `_count` a number, any other a text. An
empty field is unknown, and so is a text where a day or a number belongs: nothing is guessed from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from connector.domain.features import Feature, Kind

CRM = "crm_"
NOTED = ("goals", "irritants", "interests", "drivers", "brakes", "deciders")
"""What tasks ask people to write down about a customer, in the customer's words; texts cite each under its name."""
FACTS = (
    *NOTED,
    *("contract_on", "leadership", "leadership_on", "head_count", "head_before_count"),
    *("review_outcome", "review_on", "review_need", "reported", "reported_on", "reported_note", "reported_by"),
)
"""Names that shipped rules may use whether they are mapped or not; the mapping may name more."""


def kind_of(fact: str) -> Kind:
    """What a fact holds, by its name."""
    return "day" if fact.endswith("_on") else "number" if fact.endswith("_count") else "text"


def crm_kinds(mapped: Iterable[str]) -> dict[str, Kind]:
    """Every name of a CRM fact that a rule may use, with what it holds."""
    return {CRM + fact: kind_of(fact) for fact in (*FACTS, *mapped)}


def crm_view(facts: Mapping[str, str]) -> dict[str, Feature]:
    """The facts of an account by the names rules use."""
    return {CRM + fact: told(fact, facts) for fact in (*FACTS, *facts)}


def told(fact: str, facts: Mapping[str, str]) -> Feature:
    """One fact, as its name says it is."""
    text = facts.get(fact, "").strip()
    try:
        match kind_of(fact):
            case "day":
                return date.fromisoformat(text[:10])
            case "number":
                return float(text)
            case _:
                return text or None
    except ValueError:
        return None
