"""Rows of a bulk job as CSV, and the errors of its result files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.crms.salesforce import bulk as jobs
from connector.adapters.crms.salesforce.bulk_csv import cells, rows, table

ROOM = 10**6


@given(st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=20) | st.booleans() | st.none(), min_size=1))
def test_a_row_reads_as_it_was_written(fields: dict[str, Any]) -> None:
    """Whatever a text holds, its cell reads as that text with plain line breaks; None and empty read as null."""
    row = cells(fields)
    if row is None:
        assert "#N/A" in fields.values()
        return

    content, count = table([row], "a", ROOM)

    [read] = rows(content.decode())
    assert count == 1
    assert "\r" not in content.decode()
    for name, value in fields.items():
        shown = "#N/A" if value in (None, "") else str(value).lower() if isinstance(value, bool) else value
        assert read[name] == shown.replace("\r\n", "\n").replace("\r", "\n")


def test_equal_jobs_are_equal_bytes() -> None:
    """Columns come in one order, the identifying one first; what a row does not have is an empty cell."""
    first, second = {"Id": "1", "b": "x", "a": "1"}, {"c": "y", "Id": "2"}

    content, _ = table([first, second], "Id", ROOM)

    assert content == b"Id,a,b,c\n1,1,x,\n2,,,y\n"
    assert table([dict(reversed(first.items())), second], "Id", ROOM)[0] == content


def test_numbers_have_no_exponent() -> None:
    """A number is written out: a spreadsheet's notation is refused."""
    assert cells({"a": 1e-07, "b": 12, "c": 0.5}) == {"a": "0.0000001", "b": "12", "c": "0.5"}


@pytest.mark.parametrize(
    ("told", "code", "message", "fields"),
    [
        ("X_Y:Required fields are missing: [Name]:Name --", "X_Y", "Required fields are missing: [Name]", ["Name"]),
        ("X_Y:one: two: three:--", "X_Y", "one: two: three", []),
        ("X_Y:a:Name, Amount --", "X_Y", "a", ["Name", "Amount"]),
        ("X_Y:first\nsecond:--", "X_Y", "first\nsecond", []),
        ("X_Y:no ending", "X_Y", "no ending", []),
    ],
)  # fmt: skip
def test_an_error_is_read_whole(told: str, code: str, message: str, fields: list[str]) -> None:
    """Code, message and fields are told apart, whatever colons and lines the message has."""
    assert jobs._error(told) == {"statusCode": code, "message": message, "fields": fields}


def test_an_error_without_a_code_keeps_its_words() -> None:
    """What cannot be taken apart is shown as it came, and refuses its record."""
    assert jobs._error("Something odd") == {"statusCode": "FAILED_IN_BULK_JOB", "message": "Something odd"}
