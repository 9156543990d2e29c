"""What was measured becomes rows to learn from, and only what came later becomes their outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from connector.compute.propensity_rows import EPOCH, Owned, Rows, eligible, outcomes, pointed_to
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer
from connector.domain.features import AccountFeatures, EventFeatures, Holding, MetricFeatures
from connector.domain.intent import Contribution
from connector.domain.score import Score
from connector.domain.signal import Curve, SignalRule, Signals

DAY = date(2026, 6, 1)
AT = DAY.toordinal() - EPOCH
CATALOGUE = Catalogue(
    plans=["starter", "pro"],
    offers={
        "starter": Offer(label={}, need="plan"),
        "pro": Offer(label={}, need="plan"),
        "seats": Offer(label={}, need="seats", adds_to="plan", quantity="seats"),
        "sync": Offer(label={}, need="sync", sold_with=["pro"]),
        "extra": Offer(label={}, need="extra", prerequisites=["sync"]),
        "training": Offer(label={}, recurring=False),
    },
)


def account(plan: str = "starter", **more: Any) -> AccountFeatures:
    held = Holding(plan, 5, 100, 100, "EUR", DAY)
    return AccountFeatures("a1", plan=plan, seats=5, subscribed=True, holdings={plan: held}, **more)


def use(metric: str, near: int, over: int) -> MetricFeatures:
    measured = MetricFeatures("a1", metric, DAY, 100, 100, 0, 0, 0, 4, 1, 0, 5, 5, 20, 20, DAY, DAY, 500, None)
    return replace(measured, limit=5, utilisation=1.0, days_near_limit=near, days_over_limit=over)


def rows_of(one: AccountFeatures, scores: list[Score] = [], every: bool = True) -> Rows:  # noqa: B006 - never changed
    rows = Rows(CATALOGUE, ("near_limit",), ("looked", "refused"), 0.03)
    rows.add(DAY, [one], {}, {}, scores, every)
    return rows


@pytest.mark.parametrize(
    ("plan", "offers"), [("starter", ["pro", "seats"]), ("pro", ["seats", "sync"])], ids=["starter", "pro"]
)
def test_a_row_is_an_offer_that_could_be_sold(plan: str, offers: list[str]) -> None:
    """Plans above, add-ons of the plan, what is not held; never a one-off, nor what misses its prerequisite."""
    pairs = rows_of(account(plan)).pairs()

    assert [pairs.offers[offer] for offer in pairs.offer] == offers
    assert not eligible("seats", account(plan, is_test=True), frozenset(), CATALOGUE)


def test_a_score_brings_its_probability_and_its_signals() -> None:
    """A scored pair has the scorecard's p as prior and each signal's term; another has the base rate and none."""
    score = Score("a1", "pro", "plan", 5, 0.4, -3.0, (Contribution("near_limit", 1.5, {}),), None, 0, DAY)

    pairs = rows_of(account(), [score]).pairs()
    only = rows_of(account(), [score], every=False).pairs()

    assert pairs.prior is not None
    assert pairs.prior.tolist() == [0.4, 0.03]
    told = {column.name: column.values.tolist() for column in pairs.columns}
    assert told["signal.near_limit"] == [1.5, 0.0]
    assert [only.offers[offer] for offer in only.offer] == ["pro"]


def test_days_near_and_over_a_limit_are_shares_of_four_weeks() -> None:
    """Near a limit for 14 of 28 days and over it for 7 is .5 and .25; a metric without a limit has neither."""
    metrics = {"users": Metric(label={}, limit=Limit(quantity_of=["starter"])), "clicks": Metric(label={})}
    rows = Rows(replace(CATALOGUE, metrics=metrics), ("near_limit",), ("looked",), 0.03)
    used = {name: use(name, 14, 7) for name in metrics}
    idle = replace(account(), account_id="a2")
    rows.add(DAY, [account(), idle], {"a1": used}, {}, [])

    pairs = rows.pairs()

    told = {column.name: column.values[[0, -1]].tolist() for column in pairs.columns}
    assert told["use.users.near_limit"] == [0.5, 0.0]
    assert told["use.users.over_limit"] == [0.25, 0.0]
    assert not {"use.clicks.near_limit", "use.clicks.over_limit"} & told.keys()


def test_columns_are_pointed_to_by_the_rules_of_the_same_need() -> None:
    """A rule's signal, its metrics' figures and its events are read for the offers of its need, and for no other."""
    metrics = {"users": Metric(label={}, limit=Limit(quantity_of=["starter"])), "clicks": Metric(label={})}
    catalogue = replace(CATALOGUE, metrics=metrics)
    said: dict[str, Any] = {"strength": Curve(of="limit", zero_at=0, full_at=1), "weight": 1, "evidence": {}}
    near = SignalRule(row="limit", kind="upsell", per="metric", metrics=["users"], needs=["seats"], **said)
    refused = SignalRule(row="limit", kind="upsell", per="event", events=["refused"], needs=["seats"], **said)
    renewal = SignalRule(row="time", kind="context", **said)
    rules = Signals(rules={"near_limit": near, "refused_lately": refused, "renewal": renewal})

    rows = Rows(catalogue, tuple(rules.rules), ("refused", "looked"), 0.03, pointed=pointed_to(rules, catalogue))
    rows.add(DAY, [account()], {"a1": {"users": use("users", 14, 7)}}, {}, [])

    assert rows.pairs().pointed == {
        "seats": {
            *("signal.near_limit", "signal.refused_lately", "event.refused.28", "event.refused.90"),
            *(f"use.users.{one}" for one in ("per_seat", "growth", "of_limit", "near_limit", "over_limit")),
        }
    }


def test_what_was_bought_is_told_from_the_day_on() -> None:
    """The first purchase is no change; a later one counts from its day, within a year, and apart from the plan's."""
    held = {
        name: Holding(name, 5, 100, 100, "EUR", DAY - timedelta(days=ago))
        for name, ago in (("starter", 500), ("sync", 495), ("extra", 400), ("training", 30))
    }

    def told(holdings: dict[str, Holding]) -> dict[str, float]:
        one = AccountFeatures(
            "a1", plan="starter", seats=5, subscribed=True, holdings=holdings, tenure_days=500, owned_offers=4
        )
        return {column.name: float(column.values[0]) for column in rows_of(one).pairs().columns}

    never, lately = told({name: held[name] for name in ("starter", "sync")}), told(held)

    assert np.isnan(never["changed_ago"])
    assert (never["changes_365"], lately["changes_365"]) == (0, 1)
    assert np.expm1(lately["changed_ago"]) == pytest.approx(30, rel=1e-5)
    assert np.expm1(lately["plan_changed_ago"]) == pytest.approx(500, rel=1e-5)


def test_an_event_about_an_offer_speaks_for_that_offer_alone() -> None:
    """Looking at one offer says nothing of another; being refused something says it of every offer."""
    rows = rows_of(account("pro"))
    rows.parts.clear()
    did = [
        EventFeatures("a1", "looked", "sync", 2, 3, DAY),
        EventFeatures("a1", "refused", "ticket 7", 1, 1, DAY),
        EventFeatures("a1", "refused", "ticket 8", 0, 4, DAY),
        EventFeatures("a1", "of no rule", "sync", 9, 9, DAY),
    ]
    rows.add(DAY, [account("pro")], {}, {"a1": did}, [])

    pairs = rows.pairs()

    assert [pairs.offers[offer] for offer in pairs.offer] == ["seats", "sync"]
    did_say = [column for column in pairs.columns if "event." in column.name]
    assert {column.name: np.sinh(column.values).round(3).tolist() for column in did_say} == {
        "event.looked.28": [0, 2],
        "event.looked.90": [0, 3],
        "event.refused.28": [1, 1],
        "event.refused.90": [5, 5],
    }


@pytest.mark.parametrize(
    ("after", "adopted"),
    [
        ([Owned("pro", AT + 30, AT + 999, 5)], [1, 0]),
        ([Owned("pro", AT + 91, AT + 999, 5)], [0, 0]),
        ([Owned("pro", AT, AT + 999, 5)], [0, 0]),
        ([Owned("starter", AT + 90, AT + 999, 8)], [0, 1]),
        ([Owned("starter", AT + 10, AT + 999, 3)], [0, 0]),
        ([], [0, 0]),
    ],
    ids=["higher plan", "too late", "on the day", "more seats", "fewer seats", "nothing"],
)
def test_the_outcome_is_what_was_bought_within_the_horizon(after: list[Owned], adopted: list[int]) -> None:
    """A first holding, or a larger quantity, that began after the day and within 90 days of it."""
    end = after[0].since if after else AT + 999
    history = {"a1": [Owned("starter", AT - 100, end, 5), *after]}

    made = outcomes(rows_of(account()).pairs(), history, CATALOGUE, 90)

    assert made.adopted.tolist() == adopted


def test_days_are_joined_with_the_same_columns() -> None:
    """An account on two days is two entities, each with what it held then."""
    rows = rows_of(account("starter"))
    rows.add(date(2026, 7, 1), [account("pro")], {}, {}, [])

    pairs = rows.pairs()

    assert np.unique(pairs.day).tolist() == [AT, AT + 30]
    held = [pairs.holdings[int(place)] for entity in (0, 1) for place in np.flatnonzero(pairs.holds[entity])]
    assert held == ["starter", "pro"]
