"""Measured rows kept in columns, against the rows that went in."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.compute.columns import KeptEvents, KeptMetrics, accounts_with
from connector.compute.firing import Firing
from connector.compute.rows import BATCH
from connector.domain.compiled import bounds
from connector.domain.features import AccountFeatures, EventFeatures, MetricFeatures, named
from connector.domain.signal import Condition
from tests.compute.test_firing import CATALOGUE, RULES, TODAY, metrics_of, of_fields

ARROW = {"str": pa.string(), "float": pa.float64(), "int": pa.int64(), "date": pa.date32()}
ACCOUNTS = st.sampled_from(["a1", "a2", "b", "z\u00e9"])
WHOLE = st.sampled_from([0, -1, 28, 127, 128, -129, 70_000, 2**40, -(2**63), 2**63 - 1])
metrics = of_fields(
    MetricFeatures,
    account_id=ACCOUNTS,
    metric=st.sampled_from(["documents", "seats", "storage"]),
    days_idle=WHOLE,
    active_days_year_ago=st.none() | WHOLE,
)
events = of_fields(
    EventFeatures,
    account_id=ACCOUNTS,
    event=st.sampled_from(["clicked", "read"]),
    detail=st.sampled_from(["", "mobile"]),
    link=st.none() | st.just("https://example.test/1"),
)


def table_of(kind: type[Any], rows: Sequence[Any]) -> pa.Table:
    types = {field.name: ARROW[str(field.type).removesuffix(" | None")] for field in fields(kind)}
    told = [asdict(row) for row in rows]
    return pa.table({name: pa.array([row[name] for row in told], type) for name, type in types.items()})


@given(st.lists(metrics, max_size=12, unique_by=lambda row: (row.account_id, row.metric)))
def test_metrics_come_back_as_they_went_in(rows: list[MetricFeatures]) -> None:
    """By account, then metric, in the order that they had, whichever way they are asked for."""
    by_account: dict[str, dict[str, MetricFeatures]] = {}
    for row in sorted(rows, key=lambda row: row.account_id):
        by_account.setdefault(row.account_id, {})[row.metric] = row
    kept = KeptMetrics(table_of(MetricFeatures, rows))
    in_turn = kept.in_turn()

    # As text, because what is no number equals nothing.
    assert repr({id: dict(some) for id, some in kept.items()}) == repr(by_account)
    assert list(kept) == list(by_account)
    assert kept.data_to == max((row.data_to for row in rows), default=None)
    for id in ("", "a1", "a1", "aa", "b", "zz", "z\u00e9"):
        assert repr(list(in_turn.of(id))) == repr(list(by_account.get(id, {}).values()))
        assert repr(dict(kept.get(id, {}))) == repr(by_account.get(id, {}))


@given(st.lists(events, max_size=12))
def test_events_come_back_as_they_went_in(rows: list[EventFeatures]) -> None:
    """By account, in the order that they had."""
    kept = KeptEvents(table_of(EventFeatures, rows))

    assert {id: list(some) for id, some in kept.items()} == {
        id: [row for row in rows if row.account_id == id] for id in sorted({row.account_id for row in rows})
    }


@given(metrics)
def test_what_was_not_measured_is_not_there(row: MetricFeatures) -> None:
    """Neither a metric nor an account that nothing is told of has a row."""
    kept = KeptMetrics(table_of(MetricFeatures, [replace(row, account_id="a1", metric="documents")]))

    assert ("a1" in kept, "a2" in kept) == (True, False)
    assert ("documents" in kept["a1"], "seats" in kept["a1"]) == (True, False)
    with pytest.raises(KeyError):
        kept["a2"]
    with pytest.raises(KeyError):
        kept["a1"]["seats"]


def test_more_rows_than_a_batch_are_made_in_turn() -> None:
    """An account whose rows lie in two batches has all of them."""
    told = range(BATCH + 5)
    rows = [EventFeatures(f"a{at // 3:06}", "read", "", at, at, date(2026, 9, 30)) for at in told]
    in_turn = KeptEvents(table_of(EventFeatures, rows)).in_turn()

    assert [one for at in range(BATCH // 3 + 2) for one in in_turn.of(f"a{at:06}")] == rows


used = st.sampled_from([*CATALOGUE.metrics, "unheard_of"]).flatmap(metrics_of)


@given(
    st.lists(st.builds(replace, used, account_id=ACCOUNTS), max_size=12, unique_by=lambda r: (r.account_id, r.metric))
)
def test_rules_asked_of_columns_answer_as_asked_of_rows(rows: list[MetricFeatures]) -> None:
    """Whom a rule may fire on is the same for all rows at once as for one account after the other."""
    kept, firing = KeptMetrics(table_of(MetricFeatures, rows)), Firing(RULES, CATALOGUE, TODAY)

    screened = firing.screened(kept)

    assert screened == {id: firing.marks_of(some) for id, some in kept.items()}


EDGES = st.sampled_from([0.0, 0.5, 1.0, 3.0])
conditions = st.builds(
    Condition,
    feature=st.sampled_from(["level_28", "growth", "days_over_limit", "last_day"]),
    at_least=st.none() | EDGES,
    above=st.none() | EDGES,
    at_most=st.none() | EDGES,
    below=st.just(12.0) | EDGES,
)


@given(
    st.lists(st.builds(replace, used, account_id=ACCOUNTS), max_size=12, unique_by=lambda r: (r.account_id, r.metric)),
    conditions,
)
def test_bounds_hold_for_a_column_as_for_a_condition(rows: list[MetricFeatures], condition: Condition) -> None:
    """At each edge, where nothing is known, where a number is none, and for a day, which is no number."""
    kept = KeptMetrics(table_of(MetricFeatures, rows))
    names = {row.metric for row in rows}

    marks = kept.marked([(4, names, bounds(condition, {condition.feature or ""}))])

    held = {row.account_id for row in rows if condition.holds(named(row))}
    assert marks == {row.account_id: 4 if row.account_id in held else 0 for row in rows}


def test_a_rule_is_asked_of_none_but_those_it_may_fire_on() -> None:
    """Marked with nothing, an account with its seats near their limit is not told so; looked at, it is."""
    seats = MetricFeatures("a1", "active_seats", TODAY, 9, 9, 0, None, 0, 9, 0, 0, 9, 9, 20, 20, TODAY, TODAY, 9, None)
    full = {"active_seats": replace(seats, limit=10, utilisation=0.95, days_near_limit=9)}
    firing, account = Firing(RULES, CATALOGUE, TODAY), AccountFeatures("a1", subscribed=True)

    assert "seats_near_limit" in {case.rule_id for case in firing.of(account, full, ())}
    assert "seats_near_limit" not in {case.rule_id for case in firing.of(account, full, (), 0)}


@given(st.lists(events, max_size=12))
def test_accounts_with_an_event_are_found_either_way(rows: list[EventFeatures]) -> None:
    """The same from columns as from rows."""
    kept = KeptEvents(table_of(EventFeatures, rows))

    assert accounts_with("read", kept) == {row.account_id for row in rows if row.event == "read"}
    assert accounts_with("read", dict(kept)) == accounts_with("read", kept)


def test_accounts_are_asked_for_in_their_order() -> None:
    """Whoever goes back would be told that nothing is known of an account, and is refused instead."""
    rows = [EventFeatures(id, "read", "", 1, 1, date(2026, 9, 30)) for id in ("a", "b")]
    in_turn = KeptEvents(table_of(EventFeatures, rows)).in_turn()
    assert list(in_turn.of("b")) == rows[1:]

    with pytest.raises(ValueError, match="a comes before b"):
        in_turn.of("a")


@given(st.lists(metrics, max_size=6, unique_by=lambda row: (row.account_id, row.metric)), st.booleans())
def test_what_is_kept_goes_to_another_process(rows: list[MetricFeatures], asked_before: bool) -> None:
    """Pickled, it tells the same there, whether or not it was read here."""
    kept = KeptMetrics(table_of(MetricFeatures, rows))
    told = repr({id: dict(some) for id, some in kept.items()}) if asked_before else ""

    there = pickle.loads(pickle.dumps(kept))

    read = repr({id: dict(some) for id, some in there.items()})
    assert read == (told or repr({id: dict(some) for id, some in kept.items()}))
