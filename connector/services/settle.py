"""Steps `deliver` and `settle` around a plan: may it run unasked, how much may it cost, and carrying it out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connector.domain.audit import Act, Deed
from connector.domain.change import Allowance, Plan
from connector.domain.mapping import ApiBudget
from connector.domain.policy import Approval
from connector.domain.run import Delivered
from connector.ports.clock import Clock
from connector.ports.crm import Crm
from connector.services.batches import WRITTEN
from connector.services.deliver import deliver
from connector.services.memory import Memory
from connector.services.plan import counts
from connector.services.session import Limits, Means
from connector.services.spare import plan_without_forgotten

DAY = timedelta(days=1)
RUNS_OF_A_DAY = 500


@dataclass(frozen=True)
class Delivering:
    """What carries a plan out: the CRM, the ledger, and in whose name."""

    crm: Crm
    memory: Memory
    clock: Clock
    holder: str
    config_hash: str
    budget: ApiBudget = field(default_factory=ApiBudget)
    actor: str = "connector"


def too_much(plan: Plan, policy: Approval, standing: int) -> list[str]:
    """Say in what a plan does more than a run may do unasked; `standing`: records of ours that exist."""
    planned = counts(plan)
    changed = planned["update"] + planned["associate"]
    touched = planned["update"] + planned["close"]
    allowed = (
        (planned["create"], policy.creates, "creates", "creates"),
        (changed, policy.changes, "changes", "changes"),
        (planned["close"], policy.closes, "closes", "closes"),
    )
    why = [f"{verb} {count:,} (`approval.{name}: {most}`)" for count, most, verb, name in allowed if count > most]
    if touched >= policy.least and touched > policy.share * standing:
        why.append(f"touches {touched:,} of {standing:,} records of ours (`approval.share: {policy.share:g}`)")
    return why


def calls_left(allowance: Allowance | None, budget: ApiBudget, spent: int) -> int | None:
    """Say how many API calls delivery may make; None where the CRM does not tell of a day's limit.

    `spent`: calls that we made in the last 24 hours, this run's included.
    """
    if allowance is None:
        return None
    ours = int(budget.share * allowance.allowed) - spent
    untouched = allowance.left - int(budget.floor * allowance.allowed)
    return max(0, min(ours, untouched))


def apply_plan(
    plan: Plan, means: Delivering, patience: float = 0, deed: Deed | None = None, late: bool = False
) -> Delivered:
    """Carry a plan out and note that it was; the destination is agreed to from now on.

    `patience`: seconds to wait while another process delivers to the same destination. `deed`: who let it happen.
    `late`: it was made before, and so does not speak for what was planned since.
    """
    crm, memory = means.crm, means.memory
    plan = plan_without_forgotten(plan, memory.suppressions)
    memory.plans.save(plan)
    memory.destinations.remember(crm.reader.destination())
    if any(change.action in WRITTEN for change in plan.changes):
        memory.audit.note(plan.destination, [deed or _applied(plan, means)])
    using = Means(
        crm.writer,
        crm.reader,
        crm.meter,
        memory.outbox,
        memory.receipts,
        memory.leases,
        means.clock,
        means.holder,
        crm.bulk,
        means.actor,
        memory.holds,
        memory.runs,
        memory.suppressions,
    )
    limits = Limits(calls=_calls_left(plan, means), wait_seconds=patience)
    delivered = deliver(_as_late(plan) if late else plan, using, means.config_hash, memory.destinations.epoch, limits)
    memory.plans.applied(plan.run_id)
    return delivered


def _as_late(plan: Plan) -> Plan:
    """It speaks for itself alone, and is compared with the CRM however young it is: people were at work meanwhile."""
    return replace(plan, whole=False, changes=tuple(replace(change, read_at=None) for change in plan.changes))


def _calls_left(plan: Plan, means: Delivering) -> int | None:
    since = _at(means.clock) - DAY
    spent = sum(
        run.summary.get("api_calls", {}).get("crm", 0)
        for run in means.memory.runs.list(RUNS_OF_A_DAY)
        if run.destination == plan.destination and run.started_at >= since
    )
    return calls_left(means.crm.meter.allowance(), means.budget, spent + means.crm.meter.calls())


def _applied(plan: Plan, means: Delivering) -> Deed:
    return Deed(_at(means.clock), means.actor, Act.APPLY, plan.run_id, plan.run_id)


def _at(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
