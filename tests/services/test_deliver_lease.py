"""One process at a time delivers to a destination."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from connector.domain.change import Outcome, Write
from connector.domain.errors import LaterError
from connector.domain.outbox import DeliveryState
from connector.services.session import Limits
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import DESTINATION, World, opportunity


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_one_deliverer_at_a_time(world: World) -> None:
    """While another process holds the lease, delivery waits as long as it may, then says so."""
    other = world.ledger.leases.take(DESTINATION, "another", world.clock.now(), 300)
    assert other is not None
    with pytest.raises(LaterError, match="another process is delivering"):
        world.sync([opportunity(1)])
    assert world.crm.written == []

    delivered = world.sync([opportunity(1)], Limits(wait_seconds=600))

    assert delivered.ok == 2


def test_a_deliverer_that_was_overtaken_writes_no_more(world: World) -> None:
    """A process that slept past its lease finds itself fenced off, and the other's work stands."""
    plan = world.plan([opportunity(number) for number in range(1, 5)])
    taken = []

    def sleeps(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
        world.clock.sleep(301)
        taken.append(world.ledger.leases.take(DESTINATION, "another", world.clock.now(), 300))
        return crm.carry_out(batch)

    world.crm.faults = [sleeps]
    with pytest.raises(LaterError, match="took over"):
        world.deliver(plan)

    assert taken[0] is not None
    left = world.ledger.outbox.entries(DESTINATION)
    assert {entry.state for entry in left} == {DeliveryState.SENDING, DeliveryState.PENDING}


def test_a_long_delivery_keeps_its_lease(world: World) -> None:
    """Batch after batch takes its time, longer together than a lease lasts: nobody else may begin meanwhile."""
    plan = world.plan([opportunity(number) for number in range(1, 9)])
    taken: list[object] = []

    def slow(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
        world.clock.sleep(100)
        taken.append(world.ledger.leases.take(DESTINATION, "another", world.clock.now(), 300))
        return crm.carry_out(batch)

    world.crm.faults = [slow] * 8
    delivered = world.deliver(plan)

    assert delivered.parked == delivered.unknown == 0
    assert len(taken) > 3, "the batches together last longer than a lease"
    assert taken == [None] * len(taken)
