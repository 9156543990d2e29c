"""What a propensity model knows and says: the card it is kept as, and what fitting it found.

A card is plain numbers and words, so that it is JSON, never code; `score = f(card, features)` reproduces every figure.
All arithmetic is in log-odds: base + Σ terms = logit p.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from connector.domain.outcome import Labels

FORMAT = 1
"""Of the card: a reader refuses what it does not know."""
HORIZON_DAYS = 90
LEAST_ADOPTIONS = 10
"""Pooled over offers: below, only the scorecard speaks."""
OFFER, HELD, FITS_HELD, PRIOR = "offer", "holdings", "adopted_by_holders", "prior"
"""Terms that are no column: the offer itself, what is held, what holders of the same adopt, the scorecard."""

LEARNT = "learnt."
"""Begins the name of every contribution that a model makes and no rule does: nothing to cite to a customer."""

Kind = Literal["number", "bool", "date", "category"]
"""A date is read as the days by which it lies before the row's `as_of`."""


class Evidence(StrEnum):
    """What stands behind a probability."""

    PRIOR_ONLY = "prior only"
    """Fewer than ten adoptions: what is believed beforehand."""
    MODEL = "model"
    """Outcomes told adopters apart from the others, on rows that the model had not seen."""
    NONE = "no evidence"
    """There are outcomes, and what is known of the accounts does not tell who adopts."""


@dataclass(frozen=True)
class Feature:
    """How a column becomes numbers: clipped, bent where it is skewed, and set to zero mean and unit spread."""

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 1.0
    bend: float = 0.0
    """Scale of an inverse hyperbolic sine; 0: straight."""
    mean: float = 0.0
    spread: float = 1.0
    missing: float = 0.0
    """Share of rows without a value; a column of its own tells them where it is above zero."""
    missing_spread: float = 1.0
    levels: tuple[str, ...] = ()
    """Of a category: those with a column of their own."""
    shares: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Columns that it takes."""
        return len(self.levels) if self.kind == "category" else 1 + (self.missing > 0)


@dataclass(frozen=True)
class OfferModel:
    """What was learnt about one offer: an effect for every column, and how sure that is."""

    offer: str
    effects: tuple[float, ...]
    """The intercept, then one for each column."""
    root: tuple[float, ...]
    """Lower triangle of a root of the effects' covariance, row by row."""
    lifts: tuple[float, ...]
    """By holding, `none` last: how much more likely its holders are to adopt, in log-odds."""
    popularity: float
    """Log-odds of adoption, shrunk to the pool."""
    shift: float = 0.0
    """Calibration of this offer beside the pool."""
    positives: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Blend:
    """How scorecard and model are joined, and the result calibrated."""

    weight: float
    """Of the model, 0…1; the rest is the scorecard's."""
    intercept: float
    slope: float
    """Of the scorecard's log-odds."""
    has_prior: bool
    """Without a prior column, the offer's popularity stands in for the scorecard."""
    prior_mean: float = 0.0
    """Mean log-odds of the scorecard; a row without a prior counts as this."""
    shift: float = 0.0
    stretch: float = 1.0
    knee: float = 0.0
    """Log-odds of the model from which on an offer's scores rise less, as far as its outcomes say."""
    bends: tuple[float, ...] = ()
    """By offer: by how much less, 0 to -1; empty: by nothing."""


@dataclass(frozen=True)
class Quality:
    """How good the model is on rows that it had not seen."""

    rows: int
    positives: int
    offers: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    auc_within_offers: float | None
    log_loss: float | None
    ece: float | None
    validation: str
    """How the rows were kept apart."""


@dataclass(frozen=True)
class Window:
    """A time by which trees and the regression were judged, both by models from before it."""

    begins: str
    rows: int
    adoptions: int
    regression: float
    """Log loss."""
    trees: float
    low: float
    """95 % interval of what trees gain over the regression; above zero they win."""
    high: float


@dataclass(frozen=True)
class InUse:
    """How a model is used: weighed against the scorecard and calibrated, and how good it is so."""

    evidence: Evidence
    blend: Blend
    shifts: tuple[float, ...]
    """By offer."""
    quality: Quality


@dataclass(frozen=True)
class Challenger:
    """Trees that were set against the regression, or why they were not."""

    promoted: bool
    why: str
    windows: tuple[Window, ...] = ()
    text: str | None = None
    """LightGBM's own text format, where it was promoted."""
    instead_of: InUse | None = None
    """The regression as it would be used without trees."""
    ends: tuple[float, ...] = ()
    """Log-odds at which each tenth of the scores ends, but the last."""
    deviations: tuple[float, ...] = ()
    """How unsure a score is, by tenth."""
    version: str | None = None


@dataclass(frozen=True)
class Card:
    """A fitted model with everything that a score needs and a reader may ask."""

    evidence: Evidence
    quality: Quality
    blend: Blend
    features: tuple[Feature, ...]
    holdings: tuple[str, ...]
    held_shares: tuple[float, ...]
    held_spreads: tuple[float, ...]
    lift_mean: float
    lift_spread: float
    offers: tuple[OfferModel, ...]
    base: float
    """Log-odds that every pair starts from."""
    as_of: str | None
    horizon_days: int
    seed: int
    digest: str
    """Of the names and kinds of the features."""
    settings: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None
    challenger: Challenger | None = None


@dataclass(frozen=True)
class Cohort:
    """What a model of closed outcomes foretold of a month, and what came."""

    day: str
    rows: int
    happened: int
    predicted: float
    low: float
    """95 % of what could have come, had the model been right."""
    high: float

    @property
    def side(self) -> int:
        """-1: fewer came than could have; 1: more; 0: the model was right as far as one can tell."""
        return (self.happened > self.high) - (self.happened < self.low)


@dataclass(frozen=True)
class Learnt:
    """A card that the daily run works with, how it was learnt, and how its like did in the last months."""

    card: Card
    hash: str
    """Of the card's bytes: a run notes it."""
    learnt_on: str
    left_out: Mapping[str, str]
    """Features without a past, each with the reason."""
    rules_left_out: tuple[str, ...] = ()
    watched: tuple[Cohort, ...] = ()
    labels: Labels | None = None
    """Where its labels come from; None of a card that was learnt before this was told."""
    fell_back: str = ""
    """Why the regression is used where trees were promoted: this machine cannot run them."""

    @property
    def is_adrift(self) -> bool:
        """Two months in a row missed on the same side: the scorecard speaks until a model is right again."""
        sides = [one.side for one in self.watched[-2:]]
        return len(sides) == 2 and sides[0] != 0 and sides[0] == sides[1]

    @property
    def in_use(self) -> Card | None:
        """The card, if it has evidence and still holds."""
        return self.card if self.card.evidence is Evidence.MODEL and not self.is_adrift else None


def is_learnt(name: str) -> bool:
    """Tell a model's contribution from a rule's."""
    return name.startswith(LEARNT)
