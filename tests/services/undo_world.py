"""A connector with an in-memory CRM whose runs are taken back: real ledger and delivery, a mapping of five fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from connector.adapters.ledger import Ledger
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.audit import AuditRecord
from connector.domain.change import (
    CrmRecord,
    Desired,
    DesiredField,
    FieldSpec,
    FieldType,
    Link,
    Plan,
    Policy,
    RecordType,
    Ref,
    Schema,
    Stage,
)
from connector.domain.episode import Episode
from connector.domain.project import Project
from connector.domain.run import Delivered, Run, RunStatus
from connector.ports.crm import Crm
from connector.services.lookback import Undoing, look_back
from connector.services.memory import Memory
from connector.services.opening import open_run
from connector.services.plan import PlanContext, make_plan
from connector.services.settle import apply_plan
from connector.services.summary import of_plan
from connector.services.undo import Undone, undo
from connector.services.work import Work
from connector.testing.clock import SimulatedClock
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import ACCOUNT, DESTINATION, NOW, OPPORTUNITY, TASK, abilities

FIELDS = {
    "name": FieldSpec("name", FieldType.TEXT, length=40),
    "amount": FieldSpec("amount", FieldType.NUMBER),
    "note": FieldSpec("note", FieldType.TEXT),
    "stage": FieldSpec("stage", FieldType.PICKLIST),
    "status": FieldSpec("status", FieldType.PICKLIST),
    "key": FieldSpec("key", FieldType.TEXT),
}
STAGES = (Stage("s1", "Proposed"), Stage("s2", "Lost", closed=True), Stage("s3", "Won", closed=True, won=True))
OPEN, DONE, CANCELLED = "Not Started", "Completed", "Deferred"


def rules() -> Project:
    """The shipped project, with a mapping of the fields above."""
    project = load_project(shipped(), ["stripe"], "salesforce")
    assert project.mapping is not None
    stages = {**project.mapping.opportunity.stages, "proposed": "Proposed", "withdrawn": "Lost", "lost": "Lost"}
    opportunity = replace(project.mapping.opportunity, key="key", stage="stage", stages=stages)
    task = replace(project.mapping.task, key="key", status="status", open=OPEN, done=[DONE], cancelled=CANCELLED)
    return replace(project, mapping=replace(project.mapping, opportunity=opportunity, task=task, install={}))


RULES = rules()


def opportunity(number: int, amount: str | None = "100", note: str | None = None, clear: bool = False) -> Desired:
    """An opportunity of account `number`; its key is `key_of(number)`."""
    return Desired(
        type=OPPORTUNITY,
        key=key_of(number),
        account_id=f"account-{number}",
        title=f"Opportunity {number}",
        reason="47 of 50 seats used",
        fields={
            "name": DesiredField(f"Opportunity {number}", Policy.CREATE),
            "stage": DesiredField("s1", Policy.CREATE),
            "amount": DesiredField(amount, Policy.MERGE, clear=clear),
            "note": DesiredField(note, Policy.MERGE, clear=clear),
        },
        links=(Link("account", "AccountId", Ref(ACCOUNT, id=f"account-{number}")),),
    )


def task(number: int, name: str = "Call", parent: bool = True) -> Desired:
    """A task on the opportunity of account `number`; its key is `task_of(number)`."""
    to = Ref(OPPORTUNITY, key=key_of(number)) if parent else Ref(ACCOUNT, id=f"account-{number}")
    return Desired(
        type=TASK,
        key=task_of(number),
        account_id=f"account-{number}",
        title=f"Call account {number}",
        reason="accept, or say that it is not useful",
        fields={"name": DesiredField(name, Policy.MERGE), "status": DesiredField(OPEN, Policy.MERGE)},
        links=(Link("what", "WhatId", to),),
    )


def key_of(number: int) -> str:
    return f"{number:032x}"


def task_of(number: int) -> str:
    return f"{1000 + number:032x}"


@dataclass
class Feed:
    """The CRM's stages; nothing else is asked here."""

    asked: int = 0

    def stages(self) -> list[Stage]:
        self.asked += 1
        return list(STAGES)


@dataclass
class UndoWorld:
    """One ledger and one CRM, seen by one run after another, each a day after the last."""

    folder: Path
    accounts: int = 10
    now: datetime = NOW
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    specs: dict[str, FieldSpec] = field(default_factory=lambda: dict(FIELDS))

    def __post_init__(self) -> None:
        self.crm = MemoryCrm({type: Schema(type, self.specs) for type in RecordType}, abilities())
        for number in range(self.accounts):
            self.crm.put(ACCOUNT, f"account-{number}", {"name": f"Account {number}"})
        self.open()

    def open(self) -> None:
        """Open the ledger, as a process does that begins."""
        ledger = Ledger(f"sqlite:///{self.folder / 'ledger.db'}")
        parts = Memory.__dataclass_fields__
        self.memory = Memory(**{name: getattr(ledger, name) for name in parts})
        self.close = ledger.close

    def work(self, **parts: Any) -> Work:
        """What a run is made of; `parts` of the CRM or the ledger may be given another way."""
        nothing: Any = None
        crm: Any = Crm(
            parts.get("reader", self.crm),
            parts.get("feed", Feed()),
            parts.get("writer", self.crm),
            SimpleNamespace(missing=lambda _wanted: {}),  # type: ignore[arg-type]
            self.crm.meter,
            nothing,
        )
        memory = parts.get("memory", self.memory)
        return Work(RULES, RULES.mapping, crm, memory, self.clock, nothing, nothing, self.folder, "me")  # type: ignore[arg-type]

    def planned(self, desired: Sequence[Desired], run_id: str, episodes: Sequence[Episode] = ()) -> Plan:
        context = PlanContext(
            run_id=run_id,
            job="sync",
            destination=DESTINATION,
            now=self.now,
            config_hash=RULES.hash,
            ledger_epoch=self.memory.destinations.epoch(),
            clock=self.clock,
            batch_size=self.crm.batch_size,
            holds=self.memory.holds.all(DESTINATION),
        )
        return make_plan(desired, [], self.crm, self.memory.receipts.records(DESTINATION), context, episodes)

    def run(self, *desired: Desired, episodes: Sequence[Episode] = ()) -> Run:
        """A run that delivers what is desired."""
        run = open_run(self.memory, self.crm.destination(), "sync", self.now, agreed=True)
        plan = self.planned(desired, run.id, episodes)
        delivered = apply_plan(plan, self.work().delivering())
        return self.ended(run, plan, delivered)

    def ended(self, run: Run, plan: Plan, delivered: Delivered) -> Run:
        self.memory.runs.close(run.id, delivered.status, self.now, of_plan(plan, delivered))
        self.now += timedelta(days=1)
        self.clock.sleep(86_400)
        ended = self.memory.runs.get(run.id)
        assert ended is not None
        return ended

    def look(self, run: Run | str) -> Undoing:
        return look_back(self.work(), run if isinstance(run, str) else run.id, "Ana", self.now)

    def undo(self, run: Run, work: Work | None = None) -> Undone:
        """Undo a run, as a person does who says yes."""
        using = work or self.work()
        return undo(using, look_back(using, run.id, "Ana", self.now), agree=True, tell=lambda *_: None)

    def record(self, key: str) -> CrmRecord:
        """One of our records, as it stands in the CRM."""
        found = self.crm.by_key(key)
        assert found is not None
        return found

    def show(self, key: str) -> Mapping[str, Any]:
        return self.record(key).fields

    def edit(self, key: str, name: str, value: str | None) -> None:
        """A person types a value into one of our records."""
        self.crm.edit(self.record(key).id, name, value)

    def trail(self) -> Iterator[AuditRecord]:
        return self.memory.audit.records(DESTINATION)


def left_of(told: Undone) -> set[tuple[str, str | None, str]]:
    """What is named as left: (record, field, why)."""
    return {(one["title"], one["field"], str(one["why"])) for one in told.summary["left"]}


SUCCESS = RunStatus.SUCCESS
