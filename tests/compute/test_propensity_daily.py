"""A score that a model has a part in tells every reason of both, and adds up exactly."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.compute.propensity_daily import misfit, with_card
from connector.compute.propensity_predict import predict
from connector.compute.propensity_words import usual_of
from connector.domain.catalogue import Offer
from connector.domain.policy import GatesPolicy
from connector.domain.propensity import Card, Evidence, Feature, is_learnt
from connector.domain.score import BOUNDS, Score, logit
from tests.compute.learnt_world import DAY, account_of, card_of_company, pairs_of_company, score_of
from tests.compute.test_propensity_rows import CATALOGUE

SIGNALS = ("near_limit", "silent_rule")
POLICY = GatesPolicy()


@pytest.fixture(scope="module")
def card() -> Card:
    return card_of_company(CATALOGUE, SIGNALS)


def blended(one: Score, seats: float, card: Card) -> Score:
    accounts = {one.account_id: account_of(one.account_id, seats, "starter")}
    return next(with_card([one], DAY, accounts, {}, {}, CATALOGUE, POLICY, card))


def test_what_outcomes_teach_has_a_part_in_p(card: Card) -> None:
    """Many seats make an adoption likelier where customers with many seats adopted; the rule's own reason stays."""
    assert card.evidence is Evidence.MODEL
    few, many = (blended(score_of("a1", "pro", SIGNALS[:1]), seats, card) for seats in (2, 200))

    assert few.p < many.p
    assert {one.name for one in many.contributions} >= {"near_limit", "learnt.seats", "learnt.offer", "learnt.silent"}
    told = {one.name: one for one in many.contributions}
    assert told["near_limit"].evidence == {"en": "near_limit speaks"}
    assert told["learnt.seats"].evidence["en"].startswith("seats: 200 (usually ")
    assert told["learnt.seats"].evidence["fr"].startswith("utilisateurs : 200 (d’ordinaire ")


@settings(max_examples=40, deadline=None)
@given(seats=st.floats(1, 5_000), p=st.floats(0.01, 0.8), speaks=st.booleans(), weight=st.floats(0, 1))
def test_base_and_all_terms_are_the_log_odds(card: Card, seats: float, p: float, speaks: bool, weight: float) -> None:
    """Whatever the account, the scorecard and the weight of either: base + Σ all terms = logit p."""
    card = replace(card, blend=replace(card.blend, weight=weight, slope=0.8))
    one = replace(score_of("a1", "pro", SIGNALS[:1] if speaks else ()), p=p)

    made = blended(one, seats, card)

    assert made.base + fsum(term.term for term in made.contributions) == pytest.approx(logit(made.p), abs=1e-9)


@pytest.mark.parametrize(("offer", "speaks"), [("starter", True), ("pro", False)])
def test_it_is_what_the_model_predicts(card: Card, offer: str, speaks: bool) -> None:
    """Within its bounds a blended p is the p of `propensity predict` on the same row."""
    pairs = pairs_of_company(CATALOGUE, SIGNALS, 1)
    row = next(at for at in range(len(pairs)) if pairs.offers[pairs.offer[at]] == offer)
    assert pairs.prior is not None
    prior = float(pairs.prior[row])
    expected = float(predict(card, pairs).logit[row])
    seats = float(next(one.values[row] for one in pairs.columns if one.name == "seats"))
    signals = SIGNALS[:1] if speaks else ()
    one = replace(score_of("a0000", offer, signals, prior), base=logit(prior) - 0.7 * speaks)

    made = blended(one, seats, card)

    unbound = logit(made.p) - sum(one.term for one in made.contributions if one.name == BOUNDS)
    assert unbound == pytest.approx(expected, abs=1e-6)


def test_an_offer_that_the_card_does_not_know_keeps_its_score(card: Card) -> None:
    """A one-off is no row of the model."""
    one = score_of("a1", "training", SIGNALS[:1])

    assert blended(one, 50, card) == one


def test_a_card_of_another_catalogue_does_not_speak(card: Card) -> None:
    """With an offer more, a card is told apart; with the same, it fits."""
    more = replace(CATALOGUE, offers={**CATALOGUE.offers, "new": Offer(label={}, need="new")})

    assert misfit(card, CATALOGUE) is None
    assert "offers are not those" in str(misfit(card, more))


def test_only_a_models_own_reasons_are_told_apart() -> None:
    """A rule is never taken for a model's term."""
    assert [is_learnt(name) for name in ("learnt.seats", "near_limit", BOUNDS)] == [True, False, False]


def test_the_usual_value_is_told_in_the_features_own_unit() -> None:
    """A column that was bent is bent back."""
    assert usual_of(Feature("seats", "number", mean=4.0)) == 4.0
    assert usual_of(Feature("seats", "number", bend=10.0, mean=0.881373587)) == pytest.approx(10.0)
