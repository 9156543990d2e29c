"""A part of the customers: measured as if the others were not there, and the same part every time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from connector.adapters.warehouse.duck import DuckWarehouse
from connector.compute.tables import TABLES
from connector.services import propensity_history
from connector.services.measure import measure
from connector.services.propensity_history import Rulebook, past_pairs
from connector.services.sample import Sample, sample
from tests.services.test_every_text import RULES

NOW = datetime(2026, 10, 1, 18, tzinfo=UTC)
CUSTOMERS = 12
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
TOLD = {"source": "test", "known_at": BEGAN, "is_test": False, "deleted": False, "created_at": BEGAN}


@pytest.fixture
def warehouse() -> Iterator[DuckWarehouse]:
    made = DuckWarehouse()
    for number in range(CUSTOMERS):
        account = f"a{number:02}"
        told = {"account_id": account, "source": "test", "known_at": BEGAN}
        _insert(made, "accounts", [{**TOLD, "account_id": account}])
        item = {"item_id": f"i{number}", "subscription_id": f"s{number}", "offer_id": "pro", "status": "active"}
        paid = {"currency": "EUR", "mrr_minor": 9_900, "list_mrr_minor": 9_900, "quantity": 10.0, "valid_from": BEGAN}
        _insert(made, "subscription_item_versions", [{**told, **item, **paid}])
        days = [date(2026, 9, day) for day in range(1, 29)]
        used = [{**told, "day": day, "metric": "active_seats", "value": float(number + day.day % 5)} for day in days]
        for row in used:
            row["known_at"] = datetime.combine(row["day"], time(12), UTC)
        _insert(made, "usage", used)
    yield made
    made.close()


def _insert(warehouse: DuckWarehouse, table: str, rows: list[dict[str, Any]]) -> None:
    made = pa.Table.from_pylist(rows, ibis.schema(TABLES[table]).to_pyarrow())
    named = ", ".join(made.column_names)
    with warehouse.view("made", made):
        warehouse._connection.execute(f"INSERT INTO {table} ({named}) SELECT {named} FROM made")


def accounts_of(part: Sample, warehouse: DuckWarehouse) -> set[str]:
    return set(warehouse.execute(part.tables["accounts"])["account_id"].to_pylist())


def test_of_few_customers_all_are_measured(warehouse: DuckWarehouse) -> None:
    """Where there are no more than asked for, nothing is copied."""
    assert sample(warehouse, CUSTOMERS) == Sample(warehouse.tables(), 1.0)


def test_a_part_is_told_of_as_if_the_others_were_not_there(warehouse: DuckWarehouse) -> None:
    """Every chosen customer is measured to the same numbers, and nobody else is."""
    part = sample(warehouse, 5)
    whole = measure(warehouse, RULES.catalogue, RULES.signals, NOW)

    some = measure(warehouse, RULES.catalogue, RULES.signals, NOW, tables=part.tables)

    chosen = accounts_of(part, warehouse)
    assert (len(chosen), part.share) == (5, 5 / CUSTOMERS)
    assert some.accounts == {id: one for id, one in whole.accounts.items() if id in chosen}
    assert some.metrics == {id: one for id, one in whole.metrics.items() if id in chosen}
    assert some.metrics.keys() == chosen, "the usage of each was read"


def test_the_part_is_a_file_beside_the_warehouse_and_goes_with_it(tmp_path: Path) -> None:
    """Ours alone, gone when the warehouse is closed; what a killed process left goes at the next opening."""
    path, part = tmp_path / "it's.duckdb", tmp_path / "it's.duckdb.part"
    made = DuckWarehouse(path)
    _insert(made, "accounts", [{**TOLD, "account_id": name} for name in ("a1", "a2", "a3")])

    chosen = sample(made, 2)

    assert part.stat().st_mode & 0o777 == 0o600
    assert len(accounts_of(chosen, made)) == 2
    made.let_go()
    assert len(accounts_of(chosen, made)) == 2
    made.close()
    assert not part.exists()
    part.touch()
    DuckWarehouse(path).close()
    assert not part.exists()


def test_a_smaller_part_lies_within_a_larger_one(warehouse: DuckWarehouse) -> None:
    """A customer is chosen by itself: who is in stays in while others come."""
    parts = [accounts_of(sample(warehouse, most), warehouse) for most in (3, 5, 8)]

    assert all(small < large for small, large in pairwise(parts))


def test_the_past_is_learnt_from_a_part(warehouse: DuckWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are of the chosen customers alone, on every day, and the share is told."""
    monkeypatch.setattr(propensity_history, "sample", lambda whole: sample(whole, 5))
    book = Rulebook(RULES.catalogue, RULES.signals, RULES.policy, RULES.fx)

    past = past_pairs(warehouse, book, [datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)], NOW)

    assert past is not None
    assert past.share == 5 / CUSTOMERS
    assert set(past.pairs.accounts) == accounts_of(sample(warehouse, 5), warehouse)


def test_rows_of_the_past_tell_what_rules_read_for_each_offer(warehouse: DuckWarehouse) -> None:
    """What a limit's rules read is pointed to for the offer that lifts it, and nothing of another limit."""
    book = Rulebook(RULES.catalogue, RULES.signals, RULES.policy, RULES.fx)

    past = past_pairs(warehouse, book, [datetime(2026, 6, 1, tzinfo=UTC)], NOW)

    assert past is not None
    assert {"use.active_seats.of_limit", "event.seat_limit_reached.28"} < past.pairs.pointed["seats"]
    assert not any("documents" in name for name in past.pairs.pointed["seats"])
