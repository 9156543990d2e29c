"""The warehouse: idempotent, exact under a kill, and open to one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from connector.adapters.warehouse import DuckWarehouse
from connector.compute.tables import TABLES
from connector.domain.errors import LaterError
from connector.ports.billing import Cursor, Landing, Page, RawMrr, RawStore, Rejected, Translated, UsagePart

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 2, tzinfo=UTC)


class OneTable:
    """A source whose units become one account each; a unit named `bad…` is set aside."""

    name = "fake"
    reference = ("prices",)

    def __init__(self, mapping_hash: str = "1", pages: Sequence[Page] = (), suffix: str = "") -> None:
        self.mapping_hash = mapping_hash
        self._suffix = suffix
        self._pages = pages

    def streams(self) -> Mapping[str, str | None]:
        return {"accounts": None, "prices": None, "notes": "accounts", "usage": None}

    def pages(self, raw: RawStore, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        return (page for page in self._pages if page.stream == stream)

    def translate(self, raw: RawStore, stream: str, ids: Sequence[str], now: datetime) -> Iterator[Translated]:
        for unit, versions in raw.history(stream, ids).items():
            if stream != "accounts":
                yield Translated(unit)
            elif unit.startswith("bad"):
                yield Translated(unit, rejected=(Rejected(stream, unit, "malformed_row", "bad", versions[-1].payload),))
            else:
                notes = len(raw.children("notes", [unit]).get(unit, ()))
                yield Translated(
                    unit, {"accounts": [account(unit, f"{versions[-1].payload['name']}/{notes}{self._suffix}")]}
                )

    def recurring(self, raw: RawStore, as_of: datetime) -> RawMrr:
        return RawMrr({})

    def calls(self) -> int:
        return 0


def account(id: str, name: str) -> dict[str, Any]:
    return {"account_id": id, "source": "fake", "name": name, "is_test": False, "deleted": False, "known_at": NOW}


def page(*ids: str, name: str = "n", cursor: int = 1) -> Page:
    return Page("accounts", [Landing(id, {"name": name}) for id in ids], {"at": cursor})


def usage(origin: str, *rows: tuple[str, str, float], fresh: bool = True, combine: str = "sum") -> Page:
    count = len(rows)
    table = pa.table(
        {
            "at": pa.array([f"{origin}:{line}" for line in range(count)], pa.string()),
            "account_id": pa.array([account for account, _, _ in rows], pa.string()),
            "subscription_id": pa.nulls(count, pa.string()),
            "day": pa.array([date(2026, 5, 1)] * count, pa.date32()),
            "metric": pa.array([metric for _, metric, _ in rows], pa.string()),
            "value": pa.array([value for _, _, value in rows], pa.float64()),
            "known_at": pa.array([NOW] * count, pa.timestamp("us", "UTC")),
        }
    )
    return Page("usage", usage=UsagePart(origin, table, combine, fresh=fresh))


def rows(warehouse: DuckWarehouse, table: str) -> list[dict[str, Any]]:
    """What is believed now."""
    found = warehouse.execute(warehouse.tables()[table]).to_pylist()
    return [row for row in found if row.get("known_to") is None]


def used(warehouse: DuckWarehouse) -> dict[tuple[str, str], float]:
    return {(row["account_id"], row["metric"]): row["value"] for row in rows(warehouse, "usage")}


@pytest.fixture
def warehouse() -> Iterator[DuckWarehouse]:
    opened = DuckWarehouse()
    yield opened
    opened.close()


def test_tables_have_their_contract(warehouse: DuckWarehouse) -> None:
    """Every canonical table is there with the columns and types it promises, and nothing more."""
    tables = warehouse.tables()

    for name, columns in TABLES.items():
        shown = {column: str(kind) for column, kind in tables[name].schema().items()}
        promised = {column: str(kind).lstrip("!") for column, kind in ibis.schema(columns).items()}
        assert {
            column: kind.lstrip("!").replace("timestamp('UTC', 6)", "timestamp('UTC')")
            for column, kind in shown.items()
        } == promised


def test_landing_twice_changes_nothing(warehouse: DuckWarehouse) -> None:
    """The same page landed again makes no version, and staging again writes nothing."""
    source = OneTable()
    warehouse.land(source, page("a", "b"), NOW)
    first = warehouse.stage(source, NOW)
    warehouse.land(source, page("a", "b", cursor=2), LATER)

    second = warehouse.stage(source, LATER)

    assert (first.rows, second.rows) == ({"accounts": 2}, {})
    assert warehouse.cursor("fake", "accounts") == {"at": 2}
    assert len(warehouse.raw("fake").history("accounts", ["a"])["a"]) == 1


def test_every_version_is_kept(warehouse: DuckWarehouse) -> None:
    """A row that changes and changes back has three versions; only its unit is staged again."""
    source = OneTable()
    for name in ("x", "y", "x"):
        warehouse.land(source, page("a", name=name), NOW)
    warehouse.land(source, page("b"), NOW)
    warehouse.stage(source, NOW)

    warehouse.land(source, page("a", name="z"), LATER)
    staged = warehouse.stage(source, LATER)

    assert [row.payload["name"] for row in warehouse.raw("fake").history("accounts", ["a"])["a"]] == [
        "x",
        "y",
        "x",
        "z",
    ]
    assert staged.rows == {"accounts": 1}
    assert {row["name"] for row in rows(warehouse, "accounts")} == {"z/0", "n/0"}


def test_children_stage_their_parent(warehouse: DuckWarehouse) -> None:
    """A new row of a child stream translates its parent again."""
    source = OneTable()
    warehouse.land(source, page("a"), NOW)
    warehouse.stage(source, NOW)
    warehouse.land(source, Page("notes", [Landing("n1", {}, parent="a")]), NOW)

    warehouse.stage(source, NOW)

    assert [row["name"] for row in rows(warehouse, "accounts")] == ["n/1"]


def test_a_changed_mapping_or_reference_rebuilds(warehouse: DuckWarehouse) -> None:
    """Another mapping makes everything anew; a price that changes has all read again, and a new price has not."""
    warehouse.land(OneTable(), page("a", "b"), NOW)
    warehouse.stage(OneTable(), NOW)

    remapped = warehouse.stage(OneTable("2"), NOW)
    warehouse.land(OneTable("2"), Page("prices", [Landing("p", {"v": 1})]), NOW)
    added = warehouse.stage(OneTable("2"), NOW)
    warehouse.land(OneTable("2"), Page("prices", [Landing("p", {"v": 2})]), NOW)
    source = OneTable("2", suffix="!")
    changed = warehouse.stage(source, NOW)

    assert (remapped.rows, added.rows, changed.rows) == ({"accounts": 2}, {}, {"accounts": 2})
    assert warehouse.rebuild(OneTable("2"), NOW).rows == {"accounts": 2}


def test_the_quarantine_keeps_and_retries(warehouse: DuckWarehouse) -> None:
    """A row set aside keeps its payload, is tried on every staging and is counted once."""
    source = OneTable()
    warehouse.land(source, page("bad1", "a"), NOW)
    warehouse.stage(source, NOW)

    again = warehouse.stage(source, LATER)

    assert again.quarantined == {"malformed_row": 1}
    assert warehouse.counts()[1] == {"malformed_row": 1}
    assert rows(warehouse, "quarantine")[0]["payload"] == '{"name": "n"}'


def test_usage_is_replaced_by_its_origin_and_key(warehouse: DuckWarehouse) -> None:
    """An origin replaces what it gave; another origin replaces only the same account, day and metric."""
    source = OneTable()
    warehouse.land(source, page("a", "b"), NOW)
    warehouse.land(source, usage("one", ("a", "m", 1), ("a", "m", 2), ("b", "m", 5)), NOW)
    warehouse.stage(source, NOW)
    before = used(warehouse)
    warehouse.land(source, usage("two", ("a", "m", 7)), NOW)
    warehouse.stage(source, NOW)
    between = used(warehouse)
    warehouse.land(source, usage("one", ("b", "k", 9)), NOW)

    warehouse.stage(source, NOW)

    assert before == {("a", "m"): 3.0, ("b", "m"): 5.0}
    assert between == {("a", "m"): 7.0, ("b", "m"): 5.0}
    assert used(warehouse) == {("a", "m"): 7.0, ("b", "k"): 9.0}


def test_late_accounts_get_their_usage(warehouse: DuckWarehouse) -> None:
    """Usage waits for its account, shows as set aside meanwhile, and is counted once it is there."""
    source = OneTable()
    warehouse.land(source, usage("one", ("a", "m", 1)), NOW)
    waiting = warehouse.stage(source, NOW)
    warehouse.land(source, page("a"), NOW)

    arrived = warehouse.stage(source, NOW)

    assert (waiting.quarantined, arrived.quarantined) == ({"orphan_usage": 1}, {})
    assert (used(warehouse), warehouse.counts()[1]) == ({("a", "m"): 1.0}, {})


def test_a_locked_database_says_so(tmp_path: Path) -> None:
    """A second process is told who is in the way, and that waiting helps."""
    held = DuckWarehouse(tmp_path / "w.duckdb")
    code = f"""
        from pathlib import Path
        from connector.adapters.warehouse import DuckWarehouse
        from connector.domain.errors import LaterError
        try:
            DuckWarehouse(Path({str(tmp_path / "w.duckdb")!r}))
        except LaterError as error:
            print(error)
    """

    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    held.close()
    assert "is open in another process" in told.stdout
    assert "wait for the other run" in told.stdout
    assert issubclass(LaterError, Exception)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {here!r})
    from test_duck_warehouse import OneTable, NOW, page, usage
    from connector.adapters.warehouse import DuckWarehouse
    import connector.adapters.warehouse.staging as staging

    staging.BATCH = 10
    warehouse = DuckWarehouse(Path({path!r}))
    left = {steps}

    def run(query, bound=None, plain=warehouse._connection.execute):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(query, bound) if bound is not None else plain(query)

    class Counting:
        def __getattr__(self, name):
            return getattr(warehouse_connection, name)

        def execute(self, query, bound=None):
            return run(query, bound)

    warehouse_connection = warehouse._connection
    warehouse._connection = Counting()
    source = OneTable()
    for number in range(3):
        ids = [f"a{{number}}-{{i:02d}}" for i in range(10)]
        warehouse.land(source, page(*ids, cursor=number), NOW)
    warehouse.land(source, usage("one", *((f"a0-{{i:02d}}", "m", 1.0) for i in range(10))), NOW)
    warehouse.stage(source, NOW)
    warehouse.close()
"""


@pytest.mark.parametrize("steps", [4, 9, 14, 20, 27, 33, 39])
def test_a_kill_loses_and_doubles_nothing(tmp_path: Path, steps: int) -> None:
    """Killed at any statement and run again, the warehouse holds every row once."""
    path = tmp_path / "w.duckdb"
    here = str(Path(__file__).resolve().parent)

    def run(at: int) -> int:
        code = textwrap.dedent(KILLED.format(here=here, path=str(path), steps=at))
        return subprocess.run([sys.executable, "-W", "ignore", "-c", code], env={**os.environ}, check=False).returncode

    assert run(steps) == -signal.SIGKILL
    assert run(0) == 0

    warehouse = DuckWarehouse(path)
    accounts = [row["account_id"] for row in rows(warehouse, "accounts")]
    assert sorted(accounts) == [f"a{number}-{i:02d}" for number in range(3) for i in range(10)]
    assert used(warehouse) == {(f"a0-{i:02d}", "m"): 1.0 for i in range(10)}
    assert warehouse.cursor("fake", "accounts") == {"at": 2}
    warehouse.close()
