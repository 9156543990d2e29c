"""When the day's API calls run short the most valuable goes first, what waits is told, and the next day finishes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.change import RecordType
from connector.domain.outbox import DeliveryState, OutboxEntry
from tests.e2e.fates import Killing
from tests.e2e.running import SMALL_BATCH, Processes
from tests.e2e.test_killed import Shape, killed_in, shape
from tests.e2e.world import World

DAYS_CALLS, UNTOUCHED = 2_000, 200
"""What the CRM allows a day, and the part of it that the mapping's `api_budget` never touches."""
LIMIT = {"hubspot": "limit_daily", "salesforce": "daily_api_requests"}


def entries(world: World) -> list[OutboxEntry]:
    """Everything that was ever in the outbox."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        return ledger.outbox.entries(ledger.destinations.all()[0].id, tuple(DeliveryState))


def values(world: World, *states: DeliveryState) -> list[int]:
    """Expected values of the opportunities that are to be made, by what became of them."""
    return [
        one.change.value
        for one in entries(world)
        if one.state in states and one.verb == "create" and one.change.type is RecordType.OPPORTUNITY
    ]


def calls_of(world: World) -> tuple[int, int]:
    """How many API calls a first sync in small batches makes before it writes, and from then on."""
    world.sync(batch=SMALL_BATCH)
    writes = world.side.writes()
    calls = [one for one in world.side.control.requests if "/oauth2/" not in one["path"]]
    before = calls.index(writes[0])
    return before, len(calls) - before


def others_spend(world: World, calls: int) -> None:
    """The customer's other tools make most of today's calls."""
    switches = world.side.control.switches
    switches[LIMIT[world.side.crm]] = DAYS_CALLS
    if world.side.crm == "hubspot":
        switches["daily_elsewhere"] = {world.now.date().isoformat(): calls}
    else:
        world.side.store.calls.clear()
        world.side.store.calls.extend([world.side.control.clock.now()] * calls)


def test_the_most_valuable_goes_first_and_the_next_day_finishes_it(
    crm: str, again: Callable[[str], World], undisturbed: Shape
) -> None:
    """Other tools used up the day's calls but for a few: exit 75, what waits is told, and the next day brings it."""
    before, writing = calls_of(again("counted"))
    world = again("short of calls")
    of_ours = writing // 6 + (before if crm == "salesforce" else 0)
    others_spend(world, DAYS_CALLS - UNTOUCHED - of_ours)

    ran = world.run("sync", "--json", batch=SMALL_BATCH)
    made, waiting = values(world, DeliveryState.DELIVERED), values(world, DeliveryState.PENDING)
    world.later(days=1, minutes=1)
    next_day = world.run("sync", "--json", batch=SMALL_BATCH)

    assert ran.code == 75, ran.err
    assert ran.json["status"] == "deferred"
    assert ran.json["delivered"]["ok"] > 0
    assert ran.json["delivered"]["deferred"] > 0
    assert ran.json["waits"]["because"]
    assert ran.json["waits"]["best"]
    assert made
    assert waiting
    assert min(made) >= max(waiting)
    assert next_day.code == 0, next_day.out
    assert shape(world) == undisturbed


@pytest.fixture
def undisturbed(crm: str, again: Callable[[str], World]) -> Shape:
    """What a delivery leaves when nobody disturbs it."""
    world = again("whole")
    world.sync()
    return shape(world)


@dataclass
class KillingAt(Killing):
    """Kills a process at its first request to a path."""

    def meets(self, method: str, path: str, body: bytes) -> bool:
        found = re.search(self.path, path) and re.fullmatch(self.method, method)
        return bool(found) and self.body_contains.encode() in body and super().meets(method, path, body)


NEXT_STEP = {
    "hubspot": KillingAt(path="/associations/.*deals/companies/batch/create", method="POST", at=1),
    "salesforce": KillingAt(path="/composite/sobjects/Task", method="PATCH", at=1),
}
"""What a delivery asks of the CRM right after it made the opportunities."""


def test_a_run_killed_between_the_deal_and_its_association_ends_with_both(
    crm: str, again: Callable[[str], World], undisturbed: Shape, processes: Processes
) -> None:
    """Opportunities were made and nothing hangs on them; the next run adds what is missing, and makes none twice."""
    world = again("killed")
    killing = NEXT_STEP[crm]
    killed_in(world, killing, processes)
    left = world.side.ours("opportunity")

    assert killing.has_killed
    assert left
    assert len(left) < len(undisturbed)
    world.sync()
    assert shape(world) == undisturbed
