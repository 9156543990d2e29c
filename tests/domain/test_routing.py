"""Routing: the first case that holds, the top level otherwise, and a record's own place once it exists."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.catalogue import Kind
from connector.domain.change import CrmRecord, RecordType, Stage
from connector.domain.mapping import OpportunityMap, OurStage, Route, RouteCase
from connector.domain.routing import place_field, place_of, route_for, route_of, stage_in, takes

STAGES: dict[OurStage, str] = {ours: ours.title() for ours in get_args(OurStage)}
SEATS = Route(when=RouteCase(need=("seats",)), pipeline="Volume", stages={**STAGES, "consult": "Confront"})
ANY_UPSELL = Route(when=RouteCase(kind=("upsell",)), pipeline="Upsell", stages=STAGES)
PIPELINES = OpportunityMap(
    key="k",
    need="n",
    episode="e",
    name="name",
    stage="stage",
    amount="amount",
    close_date="closes",
    owner="owner",
    pipeline_field="where",
    pipeline="Main",
    stages=STAGES,
    routes=(SEATS, ANY_UPSELL),
    links={},
    fields={},
)
TYPED = replace(
    PIPELINES,
    pipeline_field=None,
    pipeline=None,
    record_type_field="kind_of",
    record_type="Main",
    routes=(replace(SEATS, pipeline=None, record_type="Volume"),),
)
WORDS = st.sampled_from(("seats", "plan", "signing"))
KINDS = st.sampled_from(get_args(Kind))
CASES = st.builds(RouteCase, need=st.tuples(WORDS) | st.just(()), offer=st.tuples(WORDS), kind=st.tuples(KINDS))


def at(field: str, place: str | None) -> CrmRecord:
    return CrmRecord(RecordType.OPPORTUNITY, "1", {field: place})


@pytest.mark.parametrize(
    ("need", "kind", "place"),
    [("seats", "upsell", "Volume"), ("plan", "upsell", "Upsell"), ("plan", "cross_sell", "Main")],
)
def test_the_first_route_that_matches_wins(need: str, kind: Kind, place: str) -> None:
    """More seats are an upsell too, and go where the first route leads; what no route takes stays at the top level."""
    assert place_of(route_for(PIPELINES, need, "any offer", kind)) == place


@given(CASES, WORDS, WORDS, KINDS)
def test_every_condition_that_is_named_must_hold(case: RouteCase, need: str, offer: str, kind: Kind) -> None:
    """A case takes a proposal exactly if none of its conditions speaks against it; without conditions, any."""
    against = [bool(case.need) and need not in case.need, offer not in case.offer, kind not in case.kind]

    assert takes(case, need, offer, kind) is not any(against)
    assert takes(RouteCase(), need, offer, kind)


@pytest.mark.parametrize(
    ("place", "expected"), [("Volume", "Volume"), ("Main", "Main"), ("Somebody else's", "Main"), (None, "Main")]
)
def test_a_record_tells_its_route_by_where_it_is(place: str | None, expected: str) -> None:
    """Whatever it was made for; in a place that the mapping does not name, the top level's stages are tried."""
    assert place_of(route_of(PIPELINES, at("where", place), ())) == expected


@pytest.mark.parametrize("named", ["Volume", "Volume business"])
def test_a_record_type_is_known_by_id_and_named_by_either_name(named: str) -> None:
    """The record shows an id; the mapping may write the developer name or the label."""
    typed = replace(TYPED, routes=(replace(TYPED.routes[0], record_type=named),))
    stages = (
        Stage("Consult", "Consult"),
        Stage("Confront", "Confront"),
        Stage("Confront", "Confront", "012V", pipeline_names=("Volume", "Volume business")),
    )

    found = route_of(typed, at("kind_of", "012V"), stages)

    assert found is typed.routes[0]
    assert stage_in(found, "consult", stages) == stages[2]
    assert stage_in(found, "won", stages) is None


def test_a_record_type_is_read_only_where_one_is_named() -> None:
    """An org without record types has no such field: nobody may ask for it."""
    assert place_field(TYPED) == "kind_of"
    assert place_field(replace(TYPED, record_type=None, routes=())) is None
    assert place_field(PIPELINES) == "where"
