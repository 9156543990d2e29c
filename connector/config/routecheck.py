"""Checks the routes of a mapping: which opportunities go elsewhere, and whether their stages can be told apart there.

Decided here: routes of one place share one stage list, because a record tells its place and nothing else; and a route
that takes no offer which the catalogue sells is a mistake, since nobody would notice that it does nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from connector.config.names import known_name
from connector.config.yamldoc import Loaded
from connector.domain.catalogue import Catalogue, Kind, Offer
from connector.domain.change import Policy
from connector.domain.errors import Problem
from connector.domain.mapping import CrmMapping, OpportunityMap, OurStage, Route
from connector.domain.play import NegotiationStage
from connector.domain.routing import place_of, takes

Loc = tuple[str | int, ...]


def check_stages(document: Loaded[Any], loc: Loc, stages: Mapping[OurStage, str]) -> Iterator[Problem]:
    """Complain about a stage list in which one is missing, or two are one in the CRM."""
    missing = set(get_args(OurStage)) - set(stages)
    if missing:
        shown = f"stages without a label: {', '.join(sorted(missing))}"
        yield Problem(shown, document.at(*loc), "name the CRM's stage for each")
    told: dict[str, list[OurStage]] = defaultdict(list)
    for ours in [*get_args(NegotiationStage), "won"]:
        told[stages.get(ours, "")].append(ours)
    for label, some in told.items():
        if label and len(some) > 1:
            shown = f"{' and '.join(some)} are one stage in the CRM, {label!r}"
            cure = "each needs a stage of its own: by it we know where a deal stands"
            yield Problem(shown, document.at(*loc, some[1]), cure)


def check_routes(document: Loaded[CrmMapping], catalogue: Catalogue) -> Iterator[Problem]:
    """List what is wrong with the routes of a mapping."""
    opportunity = document.value.opportunity
    what = "pipeline" if opportunity.pipeline_field else "record_type"
    if opportunity.record_type is not None and what == "pipeline":
        at = document.at("opportunity", "record_type")
        yield Problem("this CRM has pipelines, not record types", at, "write `pipeline: …`")
    if opportunity.routes or opportunity.record_type:
        yield from _written(document, opportunity, what)
    if opportunity.routes and getattr(opportunity, what) is None:
        shown = f"routes without a {what} for everything else"
        at = document.at("opportunity", "routes")
        yield Problem(shown, at, f"add `{what}: …` beside `routes`: by it a record tells where it belongs")
    for i, route in enumerate(opportunity.routes):
        loc = ("opportunity", "routes", i)
        yield from _leads_somewhere(document, loc, route, what)
        yield from check_stages(document, (*loc, "stages"), route.stages)
    yield from _same_stages(document, opportunity)
    yield from _conditions(document, opportunity, catalogue)


def _written(document: Loaded[CrmMapping], opportunity: OpportunityMap, what: str) -> Iterator[Problem]:
    """A rule writes the place, once: a record is never moved by us."""
    field = opportunity.pipeline_field if what == "pipeline" else opportunity.record_type_field
    if field is None:
        at = document.at("opportunity", "routes" if opportunity.routes else "record_type")
        yield Problem("no field holds the record type", at, "add `record_type_field: RecordTypeId`")
        return
    rule = opportunity.fields.get(field)
    cure = f"`{field}: {{value: '{{{{ {what} }}}}', policy: create}}`"
    if rule is None:
        at = document.at("opportunity", "fields")
        yield Problem(f"a {what} is named, and no rule writes it", at, f"add {cure}")
    elif what not in rule.value:
        at = document.at("opportunity", "fields", field, "value")
        yield Problem(f"{field} is not written with the {what} of its route", at, f"write {cure}")
    elif rule.policy is not Policy.CREATE:
        at = document.at("opportunity", "fields", field, "policy")
        yield Problem(f"policy `{rule.policy}` on {field} would move records of people", at, f"write {cure}")


def _leads_somewhere(document: Loaded[CrmMapping], loc: Loc, route: Route, what: str) -> Iterator[Problem]:
    other = "record_type" if what == "pipeline" else "pipeline"
    if getattr(route, other) is not None:
        yield Problem(f"this CRM has no {other} of its own", document.at(*loc, other), f"write `{what}: …`")
    elif getattr(route, what) is None:
        yield Problem(f"this route leads to no {what}", document.at(*loc), f"add `{what}: …`")


def _same_stages(document: Loaded[CrmMapping], opportunity: OpportunityMap) -> Iterator[Problem]:
    first: dict[str | None, Mapping[OurStage, str]] = {
        opportunity.record_type or opportunity.pipeline: opportunity.stages
    }
    for i, route in enumerate(opportunity.routes):
        place = place_of(route)
        stages = first.setdefault(place, route.stages)
        wrong = next((ours for ours, label in route.stages.items() if stages.get(ours, label) != label), None)
        if place is not None and wrong is not None:
            at = document.at("opportunity", "routes", i, "stages", wrong)
            shown = f"{place!r} has two lists of stages: {wrong} is {stages[wrong]!r} above"
            yield Problem(shown, at, "write the same stages: a record tells its place, and not by which route it came")


def _conditions(document: Loaded[CrmMapping], opportunity: OpportunityMap, catalogue: Catalogue) -> Iterator[Problem]:
    sold = {name: offer for name, offer in catalogue.offers.items() if offer.need and offer.kind and offer.recurring}
    known = {"need": sorted({str(offer.need) for offer in sold.values()}), "offer": sorted(sold)}
    left = dict(sold)
    for i, route in enumerate(opportunity.routes):
        loc: Loc = ("opportunity", "routes", i, "when")
        unknown = [
            problem
            for word in ("need", "offer")
            for n, name in enumerate(getattr(route.when, word))
            for problem in known_name(word, name, known[word], document.at(*loc, word, n))
        ]
        yield from unknown
        taken = {name: offer for name, offer in sold.items() if _takes(route, name, offer)}
        if not (route.when.need or route.when.offer or route.when.kind):
            cure = "add need, offer or kind; what is for everything stands beside `routes`"
            yield Problem("this route takes every opportunity", document.at(*loc), cure)
        elif not unknown and not taken:
            cure = "all conditions must hold at once: take one away"
            yield Problem("no offer of the catalogue meets these conditions", document.at(*loc), cure)
        elif not unknown and not taken.keys() & left.keys():
            cure = "the first route that matches wins: put the narrower one first, or leave this one out"
            yield Problem("routes above take all that this one would", document.at(*loc), cure)
        left = {name: offer for name, offer in left.items() if name not in taken}


def _takes(route: Route, name: str, offer: Offer) -> bool:
    kind: Kind | None = offer.kind
    return kind is not None and takes(route.when, str(offer.need), name, kind)
