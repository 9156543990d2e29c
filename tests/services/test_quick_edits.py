"""A person who edits a record in the moments between a write and its read-back is not taken for the CRM itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.change import Desired, Outcome, Policy, Write
from connector.services.summary import left_to_people
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import DESTINATION, SCHEMAS, World, abilities, opportunity, with_fields

KEY = opportunity(1).key
OURS = {"amount": "120", "note": "47 of 50 seats used", "stage": "Proposed"}


class Quick(MemoryCrm):
    """A CRM whose answers show nothing, and a person who edits what was written before it is read back."""

    edits: tuple[tuple[str, str], ...] = ()

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        outcomes = super().write(batch)
        for outcome in outcomes:
            record = self.stored.get(outcome.crm_id or "")
            for name, value in self.edits if record is not None else ():
                self.edit(outcome.crm_id or "", name, value)
        return outcomes


def wanted(**values: str) -> Desired:
    return with_fields(opportunity(1), **{name: (value, Policy.MERGE) for name, value in {**OURS, **values}.items()})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, Quick(SCHEMAS, abilities(shows=False)))


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(("name", "typed"), [("amount", "95"), ("stage", "Consult"), ("note", "call Bob first")])
def test_an_edit_before_the_read_back_is_a_persons(world: World, is_new: bool, name: str, typed: str) -> None:
    """The receipt keeps what was sent, so that the next plan sees the edit, and no news overwrites it."""
    crm = world.crm
    assert isinstance(crm, Quick)
    if not is_new:
        world.sync([wanted(amount="1", stage="Old", note="old")])
    crm.edits = ((name, typed),)
    world.sync([wanted()])
    crm.edits = ()
    receipt = world.ledger.receipts.records(DESTINATION)[KEY].receipts[name]

    plan = world.plan([wanted(amount="130", stage="Confront", note="49 of 50")])
    world.deliver(plan)

    assert (receipt.sent, receipt.shown) == (OURS[name], OURS[name])
    assert left_to_people(plan) == {"fields": 1}
    record = crm.by_key(KEY)
    assert record is not None
    assert record.fields[name] == typed


def test_what_the_crm_makes_of_a_value_is_nobodys_edit(world: World) -> None:
    """Spelling, case and decimals that it changes by itself are no edit: nothing is sent again, all stays ours."""
    world.crm.rewrites = lambda spec, value: {"note": (value or "").upper(), "amount": "119.5"}.get(spec.name, value)
    world.sync([wanted(amount="119.46")])

    again = world.plan([wanted(amount="119.46")])

    receipts = world.ledger.receipts.records(DESTINATION)[KEY].receipts
    assert (receipts["note"].shown, receipts["amount"].shown) == (OURS["note"].upper(), "119.5")
    assert {change.action for change in again.changes} == {"unchanged"}
    assert left_to_people(again) == {}


def test_a_field_of_our_own_is_written_again(world: World) -> None:
    """Whoever was quicker there, it is ours: the next run repairs it."""
    crm = world.crm
    assert isinstance(crm, Quick)
    ours = replace(wanted(), fields=with_fields(wanted(), score=("31", Policy.OWN)).fields)
    crm.edits = (("score", "99"),)
    world.sync([ours])
    crm.edits = ()

    world.sync([ours])

    record = crm.by_key(KEY)
    assert record is not None
    assert record.fields["score"] == "31"
