"""How regularly a metric is used: days, weeks and streaks, checked by hand and against sets of days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_metric_features import YESTERDAY, features
from tiny import TinyWarehouse, daily

from connector.domain.catalogue import Catalogue

Tiny = Callable[..., TinyWarehouse]
# A list that may have any length is nearly always shorter than a month.
SERIES = st.sampled_from([3, 30, 60, 100, 450]).flatmap(
    lambda days: st.lists(st.sampled_from([None, 0.0, 3.0]), min_size=days, max_size=days)
)


def test_weeks_with_use_are_counted_and_a_gap_ends_the_streak(tiny: Tiny, catalogue: Catalogue) -> None:
    """Use on one day a week for three weeks, none for two, then daily for two: five weeks of twelve, two in a row."""
    once_a_week = [1, 0, 0, 0, 0, 0, 0]
    warehouse = tiny(usage=daily("documents", once_a_week * 3 + [0] * 14 + [4] * 14))

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.active_weeks, found.streak_weeks, found.active_days, found.active_days_previous) == (5, 2, 14, 3)
    assert (found.first_day, found.last_day, found.days_idle) == (YESTERDAY - timedelta(days=48), YESTERDAY, 0)


def test_a_metric_that_was_not_used_lately_is_idle(tiny: Tiny, catalogue: Catalogue) -> None:
    """The source tells on to yesterday, the last use was ten days before: ten idle days, and no streak."""
    warehouse = tiny(usage=daily("documents", [5] * 20 + [0] * 10))

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.days_idle, found.streak_weeks, found.active_weeks) == (10, 0, 4)
    assert found.last_day == YESTERDAY - timedelta(days=10)


@pytest.mark.parametrize(("weeks", "streak"), [(51, 51), (52, 52), (60, 52)])
def test_a_streak_is_told_up_to_a_year(tiny: Tiny, catalogue: Catalogue, weeks: int, streak: int) -> None:
    """A longer one counts as 52 weeks, and the weeks of the last twelve as twelve."""
    found = features(tiny(usage=daily("documents", [1] * 7 * weeks)), catalogue)["a1", "documents"]

    assert (found.streak_weeks, found.active_weeks) == (streak, 12)


@pytest.mark.parametrize(("days", "told"), [(391, None), (392, 20), (450, 20)])
def test_the_same_weeks_a_year_ago_count_their_days(
    tiny: Tiny, catalogue: Catalogue, days: int, told: int | None
) -> None:
    """Use on weekdays: twenty days of the four weeks a year ago, unknown for whoever was no customer then."""
    weekdays = [1.0 if at % 7 < 5 else 0.0 for at in range(days)]

    found = features(tiny(usage=daily("documents", weekdays)), catalogue)["a1", "documents"]

    assert (found.active_days_year_ago, found.active_days) == (told, 20)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to make so long a series smaller takes minutes
)
@given(st.lists(SERIES, min_size=4, max_size=6))
def test_days_and_weeks_agree_with_sets_of_days(
    tiny: Tiny, catalogue: Catalogue, customers: list[list[float | None]]
) -> None:
    """Whatever days are used, the bits of a number say what sets of days say; one query is for several customers."""
    # One use at least, and the source tells to its last day.
    told = {f"a{number}": [9.0, *values, 0.0] for number, values in enumerate(customers)}
    rows = [row for account, values in told.items() for row in daily("documents", values, account)]

    measured = features(tiny(usage=rows), catalogue)

    for account, values in told.items():
        found = measured[account, "documents"]
        back = {len(values) - 1 - at for at, value in enumerate(values) if value}
        weeks = {x // 7 for x in back if x < 364}
        assert found.active_days == len({x for x in back if x < 28})
        assert found.active_days_previous == len({x for x in back if 28 <= x < 56})
        assert found.active_weeks == len({week for week in weeks if week < 12})
        assert found.streak_weeks == next(week for week in range(53) if week not in weeks)
        assert found.days_idle == min(back)
