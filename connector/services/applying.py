"""Carries out a plan that was made before: from a file, or one that waits for approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connector.domain.audit import Act, Deed
from connector.domain.change import Plan
from connector.domain.errors import MendError, PlanRefusedError
from connector.domain.run import Delivered, Run, RunStatus
from connector.services.drift import held_for_schema
from connector.services.links import person
from connector.services.opening import check_installed, open_run
from connector.services.settle import apply_plan
from connector.services.shadow import refuse_in_shadow
from connector.services.summary import kept, of_plan
from connector.services.work import Outcome, Tell, Work


def apply_file(work: Work, plan: Plan, agree: bool, tell: Tell) -> Outcome:
    """Apply a plan that somebody looked at; that look is the approval."""
    refuse_in_shadow(work.project, f"plan {plan.run_id}")
    stored = work.memory.plans.get(plan.run_id)
    if stored is None:
        raise PlanRefusedError(
            f"this ledger made no plan in run {plan.run_id!r}: it was restored or rebuilt since, or it is another",
            hint="make a new plan; files are not edited",
        )
    if stored.plan != plan:
        raise PlanRefusedError(
            f"this file differs from the plan that run {plan.run_id} made",
            hint="make the plan again; files are not edited",
        )
    return _apply(work, plan, agree, tell)


def apply_waiting(work: Work, run_id: str, by: str, tell: Tell) -> Outcome:
    """Approve the plan of a run and apply it."""
    by = person(by)
    refuse_in_shadow(work.project, f"plan {run_id}")
    work.memory.plans.approve(run_id, by)
    stored = work.memory.plans.get(run_id)
    assert stored is not None
    deed = Deed(datetime.fromtimestamp(work.clock.now(), UTC), by, Act.APPROVE, run_id, run_id)
    return _apply(work, stored.plan, True, tell, deed)


def _apply(work: Work, plan: Plan, agree: bool, tell: Tell, deed: Deed | None = None) -> Outcome:
    destination = work.crm.reader.destination()
    if destination.id != plan.destination:
        raise MendError(
            f"the plan is for {plan.destination}, the credentials lead to {destination.id}",
            hint="use the credentials of the CRM that the plan was made for",
        )
    check_installed(work.crm.setup, work.mapping)
    run = open_run(work.memory, destination, "apply", plan.created_at, agree)
    tell("deliver")
    try:
        delivered = apply_plan(plan, work.delivering(), deed=deed, late=True)
    except BaseException:
        work.memory.runs.close(run.id, RunStatus.FAILED, datetime.now(UTC), {"applies": plan.run_id})
        raise
    is_short = held_for_schema(plan.changes) and delivered.status is RunStatus.SUCCESS
    status = RunStatus.PARTIAL if is_short else delivered.status
    summary = _summary(work, run, plan, status, delivered)
    work.memory.runs.close(run.id, status, datetime.now(UTC), kept(summary))
    return Outcome(replace(run, status=status), plan, summary)


def _summary(work: Work, run: Run, plan: Plan, status: RunStatus, delivered: Delivered) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "applies": plan.run_id,
        "status": str(status),
        "destination": plan.destination,
        **of_plan(plan, delivered),
        "api_calls": {"crm": work.crm.meter.calls()},
    }
