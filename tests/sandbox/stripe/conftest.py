"""A small Stripe account that shows every kind of object, served for a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from stripe_document import Document
from stripe_moments import DAY, NOW

from connector.sandbox.control import Control
from connector.sandbox.serving import serving
from connector.sandbox.stripe import API_VERSION, create_app, credentials, objects
from connector.sandbox.stripe.guard import SWITCHES


@dataclass
class FakeTicks:
    """A monotonic clock that a test moves by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Sandbox:
    """A served stand-in, with a client of a few words."""

    url: str
    control: Control
    ticks: FakeTicks
    session: requests.Session

    def get(self, path: str, *pairs: tuple[str, Any], **params: Any) -> requests.Response:
        return self.session.get(self.url + path, params=[*pairs, *params.items()])

    def rows(self, path: str, *pairs: tuple[str, Any], **params: Any) -> list[dict[str, Any]]:
        answer = self.get(path, *pairs, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def ids(self, path: str, *pairs: tuple[str, Any], **params: Any) -> list[str]:
        return [row["id"] for row in self.rows(path, *pairs, **params)]

    def load(self, kind: str, *rows: dict[str, Any]) -> None:
        assert self.session.post(f"{self.url}/__state/{kind}", json=list(rows)).status_code == 200

    def touch(self, kind: str, *changes: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.session.post(f"{self.url}/__touch/{kind}", json=list(changes))
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def document(evidence: Path) -> Document:
    return Document(evidence)


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    """One server for all tests: starting and stopping one costs more than most tests do."""
    control, ticks = Control(), FakeTicks()
    with serving(create_app(control, ticks)) as url, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {credentials()['api_key']}"
        session.headers["Stripe-Version"] = API_VERSION
        yield Sandbox(url, control, ticks, session)


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """An empty stand-in at a fixed date, its switches as they come, its rates unspent."""
    served.session.post(f"{served.url}/__reset")
    served.control.switches.update(SWITCHES)
    served.control.clock.fixed = datetime.fromtimestamp(NOW, UTC)
    served.ticks.now += 60
    return served


@pytest.fixture
def shop(sandbox: Sandbox) -> Sandbox:
    """The same with a catalogue, two customers, a rich subscription, an ended one, invoices and usage."""
    for kind, rows in shop_rows().items():
        sandbox.load(kind, *rows)
    return sandbox


def shop_rows() -> dict[str, list[dict[str, Any]]]:
    """What `shop` holds, by type."""
    catalogue = _catalogue()
    pro, api_calls, setup = catalogue["prices"]
    rich = _rich_subscription(pro, api_calls)
    ended = objects.subscription(
        "sub_ended",
        customer="cus_beta",
        created=NOW - 300 * DAY,
        status="canceled",
        canceled_at=NOW - 30 * DAY,
        ended_at=NOW - 30 * DAY,
        items=[_item("si_ended", "sub_ended", pro, quantity=2)],
    )
    return {
        **catalogue,
        "customers": [
            objects.customer("cus_acme", created=NOW - 400 * DAY, name="Acme", email="ap@acme.example", country="FR"),
            objects.customer(
                "cus_beta",
                created=NOW - 350 * DAY,
                business_name="Beta SAS",
                currency="eur",
                preferred_locales=["fr"],
                discount=objects.discount("di_beta", coupon="WELCOME", start=NOW - DAY, customer="cus_beta"),
            ),
        ],
        "subscriptions": [rich, ended],
        "invoices": [_invoice(pro), _one_off_invoice(setup)],
        "meters": [objects.meter("mtr_api", event_name="api_calls", created=NOW - 500 * DAY)],
        "meter_event_summaries": [
            objects.meter_event_summary(
                f"use_{day}",
                meter="mtr_api",
                customer="cus_acme",
                start_time=NOW - day * DAY,
                end_time=NOW - (day - 1) * DAY,
                aggregated_value=100.0 * day,
            )
            for day in range(1, 6)
        ],
    }


def _catalogue() -> dict[str, list[dict[str, Any]]]:
    tiers = [objects.tier(10, unit_amount=1500, flat_amount=500), objects.tier(None, unit_amount="1200.5")]
    return {
        "products": [
            objects.product("prod_pro", name="Pro", created=NOW - 500 * DAY, unit_label="seat"),
            objects.product("prod_setup", name="Set-up", created=NOW - 499 * DAY, active=False),
        ],
        "prices": [
            objects.price("price_pro", product="prod_pro", currency="eur", created=NOW - 500 * DAY, tiers=tiers),
            objects.price(
                "price_api",
                product="prod_pro",
                currency="eur",
                created=NOW - 499 * DAY,
                unit_amount="0.05",
                meter="mtr_api",
            ),
            objects.price(
                "price_setup",
                product="prod_setup",
                currency="eur",
                created=NOW - 498 * DAY,
                unit_amount=90000,
                interval=None,
                active=False,
            ),
        ],
        "coupons": [
            objects.coupon("LOYAL", created=NOW - 450 * DAY, percent_off=10, applies_to=["prod_pro"]),
            objects.coupon(
                "WELCOME",
                created=NOW - 440 * DAY,
                amount_off=5000,
                currency="eur",
                duration="repeating",
                duration_in_months=3,
            ),
        ],
    }


def _item(id: str, subscription: str, price: dict[str, Any], **more: Any) -> dict[str, Any]:
    return objects.subscription_item(
        id,
        subscription=subscription,
        price=price,
        created=NOW - 390 * DAY,
        current_period_start=NOW - 10 * DAY,
        current_period_end=NOW + 20 * DAY,
        **more,
    )


def _rich_subscription(pro: dict[str, Any], api_calls: dict[str, Any]) -> dict[str, Any]:
    loyal = objects.discount("di_loyal", coupon="LOYAL", start=NOW - 90 * DAY, subscription="sub_rich")
    return objects.subscription(
        "sub_rich",
        customer="cus_acme",
        created=NOW - 390 * DAY,
        latest_invoice="in_cycle",
        paused="void",
        discounts=[loyal],
        items=[_item("si_pro", "sub_rich", pro, quantity=12), _item("si_api", "sub_rich", api_calls)],
    )


def _invoice(pro: dict[str, Any]) -> dict[str, Any]:
    lines = [
        objects.invoice_line(
            f"il_{number:02d}",
            invoice="in_cycle",
            amount=1000 + number,
            currency="eur",
            period_start=NOW - 10 * DAY,
            period_end=NOW + 20 * DAY,
            price=pro,
            subscription="sub_rich",
            subscription_item="si_pro",
            discounts={"di_loyal": 100},
        )
        for number in range(12)
    ]
    return objects.invoice(
        "in_cycle", customer="cus_acme", lines=lines, created=NOW - 10 * DAY, currency="eur", subscription="sub_rich"
    )


def _one_off_invoice(setup: dict[str, Any]) -> dict[str, Any]:
    line = objects.invoice_line(
        "il_setup",
        invoice="in_setup",
        amount=90000,
        currency="eur",
        period_start=NOW - DAY,
        period_end=NOW - DAY,
        price=setup,
    )
    return objects.invoice(
        "in_setup",
        customer="cus_acme",
        lines=[line],
        created=NOW - DAY,
        currency="eur",
        status="open",
        due_date=NOW + 29 * DAY,
        collection_method="send_invoice",
    )
