"""`connector ledger migrate|check|backup|restore` as people call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from filled_ledger import by_hand, fill
from revisions import make_at_0001

from connector.adapters.ledger import Ledger
from connector.adapters.ledger.database import NEWEST
from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.domain.change import RecordType

Run = Callable[..., int]
Say = Callable[[], Any]


@pytest.fixture
def run(untouched: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a ledger command on the database."""
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CONNECTOR_LEDGER_URL", untouched)

    def started(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", "ledger", *words])
        return guarded(app)

    return started


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Say:
    """Read the one JSON object that the last command printed."""
    return lambda: json.loads(capsys.readouterr().out)


def test_migrate_says_from_and_to(run: Run, untouched: str, said: Say) -> None:
    """An old ledger is only told of with --check, then brought up to date, and then left alone."""
    make_at_0001(untouched)
    assert run("migrate", "--check", "--json") == 2
    assert "revision 0001" in said()["errors"][0]["message"]

    assert run("migrate", "--json") == 0
    told = said()
    assert (told["from"], told["to"], told["changed"]) == ("0001", NEWEST, True)
    assert run("migrate", "--check", "--json") == 0
    assert said()["changed"] is False


def test_check_names_every_problem_and_cure(run: Run, untouched: str, said: Say) -> None:
    """A sound ledger ends with 0, one that was changed by hand with 2 and what to do."""
    fill(untouched)
    assert run("check", "--json") == 0
    assert said()["status"] == "ok"
    by_hand(untouched, "DELETE FROM records", "DELETE FROM audit WHERE number = 3")

    assert run("check", "--json") == 2

    errors = said()["errors"]
    assert [error["at"] for error in errors] == ["records", "receipts", "audit"]
    assert all(error["hint"] for error in errors)


def test_backup_and_restore(run: Run, untouched: str, tmp_path: Path, said: Say) -> None:
    """A backup is taken, is not overwritten by accident, and brings the ledger back."""
    fill(untouched)
    file = tmp_path / "backup.db"
    assert run("backup", str(file), "--json") == 0
    assert said()["bytes"] == file.stat().st_size
    assert run("backup", str(file), "--json") == 2
    assert "--force" in said()["errors"][0]["hint"]
    by_hand(untouched, "DELETE FROM records")

    assert run("restore", str(file), "--yes", "--json") == 0

    assert said()["file"] == str(file)
    with Ledger(untouched) as ledger:
        assert set(ledger.receipts.records("hubspot:1")) == {"k"}
    assert run("check") == 0


def test_restore_asks_first(run: Run, untouched: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes a person is asked; a no changes nothing."""
    fill(untouched)
    file = tmp_path / "backup.db"
    assert run("backup", str(file)) == 0
    by_hand(untouched, "DELETE FROM mirror")
    monkeypatch.setattr("typer.confirm", _says_no)

    assert run("restore", str(file)) == 75

    with Ledger(untouched) as ledger:
        assert ledger.destinations.all()
        assert not ledger.mirror.records("hubspot:1", RecordType.TASK)


def _says_no(question: str, abort: bool) -> None:
    assert question.startswith("Replace everything in")
    assert abort
    raise typer.Abort


def test_nothing_is_made_by_looking(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Say) -> None:
    """`check` where there is no ledger says so and leaves no file."""
    monkeypatch.setenv("CONNECTOR_LEDGER_URL", f"sqlite:///{tmp_path / 'none.db'}")

    for words in (("check",), ("migrate", "--check"), ("backup", str(tmp_path / "b.db"))):
        assert run(*words, "--json") == 2
        assert said()["errors"][0]["message"] == "there is no ledger yet"
    assert not (tmp_path / "none.db").exists()
