"""Many writes travel as one job, and whatever happens to it every record is made once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.audit import first_broken
from connector.domain.outbox import DeliveryState
from connector.domain.run import Delivered, RunStatus
from connector.services.session import Limits, Means
from connector.testing.memory_bulk import MemoryBulk, Mishap
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import DESTINATION, SCHEMAS, World, abilities, opportunity, scratch, task
from tests.services.mortal import Killed, Mortal

MANY = [opportunity(number) for number in range(1, 8)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, MemoryCrm(SCHEMAS, abilities(inline=list(SCHEMAS)), size=3), accounts=20)


@pytest.fixture
def bulk(world: World) -> MemoryBulk:
    return MemoryBulk(world.crm)


def means(world: World, bulk: MemoryBulk) -> Means:
    return replace(world.means(), bulk=bulk)


def sync(world: World, bulk: MemoryBulk, desired: list, limits: Limits | None = None) -> Delivered:  # type: ignore[type-arg]
    return world.deliver(world.plan(desired), limits, means(world, bulk))


def test_many_records_travel_in_one_job(world: World, bulk: MemoryBulk) -> None:
    """From the vendor's threshold on, one job carries them; results are joined by entry, not by order."""
    delivered = sync(world, bulk, [*MANY, *(task(number) for number in range(1, 3))])

    assert (delivered.ok, delivered.status) == (9, RunStatus.SUCCESS)
    assert [job.state for job in bulk.jobs.values()] == ["done"]
    assert len(next(iter(bulk.jobs.values())).batch) == len(MANY)
    assert {world.crm.created[one.key] for one in MANY} == {1}


def test_few_records_travel_in_batches(world: World, bulk: MemoryBulk) -> None:
    """Below the threshold no job is made."""
    delivered = sync(world, bulk, MANY[:3])

    assert (delivered.ok, bulk.jobs) == (3, {})


def test_a_poison_record_is_parked_alone(world: World, bulk: MemoryBulk) -> None:
    """One record that the CRM refuses keeps no other of its job back."""
    poison = replace(MANY[3], links=(replace(MANY[3].links[0], to=replace(MANY[3].links[0].to, id="nobody")),))

    delivered = sync(world, bulk, [*MANY[:3], poison, *MANY[4:]])

    assert (delivered.ok, delivered.parked, delivered.status) == (6, 1, RunStatus.PARTIAL)


@pytest.mark.parametrize("mishap", ["no_begin", "lost_start", "lost_request", "vanished"])
def test_a_mishap_of_a_job_loses_and_doubles_nothing(world: World, bulk: MemoryBulk, mishap: Mishap) -> None:
    """Not made, its start lost either way, or known to nobody any more: each record is there once."""
    bulk.mishaps = [mishap]

    first = sync(world, bulk, MANY)
    second = sync(world, bulk, MANY)

    assert {world.crm.created[one.key] for one in MANY} == {1}
    assert first.ok + second.ok == len(MANY)
    assert second.status is RunStatus.SUCCESS


def test_a_job_that_takes_too_long_is_asked_again_by_the_next_run(world: World, bulk: MemoryBulk) -> None:
    """What is still on the wire blocks its records; the next delivery asks the same job."""
    bulk.mishaps = ["forever"]
    first = sync(world, bulk, MANY, Limits(job_seconds=60))
    bulk.mishaps = []

    second = sync(world, bulk, MANY)

    assert (first.unknown, first.status) == (7, RunStatus.PARTIAL)
    assert (len(bulk.jobs), second.ok) == (1, 7)
    assert {world.crm.created[one.key] for one in MANY} == {1}


@pytest.mark.parametrize("dies_after", [False, True])
def test_a_killed_job_is_settled_by_the_next_run(dies_after: bool) -> None:
    """Killed at any commit or call, also between upload, note and start: one more run leaves each key once."""
    for lives in range(1, 30):
        world = World(scratch(), MemoryCrm(SCHEMAS, abilities(inline=list(SCHEMAS)), size=3), accounts=20)
        bulk = MemoryBulk(world.crm)
        plan = world.plan(MANY)
        mortal = Mortal(lives, dies_after)
        dying = mortal.means(means(world, bulk))
        dying = replace(dying, bulk=mortal.wrap(bulk, ["begin", "start", "outcomes"]))
        was_killed = False
        try:
            world.deliver(plan, means=dying)
        except Killed:
            was_killed = True
            world.ledger.close()
            world.ledger = Ledger(world.url)
            world.clock.sleep(301)

        sync(world, bulk, MANY)
        quiet = sync(world, bulk, MANY)

        assert {world.crm.created[one.key] for one in MANY} == {1}
        assert (quiet.status, quiet.by_entry) == (RunStatus.SUCCESS, {})
        assert all(
            entry.ticket is None or entry.state is DeliveryState.DELIVERED
            for entry in world.ledger.outbox.entries(DESTINATION, DeliveryState)
        )
        assert first_broken(world.ledger.audit.records(DESTINATION)) is None
        world.ledger.close()
        if not was_killed:
            return
    raise AssertionError("the delivery never ended")
