"""What people decide about proposals in the CRM is learnt from: the next training tells how many labels came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.services.learnt import FILE
from tests.e2e.world import Site, World


@pytest.fixture
def world(site: Site, tmp_path: Path) -> World:
    """After a first delivery, with billing's history in the warehouse."""
    made = site.at("hubspot", "installed", tmp_path / "w")
    made.sync(fresh=True)
    return made


def trained(world: World) -> dict[str, Any]:
    """What the next training says of its labels."""
    ran = world.run("propensity", "train", "--json", "--months", "4")
    assert ran.code == 0, ran.err
    labels: dict[str, Any] = ran.json["labels"]
    return labels


def card(world: World) -> dict[str, Any]:
    """What was learnt, as the state folder keeps it."""
    told: dict[str, Any] = json.loads((world.state / FILE).read_text("utf-8"))
    return told


def test_decided_proposals_become_labels_and_no_feature(world: World) -> None:
    """Won, refused and not useful change the counts by kind; open ones do not. No feature tells of any."""
    before, known = trained(world), card(world)
    won, refused, useless, lost, *_open = world.side.ours("opportunity")
    closed = world.side.stages["lost"]
    world.side.move(won, "won")
    world.side.write("opportunity", {"stage": closed, "expansion_answer": "declined"}, refused.id)
    world.side.write("opportunity", {"stage": closed, "expansion_answer": "not_useful"}, useless.id)
    world.side.move(lost, "lost")
    world.sync()

    after, learnt = trained(world), card(world)

    assert before["crm"] == {}
    assert before["left_out"] == {}
    assert set(after["crm"]) == {"won", "no", "not_useful"}  # nothing is known of what was lost: its window is open
    assert after["early"] == sum(after["crm"].values())
    assert after["billing"] == before["billing"]
    assert learnt["labels"] == after
    assert [one["name"] for one in learnt["card"]["features"]] == [one["name"] for one in known["card"]["features"]]
    rows = learnt["card"]["quality"]["rows"] - known["card"]["quality"]["rows"]
    assert rows == after["early"]
    text = world.run("propensity", "train", "--months", "4").out
    assert f"{after['billing']:,} from billing alone, {after['early']:,} from proposals decided in the CRM" in text

    world.later(days=100)  # every window that held a decision is over
    closed_windows = trained(world)

    assert set(closed_windows["crm"]) == {"won", "no", "not_useful", "lost"}
    assert closed_windows["crm"]["lost"] > 0


def test_what_was_undone_is_no_label(world: World) -> None:
    """Rows that an undone proposal may have disturbed are left out, and told."""
    run = world.run("runs", "--json").json["runs"][0]["run_id"]
    assert world.run("undo", run, "--yes", "--by", "Ana").code == 0
    world.later(days=100)

    labels = trained(world)

    assert labels["left_out"]["undone"] > 0
    assert labels["crm"] == {}
