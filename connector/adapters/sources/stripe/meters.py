"""Reads daily usage of meters: one call per customer, meter and hundred days, so within a budget of calls.

Only customers with a metered item are asked for. A pass goes through all of them; when the budget is spent the cursor
remembers the place, and the next pull goes on there; a finished pass lasts for the day. Each pass starts three days
before the last one ended, since summaries are complete only some time after the fact. Until a first pass has ended,
usage counts as known since Stripe could first have told it.

Source: Stripe API reference, "Meter event summaries".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from connector.adapters.sources.stripe import shapes
from connector.adapters.sources.stripe.client import NotFoundError, StripeClient
from connector.domain.billing import StripeMapping
from connector.ports.billing import Cursor, Page, RawStore, UsagePart

LATE_DAYS = 3
SCHEMA = pa.schema(
    {
        "at": pa.string(),
        "account_id": pa.string(),
        "subscription_id": pa.string(),
        "day": pa.date32(),
        "metric": pa.string(),
        "value": pa.float64(),
        "known_at": pa.timestamp("us", "UTC"),
    }
)


def usage_pages(
    client: StripeClient, mapping: StripeMapping, raw: RawStore, cursor: Cursor | None, now: datetime
) -> Iterator[Page]:
    """Yield usage, customer by customer, until everything is read or the budget is spent."""
    known = dict(cursor or {})
    today = now.astimezone(UTC).date()
    if known.get("done") == today.isoformat():
        return
    pairs = _pairs(mapping, raw)
    first = date.fromisoformat(known["from"]) if "from" in known else today - timedelta(days=mapping.usage_days)
    last = date.fromisoformat(known["to"]) if known.get("after") else today
    is_first = bool(known.get("first", "from" not in known))
    waiting = [pair for pair in pairs if not known.get("after") or "/".join(pair[:2]) > known["after"]]
    budget = client.calls + client.limits.meter_calls
    for done, (customer, meter, metric) in enumerate(waiting):
        if client.calls >= budget:
            left = len(waiting) - done
            warning = (
                f"stripe: meter usage of {left} customers and meters waits for the next pull (meter_calls is spent)"
            )
            yield Page("usage", warnings=(warning,))
            return
        rows = _summaries(client, customer, meter, first, last)
        place: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat(), "after": f"{customer}/{meter}"}
        place |= {"first": True} if is_first else {}
        part = _part(rows, customer, meter, metric, mapping, last)
        yield Page("usage", cursor=place, usage=part if rows else None, initial=is_first)
    if waiting:
        yield Page("usage", cursor={"from": (last - timedelta(days=LATE_DAYS)).isoformat(), "done": last.isoformat()})


def _pairs(mapping: StripeMapping, raw: RawStore) -> list[tuple[str, str, str]]:
    """Customer, meter and metric of every metered item whose meter is mapped."""
    metrics = {row.id: mapping.meters.get(row.payload.get("event_name", "")) for row in raw.latest("meters")}
    if not any(metrics.values()):
        return []
    found = set()
    for row in raw.latest("subscriptions"):
        for item in row.payload.get("items", {}).get("data", ()):
            meter = (shapes.recurrence(shapes.price_of(item)) or {}).get("meter")
            metric = metrics.get(str(meter))
            customer = shapes.id_of(row.payload.get("customer"))
            if meter and metric and customer:
                found.add((customer, meter, metric))
    return sorted(found)


def _summaries(client: StripeClient, customer: str, meter: str, first: date, last: date) -> list[Mapping[str, Any]]:
    params: dict[str, str | int] = {
        "customer": customer,
        "start_time": _midnight(first),
        "end_time": _midnight(last),
        "value_grouping_window": "day",
    }
    if first >= last:
        return []
    try:
        pages = client.pages(f"/v1/billing/meters/{meter}/event_summaries", params)
        return [row for rows, _ in pages for row in rows]
    except NotFoundError:
        # The customer or the meter is gone; what it used before is already here.
        return []


def _part(
    rows: list[Mapping[str, Any]], customer: str, meter: str, metric: str, mapping: StripeMapping, last: date
) -> UsagePart:
    lag = timedelta(hours=mapping.usage_lag_hours)
    days = [datetime.fromtimestamp(row["start_time"], UTC).date() for row in rows]
    table = pa.table(
        {
            "at": pa.nulls(len(rows), pa.string()),
            "account_id": pa.array([customer] * len(rows), pa.string()),
            "subscription_id": pa.nulls(len(rows), pa.string()),
            "day": pa.array(days, pa.date32()),
            "metric": pa.array([metric] * len(rows), pa.string()),
            "value": pa.array([float(row["aggregated_value"]) for row in rows], pa.float64()),
            "known_at": pa.array(
                [datetime.combine(day, time.min, UTC) + timedelta(days=1) + lag for day in days],
                SCHEMA.field("known_at").type,
            ),
        },
        schema=SCHEMA,
    )
    return UsagePart(f"{customer}/{meter}/{last.isoformat()}", table)


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time.min, UTC).timestamp())
