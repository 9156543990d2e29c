"""Reading localstripe: a Stripe that nobody here wrote, and that speaks shapes of years ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from billing_bench import Bench, FakeClock
from localstripe import LocalStripe, local_stripe, localstripe_process

from connector.adapters.sources.stripe import StripeClient, StripeSource
from connector.compute.mrr import tie
from connector.domain.billing import OfferRule, StripeMapping

__all__ = ["local_stripe", "localstripe_process"]  # fixtures
STARTED = 1_700_000_000
TIERS = [{"up_to": 10, "unit_amount": 500, "flat_amount": 1000}, {"up_to": "inf", "unit_amount": 300, "flat_amount": 0}]


@pytest.fixture
def source(local_stripe: LocalStripe, clock: FakeClock) -> StripeSource:
    mapping = StripeMapping(offers=[OfferRule(offer="pro", name="Pro")])
    return StripeSource(StripeClient(local_stripe.api_key, clock, local_stripe.url), mapping)


@pytest.fixture
def later() -> datetime:
    """Its `created` is the wall clock, so the reader's time has to follow it."""
    return datetime.now(UTC) + timedelta(minutes=5)


def test_localstripe_comes_through_right(
    local_stripe: LocalStripe, source: StripeSource, bench: Bench, later: datetime
) -> None:
    """Customers, plans, subscriptions and invoices of the old shapes arrive, and MRR ties."""
    acme = local_stripe.customer(name="Acme", email="ap@acme.example")
    free = local_stripe.customer(name="Other", email="x@gmail.com")
    product = local_stripe.product("Pro")["id"]
    month = local_stripe.plan(product, amount=1000)["id"]
    year = local_stripe.plan(product, amount=24_000, interval="year")["id"]
    tiered = local_stripe.plan(product, billing_scheme="tiered", tiers_mode="graduated", tiers=TIERS)["id"]
    local_stripe.subscription(acme["id"], month, quantity=3, backdate_start_date=STARTED)
    local_stripe.subscription(acme["id"], year, quantity=2)
    local_stripe.subscription(acme["id"], tiered, quantity=12)
    ended = local_stripe.subscription(free["id"], month)
    local_stripe.cancel(ended["id"])

    pulled = bench.pull(source, later)

    rows = {table: count for table, count in pulled.rows.items() if count}
    assert rows == {
        "accounts": 2,
        "prices": 3,
        "subscriptions": 4,
        "subscription_item_versions": rows["subscription_item_versions"],
        "invoices": 4,
    }
    assert pulled.quarantined == {}
    assert {row["domain"] for row in bench.rows("accounts")} == {"acme.example", None}
    assert {row["offer_id"] for row in bench.rows("prices")} == {"pro"}
    tied = tie(bench.warehouse, [source], later)
    assert tied.ours == tied.source == {"EUR": 3000 + 4000 + (10 * 500 + 1000 + 2 * 300)}


def test_localstripe_dates_and_totals(
    local_stripe: LocalStripe, source: StripeSource, bench: Bench, later: datetime
) -> None:
    """A backdated subscription begins when it began, its period is read from the subscription, its invoice is paid."""
    acme = local_stripe.customer(name="Acme")
    plan = local_stripe.plan(local_stripe.product("Pro")["id"], amount=1000)["id"]
    made = local_stripe.subscription(acme["id"], plan, quantity=3, backdate_start_date=STARTED)

    bench.pull(source, later)

    began = datetime.fromtimestamp(STARTED, UTC)
    (version,) = bench.rows("subscription_item_versions")
    assert (version["quantity"], version["mrr_minor"], version["valid_from"]) == (3.0, 3000, began)
    (subscription,) = bench.rows("subscriptions")
    assert (subscription["subscription_id"], subscription["period_start"]) == (made["id"], began)
    (invoice,) = bench.rows("invoices")
    assert (invoice["total_minor"], invoice["status"], invoice["subscription_id"]) == (3000, "paid", made["id"])


def test_localstripe_pages_are_followed(
    local_stripe: LocalStripe, source: StripeSource, bench: Bench, later: datetime
) -> None:
    """Lists that come oldest first are followed to their end, and read twice change nothing."""
    for number in range(120):
        local_stripe.customer(name=f"Customer {number}", with_card=False)

    first = bench.pull(source, later)
    second = bench.pull(source, later)

    assert (first.rows["accounts"], second.changed) == (120, {})
