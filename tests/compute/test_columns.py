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

from connector.compute.columns import KeptEvents, KeptMetrics
from connector.compute.rows import BATCH
from connector.domain.features import EventFeatures, MetricFeatures
from tests.compute.test_firing import of_fields

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
    for id in ("", "a1", "a1", "aa", "b", "z\u00e9", "zz"):
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


@given(st.lists(metrics, max_size=6, unique_by=lambda row: (row.account_id, row.metric)), st.booleans())
def test_what_is_kept_goes_to_another_process(rows: list[MetricFeatures], asked_before: bool) -> None:
    """Pickled, it tells the same there, whether or not it was read here."""
    kept = KeptMetrics(table_of(MetricFeatures, rows))
    told = repr({id: dict(some) for id, some in kept.items()}) if asked_before else ""

    there = pickle.loads(pickle.dumps(kept))

    read = repr({id: dict(some) for id, some in there.items()})
    assert read == (told or repr({id: dict(some) for id, some in kept.items()}))
