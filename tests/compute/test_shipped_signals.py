"""The signal rules we ship, on customers small enough to check by hand, and the sentences people read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tiny import NOW, TODAY, TinyWarehouse, account, daily, item, moment, subscription

from connector.domain.catalogue import Catalogue
from connector.domain.cited import numbers_of
from connector.domain.signal import Signal, Signals
from connector.services.measure import Measured, measure

NBSP, THIN = "\xa0", "\u202f"


def clicks(account: str, detail: str, days_ago: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "account_id": account,
            "event": "locked_feature_clicked",
            "detail": detail,
            "occurred_at": moment(TODAY - timedelta(days=days)),
        }
        for days in days_ago
    ]


@pytest.fixture(scope="module")
def measured(catalogue: Catalogue, rules: Signals) -> Measured:
    """Seven customers, each with one story, and one with none."""
    names = ["seats", "docs", "full", "reports", "owner", "renews", "old", "quiet"]
    usage = [
        *daily("active_seats", [40] * 41 + [47] * 19, "seats"),
        *daily("documents", [180] * 28 + [200] * 28, "docs"),
        *daily("documents", [9_000] * 56, "full"),
        *daily("reports_built", [5] * 56, "reports"),
        *daily("reports_built", [5] * 56, "owner"),
        *daily("documents", [3] * 56, "renews"),
        *daily("documents", [482] + [1] * 28, "old"),
        *daily("documents", [3] * 56, "quiet"),
    ]
    usage += [row for name in names for metric in ("sms_sent", "api_calls") for row in daily(metric, [1] * 56, name)]
    plan = {"full": "enterprise"}
    items = [item(plan.get(name, "pro"), 50, name) for name in names] + [item("analytics", 1, "owner")]
    subscriptions = [subscription(name) for name in names if name not in ("renews", "old")]
    subscriptions += [
        subscription(
            "renews", term_months=12, period_start=moment(date(2026, 1, 21)), period_end=moment(date(2027, 1, 21))
        ),
        subscription("old", started_at=moment(date(2024, 11, 12))),
    ]
    warehouse = TinyWarehouse(
        {
            "accounts": [account(name) for name in names],
            "subscriptions": subscriptions,
            "subscription_item_versions": items,
            "usage": usage,
            "events": clicks("quiet", "automation", [2, 4, 9]) + clicks("owner", "analytics", [1, 2]),
        }
    )
    return measure(warehouse, catalogue, rules, NOW)


def only(measured: Measured, account_id: str) -> Signal:
    (found,) = measured.of(account_id)
    return found


def test_d4_seats_near_their_limit(measured: Measured) -> None:
    """D4: Seats near the cap on 19 of 28 days point to more seats, and say so with numbers and a date."""
    found = next(signal for signal in measured.of("seats") if signal.id == "seats_near_limit")

    assert (found.row, found.kind, found.needs, found.data_to) == (
        "limit_reached",
        "upsell",
        ("more_seats",),
        date(2026, 11, 21),
    )
    assert found.evidence["en"] == (
        "47 of 50 seats in use at the peak, and 45 or more on 19 of the last 28 days; data to 21 Nov 2026"
    )
    assert found.evidence["fr"] == (
        "jusqu’à 47 licences utilisées sur 50, et 45 ou plus pendant 19 des 28 derniers jours\xa0; "
        "données au 21 nov. 2026"
    )


def test_d4_a_monthly_limit_reached(measured: Measured) -> None:
    """D4: Documents beyond what Pro includes point to a higher plan; French writes thousands with a thin space."""
    found = next(signal for signal in measured.of("docs") if signal.id == "plan_limit_reached")

    assert found.needs == ("higher_plan",)
    assert found.evidence["en"].startswith("6,088 documents a month at the pace of the last 28 days, 5,000 included;")
    assert found.evidence["fr"] == (
        f"6{THIN}088 documents par mois au rythme des 28 derniers jours, pour 5{THIN}000 inclus\xa0; "
        "données au 21 nov. 2026"
    )


def test_d4_an_unlimited_plan_raises_no_limit_signal(measured: Measured) -> None:
    """D4: However much is used under Enterprise, no ceiling is reached."""
    assert all(signal.row != "limit_reached" for signal in measured.of("full"))


def test_d3_growth_against_the_customers_own_past(measured: Measured) -> None:
    """D3: Seats that grew by a ninth beyond their usual noise are a growth signal with the percentage in its text."""
    found = next(signal for signal in measured.of("seats") if signal.id == "seats_growing")

    assert numbers_of(found.evidence)["growth"] == pytest.approx((40 * 9 + 47 * 19) / 28 / 40 - 1)
    assert found.evidence["en"] == (
        "seats: 12% more than in the 28 days before, used on 28 of 28 days; data to 21 Nov 2026"
    )


def test_d5_a_need_that_no_owned_module_covers(measured: Measured) -> None:
    """D5: Reports built by hand point to reporting; who owns Analytics raises nothing."""
    found = only(measured, "reports")

    assert (found.id, found.kind, found.needs) == ("reports_by_hand", "cross_sell", ("reporting",))
    assert found.evidence["fr"] == (
        "140 rapports construits à la main au cours des 28 derniers jours, sur 28 jours\xa0; données au 21 nov. 2026"
    )
    assert measured.of("owner") == ()


def test_d7_exploration_points_to_the_need_of_what_was_looked_at(measured: Measured) -> None:
    """D7: Clicks on a locked feature point to its need; on an owned one they mean nothing."""
    found = only(measured, "quiet")

    assert (found.id, found.needs) == ("explored", ("automation",))
    assert found.evidence == {
        "en": "looked at Automation 3 times in the last 28 days, last on 20 Nov 2026",
        "fr": "Automatisation\xa0: 3 consultations sur les 28 derniers jours, la dernière le 20 nov. 2026",
    }
    assert found.strength == pytest.approx(3 / 5 * 0.5 ** (2 / 21))


def test_d8_milestones_say_when_and_not_what(measured: Measured) -> None:
    """D8: A round total and an anniversary are context: they point to no need of their own."""
    found = {signal.id: signal for signal in measured.of("old")}

    assert set(found) == {"round_number", "anniversary"}
    assert all(signal.kind == "context" and signal.needs == () for signal in found.values())
    assert found["anniversary"].evidence["fr"] == "client depuis 2 ans (anniversaire le 12 nov.)"
    assert found["round_number"].evidence["en"] == "just passed 500 documents; data to 21 Nov 2026"


def test_d9_the_renewal_window(measured: Measured) -> None:
    """D9: A yearly contract that ends in sixty days is in its window, at full strength."""
    found = only(measured, "renews")

    assert (found.id, found.strength, found.needs) == ("renewal_window", 1.0, ())
    assert found.evidence["en"] == "the contract renews on 21 Jan 2027, in 60 days"


def test_data_to_is_the_last_day_told(measured: Measured) -> None:
    """The run says how far its data goes."""
    assert measured.data_to == date(2026, 11, 21)
