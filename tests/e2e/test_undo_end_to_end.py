"""A bad run is taken back: what nobody touched is as before, the rest is named, and nothing comes again unasked."""

from __future__ import annotations

import getpass
import io
import random
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.episode import Episode, EpisodeState
from connector.domain.play import play_of
from tests.e2e.fates import Killing, killings
from tests.e2e.large_runs import opportunities, run, showing, working
from tests.e2e.running import SMALL_BATCH, Processes
from tests.e2e.world import Site, World

MANY = 500
EDITED = range(20)
LATER = range(100, 150)
GONE = 200
"""Which of the records people edit, a later run writes, and somebody deletes."""
NEXT_STEP = {"hubspot": "hs_next_step", "salesforce": "NextStep"}
PEOPLES_STAGE = "consult"
KILLS = 3


def values(world: World, *names: str) -> dict[str, tuple[Any, ...]]:
    """What our records show, by key."""
    kinds = ("opportunity", "task")
    keyed = {one.key or "": tuple(one[name] for name in names) for kind in kinds for one in world.side.ours(kind)}
    return {**keyed, **documents(world)}


def documents(world: World) -> dict[str, tuple[Any, ...]]:
    """What our notes and files hold, by id."""
    store, of_hubspot = world.side.store, world.side.crm == "hubspot"
    notes = {one.id: (one["hs_note_body" if of_hubspot else "Body"],) for one in world.side.all("note")}
    files = store.dump("files") if of_hubspot else [row for row in store.dump("ContentVersion") if row["IsLatest"]]
    digest, id = ("fileMd5", "id") if of_hubspot else ("Checksum", "ContentDocumentId")
    return {**notes, **{row[id]: (row[digest],) for row in files}}


def newest(world: World) -> str:
    """The id of the newest run."""
    (row,) = world.run("runs", "--limit", "1", "--json").json["runs"]
    return str(row["run_id"])


def episodes(world: World) -> list[Episode]:
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        (destination,) = ledger.destinations.all()
        return ledger.episodes.all(destination.id)


def test_a_run_of_five_hundred_records_is_taken_back(installed: World) -> None:
    """After 20 human edits and one later run every field shows what it did before, or is named with who changed it."""
    side, amount, step = installed.side, installed.side.names["amount"], NEXT_STEP[installed.side.crm]
    with working(installed) as work:
        many = opportunities(installed, work, MANY)
        run(installed, work, showing(many, {amount: "100", step: None}))
        bad = run(installed, work, showing(many, {amount: "7000000", step: "Broken"}))
        for one in side.ours("opportunity")[: len(EDITED)]:
            side.write("opportunity", {"amount": "4321"}, one.id)
        side.remove("opportunity", side.ours("opportunity")[GONE].id)
        later = run(installed, work, showing([many[n] for n in LATER], {amount: "555"}))

    dry = installed.run("undo", bad.id, "--dry-run", "--json")
    planned = installed.side.writes()
    told = installed.run("undo", bad.id, "--yes", "--by", "Ana Ruiz", "--json")

    assert (dry.code, told.code, planned) == (0, 0, []), told.err
    restored = {"fields": 2 * (MANY - 1) - len(EDITED) - len(LATER), "records": MANY - 1}
    assert dry.json["restored"] == told.json["restored"] == restored
    assert told.json["left_because"] == {
        "changed_by_a_person": len(EDITED),
        "changed_by_a_later_run": len(LATER),
        "gone": 1,
    }
    assert {(one["field"], one["detail"]) for one in told.json["left"]} == {
        (amount, ""),
        (amount, later.id),
        (None, "deleted"),
    }
    now = values(installed, "amount", step)
    for number in set(range(MANY)) - {GONE}:
        wanted = 4321 if number in EDITED else 555 if number in LATER else 100
        assert (float(now[f"{number:032x}"][0]), now[f"{number:032x}"][1]) == (wanted, "")
    side.control.requests.clear()
    with working(installed) as work:
        again = run(installed, work, showing(many, {amount: "7000000", step: "Broken"}))
    assert again.summary["left_to_people"] == {"undone": MANY}
    assert not side.writes()


def test_proposals_that_were_undone_come_again_only_once_released(synced: World) -> None:
    """What nobody touched is closed; the next run makes none of it again and nothing in its place, until released."""
    side, bad = synced.side, newest(synced)
    made = values(synced, "stage", "status")
    moved, done = side.ours("opportunity")[0], side.ours("task")[0]
    side.move(moved, PEOPLES_STAGE)
    completed = "COMPLETED" if side.crm == "hubspot" else "Completed"
    side.write("task", {"status": completed}, done.id)
    needs = {(one.account_id, one.need) for one in episodes(synced) if one.key != moved.key}

    told = synced.run("undo", bad, "--yes", "--json").json
    after, before = values(synced, "stage", "status"), {one.key for one in episodes(synced)}
    held = synced.sync()
    instead = [one for one in episodes(synced) if one.key not in before and one.account_id in dict(needs)]
    unreleased = [one for one in episodes(synced) if (one.account_id, one.need) in needs]
    lists = synced.run("runs").out
    released = synced.run("undo", bad, "--release", "--json").json
    synced.sync()

    assert told["closed"] == len(made) - 2
    assert {one["key"]: one["why"] for one in told["left"]} == {
        moved.key: "changed_by_a_person",
        done.key: "already_done",
    }
    assert set(after) == set(made)
    for key, (stage, status) in ((key, shown) for key, shown in after.items() if len(shown) > 1):
        if key in (moved.key, done.key):
            assert (stage or status) in (side.stages[PEOPLES_STAGE], completed)
        else:
            assert (stage or status) in (side.stages["lost"], "DEFERRED", "Deferred")
    assert held["held"]["undone"] >= len([need for _, need in needs if play_of(need) is None])
    assert instead == []
    assert {one.ordinal for one in unreleased} == {1}
    assert sum(one.state is EpisodeState.WITHDRAWN for one in unreleased) >= len(needs) - 1
    assert f"undone by {getpass.getuser()}" in lists
    assert released["released"] >= len(made)
    again = [one for one in episodes(synced) if (one.account_id, one.need) in needs and one.state is EpisodeState.OPEN]
    assert [one for one in again if one.ordinal == 2]
    assert not [one for one in again if one.ordinal > 2]
    assert synced.run("audit", "verify").code == 0


def test_an_undo_shows_what_it_does_and_asks_first(synced: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """People are asked, scripts have to agree with `--yes`; without either nothing is written."""
    bad, count = newest(synced), len(values(synced, "name"))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    dry, refused, unagreed = (synced.run("undo", bad, *more) for more in (("--dry-run",), ("--by", "Ana"), ("--json",)))

    assert (dry.code, refused.code, unagreed.code) == (0, 75, 4)
    assert f"close {count} records" in " ".join(dry.out.split())
    for one in synced.side.ours("opportunity"):
        assert one["name"] in dry.out
    assert "--yes" in unagreed.out + unagreed.err
    assert not synced.side.writes()
    assert newest(synced) == bad


def test_a_mapping_edit_is_taken_back(synced: World) -> None:
    """Every record that the edit rewrote shows its old text, and no run writes it again while the edit stands."""
    step = NEXT_STEP[synced.side.crm]
    before = values(synced, step)
    mapping = f"mappings/{synced.side.crm}.yaml"
    synced.edit_yaml(mapping, lambda whole: whole["opportunity"]["fields"][step].update(value="Broken"))
    synced.sync()
    broken = values(synced, step)

    told = synced.run("undo", newest(synced), "--yes", "--json")
    back = values(synced, step)
    synced.sync()
    quiet = synced.side.writes()
    synced.run("undo", told.json["undoes"], "--release")
    synced.sync()

    assert "Broken" in {text for (text,) in broken.values()}
    assert told.json["restored"]["records"] == sum(text == "Broken" for (text,) in broken.values())
    assert back == values(synced, step) == before
    assert not quiet
    assert not synced.side.writes()


def undo_killed(world: World, bad: str, killing: Killing, processes: Processes) -> None:
    """Undo in a process of its own until it is killed."""
    started: list[int] = []
    killing.pid = lambda: started[0]
    world.side.minutes_later(10)
    world.side.control.faults.append(killing)
    args = ("undo", bad, "--yes", "--json")
    process = processes.start(args, world.environment(), world.folder, world.kept, SMALL_BATCH)
    assert process.pid is not None
    started.append(process.pid)
    process.join(60)
    world.side.control.faults.clear()
    assert process.exitcode == -9, (world.folder / "err.txt").read_text()


def test_an_undo_that_is_killed_is_finished_by_the_next(
    site: Site, crm: str, tmp_path: Path, processes: Processes
) -> None:
    """After kill -9 between two writes, undoing again or the next run closes all of it, once."""
    world = site.at(crm, "synced", tmp_path / "counted")
    world.run("undo", newest(world), "--yes", batch=SMALL_BATCH)
    whole = values(world, "stage", "status")
    first = next(n for n, one in enumerate(world.side.control.requests) if one in world.side.writes())
    count = len(world.side.control.requests) - first

    for number, killing in enumerate(killings(random.Random(f"{crm} undo"), count - 1, KILLS)):
        killing.at += first
        world = site.at(crm, "synced", tmp_path / str(number))
        bad = newest(world)
        undo_killed(world, bad, killing, processes)
        left = values(world, "stage", "status")
        if number % 2:
            world.sync()
        again = world.run("undo", bad, "--yes", "--json")

        assert again.code == 0, again.err
        assert left != whole
        now = values(world, "stage", "status")
        assert {key: now[key] for key in whole} == whole
        assert world.run("undo", bad, "--dry-run").out.strip().endswith("is left to undo.")
