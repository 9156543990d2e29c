"""Keys, tokens and people's addresses stay where they are: in no output, crash file, plan or ledger summary."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow.parquet as pq
import pytest

from connector.sandbox.control import Fault
from connector.services import run as run_service
from tests.e2e.running import Processes, Ran
from tests.e2e.world import World

SECRET = ("API_KEY", "ACCESS_TOKEN", "CONSUMER_KEY", "CONSUMER_SECRET")


def secrets(world: World) -> set[str]:
    """Everything that must not be seen: keys of the environment, the private key, every address in billing and CRM."""
    found = {value for name, value in world.env.items() if name.endswith(SECRET)}
    pem = Path(world.env["CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE"]).read_text("utf-8")
    found |= {line for line in pem.splitlines() if len(line) > 40}
    crm = world.company.crm
    found |= {owner.email for owner in crm.owners}
    return found | {contact.email for contact in crm.contacts if contact.email}


def leak(world: World) -> str:
    """A text in which every secret stands, the private key whole as its file holds it."""
    pem = Path(world.env["CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE"]).read_text("utf-8")
    return " ".join([*sorted(secret for secret in secrets(world) if secret not in pem), pem])


def seen(world: World, *ran: Ran) -> str:
    """What a person or a log may see of some commands: output, crash files, and what the ledger says of its runs."""
    files = [file.read_text("utf-8") for file in world.state.glob("crash-*.txt")]
    with sqlite3.connect(world.state / "ledger.db") as ledger:
        summaries = [str(row) for row in ledger.execute("SELECT * FROM runs")]
    return "\n".join([*files, *summaries, *(one.out + one.err for one in ran)])


def shown(world: World, text: str) -> list[str]:
    """The secrets that stand in a text."""
    return sorted(secret for secret in secrets(world) if secret in text)


def leaked(world: World, file: Path) -> list[str]:
    """The secrets that a file holds; addresses may stand in the raw rows of billing, and nowhere else."""
    keys = [secret for secret in secrets(world) if "@" not in secret]
    addresses = [secret for secret in secrets(world) if "@" in secret and not file.name.startswith("warehouse.")]
    held = file.read_bytes()
    if file.suffix == ".parquet":  # its columns are compressed
        held = str(pq.read_table(file).to_pylist()).encode()
    elif file.name == "warehouse.duckdb":
        with duckdb.connect(str(file), read_only=True) as rows:
            tables = [name for (name,) in rows.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            texts = (rows.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {name}").fetchall() for name in tables)
            held += "".join(map(str, texts)).encode()
    return [secret for secret in [*keys, *addresses] if secret.encode() in held]


def test_a_run_that_succeeds_shows_no_secret(installed: World) -> None:
    """Neither its output in both forms, nor its plan, nor what the ledger keeps of it."""
    file = installed.folder / "plan.json"
    plan = installed.run("plan", "--out", str(file))
    ran = installed.run("sync"), installed.run("sync", "--json"), installed.run("check", "--live")
    listed = installed.run("link", "list", "--json")

    assert [one.code for one in (plan, *ran, listed)] == [0] * 5
    assert secrets(installed)
    assert not shown(installed, seen(installed, plan, *ran, listed))
    assert not shown(installed, file.read_text("utf-8"))


def test_a_whole_day_at_debug_level_writes_no_secret(installed: World, processes: Processes) -> None:
    """Every byte that real processes print, log and leave behind: no key, and no address outside of raw billing."""
    env = {**installed.environment(), "CONNECTOR_LOG": "debug"}
    plan, told = installed.folder / "plan.json", installed.folder / "told"
    job = ("run", "--once")
    for number, args in enumerate([("check", "--live"), ("plan", "--out", str(plan)), ("sync", "--json"), job]):
        folder = told / str(number)
        folder.mkdir(parents=True)
        process = processes.start(args, env, folder)
        process.join(300)
        assert process.exitcode == 0, (folder / "err.txt").read_text("utf-8")[-2000:]

    logged = "".join(file.read_text("utf-8") for file in sorted(told.glob("*/err.txt")))
    assert "DEBUG urllib3.connectionpool" in logged, "nothing was logged: the scan would prove nothing"
    files = [
        file for folder in (told, installed.state, plan) for file in (folder, *folder.rglob("*")) if file.is_file()
    ]
    names = {file.name for file in files}
    assert {"ledger.db", "warehouse.duckdb", "signals.parquet", "plan.json", "out.txt"} <= names
    found = {(secret, file.name) for file in files for secret in leaked(installed, file)}
    assert not found


@pytest.mark.parametrize("arguments", [("sync",), ("sync", "--json")])
def test_a_bug_shows_no_secret(installed: World, arguments: tuple[str, ...]) -> None:
    """A crash's message and file are redacted, even if the error itself carries every secret."""

    def broken(*_: object) -> None:
        raise RuntimeError(leak(installed))

    installed.kept = None
    with patch.object(run_service, "pull_and_stage", broken):
        ran = installed.run(*arguments)

    assert ran.code == 1
    assert list(installed.state.glob("crash-*.txt"))
    assert not shown(installed, seen(installed, ran))


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusing_crm_shows_no_secret(installed: World, status: int) -> None:
    """The vendor repeats a token in its answer; the message does not."""
    body = {"message": f"bad token {leak(installed)}", "errorCode": "INVALID"}
    installed.side.control.faults.append(Fault(times=500, status=status, body=body))

    ran = installed.run("sync"), installed.run("sync", "--json")

    assert {one.code for one in ran} <= {2, 75}
    assert not shown(installed, seen(installed, *ran))


def test_a_refused_record_shows_no_secret(installed: World) -> None:
    """What a CRM says about one record is shown in part, redacted: an address in it is not."""
    writes = "batch/upsert|composite/sobjects"
    body = {"message": f"owner {installed.company.crm.owners[0].email} may not", "category": "VALIDATION_ERROR"}
    told = body if installed.side.crm == "hubspot" else [{**body, "errorCode": "FIELD_INTEGRITY_EXCEPTION"}]
    installed.side.control.faults.append(Fault(path=writes, method="POST|PATCH", times=500, status=400, body=told))

    ran = installed.run("sync"), installed.run("sync", "--json")

    assert {one.code for one in ran} == {3}
    assert json.loads(ran[1].out)["delivered"]["parked"] > 0
    assert not shown(installed, seen(installed, *ran))
