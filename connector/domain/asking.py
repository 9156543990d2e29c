"""Asking the gates: the first "no" is the headline, and `answers` shows them all.

A customer is weighed for many offers; gates that look at the customer alone are asked once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from connector.domain.gates import GATES, Candidate, Gate
from connector.domain.health import QUESTIONS
from connector.domain.policy import No

OF_CUSTOMER = frozenset(
    {"in_scope", "has_owner", "customer", *QUESTIONS, "no_save_open", "no_unknown_need_open", "not_held_out"}
)
"""Gates that answer the same for every offer of a customer, whichever of its accounts has the best evidence."""
_ROUNDS = tuple(
    (is_of_customer, tuple(GATES[name] for name in names))
    for is_of_customer, names in groupby(GATES, lambda name: name in OF_CUSTOMER)
)
"""The gates in their order, those of a customer apart from those of an offer."""
Answers = dict[int, No | None]
"""What the gates said so far that ask about a customer and none of its offers, by where they stand in the order."""


def first_no(candidate: Candidate, of_customer: Answers | None = None) -> No | None:
    """The headline: the first gate that does not let the candidate through.

    `of_customer` is kept by whoever weighs many offers of one customer on one day.
    """
    said = {} if of_customer is None else of_customer
    for at, (is_of_customer, gates) in enumerate(_ROUNDS):
        if not is_of_customer:
            no = _first(gates, candidate)
        elif at in said:
            no = said[at]
        else:
            no = said[at] = _first(gates, candidate)
        if no is not None:
            return no
    return None


def _first(gates: Sequence[Gate], candidate: Candidate) -> No | None:
    for gate in gates:
        if (no := gate(candidate)) is not None:
            return no
    return None


def answers(candidate: Candidate) -> Iterator[tuple[str, No | None]]:
    """Every gate's name and answer, in order."""
    for name, gate in GATES.items():
        yield name, gate(candidate)
