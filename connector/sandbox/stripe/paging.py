"""Cuts a page out of rows that stand newest first.

`starting_after` and `ending_before` name a row of the whole list, which need not itself pass the filters; a page read
backwards is shown in list order all the same.

Source: https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.stripe.errors import StripeError, no_such

DEFAULT_LIMIT = 10


def page(
    rows: Sequence[Row],
    position: Callable[[str], int | None],
    asked: Mapping[str, Any],
    noun: str,
    keeps: Callable[[Row], bool] = lambda _: True,
) -> tuple[list[Row], bool]:
    """Return the rows of the page asked for, and whether more follow in the direction of reading."""
    limit = asked.get("limit", DEFAULT_LIMIT)
    if "starting_after" in asked and "ending_before" in asked:
        raise StripeError(400, "You cannot parameterize both starting_after and ending_before.")
    if "ending_before" in asked:
        end = _place(position, asked, "ending_before", noun)
        found = _first(reversed(rows[:end]), keeps, limit + 1)
        return found[:limit][::-1], len(found) > limit
    start = _place(position, asked, "starting_after", noun) + 1 if "starting_after" in asked else 0
    found = _first(islice(rows, start, None), keeps, limit + 1)
    return found[:limit], len(found) > limit


def place_in(rows: Sequence[Row]) -> Callable[[str], int | None]:
    """Places of the rows of a short list."""
    return {row["id"]: at for at, row in enumerate(rows)}.get


def _first(rows: Iterable[Row], keeps: Callable[[Row], bool], count: int) -> list[Row]:
    return list(islice(filter(keeps, rows), count))


def _place(position: Callable[[str], int | None], asked: Mapping[str, Any], param: str, noun: str) -> int:
    place = position(asked[param])
    if place is None:
        raise no_such(noun, asked[param], param=param, status=400)
    return place
