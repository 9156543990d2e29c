"""A delivery that is killed, or whose answers are lost, leaves nothing twice and nothing out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from connector.sandbox.control import Fault
from tests.e2e.fates import Killing, killings
from tests.e2e.running import SMALL_BATCH, Processes
from tests.e2e.world import Site, World

KILLS = 10
Shape = dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]]


def shape(world: World) -> Shape:
    """Every record of ours by key: its accounts, the keys of its opportunities, its contacts."""
    side = world.side
    keys = {one.id: one.key or "" for one in side.ours("opportunity")}
    found: Shape = {}
    for type in ("opportunity", "task"):
        twice = [key for key, count in Counter(one.key for one in side.ours(type)).items() if count > 1]
        assert not twice, f"{type} twice: {twice}"
        for one in side.ours(type):
            parents = {keys[id] for id in side.parents_of(one)} if type == "task" else set()
            people = side.people_of(one) if type == "task" else set()
            found[f"{type} {one.key}"] = frozenset(side.account_of(one, type)), frozenset(parents), frozenset(people)
    return found


@pytest.fixture(scope="module")
def undisturbed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shape]:
    """What a delivery leaves when nobody disturbs it."""
    shapes: dict[str, Shape] = {}

    def of(crm: str) -> Shape:
        if crm not in shapes:
            shapes[crm] = shape(site.at(crm, "synced", tmp_path_factory.mktemp(crm) / "whole"))
        return shapes[crm]

    return of


@pytest.fixture
def again(again: Callable[[str], World]) -> Callable[[str], World]:
    """The same moment once more, without documents: one whose answer was lost may land for a quarter of an hour."""

    def at(name: str) -> World:
        world = again(name)
        world.without_documents()
        return world

    return at


def killed_in(world: World, killing: Killing, processes: Processes) -> None:
    """Sync in a process of its own until it is killed."""
    world.side.minutes_later(10)
    started: list[int] = []
    killing.pid = lambda: started[0]
    world.side.control.faults.append(killing)
    process = processes.start(("sync", "--json"), world.environment(), world.folder, world.kept, SMALL_BATCH)
    assert process.pid is not None
    started.append(process.pid)
    process.join(60)
    world.side.control.faults.clear()

    assert process.exitcode in (-9, 0), (world.folder / "err.txt").read_text()


def test_a_delivery_killed_at_ten_random_moments_ends_whole(
    crm: str, again: Callable[[str], World], undisturbed: Callable[[str], Shape], processes: Processes
) -> None:
    """After kill -9 at any moment the next sync completes it: each key once, none missing, every association there."""
    whole = undisturbed(crm)
    world = again("counted")
    world.sync(batch=SMALL_BATCH)
    first_write = next(n for n, one in enumerate(world.side.control.requests) if one in world.side.writes())
    of_delivery = len(world.side.control.requests) - first_write
    moments = killings(random.Random(f"{crm} 20260930"), of_delivery, KILLS)
    ends = Counter[str]()

    for number, killing in enumerate(moments):
        killing.at += first_write
        world = again(f"kill {number}")
        killed_in(world, killing, processes)
        left = shape(world)
        ends["early" if not left else "late" if left == whole else "partial"] += 1
        world.sync()

        assert shape(world) == whole, f"killed {killing.moment} request {killing.at}"
    assert world.sync()["plan"]["unchanged"] == len(whole)
    assert not world.side.writes()
    assert ends["partial"] >= KILLS // 3, ends


def test_a_delivery_killed_again_and_again_ends_whole(
    crm: str, again: Callable[[str], World], undisturbed: Callable[[str], Shape], processes: Processes
) -> None:
    """Runs that each die after a few more requests still get there, one step at a time."""
    world = again("once more")
    rng = random.Random(f"{crm} again")

    for killing in [Killing(at=rng.randint(20, 60), moment=moment) for moment in ("after", "before", "after")]:
        killed_in(world, killing, processes)
    world.sync()

    assert shape(world) == undisturbed(crm)


BATCH_WRITES = {
    "hubspot": {
        "opportunities": "/crm/.*objects/.*deals/batch/upsert",
        "tasks": "/crm/.*objects/.*tasks/batch/upsert",
        "associations": "/crm/.*associations/.*/batch/create",
    },
    "salesforce": {
        "opportunities": "/composite/sobjects/Opportunity/",
        "tasks": "/composite/sobjects/Task/",
    },
}


MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost": {"cut": "after"},
    "never arrived": {"cut": "before"},
    "server error": {"status": 503},
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_answers_lost_and_server_errors_leave_nothing_twice(
    crm: str, mishap: str, again: Callable[[str], World], undisturbed: Callable[[str], Shape]
) -> None:
    """Whatever happens to the first write of every kind, one run and at most one more bring everything once."""
    world = again("mishap")
    fate = MISHAPS[mishap]
    for path in BATCH_WRITES[crm].values():
        world.side.control.faults.append(Fault(path=path, method="POST|PATCH", **fate))

    ran = world.run("sync", "--json")
    left = [fault for fault in world.side.control.faults if fault.times > 0]
    code = 0 if ran.code == 0 else world.run("sync", "--json").code

    assert not left, f"never met: {[fault.path for fault in left]}"
    assert ran.code in (0, 3, 75)
    assert code == 0
    assert shape(world) == undisturbed(crm)
