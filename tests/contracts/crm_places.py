"""A second pipeline or record type in a stand-in, and a mapping that sends some opportunities there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.domain.mapping import OpportunityMap, Route, RouteCase


def add_place(world: Any) -> None:
    """Make the place, and connect anew by a mapping with a route to it."""
    opportunity: OpportunityMap = world.mapping.opportunity
    place = {"hubspot": _pipeline, "salesforce": _record_type}[world.mapping.crm](world)
    stages = opportunity.stages
    swapped = {**stages, "consult": stages["confront"], "confront": stages["consult"]}
    route = Route(when=RouteCase(need=("more_seats",)), stages=swapped, **{place: "Volume"})
    main = {"record_type": "Main"} if place == "record_type" else {}
    world.mapping = replace(world.mapping, opportunity=replace(opportunity, routes=(route,), **main))
    world.crm = world.connect()


def _pipeline(world: Any) -> str:
    first = next(row for row in world.store.dump("pipelines") if row["label"] == "Expansion")
    stages = [{**one, "id": f"8{one['id'][1:]}"} for one in first["stages"]]
    world.store.load("pipelines", [{"id": "78", "label": "Volume", "displayOrder": 2, "stages": stages}])
    return "pipeline"


def _record_type(world: Any) -> str:
    common = {"SobjectType": "Opportunity", "IsActive": True}
    rows = [{"DeveloperName": one, "Name": f"{one} business", **common} for one in ("Main", "Volume")]
    world.store.load("RecordType", rows)
    return "record_type"
