"""Delivery, fact by fact; `test_deliver_machine` mixes them all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.domain.change import Policy
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import PlanRefusedError
from connector.domain.outbox import DeliveryState
from connector.domain.run import RunStatus
from connector.services.session import Limits
from connector.testing.memory_crm import MemoryCrm, locked, lost_answer, lost_request, quota_spent, refused
from tests.services.delivery_world import DESTINATION, NOW, SCHEMAS, World, abilities, opportunity, task, with_fields

KEY = opportunity(1).key


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, accounts=60)


def states(world: World) -> list[DeliveryState]:
    return [entry.state for entry in world.ledger.outbox.entries(DESTINATION, DeliveryState)]


def test_parents_first_then_children_then_associations(world: World) -> None:
    """A task refers to an opportunity made in the same delivery; associations come after both ends."""
    delivered = world.sync([task(1), opportunity(1)])

    record, follow_up = world.crm.by_key(KEY), world.crm.by_key(task(1).key)
    assert record is not None
    assert follow_up is not None
    assert (delivered.ok, delivered.status) == (3, RunStatus.SUCCESS)
    assert record.links == {"account": ("account-1",)}
    assert follow_up.links == {"what": (record.id,)}


def test_an_unchanged_world_is_not_written_to(world: World) -> None:
    """The same again writes nothing, not even an association."""
    world.sync([opportunity(1), task(1)])
    before = len(world.crm.written)

    delivered = world.sync([opportunity(1), task(1)])

    assert len(world.crm.written) == before
    assert delivered.by_entry == {}


@pytest.mark.parametrize("shows", [True, False])
def test_receipts_keep_what_the_crm_made_of_our_value(tmp_path: Path, shows: bool) -> None:
    """What the CRM rewrites is remembered as shown, from its answer or from a read-back, and not sent again."""
    world = World(tmp_path, MemoryCrm(SCHEMAS, abilities(shows=shows)))
    world.crm.rewrites = lambda spec, value: value.upper() if value and spec.name == "note" else value
    desired = with_fields(opportunity(1), note=("seats full", Policy.MERGE))

    world.sync([desired])
    before = len(world.crm.written)
    world.sync([desired])

    receipt = world.ledger.receipts.records(DESTINATION)[KEY].receipts["note"]
    assert (receipt.sent, receipt.shown) == ("seats full", "SEATS FULL")
    assert len(world.crm.written) == before


def test_a_hand_over_is_remembered(world: World) -> None:
    """A person's edit stays theirs even after they type our old value again."""
    world.sync([opportunity(1, "100")])
    id = world.crm.keys[KEY]
    world.crm.edit(id, "amount", "95")
    world.sync([opportunity(1, "110")])
    world.crm.edit(id, "amount", "100")

    world.sync([opportunity(1, "120")])

    assert world.crm.stored[id].fields["amount"] == "100"


def test_a_lost_answer_is_read_back_not_replayed(world: World) -> None:
    """A creation whose answer was lost is found by its key; it is made once and delivered in the same run."""
    world.crm.faults = [lost_answer]

    delivered = world.sync([opportunity(1)])

    assert world.crm.created[KEY] == 1
    assert delivered.status is RunStatus.SUCCESS


def test_a_lost_request_is_sent_again(world: World) -> None:
    """A creation that never arrived is not found, and sent again."""
    world.crm.faults = [lost_request]

    delivered = world.sync([opportunity(1)])

    assert world.crm.created[KEY] == 1
    assert delivered.status is RunStatus.SUCCESS


def test_a_refused_record_is_parked_and_its_child_waits(world: World) -> None:
    """One bad record parks with the CRM's words; its neighbours go through, its task and association wait."""
    world.crm.faults = [refused]

    delivered = world.sync([opportunity(1), opportunity(2), task(1), task(2)])

    parked = world.ledger.outbox.entries(DESTINATION, [DeliveryState.PARKED])
    assert [entry.refusal and entry.refusal.code for entry in parked] == ["FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    assert (delivered.ok, delivered.parked, delivered.waiting) == (3, 1, 2)
    assert delivered.status is RunStatus.PARTIAL


def test_a_parked_record_is_tried_once_a_run(world: World) -> None:
    """The next run tries it again, once, and delivers what waited for it."""
    world.crm.faults = [refused]
    world.sync([opportunity(1), task(1)])
    world.crm.faults = [refused]
    calls = world.crm.calls
    again = world.sync([opportunity(1), task(1)])
    tried = len([entry for entry in world.ledger.outbox.entries(DESTINATION) if entry.attempts])

    mended = world.sync([opportunity(1), task(1)])

    assert (again.parked, tried) == (1, 1)
    assert world.crm.calls > calls
    assert (mended.ok, mended.status) == (3, RunStatus.SUCCESS)


def test_a_parked_record_that_no_plan_names_is_tried_too(world: World) -> None:
    """Whether its source changed or not, a parked record gets its one try."""
    world.crm.faults = [refused]
    world.sync([opportunity(1)])

    delivered = world.sync([])

    assert world.crm.created[KEY] == 1
    assert delivered.status is RunStatus.SUCCESS


def test_a_locked_record_is_sent_again_after_a_wait(world: World) -> None:
    """A proven "not written" is retried in the same run, backing off on the clock, the others only once."""
    world.crm.faults = [locked, locked]
    began = world.clock.now()

    delivered = world.sync([opportunity(1), opportunity(2)])

    assert delivered.status is RunStatus.SUCCESS
    assert world.clock.now() - began >= 3
    assert len([write for write in world.crm.written if write.verb == "create"]) == 2


def test_attempts_are_bounded(world: World) -> None:
    """A record that stays locked is left for the next run."""
    world.crm.faults = [locked] * 50

    delivered = world.sync([opportunity(1)], Limits(attempts=3))

    assert len(world.crm.faults) == 47
    assert (delivered.deferred, delivered.waiting) == (2, 0)  # its link to the account goes with it
    assert delivered.status is RunStatus.DEFERRED


def test_a_spent_quota_stops_the_delivery(world: World) -> None:
    """After "nothing more for now" no further call is made; the next run goes on."""
    world.crm.faults = [quota_spent]
    delivered = world.sync([*map(opportunity, range(1, 9)), *map(task, range(1, 9))])
    writes = len(world.crm.written)

    resumed = world.sync([*map(opportunity, range(1, 9)), *map(task, range(1, 9))])

    assert (writes, delivered.ok, delivered.status) == (0, 0, RunStatus.DEFERRED)
    assert (resumed.ok, resumed.status) == (24, RunStatus.SUCCESS)


def test_a_short_budget_takes_the_most_valuable(world: World) -> None:
    """With calls for one batch, the records of highest expected value are in it."""
    plan = world.plan([opportunity(number) for number in range(1, 10)])

    delivered = world.deliver(plan, Limits(calls=1))

    assert sorted(world.crm.keys) == [opportunity(number).key for number in (7, 8, 9)]
    assert (delivered.ok, delivered.calls) == (3, 1)
    assert delivered.status is RunStatus.DEFERRED


def test_neighbours_in_a_batch_share_an_account(world: World) -> None:
    """Within a phase, writes are sorted by parent account."""
    shared = [replace(opportunity(number), account_id=f"account-{number % 2}") for number in range(1, 7)]
    accounts = {one.key: one.account_id for one in shared}

    world.sync(shared)

    order = [accounts[write.key or ""] for write in world.crm.written if write.verb == "create"]
    assert order == ["account-0"] * 3 + ["account-1"] * 3


def test_a_record_that_moved_is_held(world: World) -> None:
    """A plan read over a minute ago is compared again: what changed since is not written over."""
    world.sync([opportunity(1, "100")])
    plan = world.plan([opportunity(1, "120")])
    world.clock.sleep(61)
    world.crm.edit(world.crm.keys[KEY], "amount", "95")

    delivered = world.deliver(plan)

    assert world.crm.stored[world.crm.keys[KEY]].fields["amount"] == "95"
    assert (delivered.moved, delivered.status) == (1, RunStatus.PARTIAL)


def test_a_record_made_elsewhere_since_the_plan_is_not_made_again(world: World) -> None:
    """A stale creation looks for its key first."""
    plan = world.plan([opportunity(1)])
    world.sync([opportunity(1)])
    world.clock.sleep(61)

    delivered = world.deliver(plan)

    assert world.crm.created[KEY] == 1
    assert delivered.moved == 1


def test_a_plan_of_another_world_is_refused(world: World) -> None:
    """When more than a tenth and at least ten records moved, nothing is written."""
    desired = [opportunity(number, "100") for number in range(20)]
    world.sync(desired)
    plan = world.plan([opportunity(number, "120") for number in range(20)])
    world.clock.sleep(61)
    for number in range(10):
        world.crm.edit(world.crm.keys[opportunity(number).key], "amount", "95")
    before = len(world.crm.written)

    with pytest.raises(PlanRefusedError, match="10 of 20 records"):
        world.deliver(plan)

    assert len(world.crm.written) == before
    assert world.ledger.outbox.entries(DESTINATION) == []


def test_a_plan_under_another_configuration_is_refused(world: World) -> None:
    """A changed configuration, schema or ledger refuses the whole plan and says which."""
    other = world.plan([opportunity(1)], config="other")
    with pytest.raises(PlanRefusedError, match="the configuration changed"):
        world.deliver(other)

    plan = world.plan([opportunity(1)])
    world.ledger.destinations.renew_epoch()
    with pytest.raises(PlanRefusedError, match="restored or rebuilt"):
        world.deliver(plan)

    with pytest.raises(PlanRefusedError, match="schema"):
        world.deliver(replace(world.plan([opportunity(1)]), schema_hash="other"))


def test_a_newer_plan_takes_the_place_of_what_waits(world: World) -> None:
    """An entry that waits is superseded by the newer plan's, key by key."""
    world.crm.faults = [quota_spent]
    world.sync([opportunity(1, "100")])

    world.sync([opportunity(1, "120")])

    record = world.crm.by_key(KEY)
    assert record is not None
    assert record.fields["amount"] == "120"
    assert states(world).count(DeliveryState.SUPERSEDED) == 2


def test_applying_a_plan_twice_delivers_it_once(world: World) -> None:
    """A plan applied again goes on with the entries it has."""
    plan = world.plan([opportunity(1), task(1)])
    world.crm.faults = [quota_spent]
    world.deliver(plan)

    world.deliver(plan)
    before = len(world.crm.written)
    world.deliver(plan)

    assert len(world.crm.written) == before == 3
    assert set(states(world)) == {DeliveryState.DELIVERED}


def test_episodes_are_stored_when_the_plan_is_applied(world: World) -> None:
    """Planning stores no episode; applying does, and a deletion in the CRM ends it."""
    episode = Episode(KEY, "account-1", "analytics", 1, NOW)
    plan = replace(world.plan([opportunity(1)]), episodes=(episode,))
    assert world.ledger.episodes.all(DESTINATION) == []

    world.deliver(plan)
    opened = world.ledger.episodes.all(DESTINATION)
    world.crm.delete(world.crm.keys[KEY])
    world.sync([opportunity(1)])

    (ended,) = world.ledger.episodes.all(DESTINATION)
    assert opened == [episode]
    assert (ended.state, ended.closed_at) == (EpisodeState.DELETED, NOW)


def test_an_ended_episode_is_not_opened_again_by_a_late_plan(world: World) -> None:
    """A plan that waited while its episode ended does not bring it back."""
    episode = Episode(KEY, "account-1", "analytics", 1, NOW)
    ended = replace(episode, state=EpisodeState.WON, closed_at=NOW + timedelta(days=1))
    plan = replace(world.plan([opportunity(1)]), episodes=(episode,))
    world.ledger.episodes.save(DESTINATION, [ended])

    world.deliver(plan)

    assert world.ledger.episodes.all(DESTINATION) == [ended]


def test_a_crm_that_is_down_leaves_the_plan_in_the_outbox(world: World) -> None:
    """Nothing is lost when the CRM does not answer: the entries wait."""
    plan = world.plan([opportunity(1)])
    world.clock.sleep(61)
    world.crm.is_down = True

    delivered = world.deliver(plan)

    assert delivered.status is RunStatus.DEFERRED
    assert set(states(world)) == {DeliveryState.PENDING}
