"""A small world for delivery tests: an in-memory CRM, a ledger on disk, a simulated clock."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from connector.adapters.ledger import Ledger
from connector.domain.change import (
    Abilities,
    Desired,
    DesiredField,
    FieldSpec,
    FieldType,
    Link,
    Plan,
    Policy,
    RecordType,
    Ref,
    Scalar,
    Schema,
)
from connector.domain.run import Delivered
from connector.services.deliver import deliver
from connector.services.plan import PlanContext, make_plan
from connector.services.session import Limits, Means
from connector.testing.clock import SimulatedClock
from connector.testing.memory_crm import MemoryCrm

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OPPORTUNITY, TASK, ACCOUNT = RecordType.OPPORTUNITY, RecordType.TASK, RecordType.ACCOUNT
DESTINATION = "memory:org"
FIELDS = {
    "name": FieldSpec("name", FieldType.TEXT, length=20),
    "amount": FieldSpec("amount", FieldType.NUMBER),
    "score": FieldSpec("score", FieldType.NUMBER),
    "note": FieldSpec("note", FieldType.TEXT),
    "next_step": FieldSpec("next_step", FieldType.TEXT),
    "stage": FieldSpec("stage", FieldType.PICKLIST),
    "formula": FieldSpec("formula", FieldType.NUMBER, createable=False, updateable=False),
}
SCHEMAS = {type: Schema(type, FIELDS) for type in RecordType}


def abilities(
    inline: Sequence[RecordType] = (TASK,), shows: bool = True, keyed: Sequence[RecordType] = (OPPORTUNITY, TASK)
) -> Abilities:
    return Abilities(frozenset(keyed), frozenset(inline), shows)


def opportunity(number: int, amount: str = "100", **fields: DesiredField) -> Desired:
    """An opportunity of account `number`, linked to it."""
    return Desired(
        type=OPPORTUNITY,
        key=f"{number:032x}",
        account_id=f"account-{number}",
        title=f"Opportunity {number}",
        reason="47 of 50 seats used",
        fields={
            "name": DesiredField(f"Opportunity {number}", Policy.CREATE),
            "stage": DesiredField("Proposed", Policy.CREATE),
            "amount": DesiredField(amount, Policy.MERGE),
            **fields,
        },
        links=(Link("account", "AccountId", Ref(ACCOUNT, id=f"account-{number}")),),
        value=number,
    )


def task(number: int) -> Desired:
    """A task on the opportunity of account `number`."""
    return Desired(
        type=TASK,
        key=f"{1000 + number:032x}",
        account_id=f"account-{number}",
        title=f"Call account {number}",
        reason="accept, or say that it is not useful",
        fields={"name": DesiredField(f"Call {number}", Policy.MERGE)},
        links=(Link("what", "WhatId", Ref(OPPORTUNITY, key=f"{number:032x}")),),
    )


def with_fields(desired: Desired, **values: tuple[Scalar, Policy]) -> Desired:
    """The same record with other values."""
    fields = {name: DesiredField(value, policy) for name, (value, policy) in values.items()}
    return replace(desired, fields={**desired.fields, **fields})


SHARED_MEMORY = Path("/dev/shm")
"""A file there is as real as on disk, and does not wait for the disk."""


def scratch() -> Path:
    """Make a folder that goes with the process."""
    folder = tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None)
    atexit.register(folder.cleanup)
    return Path(folder.name)


class World:
    """One destination, seen by one run after another."""

    def __init__(self, folder: Path, crm: MemoryCrm | None = None, accounts: int = 10) -> None:
        self.crm = crm or MemoryCrm(SCHEMAS, abilities())
        for number in range(accounts):
            self.crm.put(ACCOUNT, f"account-{number}", {"name": f"Account {number}"})
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.ledger = Ledger(self.url)
        self.clock = SimulatedClock()
        self.runs = 0

    def plan(self, desired: Sequence[Desired], config: str = "config", whole: bool = False) -> Plan:
        self.runs += 1
        context = PlanContext(
            run_id=f"run-{self.runs:04d}",
            job="sync",
            destination=DESTINATION,
            now=NOW,
            config_hash=config,
            ledger_epoch=self.ledger.destinations.epoch(),
            clock=self.clock,
            batch_size=self.crm.batch_size,
            whole=whole,
            holds=self.ledger.holds.all(DESTINATION),
        )
        return make_plan(desired, [], self.crm, self.ledger.receipts.records(DESTINATION), context)

    def means(self) -> Means:
        return Means(
            writer=self.crm,
            reader=self.crm,
            meter=self.crm.meter,
            outbox=self.ledger.outbox,
            receipts=self.ledger.receipts,
            leases=self.ledger.leases,
            clock=self.clock,
            holder=f"process-{self.runs}",
        )

    def deliver(self, plan: Plan, limits: Limits | None = None, means: Means | None = None) -> Delivered:
        return deliver(plan, means or self.means(), "config", self.ledger.destinations.epoch, limits or Limits())

    def sync(self, desired: Sequence[Desired], limits: Limits | None = None) -> Delivered:
        return self.deliver(self.plan(desired), limits)

    def lose_ledger(self, folder: Path) -> None:
        self.ledger.close()
        self.url = f"sqlite:///{folder / 'another.db'}"
        self.ledger = Ledger(self.url)
