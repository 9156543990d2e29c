"""Usage that stays in another engine gives the same features; what cannot be read says why."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from java import java_home
from postgres import with_usage

from connector.adapters.warehouse import DuckWarehouse
from connector.adapters.warehouse.engines import ScaledWarehouse, UsageEngine, place_of
from connector.compute.accounts import items_in_force
from connector.compute.features import held_quantities, in_memory, usage_features
from connector.compute.freshness import feeds, used
from connector.compute.tables import TABLES
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer
from connector.domain.errors import ConfigError, LaterError

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
LAST = date(2026, 5, 31)
ACCOUNTS = 2_000
PLANS = ("starter", "pro")
CATALOGUE = Catalogue(
    plans=PLANS,
    offers={name: Offer(label={"en": name}) for name in (*PLANS, "signature")},
    metrics={
        "active_seats": Metric(label={"en": "seats"}, limit=Limit(quantity_of=PLANS), counts="users"),
        "documents": Metric(label={"en": "documents"}, limit=Limit(per="month", by_plan={"starter": 300, "pro": None})),
    },
)


@pytest.fixture(scope="session")
def usage() -> pa.Table:
    """Usage of 2,000 accounts: a quarter of every seventh day, a year back for some, corrected and late rows."""
    chance = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(ACCOUNTS):
        back = 420 if number % 50 == 0 else 100
        for metric in CATALOGUE.metrics:
            for x in range(0, back, chance.choice([3, 5, 7])):
                day = LAST - timedelta(days=x + 1)
                told = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=chance.choice([1, 1, 1, 40]))
                row = {"account_id": f"a{number:04d}", "source": f"s{number % 2}", "day": day, "metric": metric}
                row |= {"value": float(chance.randint(0, 40)), "known_at": told, "known_to": None}
                if chance.random() < 0.05:
                    corrected = told + timedelta(days=9)
                    rows.append({**row, "known_to": corrected})
                    row |= {"value": float(chance.randint(0, 40)), "known_at": corrected}
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=ibis.schema(TABLES["usage"]).to_pyarrow())


@pytest.fixture(scope="session")
def postgresql(usage: pa.Table) -> str:
    """The same usage in PostgreSQL, under a schema of its own."""
    return with_usage(usage)


@pytest.fixture(scope="session")
def spark(usage: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same usage in a local Spark, one session for all tests."""
    pytest.importorskip("pyspark", reason="no Spark: `scripts/install dev` brings one")
    from pyspark.sql import SparkSession

    if home := java_home(tmp_path_factory.mktemp("java") / "home"):
        os.environ["JAVA_HOME"] = str(home)
    folder = tmp_path_factory.mktemp("spark")
    pq.write_table(usage.cast(_microseconds(usage.schema)), folder / "usage.parquet")
    quick = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.bindAddress": "127.0.0.1"}
    quick |= {"spark.driver.host": "127.0.0.1", "spark.sql.session.timeZone": "UTC"}
    builder = SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", str(folder))
    for name, value in quick.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.read.parquet(str(folder / "usage.parquet")).createOrReplaceTempView("usage_told")
    yield "pyspark:///?table=usage_told"
    session.stop()


def _microseconds(schema: pa.Schema) -> pa.Schema:
    kinds = {"known_at": pa.timestamp("us", "UTC"), "known_to": pa.timestamp("us", "UTC")}
    return pa.schema([(field.name, kinds.get(field.name, field.type)) for field in schema])


def with_contracts(warehouse: DuckWarehouse) -> DuckWarehouse:
    """Every account but the last has a plan with seats."""
    began = datetime(2025, 1, 1, tzinfo=UTC)
    rows = []
    for number in range(ACCOUNTS - 1):
        row: dict[str, Any] = {"source": "s0", "item_id": f"i{number}", "subscription_id": f"s{number}"}
        row |= {"account_id": f"a{number:04d}", "offer_id": PLANS[number % 2], "quantity": 20.0, "status": "active"}
        row |= {"currency": "EUR", "mrr_minor": 100, "list_mrr_minor": 100, "valid_from": began, "known_at": began}
        rows.append(row | {"unit_stream": "subscriptions", "unit_id": f"s{number}"})
    schema = ibis.schema({**TABLES["subscription_item_versions"], "unit_stream": "string", "unit_id": "string"})
    warehouse.add("subscription_item_versions", pa.Table.from_pylist(rows, schema=schema.to_pyarrow()))
    return warehouse


def features(warehouse: DuckWarehouse, as_of: datetime = NOW) -> list[list[dict[str, Any]]]:
    """All that a run asks of usage."""
    tables = warehouse.tables()
    held = in_memory(warehouse.execute(held_quantities(items_in_force(tables, as_of), CATALOGUE)))
    asked = (usage_features(tables, held, CATALOGUE, as_of), feeds(tables, as_of), used(tables, as_of.date()))
    return [warehouse.execute(one).to_pylist() for one in asked]


@pytest.fixture(scope="session")
def expected(usage: pa.Table) -> list[list[dict[str, Any]]]:
    """What DuckDB makes of it."""
    warehouse = with_contracts(DuckWarehouse())
    rows = usage.append_column("unit_stream", pa.array(["usage"] * len(usage)))
    warehouse.add("usage", rows.append_column("unit_id", pa.array(["file"] * len(usage))))
    return features(warehouse)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def differences(mine: list[list[dict[str, Any]]], others: list[list[dict[str, Any]]]) -> list[object]:
    """Rows that are not there on both sides, and values that are further apart than 1e-9."""
    found: list[object] = [(len(a), len(b)) for a, b in zip(mine, others, strict=True) if len(a) != len(b)]
    for some, more in zip(mine, others, strict=True):
        for row, other in zip(some, more, strict=False):
            found += [(name, row[name], other[name]) for name in row if not same(row[name], other[name])]
    return found


@pytest.mark.parametrize("engine", ["postgresql", "spark"])
def test_every_engine_gives_the_same_features(
    request: pytest.FixtureRequest, expected: list[list[dict[str, Any]]], engine: str
) -> None:
    """2,000 accounts, some of a year, with corrections: same rows, nulls and numbers to 1e-9 as DuckDB."""
    url = str(request.getfixturevalue(engine))
    place = place_of(f"{url}&table=facts.usage" if engine == "postgresql" else url)
    warehouse = with_contracts(ScaledWarehouse(None, UsageEngine(place)))

    found = features(warehouse)

    assert len(found[0]) == 2 * ACCOUNTS
    assert differences(found, expected) == []
    assert "usage" not in warehouse.counts()[0]
    warehouse.close()


@pytest.mark.parametrize(
    ("url", "told", "cure"),
    [
        ("mysql://h/db?table=t", "names no engine that we know", "postgresql://user@host/database?table=schema.usage"),
        ("usage.csv", "names no engine that we know", "?table="),
        ("postgresql://u:secret@h/db", "names no table", "end it with ?table="),
    ],
)
def test_a_wrong_address_says_how_to_write_it(url: str, told: str, cure: str) -> None:
    """What is wrong and how it looks right, never the address itself: it may hold a password."""
    with pytest.raises(ConfigError) as refused:
        place_of(url)

    assert told in str(refused.value)
    assert cure in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "told"),
    [("facts.nowhere", "there is no table facts.nowhere"), ("facts.odd", "facts.odd has no column metric")],
)
def test_a_table_that_does_not_fit_is_named(postgresql: str, table: str, told: str) -> None:
    """A table that is not there, or that lacks a column, is named with what to do."""
    engine = UsageEngine(place_of(f"{postgresql}&table={table}"))

    with pytest.raises(ConfigError, match=told):
        engine.table()


def test_the_last_day_shows_that_it_can_be_read(postgresql: str) -> None:
    """What `doctor` and `check --data` ask."""
    engine = UsageEngine(place_of(f"{postgresql}&table=facts.usage"))

    assert engine.last_day() == LAST - timedelta(days=1)
    engine.close()


def test_an_engine_that_does_not_answer_is_later(tmp_path: Path) -> None:
    """No server: the run is put off, and the address is not shown."""
    engine = UsageEngine(place_of(f"postgresql://u:secret@/db?host={tmp_path}&table=usage"))

    with pytest.raises(LaterError) as refused:
        engine.table()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("scheme", "package"),
    [("snowflake", "ibis-framework[snowflake]"), ("databricks", "ibis-framework[databricks]")],
)
def test_a_missing_driver_says_what_to_install(scheme: str, package: str) -> None:
    """The engine is known, its driver is not installed."""
    engine = UsageEngine(place_of(f"{scheme}://user@host/db?table=usage"))

    with pytest.raises(ConfigError) as refused:
        engine.table()

    assert f"pip install '{package}'" in str(refused.value)
