"""A score earns its place by outcomes that it had not seen, adds up, and says when it knows nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.compute import propensity_fit
from connector.compute.propensity_card import card_of, card_text
from connector.compute.propensity_fit import OWN, choose_penalties, fit, penalties_of
from connector.compute.propensity_judge import auc, auc_within
from connector.compute.propensity_leaks import leaks, present_only_for
from connector.compute.propensity_pairs import Column, Holdings, Pairs, holds_of
from connector.compute.propensity_predict import predict
from connector.compute.propensity_ridge import Block, Penalties, Ridge, fit_ridge, sigmoid
from connector.domain.errors import SourceDataError
from connector.domain.propensity import Card, Evidence
from tests.compute.propensity_world import limits, world

NO_OWN = Penalties(10, 1e8, 10)


def order(card: Card, pairs: Pairs) -> float:
    """AUC of a card on pairs that it has not seen."""
    found = auc(predict(card, pairs).logit, pairs.adopted.astype(float), pairs.account)
    assert found is not None
    return found.value


def half(pairs: Pairs, which: int) -> Pairs:
    """One half of the accounts."""
    return pairs.take(np.flatnonzero(pairs.folds(2, "test") == which))


@given(seed=st.integers(0, 50), prior=st.sampled_from([None, "good", "reversed"]), offers=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_base_and_terms_are_the_log_odds(seed: int, prior: str | None, offers: int) -> None:
    """Base + Σ terms = logit p to 1e-9, whatever was fitted; p lies inside its interval."""
    pairs = world(120, offers, seed, prior=prior)

    made = predict(fit(pairs), pairs)

    assert np.abs(made.base + made.terms.sum(axis=1) - made.logit).max() < 1e-9
    assert np.abs(sigmoid(made.logit) - made.p).max() < 1e-12
    assert bool(((made.low <= made.p) & (made.p <= made.high)).all())


@pytest.mark.parametrize("pointed", [None, 0.5])
def test_the_ridge_is_the_minimum_that_it_claims(pointed: float | None) -> None:
    """No small step from the fitted effects lowers the penalised loss; many offers at once, each with its own block."""
    rng = np.random.default_rng(0)
    blocks = []
    for number in range(3):
        x = np.column_stack([np.ones(80), rng.normal(size=(80, 2))]).astype(np.float32)
        y = (rng.random(80) < sigmoid(x @ np.array([-1, 1, number - 1.0]))).astype(float)
        blocks.append(Block(x, y, 0.2 * number, np.array([False, number == 1, number == 2])))
    penalties = Penalties(10, 5, 7, pointed)
    weigh = np.full((3, 2), 5.0)
    if pointed is not None:
        weigh[[1, 2], [0, 1]] = pointed

    found = fit_ridge(blocks, penalties)

    def loss(shared: np.ndarray, own: np.ndarray) -> float:
        total = penalties.shared * float((shared[1:] ** 2).sum()) / 2 + 0.5e-6 * float(shared[0]) ** 2
        total += float((own[:, 1:] ** 2 * weigh).sum()) / 2 + float((own[:, 0] ** 2).sum()) * penalties.intercept / 2
        for at, block in enumerate(blocks):
            effects = own[at].copy()
            effects[1:] += shared[2:]
            effects[0] += shared[0] + block.popularity * (1 + shared[1])
            logit = block.x.astype(float) @ effects
            total += float((np.logaddexp(0, logit) - block.y * logit).sum())
        return total

    least = loss(found.shared, found.own)
    for _ in range(30):
        step = 0.02 * rng.normal(size=4), 0.02 * rng.normal(size=(3, 3))
        assert loss(found.shared + step[0], found.own + step[1]) > least


def test_under_ten_adoptions_only_the_prior_speaks() -> None:
    """With nine adoptions the scorecard's probability is passed on as it is."""
    pairs = world(100, 2, prior="good", base=-1.5)
    ones = np.flatnonzero(pairs.adopted == 1)
    adopted = pairs.adopted.copy()
    adopted[ones[9:]] = 0
    pairs = replace(pairs, adopted=adopted)

    card = fit(pairs)

    assert card.evidence is Evidence.PRIOR_ONLY
    assert pairs.prior is not None
    assert np.abs(predict(card, pairs).p - pairs.prior).max() < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_evidence(seed: int) -> None:
    """Where labels follow from nothing but popularity, the model says so and stays on the scorecard."""
    pairs = world(300, 4, seed, strength=0.0, prior="shuffled")

    card = fit(pairs)

    assert card.evidence is Evidence.NONE
    assert card.blend.weight == 0
    assert pairs.prior is not None
    assert np.abs(predict(card, pairs).p - pairs.prior).max() < 1e-6


def test_outcomes_beat_popularity() -> None:
    """Where features tell who adopts, unseen accounts are ranked far better than by popularity."""
    pairs = world(600, 4)

    card = fit(half(pairs, 0))

    assert card.evidence is Evidence.MODEL
    assert order(card, half(pairs, 1)) > 0.78
    assert card.quality.ece is not None
    assert card.quality.ece < 0.05


@pytest.mark.parametrize("prior", ["reversed", "shuffled"])
def test_a_useless_scorecard_costs_next_to_nothing(prior: str) -> None:
    """At 40 adoptions a reversed or shuffled scorecard stays within .03 AUC of the model without any."""
    pairs = world(900, 2, seed=3, base=-3.6, strength=2.0, prior=prior)
    few = pairs.take(
        np.flatnonzero(pairs.account < np.searchsorted(np.cumsum(np.bincount(pairs.account, pairs.adopted)), 40) + 1)
    )
    rest = pairs.take(np.flatnonzero(pairs.account > few.account.max()))

    alone = order(fit(replace(few, prior=None)), replace(rest, prior=None))

    assert int(few.adopted.sum()) in range(40, 44)
    assert order(fit(few), rest) > alone - 0.03


def test_a_good_scorecard_helps_where_outcomes_are_few() -> None:
    """At few adoptions the blend is better than the model alone."""
    pairs = world(900, 2, seed=5, base=-3.6, prior="good")
    few, rest = pairs.take(np.flatnonzero(pairs.account < 200)), pairs.take(np.flatnonzero(pairs.account >= 200))

    assert order(fit(few), rest) > order(fit(replace(few, prior=None)), replace(rest, prior=None))


def test_offers_differ_as_far_as_it_predicts() -> None:
    """Offers that one thing drives the same way share its effect alone; where it drives them apart each has its own."""
    apart = world(1200, 4, seed=2, strength=3.0)
    use = next(column for column in apart.columns if column.name == "use").values
    drawn = np.random.default_rng(2).random(len(apart)) < 1 / (1 + np.exp(2 - 2 * use))

    alike = fit(replace(apart, adopted=drawn.astype(np.int8)))

    assert alike.settings["own"] > max(OWN)
    assert fit(apart).settings["own"] < 1


def test_what_rules_read_for_an_offer_is_learnt_from_fewer_outcomes() -> None:
    """Told which limit is whose, the model orders accounts that it has not seen better; told wrongly, no better."""
    told = limits(900, seed=3)
    wrong = dict(zip(told.pointed, reversed(told.pointed.values()), strict=True))
    few, rest = half(told, 0), half(told, 1)

    card = fit(few)
    untold, misled = (order(fit(replace(few, pointed=one)), rest) for one in ({}, wrong))

    assert "pointed" in card.settings
    assert order(card, rest) > untold + 0.01
    assert misled <= untold + 0.01


def test_the_same_rows_in_any_order_give_the_same_card() -> None:
    """The card is the same, byte for byte, however the file was sorted; reading it back changes nothing."""
    pairs = world(150, 3, prior="good")
    mixed = pairs.take(np.random.default_rng(0).permutation(len(pairs)))

    text = card_text(fit(pairs))

    assert card_text(fit(mixed)) == text
    assert card_text(card_of(text, "card.json")) == text


@pytest.mark.parametrize("is_pointed", [False, True])
def test_a_card_fitted_with_its_own_penalties_is_the_same(is_pointed: bool) -> None:
    """What was chosen can be told and given: the same card, byte for byte; other penalties give another."""
    pairs = limits(400, seed=3) if is_pointed else world(150, 3, prior="good")
    card = fit(pairs)

    assert (penalties_of(card).pointed is not None) == is_pointed
    assert choose_penalties(pairs) == penalties_of(card)
    assert card_text(fit(pairs, penalties=penalties_of(card))) == card_text(card)
    assert card_text(fit(pairs, penalties=Penalties(1000, 1000))) != card_text(card)


def test_penalties_that_fall_behind_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first fold the better half goes on, and the best over all folds is among it."""
    tried = list[Penalties]()

    def noted(blocks: list[Block], one: Penalties, used: object, start: object) -> Ridge:
        tried.append(one)
        return fit_ridge(blocks, one, used, start)  # type: ignore[arg-type]

    monkeypatch.setattr(propensity_fit, "fit_ridge", noted)
    chosen = choose_penalties(limits(400, seed=3))

    first, others = tried[: len(set(tried))], tried[len(set(tried)) :]
    assert len(set(first)) == len(first)
    assert len(set(others)) == len(first) // 2
    assert {others.count(one) for one in others} == {4}
    assert chosen in others


def test_a_file_that_is_no_card_is_refused_with_the_cure() -> None:
    """Anything else than a card of this format names its file and what to do."""
    for text in ("pickle", "[]", '{"format": 99}', '{"format": 1}'):
        with pytest.raises(SourceDataError, match="fit it again"):
            card_of(text, "card.json")


def test_dated_rows_are_judged_forward_in_time() -> None:
    """With dates, a model is judged on days whose outcomes no training label could have known."""
    far = world(300, 2, days=(0, 120, 240, 360))
    near = world(300, 2, days=(0, 30))

    assert fit(far).quality.validation == "forward in time, 90 days apart"
    card = fit(near)
    assert card.quality.validation == "forward in time"
    assert "less than 90 days apart" in card.warnings[0]


def test_a_column_that_gives_the_answer_away_is_named_with_both_figures() -> None:
    """What carries more than .10 of an AUC above .90 is told; two that say the same are told together."""
    pairs = world(400, 2)
    bill = (pairs.adopted * 10 + np.random.default_rng(0).random(len(pairs))).astype(np.float32)
    one = replace(pairs, columns=(*pairs.columns, Column("charges", "number", bill)))
    two = replace(one, columns=(*one.columns, Column("charges_year", "number", 12 * bill)))

    found, both = leaks(one, 0.99, NO_OWN, 0), leaks(two, 0.99, NO_OWN, 0)

    assert [leak.features for leak in found] == [("charges",)]
    assert found[0].auc_with - found[0].auc_without > 0.1
    assert f"{found[0].auc_with:.2f}" in str(found[0])
    assert [set(leak.features) for leak in both] == [{"charges", "charges_year"}]
    assert leaks(pairs, fit(pairs).quality.auc, NO_OWN, 0) == []


def test_a_column_filled_for_adopters_alone_is_found() -> None:
    """A value that only adopters have was written after the event."""
    pairs = world(100, 2)
    after = np.where(pairs.adopted == 1, 3.0, np.nan).astype(np.float32)

    assert present_only_for(pairs) is None
    assert present_only_for(replace(pairs, columns=(*pairs.columns, Column("talk", "number", after)))) == "talk"


def test_a_holding_counts_from_its_day() -> None:
    """What is held since a later day is not known on an earlier one."""
    held = Holdings(
        {"b": 0, "a": 1}, ["base"], np.array([0, 1], np.int32), np.array([0, 0], np.int32), np.array([5, 9], np.int32)
    )
    account, day = np.array([0, 0, 1], np.int32), np.array([8, 9, 5], np.int32)

    made = holds_of(held, ["other", "base"], ["a", "b"], account, day)

    assert made[:, 1].tolist() == [False, True, True]
    assert not made[:, 0].any()


def test_order_is_measured_within_offers_and_by_account() -> None:
    """Popularity alone scores one half within offers; rows told twice do not make an order surer."""
    rng = np.random.default_rng(0)
    offer = np.repeat(np.arange(2, dtype=np.int32), 400)
    y = (rng.random(800) < np.array([0.1, 0.5])[offer]).astype(float)
    account = np.tile(np.arange(400, dtype=np.int32), 2)
    score = rng.random(800)

    popular = auc_within(offer.astype(float), y, offer, account)
    once = auc(score, y, account)
    twice = auc(np.tile(score, 2), np.tile(y, 2), np.tile(account, 2))

    assert popular is not None
    assert popular.value == 0.5
    assert once is not None
    assert twice is not None
    assert twice.value == pytest.approx(once.value)
    assert twice.error == pytest.approx(once.error)
