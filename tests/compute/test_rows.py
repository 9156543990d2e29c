"""Values out of Arrow tables, a column at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connector.compute.rows import BATCH, rows_of

VALUES = {
    pa.float64(): st.floats(allow_nan=False),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.datetimes(min_value=datetime(1700, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    pa.list_(pa.int64()): st.lists(st.integers(0, 9), max_size=2),
}


@given(st.data())
def test_values_and_their_types_are_those_that_went_in(data: st.DataObject) -> None:
    """Every type that a canonical table or a feature has comes back as it was, and null as None."""
    kind = data.draw(st.sampled_from(list(VALUES)))
    told = data.draw(st.lists(st.none() | VALUES[kind], max_size=6))
    table = pa.table({"it": pa.array(told, kind)})

    found = [row["it"] for row in rows_of(table)]

    assert found == told
    assert [type(one) for one in found] == [type(one) for one in told]


def test_what_is_no_number_is_not_taken_for_unknown() -> None:
    """NaN stays a number that is none, and null stays None, in one column."""
    found = [row["it"] for row in rows_of(pa.table({"it": pa.array([float("nan"), None, 1.0])}))]

    assert found[1:] == [None, 1.0]
    assert isinstance(found[0], float)
    assert found[0] != found[0]


def test_more_rows_than_a_batch_keep_their_order_and_share_their_texts() -> None:
    """Rows come in order across batches; the same text is one object within a batch."""
    many = 2 * BATCH + 1
    told = list(rows_of(pa.table({"number": range(many), "day": [date(2026, 9, 30)] * many, "name": ["one"] * many})))

    assert [row["number"] for row in told] == list(range(many))
    assert len({id(row["name"]) for row in told}) <= 3
