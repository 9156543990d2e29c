"""One record that the CRM will not take, among five thousand: the others arrive, and nobody has to look for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.change import Desired
from connector.domain.errors import Exit
from connector.domain.outbox import DeliveryState
from connector.domain.run import EXITS
from tests.machine.events import POISON
from tests.machine.life import Life, new_ledger
from tests.machine.machine import refuse_poison
from tests.machine.place import FLAVOURS, Place, served
from tests.machine.wanted import Customer, opportunity

RECORDS = 5_000
THE_ONE = 3_210


@pytest.fixture(params=["hubspot, all or nothing", "salesforce"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A CRM that refuses a whole batch without naming the culprit, and one that takes jobs."""
    with served(replace(FLAVOURS[request.param], jobs=False)) as made:
        refuse_poison(made)
        yield made


def proposals(place: Place, amount: int) -> list[Desired]:
    """Opportunities for five thousand customers, one of which is worth a certain amount."""
    return [
        replace(opportunity(place, Customer(n, amount if n == THE_ONE else 100 + n % 50), ""), links=())
        for n in range(RECORDS)
    ]


def records_written(place: Place) -> list[str]:
    """The keys and ids of the records that requests asked to write since the log was emptied."""
    return [name for request in place.side.writes() for name in _named(request["body"])]


def _named(body: Any) -> list[str]:
    if not isinstance(body, dict):
        return []
    rows = body.get("inputs") or body.get("records") or []
    return [json.dumps(row) for row in rows]


def test_one_poisonous_record_is_parked_and_the_others_are_delivered(place: Place) -> None:
    """4,999 arrive; one is parked with the CRM's words and field, exit 3; the next run tries that one and no other."""
    life = Life(place, new_ledger())

    first = life.apply(life.plan(proposals(place, POISON)))
    (parked,) = life.entries(DeliveryState.PARKED)
    alive = len(place.side.ours("opportunity"))
    place.side.control.requests.clear()
    second = life.apply(life.plan(proposals(place, POISON)))
    tried = records_written(place)
    place.side.control.requests.clear()
    mended = life.apply(life.plan(proposals(place, 100)[THE_ONE : THE_ONE + 1]))
    life.close()

    assert first.parked == 1
    assert first.ok >= RECORDS - 1
    assert alive == RECORDS - 1
    assert EXITS[first.status] == EXITS[second.status] == Exit.PARTIAL == 3
    assert parked.change.key == Customer(THE_ONE).key
    assert parked.refusal is not None
    assert parked.refusal.code
    assert parked.refusal.field == place.side.names["amount"]
    assert parked.refusal.message
    assert second.parked == 1
    assert len(tried) == 1, "the next run writes nothing but that record"
    assert Customer(THE_ONE).key in tried[0] or parked.change.key in str(place.side.control.requests)
    assert EXITS[mended.status] is Exit.OK
    assert len(place.side.ours("opportunity")) == RECORDS
