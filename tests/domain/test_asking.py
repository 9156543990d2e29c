"""Gates that are asked once a customer."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

from connector.domain.asking import OF_CUSTOMER, Answers, answers, first_no
from connector.domain.occupied import PersonsOpportunity, SaveTask, UndoneNeed
from tests.domain.test_gates import CATALOGUE, CRM, HEALTHY, ago, candidate


def test_a_customer_answers_once_for_all_its_offers() -> None:
    """Whatever shuts, the headline of each offer is the first "no" of all gates, in any order of the offers."""
    shut: list[dict[str, Any]] = [
        {},
        {"crm": replace(CRM, outside="not in scope")},
        {"crm": replace(CRM, owner_active=False), "owned": frozenset({"pro", "mobile"})},
        {"crm": replace(CRM, saves=(SaveTask(ago(3)),), undone=(UndoneNeed("mobile_work", "r1", "me", ago(2)),))},
        {"crm": replace(CRM, opportunities=(PersonsOpportunity("o1", "Theirs", ago(1), None),))},
    ]
    for more in shut:
        for account in (HEALTHY, replace(HEALTHY, days_overdue=99), replace(HEALTHY, mrr_minor=0)):
            said: Answers = {}
            for name in ("analytics", "mobile", "enterprise", "onboarding", "analytics"):
                one = candidate(name, account, **more)

                assert first_no(one, said) == next((no for _, no in answers(one) if no is not None), None)


def test_what_is_said_of_a_customer_does_not_look_at_its_offer() -> None:
    """Gates that are asked once a customer answer alike for every offer and whichever account comes first."""
    poor = replace(HEALTHY, account_id="b2", mrr_minor=0, days_overdue=99, nps=2.0, nps_on=ago(3), disputes=3)
    trying = replace(HEALTHY, account_id="b3", trialing=True, activity_trend=-0.6, cancel_on=ago(-30))
    for accounts in ((HEALTHY, poor, trying), (HEALTHY, trying), (poor,)):
        found = [
            {name: no for name, no in answers(candidate(offer, *order)) if name in OF_CUSTOMER}
            for offer in CATALOGUE.offers
            for order in permutations(accounts)
        ]

        assert all(one == found[0] for one in found)
