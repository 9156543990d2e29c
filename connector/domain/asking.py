"""Asking the gates: the first "no" is the headline, and `answers` shows them all.

A customer is weighed for many offers, and offers are proposed one after the other: gates that look at the customer
alone are asked once for all its offers, and those that look at what is proposed already only when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.domain.gates import GATES, Candidate
from connector.domain.health import QUESTIONS
from connector.domain.policy import No

OF_CUSTOMER = frozenset(
    {"in_scope", "has_owner", "customer", *QUESTIONS, "no_save_open", "no_unknown_need_open", "not_held_out"}
)
"""Gates that answer the same for every offer of a customer, whichever of its accounts has the best evidence."""
OF_ROOM = ("need_free", "account_has_room", "owner_has_room", "day_has_room")
"""Gates that look at what is proposed already, the last of all."""
_PLACES = [(place, name, gate) for place, (name, gate) in enumerate(GATES.items())]
_ASKED_ONCE = [(place, gate) for place, name, gate in _PLACES if name in OF_CUSTOMER]
_ASKED_OF_EACH = [(place, gate) for place, name, gate in _PLACES if name not in OF_CUSTOMER and name not in OF_ROOM]
Refusal = tuple[int, No | None]
"""The place in the order of gates of the first that refuses, and what it says; beyond all gates, nothing."""


def first_no(candidate: Candidate) -> No | None:
    """The headline: the first gate that does not let the candidate through."""
    return next((no for gate in GATES.values() if (no := gate(candidate)) is not None), None)


def refusal_of(customer: Candidate) -> Refusal:
    """What the first gate says that refuses a customer, whatever the offer."""
    for place, gate in _ASKED_ONCE:
        if (no := gate(customer)) is not None:
            return place, no
    return len(_PLACES), None


def standing_no(candidate: Candidate, of_customer: Refusal) -> No | None:
    """The headline as far as nothing but what is proposed already can change it; `of_customer` is its `refusal_of`."""
    before, no_of_customer = of_customer
    for place, gate in _ASKED_OF_EACH:
        if place > before:
            break
        if (no := gate(candidate)) is not None:
            return no
    return no_of_customer


def no_room(candidate: Candidate) -> No | None:
    """The headline of a candidate that everything else lets through, beside what is proposed already."""
    return next((no for name in OF_ROOM if (no := GATES[name](candidate)) is not None), None)


def answers(candidate: Candidate) -> Iterator[tuple[str, No | None]]:
    """Every gate's name and answer, in order."""
    for name, gate in GATES.items():
        yield name, gate(candidate)
