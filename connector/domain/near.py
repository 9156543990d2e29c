"""How little would have to change for a condition to come out otherwise: one comparison, moved just over its bound.

Only what a customer's use or a count can become is moved: a number against a bound. Whether an offer is owned, and
what nobody measured, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.domain.crm_facts import CRM
from connector.domain.features import Feature
from connector.domain.signal import Condition

FIXED = frozenset(
    "limit tenure_days years days_since_anniversary days_to_anniversary days_to_renewal seats milestone "
    "mrr_minor owned_offers invoices "
    "utilisation_previous active_days_previous level_previous peer_rate peer_count peer_lift".split()
)
"""Numbers that only time or a contract moves, or that are past."""


def is_fixed(feature: str) -> bool:
    """Say whether a number is nobody's to move: told by time, a contract, the past, or the CRM of the organisation."""
    return feature in FIXED or feature.startswith(CRM)


STEP = 0.01
"""How far beyond an open bound counts as beyond it, as a share."""


@dataclass(frozen=True)
class Turn:
    """A feature that would have to be another number."""

    feature: str
    now: float
    then: float

    @property
    def distance(self) -> float:
        """How far it is, as a share of the larger of the two."""
        return abs(self.then - self.now) / max(abs(self.then), abs(self.now), 1e-9)


Turns = tuple[Turn, ...]
MOST = 2
"""Numbers that may move together: more is another customer."""


def turns(condition: Condition, features: Mapping[str, Feature]) -> Iterator[Turns]:
    """Every number that alone would turn the answer of a condition, nearest first; where none does, a few together."""
    holds = condition.holds(features)
    leaves = list(condition.leaves())
    found = {
        (turn.feature, turn.then): turn
        for leaf in leaves
        for turn in _moves(leaf, features)
        if condition.holds({**features, turn.feature: turn.then}) is not holds
    }
    if found or holds:
        ranked = sorted(found.values(), key=lambda turn: (turn.distance, turn.feature, turn.then))
        yield from ((turn,) for turn in ranked)
        return
    needed = [_mended(leaf, features) for leaf in leaves if not leaf.holds(features)]
    together = tuple(turn for turn in needed if turn is not None)
    if len(together) <= MOST and condition.holds({**features, **{turn.feature: turn.then for turn in together}}):
        yield together


def _mended(leaf: Condition, features: Mapping[str, Feature]) -> Turn | None:
    """The least move that lets one comparison hold."""
    ways = [turn for turn in _moves(leaf, features) if leaf.holds({**features, turn.feature: turn.then})]
    return min(ways, key=lambda turn: turn.distance, default=None)


def _moves(leaf: Condition, features: Mapping[str, Feature]) -> Iterator[Turn]:
    """Just on this side and just on the other side of each bound of a comparison."""
    assert leaf.feature is not None
    now = features.get(leaf.feature)
    if isinstance(now, bool) or not isinstance(now, int | float) or is_fixed(leaf.feature):
        return
    for bound in (leaf.at_least, leaf.above, leaf.at_most, leaf.below):
        if bound is not None:
            step = 1 if isinstance(now, int) and float(bound).is_integer() else abs(bound) * STEP or STEP
            for then in (bound, bound + step, bound - step):
                yield Turn(leaf.feature, now, then)
