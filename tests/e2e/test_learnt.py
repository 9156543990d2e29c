"""A run that works with what was learnt: its reasons reach the CRM, nothing churns, and it is explained for good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.propensity import Learnt
from connector.services.learnt import FILE, load_learnt, save_learnt
from connector.services.snapshot import decisions_of, newest
from tests.compute.learnt_world import card_of_company, learnt_of
from tests.e2e.world import CRMS, Site, World


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    """A card of the shipped catalogue that knows three of its rules, and who has many seats adopts."""
    project = load_project(shipped(), ["stripe"], None)
    return learnt_of(card_of_company(project.catalogue, ("seats_near_limit", "volume_growing", "signing_by_hand")))


def explained(world: World, run: str | None = None) -> Any:
    """What `explain` says of the best proposal of a run, whole."""
    runs = world.state / "runs"
    run = run or newest(runs, world.side.crm)
    assert run is not None
    best = max((row for row in decisions_of(runs, run) if row["value"]), key=lambda row: row["value"])
    told = world.run("explain", best["account_id"], "--run", run, "--json")
    assert told.code == 0, told.err
    return told.json


@pytest.mark.parametrize("crm", CRMS)
def test_an_unchanged_world_means_no_writes_with_a_card(site: Site, crm: str, tmp_path: Path, learnt: Learnt) -> None:
    """After a run that a card has a part in, the next one plans nothing; each score's terms add up to its log-odds."""
    world = site.at(crm, "installed", tmp_path / "w")
    save_learnt(world.state, learnt)
    first = world.sync()
    world.sync()  # a document that cannot carry a key is sent again once

    again = world.sync()

    assert first["plan"]["create"] > 0
    assert first["model"] == {"hash": learnt.hash, "in_use": True, "weight": round(learnt.card.blend.weight, 4)}
    plan = again["plan"]
    assert (plan["create"], plan["update"], plan["close"], plan["associate"]) == (0, 0, 0, 0)
    assert not world.side.writes()
    told = explained(world)["scores"][0]
    assert any(one["name"].startswith("learnt.") for one in told["contributions"])
    added = told["base"] + sum(one["term"] for one in told["contributions"])
    assert added == pytest.approx(told["log_odds"], abs=1e-3)


def test_an_old_run_is_explained_by_the_card_it_had(site: Site, tmp_path: Path, learnt: Learnt) -> None:
    """Learning again, or forgetting what was learnt, changes no word about an earlier run."""
    world = site.at("hubspot", "installed", tmp_path / "w")
    save_learnt(world.state, learnt)
    world.sync()
    run = newest(world.state / "runs", "hubspot")
    before = explained(world, run)
    other = replace(learnt.card, base=learnt.card.base - 1)

    save_learnt(world.state, learnt_of(other))
    world.sync()
    after_learning = explained(world, run)
    (world.state / FILE).unlink()

    assert after_learning == before
    assert explained(world, run) == before
    assert run is not None
    assert load_learnt(world.state / "runs" / run / FILE) == learnt


def test_without_evidence_a_run_is_as_without_a_card(site: Site, tmp_path: Path, learnt: Learnt) -> None:
    """A card that found nothing is noted, and moves no score."""
    from connector.domain.propensity import Evidence

    told = []
    for name, card in (("none", None), ("idle", replace(learnt.card, evidence=Evidence.NONE))):
        world = site.at("hubspot", "installed", tmp_path / name)
        if card is not None:
            save_learnt(world.state, learnt_of(card))
        summary = world.sync()
        told.append(explained(world) | {"run_id": "", "held": summary["held"], "plan": summary["plan"]})
        assert ("model" in summary) == (card is not None)

    assert told[0] == told[1]
