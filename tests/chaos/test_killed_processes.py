"""A process killed with SIGKILL leaves nothing that its successor does not put right, on either database.

At every transition of the outbox, and at random instants. What was killed had delivered before: it updates records,
makes new ones and associates them. Its successor shares nothing with it but the ledger and the CRM.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import fresh_database, run

from connector.domain.change import Desired
from connector.domain.run import RunStatus
from tests.budget import FULL
from tests.chaos.child import Far, Job
from tests.chaos.nursery import Nursery
from tests.machine.life import Life, empty_ledger
from tests.machine.place import FLAVOURS, Place, served
from tests.machine.truths import EVERY_TRUTH, People, everything_is_there, look, status_is_true
from tests.machine.wanted import Customer, account, opportunity, task
from tests.services.delivery_world import scratch

TOGETHER = [("hubspot", "sqlite"), ("salesforce", "postgresql")]
"""Each database with a CRM; with `scripts/test --full` each with both."""
if FULL:
    TOGETHER += [("salesforce", "sqlite"), ("hubspot", "postgresql")]
RANDOM_KILLS = 100 if FULL else 20
LEAST_MOMENTS, MOST_MOMENTS = 10, 200
BEFORE = (Customer(0), Customer(1, 200))
AFTER = (Customer(0, 300), Customer(1, 200, 20), Customer(2))


@dataclass
class Scene:
    """A CRM and a ledger after a first delivery, to be put back to that moment again and again."""

    place: Place
    copy: Callable[[], str]
    back: Callable[[], None]

    def again(self) -> str:
        """Put the CRM back; give the URL of a ledger as it was then."""
        self.back()
        return self.copy()

    def job(self, url: str) -> Job:
        return Job(self.place.login, self.place.org, url, desired(self.place, AFTER))


def desired(place: Place, customers: tuple[Customer, ...]) -> list[Desired]:
    return [make(place, one, place.accounts[one.number]) for one in customers for make in (opportunity, task, account)]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where processes are born that are to be killed."""
    with Nursery() as made:
        yield made


@pytest.fixture(scope="module", params=TOGETHER, ids=" on ".join)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """The moment after a first delivery. The CRM's limits run on a clock that stands still here, and are left out."""
    crm, database = request.param
    flavour = FLAVOURS[crm]
    with served(replace(flavour, switches={**flavour.switches, "limits": False})) as place:
        path = scratch() / "first.db"
        if database == "sqlite":
            shutil.copy(empty_ledger(), path)
        url = f"sqlite:///{path}" if database == "sqlite" else fresh_database()
        life = Life(Far(place.login, place.org), url)
        assert life.apply(life.plan(desired(place, BEFORE))).status is RunStatus.SUCCESS
        life.close()
        yield Scene(place, copies_of(url, path), place.side.saved())


def copies_of(url: str, path: Path) -> Callable[[], str]:
    """What makes a copy of a ledger that nobody has open."""
    numbers = iter(range(10**6))

    def of_file() -> str:
        copy = path.with_name(f"copy-{next(numbers)}.db")
        shutil.copy(path, copy)
        return f"sqlite:///{copy}"

    def of_database() -> str:
        parts = sa.make_url(url)
        name = f"{parts.database}_{next(numbers)}"
        run(f"CREATE DATABASE {name} TEMPLATE {parts.database}")
        return parts.set(database=name).render_as_string(hide_password=False)

    return of_file if url.startswith("sqlite") else of_database


def is_made_whole(scene: Scene, url: str) -> None:
    """The next run brings everything, says truly how it went, and the one after it has nothing to do."""
    life = Life(Far(scene.place.login, scene.place.org), url, 100)
    wanted, nobody = desired(scene.place, AFTER), People()
    for _ in range(2):
        plan = life.plan(wanted)
        delivered = life.apply(plan)
        now = look(scene.place, life, nobody)
        for truth in EVERY_TRUTH:
            truth(now)
        status_is_true(now, plan, delivered)
        if delivered.status is RunStatus.SUCCESS:
            break
    everything_is_there(now, wanted)
    scene.place.side.control.requests.clear()
    last = life.apply(life.plan(wanted))
    life.close()
    assert last.status is RunStatus.SUCCESS
    assert not last.by_entry
    assert not scene.place.side.writes()


def test_killed_at_every_transition_of_the_outbox(scene: Scene, nursery: Nursery, pytestconfig: pytest.Config) -> None:
    """Whichever commit or write is the last thing that a process does, nothing is lost or there twice."""
    began, killed, end = time.monotonic(), 0, 1
    for moment in range(1, MOST_MOMENTS):
        url = scene.again()
        nursery.start(replace(scene.job(url), dies_at=moment, every_request=FULL))
        end = nursery.end()
        assert end in (0, -signal.SIGKILL)
        is_made_whole(scene, url)
        if end == 0:
            break
        killed += 1
    say(pytestconfig, f"killed at each of {killed} moments in {time.monotonic() - began:.1f} s")

    assert end == 0, "the delivery never came to its end"
    assert killed >= LEAST_MOMENTS


def test_killed_at_random_instants(scene: Scene, nursery: Nursery, pytestconfig: pytest.Config) -> None:
    """Whenever a process is killed, nothing is lost or there twice."""
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 10**6))
    rng, began = random.Random(seed), time.monotonic()
    whole, died = undisturbed(scene, nursery), 0
    for _ in range(RANDOM_KILLS):
        url = scene.again()
        pid = nursery.start(scene.job(url))
        time.sleep(rng.uniform(0, whole))
        with suppress(ProcessLookupError):  # it was quicker
            os.kill(pid, signal.SIGKILL)
        died += nursery.end() == -signal.SIGKILL
        is_made_whole(scene, url)
    budget = f"{RANDOM_KILLS} instants within {whole:.2f} s, {died} before the end, in {time.monotonic() - began:.1f} s"
    say(pytestconfig, f"CHAOS_SEED={seed}: {budget}")

    assert died >= RANDOM_KILLS // 4


def undisturbed(scene: Scene, nursery: Nursery) -> float:
    """How long a delivery takes when nobody kills it."""
    nursery.start(scene.job(scene.again()))
    began = time.monotonic()
    assert nursery.end() == 0
    return time.monotonic() - began


def say(config: pytest.Config, what: str) -> None:
    """Tell what was spent, whether or not output is captured."""
    config.get_terminal_writer().line(f"\n{what}")
