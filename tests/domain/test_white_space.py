"""White space: four states for each customer and offer, and why something is not for a customer."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from connector.domain.catalogue import Use
from connector.domain.features import MetricFeatures
from connector.domain.occupied import OpenEpisode, PersonsOpportunity
from connector.domain.white_space import Cell, Space, WhiteSpace, counts
from tests.domain.test_gates import CATALOGUE, CRM, HEALTHY, candidate

OURS = OpenEpisode("reporting", date(2026, 11, 2), "analytics", "consult")
THEIRS = PersonsOpportunity("006", "E-sign for Alder", date(2026, 11, 2), need="signing")


def row(**more: object) -> dict[str, Cell]:
    return WhiteSpace(CATALOGUE).row(candidate(**more))  # type: ignore[arg-type]


def test_d23_every_offer_stands_in_one_of_four_states() -> None:
    """D23: held plans and those below are owned, ours and a person's deal are in the pipeline, the rest is a gap."""
    found = row(owned=frozenset({"pro", "mobile"}), crm=replace(CRM, open_episodes=(OURS,), opportunities=(THEIRS,)))

    assert {name: str(cell) for name, cell in found.items()} == {
        "starter": "owned",
        "pro": "owned",
        "enterprise": "gap",
        "mobile": "owned",
        "signature": "pipeline: E-sign for Alder",
        "accounting_sync": "gap",
        "analytics": "pipeline: ours, consult since 2026-11-02",
        "automation": "not_eligible: use_too_low, 0 repetitive_actions in 28 days, from 120 on",
        "premium_support": "gap",
    }


@pytest.mark.parametrize(
    ("owned", "offer", "says"),
    [
        ({"starter"}, "analytics", "plan_too_low, on pro; sold with pro, enterprise"),
        ({"pro"}, "analytics", ""),
    ],
)
def test_d16_what_is_not_for_a_customer_says_why(owned: set[str], offer: str, says: str) -> None:
    """D16, D18: the reason that the gates would give, however healthy or busy the customer is today."""
    cell = row(owned=frozenset(owned))[offer]

    assert (cell.space, cell.detail) == (Space.NOT_ELIGIBLE if says else Space.GAP, says)


def test_d18_customers_that_differ_in_country_do_not_share_an_answer() -> None:
    """D18: one grid, two countries, an offer that is sold in one of them."""
    offers = {**CATALOGUE.offers, "mobile": replace(CATALOGUE.offers["mobile"], countries=["FR"])}
    catalogue = replace(CATALOGUE, offers=offers)
    space = WhiteSpace(catalogue)
    french, german = (candidate("mobile", replace(HEALTHY, country=c), catalogue=catalogue) for c in ("FR", "DE"))

    told = [space.row(one)["mobile"].space for one in (french, german, french)]

    assert told == [Space.GAP, Space.NOT_ELIGIBLE, Space.GAP]
    grid = {"c1": space.row(french), "c2": space.row(german)}
    assert counts(grid)["mobile"] == {"owned": 0, "pipeline": 0, "gap": 1, "not_eligible": 1}


@pytest.mark.parametrize("cell", [Cell(Space.GAP), Cell(Space.PIPELINE, "Alder: phase 2: go"), Cell(Space.OWNED)])
def test_a_cell_is_read_as_it_was_written(cell: Cell) -> None:
    """A snapshot keeps the grid as text."""
    assert Cell.read(str(cell)) == cell


def test_customers_share_what_is_told_of_them_only_where_it_is_the_same() -> None:
    """One grid for many customers says of each what a grid of its own says, and keeps one row for those alike."""
    offers = {**CATALOGUE.offers}
    offers["mobile"] = replace(offers["mobile"], countries=["FR"])
    offers["analytics"] = replace(offers["analytics"], from_use=Use(metric="documents", at_least=10))
    catalogue = replace(CATALOGUE, offers=offers)
    nothing = dict.fromkeys((field.name for field in fields(MetricFeatures)), 0)
    people = [
        candidate(
            "mobile",
            replace(HEALTHY, country=country, segment=segment),
            catalogue=catalogue,
            owned=frozenset(owned),
            used=frozenset(used),
            metrics={"documents": MetricFeatures(**{**nothing, "level_28": level})},  # type: ignore[arg-type]
            crm=replace(CRM, opportunities=deals),
        )
        for country in ("FR", "DE")
        for segment in ("smb", "enterprise")
        for owned, used in (({"pro"}, {"pro"}), ({"starter", "mobile"}, {"starter"}))
        for level in (3.0, 4.0, 10.0, 11.0)
        for deals in ((), (THEIRS,))
    ]
    space = WhiteSpace(catalogue)

    told = [space.texts(one) for one in people]

    assert told == [{n: str(cell) for n, cell in WhiteSpace(catalogue).row(one).items()} for one in people]
    assert len({id(one) for one in told[::2]}) == 2 * 2 * 2 * 3
