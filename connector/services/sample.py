"""A part of the customers, the same on every day: what is learnt and judged from it holds for all of them.

Measuring the past costs as much a day as the daily run. From some size on, more customers make neither a better model
nor a surer verdict, only a longer wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.ports.billing import WarehouseReader

MOST_CUSTOMERS = 10_000
"""Customers whose past is measured."""


@dataclass(frozen=True)
class Sample:
    """Some customers, and what is told of them."""

    tables: Mapping[str, Any]
    """The canonical tables as Ibis tables, by name."""
    share: float
    """They are so much of all customers."""


def sample(warehouse: WarehouseReader, most: int = MOST_CUSTOMERS) -> Sample:
    """Choose so many customers by a hash of their ids; all of them where there are no more."""
    import pyarrow as pa

    tables = warehouse.tables()
    rows = warehouse.execute(tables["accounts"].select("account_id").distinct())
    ids = rows["account_id"].to_pylist()
    if len(ids) <= most:
        return Sample(tables, 1.0)
    chosen = sorted(ids, key=lambda one: hashlib.md5(one.encode(), usedforsecurity=False).digest())[:most]
    return Sample(warehouse.tables_of(pa.table({"account_id": chosen})), most / len(ids))
