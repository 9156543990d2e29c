"""The pipelines of routes: made, held against what is there, and taken away as the mapping's own is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from crm_worlds import HubspotWorld
from installed_places import portal_schema as schema
from installed_places import removal, told, wanted, without_pipeline

from connector.adapters.crms.hubspot import package
from connector.domain.installation import Doing
from connector.domain.mapping import Route, RouteCase

New = Callable[..., HubspotWorld]
CROSS = "Cross-sell, groß"


@pytest.fixture
def portal(new_hubspot: New) -> HubspotWorld:
    """A portal without our pipelines, and a mapping that sends some opportunities to two others."""
    world = without_pipeline(new_hubspot())
    ours = world.mapping.opportunity
    stages: dict[Any, str] = {**ours.stages, "proposed": "Offered"}
    route = Route(when=RouteCase(kind=("upsell",)), pipeline="Volume", stages=stages)
    again = replace(route, when=RouteCase(need=("more_seats",)))
    other = Route(when=RouteCase(), pipeline=CROSS, stages=ours.stages)
    world.mapping = replace(world.mapping, opportunity=replace(ours, routes=(route, again, other)))
    world.crm = world.connect()
    return world


def labels(world: HubspotWorld) -> dict[str, list[str]]:
    return {row["label"]: [one["label"] for one in row["stages"]] for row in world.store.pipelines["deals"].values()}


def pipelines(steps: Any, doing: Doing) -> list[str]:
    return [one.removeprefix("pipeline ") for one in told(steps, doing) if one.startswith("pipeline")]


def test_each_pipeline_is_made_with_its_own_stages(portal: HubspotWorld) -> None:
    """Asked for, all that are missing are made, once each; a second time nothing is."""
    before = set(labels(portal))
    by_hand = [step for step in portal.crm.setup.survey(wanted(portal)) if step.doing is Doing.BY_HAND]

    done = portal.crm.setup.install(wanted(portal), with_pipeline=True)

    names = ["Expansion", "Volume", CROSS]
    assert [step.name for step in by_hand] == names
    assert all("--with-pipeline" in str(step.hint) for step in by_hand)
    assert pipelines(done, Doing.CREATE) == names
    assert set(labels(portal)) - before == set(names)
    assert labels(portal)["Volume"] == ["Offered", "Consult", "Compare options", "Sign", "Won", "Lost"]
    assert portal.crm.setup.install(wanted(portal), with_pipeline=True) == []
    assert sum(path.startswith("pipelines/") for path in package(portal.mapping)) == len(names)


def test_a_pipeline_of_a_route_that_lacks_stages_is_told(portal: HubspotWorld) -> None:
    """One that a person made is not changed; what it lacks is a person's to add."""
    stage = {"id": "9", "label": "Offered", "displayOrder": 0, "metadata": {"probability": "0.05"}}
    portal.store.load("pipelines", [{"id": "8", "label": "Volume", "stages": [stage]}])

    portal.crm.setup.install(wanted(portal), with_pipeline=True)

    (step,) = [one for one in portal.crm.setup.survey(wanted(portal)) if one.doing is Doing.BY_HAND]
    assert (step.name, step.detail) == ("Volume", "lacks stages Consult, Compare options, Sign, Won, Lost")
    assert labels(portal)["Volume"] == ["Offered"]


def test_only_pipelines_that_we_made_are_taken_away(portal: HubspotWorld) -> None:
    """Those of routes, too, also after the mapping dropped them; a person's, and one with deals in it, stay."""
    stage = {"id": "9", "label": "Offered", "displayOrder": 0, "metadata": {"probability": "0.05"}}
    portal.store.load("pipelines", [{"id": "connector_other", "label": "Volume", "stages": [stage]}])
    before = schema(portal)
    portal.crm.setup.install(wanted(portal), with_pipeline=True)
    (id,) = [id for id, row in portal.store.pipelines["deals"].items() if row["label"] == CROSS]
    deal = portal.put("deals", {"dealname": "Own", "pipeline": id})
    portal.mapping = replace(portal.mapping, opportunity=replace(portal.mapping.opportunity, routes=()))
    portal.crm = portal.connect()
    portal.later(60)

    planned = removal(portal).survey(wanted(portal))
    removal(portal).remove(wanted(portal))
    after = set(labels(portal))
    portal.store.archive(portal.store.find("deals", deal))
    portal.later(60)
    removal(portal).remove(wanted(portal))

    assert (pipelines(planned, Doing.LEAVE), pipelines(planned, Doing.REMOVE)) == ([CROSS], ["Expansion"])
    assert {CROSS, "Volume"} < after
    assert schema(portal) == before
