"""How much of plays a person gets in a week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from connector.domain.episode import Episode
from connector.domain.play import PLAY_NEED
from connector.services.customers import crm_side
from connector.services.measure import Measured
from connector.services.person_week import PersonWeek
from connector.services.plays import plays_due
from tests.services.test_plays import NOW, RULES, Life, customer, told


def test_a_person_gets_no_more_than_the_week_allows() -> None:
    """The cap of a play holds for its person over seven days."""
    cap = RULES.plays["congratulate"].per_owner_week
    others = {
        str(n): Episode(str(n), f"x{n}", PLAY_NEED + "congratulate", 1, NOW, brief={"on": "2026-10-01"})
        for n in range(cap)
    }
    life = Life(customer(), signals=(told("new_leadership", date(2026, 10, 1)),), episodes=dict(others))
    here = life.world()
    accounts = {f"x{n}": replace(here.accounts["a1"], id=f"x{n}") for n in range(cap)} | dict(here.accounts)
    full = replace(here, accounts=accounts)
    measured = Measured(NOW, {"b1": life.account}, {}, {}, [], life.signals, NOW.date())

    chosen, held = plays_due(
        measured, crm_side(full, NOW), full, RULES, NOW.date(), PersonWeek(full, RULES, NOW.date())
    )

    assert chosen == []
    assert [one.reason for one in held] == ["play_cap"]


def test_what_proposals_and_help_may_take_of_a_week_stays_free() -> None:
    """Whoever sells and helps has so many places left for plays as the week's cap leaves, whatever they got."""
    life = Life(customer(), signals=(told("new_leadership", date(2026, 10, 1)),))
    here, caps, help = life.world(), RULES.policy.caps, RULES.save
    assert help is not None
    measured = Measured(NOW, {"b1": life.account}, {}, {}, [], life.signals, NOW.date())
    side = crm_side(here, NOW)
    left = caps.per_person_week - caps.per_owner_week - help.per_owner_week
    begun = []
    for taken in (left - 1, left):
        week = PersonWeek(here, RULES, NOW.date())
        for _ in range(taken):
            week.take("u1")
        begun.append(plays_due(measured, side, here, RULES, NOW.date(), week))

    (one_left, _), (none_left, held) = begun
    assert [one.play for one in one_left] == ["congratulate"]
    assert (none_left, [one.reason for one in held]) == ([], ["play_cap"])


def test_a_week_whose_places_are_all_kept_free_lets_one_thing_begin() -> None:
    """Numbers that leave nothing do not stop reviews and plays for ever."""
    caps = replace(RULES.policy.caps, per_person_week=3)
    rules = replace(RULES, policy=replace(RULES.policy, caps=caps))
    week = PersonWeek(Life(customer()).world(), rules, NOW.date())

    assert week.full("u1") is None
    week.take("u1")
    assert week.full("u1") is not None
