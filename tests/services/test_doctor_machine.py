"""Files, disk, ledger, warehouse, time zone and schedule: what is wrong with each is told with its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from connector.adapters.ledger import Ledger, LedgerCare
from connector.adapters.warehouse import DuckWarehouse
from connector.domain.checkup import Finding
from connector.domain.errors import LaterError, Problem
from connector.domain.play import Job, Schedule
from connector.scheduler import due_times
from connector.services.doctor import examine
from connector.services.doctor_machine import Machine
from connector.testing.clock import SimulatedClock

NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
NIGHTLY = Schedule(timezone="Europe/Paris", jobs={"nightly": Job(run="sync", cron="30 5 * * 1-5")})


@dataclass
class Care:
    """A ledger as the checkup sees it."""

    newest: str = "0002"
    name: str = "ledger"
    found: str | None = "0002"
    wrong: list[Problem] = field(default_factory=list)

    def revision(self) -> str | None:
        return self.found

    def problems(self) -> list[Problem]:
        return self.wrong


@contextmanager
def given(value: Any) -> Iterator[Any]:
    """Open something that is there already."""
    yield value


def machine(
    folder: Path, schedule: Schedule = NIGHTLY, care: Any = None, warehouse: Any = None, usage: Any = None
) -> Machine:
    """A machine whose state lies in a folder."""
    state = folder / "state"
    return Machine(
        state=state,
        ledger_file=state / "ledger.db",
        warehouse_file=state / "warehouse.duckdb",
        secret_files=[folder / ".env"],
        ledger=lambda: given(care or Care()),
        warehouse=lambda: given(warehouse or SimpleNamespace(counts=lambda: ({"accounts": 3}, {}))),
        usage=usage,
        schedule=lambda: schedule,
        next_times=lambda one: due_times(one, lambda *_: "playbooks/schedule.yaml:4", NOW),
        versions=lambda: "connector 1",
    )


def begun(folder: Path) -> None:
    """What a first run leaves, its owner's alone."""
    (folder / "state").mkdir(mode=0o700)
    for name in ("ledger.db", "warehouse.duckdb"):
        (folder / "state" / name).touch(0o600)


def found(one: Machine) -> Mapping[str, Finding]:
    """Make every check of a machine."""
    return {finding.id.removeprefix("machine."): finding for finding in examine(one.checks())}


def outcome(one: Machine, check: str) -> tuple[str, str]:
    """How a check came out, and what it saw."""
    result = found(one)[check].result
    return result.verdict.value, result.seen


def test_before_the_first_run_nothing_is_wrong_and_nothing_is_made(tmp_path: Path) -> None:
    """What is not there yet is no fault, and looking makes nothing."""
    told = found(machine(tmp_path))

    assert {name: one.result.verdict.value for name, one in told.items()} == {
        "versions": "ok",
        "files": "ok",
        "disk": "ok",
        "ledger": "skip",
        "warehouse": "skip",
        "schedule": "ok",
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("loose", ["state", "state/ledger.db", ".env"])
def test_what_others_may_read_is_told_with_the_command(tmp_path: Path, loose: str) -> None:
    """The folder, a database or a file of keys: each with its chmod."""
    begun(tmp_path)
    (tmp_path / ".env").touch(0o600)
    (tmp_path / loose).chmod(0o755 if loose == "state" else 0o640)

    result = found(machine(tmp_path))["files"].result

    assert result.verdict.value == "warn"
    assert result.cure == f"chmod {'700' if loose == 'state' else '600'} {tmp_path / loose}"


def test_what_is_its_owners_alone_is_fine(tmp_path: Path) -> None:
    """0700 and 0600 are as they should be."""
    begun(tmp_path)

    assert outcome(machine(tmp_path), "files") == ("ok", "ours alone")


@pytest.mark.parametrize(("free", "verdict"), [(50e9, "ok"), (1e9, "warn"), (1e8, "fail")])
def test_room_on_the_disk(tmp_path: Path, free: float, verdict: str) -> None:
    """Little room is a warning, none a failure."""
    with patch("shutil.disk_usage", lambda _: SimpleNamespace(free=int(free))):
        told = outcome(machine(tmp_path), "disk")

    assert told[0] == verdict


def test_a_disk_must_hold_what_is_there_once_more(tmp_path: Path) -> None:
    """Ten gigabytes of warehouse and five free: a copy does not fit."""
    begun(tmp_path)
    with (tmp_path / "state/warehouse.duckdb").open("wb") as sparse:
        sparse.truncate(10_000_000_000)

    with patch("shutil.disk_usage", lambda _: SimpleNamespace(free=5_000_000_000)):
        assert outcome(machine(tmp_path), "disk")[0] == "warn"


@pytest.mark.parametrize(
    ("care", "verdict", "cure"),
    [
        (Care(), "ok", ""),
        (Care(found="0001"), "warn", "connector ledger migrate"),
        (Care(found="0009"), "fail", "newer connector"),
        (Care(found=None), "skip", ""),
        (Care(wrong=[Problem("the file is damaged", "database", "restore")]), "fail", "restore"),
    ],
)
def test_the_ledger_and_its_revision(tmp_path: Path, care: Care, verdict: str, cure: str) -> None:
    """Behind, ahead, damaged, empty: each has its own cure."""
    begun(tmp_path)

    result = found(machine(tmp_path, care=care))["ledger"].result

    assert result.verdict.value == verdict
    assert cure in result.cure


def test_a_real_ledger_that_was_cut_off(tmp_path: Path) -> None:
    """A damaged SQLite file is a failure, not an exception."""
    begun(tmp_path)
    file = tmp_path / "state" / "ledger.db"
    with Ledger(f"sqlite:///{file}"):
        pass
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    opened = replace(machine(tmp_path), ledger=lambda: LedgerCare(f"sqlite:///{file}", SimulatedClock()))

    assert outcome(opened, "ledger")[0] == "fail"


def test_a_warehouse_that_another_process_has(tmp_path: Path) -> None:
    """A run that is under way holds it: that is worth knowing, and no ailment."""
    begun(tmp_path)

    def taken() -> Any:
        raise LaterError("another process has the warehouse", hint="wait")

    result = found(replace(machine(tmp_path), warehouse=taken))["warehouse"].result

    assert (result.verdict.value, result.seen, result.cure) == ("warn", "another process has the warehouse", "wait")


def test_a_warehouse_that_is_no_database(tmp_path: Path) -> None:
    """A file that DuckDB cannot open is a failure with its cure."""
    begun(tmp_path)
    file = tmp_path / "state" / "warehouse.duckdb"
    file.write_bytes(b"no database at all" * 1000)

    result = found(replace(machine(tmp_path), warehouse=lambda: given(DuckWarehouse(file))))["warehouse"].result

    assert result.verdict.value == "fail"
    assert "damaged" in result.seen
    assert "move it away" in result.cure


def test_a_warehouse_of_which_most_is_set_aside(tmp_path: Path) -> None:
    """More rows set aside than fit: the mapping is wrong, and the reasons are told."""
    begun(tmp_path)
    warehouse = SimpleNamespace(counts=lambda: ({"accounts": 3}, {"unknown_account": 30}))

    result = found(machine(tmp_path, warehouse=warehouse))["warehouse"].result

    assert result.verdict.value == "warn"
    assert result.details == ("unknown_account: 30",)


def test_a_sound_schedule_tells_when_jobs_run_next(tmp_path: Path) -> None:
    """In the project's own time zone."""
    assert outcome(machine(tmp_path), "schedule") == ("ok", "Europe/Paris; next nightly: Thu 01 Oct 05:30")


@pytest.mark.parametrize(
    ("schedule", "verdict", "said"),
    [
        (replace(NIGHTLY, timezone="Europe/Pari"), "fail", "there is no time zone Europe/Pari"),
        (replace(NIGHTLY, jobs={"n": Job(cron="30 5 30 2 *")}), "fail", "n never runs"),
        (replace(NIGHTLY, jobs={"n": Job(cron="30 5")}), "fail", "job n"),
        (replace(NIGHTLY, jobs={"s": Job(run="stages", every_minutes=10)}), "warn", "no job runs `sync`"),
    ],
)
def test_a_schedule_that_does_not_do(tmp_path: Path, schedule: Schedule, verdict: str, said: str) -> None:
    """An unknown zone, a day that never comes, a broken line, nothing that proposes."""
    told = outcome(machine(tmp_path, schedule), "schedule")

    assert told[0] == verdict
    assert said in told[1]


def test_usage_of_its_own_is_asked_for_its_last_day(tmp_path: Path) -> None:
    """The engine answers with the last day; an empty table is told; without such an engine there is no check."""
    told = outcome(machine(tmp_path, usage=lambda: date(2026, 9, 29)), "usage")
    empty = outcome(machine(tmp_path, usage=lambda: None), "usage")

    assert told[1] == "usage to 2026-09-29"
    assert empty[1] == "the table is empty"
    assert "usage" not in found(machine(tmp_path))
