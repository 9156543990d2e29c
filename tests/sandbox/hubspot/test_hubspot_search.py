"""Search: operators, limits, and the lag that forbids search-then-create."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot_portal import Sandbox

Row = dict[str, Any]


def search(portal: Sandbox, *filters: Row, kind: str = "deals", **more: Any) -> requests.Response:
    """Search with one group of filters."""
    groups = {"filterGroups": [{"filters": list(filters)}]} if filters else {}
    return portal.post(f"/crm/v3/objects/{kind}/search", {**groups, **more})


def condition(name: str, operator: str, value: Any = None, **more: Any) -> Row:
    """Return one filter."""
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}


@pytest.fixture
def three(portal: Sandbox) -> Sandbox:
    """Three old deals: a and b have amounts, c has none."""
    common = {"pipeline": "default", "dealstage": "qualifiedtobuy"}
    portal.load(
        "deals",
        {
            "id": "1",
            "properties": {**common, "dealname": "Acme Pro", "amount": "100", "closedate": "2026-07-01T00:00:00Z"},
        },
        {"id": "2", "properties": {**common, "dealname": "acme seats", "amount": "90.5", "dealtype": "newbusiness"}},
        {"id": "3", "properties": {**common, "dealname": "Beta"}},
    )
    return portal


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (condition("dealname", "EQ", "ACME pro"), "1"),
        (condition("dealname", "NEQ", "Beta"), "12"),
        (condition("amount", "EQ", "100.0"), "1"),
        (condition("amount", "LT", "100"), "2"),
        (condition("amount", "GTE", "90.5"), "12"),
        (condition("amount", "BETWEEN", "90", highValue="95"), "2"),
        (condition("amount", "NEQ", "100"), "23"),
        (condition("dealname", "IN", values=["acme pro", "beta"]), "13"),
        (condition("dealname", "IN", values=["Acme Pro"]), ""),
        (condition("dealname", "NOT_IN", values=["beta"]), "12"),
        (condition("dealtype", "EQ", "newbusiness"), "2"),
        (condition("dealtype", "EQ", "NEWBUSINESS"), ""),
        (condition("amount", "HAS_PROPERTY"), "12"),
        (condition("amount", "NOT_HAS_PROPERTY"), "3"),
        (condition("dealname", "CONTAINS_TOKEN", "acme"), "12"),
        (condition("dealname", "CONTAINS_TOKEN", "be*"), "3"),
        (condition("dealname", "CONTAINS_TOKEN", "acm"), ""),
        (condition("dealname", "NOT_CONTAINS_TOKEN", "acme"), "3"),
        (condition("closedate", "LTE", "1782864000000"), "1"),
        (condition("closedate", "LT", "1782864000000"), ""),
    ],
)
def test_each_operator_means_what_the_guide_says(three: Sandbox, wanted: Row, found: str) -> None:
    """Text compares without case, options with it, numbers as numbers, times in milliseconds."""
    rows = search(three, wanted).json()["results"]

    assert "".join(sorted(row["id"] for row in rows)) == found


def test_groups_are_alternatives(three: Sandbox) -> None:
    """Filters in a group are all needed, one group suffices."""
    groups = [
        {"filters": [condition("dealname", "EQ", "beta"), condition("amount", "HAS_PROPERTY")]},
        {"filters": [condition("amount", "GT", "95")]},
    ]

    found = three.post("/crm/v3/objects/deals/search", {"filterGroups": groups}).json()

    assert [row["id"] for row in found["results"]] == ["1"]


def test_associated_records_can_be_searched_for(three: Sandbox) -> None:
    """`associations.company` filters by an associated record's id."""
    three.load("associations", {"from": "deals", "fromId": "2", "to": "companies", "toId": "1001", "typeId": 341})

    found = search(three, condition("associations.company", "EQ", "1001")).json()

    assert [row["id"] for row in found["results"]] == ["2"]


def test_a_question_asked_again_sees_what_changed(three: Sandbox) -> None:
    """Associating, dissociating and archiving between two equal searches changes what they find."""
    wanted = condition("associations.company", "EQ", "1001")
    path = "/crm/v4/objects/deals/2/associations"

    totals = [search(three, wanted).json()["total"]]
    three.put(f"{path}/default/companies/1001")
    totals.append(search(three, wanted).json()["total"])
    three.delete("/crm/v3/objects/deals/2")
    totals.append(search(three, wanted).json()["total"])
    three.load("deals", {"id": "2", "archived": False, "updatedAt": "2026-05-01T00:00:00Z"})
    totals.append(search(three, wanted).json()["total"])
    three.delete(f"{path}/companies/1001")
    totals.append(search(three, wanted).json()["total"])

    assert totals == [0, 1, 0, 1, 0]


def test_one_sort_orders_and_empty_values_come_last(three: Sandbox) -> None:
    """Numbers sort as numbers."""
    sort = [{"propertyName": "amount", "direction": "ASCENDING"}]

    found = search(three, sorts=sort).json()

    assert [row["id"] for row in found["results"]] == ["2", "1", "3"]
    assert search(three, sorts=sort * 2).status_code == 400


def test_free_text_looks_at_the_searched_properties(three: Sandbox) -> None:
    """`query` finds text in a deal's name."""
    assert [row["id"] for row in search(three, query="seats").json()["results"]] == ["2"]


def test_pages_follow_an_integer_cursor(three: Sandbox) -> None:
    """`after` is an integer string, and total counts every page."""
    first = search(three, limit=2).json()
    second = search(three, limit=2, after=first["paging"]["next"]["after"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == ["1", "2", "3"]
    assert (first["total"], "paging" in second) == (3, False)


def test_a_new_record_is_not_found_inside_the_lag(portal: Sandbox) -> None:
    """Search misses what was written less than the lag ago, so it cannot prove absence."""
    portal.deal(dealname="Fresh")
    wanted = condition("dealname", "EQ", "Fresh")

    at_once = search(portal, wanted).json()["total"]
    portal.post("/__clock", {"advance": 10})
    later = search(portal, wanted).json()["total"]

    assert (at_once, later) == (0, 1)


def test_a_changed_record_is_found_as_it_was(three: Sandbox) -> None:
    """Inside the lag a change is not known: the record is found by its old values, and shown with them."""
    three.patch("/crm/v3/objects/deals/1", {"properties": {"dealname": "Renamed"}})
    old, new = condition("dealname", "EQ", "Acme Pro"), condition("dealname", "EQ", "Renamed")

    at_once = [search(three, one, properties=["dealname"]).json()["results"] for one in (old, new)]
    three.post("/__clock", {"advance": 10})
    later = [search(three, one).json()["total"] for one in (old, new)]

    assert [[row["properties"]["dealname"] for row in rows] for rows in at_once] == [["Acme Pro"], []]
    assert later == [0, 1]


def test_a_record_changed_many_times_is_found_at_every_moment(three: Sandbox) -> None:
    """The version found is the newest that search knows of."""
    for n in range(4):
        three.post("/__clock", {"advance": 4})
        three.patch("/crm/v3/objects/deals/1", {"properties": {"amount": str(n)}})

    seen = []
    for _ in range(4):
        row = search(three, condition("amount", "HAS_PROPERTY"), properties=["amount"]).json()["results"][0]
        seen.append(row["properties"]["amount"])
        three.post("/__clock", {"advance": 4})

    assert seen == ["0", "1", "2", "3"]


def test_the_lag_is_a_switch(portal: Sandbox) -> None:
    """With no lag a write is found at once."""
    portal.switch(search_lag=0)
    portal.deal(dealname="Fresh")

    assert search(portal, condition("dealname", "EQ", "Fresh")).json()["total"] == 1


def test_archived_records_are_never_found(three: Sandbox) -> None:
    """The recycle bin is not searched."""
    three.delete("/crm/v3/objects/deals/1")
    three.post("/__clock", {"advance": 60})

    assert search(three).json()["total"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [condition("amount", "GT", "1")]}] * 6},
        {"filterGroups": [{"filters": [condition("amount", "GT", "1")] * 7}]},
        {"filterGroups": [{"filters": [condition("amount", "GT", "1")] * 5}] * 4},
        {"filterGroups": [{"filters": [condition("nope", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [condition("amount", "LIKE", "1")]}]},
        {"filterGroups": [{"filters": [condition("amount", "EQ")]}]},
        {"filterGroups": [{"filters": [condition("amount", "BETWEEN", "", highValue="2")]}]},
        {"filterGroups": [{"filters": [condition("amount", "GT", "NaN")]}]},
        {"filterGroups": [{"filters": [condition("dealname", "IN", values=["a", 1])]}]},
        {"filterGroups": [{"filters": [condition("amount", "IN", "1")]}]},
        {"filterGroups": [{"filters": [condition("amount", "GT", 1)]}]},
        {"filterGroups": [{"filters": [condition("amount", "GT", "lots")]}]},
        {"filterGroups": [{"filters": [condition("closedate", "GT", "2026-01-01")]}]},
        {"limit": 201},
        {"limit": 0},
        {"after": "9801", "limit": 200},
        {"after": "x"},
        {"query": "x" * 3001},
        {"sorts": [{"propertyName": "nope"}]},
    ],
)
def test_what_exceeds_the_limits_is_refused(portal: Sandbox, body: Row) -> None:
    """Too many groups, filters or results, unknown names and bad operands answer 400, and so does a wrong type."""
    answer = portal.post("/crm/v3/objects/deals/search", body)

    told = answer.json()
    assert answer.status_code == 400
    assert told.get("category") == (None if "Cannot deserialize" in told["message"] else "VALIDATION_ERROR")


def test_the_official_client_searches(three: Sandbox, client: HubSpot) -> None:
    """The vendor's client finds records and their total."""
    found = client.crm.deals.search_api.do_search({"filterGroups": [], "properties": ["dealname"], "limit": 2})

    assert found.total == 3
    assert found.results[0].properties["dealname"] == "Acme Pro"
