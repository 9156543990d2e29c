"""A delivery may be killed at any instant; the next run makes it whole and doubles nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.change import Desired, Policy
from connector.domain.run import RunStatus
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import (
    DESTINATION,
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

KEY = opportunity(1).key
EVERYTHING = 60
"""More commits and calls than any delivery here makes."""


def die(world: World, desired: Sequence[Desired], lives: int, dies_after: bool) -> bool:
    """Deliver until the n-th commit or call; True if it came to that."""
    plan = world.plan(desired)
    try:
        world.deliver(plan, means=Mortal(lives, dies_after).means(world.means()))
    except Killed:
        world.ledger.close()
        world.ledger = Ledger(world.url)
        world.clock.sleep(901)
        return True
    return False


@pytest.mark.parametrize("dies_after", [False, True])
def test_one_more_run_completes_a_killed_one(dies_after: bool) -> None:
    """Killed at any point, the next run leaves each key once, every association there, and nothing to do."""
    for lives in range(1, EVERYTHING):
        # No type carries a key: the CRM itself would take a second record.
        crm = MemoryCrm(SCHEMAS, abilities([TASK], shows=False, keyed=()), size=3)
        world = World(scratch(), crm)
        world.sync([opportunity(1, "100")])
        desired = [opportunity(1, "120"), opportunity(2), opportunity(3), task(1), task(2)]
        was_killed = die(world, desired, lives, dies_after)

        world.sync(desired)
        before = len(crm.written)
        quiet = world.sync(desired)

        assert quiet.status is RunStatus.SUCCESS
        assert len(crm.written) == before
        assert set(crm.created.values()) == {1}
        assert len(crm.created) == 5
        assert {number: record.links.get("account") for number in (1, 2, 3) if (record := crm.by_key(f"{number:032x}"))}
        assert all(record.links for record in map(crm.by_key, crm.created) if record)
        assert (crm.by_key(KEY) or pytest.fail("no record")).fields["amount"] == "120"
        world.sync([opportunity(1, "130")])
        assert (crm.by_key(KEY) or pytest.fail("no record")).fields["amount"] == "130", "handed over to nobody"
        world.ledger.close()
        if not was_killed:
            return
    pytest.fail("the delivery never ran to its end")


def kill_before_hearing(world: World, desired: Sequence[Desired]) -> None:
    """Let the first write arrive and its answer be lost with the process."""
    # take, enqueue, renew, SENDING, write
    assert die(world, desired, 5, dies_after=True)


def test_an_edit_made_after_a_lost_update_stays(tmp_path: Path) -> None:
    """What a person typed over an update that nobody heard of is theirs."""
    world = World(tmp_path)
    world.sync([opportunity(1, "100")])
    kill_before_hearing(world, [opportunity(1, "120")])
    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.fields["amount"] == "120"
    world.crm.edit(record.id, "amount", "95")

    for amount in ("120", "130", "140"):
        world.sync([opportunity(1, amount)])

    assert world.crm.stored[record.id].fields["amount"] == "95"


def test_an_edit_of_another_field_after_a_lost_update_stays(tmp_path: Path) -> None:
    """One field that came through proves that the update landed; the other one shows a person's value."""
    world = World(tmp_path)
    world.sync([with_fields(opportunity(1, "100"), note=("old", Policy.MERGE))])
    kill_before_hearing(world, [with_fields(opportunity(1, "120"), note=("new", Policy.MERGE))])
    record = world.crm.by_key(KEY)
    assert record is not None
    world.crm.edit(record.id, "note", "mine")

    for amount in ("120", "130"):
        world.sync([with_fields(opportunity(1, amount), note=(f"new {amount}", Policy.MERGE))])

    assert world.crm.stored[record.id].fields["note"] == "mine"
    assert world.crm.stored[record.id].fields["amount"] == "130"


def test_a_lost_update_that_landed_is_still_ours(tmp_path: Path) -> None:
    """A plan made before the loss was noticed does not take our own value for a person's."""
    world = World(tmp_path)
    world.sync([opportunity(1, "100")])
    kill_before_hearing(world, [opportunity(1, "120")])

    for amount in ("130", "140"):
        world.sync([opportunity(1, amount)])

    assert not world.ledger.receipts.records(DESTINATION)[KEY].receipts["amount"].handed_over
    assert (world.crm.by_key(KEY) or pytest.fail("no record")).fields["amount"] == "140"
