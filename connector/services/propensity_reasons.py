"""Reasons as JSON text, a list of {feature, value, term} a row, made a column at a time.

Half a million rows with fifteen reasons each are millions of little texts: they are put together by arrow, because
Python would take a minute for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.compute.propensity_pairs import Column, Floats, Pairs
from connector.compute.propensity_predict import Predicted
from connector.compute.propensity_ridge import sigmoid
from connector.domain.propensity import FITS_HELD, HELD, OFFER, PRIOR, Card


def reasons(card: Card, pairs: Pairs, predicted: Predicted) -> pa.Array:
    """Write every term of every row."""
    by_name = {feature.name for feature in card.features}
    columns = {column.name: column for column in pairs.columns}
    parts: list[Any] = []
    for at, name in enumerate(predicted.names):
        value = (
            _value(columns[name])
            if name in by_name and 0 < at <= len(card.features)
            else _own(card, pairs, predicted, name)
        )
        opening = ("[" if at == 0 else "}, ") + f'{{"feature": {json.dumps(name, ensure_ascii=False)}, "value": '
        parts += [opening, value, ', "term": ', _number(predicted.terms[:, at])]
    return pc.binary_join_element_wise(*parts, "}]", "")


def _number(values: Floats) -> pa.Array:
    return pa.array(values + 0.0).cast(pa.string())


def _value(column: Column) -> pa.Array:
    if column.kind == "category":
        levels = pa.array([json.dumps(level, ensure_ascii=False) if level else "null" for level in column.levels])
        return levels.take(pa.array(column.values))
    if column.kind == "bool":
        words = pa.array(["false", "true", "null"])
        return words.take(pa.array(np.where(np.isnan(column.values), 2, column.values).astype(np.int32)))
    gaps = np.isnan(column.values)
    text = _number(np.where(gaps, 0.0, column.values))
    return pc.if_else(pa.array(gaps), "null", text) if gaps.any() else text


def _own(card: Card, pairs: Pairs, predicted: Predicted, name: str) -> pa.Array:
    """The value of a term that is no column: the offer's share of adopters, what is held, and so on."""
    if name == OFFER:
        rates = np.round(sigmoid(np.array([card.base + offer.popularity for offer in card.offers])), 6)
        return _number(rates).take(pa.array(pairs.offer))
    if name == HELD:
        return _held(pairs)
    if name == FITS_HELD:
        return _number(np.round(predicted.fits_held, 6))
    if name == PRIOR and pairs.prior is not None:
        gaps = np.isnan(pairs.prior)
        return pc.if_else(pa.array(gaps), "null", _number(np.where(gaps, 0.0, pairs.prior)))
    return pa.array(["null"] * len(pairs))


def _held(pairs: Pairs) -> pa.Array:
    packed = np.packbits(pairs.holds, axis=1)
    sets, place = np.unique(packed, axis=0, return_inverse=True)
    texts = pa.array([json.dumps(list(_names(pairs, one)), ensure_ascii=False) for one in sets])
    return texts.take(pa.array(place.reshape(-1)[pairs.entity]))


def _names(pairs: Pairs, packed: Any) -> Iterator[str]:
    bits = np.unpackbits(packed, count=len(pairs.holdings))
    return (pairs.holdings[int(at)] for at in np.flatnonzero(bits))
