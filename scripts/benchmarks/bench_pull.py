"""Our Stripe source into DuckDB, against the vendor's SDK paging every list into Python objects.

Ours does more: it keeps raw rows and cursors, rebuilds item versions, and stages canonical tables; `pull and land`
leaves the staging out. Neither side waits for a rate of calls it imposes on itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import stripe
from side_by_side import Comparison, alternate
from stand_ins import calls, stand_ins

from connector.adapters.clock import SystemClock
from connector.adapters.sources.stripe import Limits, StripeClient, StripeSource
from connector.adapters.sources.stripe.client import VERSION
from connector.adapters.warehouse import DuckWarehouse
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.billing import StripeMapping
from connector.sandbox import company as demo
from connector.services.pull import pull_and_stage

UNHURRIED = Limits(account_rate=10_000, endpoint_rate=10_000)


def bench_pull(customers: int, repetitions: int) -> Comparison:
    """Pull a demo company both ways."""
    mapping = load_project(shipped(), ["stripe"], None).billing["stripe"]
    assert isinstance(mapping, StripeMapping)
    company = demo.generate(customers=customers)
    with stand_ins() as told, tempfile.TemporaryDirectory() as folder:
        url, key = told["stripe"]["base_url"], told["stripe"]["api_key"]
        loaded = demo.load_stand_ins(company, stripe=url)
        sides = {
            "ours, staged": lambda: _ours(url, key, mapping, Path(folder), company.now),
            "stripe SDK into lists": lambda: _plain(url, key),
        }
        sizes = {kind: loaded[kind] for kind in ("customers", "subscriptions", "invoices", "prices")}
        return alternate("pull", "a Stripe account into canonical tables", sizes, sides, repetitions)


def _ours(url: str, key: str, mapping: StripeMapping, folder: Path, now: datetime) -> Mapping[str, float]:
    calls(url)
    file = folder / "warehouse.duckdb"
    file.unlink(missing_ok=True)
    warehouse = DuckWarehouse(file)
    source = StripeSource(StripeClient(key, SystemClock(), url, limits=UNHURRIED), mapping)
    try:
        pulled = pull_and_stage([source], warehouse, now)
    finally:
        warehouse.close()
    return {"rows": sum(pulled.rows.values()), "calls": calls(url)}


def _plain(url: str, key: str) -> Mapping[str, float]:
    calls(url)
    client = stripe.StripeClient(key, stripe_version=VERSION, base_addresses={"api": url}).v1
    lists = (
        client.products.list({"limit": 100}),
        client.prices.list({"limit": 100, "active": True, "expand": ["data.tiers"]}),
        client.prices.list({"limit": 100, "active": False, "expand": ["data.tiers"]}),
        client.coupons.list({"limit": 100}),
        client.customers.list({"limit": 100}),
        client.subscriptions.list({"limit": 100, "status": "all"}),
        client.invoices.list({"limit": 100}),
    )
    held = [row for one in lists for row in one.auto_paging_iter()]
    return {"rows": len(held), "calls": calls(url)}
