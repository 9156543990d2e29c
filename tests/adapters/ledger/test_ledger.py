"""What only this adapter can promise: how it opens, and what it says when its database does not play along."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import postgres
import pytest
import sqlalchemy as sa
from postgres import fresh_ledger, url_of

from connector.adapters.clock import SystemClock
from connector.adapters.ledger import Ledger, this_process
from connector.adapters.ledger import postgresql as postgresql_module
from connector.adapters.ledger.holder import is_dead
from connector.adapters.ledger.postgresql import postgresql_engine
from connector.domain.change import RecordType
from connector.domain.errors import ConfigError, CredentialError, MendError, UnreachableError
from connector.domain.receipt import KnownRecord, Receipt
from connector.testing.contracts.ledger_world import HERE, deed, entry

PASSWORD = "s3cret-pass"
DIES = """
import os, signal, sys
from connector.adapters.ledger import Ledger
from connector.testing.contracts.ledger_world import HERE, deed, entry

class Deadly(list):
    def __iter__(self):
        yield deed("1")
        os.kill(os.getpid(), signal.SIGKILL)

with Ledger(sys.argv[1]) as ledger:
    lease = ledger.leases.take(HERE, "me", 0.0, 60.0)
    ledger.outbox.commit(lease, [entry("before")])
    ledger.outbox.commit(lease, [entry("killed")], deeds=Deadly([None]))
"""


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger(url) as opened:
        yield opened


def test_a_process_killed_in_the_middle_of_a_commit_leaves_nothing_of_it(url: str) -> None:
    """After SIGKILL between two statements the commits before stand, this one does not, and the next gets its turn."""
    died = subprocess.run([sys.executable, "-c", DIES, url], capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr

    with Ledger(url) as ledger:
        lease = ledger.leases.take(HERE, "you", 61.0, 60.0)
        assert lease is not None
        ledger.outbox.commit(lease, [entry("after")])
        assert [one.subject for one in ledger.outbox.entries(HERE)] == ["after", "before"]
        assert list(ledger.audit.records(HERE)) == []


def test_the_lease_of_a_dead_process_is_free_at_once(ledger: Ledger) -> None:
    """On one machine a killed holder is recognised; this process is not taken for dead."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("only /proc tells whether a process lives")
    code = "from connector.adapters.ledger import this_process; print(this_process())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert ledger.leases.take(HERE, dead, 0.0, 300.0) is not None

    mine = ledger.leases.take(HERE, this_process(), 1.0, 300.0)

    assert mine is not None
    assert not is_dead(this_process())
    assert not is_dead("another-machine/boot/ns|1|1")


def test_a_character_that_a_database_cannot_hold_stops_nothing(ledger: Ledger) -> None:
    """A NUL in a text of the CRM is stored as it is, or marked; everything around it is kept."""
    lease = ledger.leases.take(HERE, "me", 0.0, 60.0)
    assert lease is not None
    receipts = {"a": Receipt("x\0y", None, run_id="r")}
    ledger.outbox.commit(lease, known=[KnownRecord("k", RecordType.TASK, "9", "a", receipts=receipts)])

    stored = ledger.receipts.records(HERE)["k"].receipts["a"].sent
    assert stored in ("x\0y", "x\ufffdy")


def test_a_server_that_restarts_is_no_failure() -> None:
    """Connections that broke while nobody used them are replaced."""
    url = fresh_ledger()
    with Ledger(url) as ledger:
        epoch = ledger.destinations.epoch()
        postgres.disconnect_all(url)

        assert ledger.destinations.epoch() == epoch


def test_a_connection_that_was_reset_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the system tells of the break by an error of the socket and not by an end."""
    with Ledger(fresh_ledger()) as ledger:
        epoch = ledger.destinations.epoch()
        _reset_next_answer(monkeypatch)

        assert ledger.destinations.epoch() == epoch


def test_a_reset_in_the_middle_of_a_transaction_is_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says to try again, and the next transaction has a connection that works."""
    with Ledger(fresh_ledger()) as ledger:

        def write() -> None:
            with ledger.leases._database.write() as connection:
                _reset_next_answer(monkeypatch)
                connection.exec_driver_sql("SELECT 1")

        with pytest.raises(UnreachableError, match=r"network error: .*reset by peer"):
            write()

        ledger.destinations.epoch()


def _reset_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from pg8000 import core

    read = core._read

    def reset(_socket: object, _size: int) -> bytes:
        monkeypatch.setattr(core, "_read", read)
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(core, "_read", reset)


def test_a_connection_cut_in_the_middle_of_a_commit_is_for_later() -> None:
    """It ends in an error that says to try again, and leaves nothing half-written."""
    url = fresh_ledger()
    with Ledger(url) as ledger:
        lease = ledger.leases.take(HERE, "me", 0.0, 60.0)
        assert lease is not None

        class Cutting(list[object]):
            def __iter__(self) -> Iterator[object]:
                postgres.disconnect_all(url)
                yield deed("1")

        with pytest.raises(UnreachableError, match="rolled back"):
            ledger.outbox.commit(lease, [entry()], deeds=Cutting([None]))  # type: ignore[arg-type]

        assert ledger.outbox.entries(HERE) == []
        ledger.outbox.commit(lease, [entry()])


def test_a_writer_that_waits_too_long_is_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that stands still keeps the next one waiting a while; then that one is told to try again."""
    url = fresh_ledger()
    with Ledger(url) as still:
        monkeypatch.setattr(postgresql_module, "PREPARE", "SET lock_timeout = '50ms'")
        with (
            Ledger(url) as waits,
            still.leases._database.write(),
            pytest.raises(UnreachableError, match="lock timeout"),
        ):
            waits.destinations.epoch()


def test_a_locked_file_is_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite says that the database is locked, and the operator what to look at."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger(url) as still:
        monkeypatch.setattr("connector.adapters.ledger.database.BUSY_SECONDS", 0.05)
        with Ledger(url) as waits, still.leases._database.write(), pytest.raises(UnreachableError, match="is locked"):
            waits.destinations.epoch()


def test_readers_do_not_wait_for_a_writer(ledger: Ledger, url: str) -> None:
    """While one process writes, others read what stood before."""
    epoch = ledger.destinations.epoch()
    with Ledger(url) as reader, ledger.leases._database.write():
        assert reader.mirror.cursor(HERE, RecordType.TASK) is None
        assert reader.outbox.entries(HERE) == []
    assert ledger.destinations.epoch() == epoch


@pytest.mark.parametrize("bad", ["ledger.db", "oracle+nothing://x", "mysql-ish://", "postgresql+nothing://me@db/x"])
def test_a_url_that_is_none_says_how_to_write_one(bad: str) -> None:
    """The setting is named, with an example."""
    with pytest.raises(ConfigError, match=r"CONNECTOR_LEDGER_URL.*\n.*sqlite:////path"):
        Ledger(bad)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+pg8000"])
def test_postgresql_means_the_driver_that_is_installed(scheme: str) -> None:
    """However the URL is written, the pure Python driver is used."""
    engine = postgresql_engine(sa.make_url(f"{scheme}://me@db/ledger?sslmode=require"))

    assert engine.dialect.loaded_dbapi.__name__ == "pg8000"


def test_a_socket_folder_is_understood_as_libpq_writes_it() -> None:
    """`?host=/folder` opens the server's socket in that folder."""
    url = sa.make_url(fresh_ledger())
    folder = Path(str(url.query["unix_sock"])).parent

    with Ledger(f"postgresql://postgres@/{url.database}?host={folder}") as ledger:
        assert ledger.destinations.epoch()


@pytest.mark.parametrize(
    ("query", "told"),
    [("sslmode=allow", "sslmode=require"), ("target_session_attrs=any", "target_session_attrs")],
)
def test_a_parameter_that_cannot_be_held_to_is_refused(query: str, told: str) -> None:
    """Nothing in the URL is left aside in silence."""
    with pytest.raises(ConfigError, match=told):
        Ledger(f"postgresql://me@db/ledger?{query}")


def test_a_missing_driver_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra to install stands in the message."""
    monkeypatch.setitem(sys.modules, "pg8000", None)

    with pytest.raises(ConfigError, match=r'pip install "expansion-connector\[postgresql\]"'):
        Ledger("postgresql://me@db/ledger")


def _guarded(database: str, password: str) -> str:
    socket = sa.make_url(url_of(database)).query["unix_sock"]
    return f"postgresql://guarded:{password}@/{database}?unix_sock={socket}"


@pytest.fixture(scope="module")
def guarded_role() -> None:
    """A role that needs a password and owns nothing."""
    postgres.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")


@pytest.mark.usefixtures("guarded_role")
def test_refused_credentials_are_to_mend_and_never_shown() -> None:
    """Wrong password, no such database, no right to make tables: each is named, and no password with it."""
    empty = str(sa.make_url(postgres.fresh_database()).database)
    for url, told in [
        (_guarded(empty, f"not-{PASSWORD}"), "password authentication failed"),
        (_guarded("nowhere", PASSWORD), "does not exist"),
        (_guarded(empty, PASSWORD), "connector ledger migrate"),
    ]:
        with pytest.raises(CredentialError, match=told) as refused:
            Ledger(url)
        assert PASSWORD not in str(refused.value)


def test_a_server_that_is_not_there_is_for_later() -> None:
    """Nothing listens: an error to try again, without the URL's password."""
    with pytest.raises(UnreachableError, match="server runs") as unreachable:
        Ledger(f"postgresql://me:{PASSWORD}@127.0.0.1:1/ledger")

    assert PASSWORD not in str(unreachable.value)


def test_a_folder_that_is_not_there_is_named_as_such() -> None:
    """A database that does not open is an error to mend, not a traceback."""
    with pytest.raises(UnreachableError, match="folder exists"):
        Ledger("sqlite:////nowhere/at/all/ledger.db")


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    """A damaged file, or another's, is named, with the way back."""
    (tmp_path / "ledger.db").write_bytes(b"this is no database at all" * 100)

    with pytest.raises(MendError, match="restore"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_a_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    """A ledger opened for reading only says so when something is to be stored."""
    path = tmp_path / "ledger.db"
    Ledger(f"sqlite:///{path}").close()

    with Ledger(f"sqlite:///file:{path}?mode=ro&uri=true") as ledger, pytest.raises(MendError, match="write the file"):
        ledger.destinations.epoch()


def test_what_is_erased_is_gone_from_the_file(tmp_path: Path) -> None:
    """No byte of an erased value stays in a SQLite ledger."""
    path = tmp_path / "ledger.db"
    with Ledger(f"sqlite:///{path}") as ledger:
        ledger.audit.note(HERE, [deed("Zoe-Secret", account="a"), deed("Other", account="b")])
        assert b"Call Zoe-Secret" in path.with_name("ledger.db-wal").read_bytes()
        ledger.audit.erase(HERE, "a")

    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Call Zoe-Secret" not in files
    assert b"Call Other" in files


def test_the_clock_counts_seconds_since_1970() -> None:
    """Two processes can compare their readings, and no reading is before an earlier one."""
    clock = SystemClock()
    first = clock.now()

    assert abs(first - datetime.now(UTC).timestamp()) < 5
    assert clock.now() >= first
