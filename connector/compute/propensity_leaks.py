"""Features that give the answer away: where a model is too good, each is taken out and the fall is told.

A feature that contains what was bought (a bill with the offer on it) lifts the order of unseen rows to near
perfection, and is worth nothing on the day. Nobody can tell it from luck but by its weight: above .90, what carries
more than .10 alone is named with both figures, and it is for a person to judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from connector.compute.propensity_design import make_design
from connector.compute.propensity_encoding import learn_features
from connector.compute.propensity_judge import auc
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_ridge import Penalties, fit_ridge
from connector.domain.propensity import LEAST_ADOPTIONS

TOO_GOOD = 0.90
CARRIES = 0.10
GOOD, OF_MONEY = (
    0.80,
    re.compile(r"charge|price|amount|revenue|cost|bill|fee|spend|mrr|arr\b|montant|prix", re.IGNORECASE),
)
"""What a customer pays contains what it bought: columns that seem to tell it are looked at sooner."""
LOOKED_AT = 30_000
MOST_TRIED = 40
TOGETHER = 3


@dataclass(frozen=True)
class Leak:
    """Features without which the order of unseen rows falls apart."""

    features: tuple[str, ...]
    auc_with: float
    auc_without: float

    def __str__(self) -> str:
        names = " and ".join(self.features)
        return (
            f"{names} may give the answer away: AUC {self.auc_with:.2f} with, {self.auc_without:.2f} without; "
            "leave out what was not known before the outcome (the offer's own price, say)"
        )


def present_only_for(pairs: Pairs) -> str | None:
    """Name a feature that is filled for every adopter and for nobody else: known only after the event."""
    for column in pairs.columns:
        if column.kind == "category":
            gap = len(column.levels) - 1 if column.levels and column.levels[-1] == "" else -1
            filled = (column.values != gap) & (column.values >= 0)
        else:
            filled = np.isfinite(column.values)
        known = pairs.adopted >= 0
        if filled[known].any() and bool((filled[known] == (pairs.adopted[known] == 1)).all()):
            return column.name
    return None


def leaks(pairs: Pairs, whole: float | None, penalties: Penalties, seed: int) -> list[Leak]:
    """Take features out one by one where the order is too good; several together where no single one tells."""
    looked_at = [one.name for one in pairs.columns if (whole or 0) >= TOO_GOOD or OF_MONEY.search(one.name)]
    if whole is None or whole < GOOD or not looked_at:
        return []
    share = min(1.0, LOOKED_AT / len(pairs))
    pairs = pairs.take(np.flatnonzero(pairs.folds(1000, f"leaks {seed}") < 1000 * share))
    full = _order(pairs, penalties, seed)
    if full is None:
        return []
    names = looked_at[:MOST_TRIED]
    without = {name: _order(pairs.without([name]), penalties, seed) or full for name in names}
    found = [Leak((name,), full, left) for name, left in without.items() if full - left > CARRIES]
    return found or _together(pairs, full, penalties, seed)


def _together(pairs: Pairs, full: float, penalties: Penalties, seed: int) -> list[Leak]:
    """Two columns that say the same hide each other: take out those that tell most alone, one after another."""
    if full < TOO_GOOD:
        return []
    alone = {
        column.name: _order(pairs.without(_others(pairs, column.name)), penalties, seed) or 0.5
        for column in pairs.columns
    }
    ranked = sorted(alone, key=lambda name: (-alone[name], name))
    for count in range(2, min(TOGETHER, len(ranked)) + 1):
        left = _order(pairs.without(ranked[:count]), penalties, seed)
        if left is not None and full - left > CARRIES:
            return [Leak(tuple(ranked[:count]), full, left)]
    return []


def _others(pairs: Pairs, name: str) -> Sequence[str]:
    return [column.name for column in pairs.columns if column.name != name]


def _order(pairs: Pairs, penalties: Penalties, seed: int) -> float | None:
    """AUC of one half of the accounts by a model of the other."""
    train = pairs.folds(2, f"halves {seed}") == 0
    if int((pairs.adopted[train] == 1).sum()) < LEAST_ADOPTIONS:
        return None
    features = tuple(feature for feature in learn_features(pairs.columns) if feature.width)
    design, _, _ = make_design(pairs, features, seed)
    used = design.chosen(train)
    prepared, _ = design.prepared(used)
    ridge = fit_ridge(prepared.blocks, penalties, used)
    logit = np.zeros(len(pairs))
    for rows, block, effect in zip(prepared.rows, prepared.blocks, ridge.effects, strict=True):
        logit[rows] = block.x.astype(np.float64) @ effect
    found = auc(logit[~train], pairs.adopted[~train].astype(float), pairs.account[~train])
    return None if found is None else found.value
