"""Trees challenge the regression, are taken only where they win beyond chance, and are as exact about their reasons."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from connector.compute.propensity_blend import bent, logit_of
from connector.compute.propensity_card import card_of, card_text
from connector.compute.propensity_challenge import LEAST_ADOPTIONS, challenge, gained, regression_alone
from connector.compute.propensity_fit import fit
from connector.compute.propensity_judge import log_loss
from connector.compute.propensity_pairs import Pairs, Singles
from connector.compute.propensity_predict import predict, promoted
from connector.compute.propensity_trees import _booster, contributions, grow, learner, logits, monotone
from connector.domain.errors import MendError
from connector.domain.propensity import Card, Evidence, Feature
from tests.compute.propensity_world import world
from tests.compute.tree_world import DAYS, pairs_of, trees_or_skip


@pytest.fixture(scope="module", autouse=True)
def _trees_run_here() -> None:
    trees_or_skip()


@pytest.fixture(scope="module")
def crossed() -> Card:
    """A card of a world in which an interaction decides."""
    return fit(pairs_of("crossed"), challenge=challenge)


def without_lightgbm(patch: pytest.MonkeyPatch) -> None:
    """As on a machine that has the base install alone."""
    patch.setitem(sys.modules, "lightgbm", None)
    _booster.cache_clear()


def test_an_interaction_promotes_trees(crossed: Card) -> None:
    """Where two features matter only together, trees win every window, and rank what a line cannot."""
    assert crossed.challenger is not None
    assert crossed.challenger.promoted
    assert len(crossed.challenger.windows) == 3
    assert all(0 < one.low < one.regression - one.trees < one.high for one in crossed.challenger.windows)
    before = crossed.challenger.instead_of
    assert before is not None
    assert crossed.blend != before.blend
    assert (crossed.quality.auc_within_offers or 0) > (before.quality.auc_within_offers or 0) + 0.1
    assert crossed.evidence is Evidence.MODEL
    fresh = pairs_of("crossed", seed=9)
    y, made = fresh.adopted.astype(float), predict(crossed, fresh)
    assert log_loss(made.logit, y) < (crossed.quality.log_loss or 0) < (before.quality.log_loss or 0) - 0.1
    assert made.p.mean() == pytest.approx(y.mean(), abs=0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["straight", "noise"])
def test_where_a_line_or_nothing_decides_the_regression_stays(kind: str, seed: int) -> None:
    """Trees that win nothing beyond chance are told of, and change no figure of the card."""
    pairs = pairs_of(kind, seed=seed)

    made = fit(pairs, challenge=challenge)

    assert made.challenger is not None
    assert not made.challenger.promoted
    assert made.challenger.text is None
    assert len(made.challenger.windows) == 3
    assert replace(made, challenger=None) == fit(pairs)


def test_who_forgets_less_noise_is_not_yet_promoted() -> None:
    """Beside 150 columns of noise trees lose less than the regression; an order that is chance is still none."""
    made = fit(pairs_of("noise", accounts=120, offers=1, seed=1, more=150), challenge=challenge)

    assert made.challenger is not None
    assert sum(one.low > 0 for one in made.challenger.windows) >= 2
    assert not made.challenger.promoted
    assert made.challenger.why == "its order is no better than chance within an offer"
    assert made.evidence is not Evidence.MODEL


def test_trees_tell_offers_apart() -> None:
    """Where each offer wants the opposite of the other, trees are about as good as effects of each offer."""
    made = fit(pairs_of("by_offer"), challenge=challenge)

    assert made.challenger is not None
    assert all(one.trees < one.regression + 0.01 for one in made.challenger.windows)


def test_terms_add_up_to_what_trees_and_scorecard_give(crossed: Card) -> None:
    """base + Σ terms = logit to 1e-9, and that is stretch·(w·trees + (1 - w)·scorecard) + shift by LightGBM."""
    pairs, trees, blend = pairs_of("crossed", seed=9), promoted(crossed), crossed.blend

    made = predict(crossed, pairs)

    assert np.abs(made.base + made.terms.sum(axis=1) - made.logit).max() < 1e-9
    assert trees is not None
    assert pairs.prior is not None
    told = logits(trees.text or "", read_as_learnt(crossed, pairs))
    score = blend.weight * bent(told, pairs.offer, blend.knee, np.array(blend.bends))
    score += (1 - blend.weight) * (blend.intercept + blend.slope * logit_of(pairs.prior))
    shifts = np.array([one.shift for one in crossed.offers])[pairs.offer]
    assert np.abs(blend.shift + blend.stretch * score + shifts - made.logit).max() < 1e-6
    assert bool(((made.low < made.p) & (made.p < made.high)).all())


def read_as_learnt(card: Card, pairs: Pairs) -> Singles:
    """Columns of accounts that hold nothing: the offer's popularity, features, holdings, what such accounts adopt."""
    features = [
        (np.clip(column.values.astype(np.float64), one.low, one.high) - one.mean) / one.spread
        for one, column in zip(card.features, pairs.columns, strict=True)
    ]
    nothing = [-share / spread for share, spread in zip(card.held_shares, card.held_spreads, strict=True)]
    offers = np.array([(one.popularity, one.lifts[-1]) for one in card.offers])[pairs.offer]
    adopt = (offers[:, 1] - card.lift_mean) / card.lift_spread
    held = np.tile(nothing, (len(pairs), 1))
    return np.column_stack([offers[:, 0], *features, held, adopt]).astype(np.float32)


def test_the_same_rows_in_any_order_give_the_same_bytes(crossed: Card) -> None:
    """One thread, one seed: trees are as reproducible as the regression."""
    pairs = pairs_of("crossed")
    mixed = pairs.take(np.random.default_rng(0).permutation(len(pairs)))

    assert card_text(fit(mixed, challenge=challenge)) == card_text(crossed)


def test_a_card_with_trees_comes_back_from_json(crossed: Card) -> None:
    """Read back it is equal and scores alike; its text says which model it is."""
    again = card_of(card_text(crossed), "card.json")

    assert again == crossed
    pairs = pairs_of("crossed", seed=5, accounts=20)
    assert predict(again, pairs).logit.tolist() == predict(crossed, pairs).logit.tolist()
    assert '"model":"gradient-boosted trees' in card_text(crossed)
    assert '"model":"ridge' in card_text(regression_alone(crossed))


def test_the_regression_is_kept_beside_the_trees(crossed: Card) -> None:
    """Without trees the card is the one that was fitted without a challenger, figure by figure."""
    alone = regression_alone(crossed)

    assert replace(alone, challenger=None) == fit(pairs_of("crossed"))


def test_without_the_extra_the_regression_stays_and_the_cure_is_told(
    crossed: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitting goes on without a contest; a card with trees says what it needs, and scores nothing otherwise."""
    without_lightgbm(monkeypatch)
    pairs = pairs_of("crossed")

    made = fit(pairs, challenge=challenge)

    assert made.challenger is not None
    assert made.challenger.why == "LightGBM is not installed: `pip install 'expansion-connector[ml]'` brings it"
    assert replace(made, challenger=None) == fit(pairs)
    with pytest.raises(MendError, match="LightGBM is not installed"):
        predict(crossed, pairs)


def test_without_openmp_the_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without libgomp is told how it gets it."""

    class NoLibrary:
        @staticmethod
        def find_spec(name: str, _path: Any = None, _target: Any = None) -> None:
            if name == "lightgbm":
                raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "lightgbm")
    monkeypatch.setattr(sys, "meta_path", [NoLibrary, *sys.meta_path])

    with pytest.raises(MendError, match=r"libgomp\.so\.1") as told:
        learner()
    assert "apt-get install libgomp1" in (told.value.problem.hint or "")


def test_few_adoptions_or_one_day_are_no_contest() -> None:
    """Under 300 adoptions, and where nothing lies in the future of anything, no tree is grown."""
    few = fit(pairs_of("straight", accounts=30), challenge=challenge)
    undated = fit(world(800, 4), challenge=challenge)

    assert few.quality.positives < LEAST_ADOPTIONS < undated.quality.positives
    assert [one.challenger and one.challenger.why for one in (few, undated)] == [
        f"{few.quality.positives} adoptions are fewer than 300",
        "rows of too few days: nothing to judge it by forward in time",
    ]


def test_what_a_rule_adds_never_lowers_a_score() -> None:
    """Where those adopt least of whom a rule speaks, trees learn nothing from it; from another column they would."""
    rng = np.random.default_rng(2)
    x = np.column_stack([np.zeros(2000), rng.random(2000)]).astype(np.float32)
    y = (rng.random(2000) < 0.6 - 0.5 * x[:, 1]).astype(np.float64)
    of_rule, free = (monotone([Feature(name, "number")], 2) for name in ("signal.seats_near_limit", "seats"))

    kept, learnt = (contributions(grow(x, y, signs, 0), x)[:, 1] for signs in (of_rule, free))

    assert (of_rule, free) == ([0, 1], [0, 0])
    assert np.abs(kept).max() == 0.0
    assert np.corrcoef(learnt, x[:, 1])[0, 1] < -0.8


def test_an_interval_of_a_gain_is_by_account() -> None:
    """Rows of one account are one piece of evidence: the same gains on fewer accounts are less sure."""
    gain, rows = np.random.default_rng(1).normal(0.05, 1.0, 40), 25
    many = gained(np.repeat(gain, rows), np.arange(40 * rows, dtype=np.int32))
    few = gained(np.repeat(gain, rows), np.repeat(np.arange(40, dtype=np.int32), rows))

    assert many[0] < gain.mean() < many[1]
    assert few[1] - few[0] > 3 * (many[1] - many[0])


def test_a_contest_sees_only_what_came_before(crossed: Card) -> None:
    """Other outcomes in the last window, as many on each day, change nothing of how trees did in the windows before."""
    pairs, rng = pairs_of("crossed"), np.random.default_rng(4)
    adopted = pairs.adopted.copy()
    for day in DAYS[-2:]:
        rows = np.flatnonzero(pairs.day == day)
        adopted[rows] = rng.permutation(adopted[rows])

    other = fit(replace(pairs, adopted=adopted), challenge=challenge).challenger

    assert crossed.challenger is not None
    assert other is not None
    told, again = ([one.trees for one in contest.windows] for contest in (crossed.challenger, other))
    assert again[:2] == pytest.approx(told[:2], abs=1e-4)
    assert again[2] > told[2] + 0.1
