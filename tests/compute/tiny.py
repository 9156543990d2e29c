"""Canonical tables small enough to compute by hand, in a DuckDB in memory.

To write an expression as SQL takes ten times as long as to run it on a few rows. Expressions name the tables of one
empty database, so that the same question has the same SQL in each of these warehouses, and it is written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
from ibis.formats.pyarrow import PyArrowData

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
        return dict(empty_tables())

    def execute(self, expression: Any) -> pa.Table:
        if expression.op().find(ops.InMemoryTable):
            return self.backend.to_pyarrow(expression)
        found = self.backend.con.sql(sql_of(expression.op())).to_arrow_table()
        return PyArrowData.convert_table(found, expression.schema())

    def close(self) -> None:
        self.backend.disconnect()


@cache
def empty_tables() -> dict[str, Any]:
    """The canonical tables without rows."""
    backend = ibis.duckdb.connect()
    return {name: backend.create_table(name, schema=ibis.schema(columns)) for name, columns in TABLES.items()}


@lru_cache(maxsize=64)
def sql_of(asked: ops.Node) -> str:
    """What DuckDB is asked."""
    return str(ibis.to_sql(asked.to_expr(), dialect="duckdb"))


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
