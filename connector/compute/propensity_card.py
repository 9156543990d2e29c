"""A card as JSON and back: the same card gives the same bytes, and no code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from connector.domain.errors import SourceDataError
from connector.domain.propensity import (
    FORMAT,
    Blend,
    Card,
    Challenger,
    Evidence,
    Feature,
    InUse,
    OfferModel,
    Quality,
    Window,
)

REGRESSION = "ridge logistic regression, blended with a scorecard"
TREES = "gradient-boosted trees (LightGBM), blended with a scorecard; the regression they replaced beside them"
REFIT = "fit it again with `connector propensity fit`"


def card_text(card: Card) -> str:
    """Write a card as JSON."""
    model = TREES if card.challenger is not None and card.challenger.promoted else REGRESSION
    told = {"format": FORMAT, "model": model, **asdict(card)}
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
            "blend": Blend(**_tuples(told["blend"])),
            "features": tuple(Feature(**_tuples(one)) for one in told["features"]),
            "offers": tuple(OfferModel(**_tuples(one)) for one in told["offers"]),
            "challenger": _challenger(told["challenger"]) if told["challenger"] else None,
            **{name: tuple(told[name]) for name in ("holdings", "held_shares", "held_spreads", "warnings")},
        }
    )


def _challenger(told: Mapping[str, Any]) -> Challenger:
    before = told["instead_of"]
    made = {"windows": tuple(Window(**one) for one in told["windows"])}
    return Challenger(**_tuples(told) | made | {"instead_of": _in_use(before) if before else None})


def _in_use(told: Mapping[str, Any]) -> InUse:
    quality, blend = Quality(**told["quality"]), Blend(**_tuples(told["blend"]))
    return InUse(Evidence(told["evidence"]), blend, tuple(told["shifts"]), quality)


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
