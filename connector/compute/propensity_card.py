"""A card as JSON and back: the same card gives the same bytes, and no code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from connector.domain.errors import SourceDataError
from connector.domain.propensity import FORMAT, Blend, Card, Evidence, Feature, OfferModel, Quality

REFIT = "fit it again with `connector propensity fit`"


def card_text(card: Card) -> str:
    """Write a card as JSON."""
    told = {"format": FORMAT, "model": "ridge logistic regression, blended with a scorecard", **asdict(card)}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=None, separators=(",", ":")) + "\n"


def card_of(text: str, at: str) -> Card:
    """Read a card, or say why it is none."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise SourceDataError("this is no model card: it is not JSON", at=at, hint=REFIT) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise SourceDataError(f"this is no model card of format {FORMAT}", at=at, hint=REFIT)
    try:
        return _card(told)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceDataError(f"this model card is incomplete: {error}", at=at, hint=REFIT) from error


def _card(told: Mapping[str, Any]) -> Card:
    rest = {name: value for name, value in told.items() if name not in ("format", "model")}
    return Card(
        **rest
        | {
            "evidence": Evidence(told["evidence"]),
            "quality": Quality(**told["quality"]),
            "blend": Blend(**told["blend"]),
            "features": tuple(Feature(**_tuples(one)) for one in told["features"]),
            "offers": tuple(OfferModel(**_tuples(one)) for one in told["offers"]),
            **{name: tuple(told[name]) for name in ("holdings", "held_shares", "held_spreads", "warnings")},
        }
    )


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
