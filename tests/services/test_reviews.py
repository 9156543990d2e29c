"""When a review is due: on the segment's cadence, the last one 90 to 120 days before the renewal, on working days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.features import AccountFeatures
from connector.domain.intent import ReviewIntent
from connector.domain.workdays import is_workday
from connector.services.calendar import holidays_of
from connector.services.measure import Measured
from connector.services.reviews import Reviews, plan_reviews
from connector.services.world import World

RULES = load_project(shipped(), ["stripe"], "salesforce")
OWNER = Owner("u1", "Ana", "ana@example.com", time_zone="Europe/Paris")
START, RENEWAL = date(2026, 1, 1), date(2027, 1, 1)


def customer(**rest: Any) -> AccountFeatures:
    plain = AccountFeatures("b1", currency="EUR", mrr_minor=50000, term_start=START, renewal_on=RENEWAL)
    return replace(plain, **rest)


def reviews(today: date, *accounts: AccountFeatures, country: str = "DE") -> tuple[ReviewIntent, ...]:
    return planned(today, *accounts, country=country).intents


def planned(
    today: date,
    *accounts: AccountFeatures,
    country: str = "DE",
    owner: Owner = OWNER,
    facts: dict[str, str] | None = None,
) -> Reviews:
    assert RULES.mapping is not None
    world = World(
        mapping=RULES.mapping,
        accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1", country=country, facts=facts or {})},
        contacts={},
        owners={"u1": owner},
        stages=(),
        opportunities=(),
        tasks=(),
        entries={},
        links=(),
        episodes=(),
        known={},
    )
    as_of = datetime.combine(today, time(12), UTC)
    measured = Measured(as_of, {one.account_id: one for one in accounts}, {}, {}, [], (), today)
    return plan_reviews(measured, {one.account_id: "a1" for one in accounts}, (), world, RULES, today)


def over_a_year(account: AccountFeatures) -> dict[int, date]:
    """Every review of the term by its ordinal, looking once a week."""
    weeks = [START + timedelta(days=7 * week) for week in range(53)]
    return {review.ordinal: review.on for today in weeks for review in reviews(today, account)}


@given(renewal=st.dates(date(2026, 6, 1), date(2030, 12, 31)), country=st.sampled_from(["DE", "US", "Japan", "JP", ""]))
@settings(deadline=None, max_examples=60)
def test_d25_before_the_renewal(renewal: date, country: str) -> None:
    """The last review of a term falls 90 to 120 days before the renewal, when owner and customer both work."""
    account = customer(term_start=renewal - timedelta(days=365), renewal_on=renewal)

    found = reviews(renewal - timedelta(days=105), account, country=country)

    last = next(review for review in found if review.ordinal == 0)
    assert 90 <= (renewal - last.on).days <= 120
    assert is_workday(last.on, holidays_of("FR", country))


@pytest.mark.parametrize(("segment", "count"), [("enterprise", 3), ("mid_market", 2), ("smb", 1), (None, 1)])
def test_d25_cadence(segment: str | None, count: int) -> None:
    """A segment gets its reviews a term: quarterly, twice a year, or once."""
    found = over_a_year(customer(segment=segment))

    assert sorted(found) == list(range(count))
    gaps = [(found[i] - found[i + 1]).days for i in range(count - 1)]
    assert all(abs(gap - {3: 91, 2: 183}[count]) <= 7 for gap in gaps)


def test_key_parts_stay_all_term() -> None:
    """From first reminder to last the review keeps term, ordinal and day, so its key too."""
    day = RENEWAL - timedelta(days=105)
    seen = {
        (review.term_start, review.ordinal, review.on)
        for ahead in range(-5, 44)
        for review in reviews(day - timedelta(days=ahead), customer())
    }

    assert len(seen) == 1


@pytest.mark.parametrize(("ahead", "shown"), [(60, False), (40, True), (0, True), (-20, True), (-31, False)])
def test_horizon(ahead: int, shown: bool) -> None:
    """Reminders appear within the horizon, and what follows from the outcome is asked for a month after the day."""
    day = RENEWAL - timedelta(days=105)

    assert bool(reviews(day - timedelta(days=ahead), customer())) is shown


@pytest.mark.parametrize(
    "account",
    [
        customer(cancel_on=date(2026, 12, 1)),
        customer(mrr_minor=19999),
        customer(mrr_minor=0),
        customer(currency=None),
        customer(is_test=True),
        customer(renewal_on=None, anniversary_on=None),
    ],
    ids=["cancelled", "too small", "not paying", "no currency", "test account", "no date"],
)
def test_who_gets_none(account: AccountFeatures) -> None:
    """Who leaves, is too small, pays nothing or has no date to hang it on gets no review."""
    assert over_a_year(account) == {}


@pytest.mark.parametrize(("before", "held"), [(1, True), (45, True), (46, False), (0, False), (-1, False)])
def test_d25_a_review_that_was_just_logged_is_not_asked_for_again(before: int, held: bool) -> None:
    """D25: People who held one within the last 45 days get no reminder; one on its own day is the review itself."""
    (due,) = reviews(RENEWAL - timedelta(days=105), customer())
    noted = {"review_on": (due.on - timedelta(days=before)).isoformat()}
    today = due.on + timedelta(days=2)

    made = planned(today, customer(), facts=noted)

    assert bool(made.skipped) is held
    assert bool(made.intents) is not held


ZONES = {"DE": "Europe/Berlin", "FR": "Europe/Paris", "GB": "Europe/London", "US": "America/New_York"}


@pytest.mark.parametrize("country", ZONES)
@pytest.mark.parametrize(("segment", "count"), [("enterprise", 4), ("mid_market", 2), ("smb", 1)])
def test_d25_a_year_of_reviews(segment: str, count: int, country: str) -> None:
    """D25: Day by day for a year: each review on a day both work, before its renewal, none twice, as often as meant."""
    owner = replace(OWNER, time_zone=ZONES[country])
    start = date(2025, 9, 15)
    account = customer(segment=segment, term_start=start, renewal_on=start + timedelta(days=365))
    seen: dict[tuple[date, int], set[date]] = {}
    for day in range(366):
        today = start + timedelta(days=day)
        for review in planned(today, account, country="JP", owner=owner).intents:
            seen.setdefault((review.term_start, review.ordinal), set()).add(review.on)

    held = sorted(day for days in seen.values() for day in days)
    assert len(held) == len(seen) == len(set(held))
    assert len(held) in (count, count - 1)
    assert all(is_workday(day, holidays_of(country, "JP")) for day in held)
    assert all(start < day < start + timedelta(days=365 - 80) for day in held)


def test_minimum_in_another_currency() -> None:
    """The minimum is meant in the reporting currency: 210 dollars are less than 200 euros."""
    assert over_a_year(customer(currency="USD", mrr_minor=21000)) == {}
    assert over_a_year(customer(currency="USD", mrr_minor=22000)) != {}


def test_one_of_several_leaves() -> None:
    """A CRM account with one contract cancelled gets none for the others either."""
    today = RENEWAL - timedelta(days=105)
    other = customer(account_id="b2", cancel_on=RENEWAL)

    assert reviews(today, customer()) != ()
    assert reviews(today, customer(), other) == ()


def test_largest_contract_decides() -> None:
    """Several billing accounts get one review, hung on the largest contract."""
    larger = customer(account_id="b2", mrr_minor=90000, renewal_on=date(2027, 3, 1))

    (review,) = reviews(date(2027, 3, 1) - timedelta(days=105), customer(), larger)

    assert (review.renewal_on, review.billing_ids) == (date(2027, 3, 1), ("b1", "b2"))


def test_month_to_month_hangs_on_the_anniversary() -> None:
    """A customer without a commitment gets the review before the anniversary."""
    account = customer(term_start=None, renewal_on=None, anniversary_on=RENEWAL)

    (review,) = reviews(RENEWAL - timedelta(days=105), account)

    assert review.renewal_on is None
    assert 90 <= (RENEWAL - review.on).days <= 120
