"""The least change that turns a condition is found by trying it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.features import Feature
from connector.domain.near import turns
from connector.domain.signal import Condition

NAMES = ("growth", "utilisation", "active_days")
FEATURES = st.fixed_dictionaries({name: st.one_of(st.none(), st.floats(0, 40, width=16)) for name in NAMES})
BOUND = st.one_of(st.none(), st.integers(0, 40))
LEAVES = st.builds(Condition, feature=st.sampled_from(NAMES), at_least=BOUND, above=BOUND, at_most=BOUND, below=BOUND)
CONDITIONS = st.recursive(
    LEAVES, lambda inner: st.builds(Condition, all=st.lists(inner, max_size=3), any=st.lists(inner, max_size=2))
)


@given(CONDITIONS, FEATURES)
def test_every_turn_turns_the_answer(condition: Condition, features: dict[str, Feature]) -> None:
    """Whatever is named, when it comes true the rule answers otherwise; what nobody measured is never moved."""
    for way in turns(condition, features):
        moved = {**features, **{turn.feature: turn.then for turn in way}}
        assert condition.holds(moved) is not condition.holds(features)
        assert all(features[turn.feature] is not None for turn in way)


def test_the_nearest_comes_first_and_two_go_together_only_where_one_is_not_enough() -> None:
    """A rule that lacks one number names its bound; one that lacks two names both."""
    rule = Condition(
        all=(Condition(feature="utilisation", at_least=0.9), Condition(feature="days_near_limit", at_least=5))
    )

    one, *_ = turns(rule, {"utilisation": 0.84, "days_near_limit": 6})
    (both,) = turns(rule, {"utilisation": 0.84, "days_near_limit": 2})

    assert [(turn.feature, turn.now, turn.then) for turn in one] == [("utilisation", 0.84, 0.9)]
    assert [(turn.feature, turn.then) for turn in both] == [("utilisation", 0.9), ("days_near_limit", 5)]


@pytest.mark.parametrize("feature", ["utilisation_previous", "days_to_anniversary", "mrr_minor", "crm_head_count"])
def test_what_is_past_or_fixed_by_contract_is_not_moved(feature: str) -> None:
    """Nobody can change the 28 days before, how long somebody has been a customer, or how many people it employs."""
    rule = Condition(feature=feature, at_least=0.9)

    assert list(turns(rule, {feature: 0.1})) == []
