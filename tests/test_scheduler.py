"""The scheduled service: jobs from YAML, none overlapping itself, missed ticks made up for once, a clean stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.domain.errors import ConfigError
from connector.domain.play import Job, Schedule
from connector.scheduler import look_after, run_until_stopped, scheduler_for

ROOT = Path(__file__).resolve().parent.parent
SCHEDULE = Schedule(jobs={"nightly": Job(cron="30 5 * * 1-5"), "stages": Job(run="stages", every_minutes=10)})


def test_jobs_come_from_the_schedule() -> None:
    """A cron line and an interval become jobs of the named kind, in the project's time zone."""
    made = scheduler_for(SCHEDULE, lambda _job: None, lambda *_: "")

    jobs = {job.id: job for job in made.get_jobs()}
    assert isinstance(jobs["nightly"].trigger, CronTrigger)
    assert isinstance(jobs["stages"].trigger, IntervalTrigger)
    assert (jobs["nightly"].args, jobs["stages"].args) == (("sync",), ("stages",))
    assert str(jobs["nightly"].trigger.timezone) == "Europe/Paris"


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("1-5", {0, 1, 2, 3, 4}),
        ("0", {6}),
        ("7", {6}),
        ("5-7", {4, 5, 6}),
        ("0-2", {6, 0, 1}),
        ("mon,3", {0, 2}),
        ("*", set(range(7))),
    ],
)
def test_weekdays_are_crons(field: str, days: set[int]) -> None:
    """In a cron line 0 and 7 are Sunday and 1 is Monday, so `1-5` works every working day."""
    made = scheduler_for(Schedule(jobs={"x": Job(cron=f"30 5 * * {field}")}), lambda _job: None, lambda *_: "")
    (job,) = made.get_jobs()
    paris = ZoneInfo("Europe/Paris")
    moments = [job.trigger.get_next_fire_time(None, datetime(2026, 11, 2 + day, tzinfo=paris)) for day in range(14)]

    assert {moment.weekday() for moment in moments} == days


def test_no_job_overlaps_itself_and_missed_ticks_are_one() -> None:
    """A job has one instance at most, and ticks missed meanwhile run once."""
    made = scheduler_for(SCHEDULE, lambda _job: None, lambda *_: "")

    assert all(job.max_instances == 1 and job.coalesce for job in made.get_jobs())


@pytest.mark.parametrize(
    "job", [Job(), Job(cron="5 4 * *"), Job(cron="* * * * *", every_minutes=5), Job(every_minutes=0)]
)
def test_a_job_nobody_can_run_is_told_with_its_place(job: Job) -> None:
    """No time, a broken cron line or two times: refused before anything starts, with file and line."""
    with pytest.raises(ConfigError, match=r"schedule\.yaml:7"):
        scheduler_for(Schedule(jobs={"x": job}), lambda _job: None, lambda *_: "playbooks/schedule.yaml:7:3")


def test_a_running_job_ends_before_the_service_does() -> None:
    """Asked to stop, the service waits for the job that runs."""
    began, ended, stopped = threading.Event(), threading.Event(), threading.Event()

    def job(_kind: str) -> None:
        began.set()
        stopped.wait(5)
        ended.set()

    made = scheduler_for(SCHEDULE, job, lambda *_: "")
    made.add_job(job, "interval", hours=1, args=["now"], next_run_time=datetime.now(UTC))
    threading.Thread(target=lambda: (began.wait(5), stopped.set())).start()
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        run_until_stopped(made, lambda: None, stopped)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)

    assert ended.is_set()
    assert not made.running


def test_one_service_at_a_time_and_a_clean_stop(tmp_path: Path) -> None:
    """`run` says its jobs and lives; a second one on the same state is refused; SIGTERM ends the first with 0."""
    env = {**os.environ, "CONNECTOR_HOME": str(ROOT), "CONNECTOR_STATE_DIR": str(tmp_path), "CONNECTOR_CRM": "hubspot"}

    def command(*words: str) -> list[str]:
        return [sys.executable, "-c", "from connector.cli import main; main()", *words]

    with subprocess.Popen(command("run"), env=env, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        first = service.stdout.readline()
        second = subprocess.run(command("run"), env=env, capture_output=True, text=True, check=False)
        health = subprocess.run(command("health"), env=env, capture_output=True, text=True, check=False)
        service.send_signal(signal.SIGTERM)
        rest = service.stdout.read()

    assert first.startswith("jobs: nightly, stages")
    assert (second.returncode, second.stdout) == (2, "")
    assert f"another `connector run` works with this state: process {service.pid} on " in second.stderr
    assert (health.returncode, f"process {service.pid} on " in health.stdout) == (0, True)
    assert rest.strip() == "stopped cleanly"
    assert service.returncode == 0


def test_the_jobs_are_looked_after_from_the_start() -> None:
    """Whoever tells people of silence looks at once: a service that was restarted may owe messages."""
    looked = threading.Event()
    made = scheduler_for(Schedule(jobs={}), lambda _job: None, lambda *_: "")
    look_after(made, looked.set)

    made.start()
    try:
        assert looked.wait(10)
    finally:
        made.shutdown(wait=True)
