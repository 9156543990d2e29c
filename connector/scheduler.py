"""Runs the jobs of `playbooks/schedule.yaml` until asked to stop.

Each job runs one at a time, and a tick that was missed (a long run, a sleeping laptop, a service that was down) is
made up for once, as soon as it can be. What began when is kept in a journal that outlives the process: the next one
makes up for what this one missed, and runs nothing twice. Twice a minute the clock is looked at: after a jump forward
what is due runs at once; after a jump back, jobs that a wrong clock had put off are due again.

Jobs that write to one CRM share it by its delivery lease. SIGTERM lets the running job end: every write is recorded
before the next begins, so a harder stop loses nothing either.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.domain.errors import ConfigError
from connector.domain.play import Job, Schedule

TICK_SECONDS = 30
"""How often the clock is looked at and the heartbeat written."""
LOOK_MINUTES = 10
"""How often the jobs themselves are looked after."""
WRONG_CLOCK = timedelta(hours=12)
"""What began so much later than now began under a wrong clock, and does not count as done."""
MINUTE = timedelta(seconds=59)
"""A cron line names minutes: what began within one has had its turn, even if the clock was set a little since."""
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SLACK = timedelta(seconds=1)
"""A clock that is kept right by a server is set back by less than this."""
Now = Callable[[], datetime]


class Journal(Protocol):
    """Remembers what the service did, from one process to the next."""

    def begin(self, job: str, at: datetime) -> None:
        """Note that a job begins."""
        ...

    def end(self, job: str, at: datetime, code: int) -> None:
        """Note how a job ended."""
        ...

    def began(self, job: str) -> datetime | None:
        """Say when a job last began."""
        ...

    def is_cut_off(self, job: str) -> bool:
        """Say whether a job began, did not end, and was not begun again for that before."""
        ...

    def beat(self, at: datetime) -> None:
        """Note that the service lives."""
        ...


@dataclass
class Forgetful:
    """A journal for one process."""

    jobs: dict[str, datetime] = field(default_factory=dict)

    def begin(self, job: str, at: datetime) -> None:
        """Note that a job begins."""
        self.jobs[job] = at

    def end(self, job: str, at: datetime, code: int) -> None:
        """Nobody asks how it ended."""

    def began(self, job: str) -> datetime | None:
        """Say when a job last began."""
        return self.jobs.get(job)

    def is_cut_off(self, job: str) -> bool:  # noqa: ARG002 it knows of none
        """A process that is killed forgets everything."""
        return False

    def beat(self, at: datetime) -> None:
        """Nobody asks whether it lives."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def scheduler_for(
    schedule: Schedule,
    run: Callable[[str], object],
    at: Callable[..., str],
    journal: Journal | None = None,
    now: Now = _utc_now,
    kind: Callable[..., Any] = BackgroundScheduler,
) -> Any:
    """Make a scheduler with every job; `run` is told which kind of job is due, and gives its exit code."""
    # In UTC no hour comes twice; the cron lines keep their own time zone.
    made, journal = kind(timezone=UTC), journal or Forgetful()
    for name, job in schedule.jobs.items():
        trigger = _trigger(name, job, schedule.timezone, at)
        made.add_job(
            partial(_noted, name, run, journal, now),
            trigger,
            args=[job.run],
            id=name,
            name=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=_due(trigger, name, journal, now()),
        )
    return made


def _noted(name: str, run: Callable[[str], object], journal: Journal, now: Now, kind: str) -> None:
    journal.begin(name, now())
    code = run(kind)
    journal.end(name, now(), int(code) if isinstance(code, int) else 0)


def _due(trigger: Any, name: str, journal: Journal, now: datetime) -> datetime | None:
    """When a job is due next, given when it last began: at once, if it missed a turn or was killed in it."""
    began = journal.began(name)
    if began is None or began > now + WRONG_CLOCK:
        return _after(trigger, now)
    if journal.is_cut_off(name):
        return now
    due = _after(trigger, began + MINUTE) if isinstance(trigger, CronTrigger) else began + trigger.interval
    if due is None or due <= now:
        return now if due is not None else None
    return due if isinstance(trigger, CronTrigger) else min(due, now + trigger.interval)


def _after(trigger: Any, moment: datetime) -> datetime | None:
    if isinstance(trigger, CronTrigger):
        found: datetime | None = trigger.get_next_fire_time(None, moment)
        return found
    later: datetime = moment + trigger.interval
    return later


@dataclass
class Watch:
    """Looks at the clock: wakes the scheduler, and sets it right when the clock went back."""

    made: Any
    journal: Journal
    now: Now = _utc_now
    last: datetime | None = None

    def tick(self) -> None:
        """Look once."""
        now = self.now()
        if self.last is not None and now < self.last - SLACK:
            for job in self.made.get_jobs():
                job.modify(next_run_time=_due(job.trigger, job.id, self.journal, now))
        self.last = now
        # The scheduler sleeps by a clock that stands still while a machine does: it has to be woken to see the hour.
        self.made.wakeup()
        self.journal.beat(now)


def run_until_stopped(
    made: Any,
    ready: Callable[[], None],
    stopped: threading.Event | None = None,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Run until SIGTERM or SIGINT, then let running jobs end; `ready` is told once both are heard."""
    stopped = stopped or threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    made.start()
    tick()
    ready()
    while not stopped.wait(TICK_SECONDS):
        tick()
    made.shutdown(wait=True)


def next_times(made: Any) -> Mapping[str, Any]:
    """When each job runs next."""
    return {job.id: getattr(job, "next_run_time", None) for job in made.get_jobs()}


def due_times(schedule: Schedule, at: Callable[..., str], now: datetime) -> Mapping[str, datetime | None]:
    """When each job would run next after a moment; None where its cron line names no day that comes."""
    return {
        name: _trigger(name, job, schedule.timezone, at).get_next_fire_time(None, now)
        for name, job in schedule.jobs.items()
    }


def due_after(schedule: Schedule, job: str, at: Callable[..., str]) -> Callable[[datetime], datetime | None]:
    """Tell when a kind of job is first due after a moment, in the schedule's time zone and over its clock changes."""

    def first(after: datetime) -> datetime | None:
        zone = ZoneInfo(schedule.timezone)
        times = []
        for name, one in schedule.jobs.items():
            if one.run != job:
                continue
            if one.every_minutes:
                times.append(after + timedelta(minutes=one.every_minutes))
                continue
            trigger = _trigger(name, one, schedule.timezone, at)
            next_time = trigger.get_next_fire_time(None, after.astimezone(zone) + timedelta(seconds=1))
            if next_time is not None:
                times.append(next_time.astimezone(UTC))
        return min(times, default=None)

    return first


def look_after(made: Any, look: Callable[[], object]) -> None:
    """Look after the jobs themselves, every ten minutes and once at the start."""
    made.add_job(
        look,
        IntervalTrigger(minutes=LOOK_MINUTES, timezone=UTC),
        id="look",
        max_instances=1,
        coalesce=True,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=None,
    )


def _trigger(name: str, job: Job, timezone: str, at: Callable[..., str]) -> CronTrigger | IntervalTrigger:
    where = at("playbooks/schedule.yaml", "jobs", name)
    match (job.cron, job.every_minutes):
        case (str() as cron, None):
            try:
                return _cron(cron, timezone)
            except ValueError as wrong:
                raise ConfigError(
                    f"job {name}: {wrong}", at=where, hint='five fields, such as "30 5 * * 1-5"'
                ) from None
        case (None, int() as minutes) if minutes > 0:
            return IntervalTrigger(minutes=minutes, timezone=UTC)
        case _:
            raise ConfigError(f"job {name} needs either `cron` or `every_minutes`", at=where, hint="every_minutes: 10")


def _cron(line: str, timezone: str) -> CronTrigger:
    """Read a cron line as cron does: Sunday is 0 or 7 there, while the library's 0 is Monday."""
    fields = line.split()
    if len(fields) == len(("minute", "hour", "day", "month", "weekday")):
        fields[-1] = ",".join(_weekdays(part) for part in fields[-1].split(","))
    made = _OnceTrigger if "*" not in "".join(fields[:2]) else CronTrigger
    return made.from_crontab(" ".join(fields), timezone=timezone)


class _OnceTrigger(CronTrigger):  # type: ignore[misc]  # the library ships no types
    """A cron line with fixed hours and minutes: a time that comes twice, in autumn, is meant once."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        found: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        if found is not None and found.fold:
            found = super().get_next_fire_time(found, found)
        return found


def _weekdays(part: str) -> str:
    """Write one part of cron's fifth field (`1-5`, `7`, `*/2`, `mon`) out as names of days."""
    body, _, step = part.partition("/")
    if body == "*" and not step:
        return "*"
    first, _, last = ("0-6" if body == "*" else body).partition("-")
    start, end = _weekday(first), _weekday(last or first)
    if end < start:
        end += 7
    return ",".join(WEEKDAYS[day % 7] for day in range(start, end + 1, int(step or 1)))


def _weekday(name: str) -> int:
    return WEEKDAYS.index(name.lower()) if name.lower() in WEEKDAYS else int(name)
