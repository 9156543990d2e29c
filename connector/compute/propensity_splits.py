"""Which rows are kept from a model that is then judged on them.

With dates of one day, accounts are dealt into folds. With several, a model only ever sees what was known before: a
window is judged by a model whose labels were closed when the window began (embargo).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connector.compute.propensity_pairs import Bools, Pairs
from connector.domain.propensity import LEAST_ADOPTIONS

FOLDS, FEW_FOLDS, MANY_ROWS = 5, 3, 150_000
MORE_FOLDS, REPEATS, FEW_ROWS = 10, 3, 3_000
"""Few rows are dealt several times, and each is judged by the mean: how they fell matters less."""
WINDOWS = 4


@dataclass(frozen=True, eq=False)
class Split:
    """Rows that are learnt from, and rows that are judged."""

    train: Bools
    test: Bools


@dataclass(frozen=True, eq=False)
class Splits:
    """Every split with how it is told, and what a reader should know about it."""

    splits: tuple[Split, ...]
    told: str
    warnings: tuple[str, ...] = ()


def splits_of(pairs: Pairs, horizon_days: int, seed: int) -> Splits:
    """Keep rows apart forward in time where they are dated, else by account."""
    days = np.unique(pairs.day)
    if not pairs.is_dated or len(days) < 2:
        return Splits(_by_account(pairs, seed), "accounts in folds")
    for embargo in (horizon_days, 1):
        made = _forward(pairs, embargo)
        if made:
            told = f"forward in time, {embargo} days apart" if embargo > 1 else "forward in time"
            return Splits(made, told, () if embargo > 1 else (_close(horizon_days),))
    few = "too few adoptions at an earlier as_of to judge forward in time: accounts were kept apart instead"
    return Splits(_by_account(pairs, seed), "accounts in folds", (few,))


def _close(horizon_days: int) -> str:
    return (
        f"the as_of dates are less than {horizon_days} days apart: outcomes of training rows may not have been known "
        "when the judged rows began"
    )


def _by_account(pairs: Pairs, seed: int) -> tuple[Split, ...]:
    folds, repeats = (MORE_FOLDS, REPEATS) if len(pairs) < FEW_ROWS else (FOLDS, 1)
    folds = FEW_FOLDS if len(pairs) > MANY_ROWS else folds
    made = []
    for repeat in range(repeats):
        dealt = pairs.folds(folds, f"outer {seed} {repeat}")
        made += [Split(dealt != fold, dealt == fold) for fold in range(folds)]
    return tuple(split for split in made if split.test.any() and pairs.adopted[split.train].any())


def _forward(pairs: Pairs, embargo: int) -> tuple[Split, ...]:
    """Judge the later half of the adoptions in up to four windows."""
    days, place = np.unique(pairs.day, return_inverse=True)
    adopted = np.cumsum(np.bincount(place, pairs.adopted == 1, len(days)))
    parts = (0.5 + 0.5 * np.arange(WINDOWS) / WINDOWS) * adopted[-1]
    starts = np.unique(np.minimum(np.searchsorted(adopted, parts, "right"), len(days) - 1))
    starts = starts[starts > 0]
    made = []
    for at, start in enumerate(starts):
        end = days[starts[at + 1]] if at + 1 < len(starts) else days[-1] + 1
        train = pairs.day <= days[start] - embargo
        test = (pairs.day >= days[start]) & (pairs.day < end)
        if (pairs.adopted[train] == 1).sum() >= LEAST_ADOPTIONS:
            made.append(Split(train, test))
    judged = np.logical_or.reduce([split.test for split in made]) if made else np.zeros(len(pairs), bool)
    is_enough = (pairs.adopted[judged] == 1).sum() >= LEAST_ADOPTIONS and (pairs.adopted[judged] == 0).any()
    return tuple(made) if is_enough else ()
