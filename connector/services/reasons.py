"""Which reasons a person is told, in a CRM record and in an explanation alike."""

from __future__ import annotations

from collections.abc import Sequence

from connector.domain.catalogue import Texts
from connector.domain.intent import Contribution
from connector.domain.project import Project
from connector.domain.propensity import is_learnt
from connector.domain.signal import Signals

FOR, AGAINST = 3, 1
"""As many as somebody reads before a call."""
LEAST_TERM = 0.1
"""Of what a model weighs: below, nobody is told of it by name."""


def cited(contributions: Sequence[Contribution], rules: Signals) -> tuple[list[Texts], list[Texts]]:
    """Give the strongest reasons for and against; a renewal or an anniversary only says when, so it comes last."""

    def only_says_when(signal: str) -> bool:
        if is_learnt(signal):
            return False
        rule = rules.rules.get(signal)
        return rule is None or not rule.needs

    told = (one for one in contributions if not is_learnt(one.name) or abs(one.term) >= LEAST_TERM)
    strongest = sorted(told, key=lambda c: (only_says_when(c.name), -abs(c.term)))
    reasons = [c.evidence for c in strongest if c.term > 0][:FOR]
    return reasons, [c.evidence for c in strongest if c.term < 0][:AGAINST]


def internal_to(rules: Project) -> frozenset[str]:
    """Name the rules of signals that are not cited to a customer, by themselves or by their kind."""
    kept = set(rules.policy.internal)
    return frozenset(id for id, rule in rules.signals.rules.items() if id in kept or rule.row in kept)


def ruled(contributions: Sequence[Contribution]) -> list[Contribution]:
    """Leave out what a model adds of its own: a customer is told facts, and rules are counted by name."""
    return [one for one in contributions if not is_learnt(one.name)]
