"""How the world changes under a reader: touches, events, and usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from stripe_moments import DAY, NOW

from connector.sandbox.stripe import objects

SUMMARIES = "/v1/billing/meters/mtr_api/event_summaries"


def test_seeding_is_silent(shop) -> None:
    """Loading rows appends no event."""
    assert shop.rows("/v1/events") == []


def test_a_touch_changes_and_tells(shop) -> None:
    """A touch lays fields over an object; its event holds the object as it now is and what it was."""
    (event,) = shop.touch("customers", {"id": "cus_acme", "name": "Acme SA"})

    assert shop.get("/v1/customers/cus_acme").json()["name"] == "Acme SA"
    assert shop.rows("/v1/events") == [event]
    assert (event["type"], event["created"]) == ("customer.updated", NOW)
    assert event["data"]["object"] == shop.get("/v1/customers/cus_acme").json()
    assert event["data"]["previous_attributes"] == {"name": "Acme"}


@pytest.mark.parametrize(
    ("kind", "change", "type"),
    [
        ("customers", objects.customer("cus_new", created=NOW), "customer.created"),
        ("customers", {"id": "cus_beta", "deleted": True}, "customer.deleted"),
        ("subscriptions", {"id": "sub_rich", "cancel_at_period_end": True}, "customer.subscription.updated"),
        ("subscriptions", {"id": "sub_rich", "status": "canceled"}, "customer.subscription.deleted"),
        ("subscriptions", {"id": "sub_ended", "metadata": {"note": "late"}}, "customer.subscription.updated"),
        ("invoices", {"id": "in_setup", "status": "paid"}, "invoice.updated"),
        ("prices", {"id": "price_pro", "active": False}, "price.updated"),
        ("meters", {"id": "mtr_api", "display_name": "Calls"}, "billing.meter.updated"),
    ],
)
def test_events_say_what_happened(shop, kind: str, change: dict[str, Any], type: str) -> None:
    """Creation, change, deletion and the end of a subscription each have their event type."""
    (event,) = shop.touch(kind, change)

    assert event["type"] == type
    assert shop.ids("/v1/events", type=type) == [event["id"]]


def test_what_has_no_events_cannot_be_touched(shop) -> None:
    """A touch of a type that tells no events is refused, and so is half an object that is not there."""
    for kind, change in (("discounts", {"id": "di_loyal"}), ("customers", {"id": "cus_unknown", "name": "Half"})):
        answer = requests.post(f"{shop.url}/__touch/{kind}", json=[change])

        assert answer.status_code == 404, kind
    assert shop.ids("/v1/customers") == ["cus_beta", "cus_acme"]
    assert shop.rows("/v1/events") == []


def test_a_deletion_tells_what_was_deleted(shop) -> None:
    """The event of a deletion holds the object as it last was, though its id answers with a tombstone."""
    last = shop.get("/v1/customers/cus_beta").json()

    (event,) = shop.touch("customers", {"id": "cus_beta", "deleted": True})

    assert event["data"]["object"] == last
    assert shop.get("/v1/customers/cus_beta").json()["deleted"] is True


def test_events_are_filtered_by_type_and_time(shop) -> None:
    """Events come newest first and pass by exact type, by pattern, by list, and by creation."""
    (renamed,) = shop.touch("customers", {"id": "cus_acme", "name": "A"})
    shop.control.clock.advance(60)
    (ended,) = shop.touch("subscriptions", {"id": "sub_rich", "status": "canceled"})
    (paid,) = shop.touch("invoices", {"id": "in_setup", "status": "paid"})

    assert shop.ids("/v1/events") == [paid["id"], ended["id"], renamed["id"]]
    assert shop.ids("/v1/events", type="customer.*") == [ended["id"], renamed["id"]]
    assert shop.ids("/v1/events", ("types[]", "invoice.updated"), ("types[]", "customer.updated")) == [
        paid["id"],
        renamed["id"],
    ]
    assert shop.ids("/v1/events", ("created[gt]", NOW)) == [paid["id"], ended["id"]]
    assert shop.ids("/v1/events", delivery_success="false") == []


def test_events_are_kept_thirty_days(shop) -> None:
    """An event leaves the list when it is older than thirty days by the sandbox's clock."""
    (event,) = shop.touch("customers", {"id": "cus_acme", "name": "A"})
    shop.control.clock.fixed = datetime.fromtimestamp(NOW, UTC) + timedelta(days=30)
    kept = shop.ids("/v1/events")

    shop.control.clock.advance(1)

    assert kept == [event["id"]]
    assert shop.ids("/v1/events") == []


def usage(shop, **params: Any) -> list[tuple[int, float]]:
    rows = shop.rows(SUMMARIES, **{"customer": "cus_acme", "start_time": NOW - 5 * DAY, "end_time": NOW, **params})
    return [((NOW - row["start_time"]) // DAY, row["aggregated_value"]) for row in rows]


def test_usage_without_a_window_is_one_summary(shop) -> None:
    """The whole range is one summary, the sum of what lies in it; zero where nothing was used."""
    assert usage(shop) == [(5, 1500.0)]
    assert usage(shop, start_time=NOW - 3 * DAY) == [(3, 600.0)]
    assert usage(shop, end_time=NOW - 2 * DAY) == [(5, 1200.0)]
    assert usage(shop, customer="cus_beta") == [(5, 0)]


def test_usage_by_day_pages_newest_first(shop) -> None:
    """Days that saw usage come newest first, in pages."""
    first = shop.get(
        SUMMARIES,
        customer="cus_acme",
        start_time=NOW - 5 * DAY,
        end_time=NOW,
        value_grouping_window="day",
        limit=3,
    ).json()

    assert [row["aggregated_value"] for row in first["data"]] == [100, 200, 300]
    assert first["has_more"] is True
    assert usage(shop, value_grouping_window="day", starting_after=first["data"][-1]["id"]) == [(4, 400), (5, 500)]


def test_a_last_meter_takes_the_last_value(shop) -> None:
    """A meter of formula `last` reports the newest stretch instead of the sum."""
    shop.load("meters", objects.meter("mtr_api", event_name="seats", created=NOW, formula="last"))

    assert usage(shop) == [(5, 100.0)]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"start_time": NOW - DAY + 1}, "start_time"),
        ({"end_time": NOW - DAY + 60, "value_grouping_window": "hour"}, "end_time"),
        ({"start_time": NOW - DAY - 3600, "value_grouping_window": "day"}, "start_time"),
        ({"start_time": NOW, "end_time": NOW}, "end_time"),
        ({"value_grouping_window": "month"}, "value_grouping_window"),
        ({"customer": "cus_none"}, "customer"),
        ({"limit": 101}, "limit"),
        ({"customer": None}, "customer"),
        ({"start_time": None}, "start_time"),
        ({"end_time": None}, "end_time"),
    ],
)
def test_bad_ranges_of_usage_are_refused(shop, change: dict[str, Any], param: str) -> None:
    """A range off its boundaries, an empty one, or a missing part is a 400 that names the parameter."""
    asked = {"customer": "cus_acme", "start_time": NOW - 5 * DAY, "end_time": NOW, **change}

    answer = shop.get(SUMMARIES, **{name: value for name, value in asked.items() if value is not None})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_state_round_trips_and_resets(shop) -> None:
    """What was loaded is dumped unchanged; a reset leaves only the default account."""
    prices = shop.session.get(f"{shop.url}/__state/prices").json()
    assert prices[0]["tiers"]

    shop.session.post(f"{shop.url}/__reset")

    assert shop.session.get(f"{shop.url}/__state/prices").json() == []
    assert shop.get("/v1/account").json()["id"] == "acct_standin"
    shop.load("prices", *prices)
    assert shop.session.get(f"{shop.url}/__state/prices").json() == prices
    assert shop.session.get(f"{shop.url}/__state/widgets").status_code == 404


def test_the_account_can_be_replaced(sandbox) -> None:
    """Loading an account replaces the default one."""
    sandbox.load("account", objects.account("acct_vendor", name="Vendor", created=NOW))

    assert sandbox.get("/v1/account").json()["settings"]["dashboard"]["display_name"] == "Vendor"
