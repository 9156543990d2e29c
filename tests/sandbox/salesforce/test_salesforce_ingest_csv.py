"""The CSV of ingest jobs against Python's own reader and writer."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.salesforce import bulk_csv

SIGNS = st.text(alphabet='ab ,;|^`\t"é', max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str, list[list[str]]]:
    """Draw a delimiter, a line ending and rows of one width, whose values may hold that line ending."""
    delimiter = draw(st.sampled_from(sorted(bulk_csv.DELIMITERS)))
    line_ending = draw(st.sampled_from(sorted(bulk_csv.LINE_ENDINGS)))
    cell = st.lists(SIGNS, min_size=1, max_size=3).map(bulk_csv.LINE_ENDINGS[line_ending].join)
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=5))
    return delimiter, line_ending, rows


@given(tables())
def test_reads_what_python_writes(table: tuple[str, str, list[list[str]]]) -> None:
    """Whatever a CSV writer quotes only where it must is read back, and its line endings pass."""
    delimiter, line_ending, rows = table
    out = io.StringIO(newline="")
    end = bulk_csv.LINE_ENDINGS[line_ending]
    csv.writer(out, delimiter=bulk_csv.DELIMITERS[delimiter], lineterminator=end).writerows(rows)

    assert bulk_csv.ends_lines_with(out.getvalue(), line_ending)
    assert [list(row) for row in bulk_csv.read(out.getvalue(), delimiter, line_ending)] == rows


@given(tables())
def test_python_reads_what_is_written(table: tuple[str, str, list[list[str]]]) -> None:
    """Result files are CSV to others, and to the stand-in itself."""
    delimiter, line_ending, rows = table
    text = bulk_csv.write(["own"], ["a"] * (len(rows[0]) - 1), rows, delimiter, line_ending)
    _, *read = csv.reader(io.StringIO(text, newline=""), delimiter=bulk_csv.DELIMITERS[delimiter])

    assert read == rows
    assert [list(row) for row in bulk_csv.read(text, delimiter, line_ending)][1:] == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a, "b"\nc,d\n', ['a, "b"', ("c", "d")]),
        ('"a" ,b\nc,d', ['"a" ,b', ("c", "d")]),
        ('a"b,c\n', ['a"b,c']),
        ('"a,b\nc,d\n', ['"a,b', ("c", "d")]),
        (" a , b \n", [(" a ", " b ")]),
        ('"",\n', [("", "")]),
        ("\n", [("",)]),
    ],
)
def test_rows_are_read_strictly(text: str, rows: list[object]) -> None:
    """A quote beside other characters spoils its line and no other; spaces are part of a value."""
    assert list(bulk_csv.read(text, "COMMA", "LF")) == rows
