"""Whose holidays count: an owner's own for due dates, the owner's and the customer's for a meeting."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date
from functools import lru_cache

import holidays

from connector.compute.countries import country_code
from connector.domain.account import Owner

COUNTRY_OF_ZONE = {
    "Europe/Paris": "FR",
    "Europe/London": "GB",
    "Europe/Dublin": "IE",
    "Europe/Berlin": "DE",
    "Europe/Zurich": "CH",
    "Europe/Vienna": "AT",
    "Europe/Brussels": "BE",
    "Europe/Amsterdam": "NL",
    "Europe/Madrid": "ES",
    "Europe/Rome": "IT",
    "Europe/Lisbon": "PT",
    "America/New_York": "US",
    "America/Chicago": "US",
    "America/Los_Angeles": "US",
    "America/Toronto": "CA",
}


def country_of(owner: Owner | None) -> str | None:
    """The country an owner most likely works in, by time zone."""
    return COUNTRY_OF_ZONE.get(owner.time_zone or "") if owner else None


def holidays_of(*countries: str | None) -> Container[date]:
    """Public holidays of some countries; a country nobody knows has none."""
    codes = [country_code(country) for country in countries if country]
    return _Union([_calendar(code) for code in dict.fromkeys(codes)])


@lru_cache(maxsize=64)
def _calendar(country: str) -> Container[date]:
    try:
        calendar: Container[date] = holidays.country_holidays(country)
    except NotImplementedError:
        return frozenset()
    return calendar


class _Union:
    """Days that any of several calendars has."""

    def __init__(self, calendars: Iterable[Container[date]]) -> None:
        self.calendars = tuple(calendars)

    def __contains__(self, day: object) -> bool:
        return any(day in calendar for calendar in self.calendars)
