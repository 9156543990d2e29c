"""Gates that are asked once a customer, of each of its offers, and when its turn to be proposed comes."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import cycle, permutations, product
from typing import Any

from connector.domain.asking import OF_CUSTOMER, OF_ROOM, Asking, answers, first_no, no_room, refusal_of
from connector.domain.catalogue import Use
from connector.domain.features import MetricFeatures
from connector.domain.gates import GATES
from connector.domain.load import Load
from connector.domain.occupied import PersonsOpportunity, SaveTask, UndoneNeed
from tests.domain.test_gates import CATALOGUE, CRM, HEALTHY, ago, candidate

FULL = Load(frozenset({"mobile_access", "reporting"}), 9, 9, 9, 99, day=999)


def test_a_customer_answers_once_for_all_its_offers() -> None:
    """Whatever shuts, the headline of each offer is the first "no" of all gates, in any order of the offers."""
    shut: list[dict[str, Any]] = [
        {},
        {"link": "unmatched"},
        {"crm": replace(CRM, outside="not in scope")},
        {"crm": replace(CRM, owner_active=False), "owned": frozenset({"pro", "mobile"})},
        {"crm": replace(CRM, saves=(SaveTask(ago(3)),), undone=(UndoneNeed("mobile_work", "r1", "me", ago(2)),))},
        {"crm": replace(CRM, opportunities=(PersonsOpportunity("o1", "Theirs", ago(1), None),))},
    ]
    asking = Asking()
    for more in shut:
        for account in (HEALTHY, replace(HEALTHY, days_overdue=99), replace(HEALTHY, mrr_minor=0)):
            of_customer = refusal_of(candidate("mobile", account, **more))
            for name in ("analytics", "mobile", "enterprise", "onboarding"):
                for load in (Load(), FULL):
                    one = candidate(name, account, **more, load=load)

                    headline = asking.standing_no(one, of_customer) or no_room(one)

                    assert headline == first_no(one) == next((no for _, no in answers(one) if no is not None), None)


def test_of_several_accounts_the_one_with_the_best_evidence_is_asked_who_it_is() -> None:
    """Where it is a test, or no CRM account is linked to it, its offers are refused, and not those of the others."""
    other, asking = replace(HEALTHY, account_id="b2", is_test=True), Asking()
    for accounts, link in product(permutations((HEALTHY, other)), ("linked", "unmatched")):
        of_customer = refusal_of(candidate("mobile", HEALTHY, other))
        one = candidate("mobile", *accounts, link=link)

        assert asking.standing_no(one, of_customer) == first_no(one)
        assert (first_no(one) is None) == (accounts[0] is HEALTHY and link == "linked")


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


def test_what_is_proposed_already_is_looked_at_last() -> None:
    """The gates that look at what takes a place already are the last, and no other answers otherwise because of it."""
    assert tuple(GATES)[-len(OF_ROOM) :] == OF_ROOM
    for offer in CATALOGUE.offers:
        empty, full = (dict(answers(candidate(offer, load=load))) for load in (Load(), FULL))

        assert {name for name in GATES if empty[name] != full[name]} <= set(OF_ROOM)
        assert {name for name in OF_ROOM if empty[name] != full[name]}


GATED = replace(
    CATALOGUE,
    offers={
        name: replace(offer, **more)
        for (name, offer), more in zip(
            CATALOGUE.offers.items(),
            cycle(
                [
                    {},
                    {"countries": ["FR"], "prerequisites": ["mobile"]},
                    {"segments": ["smb"], "from_use": Use(metric="documents", at_least=10)},
                    {"delivered_by": "partner", "sold_with": ["pro"]},
                ]
            ),
            strict=False,
        )
    },
)


def documents(level_28: float) -> MetricFeatures:
    nothing: dict[str, Any] = dict.fromkeys((field.name for field in fields(MetricFeatures)), 0)
    return MetricFeatures(**{**nothing, "metric": "documents", "level_28": level_28})


def test_customers_that_are_alike_share_an_answer_and_others_do_not() -> None:
    """Asked one after the other, each gets the headline that it would get alone, however little tells two apart."""
    everybody = product(
        sorted(GATED.offers),
        (frozenset({"pro"}), frozenset({"pro", "mobile"}), frozenset({"starter", "analytics"})),
        (True, False),
        ("FR", "DE"),
        ("smb", "mid"),
        ("pro", "starter"),
        (3.0, 9.99, 10.0),
    )
    asking, told, alone = Asking(), [], []
    for name, owned, uses_it, country, segment, plan, level in everybody:
        account = replace(HEALTHY, country=country, segment=segment, plan=plan)
        used, metrics = owned if uses_it else frozenset(), {"documents": documents(level)}
        one = candidate(
            name, account, catalogue=GATED, offer=GATED.offers[name], owned=owned, used=used, metrics=metrics
        )
        told.append(asking.standing_no(one, refusal_of(one)) or no_room(one))
        alone.append(first_no(one))

    assert told == alone
    assert len({no.reason for no in alone if no is not None}) > 5
