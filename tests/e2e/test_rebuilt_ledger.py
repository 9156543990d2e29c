"""A lost ledger is rebuilt from the CRM's key fields; then nothing is made twice, and nothing of a person's is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.ledger import Ledger
from connector.domain.change import RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.keys import task_key
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord
from tests.e2e.sides import Record
from tests.e2e.world import Site, World

Fates = dict[str, tuple[str, str, int, EpisodeState]]


def ledger_of(world: World) -> Ledger:
    return Ledger(f"sqlite:///{world.state / 'ledger.db'}")


def episodes(world: World) -> dict[str, Episode]:
    with ledger_of(world) as ledger:
        (destination,) = ledger.destinations.all()
        return {one.key: one for one in ledger.episodes.all(destination.id)}


def fates(world: World) -> Fates:
    """Whose attempt at which need stands how, by key."""
    return {key: (one.account_id, one.need, one.ordinal, one.state) for key, one in episodes(world).items()}


def known(world: World) -> dict[str, KnownRecord]:
    with ledger_of(world) as ledger:
        (destination,) = ledger.destinations.all()
        return ledger.receipts.records(destination.id)


def lose_ledger(world: World) -> None:
    """The disk of the ledger dies; billing and the CRM live on."""
    for file in world.state.glob("ledger.db*"):
        file.unlink()


def rebuild(world: World, *options: str) -> Any:
    ran = world.run("ledger", "rebuild", "--yes", "--json", *options)
    assert ran.code == 0, f"{ran.out[-2000:]}{ran.err[-2000:]}"
    return ran.json


def small_tasks(world: World) -> list[Record]:
    """The tasks that are all there is of a small proposal."""
    book = yaml.safe_load((world.home / "playbooks" / "negotiation.yaml").read_text("utf-8"))
    keys = {task_key(key, NEGOTIATION, "none", 1, book["small"]["id"]) for key in episodes(world)}
    return [one for one in world.side.ours("task") if one.key in keys]


def people_work(world: World) -> Record:
    """Deals are won, lost and thrown away, texts typed over, tasks done or put off; give the deleted one."""
    side = world.side
    won, lost, gone, edited = side.ours("opportunity")[:4]
    said, thrown, useless = small_tasks(world)[:3]
    side.move(won, "won")
    side.move(lost, "lost")
    side.remove("opportunity", gone.id)
    side.write("opportunity", {"amount": "4321"}, edited.id)
    task = next(one for one in side.ours("task") if side.parents_of(one) & {edited.id})
    side.write("task", {"subject": "Call her on Monday"}, task.id)
    side.write("task", {"status": "COMPLETED" if side.crm == "hubspot" else "Completed"}, said.id)
    side.remove("task", thrown.id)
    side.write("task", {"status": "DEFERRED" if side.crm == "hubspot" else "Deferred"}, useless.id)
    return gone


def test_episodes_come_back_as_they_were(synced: World) -> None:
    """Every episode has its key, account, need, ordinal and state again, those of small proposals too."""
    gone = people_work(synced)
    synced.sync()
    before, records = fates(synced), known(synced)
    lose_ledger(synced)

    told = rebuild(synced)

    assert fates(synced) == before
    assert {state for *_, state in before.values()} == set(EpisodeState) - {EpisodeState.WITHDRAWN, EpisodeState.NO}
    assert told["untold"] == told["twins"] == 0
    after = known(synced)
    # Notes and files are recognised by the next run that wants them.
    expected = {
        key
        for key, one in records.items()
        if one.tombstone is None and one.type in (RecordType.OPPORTUNITY, RecordType.TASK)
    }
    assert expected <= set(after) <= set(records)
    assert {key: one.crm_id for key, one in after.items()} == {key: records[key].crm_id for key in after}
    alive = {one.key for type in ("opportunity", "task") for one in synced.side.ours(type)}
    assert {key for key, one in after.items() if one.tombstone} == set(after) - alive > {gone.key}


def test_the_next_sync_makes_nothing_twice_and_overwrites_nobody(synced: World) -> None:
    """After a rebuild, a sync on the same day writes nothing; what a person typed is theirs, the rest is ours again."""
    people_work(synced)
    held = synced.sync()["held"]
    before = {one.key: one.values for type in ("opportunity", "task") for one in synced.side.ours(type)}
    lose_ledger(synced)
    rebuild(synced)
    assert not any(one.receipts for one in known(synced).values())

    told = synced.sync()
    again = synced.sync()

    assert told["plan"] == again["plan"]
    assert told["left_as_found"]["fields"] >= 1
    assert "fields" not in told["left_to_people"] | again["left_to_people"]
    assert {action for action, count in told["plan"].items() if count} == {"unchanged"}
    assert not synced.side.writes()
    assert {one.key: one.values for type in ("opportunity", "task") for one in synced.side.ours(type)} == before
    # Caps and cool-downs go on: the same is held back for the same reasons. Only what follows a sale is not looked for
    # any more: no CRM record tells what exactly was proposed when it was won.
    of_plays = {"play_cap"}
    assert {why: n for why, n in told["held"].items() if why not in of_plays} == {
        why: n for why, n in held.items() if why not in of_plays
    }
    assert held["cool_down"] > 0
    assert held["account_cap"] > 0
    amount, close_date = synced.side.names["amount"], synced.side.names["close_date"]
    edited = next(one for one in synced.side.ours("opportunity") if float(one["amount"]) == 4321)
    receipts = known(synced)[edited.key or ""].receipts
    assert receipts[amount].handed_over
    assert not receipts[close_date].handed_over


def test_stage_moves_get_their_tasks_after_a_rebuild(synced: World) -> None:
    """The episode goes on: its owner moves the opportunity, and the tasks of that stage appear once."""
    one = synced.side.ours("opportunity")[0]
    lose_ledger(synced)
    rebuild(synced)
    synced.sync()
    tasks = len(synced.side.ours("task"))
    synced.side.move(one, "consult")

    synced.stages()

    assert len(synced.side.ours("task")) > tasks


def test_a_merged_account_keeps_its_episodes(synced: World) -> None:
    """Keys made of an account that was merged away come back under its survivor."""
    one = synced.side.ours("opportunity")[0]
    (account,) = synced.side.account_of(one, "opportunity")
    taken = {
        a for type in ("opportunity", "task") for o in synced.side.ours(type) for a in synced.side.account_of(o, type)
    }
    survivor = next(o.id for o in synced.side.all("account") if o.id not in taken and not o.gone and o["owner"])
    synced.side.merge(survivor, account)
    synced.sync()
    before = fates(synced)
    lose_ledger(synced)

    rebuild(synced)

    assert fates(synced) == before
    assert before[one.key or ""][0] == survivor


def test_a_dry_run_stores_nothing_and_a_full_ledger_is_refused(synced: World) -> None:
    """A ledger that knows records is left alone; --force adds what it lacks; a lost one is looked at first."""
    assert synced.run("ledger", "rebuild", "--yes").code == 2
    before = known(synced)
    rebuild(synced, "--force")
    assert known(synced) == before
    lose_ledger(synced)

    told = rebuild(synced, "--dry-run")

    assert not told["stored"]
    assert told["opportunities"]["alive"] == len(synced.side.ours("opportunity"))
    with ledger_of(synced) as ledger:
        assert ledger.destinations.all() == []


def test_force_gives_a_restored_ledger_what_it_lacks(installed: World, tmp_path: Path) -> None:
    """A backup from before the last runs is completed: its receipts stay, what came later is known again."""
    installed.sync()
    with ledger_of(installed) as ledger:
        (destination,) = ledger.destinations.all()
        old = ledger.receipts.records(destination.id)
    one = installed.side.ours("opportunity")[0]
    copies = {file.name: file.read_bytes() for file in installed.state.glob("ledger.db*")}
    installed.side.move(one, "consult")
    installed.sync()
    later = known(installed)
    assert set(later) > set(old)
    lose_ledger(installed)
    for name, content in copies.items():
        (installed.state / name).write_bytes(content)

    rebuild(installed, "--force")

    assert set(known(installed)) == set(later)
    assert all(known(installed)[key].receipts == old[key].receipts for key in old)
    told = installed.sync()
    assert told["plan"]["create"] == told["plan"]["associate"] == 0


def test_a_rebuilt_ledger_is_another_life(synced: World, tmp_path: Path) -> None:
    """What was planned under the lost one is not applied; the new trail begins with who rebuilt, and how much."""
    synced.run("plan", "--out", str(tmp_path / "plan.json"))
    lose_ledger(synced)
    rebuild(synced, "--by", "Ana Ruiz")

    applied = synced.run("apply", str(tmp_path / "plan.json"), "--yes")

    assert applied.code == 2
    assert "restored or rebuilt" in applied.err
    (deed,) = synced.run("audit", "list", "--json").json["records"]
    assert (deed["act"], deed["by"]) == ("rebuild", "Ana Ruiz")
    assert deed["values"]["opportunities"]["alive"] == len(synced.side.ours("opportunity"))
    assert synced.run("audit", "verify").code == 0


@pytest.fixture
def keyless(site: Site, crm: str, tmp_path: Path) -> World:
    """A CRM that keeps no unique key on tasks, after a first delivery."""
    world = site.at(crm, "empty", tmp_path)
    world.side.control.switches["keyed_tasks"] = False
    ran = world.run("install", "--yes")
    assert ran.code == 0, ran.err
    world.sync()
    return world


def test_tasks_without_a_key_are_told_by_their_last_line(keyless: World) -> None:
    """Where tasks carry no unique key, their `ref:` line brings them back; small proposals count again."""
    before, records = fates(keyless), known(keyless)
    tasks = len(keyless.side.all("task"))
    lose_ledger(keyless)

    told = rebuild(keyless)

    assert told["tasks"]["alive"] == sum(one.type is RecordType.TASK for one in records.values()) > 0
    assert fates(keyless) == before
    plan = keyless.sync()["plan"]
    assert (plan["create"], plan["update"], plan["associate"]) == (0, 0, 0)
    assert len(keyless.side.all("task")) == tasks
