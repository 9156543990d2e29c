"""Checking, backing up and restoring a ledger, on both databases."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from filled_ledger import by_hand, content, fill
from postgres import fresh_database
from revisions import make_at_0001

from connector.adapters.ledger import Ledger, LedgerCare, this_process
from connector.adapters.ledger.database import NEWEST
from connector.domain.errors import LaterError, MendError
from connector.testing.clock import SimulatedClock
from connector.testing.contracts.ledger_world import HERE, deed, entry

SECOND_OPEN = """
INSERT INTO outbox SELECT 'other', destination, run_id, job, subject, state, sequence, attempts, tried_in, crm_id,
reason, refusal, change, ticket, changed_at, account_id, code, is_open FROM outbox WHERE subject = 'waits'
"""
LIVES_ON = {"life", "leases", "audit", "audit_heads", "audit_values"}
"""Tables that a restore does not take over as they are."""


@pytest.fixture
def care(url: str) -> Iterator[LedgerCare]:
    """A ledger with something in every table."""
    fill(url)
    with LedgerCare(url, SimulatedClock()) as opened:
        yield opened


def test_a_sound_ledger_has_no_problems(care: LedgerCare) -> None:
    """Erased values and open entries are no contradiction."""
    assert care.problems() == []


WORKS = f"works with {NEWEST}"
WRONG = {
    "unrecorded": (["DELETE FROM records"], "run-1/task:k created a record that the ledger does not know"),
    "stray receipts": (["DELETE FROM records"], "there are receipts of k, and no record"),
    "twice open": (
        ["DROP INDEX outbox_one_open_entry_per_subject", SECOND_OPEN],
        "waits of hubspot:1 has several open entries",
    ),
    "open or not": (
        ["UPDATE outbox SET is_open = FALSE WHERE subject = 'waits'"],
        "run-1/task:waits does not say whether it is open as its state does",
    ),
    "index": (["DROP INDEX outbox_one_open_entry_per_subject"], "outbox lacks the index outbox_one_open_entry"),
    "column": (["ALTER TABLE receipts DROP COLUMN rule"], "receipts lacks the column rule"),
    "table": (["DROP TABLE holds"], "the table holds is missing"),
    "entry": (["UPDATE outbox SET change = '{}' WHERE subject = 'waits'"], "run-1/task:waits cannot be read"),
    "plan": (["UPDATE plans SET document = '{}'"], "run-1 cannot be read"),
    "audit fact": (["UPDATE audit SET subject = 'x' WHERE number = 2"], "record 2 is not what was written"),
    "audit values": (["UPDATE audit_values SET content = '{}' WHERE number = 3"], "record 3 is not what was written"),
    "audit gap": (["DELETE FROM audit WHERE number = 2"], "record 2 is not what was written"),
    "audit cut short": (["DELETE FROM audit WHERE number = 3"], "record 3 is not what was written"),
    "audit gone": (["DELETE FROM audit"], "record 1 is not what was written"),
    "audit cut with its head": (
        [
            "UPDATE outbox SET changed_at = (SELECT at FROM audit WHERE number = 3) WHERE subject = 'k'",
            "DELETE FROM audit WHERE number > 1",
            "UPDATE audit_heads SET number = 1, hash = (SELECT hash FROM audit WHERE number = 1)",
        ],
        "audit trail of hubspot:1 lacks a delivery: k by run run-1",
    ),
    "audit head gone": (["DELETE FROM audit_heads"], "audit trail of hubspot:1 was changed"),
    "revision": (
        ["UPDATE alembic_version SET version_num = '0001'"],
        f"revision 0001, this connector works with {NEWEST}",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_must_not_be_is_found(care: LedgerCare, url: str, wrong: str) -> None:
    """Each thing done past the connector is named, with a cure."""
    statements, told = WRONG[wrong]
    by_hand(url, *statements)

    problems = care.problems()

    assert any(told in problem.message for problem in problems), problems
    assert all(problem.hint for problem in problems)


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    """Bytes that changed on the disk are told, not read as if nothing were."""
    path = tmp_path / "ledger.db"
    fill(f"sqlite:///{path}")
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 2048)

    with LedgerCare(f"sqlite:///{path}", SimulatedClock()) as care:
        try:
            problems = [problem.message for problem in care.problems()]
        except MendError as refused:
            problems = [str(refused)]

    assert "damaged" in problems[0]


def test_a_backup_holds_everything(care: LedgerCare, url: str, tmp_path: Path) -> None:
    """Every row of every table is in the file, which a connector opens as a ledger."""
    file = tmp_path / "backup.db"
    care.backup(file)

    stored = content(f"sqlite:///{file}")
    assert stored == content(url)
    assert all(stored.values())
    with LedgerCare(f"sqlite:///{file}", SimulatedClock()) as backup:
        assert backup.problems() == []


def test_a_backup_is_its_owners_alone(care: LedgerCare, tmp_path: Path) -> None:
    """One file of mode 0600, and nothing beside it."""
    folder = tmp_path / "backups"
    folder.mkdir()
    care.backup(folder / "ledger.db")

    assert [file.name for file in folder.iterdir()] == ["ledger.db"]
    assert stat.S_IMODE((folder / "ledger.db").stat().st_mode) == 0o600


def test_a_backup_replaces_nothing_unless_told(care: LedgerCare, tmp_path: Path) -> None:
    """A file that exists stays as it is, until --force."""
    file = tmp_path / "backup.db"
    file.write_text("mine")
    with pytest.raises(MendError, match="--force"):
        care.backup(file)
    assert file.read_text() == "mine"

    care.backup(file, force=True)

    assert file.read_bytes().startswith(b"SQLite format 3")


def test_a_backup_that_fails_leaves_nothing(care: LedgerCare, tmp_path: Path) -> None:
    """A folder that is not there is an error to mend; a half-written file does not stay."""
    with pytest.raises(MendError, match="cannot be written"):
        care.backup(tmp_path / "nowhere" / "backup.db")

    (tmp_path / "taken").mkdir()
    with pytest.raises(MendError, match="cannot be written"):
        care.backup(tmp_path / "taken", force=True)
    assert not list(tmp_path.glob(".*partial*"))


def test_a_backup_is_one_moment(care: LedgerCare, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while it runs is in it whole or not at all."""
    monkeypatch.setattr("connector.adapters.ledger.copying.PAGE", 2)  # so that writers come in between
    done = Event()

    def writes() -> None:
        with Ledger(url) as ledger:
            for number in range(500):
                if done.is_set():
                    return
                ledger.audit.note(HERE, [deed(f"{number}-a"), deed(f"{number}-b")])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(writes)
        files = [tmp_path / f"{number}.db" for number in range(3)]
        for file in files:
            care.backup(file)
        done.set()
        writing.result()

    for file in files:
        with LedgerCare(f"sqlite:///{file}", SimulatedClock()) as backup:
            assert backup.problems() == []


def test_a_restore_brings_everything_back(care: LedgerCare, url: str, tmp_path: Path) -> None:
    """What was done since the backup is gone, what stood then is there; plans of before are refused by a new epoch."""
    before, file = content(url), tmp_path / "backup.db"
    care.backup(file)
    by_hand(url, "DELETE FROM records", "UPDATE outbox SET job = 'x'", "DELETE FROM audit", "DELETE FROM mirror")

    care.restore(file, "Ana")

    after = content(url)
    assert {name: rows for name, rows in after.items() if name not in LIVES_ON} == {
        name: rows for name, rows in before.items() if name not in LIVES_ON
    }
    assert after["life"] != before["life"]
    assert len(after["audit"]) == len(before["audit"]) + 1
    assert set(before["audit"]) < set(after["audit"])
    assert any({"restore", "Ana"} <= set(row) for row in after["audit"])
    assert care.problems() == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_ledger_moves_to_another_database(care: LedgerCare, url: str, tmp_path: Path, kind: str) -> None:
    """A backup restores into a database of either kind, new ones included."""
    other = fresh_database() if kind == "postgresql" else f"sqlite:///{tmp_path / 'other.db'}"
    care.backup(tmp_path / "backup.db")

    with LedgerCare(other, SimulatedClock()) as target:
        target.restore(tmp_path / "backup.db", "Ana")
        assert target.problems() == []

    assert content(other, LIVES_ON) == content(url, LIVES_ON)


def test_a_backup_of_an_earlier_revision_is_restored(untouched: str, tmp_path: Path) -> None:
    """It is brought up to date on the way; the file stays as it was."""
    file = tmp_path / "old.db"
    make_at_0001(f"sqlite:///{file}")
    before = file.read_bytes()

    with LedgerCare(untouched, SimulatedClock()) as care:
        care.restore(file, "Ana")
        assert care.revision() == NEWEST
        assert care.problems() == []

    assert file.read_bytes() == before


def test_who_delivered_before_a_restore_is_fenced_off(care: LedgerCare, url: str, tmp_path: Path) -> None:
    """A process that slept over the restore finds its lease gone, though the backup knew a smaller token."""
    care.backup(tmp_path / "backup.db")
    with Ledger(url) as ledger:
        sleeper = ledger.leases.take(HERE, "me", 1000.0, 1.0)
        assert sleeper is not None
        with LedgerCare(url, SimulatedClock(5000.0)) as later:
            later.restore(tmp_path / "backup.db", "Ana")

        with pytest.raises(LaterError, match="took over"):
            ledger.outbox.commit(sleeper, [entry("late")])
        mine = ledger.leases.take(HERE, "you", 5000.0, 60.0)
        assert mine is not None
        assert mine.token > sleeper.token


def test_nothing_is_restored_while_somebody_delivers(care: LedgerCare, url: str, tmp_path: Path) -> None:
    """The delivery goes on; the restore says to come back later."""
    care.backup(tmp_path / "backup.db")
    with Ledger(url) as ledger:
        lease = ledger.leases.take(HERE, this_process(), SimulatedClock().now(), 60.0)
        assert lease is not None
        with pytest.raises(LaterError, match="delivers to hubspot:1"):
            care.restore(tmp_path / "backup.db", "Ana")

        ledger.outbox.commit(lease, [entry("goes on")])


def test_what_is_no_backup_is_refused_and_changes_nothing(care: LedgerCare, url: str, tmp_path: Path) -> None:
    """A missing file, another file, another database: each is named, and the ledger stays."""
    before = content(url)
    (tmp_path / "text.db").write_text("no database" * 1000)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE something (a)")

    for name, told in [("missing.db", "no such file"), ("text.db", "no backup"), ("other.db", "no ledger")]:
        with pytest.raises(MendError, match=told):
            care.restore(tmp_path / name, "Ana")

    assert content(url) == before
