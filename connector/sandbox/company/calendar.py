"""Months, billing periods and working days of the demo world."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from connector.sandbox.company.accounts import WORLD_START
from connector.sandbox.company.catalogue import Interval

HORIZON = 36
"""Months the world is drawn for, from its start; a cut shows the part before its day."""


@cache
def month_start(month: int) -> date:
    """The first day of a month counted from the start of the world."""
    return add_months(WORLD_START, month)


def month_of(day: date) -> int:
    """The number of the month a day lies in."""
    return (day.year - WORLD_START.year) * 12 + day.month - WORLD_START.month


@cache
def days_in(month: int) -> int:
    """How many days a month has."""
    return (month_start(month + 1) - month_start(month)).days


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


def period_start(anchor: date, interval: Interval, index: int) -> date:
    """The first day of a billing period, counted from the anchor so that month ends do not drift."""
    match interval:
        case Interval.WEEK:
            return anchor + timedelta(weeks=index)
        case Interval.MONTH:
            return add_months(anchor, index)
        case Interval.YEAR:
            return add_months(anchor, 12 * index)


def period_starts(anchor: date, interval: Interval, until: date) -> Iterator[date]:
    """Every first day of a billing period up to and including a day."""
    index = 0
    while (start := period_start(anchor, interval, index)) <= until:
        yield start
        index += 1


def period_around(anchor: date, interval: Interval, day: date) -> tuple[date, date]:
    """The billing period a day lies in: its first day and the first day of the next."""
    index = 0
    while period_start(anchor, interval, index + 1) <= day:
        index += 1
    return period_start(anchor, interval, index), period_start(anchor, interval, index + 1)


_FIXED_HOLIDAYS = {
    "FR": ((5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11)),
    "DE": ((5, 1), (10, 3)),
    "US": ((7, 4), (11, 11), (6, 19)),
    "GB": ((8, 31), (5, 4)),
    "ES": ((1, 6), (5, 1), (8, 15), (10, 12), (12, 8)),
    "BE": ((5, 1), (7, 21), (8, 15), (11, 1)),
    "CH": ((8, 1),),
    "CA": ((7, 1), (9, 30)),
}
_SUMMER_DIP = {"FR": 0.55, "ES": 0.55, "BE": 0.7, "DE": 0.85, "CH": 0.8}


def working_level(country: str, day: date) -> float:
    """How much of a normal working day's use a day sees, before the kind of business is looked at."""
    if (day.month, day.day) in _FIXED_HOLIDAYS[country] or (day.month, day.day) in ((1, 1), (12, 25), (12, 26)):
        return 0.05
    level = (1.0, 1.04, 1.03, 1.0, 0.88, 0.1, 0.04)[day.weekday()]
    if (day.month == 12 and day.day >= 22) or (day.month == 1 and day.day <= 3):
        return level * 0.35
    if day.month == 8 and 3 <= day.day <= 23:
        return level * _SUMMER_DIP.get(country, 0.93)
    return level
