"""What the Stripe source makes of a shop: accounts, prices, MRR, discounts and history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
    SIGN,
    Shop,
    customer,
    day,
    history,
    invoice,
    item,
    line,
    subscription,
)

from connector.adapters.sources.stripe import translate
from connector.adapters.sources.stripe.offers import offer_of
from connector.compute.mrr import tie
from connector.domain.billing import StripeMapping
from connector.sandbox.stripe import objects


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


def test_an_offer_is_decided_once_per_price(
    shop: Shop, bench: Bench, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many subscriptions there are: once for the prices, and once for the batch of subscriptions."""
    shop.load("subscriptions", *(subscription(f"sub_{at}", item(f"si_{at}", f"sub_{at}", PRO)) for at in range(9)))
    asked: Counter[str] = Counter()

    def counted(mapping: StripeMapping, product: Mapping[str, Any], price: Mapping[str, Any]) -> str | None:
        asked[price["id"]] += 1
        return offer_of(mapping, product, price)

    monkeypatch.setattr(translate, "offer_of", counted)
    bench.pull(shop.source(clock), NOW)

    assert set(asked.values()) == {2}
    assert [row["offer_id"] for row in bench.rows("subscription_item_versions")] == ["pro"] * 9


def test_usage_is_no_stream_of_an_account_without_mapped_meters(shop: Shop, bench: Bench, clock: FakeClock) -> None:
    """Nobody asked for its usage, so that none comes is nothing to tell; with a mapped meter it is."""
    silent = bench.pull(shop.source(clock, replace(MAPPING, meters={})), NOW)
    told = bench.pull(shop.source(clock), NOW)

    assert (silent.warnings, told.warnings) == ((), ("no usage was told",))


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
