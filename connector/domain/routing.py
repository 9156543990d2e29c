"""Which pipeline or record type an opportunity goes to, and what its stages are called there.

Decided here: a route is chosen once, from what is proposed, when the record is made. From then on the record's own
pipeline or record type tells which stages are meant, so that a person may move it to another one, and an edited rule
moves nothing. The mapping's top level is the last route, and takes what no other does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.domain.catalogue import Kind
from connector.domain.change import CrmRecord, Stage
from connector.domain.mapping import OpportunityMap, OurStage, Route, RouteCase


def routes_of(opportunity: OpportunityMap) -> tuple[Route, ...]:
    """List the routes in their order, the top level last."""
    default = Route(
        when=RouteCase(),
        pipeline=opportunity.pipeline,
        record_type=opportunity.record_type,
        stages=opportunity.stages,
    )
    return (*opportunity.routes, default)


def takes(case: RouteCase, need: str, offer: str, kind: Kind) -> bool:
    """Say whether a case holds for a proposal: every condition that it names, and any where it names none."""
    return all(not some or one in some for some, one in ((case.need, need), (case.offer, offer), (case.kind, kind)))


def route_for(opportunity: OpportunityMap, need: str, offer: str, kind: Kind) -> Route:
    """Choose the route of a new record: the first that takes it."""
    return next(route for route in routes_of(opportunity) if takes(route.when, need, offer, kind))


def route_of(opportunity: OpportunityMap, record: CrmRecord | None, stages: Iterable[Stage]) -> Route:
    """Tell a record's route by where it is now; one that is nowhere we know follows the top level."""
    every, field = routes_of(opportunity), place_field(opportunity)
    place = record.fields.get(field) if record is not None and field is not None else None
    if len(every) == 1 or not place:
        return every[-1]
    names = {place, *(name for stage in stages if stage.pipeline == place for name in stage.pipeline_names)}
    return next((route for route in every if place_of(route) in names), every[-1])


def place_of(route: Route) -> str | None:
    """Name the pipeline or record type that a route leads to."""
    return route.record_type or route.pipeline


def place_field(opportunity: OpportunityMap) -> str | None:
    """Name the field that shows where a record is; a record type is looked at only where the mapping names one."""
    names_types = any(route.record_type for route in routes_of(opportunity))
    return opportunity.record_type_field if names_types else opportunity.pipeline_field


def stages_in(route: Route, stages: Sequence[Stage]) -> list[Stage]:
    """Keep the CRM's stages of a route's pipeline or record type; all of them where it names none."""
    place = place_of(route)
    return [stage for stage in stages if place is None or place in (stage.pipeline, *stage.pipeline_names)]


def stage_in(route: Route, ours: OurStage, stages: Sequence[Stage]) -> Stage | None:
    """Resolve one of our stages on a route; None where the CRM has no such stage there."""
    label = route.stages[ours]
    return next((stage for stage in stages_in(route, stages) if label in (stage.label, stage.id)), None)
