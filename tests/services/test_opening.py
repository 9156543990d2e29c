"""A run's name tells when it began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.services.opening import run_name


@given(st.integers(0, 10**15), st.integers(1, 10**9))
def test_names_sort_as_runs_began(microseconds: int, milliseconds_later: int) -> None:
    """Of two runs that began a millisecond apart or more, the later one has the greater name."""
    first = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    second = first + timedelta(milliseconds=milliseconds_later)

    assert run_name(first) < run_name(second)
