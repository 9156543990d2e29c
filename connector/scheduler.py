"""Runs the jobs of `playbooks/schedule.yaml` until asked to stop.

Each job runs one at a time and a tick that was missed (a long run, a sleeping laptop) is made up for once. Jobs that
write to one CRM share it by its delivery lease. SIGTERM lets the running step end: every write is recorded before the
next begins, so a harder stop loses nothing either.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.domain.errors import ConfigError
from connector.domain.play import Job, Schedule

GRACE_SECONDS = 3600
WATCH_MINUTES = 10
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def scheduler_for(schedule: Schedule, run: Callable[[str], object], at: Callable[..., str]) -> BackgroundScheduler:
    """Make a scheduler with every job; `run` is told which kind of job is due."""
    made = BackgroundScheduler(timezone=schedule.timezone)
    for name, job in schedule.jobs.items():
        made.add_job(
            run,
            _trigger(name, job, schedule.timezone, at),
            args=[job.run],
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=GRACE_SECONDS,
        )
    return made


def run_until_stopped(
    made: BackgroundScheduler, ready: Callable[[], None], stopped: threading.Event | None = None
) -> None:
    """Run until SIGTERM or SIGINT, then let running jobs end; `ready` is told once both are heard."""
    stopped = stopped or threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    made.start()
    ready()
    stopped.wait()
    made.shutdown(wait=True)


def next_times(made: BackgroundScheduler) -> Mapping[str, Any]:
    """When each job runs next."""
    return {job.id: getattr(job, "next_run_time", None) for job in made.get_jobs()}


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


def watch(made: BackgroundScheduler, look: Callable[[], object]) -> None:
    """Look after the jobs themselves, every ten minutes and once at the start."""
    made.add_job(
        look,
        IntervalTrigger(minutes=WATCH_MINUTES),
        id="watch",
        max_instances=1,
        coalesce=True,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=GRACE_SECONDS,
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
            return IntervalTrigger(minutes=minutes, timezone=timezone)
        case _:
            raise ConfigError(f"job {name} needs either `cron` or `every_minutes`", at=where, hint="every_minutes: 10")


def _cron(line: str, timezone: str) -> CronTrigger:
    """Read a cron line as cron does: Sunday is 0 or 7 there, while the library's 0 is Monday."""
    fields = line.split()
    if len(fields) == len(("minute", "hour", "day", "month", "weekday")):
        fields[-1] = ",".join(_weekdays(part) for part in fields[-1].split(","))
    return CronTrigger.from_crontab(" ".join(fields), timezone=timezone)


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
