"""A small shop in the Stripe stand-in, and short builders of what it sells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from billing_bench import Bench, FakeClock

from connector.adapters.sources.stripe import Limits, StripeClient, StripeSource
from connector.domain.billing import AccountKeys, OfferRule, StripeMapping
from connector.sandbox.control import Control
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
