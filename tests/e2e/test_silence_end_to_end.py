"""Restraint: what nothing speaks for is taken back after three good days, unless somebody works on it.

Here billing is not what it is in the other tests. What is measured from the same files, told on the same days, is kept
and measured once, whatever happens to the CRM meanwhile.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from connector.adapters.ledger import Ledger
from connector.domain.episode import Episode, EpisodeState
from connector.domain.play import SAVE
from tests.e2e.fates import killings
from tests.e2e.running import Kept, Processes
from tests.e2e.sides import Record
from tests.e2e.test_killed import killed_in
from tests.e2e.world import World

CLOSED = {"hubspot": "expansion_lost", "salesforce": "Closed Lost"}
CANCELLED = {"hubspot": "DEFERRED", "salesforce": "Deferred"}
MEASURED: dict[tuple[str, ...], Kept] = {}
"""What was measured, by what had been told until then and when. The first test below lives the most days."""


def episodes(world: World) -> dict[str, Episode]:
    """What the ledger holds, by key."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        (destination,) = ledger.destinations.all()
        return {one.key: one for one in ledger.episodes.all(destination.id)}


@dataclass
class Files:
    """The usage and events that this world's product tells, in a folder of its own."""

    world: World
    folder: Path
    before: Path
    told: tuple[str, ...] = ()

    @classmethod
    def of(cls, world: World) -> Files:
        told = world.folder / "told"
        shutil.copytree(world.env["CONNECTOR_FILES_DIR"], told)
        before, world.env = Path(world.env["CONNECTOR_FILES_DIR"]), {**world.env, "CONNECTOR_FILES_DIR": str(told)}
        return cls(world, told, before)

    def quieten(self, customer: str, metric: str) -> None:
        """Let a customer use next to nothing of a metric; every row stays."""
        table = pq.read_table(self.folder / "usage.parquet")
        is_meant = pc.and_(pc.equal(table["account_id"], customer), pc.equal(table["metric"], metric))
        self._write(table.set_column(3, "value", pc.if_else(is_meant, pa.scalar(1.0), table["value"])))

    def lose(self, share: float, days: int) -> None:
        """Lose a share of the customers from the last days' rows."""
        table = pq.read_table(self.folder / "usage.parquet")
        names = sorted(set(table["account_id"].to_pylist()))
        lost = pa.array(names[: int(share * len(names))])
        since = pc.max(table["day"]).as_py() - timedelta(days=days)
        is_lost = pc.and_(pc.is_in(table["account_id"], lost), pc.greater(table["day"], pa.scalar(since)))
        self._write(table.filter(pc.invert(is_lost)))

    def restore(self) -> None:
        """Tell everything as it was."""
        self.put((self.before / "usage.parquet").read_bytes())

    def put(self, usage: bytes) -> None:
        """Tell this usage."""
        (self.folder / "usage.parquet").write_bytes(usage)
        self.changed()

    def settle(self, customer: str) -> None:
        """The support closes a customer's escalation."""
        with (self.folder / "events.csv").open("a", encoding="utf-8") as file:
            file.write(f"{customer},{self.world.now:%Y-%m-%dT%H:%M:%SZ},escalation_closed,,support\n")
        self.changed()

    def apart(self, name: str) -> None:
        """Begin with nothing measured: what changes later needs a warehouse that read what was told before."""
        self.told = (name,)
        self.changed()

    def changed(self) -> None:
        """Something else is told from now on."""
        content = b"".join(file.read_bytes() for file in sorted(self.folder.iterdir()))
        self.told = (*self.told, f"{self.world.now} {sha256(content).hexdigest()}")
        self.world.kept = MEASURED.setdefault(self.told, Kept())

    def _write(self, table: pa.Table) -> None:
        pq.write_table(table, self.folder / "usage.parquet", compression="zstd")
        self.changed()


@dataclass
class Quiet:
    """A world in which a customer, whose seats were nearly all used, uses one."""

    world: World
    files: Files
    episode: Episode

    @property
    def opportunity(self) -> Record:
        return next(one for one in self.world.side.ours("opportunity") if one.key == self.episode.key)

    def days(self) -> tuple[date, ...]:
        return episodes(self.world)[self.episode.key].silent_on

    def tomorrow(self) -> int:
        """A day later, synced on the files as they are: how many records it closed."""
        self.world.later(days=1)
        return int(self.world.sync()["plan"]["close"])


@pytest.fixture
def quiet(synced: World) -> Quiet:
    """The first opportunity for more seats, of which nothing speaks any more."""
    (synced.home / "playbooks" / "plays.yaml").unlink()  # a trial that ends meanwhile takes its own tasks back
    files = Files.of(synced)
    episode = next(one for one in episodes(synced).values() if one.need == "more_seats" and not one.brief["as_task"])
    for customer in episode.brief["billing_ids"]:
        files.quieten(customer, "active_seats")
    return Quiet(synced, files, episode)


@pytest.mark.parametrize("edit", ["stage", "amount", "done"])
def test_what_somebody_works_on_is_theirs_to_close(quiet: Quiet, edit: str) -> None:
    """An opportunity that was moved, edited, or whose task was done stays as it is; the plan says so every day."""
    world, one = quiet.world, quiet.opportunity
    (task,) = [each for each in world.side.ours("task") if one.id in world.side.parents_of(each)]
    match edit:
        case "stage":
            world.side.move(one, "consult")
        case "amount":
            world.side.write("opportunity", {"amount": "4321"}, one.id)
        case "done":
            world.side.write("task", {"status": "COMPLETED" if world.side.crm == "hubspot" else "Completed"}, task.id)
    stage = quiet.opportunity["stage"]

    assert [quiet.tomorrow() for _ in range(4)] == [0, 0, 0, 0]

    assert quiet.opportunity["stage"] == stage
    told = world.run("plan", "--json").json
    assert told["held"].get("signals_gone") or told["left_to_people"].get("touched_by_a_person")


def test_three_good_days_of_silence_take_a_proposal_back(quiet: Quiet) -> None:
    """Two days are counted and write nothing; the third closes the opportunity and its task; no cool-down begins."""
    world = quiet.world
    assert quiet.tomorrow() == 0
    assert int(world.sync()["plan"]["close"]) == 0, "one day counts once"
    assert quiet.tomorrow() == 0
    assert len(quiet.days()) == 2
    assert world.run("plan", "--json").code == 0

    closed = quiet.tomorrow()

    assert (closed, quiet.opportunity["stage"]) == (2, CLOSED[world.side.crm])
    tasks = [one for one in world.side.ours("task") if quiet.opportunity.id in world.side.parents_of(one)]
    assert [one["status"] for one in tasks] == [CANCELLED[world.side.crm]]
    assert world.sync()["plan"]["close"] == 0
    assert quiet.opportunity["stage"] == CLOSED[world.side.crm]
    assert episodes(world)[quiet.episode.key].state is EpisodeState.WITHDRAWN


def test_planning_alone_counts_no_day(quiet: Quiet) -> None:
    """Three days of plans that nobody applied leave the ledger as it was, and so close nothing."""
    for _ in range(3):
        quiet.world.later(days=1)
        assert quiet.world.run("plan", "--json").code == 0

    assert quiet.days() == ()
    assert quiet.tomorrow() == 0


def test_a_feed_at_30_percent_of_its_norm_takes_nothing_back(quiet: Quiet) -> None:
    """Where most customers are missing from a week's files, silence counts on no day."""
    quiet.files.lose(share=0.7, days=7)

    assert [quiet.tomorrow() for _ in range(4)] == [0, 0, 0, 0]

    assert quiet.days() == ()


def test_a_signal_that_comes_back_begins_the_count_anew(quiet: Quiet) -> None:
    """Silent for two days, then told again, then silent for two more: nothing is closed."""
    quiet.files.apart("comes back")
    assert [quiet.tomorrow(), quiet.tomorrow()] == [0, 0]
    silent = (quiet.files.folder / "usage.parquet").read_bytes()
    quiet.files.restore()
    assert quiet.tomorrow() == 0
    assert quiet.days() == ()
    quiet.files.put(silent)

    assert [quiet.tomorrow(), quiet.tomorrow()] == [0, 0]

    assert len(quiet.days()) == 2


def test_a_kill_on_the_third_day_closes_it_once(quiet: Quiet, processes: Processes) -> None:
    """Killed at any moment of that delivery, the next sync ends it: closed, counted as ours, no day lost or added."""
    world = quiet.world
    assert [quiet.tomorrow(), quiet.tomorrow()] == [0, 0]
    world.later(days=1)
    back, state = world.side.saved(), world.state
    before = shutil.copytree(state, world.folder / "before")
    world.sync()
    asked = [place for place, one in enumerate(world.side.control.requests) if one in world.side.writes()]
    moments = killings(random.Random(f"{world.side.crm} silence"), len(world.side.control.requests) - asked[0], 4)
    for killing in moments:
        back()
        shutil.rmtree(state)
        shutil.copytree(before, state)
        killing.at += asked[0]
        killed_in(world, killing, processes)

        world.sync()

        assert quiet.opportunity["stage"] == CLOSED[world.side.crm]
        assert world.sync()["plan"]["close"] == 0
        over = episodes(world)[quiet.episode.key]
        assert (over.state, len(over.silent_on)) == (EpisodeState.WITHDRAWN, 3)


def saved(world: World, reason: str) -> Iterator[Episode]:
    for one in episodes(world).values():
        if one.need == SAVE and [code for code, *_ in one.brief["reasons"]] == [reason]:
            yield one


def test_a_save_task_goes_once_its_customer_recovered(synced: World) -> None:
    """The escalation is closed: three days later so is the task, and the next trouble need not wait."""
    (synced.home / "playbooks" / "plays.yaml").unlink()  # a trial that ends meanwhile takes its own tasks back
    files, one = Files.of(synced), next(saved(synced, "unhealthy_escalation"))
    for customer in one.brief["billing_ids"]:
        files.settle(customer)
    here = Quiet(synced, files, one)

    closed = [here.tomorrow() for _ in range(3)]

    assert closed == [0, 0, 1]
    synced.sync()
    assert episodes(synced)[one.key].state is EpisodeState.WITHDRAWN
