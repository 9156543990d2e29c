"""What the ridge regression is fitted on: for each offer a matrix of everything known about its rows.

The last column tells what holders of the same things adopt. It is made from outcomes, so a training row gets it from
the other folds' outcomes, and a row that is judged from the training rows' alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_blend import logit_of
from connector.compute.propensity_encoding import encode, held_spreads
from connector.compute.propensity_pairs import UNKNOWN, Bools, Floats, Pairs, Singles, Whole
from connector.compute.propensity_ridge import Block
from connector.domain.propensity import Feature

SHRUNK_BY = 20.0
INNER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Design:
    """Rows by offer; `rows[o]` are the places in the pairs of the rows of offer `o`."""

    rows: Sequence[NDArray[np.intp]]
    blocks: Sequence[Block]
    held: Sequence[Bools]
    """What the account of each row holds, `none` last."""
    inner: Sequence[Whole]
    lift_mean: float = 0.0
    lift_spread: float = 1.0

    def everything(self) -> list[Bools]:
        """Use every row."""
        return [np.ones(len(rows), bool) for rows in self.rows]

    def chosen(self, mask: Bools) -> list[Bools]:
        """Use the rows of a mask over the pairs."""
        return [mask[rows] for rows in self.rows]

    def prepared(self, used: Sequence[Bools]) -> tuple[Design, list[Floats]]:
        """Set popularity and the last column from the outcomes of the rows that are used; also gives the lifts."""
        rate = pool_rate(self.blocks, used)
        blocks, told = [], []
        for block, held, inner, use in zip(self.blocks, self.held, self.inner, used, strict=True):
            share = shrunk_share(block.y[use], rate)
            lift = lifts(held[use], block.y[use], share)
            column = _mean_lift(held, lift)
            if held.shape[1] == 1:  # nobody holds anything: there is nothing to tell
                lift, inner, column = np.zeros(1), np.full(len(inner), UNKNOWN), np.zeros(len(column))
            for fold in range(INNER_FOLDS):
                mine, others = use & (inner == fold), use & (inner != fold)
                apart = lifts(held[others], block.y[others], share)
                column[mine] = _mean_lift(held[mine], apart)
            block.x[:, -1] = (column - self.lift_mean) / self.lift_spread
            blocks.append(replace(block, popularity=float(logit_of(np.array(share)) - logit_of(np.array(rate)))))
            told.append(lift)
        return replace(self, blocks=blocks), told


def pool_rate(blocks: Sequence[Block], used: Sequence[Bools]) -> float:
    """Share of adoptions over all offers."""
    adopted = sum(float(block.y[use].sum()) for block, use in zip(blocks, used, strict=True))
    return (adopted + 0.5) / (sum(int(use.sum()) for use in used) + 1)


def shrunk_share(y: Floats, rate: float) -> float:
    """Share of adoptions of an offer, shrunk to the pool's."""
    return (float(y.sum()) + SHRUNK_BY * rate) / (len(y) + SHRUNK_BY)


def lifts(held: Bools, y: Floats, share: float) -> Floats:
    """By holding: how much more likely its holders are to adopt than everybody, in shrunk log-odds."""
    holders = held.sum(axis=0)
    adopted = held[y > 0].sum(axis=0)
    return logit_of((adopted + SHRUNK_BY * share) / (holders + SHRUNK_BY)) - logit_of(np.array(share))


def _mean_lift(held: Bools, lift: Floats) -> Floats:
    return np.asarray(held.astype(np.float32) @ lift.astype(np.float32) / np.maximum(held.sum(axis=1), 1), np.float64)


def held_by_row(pairs: Pairs, rows: NDArray[np.intp], own: int) -> Bools:
    """What the account of each row holds beside the offer itself, with `none` as a holding of its own."""
    held = pairs.holds[pairs.entity[rows]]
    if own != UNKNOWN:
        held[:, own] = False
    return np.column_stack([held, ~held.any(axis=1)])


def make_design(pairs: Pairs, features: Sequence[Feature], seed: int) -> tuple[Design, Floats, Floats]:
    """Lay the pairs out by offer; also gives mean and spread of the holdings."""
    shares, spreads = held_spreads(pairs.holds)
    inner, own = pairs.folds(INNER_FOLDS, f"inner {seed}"), pairs.own()
    order = np.argsort(pairs.offer, kind="stable")
    ends = np.searchsorted(pairs.offer[order], np.arange(len(pairs.offers) + 1))
    rows = [order[ends[at] : ends[at + 1]] for at in range(len(pairs.offers))]
    blocks, held = [], []
    for at, mine in enumerate(rows):
        holds = held_by_row(pairs, mine, int(own[at]))
        x, y = matrix(pairs, mine, features, holds, shares, spreads), pairs.adopted[mine].astype(float)
        blocks.append(Block(x, y, 0.0, _pointed(pairs.pointed.get(pairs.offers[at]), features, x.shape[1])))
        held.append(holds)
    design = Design(rows, blocks, held, [inner[mine] for mine in rows])
    prepared, _ = design.prepared(design.everything())
    column = np.concatenate([block.x[:, -1] for block in prepared.blocks]).astype(np.float64)
    mean, spread = float(column.mean()), max(float(column.std()), 0.05)
    return replace(design, lift_mean=mean, lift_spread=spread), shares, spreads


def _pointed(names: frozenset[str] | None, features: Sequence[Feature], width: int) -> Bools | None:
    """Mark the columns of some features."""
    if not names:
        return None
    marked = [feature.name in names for feature in features for _ in range(feature.width)]
    return np.array([False, *marked, *[False] * (width - 1 - len(marked))])


def matrix(
    pairs: Pairs,
    rows: NDArray[np.intp],
    features: Sequence[Feature],
    held: Bools,
    shares: Floats,
    spreads: Floats,
) -> Singles:
    """Ones, features, holdings, and an empty last column."""
    told = encode([column.take(rows) for column in pairs.columns], features)
    width = 1 + told.shape[1] + len(shares) + 1 if features else 1 + len(shares) + 1
    made = np.empty((len(rows), width), np.float32)
    made[:, 0] = 1
    if features:
        made[:, 1 : 1 + told.shape[1]] = told
    made[:, width - 1 - len(shares) : width - 1] = (held[:, :-1] - shares) / spreads
    made[:, -1] = 0
    return made
