"""A card as JSON and back: the same card gives the same bytes, and no code is ever loaded."""

from __future__ import annotations

import json
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from connector.domain.errors import SourceDataError
from connector.domain.propensity import FORMAT, Card

CARD = TypeAdapter(Card)
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
        card = CARD.validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SourceDataError(f"this model card is damaged: {where}: {first['msg']}", at=at, hint=REFIT) from error
    if card.blend.bends and len(card.blend.bends) != len(card.offers):
        raise SourceDataError("this model card is damaged: blend.bends: not one per offer", at=at, hint=REFIT)
    return card
