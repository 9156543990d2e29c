"""How much of plays a person gets in a week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from connector.domain.episode import Episode
from connector.domain.play import PLAY_NEED
from connector.services.customers import crm_side
from connector.services.measure import Measured
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

    chosen, held = plays_due(measured, crm_side(full, NOW), full, RULES, NOW.date())

    assert chosen == []
    assert [one.reason for one in held] == ["play_cap"]


def test_a_person_gets_no_more_of_all_playbooks_than_the_week_allows() -> None:
    """Proposals and help come first; what is left of the week's cap is for plays."""
    life = Life(customer(), signals=(told("new_leadership", date(2026, 10, 1)),))
    here, most = life.world(), RULES.policy.caps.per_person_week
    measured = Measured(NOW, {"b1": life.account}, {}, {}, [], life.signals, NOW.date())
    side = crm_side(here, NOW)

    one_left = plays_due(measured, side, here, RULES, NOW.date(), [("a1", "reporting")] * (most - 1))
    none_left = plays_due(measured, side, here, RULES, NOW.date(), [("a1", "reporting")] * most)

    assert [one.play for one in one_left[0]] == ["congratulate"]
    assert (none_left[0], [one.reason for one in none_left[1]]) == ([], ["play_cap"])
