"""A machine whose clock a test sets, running the service's own scheduler, journal and watch on it.

Time passes minute by minute: each one the watch looks at the clock, as it does in a real service, and the scheduler
works off what is due in the same thread. The scheduling library reads its clock where it always does; only what
`datetime.now` answers there is the machine's.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler

from connector.adapters.service import only_service
from connector.domain.play import Schedule
from connector.scheduler import Watch, scheduler_for

ZONE = ZoneInfo("Europe/Paris")
MINUTE = timedelta(minutes=1)


def Paris(*parts: int) -> datetime:
    """A moment in Paris."""
    return datetime(*parts, tzinfo=ZONE)  # type: ignore[arg-type, misc]


class SameThread(BaseScheduler):
    """The library's scheduler without a thread of its own: woken, it works off what is due."""

    def shutdown(self, wait: bool = True) -> None:
        super().shutdown(wait)

    def wakeup(self) -> None:
        self._process_jobs()


class Machine:
    """A clock, a state folder, and the service on it."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, at: datetime) -> None:
        self.wall, self.folder = at.astimezone(UTC), folder
        self.log: list[tuple[str, datetime]] = []
        self.lasts: dict[int, timedelta] = {}
        """How long the n-th night takes."""
        self.kill_in = 0
        """So many nights end in a kill."""
        self.step = MINUTE
        self._watch: Watch | None = None
        self._is_killed = False
        self._stack = ExitStack()
        machine = self

        class Wall(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return machine.wall.astimezone(tz)

        for module in (apscheduler.schedulers.base, apscheduler.executors.base, apscheduler.triggers.interval):
            patch.setattr(module, "datetime", Wall)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def here(self) -> datetime:
        """What the clock on the wall shows."""
        return self.wall.astimezone(ZONE)

    def start(self, schedule: Schedule) -> None:
        """Start the service."""
        journal, _ = self._stack.enter_context(only_service(self.folder))
        made = scheduler_for(schedule, self._job, lambda *_: "", journal, lambda: self.wall, SameThread)
        made.add_executor(DebugExecutor())
        made.start(paused=True)
        made.resume()
        self._watch = Watch(made, journal, lambda: self.wall)

    def stop(self) -> None:
        """Stop the service cleanly."""
        assert self._watch is not None
        self._watch.made.shutdown()
        self.kill()

    def kill(self) -> None:
        """End the process: its lock goes with it."""
        self._watch, self._is_killed = None, False
        self._stack.close()
        self._stack = ExitStack()

    def run(self, **span: float) -> None:
        """Let time pass, a minute at a time."""
        until = self.wall + timedelta(**span)
        while self.wall < until:
            if self._watch is not None:
                self._watch.tick()
            if self._is_killed:
                self.kill()
            self.wall += self.step

    def sleep(self, **span: float) -> None:
        """The machine is asleep, or off: time passes and nobody looks."""
        self.wall += timedelta(**span)

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self.wall += by

    def began(self, kind: str) -> list[datetime]:
        """When a kind of job began, by the clock on the wall."""
        return [moment for one, moment in self.log if one == kind]

    def turn_of(self, moment: datetime) -> datetime:
        """The turn that a night made use of: the newest half past five of a working day before it."""
        turn = moment.replace(hour=5, minute=30, second=0, microsecond=0, fold=0)
        turn = turn if turn <= moment else turn - timedelta(days=1)
        while turn.weekday() > 4:
            turn -= timedelta(days=1)
        return turn

    def turns_until(self, moment: datetime) -> list[datetime]:
        """Every turn of the week up to a moment, from the first night that the service ran."""
        first = self.began("sync")[:1]
        turns = [Paris(2026, 11, day, 5, 30) for day in (*range(2, 7), *range(9, 14), *range(16, 21), *range(23, 28))]
        return [turn for turn in turns if first and first[0] <= turn <= moment]

    def _job(self, kind: str) -> int:
        self.log.append((kind, self.here()))
        if kind == "sync":
            if self.kill_in:
                self.kill_in -= 1
                self._is_killed = True
                raise KeyboardInterrupt  # it comes to no end; the library only logs it
            self.wall += self.lasts.pop(len(self.began("sync")) - 1, timedelta(0))
        return 0
