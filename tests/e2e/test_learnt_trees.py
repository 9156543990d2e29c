"""A run that works with promoted trees; one on a machine without LightGBM goes on with the regression, and says so."""

from __future__ import annotations

import sys

import pytest

from connector.compute.propensity_challenge import regression_alone
from connector.compute.propensity_predict import promoted
from connector.compute.propensity_trees import _booster
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.propensity import Learnt
from connector.services.learnt import FILE, load_learnt, save_learnt
from connector.services.snapshot import decisions_of, newest
from tests.compute.learnt_world import card_with_trees, learnt_of
from tests.compute.tree_world import trees_or_skip
from tests.e2e.test_learnt import explained
from tests.e2e.world import Site, World


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    """A card of the shipped catalogue in which trees stand."""
    trees_or_skip()
    project = load_project(shipped(), ["stripe"], None)
    made = learnt_of(card_with_trees(project.catalogue, ("seats_near_limit", "volume_growing", "signing_by_hand")))
    assert promoted(made.card) is not None
    return made


def add_up(world: World, run: str | None = None) -> bool:
    """Whether base and all terms of the best proposal's score are its log-odds, a model's own among them."""
    told = explained(world, run)["scores"][0]
    assert any(one["name"].startswith("learnt.") for one in told["contributions"])
    added = told["base"] + sum(one["term"] for one in told["contributions"])
    return bool(added == pytest.approx(told["log_odds"], abs=1e-3))


def test_trees_have_their_part_in_a_run_and_nothing_churns(
    site: Site, tmp_path_factory: pytest.TempPathFactory, learnt: Learnt
) -> None:
    """Scores are exact, and a world that stays as it is means no write."""
    world = site.at("hubspot", "installed", tmp_path_factory.mktemp("w") / "w")
    save_learnt(world.state, learnt)
    first = world.sync()
    world.sync()  # a document that cannot carry a key is sent again once

    again = world.sync()

    assert first["plan"]["create"] > 0
    assert first["model"] == {"hash": learnt.hash, "in_use": True, "weight": round(learnt.card.blend.weight, 4)}
    assert not world.side.writes()
    assert again["plan"]["create"] == again["plan"]["update"] == 0
    assert add_up(world)


def test_a_machine_without_lightgbm_goes_on_with_the_regression(
    site: Site, tmp_path_factory: pytest.TempPathFactory, learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says why, and is explained by what it worked with; a run by trees says what it needs."""
    world = site.at("hubspot", "installed", tmp_path_factory.mktemp("w") / "w")
    save_learnt(world.state, learnt)
    world.sync()
    by_trees = newest(world.state / "runs", "hubspot") or ""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "lightgbm", None)
        _booster.cache_clear()
        told = world.run("plan")
        without = newest(world.state / "runs", "hubspot")
        account = next(row["account_id"] for row in decisions_of(world.state / "runs", by_trees) if row["value"])
        refused = world.run("explain", account, "--run", by_trees)

    assert told.code == 0, told.err
    assert "LightGBM is not installed: `pip install 'expansion-connector[ml]'` brings it" in told.out
    assert without is not None
    kept = load_learnt(world.state / "runs" / without / FILE)
    assert kept is not None
    assert kept.card == regression_alone(learnt.card)
    assert add_up(world, without)
    assert refused.code == 2
    assert "expansion-connector[ml]" in refused.err
