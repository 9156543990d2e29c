"""Restraint: a stream that tells less than usual must not look like customers who leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from tiny import NOW, TODAY, Row, TinyWarehouse, account, daily, item, subscription

from connector.domain.catalogue import Catalogue
from connector.domain.feed import Feed, is_drop_believed
from connector.domain.signal import Signals
from connector.services.measure import Measured, measure

ACCOUNTS = [f"a{place}" for place in range(10)]


def told(rows: Sequence[Row], catalogue: Catalogue, rules: Signals) -> Measured:
    tables = {
        "accounts": [account(name) for name in ACCOUNTS],
        "subscriptions": [subscription(name) for name in ACCOUNTS],
        "subscription_item_versions": [item("pro", 10, name) for name in ACCOUNTS],
        "usage": rows,
    }
    return measure(TinyWarehouse(tables), catalogue, rules, NOW)


def usage(falls_to: float = 10.0) -> list[Row]:
    """Twelve weeks of ten customers; the first of them uses it less in the last four weeks."""
    metrics = ("documents", "api_calls", "sms_sent")
    rows = [row for name in ACCOUNTS for metric in metrics for row in daily(metric, [10] * 84, name)]
    begins = TODAY - timedelta(days=28)
    return [{**row, "value": falls_to} if row["account_id"] == "a0" and row["day"] >= begins else row for row in rows]


def falling(measured: Measured) -> set[str]:
    return {signal.account_id for signal in measured.signals if signal.id in ("usage_falling", "little_breadth")}


def test_a_feed_at_30_percent_of_its_norm_withdraws_nothing(catalogue: Catalogue, rules: Signals) -> None:
    """D3: with seven of ten customers lost from a week's files nobody is said to leave; whole files say who does."""
    whole = usage(falls_to=3.0)
    last_week = TODAY - timedelta(days=7)
    cut = [row for row in whole if row["day"] < last_week or row["account_id"] in ACCOUNTS[:3]]

    full, poor = told(whole, catalogue, rules), told(cut, catalogue, rules)

    assert (falling(full), full.troubles) == ({"a0"}, ())
    assert falling(poor) == set()
    assert all((one.activity_trend or 0) >= 0 and one.metrics_used is None for one in poor.accounts.values())
    assert poor.troubles == ("usage from test had a week with 30% of its usual rows: no drop in it is believed",)


def test_a_stream_that_stopped_is_no_drop(catalogue: Catalogue, rules: Signals) -> None:
    """Usage that ends ten days ago tells nothing of since then, and the run says so."""
    ended = [row for row in usage(falls_to=3.0) if row["day"] < TODAY - timedelta(days=10)]

    found = told(ended, catalogue, rules)

    assert falling(found) == set()
    assert found.troubles == ("usage from test ends on 2026-11-11: no drop in it is believed",)


def test_a_young_stream_beside_a_good_one_hides_no_drop(catalogue: Catalogue, rules: Signals) -> None:
    """Meters that began three weeks ago can have lost nothing yet; alone they tell of no drop."""
    meters = [{**row, "source": "meters"} for row in daily("envelopes", [3] * 21, "a1")]

    found = told([*usage(falls_to=3.0), *meters], catalogue, rules)

    assert falling(found) == {"a0"}
    assert [(one.source, one.metrics) for one in found.feeds] == [
        ("meters", ("envelopes",)),
        ("test", ("api_calls", "documents", "sms_sent")),
    ]
    assert not is_drop_believed([found.feeds[0]], TODAY)


@pytest.mark.parametrize(
    ("weeks", "good"),
    [
        ([100] * 12, True),
        ([51, 100, 100, 100, *[100] * 8], True),
        ([49, 100, 100, 100, *[100] * 8], False),
        ([100, 100, 30, 100, *[100] * 8], False),
        ([151, 100, 100, 100, *[100] * 8], False),
        ([100] * 4, False),
        ([100] * 5, True),
    ],
)
def test_the_norm_is_the_usual_week_before(weeks: list[int], good: bool) -> None:
    """Each of the last four weeks is held against the median of those before; without a past nothing is known."""
    feed = Feed("files", date(2026, 11, 21), dict(enumerate(weeks)))

    assert feed.is_good(date(2026, 11, 22)) is good
    assert not feed.is_good(date(2026, 11, 30))
