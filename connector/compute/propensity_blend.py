"""Scorecard and model joined in log-odds by evidence, then calibrated.

Everything here is a straight line in log-odds, so terms stay signed and add up; an offer's highest scores may go on
along a flatter one, and what that takes is told as a term. Calibration is a shift and a stretch with a prior (Platt),
never isotonic: isotonic ties spoil the ranking and cost accuracy below 300 adoptions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_pairs import Floats, Whole
from connector.compute.propensity_ridge import sigmoid

SLOPE_MEAN, SLOPE_SD = 1.0, 0.5
STRETCH_MEAN, STRETCH_SD, LEAST_STRETCH = 1.0, 0.3, 0.05
SHIFT_SD = 3.0
OFFER_SHIFT_SD = 0.3
HALF_WEIGHT_AT = 40
WEIGHT_SD = 0.35
GRID = 51
KNEE_AT, BEND_SD, MOST_BENT = 0.7, 0.5, -0.95
"""The knee lies where this share of the adopters scored less; above it scores still rise."""
STEPS = 30


def straight_line(score: Floats, y: Floats, mean: float, sd: float, least: float) -> tuple[float, float]:
    """Fit logit p = a + b·score with a prior on b, which never falls below `least`; gives (a, b)."""
    a, b = 0.0, mean
    for _ in range(STEPS):
        p = sigmoid(a + b * score)
        w = p * (1 - p)
        gradient = np.array([(y - p).sum() - a / SHIFT_SD**2, ((y - p) * score).sum() - (b - mean) / sd**2])
        cross = float((w * score).sum())
        hessian = np.array([[w.sum() + 1 / SHIFT_SD**2, cross], [cross, float((w * score**2).sum()) + 1 / sd**2]])
        step = np.clip(np.linalg.solve(hessian, gradient), -2, 2)
        a, b = a + float(step[0]), b + float(step[1])
        if float(np.abs(step).max()) < 1e-10:
            break
    return (a, b) if b >= least else (_intercept(least * score, y), least)


def _intercept(offset: Floats, y: Floats) -> float:
    a = 0.0
    for _ in range(STEPS):
        p = sigmoid(a + offset)
        a += float(np.clip(((y - p).sum() - a / SHIFT_SD**2) / ((p * (1 - p)).sum() + 1 / SHIFT_SD**2), -2, 2))
    return a


def scorecard_line(prior: Floats, y: Floats) -> tuple[float, float]:
    """Learn what a scorecard's log-odds are worth: intercept and slope. A reversed scorecard is worth nothing."""
    return straight_line(prior, y, SLOPE_MEAN, SLOPE_SD, 0.0)


def weight_of(model: Floats, scorecard: Floats, y: Floats) -> float:
    """Mean of the posterior of the model's weight; the more adoptions, the more is expected of the model beforehand."""
    grid = np.linspace(0, 1, GRID)
    adopted = float(y.sum())
    told = -((grid - adopted / (adopted + HALF_WEIGHT_AT)) ** 2) / (2 * WEIGHT_SD**2)
    for at, weight in enumerate(grid):
        logit = weight * model + (1 - weight) * scorecard
        told[at] += float(y @ logit - np.logaddexp(0, logit).sum())
    odds = np.exp(told - told.max())
    return float((odds * grid).sum() / odds.sum())


def bends_of(model: Floats, y: Floats, offer: Whole, offers: int) -> tuple[float, Floats]:
    """Find the knee, and by how much less each offer's scores should rise above it.

    Signs of one need that come together add up in log-odds, and then the highest scores promise what never comes.
    """
    knee = float(np.quantile(model[y > 0], KNEE_AT))
    above, bends = np.maximum(model - knee, 0), np.zeros(offers)
    for at in range(offers):
        mine = offer == at
        if above[mine].any():
            bends[at] = min(0.0, max(MOST_BENT, _bend(model[mine], above[mine], y[mine])))
    return knee, bends


def _bend(line: Floats, above: Floats, y: Floats) -> float:
    """Change of slope above the knee that the outcomes of an offer tell, beside a shift of all its scores."""
    x, weigh, found = np.column_stack([np.ones(len(y)), above]), np.array([OFFER_SHIFT_SD, BEND_SD]) ** -2, np.zeros(2)
    for _ in range(STEPS):
        p = sigmoid(line + x @ found)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(weigh)
        step = np.clip(np.linalg.solve(hessian, (y - p) @ x - weigh * found), -1, 1)
        found += step
        if float(np.abs(step).max()) < 1e-10:
            break
    return float(found[1])


def bent(model: Floats, offer: Whole, knee: float, bends: Floats) -> Floats:
    """Let scores above the knee rise by as much less as their offer's bend says."""
    return np.asarray(model + bends[offer] * np.maximum(model - knee, 0))


def calibrate(score: Floats, y: Floats, offer: Whole, offers: int) -> tuple[float, float, Floats]:
    """Fit shift, stretch, and a shift of each offer that is shrunk to none."""
    shift, stretch = straight_line(score, y, STRETCH_MEAN, STRETCH_SD, LEAST_STRETCH)
    line, shifts = shift + stretch * score, np.zeros(offers)
    for _ in range(STEPS if offers > 1 else 0):
        p = sigmoid(line + shifts[offer])
        pull = np.bincount(offer, y - p, offers) - shifts / OFFER_SHIFT_SD**2
        shifts += np.clip(pull / (np.bincount(offer, p * (1 - p), offers) + 1 / OFFER_SHIFT_SD**2), -1, 1)
    return shift, stretch, shifts


def logit_of(p: NDArray[np.float64]) -> Floats:
    """Log-odds, of probabilities kept off 0 and 1."""
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))
