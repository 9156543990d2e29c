"""A person's say in what waits for the CRM: try it again, or give it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.domain.audit import Act, first_broken
from connector.domain.change import Outcome, Policy, Why, Write
from connector.domain.errors import LaterError, MendError
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.run import RunStatus
from connector.ports.ledger import Selection
from connector.services.memory import Memory
from connector.services.outbox_desk import Choice, Desk, choose, named
from connector.testing.memory_crm import MemoryCrm, lost_answer, quota_spent, refused
from tests.services.delivery_world import DESTINATION, World, opportunity, task, with_fields

KEY = opportunity(1).key
S = DeliveryState


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def desk_of(world: World) -> Desk:
    memory = Memory(**{part.name: getattr(world.ledger, part.name) for part in fields(Memory)})
    return Desk(memory, world.clock, "a person's process", DESTINATION)


def chosen(world: World, move: Act, *ids: str, **wanted: object) -> Choice:
    assert move is Act.RETRY or move is Act.DROP
    return choose(world.ledger.outbox, DESTINATION, Selection(ids=ids, **wanted), move)  # type: ignore[arg-type]


def states(world: World) -> dict[str, DeliveryState]:
    entries = world.ledger.outbox.entries(DESTINATION, tuple(DeliveryState))
    return {entry.subject: entry.state for entry in entries}


def parked(world: World) -> OutboxEntry:
    """An opportunity that a rule of the CRM's admin refused; its association waits for it."""
    world.crm.faults = [refused]
    world.sync([opportunity(1)])
    (entry,) = world.ledger.outbox.entries(DESTINATION, {S.PARKED})
    return entry


def test_a_retried_entry_goes_out_with_a_plan_that_changes_nothing(world: World) -> None:
    """It waits like any other; the next delivery sends it and what waited for it, whatever its own plan says."""
    entry = parked(world)

    done = desk_of(world).retry(chosen(world, Act.RETRY, entry.id), "Ana")

    assert [one.id for one in done.moving] == [entry.id]
    assert states(world)[KEY] is S.PENDING
    delivered = world.sync([])
    assert (delivered.ok, delivered.status) == (2, RunStatus.SUCCESS)
    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.links == {"account": ("account-1",)}


def test_what_a_spent_budget_left_goes_out_with_a_plan_that_changes_nothing(world: World) -> None:
    """Leftovers of an earlier plan are delivered by the next one, even an empty one."""
    world.crm.faults = [quota_spent]
    world.sync([opportunity(1), opportunity(2)])

    delivered = world.sync([])

    assert (delivered.ok, delivered.status) == (4, RunStatus.SUCCESS)


def test_a_dropped_creation_takes_along_what_waits_for_it(world: World) -> None:
    """Its association, its task and the task's own association could never be delivered: they are dropped too."""
    world.crm.faults = [refused]
    world.sync([opportunity(1), task(1), opportunity(2)])

    choice = chosen(world, Act.DROP, KEY)
    desk_of(world).drop(choice, "Ana", "the customer said no")

    assert {entry.change.key for entry in choice.along} == {KEY, task(1).key}
    assert {subject for subject, state in states(world).items() if state is S.DROPPED} == {
        entry.subject for entry in choice.all
    }
    assert all(state in (S.DROPPED, S.DELIVERED) for state in states(world).values())


def test_a_dropped_creation_is_held_until_released(world: World) -> None:
    """No later plan makes it behind the person's back; released, the next one does."""
    entry = parked(world)
    desk_of(world).drop(chosen(world, Act.DROP, entry.id), "Ana", "the customer said no")

    (change,) = world.plan([opportunity(1)]).changes
    delivered = world.sync([opportunity(1)])

    assert (change.action, change.why) == ("held", Why.UNDONE)
    assert (delivered.by_entry, delivered.status) == ({}, RunStatus.SUCCESS)
    assert world.crm.by_key(KEY) is None
    (hold,) = world.ledger.holds.release(DESTINATION, entry.run_id)
    assert (hold.key, hold.by) == (KEY, "Ana")
    assert world.sync([opportunity(1)]).ok == 2


def test_a_dropped_update_holds_nothing(world: World) -> None:
    """The record exists and stays ours: the change comes back as soon as a run wants it."""
    world.sync([opportunity(1)])
    news = with_fields(opportunity(1), amount=("200", Policy.MERGE))
    world.crm.faults = [refused]
    world.sync([news])

    choice = chosen(world, Act.DROP, KEY)
    desk_of(world).drop(choice, "Ana", "not now")

    assert (len(choice.moving), choice.along, choice.held) == (1, (), ())
    assert world.ledger.holds.all(DESTINATION) == {}
    assert world.sync([news]).ok == 1


def test_what_may_have_landed_is_no_ones_to_move(world: World) -> None:
    """An entry of unknown outcome stays as it is, however it is chosen, until it was read back."""

    def lost_and_then_down(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
        crm.is_down = True  # so that nothing can be read back
        return lost_answer(crm, batch)

    world.crm.faults = [lost_and_then_down]
    plan = world.plan([opportunity(1)])
    world.deliver(plan)
    (entry,) = world.ledger.outbox.entries(DESTINATION, {S.UNKNOWN})

    for move in (Act.RETRY, Act.DROP):
        choice = chosen(world, move, entry.id)
        assert (choice.moving, choice.staying) == ((), (entry,))
        assert KEY not in {one.subject for one in chosen(world, move, run_id=plan.run_id).moving}


def test_another_process_at_work_is_waited_for(world: World) -> None:
    """While somebody delivers, nothing is moved, and the person is told."""
    entry = parked(world)
    choice = chosen(world, Act.RETRY, entry.id)
    world.ledger.leases.take(DESTINATION, "another", world.clock.now(), 300)

    with pytest.raises(LaterError, match="another process is delivering"):
        desk_of(world).retry(choice, "Ana")

    assert states(world)[KEY] is S.PARKED


def test_the_lease_is_given_back(world: World) -> None:
    """A delivery right after a retry need not wait."""
    entry = parked(world)
    desk_of(world).retry(chosen(world, Act.RETRY, entry.id), "Ana")

    assert world.sync([]).ok == 2


def test_what_moved_since_it_was_chosen_is_left_alone(world: World) -> None:
    """A delivery between the person's look and their yes wins: nothing delivered is dropped."""
    entry = parked(world)
    choice = chosen(world, Act.DROP, entry.id)
    world.sync([])

    done = desk_of(world).drop(choice, "Ana", "the customer said no")

    assert (done.all, [one.state for one in done.staying]) == ((), [S.DELIVERED])
    assert world.ledger.holds.all(DESTINATION) == {}


def test_deeds_enter_the_audit_trail(world: World) -> None:
    """Who let what be tried again or gave it up, why, and what the CRM had said."""
    entry = parked(world)
    desk_of(world).retry(chosen(world, Act.RETRY, entry.id), "Ana")
    desk_of(world).drop(chosen(world, Act.DROP, entry.id), "Luc", "the customer said no")

    trail = list(world.ledger.audit.records(DESTINATION))
    assert first_broken(trail) is None
    told = [(one.by, one.act, one.subject) for one in trail if one.act is not Act.WRITE]
    assert told[0] == ("Ana", Act.RETRY, KEY)
    assert {(by, act) for by, act, _ in told[1:]} == {("Luc", Act.DROP)}
    assert trail[0].values is not None
    assert trail[0].values["refused"]["code"] == entry.refusal.code if entry.refusal else None
    dropped = named(world.ledger.outbox, DESTINATION, [entry.id])[0]
    assert dropped.reason == "Luc: the customer said no"


def test_filters_choose_together(world: World) -> None:
    """Code, account, run and period each narrow the choice; without a state only what is open comes into question."""
    entry = parked(world)
    code = entry.refusal.code if entry.refusal else ""
    at = datetime.fromtimestamp(world.clock.now(), UTC)
    hour = timedelta(hours=1)

    def matches(**wanted: object) -> bool:
        return [one.id for one in chosen(world, Act.RETRY, **wanted).moving] == [entry.id]

    assert matches(code=code, account_id="account-1", run_id=entry.run_id, since=at - hour, until=at + hour)
    assert not matches(code="ANOTHER")
    assert not matches(account_id="account-2")
    assert not matches(run_id="run-9999")
    assert not matches(since=at + hour)
    assert not matches(until=at - hour)


def test_a_key_names_the_open_entry_of_its_record(world: World) -> None:
    """The newest entry where none is open; what nobody knows is an error that names it."""
    world.sync([opportunity(1)])
    (first,) = named(world.ledger.outbox, DESTINATION, [KEY])
    world.crm.faults = [refused]
    world.sync([with_fields(opportunity(1), amount=("200", Policy.MERGE))])
    (second,) = named(world.ledger.outbox, DESTINATION, [KEY])

    assert (first.state, second.state) == (S.DELIVERED, S.PARKED)
    assert named(world.ledger.outbox, DESTINATION, [first.id]) == [first]
    with pytest.raises(MendError, match="no entry nobody/knows"):
        named(world.ledger.outbox, DESTINATION, [KEY, "nobody/knows"])


def test_an_update_that_waits_is_what_should_stand(world: World) -> None:
    """Retrying an update sends it, though the record's newest receipt is older."""
    world.sync([opportunity(1)])
    news = with_fields(opportunity(1), amount=("200", Policy.MERGE))
    world.crm.faults = [refused]
    world.sync([news])
    desk_of(world).retry(chosen(world, Act.RETRY, KEY), "Ana")

    assert world.sync([]).ok == 1
    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.fields["amount"] == "200"
