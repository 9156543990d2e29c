"""Counts business days: weekends and the given holidays are skipped, in either direction."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta


def is_workday(day: date, holidays: Container[date] = ()) -> bool:
    """Say whether people work on a day."""
    return day.weekday() < 5 and day not in holidays


def add_workdays(start: date, count: int, holidays: Container[date] = ()) -> date:
    """The day `count` business days after `start` (before it, if negative); 0 gives the next workday from start on."""
    if count == 0:
        return next_workday(start, holidays)
    step = 1 if count > 0 else -1
    day = start
    for _ in range(abs(count)):
        day += timedelta(days=step)
        while not is_workday(day, holidays):
            day += timedelta(days=step)
    return day


def next_workday(day: date, holidays: Container[date] = ()) -> date:
    """`day` itself if people work on it, else the first workday after it."""
    while not is_workday(day, holidays):
        day += timedelta(days=1)
    return day


def workdays_between(start: date, end: date, holidays: Container[date] = ()) -> int:
    """How many business days lie after `start`, up to `end`; 0 when it comes before."""
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(is_workday(day, holidays) for day in days)
