"""What the CRM tells of a customer speaks in rules: mapped fields, each with its day; an empty one is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tiny import NOW, TinyWarehouse, account, item, moment, subscription

from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import crm_view, kind_of
from connector.domain.mapping import CrmMapping
from connector.domain.signal import Signal, Signals
from connector.services.measure import Measured, measure

ROOT = Path(__file__).resolve().parents[2]
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
    assert found.evidence["en"] == "new leadership: new head of finance (CRM, 2 Nov 2026)"
    assert undated.signals == ()


def test_d11_what_a_colleague_reported_is_cited(catalogue: Catalogue, rules: Signals) -> None:
    """D11: type, note, day and colleague stand in the sentence, and it fades with the days since."""
    crm = {"reported": "opens in Spain", "reported_note": "two sites by June", "reported_on": "2026-10-08"}

    found = only(told(catalogue, rules, crm | {"reported_by": "Sophie Arnoult"}), "told_by_a_colleague")
    unnamed = only(told(catalogue, rules, crm), "told_by_a_colleague")
    old = told(catalogue, rules, crm | {"reported_on": "2026-08-01"})

    assert found.evidence["en"] == "opens in Spain: “two sites by June” (told by Sophie Arnoult, 8 Oct 2026)"
    assert (
        unnamed.evidence["fr"]
        == "opens in Spain\xa0: «\xa0two sites by June\xa0» (rapporté par un collègue, 8 oct. 2026)"
    )
    assert found.strength == pytest.approx(0.5)
    assert old.signals == ()


def test_a_fact_is_what_its_name_says() -> None:
    """A day, a number or a text by the name that the mapping gives; what does not fit is unknown, not guessed."""
    seen = crm_view({"head_count": "120", "review_on": "soon", "goals": " ", "region": "south"})

    assert (seen["crm_head_count"], seen["crm_review_on"], seen["crm_goals"]) == (120.0, None, None)
    assert (seen["crm_region"], seen["crm_reported"]) == ("south", None)


@pytest.mark.parametrize(
    ("before", "now", "grew"), [("100", "140", True), ("100", "105", False), ("", "140", False), ("many", "140", False)]
)
def test_d10_more_people_than_before_are_context(
    catalogue: Catalogue, rules: Signals, before: str, now: str, grew: bool
) -> None:
    """D10: a tenth more people is cited with both numbers; where one is missing or no number, nothing is said."""
    found = told(catalogue, rules, {"head_count": now, "head_before_count": before}).signals

    said = [one.evidence["en"] for one in found if one.id == "headcount_grew"]
    assert said == (["140 people, 100 before (CRM)"] if grew else [])


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_d10_d11_what_the_rules_read_of_the_organisation_is_mapped_and_installed(crm: str) -> None:
    """D10, D11: goals, irritants, contract date, leadership and head count have a field, and install makes ours."""
    mapping = load(ROOT / "mappings" / f"{crm}.yaml", CrmMapping).value
    wanted = {"goals", "irritants", "contract_on", "leadership", "leadership_on", "head_count", "head_before_count"}

    assert wanted <= set(mapping.account.facts)
    ours = {name for fact, name in mapping.account.facts.items() if name.lower().startswith("expansion_")}
    assert ours == set(mapping.install["account"])
    kinds = {"day": "date", "number": "number", "text": "text"}
    types = {
        fact: mapping.install["account"][name].type.value
        for fact, name in mapping.account.facts.items()
        if name in ours
    }
    assert all(types[fact] == kinds[kind_of(fact)] for fact in wanted & set(types))
