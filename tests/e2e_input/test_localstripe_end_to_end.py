"""Billing from localstripe, a Stripe that nobody here wrote, through the command line into the CRM."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from input_bench import Cli, Home, Portal, company, environment, table
from localstripe import LocalStripe, local_stripe, localstripe_process

__all__ = ["local_stripe", "localstripe_process"]  # fixtures
STARTED = 1_700_000_000
TIERS = [{"up_to": 10, "unit_amount": 500, "flat_amount": 1000}, {"up_to": "inf", "unit_amount": 300, "flat_amount": 0}]
MAPPING = """\
version: 1
name: stripe
offers:
  - {offer: pro, name: "Pro*"}
  - {offer: analytics, name: Analytics}
"""


def test_localstripe_goes_end_to_end(
    local_stripe: LocalStripe, stand_ins: dict[str, Any], portal: Portal, home: Home, tmp_path: Path
) -> None:
    """Customers, plans, quantities, statuses, invoices and MRR to the cent; the same again: nothing new, 0 writes."""
    home.write("mappings/billing/stripe.yaml", MAPPING)
    pro, analytics = (local_stripe.product(name)["id"] for name in ("Pro 2026", "Analytics"))
    month = local_stripe.plan(pro, amount=1999)["id"]
    year = local_stripe.plan(pro, amount=24_001, interval="year")["id"]
    tiered = local_stripe.plan(analytics, billing_scheme="tiered", tiers_mode="graduated", tiers=TIERS)["id"]
    acme = local_stripe.customer(name="Acme", email="ap@acme.example")["id"]
    beta = local_stripe.customer(name="Beta", email="someone@gmail.com")["id"]
    running = {
        local_stripe.subscription(acme, month, quantity=3, backdate_start_date=STARTED)["id"]: ("pro", 3.0, 5_997),
        local_stripe.subscription(acme, tiered, quantity=12)["id"]: ("analytics", 12.0, 6_600),
        local_stripe.subscription(beta, year, quantity=2)["id"]: ("pro", 2.0, 4_000),
    }
    ended = local_stripe.subscription(beta, month)["id"]
    local_stripe.cancel(ended)
    portal.load("companies", [company("101", "Acme SA", "acme.example"), company("102", "BETA")])
    # It dates everything by the wall clock.
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    cli = Cli(environment(home, stand_ins, tmp_path / "state", SOURCE="stripe", NOW=later))
    cli.env |= {"CONNECTOR_STRIPE__BASE_URL": local_stripe.url, "CONNECTOR_STRIPE__API_KEY": local_stripe.api_key}
    cli.ok("install", "--yes")

    first = cli.ok("sync")
    portal.writes()
    second = cli.ok("sync")

    pulled = {name: rows for name, rows in first["pulled"].items() if rows}
    assert pulled | {"subscription_item_versions": 0} == {
        "accounts": 2,
        "prices": 3,
        "subscriptions": 4,
        "subscription_item_versions": 0,
        "invoices": 4,
    }
    assert first["quarantined"] == {}
    assert first["mrr"]["ours"] == first["mrr"]["source"] == {"EUR": 5_997 + 6_600 + 4_000}
    assert first["mrr"]["unmapped"] == {}
    assert first["matched"] == {"linked": 2, "ambiguous": 0, "unmatched": 0}
    now = [row for row in table(cli, "subscription_item_versions") if row["valid_to"] is None and row["mrr_minor"]]
    assert {row["subscription_id"]: (row["offer_id"], row["quantity"], row["mrr_minor"]) for row in now} == running
    statuses = {row["subscription_id"]: row["status"] for row in table(cli, "subscriptions")}
    assert statuses == {**dict.fromkeys(running, "active"), ended: "canceled"}
    assert second["pulled"] == first["pulled"]
    assert {name: second["plan"][name] for name in ("create", "update", "close", "associate")} == dict.fromkeys(
        ("create", "update", "close", "associate"), 0
    )
    assert portal.writes() == []
