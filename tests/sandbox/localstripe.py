"""Runs `localstripe`, a Stripe that nobody here wrote, and fills it over HTTP.

It is GPL software: it runs as a process of its own, and is neither imported nor shipped.
Use `with running() as stripe:`, or import the fixture `local_stripe`, which empties one shared process for each test.

What it is, as of 1.15.10 (`test_localstripe.py` holds these true):
- Any Bearer or Basic key that begins with `sk_` opens it, `rk_` does not. `Stripe-Version` is ignored.
- It has customers, products, plans, coupons, subscriptions of one item, invoices with lines, events. `/v1/prices`,
  `/v1/account` and `/v1/billing/meters` are a 404 in plain text; subscriptions of two items a 500 at creation.
- Lists also carry `total_count`. All are oldest first but invoices (newest `date` first). `limit` has no upper bound,
  an unknown `starting_after` restarts the list, `ending_before` is refused. Lines take `limit` only.
- `created[...]` filters events alone: a 400 for customers, products, plans and coupons, a 500 for subscriptions and
  invoices. Any other parameter it does not know ends the same way: `types`, `test_clock`, `ids`, and `subscription` of
  subscription items. `status=all` works, `status=ended` is a 400.
- `expand[]` works to four levels; a field that is not there (`data.discounts`, `data.items.data.price`) is a 400.
- Shapes are of before 2025-03-31: an item holds a full `plan` and neither price nor period; the subscription has
  `current_period_*`, `plan`, `quantity`, `discount`; an invoice has `date`, `subscription` (and
  `parent.subscription_details`), its lines a full `plan`, or null for a one-off amount. The last tier's `up_to` is
  `inf`, tiers are always shown. Ended subscriptions keep `canceled_at` null and have `ended_at`.
- `created` is always the wall clock. A subscription is `active` when its plan is free or its customer has a card; a
  trial stays `incomplete`; without a card, creation answers 404 and leaves an incomplete subscription and an open
  invoice.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import requests

API_KEY = "sk_test_localstripe"
STARTUP_SECONDS = 30
STATE_FILE = Path(tempfile.gettempdir()) / "localstripe.pickle"
Object = dict[str, Any]


@dataclass(frozen=True)
class LocalStripe:
    """A running localstripe and the few writes that tests need."""

    url: str
    session: requests.Session
    api_key: str = API_KEY

    def get(self, path: str, **params: Any) -> requests.Response:
        """Answer of a GET, whatever its status."""
        return self.session.get(self.url + path, params=params)

    def create(self, path: str, **fields: Any) -> Object:
        """Create an object; JSON keeps numbers inside tiers numbers, where form fields would make them texts."""
        answer = self.session.post(self.url + path, json=fields)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        created: Object = answer.json()
        return created

    def customer(self, *, with_card: bool = True, **fields: Any) -> Object:
        """A customer; the card is what lets a subscription become active."""
        made = self.create("/v1/customers", **fields)
        if with_card:
            card = {"object": "card", "number": "4242424242424242", "exp_month": 12, "exp_year": 2099, "cvc": "123"}
            self.create(f"/v1/customers/{made['id']}/sources", source=card)
        return made

    def product(self, name: str, **fields: Any) -> Object:
        """A product."""
        return self.create("/v1/products", name=name, **fields)

    def plan(self, product: str, *, currency: str = "eur", interval: str = "month", **fields: Any) -> Object:
        """A plan: `amount` in the minor unit, or billing_scheme='tiered' with tiers and tiers_mode."""
        return self.create("/v1/plans", product=product, currency=currency, interval=interval, **fields)

    def subscription(self, customer: str, plan: str, *, quantity: int = 1, **fields: Any) -> Object:
        """A subscription of one item; `backdate_start_date` moves its period and its invoice back."""
        items = [{"plan": plan, "quantity": quantity}]
        return self.create("/v1/subscriptions", customer=customer, items=items, **fields)

    def cancel(self, subscription: str) -> Object:
        """End a subscription at once."""
        answer = self.session.delete(f"{self.url}/v1/subscriptions/{subscription}")
        assert answer.status_code == 200, answer.text
        ended: Object = answer.json()
        return ended

    def invoice_item(self, customer: str, amount: int, *, currency: str = "eur", **fields: Any) -> Object:
        """A one-off amount that waits for the customer's next invoice."""
        return self.create("/v1/invoiceitems", customer=customer, amount=amount, currency=currency, **fields)

    def invoice(self, customer: str, subscription: str) -> Object:
        """A draft that bills the subscription once more, with what waits; it is dated at the period's end."""
        return self.create("/v1/invoices", customer=customer, subscription=subscription)

    def pay(self, invoice: str) -> Object:
        """Finalise and pay a draft."""
        return self.create(f"/v1/invoices/{invoice}/pay")

    def empty(self) -> None:
        """Forget every object."""
        assert self.session.delete(f"{self.url}/_config/data").status_code == 200


@contextmanager
def running() -> Iterator[LocalStripe]:
    """Run localstripe on a free port until the end of the block."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstripe", "--port", "0", "--from-scratch"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            with requests.Session() as session:
                session.headers["Authorization"] = f"Bearer {API_KEY}"
                yield LocalStripe(f"http://127.0.0.1:{_port(process, log)}", session)
        finally:
            process.terminate()
            process.wait(timeout=10)
            STATE_FILE.unlink(missing_ok=True)  # it saves its state there, whoever runs it


@pytest.fixture(scope="session")
def localstripe_process() -> Iterator[LocalStripe]:
    """One process for all tests of a session."""
    with running() as stripe:
        yield stripe


@pytest.fixture
def local_stripe(localstripe_process: LocalStripe) -> LocalStripe:
    """An empty localstripe."""
    localstripe_process.empty()
    return localstripe_process


def _port(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    """The port it chose, read from what it prints once it listens."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        log.seek(0)
        if found := re.search(r"Running on \S+:(\d+)", log.read()):
            return found[1]
        time.sleep(0.02)
    log.seek(0)
    raise RuntimeError(f"localstripe did not start within {STARTUP_SECONDS} s:\n{log.read()}")
