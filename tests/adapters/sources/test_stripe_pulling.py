"""How the Stripe source pulls: increments, budgets, interruptions, trouble and refusals."""

from __future__ import annotations

from datetime import datetime

import pytest
from billing_bench import Bench, FakeClock
from stripe_shop import (
    API,
    AT,
    DAY,
    MAPPING,
    NOW,
    PRO,
    PRO_YEAR,
    Shop,
    customer,
    day,
    history,
    invoice,
    item,
    line,
    price,
    subscription,
)

from connector.adapters.sources.stripe import Limits, StripeClient, StripeSource
from connector.compute.accounts import account_expressions, prices_known
from connector.compute.mrr import tie
from connector.domain.errors import ConfigError, CredentialError, UnreachableError
from connector.sandbox.control import Fault
from connector.sandbox.stripe import credentials, objects


def test_later_pulls_close_and_open_versions(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A change seen by events closes the version at the pull and opens one known since then; an end is dated."""
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 2)))
    source = shop.source(clock)
    bench.pull(source, NOW)
    shop.control.clock.advance(3600)
    changed = subscription("sub_1", item("si_1", "sub_1", PRO, 5))
    shop.touch("subscriptions", {"id": "sub_1", "items": changed["items"]})
    bench.pull(source, day(1))
    shop.control.clock.advance(7 * DAY)
    shop.touch("subscriptions", {"id": "sub_1", "status": "canceled", "ended_at": AT + 6 * DAY})

    bench.pull(source, day(8))

    assert history(bench) == [(2.0, 4000, day(-300), day(1)), (5.0, 10_000, day(1), day(6))]
    newest = max(bench.rows("subscription_item_versions"), key=lambda row: row["valid_from"])
    told = [row for row in bench.versions("subscription_item_versions", quantity=5.0) if row["known_to"] is not None]
    assert [(row["valid_to"], row["known_at"], row["known_to"]) for row in told] == [(None, day(1), day(8))]
    assert (newest["valid_to"], newest["known_at"]) == (day(6), day(8))
    assert bench.rows("subscriptions")[0]["ended_at"] == day(6)


def test_what_stripe_has_forgotten_is_told_as_it_was(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Plans and ends of a past day are those believed on it, after Stripe shows others and dates them back."""
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 2)))
    source = shop.source(clock)
    changes: list[dict[str, object]] = [
        {"items": subscription("sub_1", item("si_1", "sub_1", PRO, 5))["items"]},
        {"items": subscription("sub_1", item("si_2", "sub_1", PRO_YEAR, 1))["items"], "start_date": AT - 40 * DAY},
        {"cancel_at": AT + 30 * DAY},
        {"status": "canceled", "ended_at": AT + DAY},
    ]

    def believed(at: datetime) -> dict[str, list[dict[str, object]]]:
        tables = bench.warehouse.tables()
        wanted = {"prices": prices_known(tables, at), **account_expressions(tables, at)}
        found = {name: bench.warehouse.execute(one).to_pylist() for name, one in wanted.items()}
        # Until when it was known could not be told then.
        return {name: sorted((row | {"known_to": None} for row in rows), key=str) for name, rows in found.items()}

    then = {}
    for number in range(len(changes) + 1):
        bench.pull(source, day(number))
        then[day(number)] = believed(day(number))
        for change in changes[number : number + 1]:
            shop.control.clock.advance(DAY)
            shop.touch("subscriptions", {"id": "sub_1", **change})
            shop.touch("customers", {"id": "cus_a", "name": f"Acme {number}"})

    assert {at: believed(at) for at in then} == then
    assert [len(one["items"]) for one in then.values()] == [1, 1, 1, 1, 0]
    assert len({str(one) for one in then.values()}) == len(then)


def test_a_second_pull_reads_events_only(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """With a watermark a quiet pull costs one call a stream and changes nothing."""
    shop.touch("customers", {"id": "cus_a", "name": "Acme SA"})
    bench.pull(shop.source(clock), NOW)
    quiet = shop.source(clock)

    pulled = bench.pull(quiet, NOW)

    assert pulled.changed == {}
    # Six streams ask for events; meters, which tell none here, are listed with their newest event.
    assert quiet.calls() == 6 + 2


def test_an_old_watermark_lists_everything(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Events are kept for thirty days, so a longer pause reads the full lists and misses nothing."""
    shop.touch("customers", {"id": "cus_a", "name": "Acme SA"})
    source = shop.source(clock)
    bench.pull(source, NOW)
    shop.load("customers", customer("cus_a", name="Renamed silently"))

    bench.pull(source, day(26))

    assert bench.rows("accounts")[0]["name"] == "Renamed silently"


def test_a_deleted_customer_is_kept_and_marked(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Deletion leaves a tombstone: the account stays, marked, and its revenue is explained."""
    shop.touch("customers", {"id": "cus_a", "name": "Acme SA"})
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 2)))
    source = shop.source(clock)
    bench.pull(source, NOW)
    shop.touch("customers", {"id": "cus_a", "deleted": True})

    bench.pull(source, NOW)

    (account,) = bench.rows("accounts")
    assert (account["name"], account["deleted"]) == ("Acme SA", True)
    assert tie(bench.warehouse, [source], NOW).why == {"deleted_accounts": {"EUR": 4000}}


def test_long_lists_are_followed(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Pages of lists, items of a subscription and lines of an invoice are followed to their end."""
    shop.load("customers", *(customer(f"cus_{number:03d}") for number in range(230)))
    shop.load("subscriptions", subscription("sub_1", *(item(f"si_{number}", "sub_1", PRO) for number in range(23))))
    shop.load("invoices", invoice("in_1", -300, *(line(f"il_{n}", -300, 2000, 1, item=f"si_{n}") for n in range(23))))

    bench.pull(shop.source(clock), NOW)

    assert len(bench.rows("accounts")) == 231
    assert len(bench.rows("subscription_item_versions")) == 23


def test_an_interrupted_listing_goes_on_where_it_stopped(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Each page lands with its cursor; after a failure only the missing pages are read."""
    shop.load("customers", *(customer(f"cus_{number:03d}") for number in range(230)))
    shop.control.faults.append(Fault(path="/v1/customers", skip=1, times=99, status=503))
    with pytest.raises(UnreachableError, match="/v1/customers"):
        bench.pull(shop.source(clock, limits=Limits(attempts=2)), NOW)
    shop.control.faults.clear()
    shop.control.requests.clear()

    bench.pull(shop.source(clock), NOW)

    lists = [one for one in shop.control.requests if one["path"].startswith("/v1/customers")]
    assert len(lists) == 2
    assert len(bench.rows("accounts")) == 231


def test_bad_rows_are_set_aside(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """An orphan, a negative quantity, an unknown currency and a broken object: each its reason, none stops the load."""
    broken = subscription("sub_broken", item("si_b", "sub_broken", PRO))
    shop.load(
        "subscriptions",
        subscription("sub_ok", item("si_ok", "sub_ok", PRO)),
        subscription("sub_orphan", item("si_o", "sub_orphan", PRO), customer="cus_gone"),
        subscription("sub_negative", item("si_n", "sub_negative", PRO, -2)),
        {**subscription("sub_coin", item("si_c", "sub_coin", PRO)), "currency": "btc"},
        {**subscription("sub_late", item("si_l", "sub_late", PRO)), "start_date": AT + 40 * DAY},
        {**broken, "start_date": "soon"},
    )
    source = shop.source(clock)

    pulled = bench.pull(source, NOW)

    assert pulled.quarantined == {
        "orphan_subscription": 1,
        "negative_quantity": 1,
        "unknown_currency": 1,
        "future_date": 1,
        "malformed_row": 1,
    }
    assert [row["subscription_id"] for row in bench.rows("subscriptions")] == ["sub_ok"]
    tied = tie(bench.warehouse, [source], NOW)
    assert tied.why["orphan_subscription"] == {"EUR": 2000}
    assert tied.ties


def test_test_accounts_and_unmapped_products_are_told(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Test accounts are left out of ours with their amount; unmapped products count, and are named beside."""
    shop.load("customers", customer("cus_t", metadata={"test": "true"}))
    odd = price("price_odd", "prod_setup", 700)
    shop.load("prices", odd)
    shop.load(
        "subscriptions",
        subscription("sub_1", item("si_1", "sub_1", odd)),
        subscription("sub_2", item("si_2", "sub_2", PRO), customer="cus_t"),
    )
    source = shop.source(clock)

    bench.pull(source, NOW)

    tied = tie(bench.warehouse, [source], NOW)
    assert (tied.source, tied.ours, tied.difference) == ({"EUR": 2700}, {"EUR": 700}, {"EUR": 2000})
    assert tied.why == {"test_accounts": {"EUR": 2000}}
    assert tied.unmapped == {"EUR": 700}


def test_meter_usage_within_a_budget(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Usage is read for customers with a metered item; a spent budget is told, and the next pull goes on."""
    shop.load("meters", objects.meter("mtr_api", event_name="api_calls", created=AT - 900 * DAY))
    for name in ("cus_a", "cus_b"):
        shop.load("customers", customer(name))
        shop.load(
            "subscriptions", subscription(f"sub_{name}", item(f"si_{name}", f"sub_{name}", API, None), customer=name)
        )
        shop.load(
            "meter_event_summaries",
            *(
                objects.meter_event_summary(
                    f"use_{name}_{ago}",
                    meter="mtr_api",
                    customer=name,
                    start_time=AT - ago * DAY,
                    end_time=AT - (ago - 1) * DAY,
                    aggregated_value=float(ago),
                )
                for ago in (1, 2)
            ),
        )

    first = bench.pull(shop.source(clock, limits=Limits(meter_calls=1)), NOW)
    second = bench.pull(shop.source(clock), NOW)
    third = bench.pull(shop.source(clock), NOW)

    assert (first.rows["usage"], second.rows["usage"], third.changed) == (2, 4, {})
    assert "waits for the next pull" in first.warnings[0]
    newest = max(bench.rows("usage", account_id="cus_a"), key=lambda row: row["day"])
    assert (newest["metric"], newest["value"], newest["known_at"]) == ("api_calls", 1.0, day(1))


def test_objects_on_a_test_clock_are_read_when_asked(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Lists hide what lives on a test clock; naming the clock shows it."""
    shop.load("customers", customer("cus_c", test_clock="clock_1"))
    shop.load(
        "subscriptions", subscription("sub_c", item("si_c", "sub_c", PRO), customer="cus_c", test_clock="clock_1")
    )

    plain = bench.pull(shop.source(clock), NOW)
    asked = bench.pull(shop.source(clock, test_clocks=("clock_1",)), NOW)

    assert (plain.rows["accounts"], plain.rows["subscriptions"]) == (1, 0)
    assert (asked.rows["accounts"], asked.rows["subscriptions"]) == (2, 1)


def test_an_unlisted_price_is_read_from_its_item(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A price made inside a subscription is in no list, but its item shows it whole."""
    inline = price("price_inline", "prod_pro", 4200)
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", inline, 2)))
    source = shop.source(clock)

    bench.pull(source, NOW)

    assert history(bench) == [(2.0, 8400, day(-300), None)]
    assert tie(bench.warehouse, [source], NOW).ties


def test_a_renamed_product_remaps_everything(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A change of a known product is applied to subscriptions that did not change."""
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO)))
    source = shop.source(clock)
    bench.pull(source, NOW)
    shop.touch("products", {"id": "prod_pro", "name": "Legacy", "metadata": {"offer": "legacy"}})

    bench.pull(source, NOW)

    assert {row["offer_id"] for row in bench.rows("subscription_item_versions")} == {"legacy"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_waited_out(shop: Shop, bench: Bench, clock: FakeClock, status: int) -> None:
    """429 and 5xx are tried again with growing pauses, never shorter than the server asks for."""
    shop.control.faults.append(Fault(path="/v1/customers", times=2, status=status, headers={"Retry-After": "7"}))

    bench.pull(shop.source(clock), NOW)

    assert len(bench.rows("accounts")) == 1
    assert clock.slept >= 14


def test_lasting_trouble_is_told(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """After bounded retries the run is put off, and says what did not answer."""
    shop.control.faults.append(Fault(path="/v1/invoices", times=99, status=500))

    with pytest.raises(UnreachableError, match=r"/v1/invoices after 3 attempts: HTTP 500"):
        bench.pull(shop.source(clock, limits=Limits(attempts=3)), NOW)


def test_a_missing_permission_is_named(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A 403 names the permission that the restricted key lacks."""
    shop.control.switches["missing_permissions"] = ("rak_invoice_read",)

    with pytest.raises(CredentialError, match=r"rak_invoice_read[^$]*grant rak_invoice_read"):
        bench.pull(shop.source(clock), NOW)


def test_a_wrong_key_is_refused_without_showing_it(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A 401 says which setting to mend and never shows the key."""
    client = StripeClient("rk_test_wrong_key_1234", clock, shop.url)

    with pytest.raises(CredentialError, match="CONNECTOR_STRIPE__API_KEY") as refused:
        bench.pull(StripeSource(client, MAPPING), NOW)
    assert "1234" not in str(refused.value)


def test_live_secret_keys_are_refused(clock: FakeClock) -> None:
    """A live secret key can do anything, so it is refused unless a setting allows it."""
    with pytest.raises(ConfigError, match="restricted key"):
        StripeClient("sk_live_x", clock)
    assert StripeClient("sk_live_x", clock, allow_secret_key=True).calls == 0


def test_rates_are_kept(shop: Shop, clock: FakeClock) -> None:
    """Calls beyond the rate wait for their turn."""
    client = StripeClient(credentials()["api_key"], clock, shop.url, limits=Limits(account_rate=5, endpoint_rate=2))

    for _ in range(4):
        client.get("/v1/customers")

    assert clock.slept == pytest.approx(1.0)
