"""Our Ibis expressions on DuckDB against hand-written SQL for the same numbers; the two must agree to 1e-9.

The expressions run on other engines and are tested piece by piece; the question is what that costs. Ours is built and
compiled anew each time, as in a run: a fixed cost, told apart, that a small table feels and a large one does not.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
from side_by_side import Comparison, alternate

from connector.compute.accounts import items_in_force
from connector.compute.features import METRIC_COLUMNS, MILESTONES, metric_features
from connector.compute.tables import TABLES
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer

AS_OF = datetime(2026, 9, 30, 18, tzinfo=UTC)
PLANS = ("starter", "pro", "enterprise")
SEED = 1
RELATIVE, ABSOLUTE = 1e-9, 1e-9
CATALOGUE = Catalogue(
    plans=PLANS,
    offers={name: Offer(label={"en": name}, pack=100 if name == "signature" else 1) for name in (*PLANS, "signature")},
    metrics={
        name: Metric(label={"en": name}, limit=limit)
        for name, limit in {
            "active_seats": Limit(quantity_of=PLANS),
            "storage_gb": Limit(by_plan={"starter": 10, "pro": 100, "enterprise": 1000}),
            "documents": Limit(per="month", by_plan={"starter": 500, "pro": 5000, "enterprise": None}),
            "envelopes": Limit(per="month", quantity_of=["signature"]),
        }.items()
    },
)


def bench_features(accounts: int, days: int, repetitions: int) -> Comparison:
    """Reduce usage to features both ways, having seen that both give the same."""
    connection = _warehouse(accounts, days)
    backend = ibis.duckdb.from_connection(connection)
    tables = {name: backend.table(name) for name in TABLES}
    sql = Path(__file__).with_name("features.sql").read_text(encoding="utf-8")

    def expression() -> Any:
        return metric_features(tables, items_in_force(tables, AS_OF), CATALOGUE, AS_OF)

    def ours() -> pa.Table:
        return backend.to_pyarrow(expression())

    def by_hand() -> pa.Table:
        return connection.execute(sql, {"as_of": AS_OF, "milestones": list(MILESTONES)}).to_arrow_table()

    _refuse_differences(ours(), by_hand())
    began = perf_counter()
    backend.compile(expression())
    building = round(perf_counter() - began, 3)
    sides = {
        "ours, Ibis": lambda: {"rows": ours().num_rows, "seconds_of_building_SQL": building},
        "SQL by hand": lambda: {"rows": by_hand().num_rows},
    }
    rows = connection.execute("SELECT count(*) FROM usage").fetchone()[0]
    sizes = {"accounts": accounts, "metrics": len(CATALOGUE.metrics), "days": days, "usage_rows": rows}
    return alternate("features", "usage reduced to one row per account and metric", sizes, sides, repetitions)


def _warehouse(accounts: int, days: int) -> Any:
    connection = duckdb.connect(":memory:", config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    backend = ibis.duckdb.from_connection(connection)
    for name, columns in TABLES.items():
        backend.create_table(name, schema=ibis.schema(columns))
    for name, made in (("usage", _usage(accounts, days)), ("subscription_item_versions", _items(accounts))):
        connection.register("made", made)
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM made")  # noqa: S608 - our own names
        connection.unregister("made")
    return connection


def _usage(accounts: int, days: int) -> pa.Table:
    """Every account and metric, with a trend of its own, and one day in ten without a row."""
    rng = np.random.default_rng(SEED)
    names = [f"a{number:05d}" for number in range(accounts)]
    metrics = list(CATALOGUE.metrics)
    series = accounts * len(metrics)
    level = rng.lognormal(3, 1, series)[:, None] * np.exp(rng.normal(0, 0.003, series)[:, None] * np.arange(days))
    told = rng.random((series, days)) > 0.1
    at, day = np.nonzero(told)
    first = (AS_OF.date() - timedelta(days=days) - date(1970, 1, 1)).days
    whole_days = pa.array((day + first).astype(np.int32), pa.int32()).cast(pa.date32())
    return pa.table(
        {
            "account_id": _words(at // len(metrics), names),
            "source": _words(np.zeros_like(at), ["bench"]),
            "day": whole_days,
            "metric": _words(at % len(metrics), metrics),
            "value": rng.poisson(level)[told].astype(np.float64),
            "known_at": whole_days.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
        }
    )


def _words(places: Any, words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), words).cast(pa.string())


def _items(accounts: int) -> pa.Table:
    """A plan for every account, and signature for every other one."""
    began = datetime.combine(date(2025, 1, 1), time(), UTC)
    rows = []
    for number in range(accounts):
        plan = (PLANS[number % len(PLANS)], 10.0 + number % 90)
        for offer, quantity in (plan, ("signature", 3.0)) if number % 2 else (plan,):
            row: dict[str, Any] = dict.fromkeys(TABLES["subscription_item_versions"])
            row |= {"source": "bench", "subscription_id": f"s{number}", "status": "active", "currency": "EUR"}
            row |= {"item_id": f"{number}-{offer}", "account_id": f"a{number:05d}", "offer_id": offer}
            row |= {"quantity": quantity, "mrr_minor": 100, "list_mrr_minor": 100, "valid_from": began}
            rows.append(row | {"known_at": began})
    return pa.Table.from_pylist(rows, ibis.schema(TABLES["subscription_item_versions"]).to_pyarrow())


def _refuse_differences(ours: pa.Table, by_hand: pa.Table) -> None:
    if ours.num_rows != by_hand.num_rows or not ours.num_rows:
        raise SystemExit(f"features differ: {ours.num_rows} rows and {by_hand.num_rows}")
    for name in METRIC_COLUMNS:
        pairs = zip(ours[name].to_pylist(), by_hand[name].to_pylist(), strict=True)
        for row, (mine, other) in enumerate(pairs):
            if not _agree(mine, other):
                raise SystemExit(f"features differ in {name} of row {row}: {mine!r} and {other!r}")


def _agree(mine: Any, other: Any) -> bool:
    if isinstance(mine, float) and isinstance(other, int | float):
        return math.isclose(mine, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(mine == other)
