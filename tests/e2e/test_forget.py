"""A customer that asks to be forgotten is: in every store, for good, while everything else stays as it was."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.e2e.world import CHECKOUT, Site, World

BY = ("--by", "Ana Ruiz")
HUBSPOT = pytest.mark.parametrize("crm", ["hubspot"])
DIES = """
import os, signal, sys
from importlib import import_module
module, owner, name, when = sys.argv[1:5]
place = getattr(import_module(module), owner) if owner else import_module(module)
real = getattr(place, name)
def dying(*args, **more):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args, **more)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(place, name, dying)
from connector.cli.app import app
from connector.cli.boundary import guarded
sys.argv = ["connector", *sys.argv[5:]]
sys.exit(int(guarded(app)))
"""


@dataclass(frozen=True)
class Whom:
    """A customer with proposals, and what it is known by, read from the company itself."""

    billing: str
    crm: str
    name: str
    words: frozenset[str]


def lived(site: Site, crm: str, folder: Path) -> World:
    """A CRM and a state folder after a sync that pulled everything itself; made once."""
    if (crm, "lived") not in site.moments:
        first = site.at(crm, "installed", Path(tempfile.mkdtemp(prefix=f"{crm}-lived-", dir=site.scratch)))
        first.sync(fresh=True)
        site.moments[crm, "lived"] = first.side.saved(), first.state
    return site.at(crm, "lived", folder)


@pytest.fixture
def synced(site: Site, crm: str, tmp_path: Path) -> World:
    """A world after a first delivery, whose warehouse holds what was pulled."""
    return lived(site, crm, tmp_path)


def whom(world: World) -> Whom:
    """The customer that most was written about."""
    with sqlite3.connect(world.state / "ledger.db") as ledger:
        most = "SELECT account_id FROM outbox GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        [(crm,)] = ledger.execute(most).fetchall()
        [(billing, name)] = ledger.execute("SELECT billing_id, billing_name FROM links WHERE crm_id = ?", [crm])
        contacts = {id for id, links in ledger.execute("SELECT crm_id, links FROM mirror") if crm in links}
    with duckdb.connect(str(world.state / "warehouse.duckdb"), read_only=True) as rows:
        mine = rows.execute("SELECT id FROM raw WHERE contains(payload, ?)", [f'"{billing}"']).fetchall()
        [(domain,)] = rows.execute("SELECT domain FROM accounts WHERE account_id = ?", [billing]).fetchall()
    people = {one.email for one in world.company.crm.contacts if one.email and domain and one.email.endswith(domain)}
    words = {billing, crm, name, domain, *people, *contacts, *(id for (id,) in mine)}
    return Whom(billing, crm, name, frozenset(word for word in words if word))


def found(world: World, words: frozenset[str]) -> set[tuple[str, str]]:
    """Look for words in every byte of the state folder, and in what is compressed there."""
    hits = set()
    for file in (file for file in world.state.rglob("*") if file.is_file()):
        held = file.read_bytes()
        if file.suffix == ".parquet":
            held += str(pq.read_table(file).to_pylist()).encode()
        if file.name == "warehouse.duckdb":
            with duckdb.connect(str(file), read_only=True) as rows:
                for (table,) in rows.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    every = rows.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {table}").fetchall()
                    held += str(every).encode() + json.dumps(every).encode()
        hits |= {
            (word, file.name) for word in words if word.encode() in held or json.dumps(word)[1:-1].encode() in held
        }
    return hits


def plant(world: World, one: Whom) -> None:
    """Put the customer where a quiet day would not: a plan that waits, set-aside rows, a crash, a subsidiary."""
    assert world.run("plan", fresh=True).code == 0
    (world.state / "crash-20260930T060000-1.txt").write_text(f"ValueError: {one.name} is no number", "utf-8")
    (world.state / "crash-20260930T070000-1.txt").write_text("ValueError: another", "utf-8")
    with duckdb.connect(str(world.state / "warehouse.duckdb")) as rows:
        aside = json.dumps({"text": f"{one.billing};{one.name};x"})
        rows.execute(
            "INSERT INTO quarantine BY NAME SELECT 'accounts' AS stream, 'files' AS source, 'a.csv:3' AS row,"
            " 'malformed' AS reason, 'x' AS detail, ? AS payload, now() AS seen_at,"
            " 'accounts' AS unit_stream, 'a' AS unit_id",
            [aside],
        )
        rows.execute("INSERT INTO cursors VALUES ('stripe', 'planted', ?)", [json.dumps({"after": one.billing})])
        other = "SELECT account_id FROM accounts WHERE account_id <> ? ORDER BY 1 LIMIT 1"
        [(subsidiary,)] = rows.execute(other, [one.billing]).fetchall()
        rows.execute("UPDATE accounts SET parent_id = ? WHERE account_id = ?", [one.billing, subsidiary])


def others(world: World, one: Whom) -> dict[str, int]:
    """Count what the ledger holds of everybody else."""
    with sqlite3.connect(world.state / "ledger.db") as ledger:
        counts = {
            table: ledger.execute(f"SELECT count(*) FROM {table} WHERE account_id <> ?", [one.crm]).fetchone()[0]
            for table in ("records", "episodes", "outbox")
        }
        links = ledger.execute("SELECT count(*) FROM links WHERE billing_id <> ?", [one.billing]).fetchone()[0]
    return {**counts, "links": links}


def test_nothing_is_left_of_a_forgotten_customer(synced: World) -> None:
    """Every byte of the state folder; what is known of the others, and the audit trail, stay whole."""
    one = whom(synced)
    plant(synced, one)
    before = others(synced, one)
    assert {file for _, file in found(synced, one.words)} >= {"ledger.db", "warehouse.duckdb", "decisions.parquet"}

    ran = synced.run("forget", one.name.upper(), *BY, "--yes", "--json")

    assert ran.code == 0, ran.out + ran.err
    assert (ran.json["status"], ran.json["found"], ran.json["left"]) == ("forgotten", 0, {})
    assert ran.json["billing"] == [one.billing]
    assert found(synced, one.words) == set()
    assert others(synced, one) == before
    assert (synced.state / "crash-20260930T070000-1.txt").exists()
    assert synced.run("audit", "verify").code == 0
    assert synced.run("ledger", "check").code == 0
    [deed] = synced.run("audit", "list", "--act", "forget", "--json").json["records"]
    assert deed["by"] == "Ana Ruiz"


def test_a_forgotten_customer_never_comes_back(synced: World) -> None:
    """A pull from the very beginning leaves it out, nothing is written to its CRM records, and the rest goes on.

    Its place in somebody's week is free: a play of another customer may take it.
    """
    one = whom(synced)
    assert synced.run("forget", one.crm, *BY, "--yes").code == 0
    (synced.state / "warehouse.duckdb").unlink()
    opportunities = len(synced.side.ours("opportunity"))

    told = synced.sync(fresh=True)

    assert found(synced, one.words) == set()
    assert "unexplained" not in told["mrr"]["why"]
    assert (told["plan"]["update"], told["plan"]["close"]) == (0, 0)
    assert len(synced.side.ours("opportunity")) == opportunities
    assert not [request for request in synced.side.control.requests if one.crm in str(request)]


def test_a_plan_from_before_does_not_write_to_it(installed: World) -> None:
    """What somebody approves afterwards goes on without the customer."""
    file = installed.folder / "plan.json"
    assert installed.run("plan", "--out", str(file)).code == 0
    planned = json.loads(file.read_text("utf-8"))
    crm = next(change["account_id"] for change in planned["changes"] if change["action"] == "create")
    assert installed.run("forget", crm, *BY, "--yes").code == 0

    refused = installed.run("apply", str(file), "--yes")
    told = installed.sync(fresh=True)

    assert refused.code == 2
    assert told["delivered"]["ok"] > 0
    with sqlite3.connect(installed.state / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM outbox WHERE account_id = ?", [crm]).fetchone() == (0,)


@HUBSPOT
def test_a_rebuilt_ledger_does_not_learn_of_it_again(synced: World) -> None:
    """What the CRM still shows of it is not read back."""
    one = whom(synced)
    assert synced.run("forget", one.billing, *BY, "--yes").code == 0

    ran = synced.run("ledger", "rebuild", "--force", "--yes", *BY)

    assert ran.code == 0, ran.err
    assert found(synced, one.words) == set()


@HUBSPOT
def test_a_restored_backup_keeps_who_was_forgotten(synced: World) -> None:
    """The backup from before brings the customer's rows back, so it is forgotten once more; no run writes meanwhile."""
    one = whom(synced)
    backup = synced.folder / "backup.db"
    assert synced.run("ledger", "backup", str(backup)).code == 0
    assert synced.run("forget", one.billing, *BY, "--yes").code == 0
    assert synced.run("ledger", "restore", str(backup), "--yes").code == 0

    again = synced.run("forget", one.billing, *BY, "--yes", "--json")

    assert again.code == 0, again.err
    assert again.json["status"] == "forgotten"
    assert found(synced, one.words) == set()


@HUBSPOT
@pytest.mark.parametrize(
    "death",
    [
        ("connector.adapters.ledger.notes", "SqlSuppressions", "add", "after"),
        ("connector.adapters.ledger.notes", "SqlNotes", "put", "after"),
        ("connector.adapters.warehouse.erasing", "", "_blank_payloads", "after"),
        ("connector.adapters.warehouse", "DuckEraser", "erase", "after"),
        ("os", "", "fsync", "before"),
        ("connector.adapters.warehouse", "DuckEraser", "compact", "after"),
        ("connector.services.snapshot", "", "forget", "after"),
        ("connector.adapters.ledger.forgetting", "", "_blank_summaries", "after"),
        ("connector.adapters.ledger.forgetting", "SqlForgetting", "erase", "after"),
        ("connector.adapters.ledger.notes", "SqlNotes", "drop", "after"),
        ("connector.adapters.ledger.forgetting", "SqlForgetting", "compact", "after"),
    ],
    ids="-".join,
)
def test_a_forgetting_that_was_killed_is_completed(
    site: Site, crm: str, tmp_path: Path, death: tuple[str, ...]
) -> None:
    """Killed at any of its steps, the same command goes on, whatever was erased already."""
    world = lived(site, crm, tmp_path)
    one = whom(world)
    words = [*BY, "--yes"]
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("CONNECTOR_")}, **world.environment()}
    died = subprocess.run(
        [sys.executable, "-c", DIES, *death, "forget", one.billing, *words], env=env, cwd=CHECKOUT, check=False
    )
    assert died.returncode == -signal.SIGKILL
    if death[2:] == ("erase", "after"):
        left = world.run("ledger", "check")
        assert (left.code, "call it again: `connector forget cus_" in left.out + left.err) == (2, True)

    ran = world.run("forget", one.billing, *words)

    assert ran.code == 0, ran.out + ran.err
    assert found(world, one.words) == set()
    assert world.run("audit", "verify").code == 0
    assert world.run("ledger", "check").code == 0


@HUBSPOT
def test_only_a_look_erases_nothing(synced: World) -> None:
    """--dry-run names what would go and what the CRM keeps; without agreement nothing happens either."""
    one = whom(synced)
    before = found(synced, one.words)

    looked = synced.run("forget", one.billing, *BY, "--dry-run", "--json")
    asked = synced.run("forget", one.billing, *BY, "--json")

    assert (looked.code, looked.json["status"]) == (0, "planned")
    assert list(looked.json["crm"].values()) == [[one.crm]]
    assert asked.code == 4
    assert found(synced, one.words) == before
    assert all(looked.json["stays_in_crm"].values())


@HUBSPOT
def test_a_duplicate_is_named_and_not_touched(synced: World) -> None:
    """Another customer of the same name may be another company: people decide."""
    with sqlite3.connect(synced.state / "ledger.db") as ledger:
        same = (
            "SELECT a.billing_id, b.billing_id FROM links a JOIN links b"
            " ON lower(a.billing_name) = lower(b.billing_name) WHERE a.billing_id < b.billing_id AND a.crm_id IS NULL"
        )
        [(first, second), *_] = ledger.execute(same).fetchall()

    by_name = synced.run("forget", "dumarais distribution sa", *BY, "--yes")
    ran = synced.run("forget", first, *BY, "--yes", "--json")

    assert (by_name.code, f"give an id: {first}, {second}" in by_name.err) == (2, True)
    assert (ran.code, ran.json["found"]) == (0, 0)
    assert [one.split()[0] for one in ran.json["same_name"] if one.startswith("cus_")] == [second]
    with sqlite3.connect(synced.state / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM links WHERE billing_id = ?", [second]).fetchone() == (1,)


@HUBSPOT
@pytest.mark.parametrize(
    ("named", "code", "said"),
    [("Ottersbrg Gesundheit", 2, "did you mean"), ("", 2, "no customer"), ("cus_nobody'; --", 2, "no customer")],
)
def test_a_name_that_nobody_has_is_refused(synced: World, named: str, code: int, said: str) -> None:
    """With what was probably meant."""
    ran = synced.run("forget", named, *BY, "--yes")

    assert ran.code == code
    assert said in ran.err


@HUBSPOT
def test_it_waits_for_nobody_that_delivers(synced: World) -> None:
    """While another process delivers, nothing is erased, and the exit code says to come back."""
    one = whom(synced)
    with sqlite3.connect(synced.state / "ledger.db") as ledger:
        ledger.execute("UPDATE leases SET holder = 'elsewhere|1|1', expires = 9e12")
    before = found(synced, one.words)

    ran = synced.run("forget", one.billing, *BY, "--yes")

    assert ran.code == 75
    assert found(synced, one.words) == before
