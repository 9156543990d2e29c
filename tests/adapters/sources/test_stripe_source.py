"""Reading Stripe, against a stand-in that answers in the shape of the pinned version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from billing_bench import Bench, FakeClock

from connector.adapters.sources.stripe import Limits, StripeClient, StripeSource
from connector.compute.mrr import tie
from connector.domain.billing import AccountKeys, OfferRule, StripeMapping
from connector.domain.errors import ConfigError, CredentialError, UnreachableError
from connector.sandbox.control import Control, Fault
from connector.sandbox.serving import serving
from connector.sandbox.stripe import create_app, credentials, objects
from connector.sandbox.stripe.guard import SWITCHES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AT = int(NOW.timestamp())
DAY = 86_400
MAPPING = StripeMapping(
    offers=[OfferRule(offer="pro", name="pro*")],
    offer_key="offer",
    account=AccountKeys(segment="segment", crm_id="crm_id", parent="parent", test="test"),
    meters={"api_calls": "api_calls"},
)


@dataclass
class Shop:
    """A Stripe account that a test fills."""

    url: str
    control: Control

    def load(self, kind: str, *rows: dict[str, Any]) -> None:
        assert requests.post(f"{self.url}/__state/{kind}", json=list(rows)).status_code == 200

    def touch(self, kind: str, *changes: dict[str, Any]) -> None:
        answer = requests.post(f"{self.url}/__touch/{kind}", json=list(changes))
        assert answer.status_code == 200, answer.text

    def source(self, clock: FakeClock, mapping: StripeMapping = MAPPING, **options: Any) -> StripeSource:
        limits = options.pop("limits", Limits())
        client = StripeClient(credentials()["api_key"], clock, self.url, limits=limits)
        return StripeSource(client, mapping, **options)


@pytest.fixture(scope="module")
def served() -> Iterator[Shop]:
    control = Control()
    with serving(create_app(control)) as url:
        yield Shop(url, control)


@pytest.fixture
def shop(served: Shop) -> Shop:
    """An account with a plan, a module, a metered price and one customer."""
    requests.post(f"{served.url}/__reset")
    served.control.switches.update(SWITCHES)
    served.control.clock.fixed = NOW
    served.load(
        "products",
        objects.product("prod_pro", name="Pro plan", created=AT - 900 * DAY),
        objects.product("prod_sign", name="Signature", created=AT - 900 * DAY, metadata={"offer": "signature"}),
        objects.product("prod_setup", name="Set-up", created=AT - 900 * DAY),
    )
    served.load("prices", PRO, PRO_YEAR, SIGN, API, SETUP)
    served.load("customers", customer("cus_a", name="Acme", email="ap@acme.example", country="fr"))
    return served


def price(id: str, product: str, amount: int | None, **more: Any) -> dict[str, Any]:
    return objects.price(id, product=product, currency="eur", created=AT - 900 * DAY, unit_amount=amount, **more)


PRO = price("price_pro", "prod_pro", 2000)
PRO_YEAR = price("price_pro_year", "prod_pro", 24_000, interval="year", active=False)
SIGN = price(
    "price_sign",
    "prod_sign",
    None,
    tiers=[objects.tier(5, unit_amount=500, flat_amount=1000), objects.tier(None, unit_amount=300)],
)
API = price("price_api", "prod_pro", 1, meter="mtr_api")
SETUP = price("price_setup", "prod_setup", 90_000, interval=None)


def customer(id: str, **more: Any) -> dict[str, Any]:
    return objects.customer(id, created=AT - 400 * DAY, **more)


def item(id: str, subscription: str, of: dict[str, Any], quantity: int | None = 1, **more: Any) -> dict[str, Any]:
    return objects.subscription_item(
        id,
        subscription=subscription,
        price=of,
        quantity=quantity,
        created=AT - 300 * DAY,
        current_period_start=AT - 10 * DAY,
        current_period_end=AT + 20 * DAY,
        **more,
    )


def subscription(id: str, *items: dict[str, Any], customer: str = "cus_a", **more: Any) -> dict[str, Any]:
    return objects.subscription(id, customer=customer, items=items, created=AT - 300 * DAY, **more)


def line(id: str, start: int, amount: int, quantity: int, of: dict[str, Any] = PRO, **more: Any) -> dict[str, Any]:
    return objects.invoice_line(
        id,
        invoice="in",
        amount=amount,
        currency="eur",
        period_start=AT + start * DAY,
        period_end=AT + (start + 30) * DAY,
        price=of,
        quantity=quantity,
        subscription="sub_1",
        subscription_item=more.pop("item", "si_1"),
        **more,
    )


def invoice(id: str, at: int, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return objects.invoice(
        id,
        customer="cus_a",
        lines=[{**one, "invoice": id} for one in lines],
        created=AT + at * DAY,
        currency="eur",
        subscription="sub_1",
        **more,
    )


def day(offset: int) -> datetime:
    return NOW + timedelta(days=offset)


def history(bench: Bench, item: str = "si_1") -> list[tuple[Any, ...]]:
    rows = sorted(bench.rows("subscription_item_versions", item_id=item), key=lambda row: row["valid_from"])
    return [(row["quantity"], row["mrr_minor"], row["valid_from"], row["valid_to"]) for row in rows]


def test_accounts_carry_what_billing_knows(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """A customer becomes an account: business name first, company domain, country, metadata by mapped keys."""
    facts = {"segment": "smb", "crm_id": "001X", "parent": "cus_a", "test": "true"}
    shop.load("customers", customer("cus_b", business_name="Beta SAS", email="b@gmail.com", metadata=facts))

    bench.pull(shop.source(clock), NOW)

    first, second = sorted(bench.rows("accounts"), key=lambda row: row["account_id"])
    assert (first["name"], first["domain"], first["country"], first["is_test"]) == ("Acme", "acme.example", "FR", False)
    assert first["known_at"] == first["created_at"] == day(-400)
    assert (second["name"], second["domain"], second["is_test"]) == ("Beta SAS", None, True)
    assert (second["segment"], second["crm_id"], second["parent_id"]) == ("smb", "001X", "cus_a")


def test_prices_find_their_offers(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Rules by product name, then the metadata key; inactive prices too; a product nobody names has no offer."""
    bench.pull(shop.source(clock), NOW)

    offers = {row["price_id"]: row["offer_id"] for row in bench.rows("prices")}
    assert offers == {
        "price_pro": "pro",
        "price_pro_year": "pro",
        "price_sign": "signature",
        "price_api": "pro",
        "price_setup": None,
    }


@pytest.mark.parametrize(
    ("items", "more", "mrr"),
    [
        ([item("si", "s", PRO, 3)], {}, 6000),
        ([item("si", "s", PRO_YEAR, 2)], {}, 4000),
        ([item("si", "s", SIGN, 7)], {}, 5 * 500 + 1000 + 2 * 300),
        ([item("si", "s", PRO, 1), item("si2", "s", API, None)], {}, 2000),
        ([item("si", "s", PRO)], {"status": "past_due"}, 2000),
        ([item("si", "s", PRO)], {"paused": "void"}, 2000),
        ([item("si", "s", PRO)], {"cancel_at_period_end": True}, 2000),
        ([item("si", "s", PRO)], {"status": "unpaid"}, 0),
        ([item("si", "s", PRO)], {"status": "trialing", "trial_start": AT - 5 * DAY, "trial_end": AT + 9 * DAY}, 0),
        ([item("si", "s", PRO)], {"status": "canceled", "ended_at": AT - DAY, "canceled_at": AT - DAY}, 0),
        ([item("si", "s", PRO)], {"status": "incomplete"}, 0),
    ],
)
def test_mrr_ties_with_raw(
    shop: Shop, bench: Bench, clock: FakeClock, items: list[dict[str, Any]], more: dict[str, Any], mrr: int
) -> None:
    """MRR follows price, tiers, interval and status, and equals what is computed from the raw rows."""
    shop.load("subscriptions", subscription("s", *items, **more))
    source = shop.source(clock)

    bench.pull(source, NOW)

    tied = tie(bench.warehouse, [source], NOW)
    assert tied.ours == ({"EUR": mrr} if mrr else {})
    assert tied.source.get("EUR", 0) == mrr
    assert tied.ties


@pytest.mark.parametrize(
    ("counted", "coupon", "mrr"),
    [
        ("forever", {"percent_off": 10}, 5400),
        ("forever", {"amount_off": 500, "currency": "eur"}, 5500),
        ("forever", {"percent_off": 50, "duration": "repeating", "duration_in_months": 3}, 6000),
        ("recurring", {"percent_off": 50, "duration": "repeating", "duration_in_months": 3}, 3000),
        ("recurring", {"percent_off": 50, "duration": "once"}, 6000),
        ("none", {"percent_off": 10}, 6000),
        ("forever", {"percent_off": 10, "applies_to": ["prod_sign"]}, 6000),
    ],
)
@pytest.mark.parametrize("on", ["subscription", "item", "customer"])
def test_discounts_that_count(
    shop: Shop, bench: Bench, clock: FakeClock, counted: Any, coupon: dict[str, Any], mrr: int, on: str
) -> None:
    """The mapping says which discounts lower MRR, wherever they hang."""
    shop.load("coupons", objects.coupon("C", created=AT - 500 * DAY, **coupon))
    discount = objects.discount("di", coupon="C", start=AT - 300 * DAY)
    at = {place: [discount] if place == on else [] for place in ("subscription", "item")}
    if on == "customer":
        shop.load("customers", customer("cus_a", discount=discount))
    shop.load(
        "subscriptions", subscription("s", item("si", "s", PRO, 3, discounts=at["item"]), discounts=at["subscription"])
    )
    source = shop.source(clock, replace(MAPPING, mrr_discounts=counted))

    bench.pull(source, NOW)

    tied = tie(bench.warehouse, [source], NOW)
    assert (tied.ours, tied.source) == ({"EUR": mrr}, {"EUR": mrr})


def test_history_comes_from_invoice_lines(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Quantities of the past are read from invoice lines; a credit line opens no version."""
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 8)))
    shop.load(
        "invoices",
        invoice("in_1", -300, line("il_1", -300, 10_000, 5)),
        invoice(
            "in_2",
            -240,
            line("il_2", -250, -4000, 5, proration=True),
            line("il_3", -250, 6400, 8, proration=True),
            line("il_4", -240, 16_000, 8),
        ),
        invoice("in_draft", -1, line("il_5", -1, 99, 99), status="draft"),
    )

    bench.pull(shop.source(clock), NOW)

    assert history(bench) == [(5.0, 10_000, day(-300), day(-250)), (8.0, 16_000, day(-250), None)]
    known = [row["known_at"] for row in sorted(bench.rows("subscription_item_versions"), key=lambda r: r["valid_from"])]
    assert known == [day(-300), day(-240)]


def test_items_that_are_gone_keep_their_past(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """An item that only invoice lines remember ends where its credit begins."""
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 1)))
    shop.load(
        "invoices",
        invoice("in_1", -300, line("il_1", -300, 2000, 1), line("il_2", -300, 2500, 3, SIGN, item="si_old")),
        invoice("in_2", -260, line("il_3", -280, -900, 3, SIGN, item="si_old", proration=True)),
    )

    bench.pull(shop.source(clock), NOW)

    assert history(bench, "si_old") == [(3.0, 2500, day(-300), day(-280))]
    assert history(bench) == [(1.0, 2000, day(-300), None)]


def test_a_trial_becomes_revenue_when_it_ends(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """The version of a trial is worth nothing; the one after it counts."""
    trial = {"trial_start": AT - 300 * DAY, "trial_end": AT - 286 * DAY}
    shop.load("subscriptions", subscription("sub_1", item("si_1", "sub_1", PRO, 2), **trial))

    bench.pull(shop.source(clock), NOW)

    assert history(bench) == [(2.0, 0, day(-300), day(-286)), (2.0, 4000, day(-286), None)]


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
    assert newest["known_at"] == day(1)
    assert bench.rows("subscriptions")[0]["ended_at"] == day(6)


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
