"""The scorecard: log-odds that add up exactly and probabilities that stay within bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.intent import Contribution
from connector.domain.score import logit, probability, scorecard

TERMS = st.lists(st.floats(-20, 20, allow_nan=False), max_size=8)


def contributions(terms: list[float]) -> list[Contribution]:
    return [Contribution(f"t{i}", term, {"en": ""}) for i, term in enumerate(terms)]


@given(terms=TERMS, base_rate=st.floats(0.001, 0.5))
def test_d22_base_and_terms_add_up_to_the_score(terms: list[float], base_rate: float) -> None:
    """base + Σ terms = logit p, whatever the terms, and p stays within its bounds."""
    card = scorecard(base_rate, contributions(terms), (0.01, 0.8))

    assert card.base + math.fsum(one.term for one in card.contributions) == pytest.approx(logit(card.p), abs=1e-9)
    assert 0.01 - 1e-12 <= card.p <= 0.8 + 1e-12


def test_without_signs_the_base_rate_stands() -> None:
    """No term, no change."""
    card = scorecard(0.03, [], (0.01, 0.8))

    assert card.p == pytest.approx(0.03)
    assert card.contributions == ()


def test_the_strongest_term_comes_first_whatever_its_sign() -> None:
    """Terms for and against are ranked together."""
    card = scorecard(0.03, contributions([0.2, -1.5, 0.9]), (0.001, 0.99))

    assert [one.term for one in card.contributions] == [-1.5, 0.9, 0.2]


def test_a_bound_that_binds_is_shown_as_a_term() -> None:
    """Nothing is hidden: what the bound takes away is a contribution of its own, in both languages."""
    card = scorecard(0.03, contributions([9.0]), (0.01, 0.8))

    assert card.p == pytest.approx(0.8)
    assert card.contributions[-1].name == "bounds"
    assert card.contributions[-1].term < 0
    assert set(card.contributions[-1].evidence) == {"en", "fr"}


@pytest.mark.parametrize("log_odds", [-800.0, -1.0, 0.0, 1.0, 800.0])
def test_probability_never_overflows(log_odds: float) -> None:
    """Any log-odds give a number between 0 and 1."""
    assert 0 <= probability(log_odds) <= 1
