"""`connector run`: the scheduled service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.cli.alerting import look_for_silence, watched
from connector.cli.boundary import redact, saved
from connector.cli.options import Crm, Json, settings
from connector.cli.output import ERR, OUT, say_json
from connector.cli.propensity import ADRIFT, train_once
from connector.domain.errors import ConnectorError, Exit, worst

TRAIN = "train"
"""The job that learns from history and writes nothing to a CRM."""
PATIENCE_SECONDS = 300
"""How long a scheduled job waits for another that delivers to the same CRM, before it gives up its turn."""


def run(
    crm: Crm = None,
    once: Annotated[bool, typer.Option("--once", help="Run every job now, once, and stop.")] = False,
) -> None:
    """Run the jobs of playbooks/schedule.yaml until stopped (SIGTERM ends cleanly).

    One service works with a state folder at a time. A turn that was missed, while it was down too, is made up for once.
    With --once the exit code is that of the job that ended worst.

    Example: connector run --crm salesforce
    """
    from connector.bootstrap import open_service, project_of
    from connector.scheduler import Watch, look_after, next_times, run_until_stopped, scheduler_for

    chosen = settings(crm)
    with watched(chosen, "sync"):  # a service that cannot even start is not silent either
        project = project_of(chosen)
    if once:
        raise typer.Exit(worst([_run(job.run, crm) for job in project.schedule.jobs.values()]))

    def due(job: str) -> Exit:
        return _run(job, crm)

    def look() -> None:
        try:
            look_for_silence(settings(crm))
        except ConnectorError as wrong:  # each job says it, too
            ERR.print(f"alerts: {redact(str(wrong))}", markup=False)

    with open_service(chosen) as (journal, left):
        if left:
            ERR.print(f"the service before ({left}) ended without a word; what it left is finished now", markup=False)
        made = scheduler_for(project.schedule, due, project.at, journal)
        jobs = f"jobs: {', '.join(next_times(made))} ({project.schedule.timezone}); stop with SIGTERM or Ctrl-C"
        look_after(made, look)
        run_until_stopped(made, ready=lambda: OUT.print(jobs), tick=Watch(made, journal).tick)
    OUT.print("stopped cleanly")


def health(json: Json = False) -> None:
    """Say whether the service on this state folder lives, and how each of its jobs ended last.

    It ends with 0 while the service gives a sign of life, else with 2; a container's health check asks it. How jobs
    ended changes nothing: a restart would not mend that.

    Example: connector health --json
    """
    from connector.bootstrap import service_journal
    from connector.services.alive import alive

    told = alive(service_journal(settings()), datetime.now(UTC))
    if json:
        say_json(told)
    else:
        OUT.print(told["said"], markup=False)
        for name, job in told["jobs"].items():
            ended = f"ended {job['ended']} with {job['exit']}" if job["ended"] else "runs, or was cut off"
            OUT.print(f"  {name}: began {job['began']}, {ended}", markup=False)
    raise typer.Exit(Exit.OK if told["alive"] else Exit.MEND)


def _run(job: str, crm: str | None) -> Exit:
    """Run one job and say how it ended; whatever goes wrong with it, the other jobs go on."""
    began = datetime.now(UTC)
    try:
        return _trained(crm, began) if job == TRAIN else _ran(job, crm, began)
    except ConnectorError as wrong:
        ERR.print(f"{began:%H:%M:%S} {job}: {redact(str(wrong))}", markup=False)
        return wrong.exit_code
    except Exception as bug:  # one job's bug must not end the service, nor reach its log with a stack
        ERR.print(f"{began:%H:%M:%S} {job}: bug: {redact(str(saved(bug)))}", markup=False)
        return Exit.BUG


def _trained(crm: str | None, began: datetime) -> Exit:
    """Learn a card from history; two months out of band are worth an alert."""
    chosen = settings(crm)
    with watched(chosen, TRAIN) as watching:
        told = train_once(chosen)
        ended = Exit.PARTIAL if told["adrift"] else Exit.OK
        watching.learnt(ended, told)
    what = f"{told['evidence']}, weight {told['weight']:.2f}" if told["in_use"] else f"{told['evidence']}, not in use"
    OUT.print(f"{began:%H:%M:%S} {TRAIN}: card {told['hash']}: {ADRIFT if told['adrift'] else what}", markup=False)
    return ended


def _ran(job: str, crm: str | None, began: datetime) -> Exit:
    """Run a job that writes."""
    from connector.bootstrap import business_now, open_work
    from connector.domain.run import EXITS, RunStatus
    from connector.services.run import run_job
    from connector.services.work import Request

    chosen = settings(crm)
    with watched(chosen, job) as watching, open_work(chosen, actor=f"job {job}") as work:
        outcome = run_job(work, Request(business_now(chosen, work.project), job=job, patience=PATIENCE_SECONDS))
        watching.note(work, outcome, job)
    delivered = ", ".join(f"{name} {count}" for name, count in outcome.summary["delivered"].items() if count)
    if outcome.run.status is RunStatus.WAITING:
        delivered = f"approve it with `connector approve {outcome.run.id} --by NAME`"
    if outcome.run.status is RunStatus.SHADOW:
        would = ", ".join(f"{name} {count}" for name, count in outcome.summary["plan"].items() if count)
        delivered = f"nothing was written (mode is shadow); it would: {would or 'nothing'}"
    schema = outcome.summary.get("schema", {})
    if schema.get("problems"):
        delivered += f"; the CRM and the mapping differ, {schema['held']} new records wait for it"
    told = f"run {outcome.run.id} {outcome.run.status}; {delivered or 'nothing to write'}"
    OUT.print(f"{began:%H:%M:%S} {job}: {told}", markup=False)
    return EXITS[outcome.run.status]
