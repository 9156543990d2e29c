"""`connector audit` on the command line, over a real ledger."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import open_ledger
from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.config.settings import load_settings, shipped
from connector.domain.audit import Act, AuditRecord, Deed, first_broken
from connector.domain.change import Change, Destination, RecordType
from connector.domain.outbox import DeliveryState, OutboxEntry, entry_of

WHERE = "salesforce:00D1"
AT = datetime(2026, 9, 30, 12, tzinfo=UTC)
Run = Callable[..., int]


def deed(number: int, act: Act = Act.WRITE, account: str = "001A", by: str = "connector") -> Deed:
    at = AT + timedelta(days=number)
    fields = {"Amount": [None, str(100 * number)]}
    values = {"action": "update", "type": "opportunity", "fields": fields, "links": []}
    return Deed(at, by, act, f"run-{number}", f"{number:032x}", account, f"006{number}", values)


DEEDS = (deed(1), deed(2, account="001B"), deed(3, Act.APPROVE, "", "Ana"), deed(4))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command on a ledger whose trail holds four deeds."""
    monkeypatch.setenv("CONNECTOR_HOME", str(shipped()))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_CRM", "salesforce")
    with open_ledger(load_settings()) as memory:
        memory.destinations.remember(Destination("salesforce", "00D1"))
        memory.audit.note(WHERE, DEEDS)

    def started(*args: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", "audit", *args])
        return guarded(app)

    return started


def trail() -> list[AuditRecord]:
    with open_ledger(load_settings()) as memory:
        return list(memory.audit.records(WHERE))


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_list_gives_the_newest_first(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of four: the two newest, as JSON with their values, as a table with the fields' names."""
    assert run("list", "--limit", "2", "--json") == 0
    assert [one["number"] for one in told(capsys)["records"]] == [4, 3]

    assert run("list") == 0
    shown = capsys.readouterr().out
    assert "approve" in shown
    assert "Amount" in shown


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (("--act", "approve"), [3]),
        (("--by", "Ana"), [3]),
        (("--account", "001A"), [4, 1]),
        (("--run", "run-2"), [2]),
        (("--key", f"{2:032x}"), [2]),
        (("--since", "2026-10-02", "--until", "2026-10-03"), [3, 2]),
        (("--account", "001A", "--until", "2026-10-01"), [1]),
    ],
)
def test_filters(run: Run, capsys: pytest.CaptureFixture[str], filters: tuple[str, ...], numbers: list[int]) -> None:
    """Each filter narrows the list; a day means all of it."""
    assert run("list", "--json", *filters) == 0

    assert [one["number"] for one in told(capsys)["records"]] == numbers


def test_verify_proves_a_whole_chain(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole chain is told with its length and last hash."""
    assert run("verify", "--json") == 0

    assert told(capsys) | {"destination": WHERE} == {
        "destination": WHERE,
        "status": "whole",
        "records": 4,
        "hash": trail()[-1].hash,
    }


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit SET by = 'nobody' WHERE number = 2",
        "UPDATE audit_values SET content = '{}' WHERE number = 2",
        "DELETE FROM audit WHERE number = 2",
    ],
)
def test_verify_names_what_was_forged(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, forgery: str
) -> None:
    """Somebody who changes or removes a record in the database is found out: exit 2, with its number."""
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute(forgery)

    assert run("verify") == 2
    assert "broken at record 2" in capsys.readouterr().err


CUT = "DELETE FROM audit WHERE number > 2"
TO_SECOND = "hash = (SELECT hash FROM audit WHERE number = 2)"
SHORT = "ends at record 2 and had 4: records 3 to 4 were removed"


@pytest.mark.parametrize(
    ("forgeries", "why"),
    [
        ((CUT,), SHORT),
        ((CUT, "DELETE FROM audit_values WHERE number > 2"), SHORT),
        (("DELETE FROM audit",), "ends at record 0 and had 4"),
        ((CUT, "DELETE FROM audit_heads"), "broken at record 1"),
        ((f"UPDATE audit_heads SET number = 2, {TO_SECOND}",), "record 3"),
        (("UPDATE audit_heads SET hash = 'another'",), "broken at record 4"),
    ],
)
def test_verify_tells_a_trail_that_was_cut_off(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, forgeries: tuple[str, ...], why: str
) -> None:
    """Whoever removes the newest records, or what tells of the end, is found out: exit 2, with where and the cure."""
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        for forgery in forgeries:
            connection.execute(forgery)

    assert run("verify") == 2
    told = capsys.readouterr().err
    assert why in told
    assert "a backup from before" in told


def delivered(number: int) -> OutboxEntry:
    """The entry that a deed of the trail tells of."""
    one = deed(number)
    change = Change(f"opportunity:{one.subject}", "update", RecordType.OPPORTUNITY, one.subject, "001A", "Deal", "")
    entry = entry_of(change, WHERE, one.run_id, "sync", 0)
    return replace(entry.to(DeliveryState.SENDING).delivered(one.crm_id), changed_at=one.at)


@pytest.mark.parametrize(
    ("forgeries", "code", "told"),
    [
        ((), 0, ""),
        (
            (CUT, f"UPDATE audit_heads SET number = 2, {TO_SECOND}"),
            2,
            f"lacks one delivery, the first of {4:032x} by run run-4",
        ),
        (("DELETE FROM audit", "DELETE FROM audit_heads"), 2, "lacks 2 deliveries"),
    ],
)
def test_verify_knows_what_was_delivered(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, forgeries: tuple[str, ...], code: int, told: str
) -> None:
    """A trail that was cut together with what tells of its end lacks a delivery, and that is named."""
    with open_ledger(load_settings()) as memory:
        lease = memory.leases.take(WHERE, "me", 0, 60)
        assert lease is not None
        memory.outbox.commit(lease, [delivered(1), delivered(4)])
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        for forgery in forgeries:
            connection.execute(forgery)

    assert run("verify") == code
    assert told in capsys.readouterr().err


def test_export_as_jsonl_proves_itself(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is for its owner only, and holds all that the chain can be checked with."""
    file = tmp_path / "audit.jsonl"
    file.write_text("an older export that others could read")
    file.chmod(0o644)

    assert run("export", "--out", str(file)) == 0

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    again = [AuditRecord(**{**row, "at": datetime.fromisoformat(row["at"]), "act": Act(row["act"])}) for row in rows]
    assert again == trail()
    assert first_broken(again) is None
    assert "keep it safe" in capsys.readouterr().out


def test_export_as_csv_without_values(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file to hand on: who, what and when, and nothing that fields held."""
    file = tmp_path / "audit.csv"

    assert run("export", "--format", "csv", "--without-values", "--account", "001A", "--out", str(file), "--json") == 0

    assert told(capsys)["records"] == 2
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["number"] for row in rows] == ["1", "4"]
    assert "values" not in rows[0]
    assert "salt" not in rows[0]


def test_export_as_csv_with_values(run: Run, tmp_path: Path) -> None:
    """Values stand in one column, as JSON."""
    file = tmp_path / "audit.csv"

    assert run("export", "--format", "csv", "--out", str(file)) == 0

    with file.open(newline="") as lines:
        assert [json.loads(row["values"])["fields"] for row in csv.DictReader(lines)] == [
            one.values["fields"] for one in DEEDS
        ]


def test_erase_takes_the_values_and_leaves_the_chain(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What fields of the account held is gone; what was done stays, provably, with who erased it."""
    assert run("erase", "--account", "001A", "--by", "Ana Ruiz", "--yes", "--json") == 0

    assert told(capsys)["erased"] == 2
    records = trail()
    assert [one.values is None for one in records] == [True, False, False, True, False]
    assert first_broken(records) is None
    assert (records[-1].act, records[-1].by, records[-1].subject) == (Act.ERASE, "Ana Ruiz", "001A")
    assert run("list") == 0
    assert "erased" in capsys.readouterr().out


def test_a_script_has_to_agree(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks for JSON cannot be asked: without `--yes` nothing is erased, and the exit code says that it waits."""
    assert run("erase", "--account", "001A", "--by", "Ana Ruiz", "--json") == 4

    assert "--yes" in capsys.readouterr().out
    assert len(trail()) == 4


def test_erase_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much it is about is said before; a no leaves everything."""
    asked = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or _no())

    assert run("erase", "--account", "001A", "--by", "Ana Ruiz") == 75

    assert asked[0].startswith("2 records of salesforce:00D1 hold values about 001A.")
    assert len(trail()) == 4


def _no() -> None:
    import typer

    raise typer.Abort


@pytest.mark.parametrize(
    ("args", "cure"),
    [
        (("list", "--act", "wrote"), "write, approve"),
        (("list", "--since", "30.9.2026"), "2026-09-30"),
        (("export", "--out", "/nowhere/audit.jsonl"), "/nowhere/audit.jsonl"),
        (("export", "--out", "audit.xml", "--format", "xml"), "csv or jsonl"),
        (("erase", "--account", "001A"), "--by"),
        (("erase", "--account", "001A", "--by", " "), "--by"),
    ],
)
def test_refuses(run: Run, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], cure: str) -> None:
    """What leads nowhere ends with exit code 2 and its cure."""
    assert run(*args) == 2
    assert cure in capsys.readouterr().err
    assert len(trail()) == 4


def test_the_crm_is_asked_only_where_the_ledger_leaves_a_choice(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two orgs known, the one behind the credentials is meant, or the one that is named."""
    with open_ledger(load_settings()) as memory:
        memory.destinations.remember(Destination("salesforce", "00D2"))

    assert run("list", "--destination", "salesforce:00D2", "--json") == 0
    assert told(capsys)["records"] == []
    assert run("list") == 2  # no credentials are set
    assert "CONNECTOR_SALESFORCE__CONSUMER_KEY" in capsys.readouterr().err
    monkeypatch.setattr("connector.cli.destination._behind_credentials", lambda _: WHERE)
    assert run("list", "--json") == 0
    assert len(told(capsys)["records"]) == 4
