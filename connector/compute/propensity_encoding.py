"""Features as standardised columns: numbers clipped and unskewed, categories one column a level, gaps told apart.

Learnt on the rows that a model is fitted on and kept in its card, so a later row is read the same way. A column that
hardly varies is not blown up to unit spread: its effect stays shrunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from connector.compute.propensity_pairs import UNKNOWN, Bools, Column, Floats, Singles
from connector.domain.propensity import Feature

CLIPPED = 0.002
"""Share of the smallest and of the largest numbers that is pulled in."""
SKEWED = 2.0
LEAST_SPREAD = 0.15
LEAST_OF_A_LEVEL = 20
LEVELS = 16
LEAST_MISSING = 5
OTHER = "…"


def learn_features(columns: Sequence[Column]) -> tuple[Feature, ...]:
    """Decide how each column is read."""
    return tuple(_learn_category(one) if one.kind == "category" else _learn_number(one) for one in columns)


def _learn_number(column: Column) -> Feature:
    values = column.values.astype(np.float64)
    known = values[np.isfinite(values)]
    gaps = len(values) - len(known)
    share = gaps / len(values) if min(gaps, len(known)) >= LEAST_MISSING else 0.0
    if not len(known):
        return Feature(column.name, column.kind)
    low, high = (float(edge) for edge in np.quantile(known, (CLIPPED, 1 - CLIPPED)))
    if low == high:
        low, high = float(known.min()), float(known.max())
    known = np.clip(known, low, high)
    bend = _bend(known) if column.kind != "bool" else 0.0
    known = np.arcsinh(known / bend) if bend else known
    spread = float(known.std())
    if spread < 1e-9 * max(1.0, abs(float(known.mean()))):
        low = high = float(np.median(values[np.isfinite(values)]))
        return Feature(column.name, column.kind, low=low, high=high, mean=low)
    least = LEAST_SPREAD if column.kind == "bool" else 0.0
    return Feature(
        column.name,
        column.kind,
        low=low,
        high=high,
        bend=bend,
        mean=float(known.mean()),
        spread=max(spread, least),
        missing=share,
        missing_spread=max((share * (1 - share)) ** 0.5, LEAST_SPREAD),
    )


def _bend(values: Floats) -> float:
    """Choose a scale that takes the skew out of a long tail; 0 where there is none."""
    centred = values - values.mean()
    deviation = float(values.std())
    if deviation == 0 or abs(float((centred**3).mean())) / deviation**3 < SKEWED:
        return 0.0
    typical = float(np.median(np.abs(values[values != 0]))) if bool((values != 0).any()) else 0.0
    return typical / 2


def _learn_category(column: Column) -> Feature:
    counts = np.bincount(column.values[column.values != UNKNOWN], minlength=len(column.levels))
    least = max(LEAST_OF_A_LEVEL, len(column.values) // 500) if len(column.values) > 1000 else 5
    ranked = sorted(range(len(column.levels)), key=lambda at: (-counts[at], column.levels[at]))
    kept = sorted(at for at in ranked[:LEVELS] if counts[at] >= least)
    shares = tuple(float(counts[at]) / len(column.values) for at in kept)
    spreads = tuple(max((share * (1 - share)) ** 0.5, LEAST_SPREAD) for share in shares)
    return Feature(
        column.name, "category", levels=tuple(column.levels[at] for at in kept), shares=shares, spreads=spreads
    )


def encode(columns: Sequence[Column], features: Sequence[Feature]) -> Singles:
    """Read columns as the features were learnt; one row of numbers for each row."""
    by_name = {column.name: column for column in columns}
    length = len(columns[0].values) if columns else 0
    made = np.empty((length, sum(feature.width for feature in features)), np.float32)
    at = 0
    for feature in features:
        made[:, at : at + feature.width] = _encoded(by_name[feature.name], feature)
        at += feature.width
    return made


def _encoded(column: Column, feature: Feature) -> Singles:
    if feature.kind == "category":
        return _levels(column, feature)
    values = column.values.astype(np.float64)
    gaps = ~np.isfinite(values)
    values = np.clip(values, feature.low, feature.high)
    values = np.arcsinh(values / feature.bend) if feature.bend else values
    straight = np.where(gaps, 0.0, (values - feature.mean) / feature.spread)
    if not feature.missing:
        return straight[:, None].astype(np.float32)
    return np.column_stack([straight, (gaps - feature.missing) / feature.missing_spread]).astype(np.float32)


def _levels(column: Column, feature: Feature) -> Singles:
    place = {level: at for at, level in enumerate(feature.levels)}
    codes = np.array([*(place.get(level, UNKNOWN) for level in column.levels), UNKNOWN], np.int64)[column.values]
    none = -np.array(feature.shares) / np.array(feature.spreads)
    rows = np.tile(none, (len(feature.levels) + 1, 1))
    for at, spread in enumerate(feature.spreads):
        rows[at, at] += 1 / spread
    return np.asarray(rows.astype(np.float32)[codes])


def held_spreads(holds: Bools) -> tuple[Floats, Floats]:
    """Mean and spread of every holding over the entities."""
    shares = holds.mean(axis=0) if len(holds) else np.zeros(holds.shape[1])
    return shares, np.maximum(np.sqrt(shares * (1 - shares)), LEAST_SPREAD)


def digest_of(features: Sequence[Feature]) -> str:
    """Name a set of features by what is in it."""
    told = "\n".join(f"{feature.name}:{feature.kind}" for feature in features)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
