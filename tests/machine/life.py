"""The connector's side of a sequence: processes that live, die and begin anew over one ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol, cast
from unittest.mock import patch

from urllib3.connectionpool import HTTPConnectionPool

from connector.adapters.ledger import Ledger
from connector.config.project import load_project
from connector.domain.audit import Act
from connector.domain.change import Desired, Plan
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.project import Project, mapping_of
from connector.domain.receipt import KnownRecord
from connector.domain.run import Delivered, Run
from connector.ports.clock import Clock
from connector.ports.crm import Crm
from connector.ports.ledger import Selection
from connector.services.batches import no_jobs
from connector.services.lookback import look_back
from connector.services.memory import Memory
from connector.services.outbox_desk import Desk, choose
from connector.services.plan import PlanContext, make_plan
from connector.services.settle import apply_plan
from connector.services.summary import of_plan
from connector.services.undo import Undone, release, undo
from connector.services.work import Work
from tests.services.delivery_world import scratch
from tests.services.mortal import Killed, Mortal

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG, WHO = "config", "Ana"
LEASE_LAPSES = 301
NUMBERS = count(1)


@cache
def empty_ledger() -> Path:
    """A ledger that nothing was written to yet; a copy of it needs no migration."""
    path = scratch() / "empty.db"
    Ledger(f"sqlite:///{path}").close()
    return path


def new_ledger() -> str:
    """The URL of a ledger of its own."""
    path = empty_ledger().with_name(f"{next(NUMBERS)}.db")
    shutil.copy(empty_ledger(), path)
    return f"sqlite:///{path}"


@cache
def rules_of(crm: str) -> Project:
    """The shipped project for a CRM."""
    return replace(load_project(CHECKOUT, ["files"], crm), hash=CONFIG)


def memory_of(ledger: Ledger) -> Memory:
    """The parts of a ledger, as steps ask for them."""
    return Memory(**{one.name: getattr(ledger, one.name) for one in fields(Memory)})


class Reach(Protocol):
    """How a process reaches its CRM."""

    clock: Clock

    @property
    def org(self) -> str:
        """The destination's id."""
        ...

    def connect(self) -> Crm:
        """A new connection."""
        ...


class Life:
    """One ledger and whichever process works with it now."""

    def __init__(self, reach: Reach, url: str, runs: int = 0, holder: str = "") -> None:
        self.reach = reach
        self.url = url
        self.runs = runs
        self.holder = holder
        self.destination = reach.org
        self._begin()

    def _begin(self) -> None:
        self.ledger = Ledger(self.url)
        self.memory = memory_of(self.ledger)
        self.crm = self.reach.connect()

    def restart(self) -> None:
        """The process ends and another begins."""
        self.ledger.close()
        self._begin()

    # What a run does

    def plan(self, desired: Sequence[Desired], **changed: Any) -> Plan:
        """Plan what is desired; raises LaterError when the CRM does not answer."""
        self.runs += 1
        run = Run(f"run-{self.runs:04d}", "sync", self.destination, self.now, self.now)
        self.memory.runs.open(run)
        context = PlanContext(
            run_id=run.id,
            job=run.job,
            destination=self.destination,
            now=self.now,
            config_hash=CONFIG,
            ledger_epoch=self.memory.destinations.epoch(),
            clock=self.reach.clock,
            batch_size=self.crm.writer.batch_size,
            job_size=self.crm.bulk.size if self.crm.bulk else no_jobs,
            holds=self.memory.holds.all(self.destination),
        )
        return make_plan(desired, [], self.crm.reader, self.known, replace(context, **changed))

    def apply(self, plan: Plan, memory: Memory | None = None) -> Delivered:
        """Carry a plan out."""
        delivered = apply_plan(plan, self.work(memory).delivering())
        self.memory.runs.close(plan.run_id, delivered.status, self.now, of_plan(plan, delivered))
        return delivered

    def undo(self, run_id: str) -> Undone:
        """Take a run back, as a person does who says yes."""
        return undo(self.work(), look_back(self.work(), run_id, WHO, self.now), agree=True, tell=lambda *_: None)

    def release(self, run_id: str) -> None:
        """Let the next runs write again what an undoing holds."""
        release(self.memory, run_id, WHO, self.now)

    def drop(self, ids: Sequence[str]) -> None:
        """Give entries of the outbox up, as a person does."""
        desk = Desk(self.memory, self.reach.clock, WHO, self.destination)
        chosen = choose(self.memory.outbox, self.destination, Selection(ids=tuple(ids)), Act.DROP)
        desk.drop(chosen, WHO, "not wanted any more")

    def work(self, memory: Memory | None = None) -> Work:
        """What a run is made of; there is no billing."""
        rules, nothing = rules_of(self.destination.partition(":")[0]), cast(Any, None)
        holder = self.holder or f"process of run {self.runs}"
        parts = (rules, mapping_of(rules), self.crm, memory or self.memory, self.reach.clock)
        return Work(*parts, nothing, nothing, nothing, holder)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.reach.clock.now(), UTC)

    def dies(self, plan: Plan, lives: int, dies_after: bool) -> bool:
        """Carry a plan out until the n-th commit, move of the lease or HTTP request; True if it came to that."""
        mortal = Mortal(lives, dies_after)
        memory = replace(
            self.memory,
            outbox=mortal.wrap(self.memory.outbox, ["commit"]),
            leases=mortal.wrap(self.memory.leases, ["take", "renew", "release"]),
        )
        try:
            with mortal_requests(mortal):
                self.apply(plan, memory)
        except Killed:
            self.restart()
            self.reach.clock.sleep(LEASE_LAPSES)
            return True
        return False

    # What the ledger holds

    @property
    def known(self) -> dict[str, KnownRecord]:
        return self.ledger.receipts.records(self.destination)

    @property
    def held(self) -> set[str]:
        """Keys that nothing is written to, because their run was taken back."""
        return set(self.ledger.holds.all(self.destination))

    def entries(self, *states: DeliveryState) -> list[OutboxEntry]:
        """Outbox entries in some states; all of them when none is named."""
        return self.ledger.outbox.entries(self.destination, states or tuple(DeliveryState))

    def close(self) -> None:
        self.ledger.close()


@contextmanager
def mortal_requests(mortal: Mortal) -> Iterator[None]:
    """Let every HTTP request, of whichever client, be a moment at which the process may die."""
    send: Callable[..., Any] = HTTPConnectionPool.urlopen

    def urlopen(pool: HTTPConnectionPool, *args: Any, **options: Any) -> Any:
        return mortal.call(send)(pool, *args, **options)

    with patch.object(HTTPConnectionPool, "urlopen", urlopen):
        yield
