"""The ledger keeps what it is told, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.schema import CreateIndex, CreateTable

from connector.adapters.clock import SystemClock
from connector.adapters.ledger import Ledger, this_process
from connector.adapters.ledger.database import MIGRATIONS, NEWEST, Database
from connector.adapters.ledger.holder import is_dead
from connector.adapters.ledger.schema import METADATA, Moment
from connector.domain.change import Change, CrmRecord, Destination, Plan, RecordType, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import ConfigError, LaterError, MendError, UnreachableError
from connector.domain.intent import Held
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.outbox import OutboxEntry, entry_of
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.domain.run import Run, RunStatus
from connector.ports.ledger import Lease, PlanStatus

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
CRM = "hubspot:1"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger(url) as opened:
        yield opened


@pytest.fixture
def lease(ledger: Ledger) -> Lease:
    taken = ledger.leases.take(CRM, "me", 0.0, 60.0)
    assert taken is not None
    return taken


def entry(key: str = "k", run: str = "run-1") -> OutboxEntry:
    change = Change(f"task:{key}", "create", RecordType.TASK, key, "account", "title", "reason", read_at=NOW)
    return entry_of(change, CRM, run, "sync", 0)


def plan(run: str, at: datetime = NOW) -> Plan:
    return Plan(run, "sync", CRM, at, "config", "schema", "epoch", (entry().change,))


def test_migrations_make_the_tables_that_the_code_reads(tmp_path: Path) -> None:
    """A migrated database and the declared tables do not differ."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")

    with database.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": lambda _c, _i, _m, was, now: False if isinstance(now, Moment) else None},
        )
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_a_ledger_that_is_up_to_date_opens_without_alembic(url: str) -> None:
    """The newest revision is known by its file; only a database that is at another one is migrated."""
    Database(url).close()
    opens = f"import sys; from connector.adapters.ledger.database import Database; Database({url!r}).close()"

    asked = subprocess.run(
        [sys.executable, "-c", f"{opens}; print('alembic' in sys.modules)"], capture_output=True, text=True, check=True
    )

    assert asked.stdout.strip() == "False"
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == NEWEST


def test_the_tables_suit_postgresql() -> None:
    """Every table and index compiles for PostgreSQL, partial index included."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    tables = [str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect)) for table in METADATA.sorted_tables for index in table.indexes
    ]

    assert all("CREATE TABLE" in table for table in tables)
    assert any("WHERE state IN" in index for index in indexes)


def test_a_ledger_opens_again_as_it_was_left(url: str) -> None:
    """What was stored is there after the process ended; the epoch is the same, until it is renewed."""
    with Ledger(url) as first:
        epoch = first.destinations.epoch()
        first.destinations.remember(Destination("hubspot", "1", "Portal"))

    with Ledger(url) as second:
        assert second.destinations.all() == [Destination("hubspot", "1", "Portal")]
        assert second.destinations.epoch() == epoch
        assert second.destinations.renew_epoch() != epoch


def test_moments_come_back_in_utc(ledger: Ledger) -> None:
    """A moment in any zone is the same moment afterwards, to the microsecond."""
    paris = NOW.astimezone(timezone(timedelta(hours=1)))
    ledger.mirror.save(CRM, RecordType.TASK, [], cursor=paris)

    assert ledger.mirror.cursor(CRM, RecordType.TASK) == NOW
    assert ledger.mirror.cursor(CRM, RecordType.ACCOUNT) is None


def test_a_deletion_keeps_the_last_fields_seen(ledger: Ledger) -> None:
    """A tombstone marks the mirrored record and does not empty it."""
    seen = CrmRecord(RecordType.TASK, "1", {"subject": "Call"}, {"what": ("9",)}, NOW, NOW)
    ledger.mirror.save(CRM, RecordType.TASK, [seen])
    ledger.mirror.save(CRM, RecordType.TASK, [CrmRecord(RecordType.TASK, "1", {}, archived=True)])

    assert ledger.mirror.records(CRM, RecordType.TASK) == [replace(seen, archived=True)]
    assert ledger.mirror.records("salesforce:1", RecordType.TASK) == []


def test_records_and_cursor_are_one_transaction(ledger: Ledger) -> None:
    """When the records cannot be stored, the cursor does not move."""
    unstorable = CrmRecord(RecordType.TASK, "1", {"when": NOW})  # type: ignore[dict-item]
    with pytest.raises(StatementError):
        ledger.mirror.save(CRM, RecordType.TASK, [unstorable], cursor=NOW)

    assert ledger.mirror.cursor(CRM, RecordType.TASK) is None


def test_stage_history_adds_up(ledger: Ledger) -> None:
    """Entries into stages are kept once each, oldest first."""
    first, second = StageEntry("9", "proposed", NOW, True), StageEntry("9", "consult", NOW + timedelta(days=1))
    ledger.mirror.save_stages(CRM, [second])
    ledger.mirror.save_stages(CRM, [first, second])

    assert ledger.mirror.stages(CRM) == {"9": (first, second)}


def test_a_persons_link_stands_until_a_person_changes_or_forgets_it(ledger: Ledger) -> None:
    """Runs cannot overwrite a person's decision."""
    persons = LinkDecision("b", LinkState.LINKED, NOW, "1", LinkMethod.PERSON, "ada@example.com")
    automatic = LinkDecision("b", LinkState.AMBIGUOUS, NOW, candidates=("1", "2"))
    ledger.links.settle(CRM, [persons])
    ledger.links.settle(CRM, [automatic])
    assert ledger.links.all(CRM) == [persons]

    ledger.links.forget(CRM, ["b"])
    ledger.links.settle(CRM, [automatic])

    assert ledger.links.all(CRM) == [automatic]


def test_runs_remember_how_they_ended(ledger: Ledger) -> None:
    """A closed run keeps its summary; the newest of a job is found."""
    first = Run("r1", "sync", CRM, NOW, NOW)
    second = Run("r2", "sync", CRM, NOW, NOW + timedelta(hours=1))
    ledger.runs.open(first)
    ledger.runs.open(second)
    ledger.runs.close("r1", RunStatus.PARTIAL, NOW, {"delivered": {"ok": 3}})

    assert ledger.runs.get("r1") == replace(
        first, status=RunStatus.PARTIAL, ended_at=NOW, summary={"delivered": {"ok": 3}}
    )
    assert ledger.runs.last(CRM, "sync") == second
    assert [run.id for run in ledger.runs.list()] == ["r2", "r1"]


def test_a_newer_plan_supersedes_a_waiting_one(ledger: Ledger) -> None:
    """Only the newest plan of a job can be approved, and only once."""
    ledger.plans.save(plan("r1"))
    ledger.plans.save(plan("r2", NOW + timedelta(hours=1)))
    with pytest.raises(MendError, match="no plan of run r1 waits"):
        ledger.plans.approve("r1", "ada@example.com")

    ledger.plans.approve("r2", "ada@example.com")

    stored = ledger.plans.get("r2")
    assert stored is not None
    assert (stored.status, stored.approved_by) == (PlanStatus.APPROVED, "ada@example.com")
    assert stored.plan == plan("r2", NOW + timedelta(hours=1))
    ledger.plans.applied("r2")
    assert [one.plan.run_id for one in ledger.plans.list(CRM, [PlanStatus.APPLIED])] == ["r2"]


def test_an_outbox_entry_survives_the_ledger(ledger: Ledger, lease: Lease) -> None:
    """An entry reads back as it was written, change and all."""
    ledger.outbox.commit(lease, [entry()])

    assert ledger.outbox.entries(CRM) == [entry()]
    assert ledger.outbox.of_run("run-1") == [entry()]


def test_a_subject_has_one_open_entry(ledger: Ledger, lease: Lease) -> None:
    """The database itself refuses a second open entry, and nothing of that transaction stays."""
    ledger.outbox.commit(lease, [entry(run="run-1")])
    with pytest.raises(IntegrityError):
        ledger.outbox.commit(lease, [entry(run="run-2"), entry("other", run="run-2")])

    assert ledger.outbox.entries(CRM) == [entry(run="run-1")]


def test_receipts_add_up(ledger: Ledger, lease: Lease) -> None:
    """A later receipt replaces its field's and leaves the others; associations add up."""
    record = KnownRecord("k", RecordType.TASK, "9", "account")
    account, deal = Associated("account", "companies", "account:1"), Associated("deal", "deals", "opportunity:2")
    first = {"a": Receipt("1", "1", False, "r1"), "b": Receipt("2", None, False, "r1")}
    ledger.outbox.commit(lease, known=[replace(record, receipts=first, associations=frozenset({account}))])
    second = {"a": Receipt("3", "4", True, "r2")}
    ledger.outbox.commit(lease, known=[replace(record, receipts=second, associations=frozenset({deal}))])

    assert ledger.receipts.records(CRM) == {
        "k": replace(record, receipts={**first, **second}, associations=frozenset({account, deal}))
    }


def test_a_tombstone_ends_the_open_episode(ledger: Ledger, lease: Lease) -> None:
    """A record found deleted ends its episode; one that was won stays won."""
    open_one = Episode("k", "account", "analytics", 1, NOW, offer="analytics", play="negotiation", brief={"p": 0.4})
    won = replace(open_one, key="w", ordinal=2, state=EpisodeState.WON, closed_at=NOW)
    ledger.episodes.save(CRM, [open_one, won])
    gone = KnownRecord("k", RecordType.OPPORTUNITY, "9", "account", tombstone="deleted", gone_at=NOW)
    ledger.outbox.commit(lease, known=[gone, replace(gone, key="w")])

    assert ledger.episodes.all(CRM) == [replace(open_one, state=EpisodeState.DELETED, closed_at=NOW), won]


def test_decisions_keep_since_when(ledger: Ledger) -> None:
    """A reason that stays keeps its first run; one that changes, or goes, does not."""
    first, second = Run("r1", "sync", CRM, NOW, NOW), Run("r2", "sync", CRM, NOW + timedelta(days=1), NOW)
    ledger.decisions.save(CRM, first, [Held("a", "x", "unhealthy"), Held("a", "y", "cap"), Held("b", "x", "cap")])
    ledger.decisions.save(CRM, second, [Held("a", "x", "unhealthy", "dispute", 0.4, 9), Held("a", "y", "cool_down")])

    assert [(one.subject, one.reason, one.since_run) for one in ledger.decisions.current(CRM)] == [
        ("x", "unhealthy", "r1"),
        ("y", "cool_down", "r2"),
    ]


def test_a_lease_is_one_process_s_until_it_lapses(ledger: Ledger) -> None:
    """Nobody else takes a lease that runs; each holder gets a higher token; the overtaken one writes nothing."""
    first = ledger.leases.take(CRM, "me", 0.0, 60.0)
    assert first is not None
    assert ledger.leases.take(CRM, "you", 59.0, 60.0) is None
    assert ledger.leases.take(CRM, "me", 59.0, 60.0) is None
    renewed = ledger.leases.renew(first, 59.0, 60.0)
    assert ledger.leases.take(CRM, "you", 61.0, 60.0) is None

    second = ledger.leases.take(CRM, "you", 119.0, 60.0)

    assert second is not None
    assert second.token > renewed.token
    with pytest.raises(LaterError, match="took over"):
        ledger.outbox.commit(renewed, [entry()])
    ledger.leases.release(renewed)
    assert ledger.leases.take(CRM, "third", 120.0, 60.0) is None


def test_a_released_lease_is_free(ledger: Ledger, lease: Lease) -> None:
    """After release anybody takes it at once, and the old holder is fenced off."""
    ledger.leases.release(lease)
    with pytest.raises(LaterError):
        ledger.outbox.commit(lease, [entry()])

    assert ledger.leases.take(CRM, "you", 1.0, 60.0) is not None


def test_the_lease_of_a_dead_process_is_free_at_once(ledger: Ledger) -> None:
    """On one machine a killed holder is recognised; this process is not taken for dead."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("only /proc tells whether a process lives")
    code = "from connector.adapters.ledger import this_process; print(this_process())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert ledger.leases.take(CRM, dead, 0.0, 300.0) is not None

    mine = ledger.leases.take(CRM, this_process(), 1.0, 300.0)

    assert mine is not None
    assert not is_dead(this_process())
    assert not is_dead("another-machine/boot/ns|1|1")


@pytest.mark.parametrize("bad", ["ledger.db", "oracle+nothing://x", "mysql-ish://"])
def test_a_url_that_is_none_says_how_to_write_one(bad: str) -> None:
    """The setting is named, with an example."""
    with pytest.raises(ConfigError, match=r"CONNECTOR_LEDGER_URL.*\n.*sqlite:////path"):
        Ledger(bad)


def test_a_folder_that_is_not_there_is_named_as_such() -> None:
    """A database that does not open is an error to mend, not a traceback."""
    with pytest.raises(UnreachableError, match="folder exists"):
        Ledger("sqlite:////nowhere/at/all/ledger.db")


def test_the_clock_counts_seconds_since_1970() -> None:
    """Two processes can compare their readings, and no reading is before an earlier one."""
    clock = SystemClock()
    first = clock.now()

    assert abs(first - datetime.now(UTC).timestamp()) < 5
    assert clock.now() >= first
