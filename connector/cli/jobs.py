"""`connector run`: the scheduled service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.cli.boundary import redact, saved
from connector.cli.options import Crm, settings
from connector.cli.output import ERR, OUT
from connector.domain.errors import ConnectorError, Exit, worst

PATIENCE_SECONDS = 300
"""How long a scheduled job waits for another that delivers to the same CRM, before it gives up its turn."""


def run(
    crm: Crm = None,
    once: Annotated[bool, typer.Option("--once", help="Run every job now, once, and stop.")] = False,
) -> None:
    """Run the jobs of playbooks/schedule.yaml until stopped (SIGTERM ends cleanly).

    With --once the exit code is that of the job that ended worst.

    Example: connector run --crm salesforce
    """
    from connector.bootstrap import project_of
    from connector.scheduler import next_times, run_until_stopped, scheduler_for

    chosen = settings(crm)
    project = project_of(chosen)
    if once:
        raise typer.Exit(worst([_run(job.run, crm) for job in project.schedule.jobs.values()]))

    def due(job: str) -> None:
        _run(job, crm)

    made = scheduler_for(project.schedule, due, project.at)
    jobs = f"jobs: {', '.join(next_times(made))} ({project.schedule.timezone}); stop with SIGTERM or Ctrl-C"
    run_until_stopped(made, ready=lambda: OUT.print(jobs))
    OUT.print("stopped cleanly")


def _run(job: str, crm: str | None) -> Exit:
    """Run one job and say how it ended; whatever goes wrong with it, the other jobs go on."""
    from connector.bootstrap import business_now, open_work
    from connector.domain.run import EXITS, RunStatus
    from connector.services.run import Request, run_job

    began = datetime.now(UTC)
    try:
        chosen = settings(crm)
        with open_work(chosen, actor=f"job {job}") as work:
            outcome = run_job(work, Request(business_now(chosen, work.project), job=job, patience=PATIENCE_SECONDS))
    except ConnectorError as wrong:
        ERR.print(f"{began:%H:%M:%S} {job}: {redact(str(wrong))}", markup=False)
        return wrong.exit_code
    except Exception as bug:  # one job's bug must not end the service, nor reach its log with a stack
        ERR.print(f"{began:%H:%M:%S} {job}: bug: {redact(str(saved(bug)))}", markup=False)
        return Exit.BUG
    delivered = ", ".join(f"{name} {count}" for name, count in outcome.summary["delivered"].items() if count)
    if outcome.run.status is RunStatus.WAITING:
        delivered = f"approve it with `connector approve {outcome.run.id} --by NAME`"
    schema = outcome.summary.get("schema", {})
    if schema.get("problems"):
        delivered += f"; the CRM and the mapping differ, {schema['held']} new records wait for it"
    told = f"run {outcome.run.id} {outcome.run.status}; {delivered or 'nothing to write'}"
    OUT.print(f"{began:%H:%M:%S} {job}: {told}", markup=False)
    return EXITS[outcome.run.status]
