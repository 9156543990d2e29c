"""What the CRM tells of a customer speaks in rules: mapped fields, each with its day; an empty one is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from tiny import NOW, TinyWarehouse, account, item, moment, subscription

from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import crm_view
from connector.domain.signal import Signal, Signals
from connector.services.measure import Measured, measure

YEARLY = {"term_months": 12, "period_start": moment(date(2026, 2, 1)), "period_end": moment(date(2027, 2, 1))}


def told(catalogue: Catalogue, rules: Signals, crm: Mapping[str, str], **contract: Any) -> Measured:
    rows = {
        "accounts": [account()],
        "subscriptions": [subscription(**contract)],
        "subscription_item_versions": [item("pro", 50)],
    }
    return measure(TinyWarehouse(rows), catalogue, rules, NOW, {"a1": crm})


def only(measured: Measured, id: str) -> Signal:
    (found,) = (signal for signal in measured.signals if signal.id == id)
    return found


@pytest.mark.parametrize(
    ("contract", "crm", "renews_on"),
    [
        ({}, {"contract_on": "2027-01-21"}, date(2027, 1, 21)),
        ({}, {"contract_on": "2027-01-21T00:00:00.000Z"}, date(2027, 1, 21)),
        ({}, {"contract_on": "2026-10-01"}, None),
        ({}, {"contract_on": "next spring"}, None),
        ({}, {}, None),
        (YEARLY, {"contract_on": "2027-01-21"}, date(2027, 2, 1)),
        ({"cancel_at": moment(date(2026, 12, 10))}, {"contract_on": "2027-01-21"}, None),
    ],
)
def test_d9_the_crms_contract_date_is_a_renewal(
    catalogue: Catalogue, rules: Signals, contract: dict[str, Any], crm: Mapping[str, str], renews_on: date | None
) -> None:
    """D9: a date in the CRM is a renewal where billing knows no term; one that is over or no date is none."""
    found = told(catalogue, rules, crm, **contract)

    assert found.accounts["a1"].renewal_on == renews_on
    assert ("renewal_window" in {signal.id for signal in found.signals}) is (renews_on is not None)


def test_d10_new_leadership_in_the_crm(catalogue: Catalogue, rules: Signals) -> None:
    """D10: who leads now is context, cited with the day that the CRM gives; without a day it is no signal."""
    crm = {"leadership": "new head of finance", "leadership_on": "2026-11-02"}

    found = only(told(catalogue, rules, crm), "new_leadership")
    undated = told(catalogue, rules, {"leadership": "new head of finance"})

    assert (found.kind, found.needs, found.data_to) == ("context", (), date(2026, 11, 2))
    assert found.evidence["en"] == "new head of finance (CRM, 2 Nov 2026)"
    assert undated.signals == ()


def test_d11_what_a_colleague_reported_is_cited(catalogue: Catalogue, rules: Signals) -> None:
    """D11: type, note, day and colleague stand in the sentence, and it fades with the days since."""
    crm = {"reported": "opens in Spain", "reported_note": "two sites by June", "reported_on": "2026-10-08"}

    found = only(told(catalogue, rules, crm | {"reported_by": "Sophie Arnoult"}), "told_by_a_colleague")
    unnamed = only(told(catalogue, rules, crm), "told_by_a_colleague")
    old = told(catalogue, rules, crm | {"reported_on": "2026-08-01"})

    assert found.evidence["en"] == "opens in Spain: “two sites by June” (told by Sophie Arnoult, 8 Oct 2026)"
    assert unnamed.evidence["fr"] == "opens in Spain : « two sites by June » (rapporté par un collègue, 8 oct. 2026)"
    assert found.strength == pytest.approx(0.5)
    assert old.signals == ()


def test_a_fact_is_what_its_name_says() -> None:
    """A day, a number or a text by the name that the mapping gives; what does not fit is unknown, not guessed."""
    seen = crm_view({"head_count": "120", "review_on": "soon", "goals": " ", "region": "south"})

    assert (seen["crm_head_count"], seen["crm_review_on"], seen["crm_goals"]) == (120.0, None, None)
    assert (seen["crm_region"], seen["crm_reported"]) == ("south", None)
