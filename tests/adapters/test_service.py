"""The service's state folder: one process at a time, a lock that is never stale, a journal that survives rubbish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.service import JOURNAL, LOCK, only_service, read_journal
from connector.domain.errors import MendError
from connector.services.alive import alive

NOW = datetime(2026, 9, 30, 5, 30, tzinfo=UTC)
HOLD = """
import sys, time
from pathlib import Path
from connector.adapters.service import only_service
with only_service(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_service_is_refused_with_the_first_ones_name(tmp_path: Path) -> None:
    """Another process on the same folder is told which process holds it, where, and what to do."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(MendError) as refused, only_service(tmp_path):
            pass
        first.kill()

    assert f"process {first.pid} on {os.uname().nodename}, since 20" in refused.value.problem.message
    assert "CONNECTOR_STATE_DIR" in (refused.value.problem.hint or "")


def test_a_killed_service_leaves_no_stale_lock(tmp_path: Path) -> None:
    """What a killed process left is taken over at once, and said; after a clean end there is nothing to say."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
        first.wait()

    with only_service(tmp_path) as (_, left):
        pass
    with only_service(tmp_path) as (_, after):
        pass

    assert left.startswith(f"process {first.pid} on ")
    assert after == ""


def test_a_lock_file_with_rubbish_in_it_is_no_lock(tmp_path: Path) -> None:
    """Only the operating system's lock counts; what the file says is for people."""
    (tmp_path / LOCK).write_bytes(b"\x00{rubbish")

    with only_service(tmp_path) as (_, left):
        assert left == ""


def test_the_journal_outlives_the_process(tmp_path: Path) -> None:
    """When a job began, how it ended and who ran it are read by the next process; only its owner reads the files."""
    with only_service(tmp_path) as (journal, _):
        journal.begin("nightly", NOW)
        journal.end("nightly", NOW + timedelta(minutes=4), 3)
        journal.begin("stages", NOW)

    with only_service(tmp_path) as (again, _):
        assert again.began("nightly") == NOW
        assert (again.is_cut_off("nightly"), again.is_cut_off("stages"), again.is_cut_off("other")) == (
            False,
            True,
            False,
        )
        again.begin("stages", NOW)
        assert not again.is_cut_off("stages")
    with only_service(tmp_path) as (third, _):
        assert not third.is_cut_off("stages")

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in (JOURNAL, LOCK)] == [0o600, 0o600]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"jobs": 5}', '{"jobs": {"nightly": 5}}', '{"jobs": {"nightly": {"began": "x"}}}', "\x00"],
)
def test_a_damaged_journal_is_an_empty_one(tmp_path: Path, text: str) -> None:
    """Whatever stands there, the service starts, and the file is whole again after its first note."""
    (tmp_path / JOURNAL).write_text(text, encoding="utf-8")

    with only_service(tmp_path) as (journal, _):
        assert journal.began("nightly") is None
        journal.begin("nightly", NOW)

    assert read_journal(tmp_path)["jobs"]["nightly"]["began"] == NOW.isoformat()


def told(beat: timedelta | None = timedelta(0), **jobs: dict[str, Any]) -> dict[str, Any]:
    found = {"pid": 7, "host": "box", "since": NOW.isoformat(), "jobs": jobs}
    return found | ({"beat": (NOW - beat).isoformat()} if beat is not None else {})


@pytest.mark.parametrize(
    ("journal", "lives", "said"),
    [
        ({}, False, "no service ever ran"),
        (told(None), False, "no service ever ran"),
        (told(timedelta(seconds=90)), True, "process 7 on box lives"),
        (told(timedelta(minutes=3)), False, "no sign of life since"),
        (told(timedelta(minutes=-3)), False, "no sign of life since"),
        (told(nightly={"began": (NOW - timedelta(hours=23)).isoformat(), "ended": None}), True, "lives"),
        (told(nightly={"began": (NOW - timedelta(hours=25)).isoformat(), "ended": None}), False, "it hangs"),
        (
            told(nightly={"began": (NOW - timedelta(days=3)).isoformat(), "ended": NOW.isoformat(), "exit": 1}),
            True,
            "lives",
        ),
        ({"beat": "yesterday"}, False, "no service ever ran"),
        ({"beat": "2026-09-30T05:30:00"}, False, "no service ever ran"),
    ],
)
def test_a_service_lives_by_its_heartbeat(journal: dict[str, Any], lives: bool, said: str) -> None:
    """Young heartbeat and no endless job; how jobs ended is no matter of life."""
    judged = alive(journal, NOW)

    assert judged["alive"] is lives
    assert said in judged["said"]


def test_a_beat_is_read_back_from_the_file(tmp_path: Path) -> None:
    """The heartbeat is the journal's date, and costs no write of its own."""
    with only_service(tmp_path) as (journal, _):
        journal.beat(NOW)

    assert alive(read_journal(tmp_path), NOW + timedelta(minutes=1))["alive"]
    assert json.loads((tmp_path / JOURNAL).read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert not alive(read_journal(tmp_path), NOW + timedelta(minutes=5))["alive"]
