"""A plan that is applied later than one that was made after it: what the newer one wants stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.change import Desired, Plan
from connector.domain.hold import Hold
from connector.domain.outbox import OutboxEntry
from connector.domain.run import RunStatus
from connector.services.opening import open_run
from connector.services.settle import apply_plan
from connector.services.stepping import NEWER_PLAN
from connector.testing.memory_crm import quota_spent, refused
from tests.services.delivery_world import NOW, scratch
from tests.services.undo_world import UndoWorld, key_of, opportunity, task


@pytest.fixture
def world(tmp_path: Path) -> UndoWorld:
    return UndoWorld(tmp_path)


def planned(world: UndoWorld, *desired: Desired, whole: bool = False) -> Plan:
    """A plan of a run of its own; nothing is written."""
    run = open_run(world.memory, world.crm.destination(), "sync", world.now, agreed=True)
    return replace(world.planned(desired, run.id), whole=whole)


def told(world: UndoWorld, plan: Plan) -> dict[str, tuple[str, str | None]]:
    """State and reason of what a plan wanted for each record, by its title."""
    entries: Sequence[OutboxEntry] = world.memory.outbox.of_run(plan.run_id)
    return {one.change.title: (one.state.value, one.reason) for one in entries if one.verb != "associate"}


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(("fault", "waits"), [(quota_spent, "pending"), (refused, "parked")])
def test_what_waits_for_a_newer_plan_stands(world: UndoWorld, late: bool, fault: object, waits: str) -> None:
    """The older plan's change is moved, and what the newer one wants is what the CRM gets in the end."""
    world.run(opportunity(1, "100"))
    older = planned(world, opportunity(1, "200"), opportunity(2), whole=True)
    newer = planned(world, opportunity(1, "300"))
    world.crm.faults = [fault]  # type: ignore[list-item]
    apply_plan(newer, world.work().delivering())
    waited = told(world, newer)

    delivered = apply_plan(older, world.work().delivering(), late=late)
    apply_plan(planned(world), world.work().delivering())

    assert waited["Opportunity 1"][0] == waits
    assert told(world, older) == {"Opportunity 1": ("superseded", "moved"), "Opportunity 2": ("delivered", None)}
    assert (delivered.moved, delivered.status) == (1, RunStatus.PARTIAL)
    assert told(world, newer)["Opportunity 1"][0] == "delivered"
    assert world.show(key_of(1))["amount"] == "300"


def test_a_newer_plan_takes_the_place_of_an_older_one(world: UndoWorld) -> None:
    """The other way round nothing has changed: what waited is superseded."""
    older, newer = planned(world, opportunity(1, "200")), planned(world, opportunity(1, "300"))
    world.crm.faults = [quota_spent]
    apply_plan(older, world.work().delivering())

    apply_plan(newer, world.work().delivering(), late=True)

    assert told(world, older) == {"Opportunity 1": ("superseded", NEWER_PLAN)}
    assert told(world, newer) == {"Opportunity 1": ("delivered", None)}


def test_an_older_plan_that_tells_everything_gives_up_nothing_newer(world: UndoWorld) -> None:
    """What it does not speak of was not there when it was made: that is no reason to give it up."""
    older = planned(world, opportunity(2), whole=True)
    newer = planned(world, opportunity(1), task(1))
    world.crm.faults = [quota_spent]
    apply_plan(newer, world.work().delivering())

    apply_plan(older, world.work().delivering())
    apply_plan(planned(world), world.work().delivering())

    assert {state for state, _ in told(world, newer).values()} == {"delivered"}
    assert {state for state, _ in told(world, older).values()} == {"delivered"}


def test_what_a_person_took_back_is_given_up_however_new(world: UndoWorld) -> None:
    """A hold laid meanwhile drops what waits for the record, whichever plan is applied next."""
    older, newer = planned(world, opportunity(2)), planned(world, opportunity(1))
    world.crm.faults = [quota_spent]
    apply_plan(newer, world.work().delivering())
    lease = world.memory.leases.take(newer.destination, "Ana", world.clock.now(), 60)
    assert lease is not None
    world.memory.outbox.commit(lease, holds=[Hold(key_of(1), "account-1", newer.run_id, "Ana", NOW)])
    world.memory.leases.release(lease)

    apply_plan(older, world.work().delivering())

    assert told(world, newer)["Opportunity 1"][0] == "dropped"
    assert world.crm.by_key(key_of(1)) is None


@given(order=st.permutations(range(4)))
@settings(max_examples=24)
def test_in_whatever_order_the_newest_word_is_the_last(order: list[int]) -> None:
    """Plans for one record, put off in any order: the newest of them waits, and it is what the CRM gets."""
    world = UndoWorld(scratch())
    world.run(opportunity(1, "100"))
    plans = [planned(world, opportunity(1, str(200 + number))) for number in range(4)]

    for count, number in enumerate(order, 1):
        world.crm.faults = [quota_spent]
        apply_plan(plans[number], world.work().delivering(), late=True)
        (waits,) = world.memory.outbox.entries(plans[number].destination)
        assert waits.run_id == plans[max(order[:count])].run_id
    apply_plan(planned(world), world.work().delivering())

    assert world.show(key_of(1))["amount"] == "203"
