"""Days that follow from the day on which a customer or a contract began.

Many customers began on one day: what follows from it is worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

MANY_DAYS = 10_000
"""Days on which customers began, in thirty years."""


@lru_cache(maxsize=MANY_DAYS)
def term_of(first: date, months: int, today: date) -> tuple[date, date]:
    """Start and end of the term that runs, of those that follow each other from a day on."""
    terms = 1
    while add_months(first, terms * months) <= today:
        terms += 1
    return add_months(first, (terms - 1) * months), add_months(first, terms * months)


@lru_cache(maxsize=MANY_DAYS)
def of_anniversary(started: date, today: date) -> Mapping[str, Any]:
    """Fields of `AccountFeatures` that follow from the day a customer began."""
    years = today.year - started.year
    if add_months(started, 12 * years) > today:
        years -= 1
    last, following = add_months(started, 12 * years), add_months(started, 12 * (years + 1))
    return {
        "tenure_days": (today - started).days,
        "years": years,
        "days_since_anniversary": (today - last).days if years else None,
        "days_to_anniversary": (following - today).days,
        "last_anniversary_on": last if years else None,
        "anniversary_on": following,
    }


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or the month's last."""
    at = day.year * 12 + day.month - 1 + months
    year, month = divmod(at, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))
