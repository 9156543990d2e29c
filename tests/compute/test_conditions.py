"""One condition, three evaluators: what Python says of a row, the engine says too, and so does the quick way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.compute.conditions import satisfied
from connector.domain.compiled import compiled
from connector.domain.features import Feature
from connector.domain.signal import Condition

TYPES: Mapping[str, pa.DataType] = {
    "level": pa.float64(),
    "before": pa.float64(),
    "days": pa.int64(),
    "owned": pa.bool_(),
    "plan": pa.string(),
    "last_day": pa.date32(),
    "told_to": pa.date32(),
}
ENGINE = ibis.duckdb.connect()
DAY = date(2026, 11, 21)
BOUNDS = (-1.0, 0.0, 0.1, 0.5, 1.0, 3.0, 14.0, 1e6)
numbers = st.sampled_from([*BOUNDS, 0.3, float("nan"), float("inf")]) | st.floats(-1e9, 1e9)
values: Mapping[str, st.SearchStrategy[Any]] = {
    "level": st.none() | numbers,
    "before": st.none() | numbers,
    "days": st.none() | st.integers(-3, 40),
    "owned": st.none() | st.booleans(),
    "plan": st.none() | st.sampled_from(["pro", "starter", "", "Pro", "1.0", "True"]),
    "last_day": st.none() | st.integers(-20, 60).map(lambda days: DAY - timedelta(days=days)),
    "told_to": st.none() | st.just(DAY),
}
rows = st.fixed_dictionaries(dict(values))
names = st.sampled_from([*TYPES, "nobody_measures_this"])
bound = st.sampled_from(BOUNDS)
anything = st.builds(
    Condition,
    feature=names,
    changed_from=st.none() | names,
    absent_for=st.none() | st.integers(0, 30),
    one_of=st.just(()) | st.lists(st.sampled_from(["pro", "1.0", "True", "true", "2026-11-21"]), max_size=2),
    is_true=st.none() | st.booleans(),
    known=st.none() | st.booleans(),
    **{key: st.none() | bound for key in ("at_least", "above", "at_most", "below")},
)
quantity = st.sampled_from(["level", "before", "days"])
sensible = st.one_of(
    st.builds(Condition, feature=quantity, at_least=bound),
    st.builds(Condition, feature=quantity, above=bound, below=bound),
    st.builds(Condition, feature=quantity, changed_from=quantity, at_most=bound),
    st.builds(Condition, feature=quantity, changed_from=quantity, at_least=bound),
    st.builds(Condition, feature=st.just("last_day"), absent_for=st.integers(-3, 30)),
    st.builds(Condition, feature=st.just("plan"), one_of=st.lists(st.sampled_from(["pro", ""]), min_size=1)),
    st.builds(Condition, feature=st.just("owned"), is_true=st.booleans()),
    st.builds(Condition, feature=names, known=st.booleans()),
    st.just(Condition()),
)
conditions = st.recursive(
    anything | sensible,
    lambda inner: st.builds(
        Condition,
        feature=st.none() | names,
        all=st.lists(inner, max_size=2),
        any=st.lists(inner, max_size=2),
        none=st.lists(inner, max_size=2),
    ),
    max_leaves=6,
)


def in_sql(condition: Condition, told: list[dict[str, Any]]) -> list[bool]:
    """Ask the engine."""
    table = ibis.memtable(pa.Table.from_pylist(told, pa.schema(list(TYPES.items()))))
    answers: list[bool] = ENGINE.to_pyarrow(table.select(met=satisfied(condition, table)))["met"].to_pylist()
    return answers


@settings(max_examples=200, deadline=None)
@given(condition=conditions, told=st.lists(rows, min_size=4, max_size=20))
@example(condition=Condition(none=[Condition(feature="level", at_least=1)]), told=[dict.fromkeys(TYPES)])
@example(condition=Condition(feature="owned", at_least=1), told=[{**dict.fromkeys(TYPES), "owned": True}])
def test_python_and_sql_agree(condition: Condition, told: list[dict[str, Any]]) -> None:
    """Any condition on any row, unknown values, flags, texts and days among them: both evaluators answer the same."""
    assert in_sql(condition, told) == [condition.holds(row) for row in told]


@settings(max_examples=300, deadline=None)
@given(condition=conditions, told=st.lists(rows, min_size=4, max_size=20))
@example(condition=Condition(feature="owned", at_least=0), told=[{**dict.fromkeys(TYPES), "owned": True}])
@example(condition=Condition(feature="plan", at_most=0), told=[{**dict.fromkeys(TYPES), "plan": "1.0"}])
@example(condition=Condition(feature="level", above=2**53), told=[{**dict.fromkeys(TYPES), "level": 2**53 + 1}])
def test_a_condition_made_into_a_function_answers_the_same(condition: Condition, told: list[dict[str, Any]]) -> None:
    """Any condition on any row: the function that runs ask says what `holds` says."""
    assert list(map(compiled(condition), told)) == [condition.holds(row) for row in told]


@pytest.mark.parametrize(
    ("condition", "features", "holds"),
    [
        (Condition(feature="level", changed_from="before", at_least=0.1), {"level": 110.0, "before": 100.0}, True),
        (Condition(feature="level", changed_from="before", at_least=0.1), {"level": 109.0, "before": 100.0}, False),
        (Condition(feature="level", changed_from="before", at_most=-0.2), {"level": -120.0, "before": -100.0}, True),
        (Condition(feature="level", changed_from="before", at_least=0.1), {"level": 110.0, "before": 0.0}, False),
        (Condition(feature="level", changed_from="before", at_least=0.1), {"level": 110.0}, False),
        (Condition(feature="last_day", absent_for=14), {"last_day": DAY - timedelta(days=14), "told_to": DAY}, True),
        (Condition(feature="last_day", absent_for=14), {"last_day": DAY - timedelta(days=13), "told_to": DAY}, False),
        (Condition(feature="last_day", absent_for=14), {"last_day": None, "told_to": DAY}, False),
        (Condition(feature="days", at_least=5, at_most=9), {"days": 9}, True),
        (Condition(feature="days", at_least=5, at_most=9), {"days": 10}, False),
        (Condition(feature="owned", at_least=1), {"owned": True}, False),
        (Condition(feature="level", at_least=1), {"level": float("nan")}, False),
    ],
)
def test_a_condition_at_its_edge(condition: Condition, features: dict[str, Feature], holds: bool) -> None:
    """A change, a silence, a range: each at its edge, in Python and in SQL."""
    assert condition.holds(features) is holds
    assert in_sql(condition, [{**dict.fromkeys(TYPES), **features}]) == [holds]
