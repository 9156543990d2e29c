"""Usage that is larger than the memory it may take is reduced all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.adapters.warehouse import DuckWarehouse, duck
from connector.compute.accounts import items_in_force
from connector.compute.features import metric_features
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CATALOGUE = Catalogue(
    plans=["pro"],
    offers={"pro": Offer(label={"en": "Pro"})},
    metrics={
        "active_seats": Metric(label={"en": "seats"}, limit=Limit(quantity_of=["pro"])),
        "documents": Metric(label={"en": "documents"}, limit=Limit(per="month", by_plan={"pro": 500})),
    },
)
A_MILLION_ROWS = """
INSERT INTO usage (account_id, source, day, metric, value, known_at, unit_stream, unit_id)
SELECT 'account-' || account, 'files', DATE '2026-05-31' - CAST(back AS INTEGER), metric, 1.0,
    TIMESTAMPTZ '2026-05-31', 'usage', 'file'
FROM range(49, -1, -1) AS d (back), (SELECT unnest(['active_seats', 'documents']) AS metric),
    (SELECT account FROM range(10000) AS a (account) ORDER BY hash(account))
"""


def test_usage_is_reduced_in_less_memory_than_its_rows_take(tmp_path: Path) -> None:
    """A million rows in the order of their days, 50 MB for the database: every account and metric has its features."""
    warehouse = DuckWarehouse(tmp_path / "warehouse.duckdb", memory_limit="50MB")
    warehouse._connection.execute(A_MILLION_ROWS)
    tables = warehouse.tables()

    features = warehouse.execute(metric_features(tables, items_in_force(tables, NOW), CATALOGUE, NOW))

    assert features.num_rows == 20_000
    assert set(features["total"].to_pylist()) == {50.0}
    assert set(features["streak_weeks"].to_pylist()) == {8}
    warehouse.close()


def test_what_was_read_of_the_file_can_be_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no memory is taken by it, it is read again when asked for, and a query may take as much as before."""
    made = DuckWarehouse(tmp_path / "warehouse.duckdb")
    made._connection.execute(A_MILLION_ROWS.replace("1.0", "(hash(account, back) % 1000000)::DOUBLE"))
    made.close()
    monkeypatch.setattr(duck, "LEAST", "1MB")
    warehouse = DuckWarehouse(tmp_path / "warehouse.duckdb")
    total = warehouse.tables()["usage"].value.sum().as_table()  # whole numbers: in any order the same
    before = warehouse.execute(total)
    limit = warehouse.sql("SELECT current_setting('memory_limit')").fetchone()

    held = _held(warehouse)
    warehouse.let_go()

    assert held > 2_000_000
    assert _held(warehouse) < 1_000_000
    assert warehouse.execute(total) == before
    assert warehouse.sql("SELECT current_setting('memory_limit')").fetchone() == limit
    warehouse.close()


def _held(warehouse: DuckWarehouse) -> int:
    row = warehouse.sql("SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'").fetchone()
    return int(row[0])
