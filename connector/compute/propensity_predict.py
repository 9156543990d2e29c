"""Pairs and a card → log-odds with every reason, and an interval.

The log-odds *are* base + Σ terms, so the reasons add up by construction. A term is all that one feature contributes,
however many columns it takes; what an offer contributes by itself (popularity, calibration, what its highest scores
promise too much) is the term `offer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_blend import logit_of
from connector.compute.propensity_design import held_by_row, matrix
from connector.compute.propensity_pairs import Floats, Pairs
from connector.compute.propensity_ridge import sigmoid
from connector.compute.propensity_trees import contributions
from connector.domain.propensity import FITS_HELD, HELD, OFFER, PRIOR, Card, Challenger, Evidence, OfferModel

DIGITS = 9
"""Of a term, after the point: below what anybody reads, above what a sum of them loses."""
INTERVAL = 1.96
SLOPE_SD = 0.5
"""How unsure a scorecard's slope is before anything happened."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Scores of rows, in their order."""

    base: float
    names: tuple[str, ...]
    terms: Floats
    """(row, name)."""
    logit: Floats
    p: Floats
    low: Floats
    high: Floats
    fits_held: Floats
    """Share of adopters that is expected of holders of the same things."""


def term_names(card: Card) -> tuple[str, ...]:
    """Names of the terms, in order."""
    told = [OFFER]
    if card.evidence is Evidence.MODEL:
        told += [feature.name for feature in card.features]
        told += [HELD, FITS_HELD] if card.holdings else []
    return tuple(told + ([PRIOR] if card.blend.has_prior else []))


def predict(card: Card, pairs: Pairs) -> Predicted:
    """Score rows. The pairs' offers are the card's, in its order."""
    names = term_names(card)
    terms, deviation = np.zeros((len(pairs), len(names))), np.zeros(len(pairs))
    fits = np.zeros(len(pairs))
    prior = _prior(card, pairs)
    order = np.argsort(pairs.offer, kind="stable")
    ends = np.searchsorted(pairs.offer[order], np.arange(len(card.offers) + 1))
    own = pairs.own()
    for at, offer in enumerate(card.offers):
        rows = order[ends[at] : ends[at + 1]]
        if not len(rows):
            continue
        model = np.zeros(len(rows))
        if card.evidence is Evidence.MODEL:
            model, made, deviation[rows], fits[rows] = _of_model(card, at, pairs, rows, int(own[at]))
            terms[rows, 1 : 1 + made.shape[1]] = made
        terms[rows, 0], spread = _of_offer(card, offer, prior[rows], model)
        deviation[rows] = np.hypot(deviation[rows], spread)
    if card.blend.has_prior:
        terms[:, -1] = card.blend.stretch * (1 - card.blend.weight) * card.blend.slope * prior
    terms = np.round(terms, DIGITS)
    logit = card.base + terms.sum(axis=1)
    if (trees := promoted(card)) is not None:
        deviation = np.array(trees.deviations)[np.searchsorted(trees.ends, logit)]
    edges = (sigmoid(logit - INTERVAL * deviation), sigmoid(logit + INTERVAL * deviation))
    return Predicted(card.base, names, terms, logit, sigmoid(logit), *edges, fits)


def _prior(card: Card, pairs: Pairs) -> Floats:
    """The scorecard's log-odds beside their mean; a row without one counts as the mean."""
    if not card.blend.has_prior or pairs.prior is None:
        return np.zeros(len(pairs))
    told = logit_of(pairs.prior) - card.blend.prior_mean
    return np.where(np.isfinite(told), told, 0.0)


def promoted(card: Card) -> Challenger | None:
    """The trees that stand in the regression's place."""
    return card.challenger if card.challenger is not None and card.challenger.promoted else None


def _of_offer(card: Card, offer: OfferModel, prior: Floats, model: Floats) -> tuple[Floats, Floats]:
    """What the offer contributes by itself (`model`: by the model), and how unsure the scorecard's part is."""
    blend = card.blend
    believed = blend.intercept + blend.slope * blend.prior_mean
    scorecard = believed if blend.has_prior else card.base + offer.popularity
    joined = blend.weight * model + (1 - blend.weight) * scorecard
    known = 1 / (offer.positives + 1) + 1 / (offer.rows - offer.positives + 1)
    deviation = blend.stretch * (1 - blend.weight) * np.sqrt(known + (SLOPE_SD * prior) ** 2)
    return blend.shift + blend.stretch * joined + offer.shift - card.base, deviation


def _of_model(
    card: Card, at: int, pairs: Pairs, rows: NDArray[np.intp], own: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """The offer's own part of the model, terms of features and holdings, how unsure they are, what holders adopt."""
    offer, held = card.offers[at], held_by_row(pairs, rows, own)
    shares, spreads = np.array(card.held_shares), np.array(card.held_spreads)
    x = matrix(pairs, rows, card.features, held, shares, spreads).astype(np.float64)
    lift = held @ np.array(offer.lifts) / np.maximum(held.sum(axis=1), 1)
    x[:, -1] = (lift - card.lift_mean) / card.lift_spread
    trees = promoted(card)
    by_column, deviation = _by_regression(offer, x) if trees is None else _by_trees(trees, offer, x)
    scale = card.blend.stretch * card.blend.weight
    made = np.add.reduceat(by_column, _starts(card), axis=1)
    taken, slope = _bent(card, at, made.sum(axis=1))
    made[:, 0] += taken
    return made[:, 0], made[:, 1:] * scale, deviation * scale * slope, sigmoid(card.base + offer.popularity + lift)


def _bent(card: Card, at: int, logit: Floats) -> tuple[Floats, Floats]:
    """What the offer's bend takes from the model's log-odds above the knee, and the slope that is left."""
    bend = card.blend.bends[at] if card.blend.bends else 0.0
    above = np.maximum(logit - card.blend.knee, 0)
    return bend * above, np.where(above > 0, 1 + bend, 1.0)


def _by_regression(offer: OfferModel, x: Floats) -> tuple[Floats, Floats]:
    return x * np.array(offer.effects), np.sqrt(((x @ root_of(offer.root)) ** 2).sum(axis=1))


def _by_trees(trees: Challenger, offer: OfferModel, x: Floats) -> tuple[Floats, Floats]:
    """What every row starts from joins the offer's own column. How unsure a score is, is told by the whole of it."""
    x[:, 0] = offer.popularity
    told = contributions(trees.text or "", x.astype(np.float32))
    told[:, 0] += told[:, -1]
    return told[:, :-1], np.zeros(len(x))


def _starts(card: Card) -> list[int]:
    """Where each term's columns begin: the intercept, the features, the holdings, the last column."""
    starts = [0]
    at = 1
    for feature in card.features:
        starts.append(at)
        at += feature.width
    return [*starts, at, at + len(card.holdings)] if card.holdings else starts


def root_of(flat: Sequence[float]) -> Floats:
    """A lower triangle from its rows one after another."""
    width = int((np.sqrt(8 * len(flat) + 1) - 1) / 2)
    made = np.zeros((width, width))
    made[np.tril_indices(width)] = flat
    return made
