"""Steps `deliver` and `settle` around a plan: may it run unasked, and carrying it out."""

from __future__ import annotations

from connector.domain.change import Plan
from connector.domain.policy import Approval
from connector.domain.run import Delivered
from connector.ports.clock import Clock
from connector.ports.crm import Crm
from connector.services.deliver import deliver
from connector.services.memory import Memory
from connector.services.plan import counts
from connector.services.session import Limits, Means


def needs_approval(plan: Plan, policy: Approval) -> bool:
    """Say whether a plan does more than a run may do unasked."""
    planned = counts(plan)
    changed = planned["update"] + planned["associate"]
    return planned["create"] > policy.creates or changed > policy.changes or planned["close"] > policy.closes


def apply_plan(
    plan: Plan, crm: Crm, memory: Memory, clock: Clock, holder: str, config_hash: str, patience: float = 0
) -> Delivered:
    """Carry a plan out and note that it was; the destination is agreed to from now on.

    `patience`: seconds to wait while another process delivers to the same destination.
    """
    memory.plans.save(plan)
    memory.destinations.remember(crm.reader.destination())
    means = Means(crm.writer, crm.reader, memory.outbox, memory.receipts, memory.leases, clock, holder)
    delivered = deliver(plan, means, config_hash, memory.destinations.epoch(), Limits(wait_seconds=patience))
    memory.plans.applied(plan.run_id)
    return delivered
