"""`connector run`: the scheduled service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.cli.boundary import redact
from connector.cli.options import Crm, settings
from connector.cli.output import ERR, OUT


def run(
    crm: Crm = None,
    once: Annotated[bool, typer.Option("--once", help="Run every job now, once, and stop.")] = False,
) -> None:
    """Run the jobs of playbooks/schedule.yaml until stopped (SIGTERM ends cleanly).

    Example: connector run --crm salesforce
    """
    from connector.bootstrap import project_of
    from connector.scheduler import next_times, run_until_stopped, scheduler_for

    chosen = settings(crm)
    project = project_of(chosen)
    if once:
        for job in project.schedule.jobs.values():
            _run(job.run, crm)
        return
    made = scheduler_for(project.schedule, lambda job: _run(job, crm), project.at)
    jobs = f"jobs: {', '.join(next_times(made))} ({project.schedule.timezone}); stop with SIGTERM or Ctrl-C"
    run_until_stopped(made, ready=lambda: OUT.print(jobs))
    OUT.print("stopped cleanly")


def _run(job: str, crm: str | None) -> None:
    """Run one job; what goes wrong with it is said, and the service goes on."""
    from connector.bootstrap import business_now, open_work
    from connector.domain.errors import ConnectorError
    from connector.services.run import Request, run_job

    chosen = settings(crm)
    began = datetime.now(UTC)
    try:
        with open_work(chosen) as work:
            outcome = run_job(work, Request(business_now(chosen), job=job))
    except ConnectorError as wrong:
        ERR.print(f"{began:%H:%M:%S} {job}: {redact(str(wrong))}", markup=False)
        return
    delivered = ", ".join(f"{name} {count}" for name, count in outcome.summary["delivered"].items() if count)
    OUT.print(f"{began:%H:%M:%S} {job}: {outcome.run.status}; {delivered or 'nothing to write'}", markup=False)
