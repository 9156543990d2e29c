"""The official `stripe` package reads the stand-in: a client that nobody here wrote."""

from __future__ import annotations

from decimal import Decimal

import pytest
import stripe
from stripe_moments import DAY, NOW

from connector.sandbox.stripe import API_VERSION, credentials, objects


@pytest.fixture
def client(shop) -> stripe.StripeClient:
    """The SDK's client, pointed at the stand-in."""
    return stripe.StripeClient(
        credentials()["api_key"],
        stripe_version=API_VERSION,
        base_addresses={"api": shop.url},
        max_network_retries=0,
    )


def test_it_pages_through_lists_by_itself(shop, client: stripe.StripeClient) -> None:
    """Auto-paging meets each customer once, newest first."""
    shop.load("customers", *(objects.customer(f"cus_{at:03d}", created=NOW + at) for at in range(25)))

    met = [customer.id for customer in client.v1.customers.list({"limit": 4}).auto_paging_iter()]

    assert met == [*(f"cus_{at:03d}" for at in reversed(range(25))), "cus_beta", "cus_acme"]


def test_it_reads_expanded_prices(client: stripe.StripeClient) -> None:
    """Expanded tiers arrive as objects with exact decimals."""
    price = client.v1.prices.retrieve("price_pro", {"expand": ["tiers", "product"]})

    assert price.tiers is not None
    assert Decimal(price.tiers[1].unit_amount_decimal) == Decimal("1200.5")
    assert price.product.name == "Pro"


def test_it_reads_every_list(client: stripe.StripeClient) -> None:
    """Every list of the stand-in answers the SDK with objects of its own types."""
    day = {"customer": "cus_acme", "start_time": NOW - 5 * DAY, "end_time": NOW, "value_grouping_window": "day"}
    v1 = client.v1

    assert {type(row) for row in v1.products.list().data} == {stripe.Product}
    assert {type(row) for row in v1.prices.list({"active": False}).data} == {stripe.Price}
    assert {type(row) for row in v1.coupons.list().data} == {stripe.Coupon}
    assert {type(row) for row in v1.subscriptions.list({"status": "all"}).data} == {stripe.Subscription}
    assert {type(row) for row in v1.subscription_items.list({"subscription": "sub_rich"}).data} == {
        stripe.SubscriptionItem
    }
    assert {type(row) for row in v1.invoices.list({"created": {"gte": NOW - 20 * DAY}}).data} == {stripe.Invoice}
    assert {type(row) for row in v1.invoices.line_items.list("in_cycle").data} == {stripe.InvoiceLineItem}
    assert len(list(v1.billing.meters.event_summaries.list("mtr_api", day).auto_paging_iter())) == 5
    assert [meter.event_name for meter in v1.billing.meters.list().data] == ["api_calls"]


def test_it_sees_events(shop, client: stripe.StripeClient) -> None:
    """A touched object is an event for the SDK, filtered by its type."""
    shop.touch("subscriptions", {"id": "sub_rich", "status": "canceled"})

    (event,) = client.v1.events.list({"types": ["customer.subscription.deleted"]}).data

    assert event.data.object["status"] == "canceled"


def test_refusals_are_its_own_exceptions(shop, client: stripe.StripeClient) -> None:
    """A missing object, a bad parameter, a wrong key, a missing permission, a spent rate: each its own exception."""
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as missing:
        client.v1.customers.retrieve("cus_none")
    assert missing.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: updated"):
        client.v1.customers.list({"updated": 1})
    wrong = stripe.StripeClient("rk_test_wrong", stripe_version=API_VERSION, base_addresses={"api": shop.url})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.customers.list()
    shop.control.switches["missing_permissions"] = ["rak_customer_read"]
    with pytest.raises(stripe.PermissionError, match="rak_customer_read"):
        client.v1.customers.list()
    shop.control.switches["rate_limit"] = 0
    with pytest.raises(stripe.RateLimitError):
        client.v1.invoices.list()
