"""The demo company as canonical tables, without a vendor between: what `bench decisions` measures it from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import ibis
import pyarrow as pa

from connector.compute.tables import TABLES
from connector.domain.catalogue import Catalogue
from connector.sandbox.company import Company

OFFERS = {"seats": "seats", "signature_pack": "signature_volume"}


def offer_of(name: str) -> str:
    """The catalogue's name of what the company sells."""
    return OFFERS.get(name, name.removeprefix("prod_"))


def fill(connection: Any, company: Company, catalogue: Catalogue) -> None:
    """Write the company into the canonical tables of an open DuckDB connection."""
    rows = {
        "accounts": [_account(one) for one in company.accounts],
        "subscriptions": [_subscription(one) for one in company.subscriptions],
        "subscription_item_versions": [
            _item(one, version, catalogue) for one in company.subscriptions for version in one.versions
        ],
        "invoices": [_invoice(one) for one in company.invoices],
        "events": [
            {
                "account_id": one.account,
                "occurred_at": one.occurred_at,
                "event": one.event,
                "detail": one.detail,
                "known_at": one.occurred_at,
            }
            for one in company.events
        ],
    }
    for name, made in rows.items():
        schema = ibis.schema(TABLES[name]).to_pyarrow()
        _insert(connection, name, pa.Table.from_pylist([{"source": "demo", **row} for row in made], schema))
    usage = company.usage
    known = usage["day"].cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    source = pa.array(["demo"]).take(pa.array([0] * len(usage), pa.int8()))
    told = {name: usage[name] for name in ("account_id", "day", "metric", "value")}
    _insert(connection, "usage", pa.table({**told, "source": source, "known_at": known}))


def _insert(connection: Any, name: str, table: pa.Table) -> None:
    connection.register("made", table)
    columns = ", ".join(table.column_names)
    connection.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM made")  # noqa: S608 - our own names
    connection.unregister("made")


def _at(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _account(one: Any) -> dict[str, Any]:
    return {
        "account_id": one.id,
        "name": one.name,
        "domain": one.domain,
        "country": one.country,
        "segment": one.segment,
        "industry": one.industry,
        "currency": one.currency.upper(),
        "is_test": one.kind == "test",
        "deleted": one.deleted,
        "created_at": one.created,
        "known_at": one.created,
    }


def _subscription(one: Any) -> dict[str, Any]:
    return {
        "subscription_id": one.id,
        "account_id": one.account,
        "status": "canceled" if one.canceled_on else "active",
        "currency": one.currency.upper(),
        "started_at": _at(one.start),
        "ended_at": _at(one.canceled_on),
        "term_months": 12 if one.interval == "year" else 1,
        "paused": one.paused,
        "known_at": _at(one.start),
    }


def _item(one: Any, version: Any, catalogue: Catalogue) -> dict[str, Any]:
    name, currency = offer_of(version.product), one.currency.upper()
    price = catalogue.offers[name].list_price.get(currency, 0) if name in catalogue.offers else 0
    worth = round(price * (version.quantity or 0))
    return {
        "item_id": version.item,
        "subscription_id": one.id,
        "account_id": one.account,
        "offer_id": name,
        "quantity": version.quantity,
        "status": "active",
        "currency": currency,
        "mrr_minor": worth,
        "list_mrr_minor": worth,
        "valid_from": _at(version.start),
        "valid_to": _at(version.end or one.canceled_on),
        "known_at": _at(version.start),
    }


def _invoice(one: Any) -> dict[str, Any]:
    return {
        "invoice_id": one.id,
        "account_id": one.account,
        "subscription_id": one.subscription,
        "status": one.status,
        "currency": one.currency.upper(),
        "total_minor": one.total,
        "created_at": one.created,
        "due_at": one.due,
        "paid_at": one.paid_at,
        "disputed": False,
        "known_at": one.created,
    }
