"""The pipelines that a mapping names, its routes' included: what is there of them, and what making them would take.

Decided here: a pipeline is made only when asked for, because people see it; one that stands there without our stages is
the customer's, and gets them by hand. A pipeline has no description to bear our mark, so its id does: ours for the
mapping's top level, and with a part drawn from the label for a route's. So one is known as ours after it was renamed
or left the mapping.

Source: developers.hubspot.com, "Pipelines".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from connector.domain.installation import Doing, SetupStep
from connector.domain.mapping import CrmMapping, Route
from connector.domain.routing import routes_of

Row = Mapping[str, Any]
_PROBABILITIES = {
    "proposed": "0.05",
    "consult": "0.2",
    "confront": "0.5",
    "concretize": "0.8",
    "won": "1.0",
    "lost": "0.0",
    "withdrawn": "0.0",
}
_TOLD_APART = 8
_CLICKS = "Settings > Objects > Deals > Pipelines"


def routes_by_pipeline(mapping: CrmMapping) -> dict[str, Route]:
    """Map each pipeline that the mapping names → the route that tells its stages, the top level's first."""
    every = routes_of(mapping.opportunity)
    return {route.pipeline: route for route in (every[-1], *every) if route.pipeline is not None}


def pipeline_steps(mapping: CrmMapping, there: Iterable[Row], with_pipeline: bool) -> Iterator[SetupStep]:
    """Say what an installation would do about each pipeline."""
    rows = list(there)
    for label, route in routes_by_pipeline(mapping).items():
        row = next((one for one in rows if label in (one["label"], one["id"])), None)
        place = ("routes",) if route in mapping.opportunity.routes else ("pipeline",)
        yield _missing(label, route, with_pipeline, place) if row is None else _found(label, route, row)


def _missing(label: str, route: Route, with_pipeline: bool, place: tuple[str, ...]) -> SetupStep:
    told = ", ".join(dict.fromkeys(route.stages.values()))
    if with_pipeline:
        return SetupStep(Doing.CREATE, "pipeline", label, f"with stages {told}", place=place)
    hint = (
        f"`connector install --with-pipeline` makes it; or {_CLICKS} > Create pipeline, with these stages; "
        f"`{route.stages['proposed']}` at most 10 %"
    )
    return SetupStep(Doing.BY_HAND, "pipeline", label, f"not in this portal; stages {told}", hint, place)


def _found(label: str, route: Route, row: Row) -> SetupStep:
    known = {stage[name] for stage in row["stages"] if not stage.get("archived") for name in ("label", "id")}
    lacking = ", ".join(one for one in dict.fromkeys(route.stages.values()) if one not in known)
    if not lacking:
        return SetupStep(Doing.EXISTS, "pipeline", label)
    hint = f"{_CLICKS} > {row['label']} > Add stage"
    return SetupStep(Doing.BY_HAND, "pipeline", label, f"lacks stages {lacking}", hint, ("stages",))


def pipelines(mapping: CrmMapping) -> dict[str, dict[str, Any]]:
    """Write each pipeline as HubSpot wants it, by label."""
    return {
        label: {
            "label": label,
            "displayOrder": 99 + order,
            "pipelineId": _id(mapping, label),
            "stages": _stages(route),
        }
        for order, (label, route) in enumerate(routes_by_pipeline(mapping).items())
    }


def is_ours(mapping: CrmMapping, id: str) -> bool:
    """Say whether an id is one that only we give."""
    return re.fullmatch(rf"{re.escape(_own(mapping))}(_[0-9a-f]{{{_TOLD_APART}}})?", id) is not None


def _id(mapping: CrmMapping, label: str) -> str:
    if label == mapping.opportunity.pipeline:
        return _own(mapping)
    return f"{_own(mapping)}_{sha256(label.encode()).hexdigest()[:_TOLD_APART]}"


def _own(mapping: CrmMapping) -> str:
    return f"connector_{mapping.namespace}"


def _stages(route: Route) -> list[dict[str, Any]]:
    """Describe a pipeline's stages, each label once."""
    labels: dict[str, str] = {}
    for ours, probability in _PROBABILITIES.items():
        labels.setdefault(route.stages[ours], probability)  # type: ignore[index]
    return [
        {"label": label, "displayOrder": order, "metadata": {"probability": probability}}
        for order, (label, probability) in enumerate(labels.items())
    ]
