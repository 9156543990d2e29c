"""Rules asked for everybody at once, against the plain way: one case after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.compute.firing import fired
from connector.compute.signals import Fired, strength_of, tried
from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, EventFeatures, Features, Holding, MetricFeatures, OfferFeatures
from connector.domain.signal import Condition, Curve, SignalRule, Signals

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 22)
CATALOGUE = load(ROOT / "mappings" / "catalog.yaml", Catalogue).value
SHIPPED = load(ROOT / "playbooks" / "signals.yaml", Signals).value
NUMBERS = st.sampled_from([0.0, 0.05, 0.5, 0.9, 1.0, 1.5, 3.0, 5.0, 12.0, 28.0, 100.0, float("nan")])
DAYS = st.integers(0, 400).map(lambda back: TODAY - timedelta(days=back))
OF_KIND: Mapping[str, st.SearchStrategy[Any]] = {
    "float": NUMBERS,
    "int": st.sampled_from([0, 1, 5, 10, 12, 20, 60, 500]),
    "bool": st.booleans(),
    "date": DAYS,
}


def of_fields(kind: type[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Every plain field at random, unknown where it may be."""
    given = {}
    for field in fields(kind):
        name, _, rest = str(field.type).partition(" | ")
        if name in OF_KIND:
            given[field.name] = (st.none() | OF_KIND[name]) if rest else OF_KIND[name]
    return st.builds(kind, **{**given, **more})


@cache
def metrics_of(metric: str) -> st.SearchStrategy[MetricFeatures]:
    return of_fields(MetricFeatures, account_id=st.just("a"), metric=st.just(metric))


OFFERS = st.sampled_from([*CATALOGUE.offers, "unheard_of", ""])
EVENTS = sorted({event for rule in SHIPPED.rules.values() for event in rule.events})
events = of_fields(
    EventFeatures, account_id=st.just("a"), event=st.sampled_from([*EVENTS, "other"]), detail=OFFERS
)  # fmt: skip
peers = st.lists(
    of_fields(OfferFeatures, offer=st.sampled_from(list(CATALOGUE.offers)), peer_rate=st.just(0.4)), max_size=4
)
accounts = of_fields(
    AccountFeatures,
    account_id=st.just("a"),
    subscribed=st.sampled_from([True, True, True, False]),
    holdings=st.lists(st.sampled_from(list(CATALOGUE.offers)), max_size=3, unique=True).map(
        lambda names: {name: Holding(name, 1, 1, 1, "EUR", TODAY) for name in names}
    ),
    peers=peers.map(tuple),
    crm=st.sampled_from([{}, {"reported": "they grow", "reported_on": "2026-11-01", "head_count": "60"}]),
)
customers = st.tuples(
    accounts,
    st.fixed_dictionaries({}, optional={metric: metrics_of(metric) for metric in CATALOGUE.metrics}),
    st.lists(events, max_size=4),
)
CURVE = Curve(of="level_28", zero_at=0, full_at=10)
OURS = {
    "reads_another": SignalRule(
        row="r",
        kind="upsell",
        per="metric",
        metrics=["documents"],
        needs=["higher_plan"],
        read={"seats_28": "active_seats.level_28", "level_28": "storage_gb.level_28"},
        when=Condition(any=[Condition(feature="seats_28", above=0.4), Condition(feature="level_28", above=4)]),
        strength=CURVE,
        weight=1,
        evidence={"en": "e"},
    ),
    "silent": SignalRule(
        row="r",
        kind="help",
        per="metric",
        metrics=["documents", "envelopes"],
        when=Condition(feature="last_day", absent_for=5),
        strength=CURVE,
        weight=1,
        window_days=90,
        evidence={"en": "e"},
    ),
    "usual": SignalRule(
        row="r",
        kind="context",
        per="offer",
        when=Condition(
            all=[Condition(feature="peer_count", at_least=10), Condition(feature="tenure_days", at_least=1)],
            none=[Condition(feature="owns.mobile", is_true=True)],
        ),
        strength=Curve(of="peer_rate", zero_at=0, full_at=1),
        weight=1,
        evidence={"en": "e"},
    ),
}
RULES = Signals(rules={**SHIPPED.rules, **OURS})


def plainly(world: Mapping[str, tuple[Any, ...]]) -> list[Fired]:
    """Look at one case after the other."""
    cases = (case for id in sorted(world) for case in tried(RULES, *world[id], CATALOGUE, TODAY))
    return [replace(case, strength=strength) for case in cases if (strength := strength_of(case, TODAY)) is not None]


def shown(cases: list[Fired]) -> list[str]:
    """As text, because what is no number equals nothing."""
    return [repr(replace(case, features=dict(sorted(case.features.items())))) for case in cases]


@settings(max_examples=150, deadline=None)
@given(st.lists(customers, min_size=1, max_size=5))
def test_everybody_at_once_fires_as_one_after_the_other(people: list[tuple[Any, ...]]) -> None:
    """The same cases, in the same order, with the same strength, day, needs and features, for any customers."""
    world = {f"a{number}": (replace(one[0], account_id=f"a{number}"), *one[1:]) for number, one in enumerate(people)}
    features = Features(*({id: one[at] for id, one in world.items()} for at in range(3)))

    assert shown(list(fired(RULES, features, CATALOGUE, TODAY))) == shown(plainly(world))


def test_customers_of_one_segment_share_no_more_than_what_is_told_of_it() -> None:
    """Who owns the offer is not told of it, though the other customer of the segment is."""
    usual = (OfferFeatures("mobile", 0.5, 40, 2.0), OfferFeatures("analytics", 0.5, 40, 2.0))
    held = {"analytics": Holding("analytics", 1, 1, 1, "EUR", TODAY)}
    lacks = AccountFeatures("a1", subscribed=True, peers=usual)
    world = {"a1": lacks, "a2": replace(lacks, account_id="a2", holdings=held)}

    cases = list(fired(SHIPPED, Features(world, {}, {}), CATALOGUE, TODAY))

    told = [(case.account_id, case.offer) for case in cases if case.rule.per == "offer"]
    assert told == [("a1", "mobile"), ("a1", "analytics"), ("a2", "mobile")]
