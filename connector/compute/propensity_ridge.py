"""Ridge logistic regression with a shared effect and an offer's own effect for every column, by Newton's method.

logit = intercept + popularity + π·popularity + aₒ + x·(β + bₒ). All offers share β; what is particular to one is kept
small by its own penalty, a weaker one where a rule reads a column for that very offer. The Hessian is an arrow (a block
an offer, joined by the shared part alone), so a thousand columns cost what twenty small systems cost, and numpy is
enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from connector.compute.propensity_pairs import Bools, Floats, Singles

MOST_STEPS = 40
CLOSE_ENOUGH = 1e-9
CHUNK = 16_384
NEVER = 1e9
"""A penalty under which an effect stays zero."""


@dataclass(frozen=True, eq=False)
class Block:
    """The rows of one offer: a first column of ones, then everything known."""

    x: Singles
    y: Floats
    popularity: float
    """Log-odds of its popularity less the pool's."""
    pointed: Bools | None = None
    """Columns that are read by rules which point to this offer."""


@dataclass(frozen=True)
class Penalties:
    """How strongly effects are drawn to zero; a penalty is 1 / C."""

    shared: float = 10.0
    own: float = 10.0
    intercept: float = 10.0
    pointed: float | None = None
    """Of an offer's own effect in a column that rules read for it; None: as in any other."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """Fitted effects, and what the covariance of an offer's effects is made from."""

    shared: Floats
    """Intercept, popularity beyond one, then β."""
    own: Floats
    """(offer, column)."""
    popularity: Floats
    _schur: Floats
    _to_shared: Sequence[Floats]
    _own_hessian: Sequence[Floats]

    @property
    def effects(self) -> Floats:
        """Everything added up: (offer, intercept and columns)."""
        made: Floats = self.own + np.concatenate([[self.shared[0]], self.shared[2:]])[None, :]
        made[:, 0] += self.popularity * (1 + self.shared[1])
        return made

    def root(self, offer: int) -> Floats:
        """Lower-triangular root of the covariance of an offer's effects (Laplace)."""
        inverse = np.linalg.inv(self._own_hessian[offer])
        link = _link(self.popularity[offer], inverse.shape[0]) - inverse @ self._to_shared[offer]
        covariance = link @ np.linalg.solve(self._schur, link.T) + inverse
        covariance = (covariance + covariance.T) / 2 + 1e-10 * np.eye(len(covariance))
        return np.asarray(np.linalg.cholesky(covariance))


def fit_ridge(
    blocks: Sequence[Block], penalties: Penalties, used: Sequence[Bools] | None = None, start: Ridge | None = None
) -> Ridge:
    """Fit on the rows that are used; a start near the end only saves steps."""
    width = blocks[0].x.shape[1]
    popularity = np.array([block.popularity for block in blocks])
    shared = np.zeros(width + 1) if start is None else start.shared.copy()
    own = np.zeros((len(blocks), width)) if start is None else start.own.copy()
    if start is None:
        shared[0] = _first_intercept(blocks, used)
    weigh_shared = np.full(width + 1, penalties.shared)
    weigh_shared[0] = 1e-6
    weigh_own = np.array([_own_weights(block, penalties) for block in blocks])
    before, step_shared, step_own = np.inf, np.zeros_like(shared), np.zeros_like(own)
    for _ in range(MOST_STEPS):
        made = Ridge(shared, own, popularity, np.empty(0), (), ())
        loss, gradients, hessians = _look(blocks, made.effects, used)
        loss += float(weigh_shared @ shared**2 + (own**2 * weigh_own).sum()) / 2
        if loss > before + 1e-7 * abs(before):  # overshot: go half the way
            step_shared, step_own = step_shared / 2, step_own / 2
            shared, own = shared - step_shared, own - step_own
            continue
        schur, right, to_shared, solved, kept = _arrow(
            gradients, hessians, popularity, (shared, own), (weigh_shared, weigh_own)
        )
        step_shared = np.linalg.solve(schur, right)
        step_own = np.array([one - link @ step_shared for one, link in solved])
        if before - loss <= CLOSE_ENOUGH * abs(loss):
            break
        before = loss
        shared, own = shared + step_shared, own + step_own
    return Ridge(shared, own, popularity, schur, to_shared, kept)


def _own_weights(block: Block, penalties: Penalties) -> Floats:
    """How strongly each of an offer's own effects is drawn to zero."""
    made = np.full(block.x.shape[1], penalties.own, np.float64)
    if block.pointed is not None and penalties.pointed is not None:
        made[block.pointed] = penalties.pointed
    made[0] = penalties.intercept
    return made


def _first_intercept(blocks: Sequence[Block], used: Sequence[Bools] | None) -> float:
    rows = sum(len(y) for y in _ys(blocks, used))
    adopted = sum(float(y.sum()) for y in _ys(blocks, used))
    rate = (adopted + 0.5) / (rows + 1)
    return float(np.log(rate / (1 - rate)))


def _ys(blocks: Sequence[Block], used: Sequence[Bools] | None) -> Iterator[Floats]:
    for at, block in enumerate(blocks):
        yield block.y if used is None else block.y[used[at]]


def _look(
    blocks: Sequence[Block], effects: Floats, used: Sequence[Bools] | None
) -> tuple[float, list[Floats], list[Floats]]:
    """Loss of all offers, and gradient and Hessian of each in its own effects."""
    loss, gradients, hessians = 0.0, [], []
    for at, block in enumerate(blocks):
        width = block.x.shape[1]
        gradient, hessian = np.zeros(width), np.zeros((width, width))
        for first in range(0, len(block.y), CHUNK):
            x, y = block.x[first : first + CHUNK].astype(np.float64), block.y[first : first + CHUNK]
            if used is not None:
                chosen = used[at][first : first + CHUNK]
                x, y = x[chosen], y[chosen]
            logit = x @ effects[at]
            p = sigmoid(logit)
            loss += float(np.logaddexp(0, logit).sum() - y @ logit)
            gradient += (y - p) @ x
            hessian += (x * (p * (1 - p))[:, None]).T @ x
        gradients.append(gradient)
        hessians.append(hessian)
    return loss, gradients, hessians


def _arrow(
    gradients: Sequence[Floats],
    hessians: Sequence[Floats],
    popularity: Floats,
    at: tuple[Floats, Floats],
    weigh: tuple[Floats, Floats],
) -> tuple[Floats, Floats, list[Floats], list[tuple[Floats, Floats]], list[Floats]]:
    """Eliminate each offer's own effects; what is left is a system for the shared ones."""
    shared, own = at
    schur = np.diag(weigh[0]).astype(np.float64)
    right = -weigh[0] * shared
    to_shared, solved, kept = [], [], []
    for number, (gradient, hessian) in enumerate(zip(gradients, hessians, strict=True)):
        link = _link(popularity[number], len(gradient))
        cross = hessian @ link
        full = hessian + np.diag(weigh[1][number])
        both = np.linalg.solve(full, np.column_stack([gradient - weigh[1][number] * own[number], cross]))
        schur += link.T @ cross - cross.T @ both[:, 1:]
        right += link.T @ gradient - cross.T @ both[:, 0]
        to_shared.append(cross)
        solved.append((both[:, 0], both[:, 1:]))
        kept.append(full)
    return schur, right, to_shared, solved, kept


def _link(popularity: float, width: int) -> Floats:
    """How the shared effects enter an offer's: its intercept takes the popularity too."""
    made = np.zeros((width, width + 1))
    made[0, 0], made[0, 1] = 1.0, popularity
    made[1:, 2:] = np.eye(width - 1)
    return made


def sigmoid(logit: Floats) -> Floats:
    """Probabilities of log-odds, without overflow."""
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1 / (1 + small), small / (1 + small))
