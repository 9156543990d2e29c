"""Our side: plan, outbox, batches and receipts, as `connector sync` runs them, without billing and scoring before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from crm_place import Answered, Place
from records import NOW

from connector.adapters.ledger import this_process
from connector.bootstrap import open_ledger
from connector.config.settings import Settings
from connector.domain.change import Desired, Plan
from connector.domain.outbox import verb_of
from connector.ports.crm import Crm
from connector.services.batches import WRITTEN, JobSize, Phase, no_jobs
from connector.services.memory import Memory
from connector.services.plan import PlanContext, make_plan
from connector.services.settle import Delivering, apply_plan


@dataclass(frozen=True)
class Run:
    """What one run did: changes planned by phase, what was answered, and seconds by the benchmark's clock."""

    phases: Counter[Phase]
    by_job: frozenset[Phase]
    """Phases that travel in jobs of the vendor's bulk API."""
    delivered: int
    planning: Answered
    delivering: Answered
    plan_seconds: float
    seconds: float
    """Of the delivery alone."""
    waited: float
    """Seconds of both that were spent in waiting for the vendor's limit."""
    worked: float
    """Seconds of both in which this process worked."""

    @property
    def undelivered(self) -> int:
        return self.phases.total() - self.delivered


@contextmanager
def ledger(folder: Path) -> Iterator[Memory]:
    """Open a ledger of the benchmark's own."""
    with open_ledger(Settings(state_dir=folder)) as memory:
        yield memory


def run(place: Place, memory: Memory, wanted: Sequence[Desired], run_id: str) -> Run:
    """Plan and deliver once, over a new connection."""
    crm = place.connect()
    opened, skipped = place.answered(), place.clock.skipped()
    worked, began = process_time(), place.clock.monotonic()
    plan = planned(place, crm, memory, wanted, run_id)
    plan_seconds, planning = place.clock.monotonic() - began, place.answered()
    began = place.clock.monotonic()
    delivered = apply_plan(plan, Delivering(crm, memory, place.clock, this_process(), "bench"))
    seconds, worked = place.clock.monotonic() - began, process_time() - worked
    phases = phases_of(plan)
    return Run(
        phases=phases,
        by_job=frozenset(phase for phase, count in phases.items() if job_size(crm)(*phase, count)),
        delivered=delivered.ok,
        planning=planning - opened,
        delivering=place.answered() - planning,
        plan_seconds=plan_seconds,
        seconds=seconds,
        waited=place.clock.skipped() - skipped,
        worked=worked,
    )


def planned(place: Place, crm: Crm, memory: Memory, wanted: Sequence[Desired], run_id: str) -> Plan:
    """Make the plan of one run."""
    destination = crm.reader.destination().id
    context = PlanContext(
        run_id=run_id,
        job="sync",
        destination=destination,
        now=NOW,
        config_hash="bench",
        ledger_epoch=memory.destinations.epoch(),
        clock=place.clock,
        batch_size=crm.writer.batch_size,
        job_size=job_size(crm),
        decided=memory.outbox.prepare,
    )
    return make_plan(wanted, [], crm.reader, memory.receipts.records(destination), context)


def job_size(crm: Crm) -> JobSize:
    """Ask the CRM's way for many writes how many one job carries, where it has one."""
    return crm.bulk.size if crm.bulk else no_jobs


def phases_of(plan: Plan) -> Counter[Phase]:
    """Count the changes of a plan that reach the CRM, by verb and type."""
    return Counter((verb_of(change), change.type) for change in plan.changes if change.action in WRITTEN)
