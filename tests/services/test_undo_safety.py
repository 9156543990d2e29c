"""What was undone is left alone until released; a kill, a race or a second time does no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connector.domain.audit import Act
from connector.domain.change import Desired, Why
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import ConnectorError, LaterError, MendError
from connector.domain.outbox import DeliveryState
from connector.domain.run import RunStatus
from connector.services.opening import open_run
from connector.services.settle import apply_plan
from connector.services.undo import preview, release, undo
from connector.testing.memory_crm import quota_spent, refused
from tests.services.delivery_world import DESTINATION, scratch
from tests.services.mortal import Killed, Mortal
from tests.services.undo_world import CANCELLED, UndoWorld, key_of, left_of, opportunity, task, task_of

KEYS = {key_of(1), task_of(1)}
EVERYTHING = 60
"""More commits and calls than any undoing here makes."""


@pytest.fixture
def world(tmp_path: Path) -> UndoWorld:
    return UndoWorld(tmp_path)


def whys(world: UndoWorld, *desired: Desired) -> dict[str, Any]:
    """What a plan made now says of each record: why it is held, else what it does."""
    changes = world.planned(desired, "looked").changes
    return {change.key: change.why or change.action for change in changes if change.action != "associate"}


def test_what_was_undone_is_held_until_it_is_released(world: UndoWorld) -> None:
    """The next run neither writes nor makes again; after the release it may."""
    world.run(opportunity(1, "100"))
    run = world.run(opportunity(1, "120"), task(1))
    world.undo(run)

    held = whys(world, opportunity(1, "150"), task(1))
    released = release(world.memory, run.id, "Ana", world.now)

    assert held == dict.fromkeys(KEYS, Why.UNDONE)
    assert {hold.key for hold in released} == KEYS
    assert whys(world, opportunity(1, "150"))[key_of(1)] == "update"


def test_episodes_that_the_run_opened_are_held_and_end_as_withdrawn(world: UndoWorld) -> None:
    """Its proposals were never made: neither lost nor waiting for an answer. An older episode goes on, held."""
    older = [Episode(key_of(number), f"account-{number}", "reporting", 1, world.now) for number in (2, 3)]
    world.run(opportunity(2), opportunity(3), episodes=older)
    mine = Episode(key_of(1), "account-1", "seats", 1, world.now)
    renewed = [replace(one, brief={"p": 1}) for one in older]
    run = world.run(opportunity(1), opportunity(2, "120"), episodes=[mine, *renewed])

    world.undo(run)

    states = {one.key: one.state for one in world.memory.episodes.all(DESTINATION)}
    still = EpisodeState.OPEN
    assert states == {key_of(1): EpisodeState.WITHDRAWN, key_of(2): still, key_of(3): still}
    assert set(world.memory.holds.all(DESTINATION)) == {key_of(1), key_of(2)}


def test_an_episode_without_a_record_of_its_key_is_held_too(world: UndoWorld) -> None:
    """A small proposal is one task; its episode is what `choose` asks about."""
    run = world.run(task(1, parent=False), episodes=[Episode("e" * 32, "account-1", "seats", 1, world.now)])

    world.undo(run)

    assert set(world.memory.holds.all(DESTINATION)) == {task_of(1), "e" * 32}


def test_what_the_run_never_wrote_is_not_held(world: UndoWorld) -> None:
    """A change that moved before it was sent is none of the run's."""
    world.run(opportunity(1, "100"))
    run = open_run(world.memory, world.crm.destination(), "sync", world.now, agreed=True)
    plan = world.planned([opportunity(1, "120"), opportunity(2)], run.id)
    world.edit(key_of(1), "amount", "95")
    world.clock.sleep(120)
    run = world.ended(run, plan, apply_plan(plan, world.work().delivering()))

    world.undo(run)

    assert set(world.memory.holds.all(DESTINATION)) == {key_of(2)}


def test_every_undoing_is_in_the_audit_trail(world: UndoWorld) -> None:
    """Who undid which run, what was written for it, and who released it; also when only held was possible."""
    run = world.run(opportunity(1))
    world.undo(run)
    release(world.memory, run.id, "Bo", world.now)
    touched = world.run(opportunity(2))
    world.edit(key_of(2), "amount", "1")
    world.undo(touched)

    told = [(one.act, one.by, one.subject) for one in world.trail() if one.act not in (Act.APPLY, Act.WRITE)]
    assert told == [(Act.UNDO, "Ana", run.id), (Act.RELEASE, "Bo", run.id), (Act.UNDO, "Ana", touched.id)]
    assert [one.crm_id for one in world.trail() if one.act is Act.WRITE].count(world.record(key_of(1)).id) == 3


def test_the_second_time_there_is_nothing_left(world: UndoWorld) -> None:
    """Nothing is planned and nothing named: neither what is as before, nor a later edit of what was closed."""
    world.run(opportunity(2, "200"))
    run = world.run(opportunity(1), task(1), opportunity(2, "220"))
    world.undo(run)
    world.edit(key_of(1), "amount", "5")

    again = world.look(run)

    assert again.is_over
    assert again.left == ()


def test_looking_back_writes_nothing(world: UndoWorld) -> None:
    """A dry run leaves CRM and ledger as they were."""
    run = world.run(opportunity(1), task(1))
    before = len(world.crm.written), world.memory.runs.list(), list(world.trail()), world.memory.holds.all(DESTINATION)

    told = preview(world.work(), world.look(run))

    assert told["closed"] == 2
    assert told["status"] == "planned"
    after = len(world.crm.written), world.memory.runs.list(), list(world.trail()), world.memory.holds.all(DESTINATION)
    assert after == before


# What still waited -------------------------------------------------------------------------------------------------


def test_what_was_parked_is_given_up(world: UndoWorld) -> None:
    """A record that the CRM refused is dropped with its links, and no later run tries it again."""
    world.crm.faults = [refused]
    run = world.run(opportunity(1), opportunity(2), task(1))
    assert run.status is RunStatus.PARTIAL

    told = world.undo(run)
    world.run()

    assert told.status is RunStatus.SUCCESS
    assert told.summary["dropped"] == 3  # the opportunity, its link, and the task that waited for it
    assert {one.state for one in world.memory.outbox.of_run(run.id)} == {
        DeliveryState.DELIVERED,
        DeliveryState.DROPPED,
    }
    assert world.crm.by_key(key_of(1)) is None
    assert whys(world, opportunity(1), task(1)) == dict.fromkeys(KEYS, Why.UNDONE)


def test_what_was_deferred_is_given_up(world: UndoWorld) -> None:
    """A run that stopped half-way is undone as far as it came; the rest of it never comes."""
    world.crm.faults = [quota_spent]
    run = world.run(opportunity(1), task(1))

    told = world.undo(run)
    world.run()

    assert told.summary["dropped"] == 3
    assert world.crm.written == []


@pytest.mark.parametrize("has_landed", [True, False])
def test_what_was_on_its_way_is_settled_first(world: UndoWorld, has_landed: bool) -> None:
    """A create of a run that died: if it landed it is named, and a second undo closes it; else it is given up."""
    # take, enqueue, SENDING, write
    run = killed(world, lambda work: started(world, work, opportunity(1)), lives=4 if has_landed else 3)

    first = world.undo(run)
    second = world.undo(run)

    if has_landed:
        assert left_of(first) == {("Opportunity 1", None, "on_its_way")}
        assert first.status is RunStatus.PARTIAL
        assert world.show(key_of(1))["stage"] == "s2"
    else:
        assert world.crm.by_key(key_of(1)) is None
    assert second.status is RunStatus.SUCCESS
    assert world.look(run).is_over


def started(world: UndoWorld, work: Any, *desired: Desired) -> None:
    run = open_run(world.memory, world.crm.destination(), "sync", world.now, agreed=True)
    apply_plan(world.planned(desired, run.id), work.delivering())


def killed(world: UndoWorld, act: Callable[[Any], object], lives: int, dies_after: bool = True) -> Any:
    """Let a process die at its n-th commit or call, and begin another; give the newest run, None if it lived on."""
    mortal = Mortal(lives, dies_after)
    memory = replace(
        world.memory,
        outbox=mortal.wrap(world.memory.outbox, ["commit"]),
        leases=mortal.wrap(world.memory.leases, ["take", "renew", "release"]),
        episodes=mortal.wrap(world.memory.episodes, ["save"]),
    )
    try:
        act(world.work(memory=memory, writer=mortal.wrap(world.crm, ["write"])))
    except Killed:
        world.close()
        world.open()
        world.clock.sleep(301)
        return world.memory.runs.list(1)[0]
    return None


@pytest.mark.parametrize("goes_on", ["undo", "sync"])
@pytest.mark.parametrize("dies_after", [False, True])
def test_an_undoing_that_was_killed_is_finished(dies_after: bool, goes_on: str) -> None:
    """Killed at any point, undoing again finishes it; once its plan is in the outbox, any run does."""
    for lives in range(1, EVERYTHING):
        world = UndoWorld(scratch())
        episode = Episode(key_of(2), "account-2", "seats", 1, world.now)
        world.run(opportunity(1, "100", "old"))
        run = world.run(opportunity(1, "120", "new"), opportunity(2), task(2), episodes=[episode])
        world.edit(key_of(1), "note", "mine")
        was_killed = killed(world, partial(world.undo, run), lives, dies_after)
        is_stored = bool(world.memory.holds.all(DESTINATION))
        if goes_on == "sync" and is_stored:
            world.run(opportunity(1, "150"), opportunity(2, "250"), task(2))
        elif not world.look(run).is_over:
            done = world.undo(run)
            assert done.status is RunStatus.SUCCESS
            # What the killed undoing closed is not told as somebody else's doing.
            assert {one["key"] for one in done.summary["left"]} <= {key_of(1)}

        assert {name: world.show(key_of(1))[name] for name in ("amount", "note")} == {"amount": "100", "note": "mine"}
        assert (world.show(key_of(2))["stage"], world.show(task_of(2))["status"]) == ("s2", CANCELLED)
        assert set(world.memory.holds.all(DESTINATION)) == {key_of(1), key_of(2), task_of(2)}
        assert world.crm.created[key_of(2)] == 1
        assert world.look(run).is_over
        assert world.memory.outbox.entries(DESTINATION) == []
        world.close()
        if was_killed is None:
            return
    pytest.fail("the undoing never ran to its end")


# Plans made before -------------------------------------------------------------------------------------------------


def test_a_plan_made_before_writes_nothing_to_what_is_held(world: UndoWorld) -> None:
    """Approving an older plan after the undo moves only what is free."""
    run = world.run(opportunity(1, "100"))
    older = world.planned([opportunity(1, "120"), opportunity(2)], "older")
    world.undo(run)

    apply_plan(older, world.work().delivering())

    fates = {one.change.title: one.state for one in world.memory.outbox.of_run("older") if one.verb != "associate"}
    assert fates == {"Opportunity 1": DeliveryState.SUPERSEDED, "Opportunity 2": DeliveryState.DELIVERED}
    assert world.show(key_of(1))["amount"] == "100"


def test_what_moves_between_looking_and_writing_stays(world: UndoWorld) -> None:
    """An edit made while the question stood is a person's: the change is held, and named."""
    world.run(opportunity(1, "100"))
    run = world.run(opportunity(1, "120"))
    work = world.work()
    found = world.look(run)
    world.edit(key_of(1), "amount", "95")
    world.clock.sleep(120)
    told = undo(work, found, agree=True, tell=lambda *_: None)

    assert world.show(key_of(1))["amount"] == "95"
    assert left_of(told) == {("Opportunity 1", None, "not_delivered")}
    assert told.status is RunStatus.PARTIAL


# Refusals ----------------------------------------------------------------------------------------------------------


def test_a_run_that_nobody_knows_is_refused(world: UndoWorld) -> None:
    """The cure names the command that lists the runs."""
    with pytest.raises(MendError, match=r"no run nobody(.|\n)*connector runs"):
        world.look("nobody")


@pytest.mark.parametrize(
    ("status", "error", "cure"),
    [
        (RunStatus.PLANNED, MendError, "only made a plan"),
        (RunStatus.WAITING, MendError, "only made a plan"),
        (RunStatus.RUNNING, LaterError, "wait until it has ended"),
    ],
)
def test_a_run_that_wrote_nothing_is_refused(
    world: UndoWorld, status: RunStatus, error: type[ConnectorError], cure: str
) -> None:
    """Planned, waiting for approval, or still before its first write."""
    run = open_run(world.memory, world.crm.destination(), "sync", world.now, agreed=True)
    if status is not RunStatus.RUNNING:
        world.memory.runs.close(run.id, status, world.now, {})

    with pytest.raises(error, match=cure):
        world.look(run)


def test_a_run_that_delivers_is_not_undone_under_its_feet(world: UndoWorld) -> None:
    """While another process holds the lease nothing is written, and the error says to wait."""
    run = world.run(opportunity(1))
    assert world.memory.leases.take(DESTINATION, "another machine", world.clock.now(), 300) is not None

    with pytest.raises(LaterError, match="another process is delivering"):
        world.undo(run)

    assert world.show(key_of(1))["stage"] == "s1"
    assert world.memory.holds.all(DESTINATION) == {}


def test_an_undoing_is_not_undone(world: UndoWorld) -> None:
    """The error says how the next run may write again."""
    run = world.run(opportunity(1))
    undone = world.undo(run)

    with pytest.raises(MendError, match="--release"):
        world.look(undone.summary["run_id"])


def test_the_run_that_applied_a_plan_stands_for_the_one_that_made_it(world: UndoWorld) -> None:
    """Entries carry the name of the run that planned them; either id undoes them."""
    run = world.run(opportunity(1))
    applied = open_run(world.memory, world.crm.destination(), "apply", world.now, agreed=True)
    world.memory.runs.close(applied.id, RunStatus.SUCCESS, world.now, {"applies": run.id})
    killed_one = open_run(world.memory, world.crm.destination(), "apply", world.now, agreed=True)

    assert world.look(applied).run.id == run.id
    with pytest.raises(MendError, match="undo the run that made the plan"):
        world.look(killed_one)


def test_credentials_of_another_crm_are_refused(world: UndoWorld) -> None:
    """A run is taken back where it wrote, and nowhere else."""
    run = world.run(opportunity(1))
    moved = replace(run, id="elsewhere", destination="memory:another")
    world.memory.runs.open(moved)

    with pytest.raises(MendError, match="memory:another"):
        world.look(moved)
