"""Canonical tables small enough to compute by hand, in a DuckDB in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import ibis
import pyarrow as pa

from connector.compute.tables import TABLES

TODAY = date(2026, 11, 22)
NOW = datetime.combine(TODAY, time(18), UTC)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
Row = Mapping[str, Any]


class TinyWarehouse:
    """The canonical tables of a few rows; a column left out is null, `source` and `known_at` have a default."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self.backend = ibis.duckdb.connect()
        for name, columns in TABLES.items():
            schema = ibis.schema(columns).to_pyarrow()
            filled = [{"source": "test", "known_at": EPOCH, **row} for row in rows.get(name, ())]
            table = pa.Table.from_pylist([{key: row.get(key) for key in schema.names} for row in filled], schema)
            self.backend.create_table(name, table)

    def tables(self) -> dict[str, Any]:
        return {name: self.backend.table(name) for name in TABLES}

    def execute(self, expression: Any) -> pa.Table:
        return self.backend.to_pyarrow(expression)

    def close(self) -> None:
        self.backend.disconnect()


def moment(day: date) -> datetime:
    """Midnight UTC of a day."""
    return datetime.combine(day, time(), UTC)


def account(id: str = "a1", **more: Any) -> Row:
    """One billing account."""
    return {"account_id": id, "name": id.upper(), "currency": "EUR", "is_test": False, "deleted": False, **more}


def item(offer: str, quantity: float, account: str = "a1", **more: Any) -> Row:
    """One item version in force since 2025."""
    defaults = {
        "item_id": f"{account}-{offer}",
        "subscription_id": f"{account}-sub",
        "account_id": account,
        "offer_id": offer,
        "quantity": quantity,
        "status": "active",
        "currency": "EUR",
        "mrr_minor": 10_000,
        "list_mrr_minor": 10_000,
        "valid_from": moment(date(2025, 1, 10)),
    }
    return {**defaults, **more}


def subscription(account: str = "a1", **more: Any) -> Row:
    """A monthly subscription that started on 10 January 2025."""
    defaults = {
        "subscription_id": f"{account}-sub",
        "account_id": account,
        "status": "active",
        "currency": "EUR",
        "started_at": moment(date(2025, 1, 10)),
        "period_start": moment(date(2026, 11, 10)),
        "period_end": moment(date(2026, 12, 10)),
        "term_months": 1,
        "paused": False,
    }
    return {**defaults, **more}


def daily(metric: str, values: Sequence[float | None], account: str = "a1", until: date | None = None) -> list[Row]:
    """Usage of consecutive days, the last on `until` (yesterday); None leaves the day's row out."""
    last = until or TODAY - timedelta(days=1)
    first = last - timedelta(days=len(values) - 1)
    return [
        {"account_id": account, "day": first + timedelta(days=i), "metric": metric, "value": float(value)}
        for i, value in enumerate(values)
        if value is not None
    ]
