"""After a week: what a pilot would have done or did, and what people did meanwhile, on both CRMs."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from connector.adapters.ledger import Ledger
from tests.e2e.test_pilot_limits import limit
from tests.e2e.world import Site, World

NAMES = {"reporting": "Analytics dashboards", "mobile_access": "Mobile app", "signing": "E-signature"}
"""What a person would call an opportunity for a need, by the shipped mappings' rules."""


def report(world: World, *options: str) -> Any:
    ran = world.run("pilot", "report", "--json", *options)
    assert ran.code == 0, ran.err
    return ran.json


def named(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The first proposal whose need a person's words can tell."""
    return next(row for row in rows if row["need"] in NAMES)


def test_a_week_of_shadow_is_told_once_a_need_with_who_agreed(site: Site, crm: str, tmp_path: Path) -> None:
    """Three nights propose the same needs: each is one row; a person's own opportunity afterwards is agreement."""
    world = site.at(crm, "empty", tmp_path)
    limit(world, mode="shadow")
    world.sync()
    first = report(world)
    row = named(first["proposals"])
    world.later(days=1)
    world.side.new_opportunity(row["account_id"], NAMES[row["need"]])
    world.later(hours=1)
    world.sync()
    world.sync()
    world.later(days=1)
    world.sync()

    told = report(world)

    assert {told["nights"][0][name] for name in ("proposed", "new")} == {len(first["proposals"])}
    keys = [one["key"] for one in told["proposals"]]
    assert len(keys) == len(set(keys))
    again = next(one for one in told["proposals"] if one["key"] == row["key"])
    assert again["first_proposed"] == row["first_proposed"]
    assert len(again["agreed_with"]) == 1
    # Its owner works on it now, so it is held: proposed on the first day only.
    assert (again["still_proposed"], again["days_proposed"]) == (False, 1)
    total = told["total"]
    enough = len(keys) >= 10
    assert total["agreed"] == {"count": 1, "of": len(keys), "share": round(1 / len(keys), 3) if enough else None}
    assert total["people"]["foreseen"] == {"count": 1, "of": 1, "share": None}
    assert total["shadow"]["vanished"] >= 1
    assert total["live"] == {"proposed": 0, "written": 0}
    assert (told["days"]["with_a_run"], told["mode"]) == (3, "shadow")
    assert sum(owner["proposed"] for owner in told["owners"]) == len(keys)
    assert world.side.writes() == []


def test_earlier_nights_count_for_the_caps_of_later_ones(site: Site, crm: str, tmp_path: Path) -> None:
    """A week of shadow proposes no more per owner and account than a live week would."""
    world = site.at(crm, "empty", tmp_path)
    limit(
        world,
        mode="shadow",
        caps={"per_account": 1, "per_account_week": 1, "per_owner_week": 2, "owner_open_tasks": 40},
    )
    for _ in range(3):
        world.sync()
        world.later(days=1)

    told = report(world)

    assert told["total"]["proposed"] > 0
    assert all(owner["proposed"] <= 2 for owner in told["owners"])


def test_what_people_did_with_what_was_written(synced: World) -> None:
    """Moved on, done, edited, deleted, closed: each is counted among what the CRM holds."""
    side = synced.side
    moved, edited, deleted, won, lost = side.ours("opportunity")[:5]
    side.move(moved, "consult")
    side.write("opportunity", {"name": "My own name"}, edited.id)
    side.remove("opportunity", deleted.id)
    side.move(won, "won")
    side.move(lost, "lost")
    synced.later(days=1)
    synced.sync()

    told = report(synced)

    rows = {one["key"]: one for one in told["proposals"]}
    total, written = told["total"], told["total"]["live"]["written"]
    assert rows[moved.key or ""]["moved_to"] == "consult"
    assert rows[edited.key or ""]["edited"]
    assert rows[deleted.key or ""]["deleted"]
    assert [rows[one.key or ""]["state"] for one in (won, lost)] == ["won", "lost"]
    assert total["deleted"]["of"] == written >= 5
    assert [total[name]["count"] for name in ("won", "lost", "edited", "deleted")] == [1, 1, 1, 1]
    assert total["untouched"]["count"] == written - 5
    assert total["moved_on"]["of"] == sum(one["kind"] == "opportunity" and one["written"] for one in rows.values())


def test_the_same_in_words_and_for_a_spreadsheet(synced: World) -> None:
    """The text names what is too few to judge; the CSV has a line for each proposal under the names of the JSON."""
    told = report(synced)

    shown, table = synced.run("pilot", "report"), synced.run("pilot", "report", "--csv")

    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert [row["key"] for row in rows] == [one["key"] for one in told["proposals"]]
    assert f"Needs proposed {len(rows)}" in shown.out
    assert "too few to judge" in shown.out
    assert synced.run("pilot", "report", "--csv", "--json").code == 2


def test_a_period_before_anything_or_in_the_future(synced: World) -> None:
    """An empty period is told as such; a day to come, or no day, is refused."""
    synced.later(days=30)

    empty = report(synced)

    assert empty["total"]["proposed"] == 0
    assert empty["total"]["agreed"] == {"count": 0, "of": 0, "share": None}
    assert synced.run("pilot", "report").code == 0
    assert "has not come yet" in synced.run("pilot", "report", "--since", "2126-01-01").err
    assert "is no date" in synced.run("pilot", "report", "--since", "yesterday").err
    assert report(synced, "--since", "2026-09-01")["total"]["proposed"] > 0


def test_what_was_undone_is_told_with_who_and_when(synced: World) -> None:
    """At once, before any run looks again: a proposal that an undo closed is taken back, not edited, nor left alone."""
    synced.later(days=1)
    synced.side.move(synced.side.ours("opportunity")[0], "consult")
    synced.sync()
    kept = synced.side.ours("opportunity")[0]
    before = report(synced)
    first = before_all(synced)
    undone = synced.run("undo", first, "--by", "Ana Ruiz", "--yes", "--json").json

    told = report(synced)
    shown = synced.run("pilot", "report").out

    day = synced.now.date().isoformat()
    (act,) = told["undone"]
    assert (act["undoes"], act["by"], act["at"][:10]) == (first, "Ana Ruiz", day)
    assert (act["run_id"], act["closed"]) == (undone["run_id"], undone["closed"])
    back = {one["key"] for one in told["proposals"] if one["taken_back_by"]}
    assert {one["state"] for one in told["proposals"] if one["key"] in back} == {"withdrawn"}
    assert back
    assert kept.key not in back
    assert {one["taken_back_at"][:10] for one in told["proposals"] if one["key"] in back} == {day}
    total = told["total"]
    assert total["taken_back"]["count"] == len(back)
    assert total["edited"]["count"] == before["total"]["edited"]["count"] == 0
    assert total["untouched"]["count"] == before["total"]["untouched"]["count"] - len(back)
    assert f"run {first} was taken back by Ana Ruiz on {day}: {act['closed']} records closed" in shown
    assert f"taken back by Ana Ruiz on {day}" in shown
    assert before["undone"] == []


def before_all(world: World) -> str:
    """The run that made the first records."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        return min(run.id for run in ledger.runs.list(99) if run.summary.get("written", {}).get("create"))


def test_what_a_run_or_an_undo_wrote_last_is_no_persons_edit(synced: World) -> None:
    """The ledger's picture of the CRM is older than what was written since; that difference is nobody's edit."""
    mapping = f"mappings/{synced.side.crm}.yaml"
    synced.edit_yaml(mapping, lambda document: document["opportunity"].update(amount_basis="mrr"))
    ran = synced.run("sync", "--json")
    if ran.code == 4:
        ran = synced.run("approve", ran.json["run_id"], "--by", "Ana", "--json")
    written = report(synced)
    synced.run("undo", ran.json.get("applies", ran.json["run_id"]), "--by", "Ana", "--yes")

    undone = report(synced)

    assert ran.json["plan"]["update"] > 0
    assert undone["undone"][0]["restored"] > 0
    assert [told["total"]["edited"]["count"] for told in (written, undone)] == [0, 0]
    assert undone["total"]["taken_back"]["count"] == 0
