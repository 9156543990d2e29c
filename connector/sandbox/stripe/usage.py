"""Adds stored stretches of usage together into the summaries a reader asks for.

Without a grouping window the whole range is one summary, zero if nothing was used; with one, each hour or UTC day
that saw usage has a summary.

Source: https://docs.stripe.com/api/billing/meter-event-summary/list
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.stripe.errors import StripeError, bad_param

MINUTE = 60
WINDOWS = {"hour": 3_600, "day": 86_400}


def check_range(asked: Mapping[str, Any]) -> None:
    """Refuse a range that is empty or does not stand on the boundaries its window needs."""
    window = asked.get("value_grouping_window")
    step = WINDOWS[window] if window else MINUTE
    for param in ("start_time", "end_time"):
        if asked[param] % step:
            raise bad_param(param, f"The {param} must be aligned with {window or 'minute'} boundaries.")
    if asked["start_time"] >= asked["end_time"]:
        raise StripeError(400, "The end_time must be after the start_time.", param="end_time")


def summaries(meter: Row, customer: str, stretches: Iterable[Row], asked: Mapping[str, Any]) -> list[Row]:
    """Return the summaries of a checked range, newest first."""
    start, end = asked["start_time"], asked["end_time"]
    inside = [row for row in stretches if start <= row["start_time"] < end]
    window = asked.get("value_grouping_window")
    if window is None:
        return [_summary(meter, customer, inside, start, end)]
    step = WINDOWS[window]
    grouped: dict[int, list[Row]] = {}
    for row in inside:
        grouped.setdefault(row["start_time"] - row["start_time"] % step, []).append(row)
    return [_summary(meter, customer, grouped[at], at, at + step) for at in sorted(grouped, reverse=True)]


def _summary(meter: Row, customer: str, stretches: Sequence[Row], start: int, end: int) -> Row:
    return {
        "id": f"mtrsum_{meter['id']}_{customer}_{start}_{end}",
        "object": "billing.meter_event_summary",
        "aggregated_value": _aggregate(meter["default_aggregation"]["formula"], stretches),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def _aggregate(formula: str, stretches: Sequence[Row]) -> float:
    if not stretches:
        return 0
    if formula == "last":
        return float(max(stretches, key=lambda row: row["end_time"])["aggregated_value"])
    return float(sum(row["aggregated_value"] for row in stretches))
