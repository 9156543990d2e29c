"""D29: whether what was sold is used: a module by its metric, more seats by how many are in use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.intent import brief_of
from tests.services.test_briefs import intent
from tests.services.test_plays import RULES, WON, Life, customer, holding, use_of

HAD = {"held": {"quantity": 50, "mrr": [195000, "EUR"]}}
SEATS = replace(WON, offer="seats", brief=brief_of(replace(intent(), offer="seats", need="more_seats", options=HAD)))


def of_seats(in_use: float) -> Life:
    life = Life(customer(holding("pro", 273000)), episodes={SEATS.key: SEATS})
    life.rows["active_seats"] = replace(use_of("active_seats", life.now.date()), pace=in_use)
    return life


def test_d29_more_seats_are_used_once_more_people_work_than_before() -> None:
    """Seats are followed up while no more are in use than the customer had, and not a day longer."""
    life = of_seats(50)
    assert life.run() == ["activation: activate"]
    assert [*life.days(10)] == ["activation: week"]

    life.rows["active_seats"] = replace(life.rows["active_seats"], pace=53)

    assert life.days(60) == {}
    assert life.open() == []


@pytest.mark.parametrize(("in_use", "begins"), [(50, True), (51, False)])
def test_d29_who_uses_it_already_is_not_followed_up(in_use: float, begins: bool) -> None:
    """Whoever works with more seats than were paid for needs no start."""
    assert bool(of_seats(in_use).run()) is begins
    assert RULES.catalogue.grown_by("seats") == tuple(RULES.catalogue.plans)
