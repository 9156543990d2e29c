"""Business days: weekends and holidays are never counted, in either direction."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.domain.account import Owner
from connector.domain.workdays import add_workdays, is_workday, next_workday
from connector.services.calendar import country_of, holidays_of

DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))
HOLIDAYS = st.frozensets(st.dates(date(2020, 1, 1), date(2032, 12, 31)), max_size=40)
COUNTS = st.integers(-60, 60)


@given(start=DAYS, count=COUNTS, holidays=HOLIDAYS)
def test_lands_on_a_workday(start: date, count: int, holidays: frozenset[date]) -> None:
    """Whatever is counted ends on a day people work, on the right side of the start."""
    end = add_workdays(start, count, holidays)

    assert is_workday(end, holidays)
    assert (end >= start) if count >= 0 else (end < start)


@given(start=DAYS, count=COUNTS, holidays=HOLIDAYS)
def test_counts_exactly(start: date, count: int, holidays: frozenset[date]) -> None:
    """Between the start and the end lie as many workdays as were asked for."""
    end = add_workdays(start, count, holidays)

    low, high = sorted((start, end))
    between = [low + timedelta(days=i) for i in range((high - low).days + 1)]
    counted = [day for day in between if day != start and is_workday(day, holidays)]
    if count:
        assert len(counted) == abs(count)


@given(start=DAYS, count=st.integers(1, 30), holidays=HOLIDAYS)
def test_back_again(start: date, count: int, holidays: frozenset[date]) -> None:
    """From a workday, so many forward and as many back lead to the same day."""
    first = next_workday(start, holidays)

    assert add_workdays(add_workdays(first, count, holidays), -count, holidays) == first


def test_known_days() -> None:
    """Friday plus one is Monday, and a holiday on that Monday moves it to Tuesday."""
    friday, monday = date(2026, 4, 3), date(2026, 4, 6)

    assert add_workdays(friday, 1) == monday
    assert add_workdays(friday, 1, {monday}) == date(2026, 4, 7)
    assert add_workdays(monday, -1) == friday
    assert add_workdays(date(2026, 4, 4), 0) == monday


def test_holidays_of_owner_and_customer() -> None:
    """A meeting falls on nobody's holiday, whether the CRM holds a country's code or its name."""
    bastille, german_unity = date(2026, 7, 14), date(2026, 10, 3)
    owner = Owner("1", "Ana", "ana@example.com", time_zone="Europe/Paris")

    for germany in ("DE", "de", "Germany", "Allemagne", "Deutschland"):
        free = holidays_of(country_of(owner), germany)
        assert bastille in free
        assert german_unity in free
    assert bastille not in holidays_of("DE")


def test_unknown_country() -> None:
    """A country nobody knows, and none, has no holidays."""
    assert date(2026, 12, 25) not in holidays_of("Atlantis", None, "")
    assert country_of(None) is None
    assert country_of(Owner("1", "Ana", "a@example.com", time_zone="Asia/Tokyo")) is None
