"""A ledger of any earlier revision becomes one of the newest, with what it held."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from revisions import CHANGE, CRM, NOW, REFUSAL, make_at_0001

from connector.adapters.ledger import Ledger
from connector.adapters.ledger.database import MIGRATIONS, NEWEST, Database
from connector.adapters.ledger.schema import METADATA, Moment
from connector.domain.change import Destination, RecordType
from connector.domain.errors import MendError
from connector.domain.outbox import DeliveryState, Refusal
from connector.domain.plan_json import change_from_dict
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.domain.run import RunStatus
from connector.ports.ledger import Selection

OPENS = "import sys; from connector.adapters.ledger import Ledger; Ledger(sys.argv[1]).close()"


def _differences(database: Database) -> list[object]:
    """What tables, columns, types, defaults and indexes the declared ones differ in."""
    with database.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": lambda _c, _i, _m, was, now: False if isinstance(now, Moment) else None,
                # Alembic takes SQLite's own quotes for part of the default.
                "compare_server_default": connection.dialect.name == "postgresql",
            },
        )
        return list(compare_metadata(context, METADATA))


@pytest.mark.parametrize("begin", [None, make_at_0001], ids=["fresh", "from 0001"])
def test_migrations_make_the_tables_that_the_code_reads(untouched: str, begin: object) -> None:
    """A migrated database and the declared tables do not differ, wherever it began."""
    if callable(begin):
        begin(untouched)
    database = Database(untouched)

    assert _differences(database) == []
    assert database.revision() == NEWEST
    database.close()


def test_what_an_old_ledger_knew_is_still_known(untouched: str) -> None:
    """Rows of every table of revision 0001 are read as the values they were."""
    make_at_0001(untouched)

    with Ledger(untouched) as ledger:
        assert ledger.destinations.epoch() == "e"
        assert ledger.destinations.all() == [Destination("hubspot", "1", "Portal")]
        run = ledger.runs.get("run-1")
        assert run is not None
        assert (run.status, run.started_at, run.summary) == (RunStatus.PARTIAL, NOW, {"delivered": {"task": 1}})
        plan = ledger.plans.get("run-1")
        assert plan is not None
        assert plan.approved_by == "Ana"
        assert [one.reason for one in ledger.decisions.current(CRM)] == ["cap"]
        assert ledger.mirror.cursor(CRM, RecordType.TASK) == NOW
        assert [one.fields for one in ledger.mirror.records(CRM, RecordType.TASK)] == [{"subject": "Call"}]
        assert [entry.entered_at for entry in ledger.mirror.stages(CRM)["006"]] == [NOW]
        assert [one.candidates for one in ledger.links.all(CRM)] == [("9", "8")]
        assert [one.brief for one in ledger.episodes.all(CRM)] == [{"p": 0.5}]
        assert ledger.receipts.records(CRM) == {
            "k": KnownRecord(
                "k",
                RecordType.TASK,
                "00T1",
                "account",
                receipts={"subject": Receipt("Call", "Call", False, "run-1")},
                associations=(Associated("account", "companies", "account:9"),),
            )
        }
        next_lease = ledger.leases.take(CRM, "you", 2.0, 60.0)
        assert next_lease is not None
        assert next_lease.token == 8
        assert ledger.holds.all(CRM) == {}
        assert list(ledger.audit.records(CRM)) == []


def test_old_outbox_entries_are_found_by_what_came_later(untouched: str) -> None:
    """Account and code are taken from what the entry holds, its time from the run that last touched it."""
    make_at_0001(untouched)

    with Ledger(untouched) as ledger:
        [parked] = ledger.outbox.select(CRM, Selection(account_id="account", code="REQUIRED", since=NOW, until=NOW))
        assert parked.refusal == Refusal(**REFUSAL)
        assert parked.change == change_from_dict(CHANGE | {"id": "task:p", "key": "p"})
        assert (parked.state, parked.ticket, parked.changed_at) == (DeliveryState.PARKED, None, NOW)
        assert len(ledger.outbox.select(CRM, Selection(account_id="account", code=""))) == 2


def test_a_failed_migration_leaves_the_ledger_as_it_was(untouched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction: the old connector can go on with it."""
    make_at_0001(untouched)
    database = Database(untouched, migrate=False)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("alembic.op.create_index", broken)
    with pytest.raises(RuntimeError):
        database.migrate()

    assert database.revision() == "0001"
    with database.read() as connection:
        assert "rule" not in {column["name"] for column in sa.inspect(connection).get_columns("receipts")}
    database.close()


def test_several_that_open_a_new_ledger_at_once_all_succeed(untouched: str) -> None:
    """Whoever comes second waits and finds the tables made."""
    gate = Barrier(4)

    def opens(_: int) -> str | None:
        gate.wait(30)
        with Ledger(untouched) as ledger:
            return ledger.destinations.epoch()

    with ThreadPoolExecutor(4) as pool:
        epochs = list(pool.map(opens, range(4)))

    assert len(set(epochs)) == 1


def test_a_ledger_of_a_newer_connector_is_refused(untouched: str) -> None:
    """An old connector does not touch what it does not understand, and says what to do."""
    Ledger(untouched).close()
    database = Database(untouched, migrate=False)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    with pytest.raises(MendError, match=r"newer connector \(its revision is 9999.*\n.*install that version"):
        Ledger(untouched)


def test_a_ledger_that_is_up_to_date_opens_without_alembic(untouched: str) -> None:
    """The newest revision is known by its file; only a database that is at another one is migrated."""
    Ledger(untouched).close()

    asked = subprocess.run(
        [sys.executable, "-c", f"{OPENS}; print('alembic' in sys.modules)", untouched],
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout.strip() == "False"
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == NEWEST


def test_a_moment_without_a_zone_is_no_moment(untouched: str) -> None:
    """What SQLite stores without a zone is UTC, whatever the zone of the machine."""
    database = Database(untouched)
    with database.write() as connection:
        statement = sa.select(sa.literal(NOW.astimezone(), Moment))
        assert connection.scalar(statement) == datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
    database.close()
