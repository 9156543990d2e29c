"""What localstripe does and lacks, as far as tests of a Stripe source rely on it."""

from __future__ import annotations

import pytest
import requests
from localstripe import LocalStripe, local_stripe, localstripe_process

__all__ = ["local_stripe", "localstripe_process"]  # fixtures


@pytest.fixture
def billed(local_stripe: LocalStripe) -> dict[str, str]:
    """Two customers, one of them with a paid subscription; ids by name."""
    payer = local_stripe.customer(name="Payer", email="ap@payer.example")
    other = local_stripe.customer(name="Other", with_card=False)
    plan = local_stripe.plan(local_stripe.product("Pro")["id"], amount=1000)
    subscription = local_stripe.subscription(payer["id"], plan["id"], quantity=3, backdate_start_date=1_700_000_000)
    return {
        "payer": payer["id"],
        "other": other["id"],
        "plan": plan["id"],
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
    }


@pytest.mark.parametrize(("key", "status"), [("sk_test_x", 200), ("rk_test_x", 401), ("", 401)])
def test_keys_begin_with_sk(local_stripe: LocalStripe, key: str, status: int) -> None:
    """A key opens it when it begins with sk_, as Bearer and as Basic; a restricted key does not."""
    url = f"{local_stripe.url}/v1/customers"

    assert requests.get(url, auth=(key, "")).status_code == status
    if key:
        assert requests.get(url, headers={"Authorization": f"Bearer {key}"}).status_code == status


def test_shapes_are_of_before_basil(local_stripe: LocalStripe, billed: dict[str, str]) -> None:
    """Items and lines carry plans, the subscription its period, the invoice its date."""
    (subscription,) = local_stripe.get("/v1/subscriptions", status="all").json()["data"]
    (invoice,) = local_stripe.get("/v1/invoices").json()["data"]

    item, line = subscription["items"]["data"][0], invoice["lines"]["data"][0]
    assert (item["plan"]["amount"], item["quantity"]) == (1000, 3)
    assert "price" not in item
    assert "current_period_start" not in item
    assert subscription["current_period_start"] == invoice["date"] == line["period"]["start"] == 1_700_000_000
    assert invoice["subscription"] == invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    assert (line["amount"], line["plan"]["id"], line["type"]) == (3000, billed["plan"], "subscription")
    assert (subscription["status"], invoice["status"]) == ("active", "paid")


def test_tiers_are_shown_and_end_in_inf(local_stripe: LocalStripe) -> None:
    """A tiered plan shows its tiers unasked, and the last one reaches up to 'inf'."""
    tiers = [{"up_to": 10, "unit_amount": 100, "flat_amount": 0}, {"up_to": "inf", "unit_amount": 50, "flat_amount": 0}]
    product = local_stripe.product("Pro")

    local_stripe.plan(product["id"], billing_scheme="tiered", tiers_mode="volume", tiers=tiers)

    (plan,) = local_stripe.get("/v1/plans").json()["data"]
    assert plan["tiers"] == tiers
    assert plan["amount"] is None


def test_lists_are_oldest_first(local_stripe: LocalStripe, billed: dict[str, str]) -> None:
    """Customers list in order of creation, page by starting_after, and restart at an unknown id."""
    first = local_stripe.get("/v1/customers", limit=1).json()
    second = local_stripe.get("/v1/customers", limit=1, starting_after=billed["payer"]).json()
    lost = local_stripe.get("/v1/customers", limit=1, starting_after="cus_unknown").json()

    assert [row["id"] for row in first["data"]] == [billed["payer"]]
    assert (first["has_more"], first["total_count"]) == (True, 2)
    assert [row["id"] for row in second["data"]] == [billed["other"]]
    assert second["has_more"] is False
    assert lost["data"] == first["data"]


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/v1/customers", {"limit": 1000}, 200),
        ("/v1/customers", {"limit": 0}, 400),
        ("/v1/customers", {"created[gte]": 1}, 400),
        ("/v1/products", {"created[gte]": 1}, 400),
        ("/v1/plans", {"created[gte]": 1}, 400),
        ("/v1/subscriptions", {"created[gte]": 1}, 500),
        ("/v1/invoices", {"created[gte]": 1}, 500),
        ("/v1/events", {"created[gte]": 1}, 200),
        ("/v1/events", {"types[]": "customer.created"}, 400),
        ("/v1/customers", {"test_clock": "clock_1"}, 400),
        ("/v1/customers", {"ending_before": "cus_1"}, 400),
        ("/v1/subscriptions", {"status": "ended"}, 400),
        ("/v1/subscriptions", {"expand[]": "data.customer"}, 200),
        ("/v1/subscriptions", {"expand[]": "data.items.data.price"}, 400),
        ("/v1/subscriptions", {"expand[]": "data.items.data.price.product"}, 400),
        ("/v1/subscription_items", {"subscription": "sub_1"}, 400),
        ("/v1/prices", {}, 404),
        ("/v1/account", {}, 404),
        ("/v1/billing/meters", {}, 404),
        ("/v1/coupons", {}, 200),
    ],
)
def test_what_it_takes(
    local_stripe: LocalStripe, billed: dict[str, str], path: str, params: dict[str, object], status: int
) -> None:
    """Each of these requests ends in this status."""
    assert local_stripe.get(path, **params).status_code == status


def test_ended_subscriptions_are_listed_on_request(local_stripe: LocalStripe, billed: dict[str, str]) -> None:
    """A canceled subscription leaves the default list, stays in status=all, and has only ended_at."""
    local_stripe.cancel(billed["subscription"])

    assert local_stripe.get("/v1/subscriptions").json()["data"] == []
    (ended,) = local_stripe.get("/v1/subscriptions", status="all").json()["data"]
    assert (ended["status"], ended["canceled_at"]) == ("canceled", None)
    assert ended["ended_at"]


def test_one_off_amounts_join_the_next_invoice(local_stripe: LocalStripe, billed: dict[str, str]) -> None:
    """An invoice item waits, is a line without plan in the next invoice, and that can be paid."""
    local_stripe.invoice_item(billed["payer"], 5000)

    draft = local_stripe.invoice(billed["payer"], billed["subscription"])
    paid = local_stripe.pay(draft["id"])

    assert [(line["amount"], line["plan"] is None) for line in draft["lines"]["data"]] == [(3000, False), (5000, True)]
    assert (draft["status"], paid["status"], paid["total"]) == ("draft", "paid", 8000)


def test_trials_stay_incomplete(local_stripe: LocalStripe, billed: dict[str, str]) -> None:
    """A subscription with a trial is never trialing here."""
    trial = local_stripe.subscription(billed["payer"], billed["plan"], trial_period_days=14)

    assert trial["status"] == "incomplete"
