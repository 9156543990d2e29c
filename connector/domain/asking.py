"""Asking the gates: the first "no" is the headline, and `answers` shows them all.

A customer is weighed for many offers, and offers are proposed one after the other: gates that look at the customer
alone are asked once for all its offers, and those that look at what is proposed already only when its turn comes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from connector.domain.gates import GATES, Candidate, Gate, short_use
from connector.domain.health import QUESTIONS
from connector.domain.policy import No

OF_CUSTOMER = frozenset(
    {"in_scope", "has_owner", "customer", *QUESTIONS, "no_save_open", "no_unknown_need_open", "not_held_out"}
)
"""Gates that answer the same for every offer of a customer, whichever of its accounts has the best evidence."""
OF_FIT = (
    *("recurring", "not_owned", "sold_here", "delivered_here"),
    *("plan_carries_it", "prerequisites", "used_enough", "adopted"),
)
"""Gates that look at an offer and at who is asked, what it has and uses: many customers are alike in that."""
OF_ROOM = ("need_free", "account_has_room", "owner_has_room", "day_has_room")
"""Gates that look at what is proposed already, the last of all."""
_PLACES = [(place, name, gate) for place, (name, gate) in enumerate(GATES.items())]
_ASKED_OF_FIT = [(place, gate) for place, name, gate in _PLACES if name in OF_FIT]
_FIRST, _LAST = _ASKED_OF_FIT[0][0], _ASKED_OF_FIT[-1][0]
_OF_EACH = [(place, gate) for place, name, gate in _PLACES if name not in OF_CUSTOMER and name not in OF_ROOM]
_BEFORE_FIT = [(place, gate) for place, gate in _OF_EACH if place < _FIRST]
_AFTER_FIT = [(place, gate) for place, gate in _OF_EACH if place > _LAST]
_ASKED_ONCE = [(place, gate) for place, name, gate in _PLACES if name in OF_CUSTOMER]
_OF_ONE_ACCOUNT = sorted([*_ASKED_ONCE, *_BEFORE_FIT], key=lambda asked: asked[0])
"""What is asked before an offer's fit looks at the account with the best evidence: with one account, always that."""
Refusal = tuple[int, No | None]
"""The place in the order of gates of the first that refuses, and what it says; beyond all gates, nothing."""


def first_no(candidate: Candidate) -> No | None:
    """The headline: the first gate that does not let the candidate through."""
    return next((no for gate in GATES.values() if (no := gate(candidate)) is not None), None)


def refusal_of(customer: Candidate) -> Refusal:
    """What the first gate says that refuses a customer, whatever the offer."""
    return _first(_asked_once(customer), customer) or (len(_PLACES), None)


def _asked_once(customer: Candidate) -> Sequence[tuple[int, Gate]]:
    return _OF_ONE_ACCOUNT if len(customer.accounts) == 1 else _ASKED_ONCE


class Asking:
    """Asks customer after customer; those alike in what a gate looks at share its answer."""

    def __init__(self) -> None:
        self._alike: dict[Hashable, int] = {}
        self._fits: dict[tuple[str, int, float | None], Refusal | None] = {}
        self._said: dict[No, No] = {}

    def standing_no(self, candidate: Candidate, of_customer: Refusal) -> No | None:
        """The headline as far as nothing but what is proposed already changes it; `of_customer` is its `refusal_of`."""
        before, no = of_customer
        refused = None if len(candidate.accounts) == 1 else _first(_BEFORE_FIT, candidate)
        if refused is None and before > _FIRST:
            refused = self._fit(candidate)
        if refused is None and before > _LAST:
            refused = _first(_AFTER_FIT, candidate)
        if refused is not None and refused[0] < before:
            no = refused[1]
        return no and self._said.setdefault(no, no)

    def _fit(self, candidate: Candidate) -> Refusal | None:
        first, offer = candidate.accounts[0], candidate.score.offer
        who = candidate.owned, candidate.used, candidate.country, first.segment, first.plan
        key = offer, self._alike.setdefault(who, len(self._alike)), short_use(candidate.offer, candidate.metrics)
        if key not in self._fits:
            self._fits[key] = _first(_ASKED_OF_FIT, candidate)
        return self._fits[key]


def _first(gates: Sequence[tuple[int, Gate]], candidate: Candidate) -> Refusal | None:
    """What the first of some gates says that refuses a candidate."""
    for place, gate in gates:
        if (no := gate(candidate)) is not None:
            return place, no
    return None


def no_room(candidate: Candidate) -> No | None:
    """The headline of a candidate that everything else lets through, beside what is proposed already."""
    return next((no for name in OF_ROOM if (no := GATES[name](candidate)) is not None), None)


def answers(candidate: Candidate) -> Iterator[tuple[str, No | None]]:
    """Every gate's name and answer, in order."""
    for name, gate in GATES.items():
        yield name, gate(candidate)
