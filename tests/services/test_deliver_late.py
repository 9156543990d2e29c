"""What is heard of late: answers, edits, holds and fields that went in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.change import FieldSpec, FieldType, Outcome, Policy, Schema, Write
from connector.domain.hold import Hold
from connector.domain.outbox import DeliveryState
from connector.domain.run import RunStatus
from connector.services.session import Limits
from connector.testing.memory_bulk import MemoryBulk
from connector.testing.memory_crm import MemoryCrm, lost_answer, quota_spent
from tests.services.delivery_world import (
    DESTINATION,
    FIELDS,
    NOW,
    OPPORTUNITY,
    SCHEMAS,
    TASK,
    World,
    abilities,
    opportunity,
    task,
    with_fields,
)

KEY = opportunity(1).key
MANY = range(1, 8)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, accounts=60)


def test_a_plan_that_tells_everything_gives_up_what_it_does_not_tell(world: World) -> None:
    """What was put off for a customer that nothing is proposed to any more is not made later; its record stays away."""
    world.crm.faults = [quota_spent]
    world.sync([opportunity(1), task(1)])

    part = world.deliver(world.plan([opportunity(2)]), Limits(calls=0))
    whole = world.deliver(world.plan([opportunity(2)], whole=True))

    assert part.deferred > 0
    assert (whole.status, world.crm.by_key(KEY)) == (RunStatus.SUCCESS, None)
    assert world.crm.by_key(opportunity(2).key) is not None


def test_our_own_value_heard_of_late_is_no_persons(world: World) -> None:
    """A plan made while an answer was missing sees our value as a stranger's; later it is ours again."""

    def goes_down(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
        crm.is_down = True
        return lost_answer(crm, batch)

    world.sync([opportunity(1, "100")])
    world.crm.faults = [goes_down]
    world.sync([opportunity(1, "120")])
    world.crm.is_down = False
    early = world.plan([opportunity(1, "130")])
    world.sync([opportunity(1, "120")])

    world.deliver(early)
    world.sync([opportunity(1, "140")])

    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.fields["amount"] == "140"


def with_jobs(tmp_path: Path) -> tuple[World, MemoryBulk]:
    """A CRM that takes seven records as one job."""
    crm = MemoryCrm(SCHEMAS, abilities(inline=list(SCHEMAS), shows=False), size=3)
    return World(tmp_path, crm, accounts=20), MemoryBulk(crm)


def test_an_edit_made_before_a_job_was_heard_of_is_a_persons(tmp_path: Path) -> None:
    """A job ends while nobody listens and a person types: their value is not taken for what the CRM made of ours."""
    world, bulk = with_jobs(tmp_path)
    world.sync([opportunity(number, "100") for number in MANY])
    bulk.mishaps = ["forever"]
    means = replace(world.means(), bulk=bulk)
    world.deliver(world.plan([opportunity(number, "120") for number in MANY]), Limits(job_seconds=60), means)
    bulk.mishaps = []
    bulk.outcomes("job-1", [])
    world.crm.edit(world.crm.keys[KEY], "amount", "95")

    world.deliver(world.plan([]), means=means)
    world.sync([opportunity(number, "130") for number in MANY])

    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.fields["amount"] == "95"


def test_a_field_that_vanished_stops_no_other_record(tmp_path: Path) -> None:
    """An entry that waits with a field which an admin deleted since is set aside alone; the others are delivered."""
    extra = {**FIELDS, "extra": FieldSpec("extra", FieldType.TEXT)}
    crm = MemoryCrm({type: Schema(type, extra) for type in SCHEMAS}, abilities())
    world = World(tmp_path, crm)
    world.sync([opportunity(1)])
    crm.faults = [lambda crm, batch: _goes_down(crm, batch)]
    world.sync([with_fields(opportunity(1), extra=("x", Policy.MERGE))])
    crm.is_down = False
    crm.schemas = SCHEMAS

    world.clock.sleep(61)
    world.sync([opportunity(1), opportunity(2), opportunity(3)])

    assert crm.by_key(opportunity(2).key) is not None
    assert crm.by_key(opportunity(3).key) is not None


def _goes_down(crm: MemoryCrm, _batch: Sequence[Write]) -> list[Outcome]:
    crm.is_down = True
    return []


def test_what_a_person_took_back_is_not_sent_by_a_leftover(world: World) -> None:
    """A held key is given up, whichever run planned it and whatever the next plan speaks of."""
    world.crm.faults = [quota_spent]
    world.sync([opportunity(1)])
    hold = Hold(KEY, "account-1", "run-0001", "Ana", NOW)
    plan = replace(world.plan([]), holds=())
    lease = world.ledger.leases.take(DESTINATION, "undo", world.clock.now(), 60)
    assert lease is not None
    world.ledger.outbox.commit(lease, holds=[hold])
    world.ledger.leases.release(lease)

    delivered = world.deliver(plan, means=replace(world.means(), holds=world.ledger.holds))

    assert (delivered.status, world.crm.by_key(KEY)) == (RunStatus.SUCCESS, None)


def test_a_creation_without_a_key_is_not_sent_again_while_it_may_land(tmp_path: Path) -> None:
    """A slow CRM makes the record after we looked: the next run finds it instead of making a second."""
    crm = MemoryCrm(SCHEMAS, abilities(keyed=()))
    world = World(tmp_path, crm)
    arrives: list[Sequence[Write]] = []

    def late(_crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
        arrives.append(batch)
        return []

    crm.faults = [late]
    first = world.sync([opportunity(1)])
    crm.carry_out(arrives[0])
    world.clock.sleep(1000)
    second = world.sync([opportunity(1)])

    assert first.unknown > 0
    assert crm.created[KEY] == 1
    assert second.status is RunStatus.SUCCESS


def test_a_field_that_was_handed_over_since_is_not_written_by_an_older_plan(world: World) -> None:
    """A person edits, a run notes it, the person puts the value back: an older plan leaves the field theirs."""
    world.sync([opportunity(1, "100")])
    older = world.plan([opportunity(1, "120")])
    world.crm.edit(world.crm.keys[KEY], "amount", "95")
    world.sync([opportunity(1, "120")])
    world.crm.edit(world.crm.keys[KEY], "amount", "100")

    delivered = world.deliver(older)

    record = world.crm.by_key(KEY)
    assert record is not None
    assert (record.fields["amount"], delivered.moved) == ("100", 1)


def test_a_parked_record_is_not_tried_again_by_another_job(world: World) -> None:
    """What the nightly job could not deliver is not sent every ten minutes by the one that follows stages."""
    poison = opportunity(1)
    bad = replace(poison, links=(replace(poison.links[0], to=replace(poison.links[0].to, id="nobody")),))
    world.sync([bad])
    states = [entry.state for entry in world.ledger.outbox.entries(DESTINATION)]
    calls = world.crm.calls

    world.deliver(replace(world.plan([]), job="stages"))

    assert DeliveryState.PARKED in states
    assert world.crm.calls == calls


def test_a_child_is_not_chosen_without_its_parent(world: World) -> None:
    """With calls for one batch, a dear task of a cheap opportunity does not use them up."""
    dear = [replace(task(number), value=100) for number in range(1, 4)]
    plan = world.plan([*map(opportunity, range(1, 4)), *dear])

    delivered = world.deliver(plan, Limits(calls=1))

    assert (delivered.ok, {write.type for write in world.crm.written}) == (3, {OPPORTUNITY})
    assert TASK not in {write.type for write in world.crm.written}
