"""When what is known begins, and how far usage reaches: data may end long before the day that a run speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

DATED = {"usage": "day", "subscriptions": "started_at", "invoices": "created_at"}


def reach(tables: Mapping[str, Any], today: date) -> Any:
    """Expression: one row of `begins`, the first day of anything, and `usage_to`, the last day of usage until today."""
    import ibis
    from ibis import _

    days = [
        tables[table].select(day=tables[table][column].cast("date"), is_usage=ibis.literal(table == "usage"))
        for table, column in DATED.items()
    ]
    told_by_today = _.is_usage & (_.day <= ibis.literal(today))
    return ibis.union(*days).aggregate(begins=_.day.min(), usage_to=_.day.max(where=told_by_today))
