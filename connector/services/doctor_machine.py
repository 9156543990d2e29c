"""What the connector stands on: its files and who may read them, room, ledger, warehouse, time zone and schedule.

Nothing is created here: what is not there yet will be made by `connector install` or the first run, and is no fault.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.domain.checkup import Seen, fail, ok, skip, warn
from connector.domain.errors import LaterError, Problem
from connector.domain.play import Schedule
from connector.services.doctor import Check, of_problems

OTHERS = 0o077
GIGABYTE = 1_000_000_000
LITTLE, TOO_LITTLE = 2 * GIGABYTE, GIGABYTE // 5
"""Room for a warehouse to grow and be copied; below the second the next run fails."""


class LedgerHealth(Protocol):
    """What the checkup asks of a ledger."""

    newest: str
    name: str

    def revision(self) -> str | None:
        """The revision of its tables; None where there are none yet."""
        ...

    def problems(self) -> list[Problem]:
        """List what is wrong with it."""
        ...


class WarehouseHealth(Protocol):
    """What the checkup asks of a warehouse."""

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Rows held per table, and set aside per reason."""
        ...


@dataclass(frozen=True)
class Machine:
    """Where things lie, and how they are opened; None as a file means a server."""

    state: Path
    ledger_file: Path | None
    warehouse_file: Path
    secret_files: Sequence[Path]
    """Files with keys that only their owner should read."""
    ledger: Callable[[], AbstractContextManager[Any]]
    warehouse: Callable[[], AbstractContextManager[Any]]
    usage: Callable[[], date | None] | None
    """Asks the engine of its own that holds usage for its last day; None where there is none."""
    schedule: Callable[[], Schedule]
    next_times: Callable[[Schedule], Mapping[str, datetime | None]]
    """When each job runs next; raises where a cron line cannot be read."""
    versions: Callable[[], str]

    def checks(self) -> list[Check]:
        """List the checks in their order."""
        return [
            Check("machine.versions", "Versions", lambda: ok(self.versions())),
            Check("machine.files", "Who may read our files", self._files),
            Check("machine.disk", "Disk space", self._disk),
            Check("machine.ledger", "Ledger", self._ledger),
            Check("machine.warehouse", "Warehouse", self._warehouse),
            *([Check("machine.usage", "Usage in its own engine", self._usage)] if self.usage else []),
            Check("machine.schedule", "Time zone and schedule", self._schedule),
        ]

    def _files(self) -> Seen:
        kept = [self.state, *filter(None, [self.ledger_file, self.warehouse_file]), *self.secret_files]
        there = [path for path in kept if path.exists()]
        barred = [path for path in there if not os.access(path, os.R_OK if path in self.secret_files else os.W_OK)]
        if barred:
            return fail(f"{barred[0]} cannot be used by our user", f"chown it to the user that runs us: {_user()}")
        if not self.state.exists():
            parent = _nearest(self.state)
            if not os.access(parent, os.W_OK):
                cure = "let CONNECTOR_STATE_DIR name a folder that our user may make"
                return fail(f"{self.state} is not there, and {parent} cannot be written", cure, "CONNECTOR_STATE_DIR")
        open_to_all = [path for path in there if path.stat().st_mode & OTHERS]
        if open_to_all:
            lines = [f"chmod {'700' if path.is_dir() else '600'} {path}" for path in open_to_all]
            named = ", ".join(path.name for path in open_to_all)
            return warn(f"others may read {named}: keys and people's names", lines[0], details=lines[1:])
        return ok("ours alone" if there else f"{self.state} is made by the first command that needs it")

    def _disk(self) -> Seen:
        place = _nearest(self.state)
        free = shutil.disk_usage(place).free
        needed = sum(path.stat().st_size for path in (self.ledger_file, self.warehouse_file) if path and path.exists())
        seen = f"{free / GIGABYTE:,.1f} GB free where the state lies"
        cure = "make room, or let CONNECTOR_STATE_DIR name a larger disk"
        if free < max(TOO_LITTLE, needed // 10):
            return fail(seen, cure, "CONNECTOR_STATE_DIR")
        return warn(seen, cure, "CONNECTOR_STATE_DIR") if free < max(LITTLE, needed) else ok(seen)

    def _ledger(self) -> Seen:
        if self.ledger_file is not None and not self.ledger_file.exists():
            return skip("there is none yet: `connector install` makes it")
        with self.ledger() as opened:
            care: LedgerHealth = opened
            revision = care.revision()
            if revision is None:
                return skip("it is empty: `connector install` makes its tables")
            if revision > care.newest:
                seen = f"it is of revision {revision}, and this connector knows {care.newest}"
                return fail(seen, "install the newer connector again, or restore a backup of before")
            if revision < care.newest:
                seen = f"it is of revision {revision}; {care.newest} is current"
                return warn(seen, "`connector ledger backup FILE`, then `connector ledger migrate`")
            return of_problems(care.problems(), good=f"whole, revision {revision}")

    def _warehouse(self) -> Seen:
        if not self.warehouse_file.exists():
            return skip("there is none yet: the first plan makes it")
        try:
            with self.warehouse() as opened:
                warehouse: WarehouseHealth = opened
                held, aside = warehouse.counts()
        except LaterError as taken:  # a run under way is no ailment
            return warn(taken.problem.message, taken.problem.hint or "")
        rows, reasons = sum(held.values()), sum(aside.values())
        if not rows:
            return ok("it opens, and is empty")
        if reasons > rows:
            listed = [f"{reason}: {count:,}" for reason, count in aside.items()]
            return warn(f"{reasons:,} rows are set aside, {rows:,} are not", "mend the billing mapping", "", listed)
        return ok(f"{rows:,} rows" + (f", {reasons:,} set aside" if reasons else ""))

    def _usage(self) -> Seen:
        assert self.usage is not None
        if last := self.usage():
            return ok(f"usage to {last}")
        return warn("the table is empty", "let CONNECTOR_USAGE_URL name the right one", "CONNECTOR_USAGE_URL")

    def _schedule(self) -> Seen:
        schedule = self.schedule()
        try:
            zone = ZoneInfo(schedule.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            cure = "write it like Europe/Paris; if it is written so, install the package tzdata"
            return fail(f"there is no time zone {schedule.timezone}", cure, "playbooks/schedule.yaml")
        times = self.next_times(schedule)
        due = [f"{name}: {at.astimezone(zone):%a %d %b %H:%M}" for name, at in times.items() if at is not None]
        never = [name for name, at in times.items() if at is None]
        if never:
            cure = "look at its cron line: five fields, such as 30 5 * * 1-5"
            return fail(f"{', '.join(never)} never runs", cure, "playbooks/schedule.yaml")
        if not any(job.run == "sync" for job in schedule.jobs.values()):
            return warn("no job runs `sync`: nothing is proposed", "add one to jobs", "playbooks/schedule.yaml")
        return ok(f"{schedule.timezone}; next {'; '.join(due)}")


def _nearest(path: Path) -> Path:
    """Give the nearest folder above that is there."""
    return next((one for one in (path, *path.resolve().parents) if one.exists()), Path("/"))


def _user() -> str:
    return f"user {os.getuid()}" if hasattr(os, "getuid") else "our user"
