"""A scorecard in log-odds: what is known adds up, term by term, to how likely an adoption is.

base + Σ terms = logit p, exactly: where the bounds of p bind, the difference is a term of its own, never hidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from connector.domain.catalogue import Texts
from connector.domain.intent import Contribution
from connector.domain.money import Money
from connector.domain.values import value

BOUNDS = "bounds"
BOUND: Texts = {
    "en": "kept within the bounds of a cautious estimate",
    "fr": "ramené dans les bornes d’une estimation prudente",
}


@lru_cache(maxsize=256)
def logit(p: float) -> float:
    """Log-odds of a probability."""
    return math.log(p / (1 - p))


def probability(log_odds: float) -> float:
    """Probability of log-odds, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    return math.exp(log_odds) / (1 + math.exp(log_odds))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a tiered price: from how many units on, and what each costs a month there and on the step before."""

    units: int
    unit: Money
    before: Money


@value
class Score:
    """How likely one billing account is to adopt an offer in 90 days, why, and what it would bring."""

    account_id: str
    offer: str
    need: str
    quantity: int
    """Units to add; for a plan its seats."""
    p: float
    base: float
    contributions: tuple[Contribution, ...]
    """For and against, strongest first."""
    delta_mrr: Money | None
    """None when no price is known in the account's currency."""
    value: int
    """p × `reported` in minor units."""
    data_to: date
    reported: Money | None = None
    """ΔMRR in the reporting currency, at the rates of the day of the run."""
    limit_on: date | None = None
    """When the trend reaches the ceiling that the offer lifts; the day of the data when it has."""
    signals: tuple[str, ...] = ()
    one_off: tuple[tuple[str, Money], ...] = ()
    """One-off services that come with the offer and their price: shown apart, never part of its value."""
    step: Step | None = None
    """The cheaper step of its price that it reaches, where that is what it offers."""


@value
class Card:
    """A scorecard's outcome for one pair."""

    p: float
    base: float
    contributions: tuple[Contribution, ...]


def scorecard(base_rate: float, contributions: Sequence[Contribution], bounds: Sequence[float]) -> Card:
    """Add the terms up and keep p within its bounds."""
    return bounded(logit(base_rate), contributions, bounds)


def bounded(base: float, contributions: Sequence[Contribution], bounds: Sequence[float]) -> Card:
    """Add terms to a base in log-odds and keep p within its bounds."""
    ranked = sorted(contributions, key=lambda one: (-abs(one.term), one.name))
    total = base + math.fsum([one.term for one in ranked])
    kept = min(max(total, logit(bounds[0])), logit(bounds[1]))
    if kept != total:
        ranked.append(Contribution(BOUNDS, kept - total, BOUND))
    return Card(probability(kept), base, tuple(ranked))
