"""The state folder as the service uses it: one process at a time, a heartbeat, and when each job last began.

The lock is the operating system's: it goes with its process however that ends, so none is ever stale. What the lock's
file says is only for people. The journal is one small JSON file, replaced whole, so that nobody reads half of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from connector.domain.errors import MendError

JOURNAL, LOCK = "service.json", "service.lock"
OWNER_ONLY = 0o600
TRIES = 2
"""A job that a kill cut off is begun so many times in all: one that always takes the service down must not loop."""


@dataclass
class ServiceJournal:
    """What the service did, kept in the state folder."""

    path: Path
    told: dict[str, Any] = field(default_factory=dict)
    life: str = field(default_factory=lambda: token_hex(8))
    """Tells this process from others: in a container every one of them is process 1."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, job: str, at: datetime) -> None:
        """Note that a job begins."""
        tries = 1 + (self._job(job).get("tries", 0) if self._is_open(job) else 0)
        self._note(job, {"began": at.isoformat(), "ended": None, "exit": None, "tries": tries})

    def end(self, job: str, at: datetime, code: int) -> None:
        """Note how a job ended."""
        self._note(job, {**self._job(job), "ended": at.isoformat(), "exit": code})

    def began(self, job: str) -> datetime | None:
        """Say when a job last began."""
        began = self._job(job).get("began")
        return datetime.fromisoformat(began) if began else None

    def is_cut_off(self, job: str) -> bool:
        """Say whether a job began and did not end, and may be begun again for that."""
        # In the process that runs it, a job without an end is simply running.
        return self._is_open(job) and self._job(job).get("life") != self.life and self._job(job)["tries"] < TRIES

    def beat(self, at: datetime) -> None:
        """Note that the service lives: the journal's own date says so, which costs no write."""
        with self.lock, suppress(OSError):  # a folder that is gone must not end it; then nothing beats, which tells
            if not self.path.exists():
                self._write()
            os.utime(self.path, (at.timestamp(), at.timestamp()))

    def _job(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.told.get("jobs", {}).get(job, {})
        return found

    def _is_open(self, job: str) -> bool:
        return bool(self._job(job).get("began")) and self._job(job).get("ended") is None

    def _note(self, job: str, row: dict[str, Any]) -> None:
        with self.lock, suppress(OSError):
            self.told.setdefault("jobs", {})[job] = {**row, "life": self.life}
            self._write()

    def _write(self) -> None:
        part = self.path.with_suffix(".part")
        with open(part, "w", opener=_own, encoding="utf-8") as file:
            json.dump(self.told, file)
        part.replace(self.path)


@contextmanager
def only_service(folder: Path) -> Iterator[tuple[ServiceJournal, str]]:
    """Be the one service on a state folder, or raise MendError; gives the journal, and who left without a word."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MendError(
                f"another `connector run` works with this state: {_holder(lock) or 'it does not say which'}",
                at=str(folder),
                hint="stop that one first, or give this one a CONNECTOR_STATE_DIR of its own",
            ) from None
        left = _holder(lock)
        here = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat("T", "seconds")}
        _overwrite(lock, json.dumps(here))
        journal = ServiceJournal(folder / JOURNAL, read_journal(folder))
        journal.told = {**journal.told, **here}
        yield journal, left
        _overwrite(lock, "")
    finally:
        os.close(lock)


def read_journal(folder: Path) -> dict[str, Any]:
    """Read what the service noted last; nothing when it never ran, or when the file is damaged."""
    try:
        told = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
        beat = (folder / JOURNAL).stat().st_mtime
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict) or not isinstance(told.get("jobs", {}), dict):
        return {}
    jobs = {name: job for name, job in told.get("jobs", {}).items() if _is_whole(job)}
    return {**told, "jobs": jobs, "beat": datetime.fromtimestamp(beat, UTC).isoformat()}


def _is_whole(job: Any) -> bool:
    try:
        return datetime.fromisoformat(job["began"]).tzinfo is not None and isinstance(job["tries"], int)
    except (TypeError, KeyError, ValueError):
        return False


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ONLY)


def _overwrite(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)


def _holder(lock: int) -> str:
    """Say who wrote the lock's file, in words; nothing when nobody did."""
    try:
        told = json.loads(os.pread(lock, 1000, 0))
        return f"process {told['pid']} on {told['host']}, since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return ""
