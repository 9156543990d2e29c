"""Usage features: by hand on tiny tables, and against numpy on tables nobody chose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import EPOCH, NOW, TODAY, TinyWarehouse, daily, item, moment

from connector.compute.accounts import items_in_force
from connector.compute.features import event_features, metric_features
from connector.domain.catalogue import Catalogue
from connector.domain.features import MetricFeatures

Tiny = Callable[..., TinyWarehouse]
YESTERDAY = TODAY - timedelta(days=1)


def features(warehouse: TinyWarehouse, catalogue: Catalogue, now: Any = NOW) -> dict[tuple[str, str], MetricFeatures]:
    tables = warehouse.tables()
    rows = warehouse.execute(metric_features(tables, items_in_force(tables, now), catalogue, now)).to_pylist()
    return {(row["account_id"], row["metric"]): MetricFeatures(**row) for row in rows}


def test_counts_are_summed_and_compared_with_the_window_before(tiny: Tiny, catalogue: Catalogue) -> None:
    """Ten a day after five a day is growth of 100 %, and 280 in 28 days is a pace of 304.4 a month."""
    warehouse = tiny(usage=daily("documents", [5] * 28 + [10] * 28), subscription_item_versions=[item("starter", 5)])

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.level_28, found.level_previous, found.growth) == (280, 140, 1.0)
    assert found.pace == pytest.approx(304.4)
    assert found.utilisation == pytest.approx(304.4 / 500)
    assert (found.active_days, found.total, found.data_to) == (28, 420, YESTERDAY)


def test_seats_are_a_level_and_not_a_sum(tiny: Tiny, catalogue: Catalogue) -> None:
    """47 of 50 seats on 19 days and 30 on the other nine: a peak of 94 %, near the limit on 19 days, over on none."""
    warehouse = tiny(usage=daily("active_seats", [30] * 9 + [47] * 19), subscription_item_versions=[item("pro", 50)])

    found = features(warehouse, catalogue)["a1", "active_seats"]

    assert (found.limit, found.utilisation, found.days_near_limit, found.days_over_limit) == (50, 0.94, 19, 0)
    assert found.level_28 == pytest.approx((30 * 9 + 47 * 19) / 28)
    assert found.peak_28 == 47


def test_d4_an_unlimited_plan_has_no_ceiling(tiny: Tiny, catalogue: Catalogue) -> None:
    """D4: Enterprise includes unlimited documents: no limit and no utilisation, however many are made."""
    warehouse = tiny(usage=daily("documents", [9_000] * 28), subscription_item_versions=[item("enterprise", 50)])

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.limit, found.utilisation, found.days_to_limit) == (None, None, None)


def test_a_pack_counts_what_it_contains(tiny: Tiny, catalogue: Catalogue) -> None:
    """Two packs of signature are 200 envelopes a month."""
    warehouse = tiny(usage=daily("envelopes", [7] * 28), subscription_item_versions=[item("signature", 2)])

    found = features(warehouse, catalogue)["a1", "envelopes"]

    assert found.limit == 200
    assert found.utilisation == pytest.approx(7 * 28 * 30.44 / 28 / 200)


def test_the_highest_plan_sets_the_limit_and_seats_add_up(tiny: Tiny, catalogue: Catalogue) -> None:
    """Two subscriptions of one account, Starter and Pro: the limit is Pro's, the seats are both's."""
    usage = daily("documents", [1] * 28) + daily("active_seats", [9] * 28)
    warehouse = tiny(usage=usage, subscription_item_versions=[item("starter", 4), item("pro", 6)])

    found = features(warehouse, catalogue)

    assert found["a1", "documents"].limit == 5_000
    assert found["a1", "active_seats"].limit == 10


def test_nothing_before_is_unknown_growth_and_not_infinite(tiny: Tiny, catalogue: Catalogue) -> None:
    """With no use in the window before, growth is unknown; so is it for a customer of 40 days."""
    usage = daily("documents", [3] + [0] * 50 + [5] * 28) + daily("documents", [5] * 40, account="young")
    found = features(tiny(usage=usage), catalogue)

    assert found["a1", "documents"].growth is None
    assert found["young", "documents"].growth is None


def test_windows_end_where_the_source_ends(tiny: Tiny, catalogue: Catalogue) -> None:
    """A file that is five days late moves the windows by five days and never looks like falling usage."""
    late = TODAY - timedelta(days=6)
    warehouse = tiny(usage=daily("documents", [10] * 60, until=late))

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.data_to, found.growth, found.active_days) == (late, 0.0, 28)


def test_one_late_source_does_not_move_another(tiny: Tiny, catalogue: Catalogue) -> None:
    """Windows are per source: an account that stopped using one is seen to stop."""
    stopped = daily("documents", [10] * 60, until=TODAY - timedelta(days=20))
    warehouse = tiny(usage=stopped + daily("documents", [1] * 60, account="a2"))

    found = features(warehouse, catalogue)["a1", "documents"]

    assert (found.data_to, found.last_day, found.active_days) == (YESTERDAY, TODAY - timedelta(days=20), 9)
    assert found.growth == pytest.approx(90 / 280 - 1)


def test_what_is_told_later_changes_nothing_measured_before(tiny: Tiny, catalogue: Catalogue) -> None:
    """Usage, days and item versions known only after the moment leave that moment's features as they were."""
    base = {"usage": daily("documents", [5] * 60), "subscription_item_versions": [item("starter", 5)]}
    tomorrow = NOW + timedelta(days=1)
    later_usage = [{**row, "known_at": tomorrow} for row in daily("documents", [999] * 60, account="a1")]
    later_item = item("pro", 5, item_id="a1-starter", valid_from=moment(TODAY - timedelta(days=9)), known_at=tomorrow)
    more = {
        "usage": [*base["usage"], *later_usage, *daily("documents", [7], until=TODAY + timedelta(days=3))],
        "subscription_item_versions": [*base["subscription_item_versions"], later_item],
    }

    assert features(tiny(**base), catalogue) == features(tiny(**more), catalogue)
    assert features(tiny(**more), catalogue, tomorrow)["a1", "documents"].limit == 5_000


def test_a_correction_closes_a_version_from_when_it_is_known(tiny: Tiny, catalogue: Catalogue) -> None:
    """The same version told twice counts as it was last told."""
    ended = item("starter", 5, valid_to=moment(TODAY - timedelta(days=5)), known_at=NOW - timedelta(hours=1))
    warehouse = tiny(usage=daily("documents", [5] * 28), subscription_item_versions=[item("starter", 5), ended])

    assert features(warehouse, catalogue)["a1", "documents"].limit is None
    assert features(warehouse, catalogue, NOW - timedelta(hours=2))["a1", "documents"].limit == 500


def test_d8_a_milestone_is_the_round_total_just_passed(tiny: Tiny, catalogue: Catalogue) -> None:
    """D8: 990 documents and then 28 more pass 1,000; 2,000 and 28 more pass nothing; a level has no total."""
    usage = [
        *daily("documents", [990] + [1] * 28),
        *daily("documents", [2_000] + [1] * 28, account="a2"),
        *daily("active_seats", [100] * 28),
    ]
    found = features(tiny(usage=usage), catalogue)

    assert found["a1", "documents"].milestone == 1_000
    assert found["a2", "documents"].milestone is None
    assert found["a1", "active_seats"].milestone is None


def test_the_day_of_the_limit_follows_the_trend(tiny: Tiny, catalogue: Catalogue) -> None:
    """Seats that grow by one in two days from 1 to 45 reach 50 in ten days; at the limit it is now."""
    rising = [1 + i / 2 for i in range(89)]
    usage = daily("active_seats", rising) + daily("active_seats", [50] * 60, account="a2")
    items = [item("pro", 50), item("pro", 50, account="a2")]
    found = features(tiny(usage=usage, subscription_item_versions=items), catalogue)

    assert found["a1", "active_seats"].days_to_limit == pytest.approx(10)
    assert found["a2", "active_seats"].days_to_limit == 0


def test_d3_a_season_is_no_trend(tiny: Tiny, catalogue: Catalogue) -> None:
    """D3: The same rise every autumn: growth against last month, none against last year, and no day of a limit."""
    year = [20] * 308 + [30] * 56
    warehouse = tiny(usage=daily("active_seats", [*year, *year]), subscription_item_versions=[item("pro", 35)])

    found = features(warehouse, catalogue)["a1", "active_seats"]

    assert found.growth_year == 0
    assert found.slope_90 is not None
    assert found.slope_90 > 0
    assert found.days_to_limit is None


sparse = st.lists(st.one_of(st.none(), st.floats(0, 1e5, allow_nan=False)), min_size=1, max_size=130)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(customers=st.lists(st.tuples(sparse, sparse), min_size=5, max_size=12))
def test_features_agree_with_numpy(
    tiny: Tiny, catalogue: Catalogue, customers: list[tuple[list[float | None], list[float | None]]]
) -> None:
    """Sums, means, deviations and slopes are what numpy gives on the filled grid of days."""
    usage = daily("documents", [1.0], account="anchor")
    for at, (counts, levels) in enumerate(customers):
        usage += daily("documents", counts, account=str(at)) + daily("active_seats", levels, account=str(at))

    found = features(tiny(usage=usage), catalogue)

    for at, (counts, levels) in enumerate(customers):
        for metric, told, gauge in (("documents", counts, False), ("active_seats", levels, True)):
            if any(told):
                _agrees(found[str(at), metric], told, gauge)
            else:
                assert (str(at), metric) not in found


def _agrees(found: MetricFeatures, told: list[float | None], gauge: bool) -> None:
    used = [len(told) - 1 - i for i, value in enumerate(told) if value]
    if gauge:
        pairs = [(-(len(told) - 1 - i), v) for i, v in enumerate(told) if v is not None and len(told) - 1 - i < 90]
    else:
        known = {len(told) - 1 - i: v or 0.0 for i, v in enumerate(told)}
        rows = sum(1 for i, v in enumerate(told) if v is not None and len(told) - 1 - i < 90)
        length = max(min(90, max(used) + 1), rows)
        pairs = [(-age, known.get(age, 0.0)) for age in range(length)]
    days, values = np.array([d for d, _ in pairs], float), np.array([v for _, v in pairs], float)
    scale = max(1.0, float(np.abs(values).max(initial=0.0)))
    if len(values):
        assert found.mean_90 == pytest.approx(values.mean(), rel=1e-9, abs=1e-9 * scale)
        assert found.std_90 == pytest.approx(values.std(), rel=1e-6, abs=1e-6 * scale)
    if len(values) > 1:
        slope = ((days - days.mean()) * (values - values.mean())).mean() / days.var()
        assert found.slope_90 == pytest.approx(slope, rel=1e-6, abs=1e-6 * scale)
    recent = [v for v in told[-28:] if v is not None]
    expected = (np.mean(recent) if recent else 0.0) if gauge else np.sum(recent)
    assert found.level_28 == pytest.approx(expected, rel=1e-9)
    assert found.active_days == sum(1 for v in recent if v > 0)
    assert found.peak_28 == max(recent, default=0.0)


def test_the_grid_of_a_count_starts_at_its_first_use(tiny: Tiny, catalogue: Catalogue) -> None:
    """Thirty days of two a day are a mean of two, not of thirty in ninety."""
    found = features(tiny(usage=daily("documents", [2] * 30)), catalogue)["a1", "documents"]

    assert (found.mean_90, found.std_90, found.slope_90) == (2, 0, 0)
    assert found.first_day == TODAY - timedelta(days=30)


def test_metrics_the_catalogue_does_not_know_are_left_out(tiny: Tiny, catalogue: Catalogue) -> None:
    """A metric without a meaning makes no feature."""
    assert features(tiny(usage=daily("mystery", [1] * 28)), catalogue) == {}


def test_events_are_counted_by_what_they_are_about(tiny: Tiny) -> None:
    """Clicks on one locked feature: two in 28 days, three in 90; what happens tomorrow is not known."""
    days = [date(2026, 11, 20), date(2026, 11, 1), date(2026, 9, 15), date(2026, 1, 1), TODAY + timedelta(days=1)]
    events = [
        {"account_id": "a1", "event": "docs_read", "detail": "analytics", "occurred_at": moment(day), "known_at": EPOCH}
        for day in days
    ]
    warehouse = tiny(events=events)

    (found,) = warehouse.execute(event_features(warehouse.tables(), NOW)).to_pylist()

    assert (found["count_28"], found["count_90"], found["last_on"]) == (2, 3, date(2026, 11, 20))
