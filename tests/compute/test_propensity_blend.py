"""Scores are joined and calibrated so that they keep their order, promise what comes, and add up."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.compute.propensity_blend import bends_of, bent, calibrate, scorecard_line, weight_of
from connector.compute.propensity_card import card_of, card_text
from connector.compute.propensity_fit import Unseen, fit, joined
from connector.compute.propensity_judge import ece
from connector.compute.propensity_predict import predict
from connector.compute.propensity_ridge import sigmoid
from connector.compute.propensity_splits import Splits
from connector.domain.errors import SourceDataError
from connector.domain.propensity import Evidence
from tests.compute.propensity_world import world


def test_calibration_keeps_the_order_and_mends_the_level() -> None:
    """Scores that are too bold and too high come back to what happens; the stretch stays above zero."""
    rng = np.random.default_rng(0)
    true = rng.normal(-2, 1, 20_000)
    y = (rng.random(20_000) < sigmoid(true)).astype(float)
    offer = np.zeros(20_000, np.int32)

    shift, stretch, _ = calibrate(2 * true + 1, y, offer, 1)

    assert stretch == pytest.approx(0.5, abs=0.05)
    assert ece(shift + stretch * (2 * true + 1), y) < 0.01
    assert calibrate(-true, y, offer, 1)[1] > 0


def test_a_reversed_scorecard_gets_no_slope_and_no_weight() -> None:
    """Outcomes teach what the scorecard is worth."""
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1, 2_000)
    y = (rng.random(2_000) < sigmoid(true)).astype(float)

    a, b = scorecard_line(-true, y)

    assert b == 0
    assert weight_of(true, a + b * true, y) > 0.9
    assert scorecard_line(true, y)[1] == pytest.approx(1, abs=0.1)


@given(seed=st.integers(0, 10_000), base=st.floats(-4, 0), slope=st.floats(0, 2))
@settings(max_examples=30, deadline=None)
def test_a_bend_keeps_an_offers_order_and_lifts_no_score(seed: int, base: float, slope: float) -> None:
    """Whatever outcomes say, bent scores still rise, none is higher than before, and those below the knee stay."""
    rng = np.random.default_rng(seed)
    model, offer = rng.normal(base, 1.5, 300), rng.integers(0, 3, 300).astype(np.int32)
    y = (rng.random(300) < sigmoid(slope * model)).astype(float)
    y[0] = 1

    knee, bends = bends_of(model, y, offer, 3)
    made = bent(model, offer, knee, bends)

    assert bool((made <= model).all())
    assert made[model <= knee].tolist() == model[model <= knee].tolist()
    for at in range(3):
        mine = made[offer == at][np.argsort(model[offer == at])]
        assert bool((np.diff(mine) > 0).all())


def test_an_offer_whose_highest_scores_promise_too_much_is_bent() -> None:
    """Bent scores promise what comes; an offer that keeps its promises stays as it is."""
    rng = np.random.default_rng(0)
    model, offer = rng.normal(-2, 1.5, 40_000), np.tile(np.arange(2, dtype=np.int32), 20_000)
    y = (rng.random(40_000) < sigmoid(model - 0.6 * np.maximum(model + 0.5, 0) * (offer == 0))).astype(float)

    knee, bends = bends_of(model, y, offer, 2)
    high = (offer == 0) & (model > knee + 1)
    made = bent(model, offer, knee, bends)[high]

    assert bends[1] == pytest.approx(0, abs=0.05)
    assert sigmoid(model[high]).mean() > y[high].mean() + 0.1
    assert sigmoid(made).mean() == pytest.approx(y[high].mean(), abs=0.03)


def test_bent_scores_are_weighed_and_calibrated_as_they_are_used() -> None:
    """On rows that were judged, a card's chances add up to what came, the bend included."""
    pairs = world(6_000, 2)
    rng = np.random.default_rng(0)
    model, scorecard = rng.normal(-2, 1.5, len(pairs)), np.full(len(pairs), -2.0)
    true = model - 0.9 * np.maximum(model + 0.5, 0) * (pairs.offer == 0)
    pairs = replace(pairs, adopted=(rng.random(len(pairs)) < sigmoid(true)).astype(np.int8))

    blend, shifts, evidence, _ = joined(pairs, Unseen(np.arange(len(pairs)), model, scorecard), Splits((), "told"))

    score = blend.weight * bent(model, pairs.offer, blend.knee, np.array(blend.bends)) + (1 - blend.weight) * scorecard
    made = sigmoid(blend.shift + blend.stretch * score + shifts[pairs.offer])
    assert evidence is Evidence.MODEL
    assert blend.bends[0] < -0.5
    for at in range(2):
        mine = pairs.offer == at
        assert made[mine].sum() == pytest.approx(pairs.adopted[mine].sum(), rel=0.01)


def test_reasons_of_bent_scores_add_up() -> None:
    """What a bend takes is the offer's own term, the others stay; base + Σ terms = logit to 1e-9."""
    pairs = world(200, 3)
    card = fit(pairs)
    straight = replace(
        card,
        blend=replace(card.blend, weight=1.0, shift=0.0, stretch=1.0, bends=()),
        offers=tuple(replace(one, shift=0.0) for one in card.offers),
    )
    bends = (-0.5, 0.0, -0.9)
    crooked = replace(straight, blend=replace(straight.blend, knee=-2.0, bends=bends))

    before, made = predict(straight, pairs), predict(crooked, pairs)

    assert np.abs(made.logit - bent(before.logit, pairs.offer, -2.0, np.array(bends))).max() < 1e-7
    assert np.abs(made.base + made.terms.sum(axis=1) - made.logit).max() < 1e-9
    assert made.terms[:, 1:].tolist() == before.terms[:, 1:].tolist()
    assert bool(((made.low < made.p) & (made.p < made.high)).all())


def test_a_card_of_before_there_were_bends_is_read() -> None:
    """It scores straight; a card with bends comes back as it was."""
    pairs = world(150, 3)
    card = fit(pairs)
    told = json.loads(card_text(card))
    del told["blend"]["knee"], told["blend"]["bends"]

    old = card_of(json.dumps(told), "card.json")

    assert old == replace(card, blend=replace(card.blend, knee=0.0, bends=()))
    assert np.isfinite(predict(old, pairs).logit).all()
    assert card_of(card_text(card), "card.json") == card


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("knee", "x", "blend.knee"), ("bends", 3, "blend.bends"), ("bends", [0.0], "blend.bends: not one per offer")],
)
def test_a_damaged_card_is_refused_with_its_place(name: str, value: object, told: str) -> None:
    """What stands in it is said where it is no figure, or not one for each offer: never a failure of ours later on."""
    card = json.loads(card_text(fit(world(150, 3))))
    card["blend"][name] = value

    with pytest.raises(SourceDataError, match=f"damaged: {told}"):
        card_of(json.dumps(card), "card.json")
