"""The promises of delivery under everything at once: lost answers, refusals, people, and death at any commit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.adapters.ledger import Ledger
from connector.domain.change import Desired, Outcome, Policy, Write
from connector.testing.memory_crm import FAULTS, MemoryCrm
from tests.services.delivery_world import (
    DESTINATION,
    OPPORTUNITY,
    SCHEMAS,
    TASK,
    World,
    abilities,
    opportunity,
    scratch,
    task,
    with_fields,
)
from tests.services.mortal import Killed, Mortal

ACCOUNTS = 2
numbers = st.integers(0, ACCOUNTS - 1)
values = st.integers(1, 4).map(str)


class Delivery(RuleBasedStateMachine):
    """Runs, people and accidents in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = scratch()
        self.wanted: dict[int, Desired] = {}
        self.typed: dict[tuple[str, str], str] = {}
        """(key, field) → what a person typed there last."""

    @initialize(
        inline=st.sampled_from([(), (TASK,), (TASK, OPPORTUNITY)]),
        shows=st.booleans(),
        keyed=st.sampled_from([(), (OPPORTUNITY,), (OPPORTUNITY, TASK)]),
    )
    def begin(self, inline: Sequence[Any], shows: bool, keyed: Sequence[Any]) -> None:
        # Where a type carries no key, nothing but the mechanism itself prevents a second record.
        crm = MemoryCrm(SCHEMAS, abilities(inline, shows, keyed), size=2)
        crm.rewrites = lambda spec, value: (value or "").upper() or None if spec.name == "note" else value
        self.world = World(self.folder, crm, ACCOUNTS)

    def desired(self) -> list[Desired]:
        return [*self.wanted.values(), *(task(number) for number in self.wanted)]

    @rule(number=numbers, amount=values, score=values)
    def want(self, number: int, amount: str, score: str) -> None:
        self.wanted[number] = with_fields(
            opportunity(number, amount),
            score=(score, Policy.OWN),
            note=(f"note {score}", Policy.OWN),
            next_step=(f"call about {amount}", Policy.FILL),
        )

    @rule(number=numbers, name=st.sampled_from(["amount", "next_step"]), value=st.sampled_from(["7", "8", "1"]))
    def person_edits(self, number: int, name: str, value: str) -> None:
        record = self.world.crm.by_key(f"{number:032x}")
        if record is not None and not record.archived and record.fields.get(name) != value:
            self.world.crm.edit(record.id, name, value)
            self.typed[f"{number:032x}", name] = value
            self.world.clock.sleep(61)

    @rule(number=numbers, of_task=st.booleans())
    def person_deletes(self, number: int, of_task: bool) -> None:
        record = self.world.crm.by_key(f"{number + 1000 * of_task:032x}")
        if record is not None:
            self.world.crm.delete(record.id)

    @rule(faults=st.lists(st.sampled_from([*FAULTS, None]), max_size=4))
    def run(self, faults: list[Any]) -> None:
        self.world.crm.faults = [fault or _works for fault in faults]
        self.world.sync(self.desired())
        self.world.crm.faults = []

    @rule(lives=st.integers(1, 16), dies_after=st.booleans(), fault=st.sampled_from([*FAULTS, None]))
    def run_and_die(self, lives: int, dies_after: bool, fault: Any) -> None:
        plan = self.world.plan(self.desired())
        mortal = Mortal(lives, dies_after)
        self.world.crm.faults = [fault] if fault else []
        try:
            self.world.deliver(plan, means=mortal.means(self.world.means()))
        except Killed:
            self.world.ledger.close()
            self.world.ledger = Ledger(self.world.url)
            self.world.clock.sleep(301)  # its lease lapses
        self.world.crm.faults = []

    @precondition(lambda self: self.wanted)
    @rule(number=numbers, value=values)
    def plan_waits_while_a_person_edits(self, number: int, value: str) -> None:
        plan = self.world.plan(self.desired())
        self.world.clock.sleep(61)
        self.person_edits(number, "amount", value)
        self.world.deliver(plan)

    @rule()
    def down(self) -> None:
        plan = self.world.plan(self.desired())
        self.world.clock.sleep(61)
        self.world.crm.is_down = True
        self.world.deliver(plan)
        self.world.crm.is_down = False

    @rule()
    def settle(self) -> None:
        """After quiet runs all is there, and one more writes nothing."""
        self.world.clock.sleep(901)  # what has no key may be on its way for so long
        for _ in range(4):
            self.world.sync(self.desired())
        before = len(self.world.crm.written)
        last = self.world.sync(self.desired())

        assert len(self.world.crm.written) == before, self.world.crm.written[before:]
        assert set(last.by_entry.values()) <= {"waiting"}, last
        for number, wanted in self.wanted.items():
            self.opportunity_is_there(number, wanted)
        self.nothing_twice()
        self.edits_stand()

    def opportunity_is_there(self, number: int, wanted: Desired) -> None:
        record = self.world.crm.by_key(wanted.key)
        assert record is not None
        if record.archived:
            return
        assert record.links["account"] == (f"account-{number}",)
        assert record.fields["score"] == wanted.fields["score"].value
        assert record.fields["note"] == (wanted.fields["note"].value or "").upper()
        receipts = self.world.ledger.receipts.records(DESTINATION)[wanted.key].receipts
        if (wanted.key, "amount") not in self.typed:
            assert not receipts["amount"].handed_over
            assert record.fields["amount"] == wanted.fields["amount"].value
        follow_up = self.world.crm.by_key(task(number).key)
        assert follow_up is not None
        if not follow_up.archived:
            assert follow_up.links["what"] == (record.id,)

    @invariant()
    def nothing_twice(self) -> None:
        """Each key is created at most once, whatever happened."""
        if hasattr(self, "world"):
            assert all(count == 1 for count in self.world.crm.created.values()), self.world.crm.created

    @invariant()
    def edits_stand(self) -> None:
        """What a person typed in a shared field is never overwritten."""
        for (key, name), value in self.typed.items():
            record = self.world.crm.by_key(key)
            assert record is not None
            assert record.fields[name] == value

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.settle()
            self.world.ledger.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _works(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    return crm.carry_out(batch)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
