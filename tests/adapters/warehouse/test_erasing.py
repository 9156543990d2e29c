"""A customer is taken out of the warehouse, however its ids look; its neighbours stay, and no byte of it is left."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from connector.adapters.sources.files import FilesSource
from connector.adapters.warehouse import DuckEraser, DuckWarehouse
from connector.domain.billing import FileSet, FilesMapping
from connector.domain.customer import Customer
from connector.services.pull import pull_and_stage

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TABLES = ("raw", "accounts", "subscriptions", "usage", "quarantine", "raw_usage")


def source(folder: Path) -> FilesSource:
    """Accounts with numbers for ids, beside quantities that are the same numbers."""
    accounts = FileSet(
        files=["accounts.csv"],
        columns={"account_id": "id", "name": "name", "email": "email", "currency": "currency", "parent_id": "parent"},
    )
    subscriptions = FileSet(
        files=["subscriptions.csv"],
        currency="EUR",
        columns={
            "subscription_id": "id",
            "account_id": "account",
            "quantity": "seats",
            "mrr": "mrr",
            "started_at": "at",
        },
    )
    usage = FileSet(
        files=["usage.csv"], columns={"account_id": "account", "day": "day", "metric": "metric", "value": "value"}
    )
    return FilesSource(FilesMapping(accounts=[accounts], subscriptions=[subscriptions], usage=[usage]), folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A warehouse with three customers: 17, 1799 (a subsidiary of 170017), and 170017."""
    for name, *lines in (
        (
            "accounts.csv",
            "id,name,email,currency,parent",
            "17,Zoë & Fils,ana@zoe.example,EUR,",
            "1799,Beta Works,b@beta.example,EUR,170017",
            "170017,Gamma Group,c@gamma.example,EUR,",
            "18,,x,nonsense,",
        ),
        (
            "subscriptions.csv",
            "id,account,seats,mrr,at",
            "s1,17,5,10,2026-01-01",
            "s2,1799,17,20,2026-01-01",
            "s3,170017,17,30,2026-01-01",
            "s4,nobody,17,1,2026-01-01",
        ),
        (
            "usage.csv",
            "account,day,metric,value",
            "17,2026-05-01,seats,5",
            "1799,2026-05-01,seats,17",
            "170017,2026-05-01,seats,17",
        ),
    ):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = tmp_path / "warehouse.duckdb"
    warehouse = DuckWarehouse(path)
    pull_and_stage([source(tmp_path)], warehouse, NOW)
    warehouse.close()
    return path


def forget(file: Path, id: str) -> tuple[Customer, DuckEraser]:
    """Take a customer out, by what the warehouse tells of it."""
    eraser = DuckEraser(file)
    told = eraser.told_of({id})
    customer = Customer("forgotten:1", frozenset({id}), units=told.units, names=told.names)
    eraser.erase(customer)
    eraser.compact()
    return customer, eraser


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    """Every row of a table, as text."""
    with duckdb.connect(str(file), read_only=True) as db:
        return sorted(db.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {table}").fetchall(), key=str)


@pytest.mark.parametrize(("id", "word"), [("17", "Zoë & Fils"), ("170017", "Gamma Group")])
def test_only_the_customer_goes(file: Path, id: str, word: str) -> None:
    """A number that stands for a quantity or within another id is no mention."""
    before = {table: rows(file, table) for table in TABLES}
    customer, eraser = forget(file, id)

    assert word in customer.names
    assert eraser.left(customer) == {}
    assert {table: len(before[table]) - len(rows(file, table)) for table in TABLES} == {
        "raw": 2,
        "accounts": 1,
        "subscriptions": 2,  # as it was told when it began, and as it is
        "usage": 1,
        "quarantine": 0,
        "raw_usage": 0,
    }
    assert not [row for row in rows(file, "accounts") if row[0] == id]


def test_no_byte_is_left_and_the_next_pull_works(file: Path, tmp_path: Path) -> None:
    """The file is written anew with all that staging needs."""
    customer, _ = forget(file, "170017")

    assert customer.names == {"Gamma Group", "gamma.example", "c@gamma.example"}
    held = file.read_bytes()
    assert not [word for word in customer.words if word.encode() in held]
    assert {path.name for path in tmp_path.glob("warehouse*")} == {"warehouse.duckdb"}
    assert file.stat().st_mode & 0o077 == 0
    warehouse = DuckWarehouse(file)
    pulled = pull_and_stage([source(tmp_path)], warehouse, NOW)
    warehouse.close()
    assert pulled.rows["accounts"] == 2


def test_a_subsidiary_loses_its_parent_only(file: Path) -> None:
    """In the canonical row and in the raw one."""
    forget(file, "170017")

    [beta] = [row for row in rows(file, "accounts") if row[0] == "1799"]
    assert "170017" not in str(beta)
    assert "Beta Works" in str(beta)
    assert "170017" not in str(rows(file, "raw"))


def test_what_others_are_called_too_is_no_sign(file: Path) -> None:
    """A name or an address that another account has proves nothing."""
    with duckdb.connect(str(file)) as db:
        db.execute("UPDATE accounts SET name = 'gamma group' WHERE account_id = '1799'")
        db.execute("UPDATE raw SET payload = replace(payload, 'b@beta.example', 'c@gamma.example') WHERE id = '1799'")

    assert DuckEraser(file).told_of({"170017"}).names == {"gamma.example"}


def test_a_compaction_that_was_cut_off_is_done_again(file: Path) -> None:
    """The half-written copy is thrown away; the database that stands is whole."""
    half = file.with_suffix(".forgetting")
    half.write_bytes(b"half a copy with Gamma Group")
    eraser = DuckEraser(file)
    eraser.compact()

    assert not half.exists()
    assert len(eraser.accounts()) == 3
