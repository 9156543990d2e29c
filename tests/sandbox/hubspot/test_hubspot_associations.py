"""Associations: direction, duplicates, labels, and the answers that differ by version."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot_portal import COMPANY, Sandbox

Row = dict[str, Any]
V4, DATED = "/crm/v4/associations", "/crm/associations/2026-09"


def pair(from_id: str, to_id: str, *type_ids: int) -> Row:
    """Return a batch input."""
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": one} for one in type_ids]
    return {"from": {"id": from_id}, "to": {"id": to_id}, **({"types": types} if types else {})}


def link(portal: Sandbox, *inputs: Row, ends: str = "deals/companies", path: str = V4) -> requests.Response:
    """Post associations."""
    return portal.post(f"{path}/{ends}/batch/create", {"inputs": list(inputs)})


@pytest.mark.parametrize(
    ("ends", "type_id", "wrong"),
    [
        ("deals/companies", 342, "from"),
        ("deals/companies", 6, "from"),
        ("deals/companies", 279, "from"),
        ("companies/deals", 341, "from"),
        ("tasks/deals", 215, "from"),
        ("deals/contacts", 341, "to"),
    ],
)
def test_a_type_belongs_to_one_direction(portal: Sandbox, ends: str, type_id: int, wrong: str) -> None:
    """A type of the other direction, or between other objects, is refused."""
    answer = link(portal, pair("1", "2", type_id), ends=ends)

    assert answer.status_code == 400
    assert f"invalid {wrong} object type" in answer.json()["message"]
    assert answer.json()["message"].endswith(f"For definition 0-{type_id}")


@pytest.mark.parametrize("path", [V4, DATED])
def test_an_association_is_seen_from_both_sides(portal: Sandbox, path: str) -> None:
    """Posting deal → company shows company → deal with the inverse type."""
    deal = portal.deal()["id"]

    link(portal, pair(deal, COMPANY, 341), path=path)
    there = portal.post(f"{path}/deals/companies/batch/read", {"inputs": [{"id": deal}]}).json()["results"][0]
    back = portal.post(f"{path}/companies/deals/batch/read", {"inputs": [{"id": COMPANY}]}).json()["results"][0]

    assert [str(one["toObjectId"]) for one in there["to"] + back["to"]] == [COMPANY, deal]
    assert [one["associationTypes"][0]["typeId"] for one in there["to"] + back["to"]] == [341, 342]


@pytest.mark.parametrize(
    ("path", "setting", "status"), [(V4, None, 201), (DATED, None, 200), (V4, 200, 200), (DATED, 201, 201)]
)
def test_the_status_of_a_create_differs(portal: Sandbox, path: str, setting: int | None, status: int) -> None:
    """v4 answers 201, 2026-09 answers 200, and a switch plays either."""
    portal.switch(associations_created=setting)

    assert link(portal, pair(portal.deal()["id"], COMPANY, 341), path=path).status_code == status


def test_ids_are_numbers_on_v4_and_strings_on_dated_paths(portal: Sandbox) -> None:
    """A client should read both forms of an associated id."""
    deal = portal.deal()["id"]
    link(portal, pair(deal, COMPANY, 341))

    old = portal.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json()["results"][0]
    new = portal.get(f"/crm/objects/2026-09/deals/{deal}/associations/companies").json()["results"][0]

    assert (old["toObjectId"], new["toObjectId"]) == (int(COMPANY), COMPANY)


def test_a_pair_comes_once_in_a_batch(portal: Sandbox) -> None:
    """Duplicate pairs are refused."""
    deal = portal.deal()["id"]

    assert link(portal, pair(deal, COMPANY, 341), pair(deal, COMPANY, 5)).status_code == 400
    assert portal.stored("associations") == []


def test_posting_again_is_harmless_and_replaces_labels(portal: Sandbox) -> None:
    """The posted types replace the labels a pair had; the unlabelled type stays."""
    deal = portal.deal()["id"]

    link(portal, pair(deal, COMPANY, 5))
    labelled = portal.stored("associations")
    link(portal, pair(deal, COMPANY, 341))
    link(portal, pair(deal, COMPANY, 341))
    plain = portal.stored("associations")

    assert sorted(row["typeId"] for row in labelled) == [5, 6, 341, 342]
    assert sorted(row["typeId"] for row in plain) == [341, 342]


def test_a_deal_has_one_primary_company(portal: Sandbox) -> None:
    """Making another company primary takes the label from the first."""
    deal, other = portal.deal()["id"], portal.create("companies", name="Beta")["id"]

    link(portal, pair(deal, COMPANY, 5), pair(deal, other, 5))
    rows = portal.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json()["results"]

    labels = {row["toObjectId"]: [one["label"] for one in row["associationTypes"]] for row in rows}
    assert labels == {int(COMPANY): [None], int(other): ["Primary", None]}


def test_the_default_association_needs_no_type(portal: Sandbox, client: HubSpot) -> None:
    """`associate/default` links by the unlabelled type, through the vendor's client."""
    deal = portal.deal()["id"]

    answer = client.crm.associations.v4.batch_api.create_default(
        "deals", "companies", {"inputs": [pair(deal, COMPANY)]}
    )

    assert [one.association_spec.association_type_id for one in answer.results] == [341]
    assert [row["typeId"] for row in portal.stored("associations")] == [342, 341]


def test_a_missing_end_is_an_error_of_its_own(portal: Sandbox) -> None:
    """A pair whose record is not there answers 207 and names it; the others are linked."""
    deal = portal.deal()["id"]

    answer = link(portal, pair(deal, COMPANY, 341), pair("999", COMPANY, 341))

    assert (answer.status_code, len(answer.json()["results"])) == (207, 1)
    assert answer.json()["errors"][0]["context"] == {
        "INVALID_OBJECT_IDS": ["DEAL=999 is not valid"],
        "fromObjectId": ["999"],
        "toObjectId": [COMPANY],
    }


def test_reading_a_record_without_associations_answers_207(portal: Sandbox) -> None:
    """No associations is an error item, not an empty list."""
    answer = portal.post(f"{V4}/companies/deals/batch/read", {"inputs": [{"id": COMPANY}]})

    assert (answer.status_code, answer.json()["results"]) == (207, [])
    error = answer.json()["errors"][0]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert (error["context"]["fromObjectType"], error["context"]["toObjectType"]) == (["company"], ["deal"])


@pytest.mark.parametrize(("action", "most"), [("read", 1000), ("create", 2000), ("associate/default", 2000)])
def test_association_batches_have_their_own_limits(portal: Sandbox, action: str, most: int) -> None:
    """Reads take 1,000 inputs, writes 2,000."""
    rows: list[Row] = [{"id": "1"}] if action == "read" else [pair("1", "2", *([341] if action == "create" else []))]

    answer = portal.post(f"{V4}/deals/companies/batch/{action}", {"inputs": rows * (most + 1)})

    assert answer.status_code == 400
    assert str(most) in answer.json()["message"]


def test_associations_are_taken_away(portal: Sandbox) -> None:
    """A batch archive answers 204 and removes both directions; so does DELETE on one pair."""
    deals = [portal.deal()["id"], portal.deal()["id"]]
    link(portal, *(pair(one, COMPANY, 341) for one in deals))

    body = {"inputs": [{"from": {"id": deals[0]}, "to": [{"id": COMPANY}]}]}
    batch = portal.post(f"{V4}/deals/companies/batch/archive", body)
    one = portal.delete(f"/crm/v4/objects/deals/{deals[1]}/associations/companies/{COMPANY}")

    assert (batch.status_code, one.status_code) == (204, 204)
    assert portal.stored("associations") == []


def test_one_pair_is_linked_by_put(portal: Sandbox, client: HubSpot) -> None:
    """The vendor's client links one pair by type and one by default."""
    task, deal = portal.create("tasks", hs_timestamp="1780387200000")["id"], portal.deal()["id"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 216}]

    client.crm.associations.v4.basic_api.create("tasks", task, "deals", deal, types)
    client.crm.associations.v4.basic_api.create_default("tasks", task, "companies", COMPANY)

    assert {row["typeId"] for row in portal.stored("associations")} == {216, 215, 192, 191}


def test_an_archived_record_is_no_longer_listed(portal: Sandbox) -> None:
    """Associations to a record in the recycle bin do not show."""
    deal = portal.deal()["id"]
    link(portal, pair(deal, COMPANY, 341))

    portal.delete(f"/crm/v3/objects/deals/{deal}")

    assert portal.get(f"/crm/v4/objects/companies/{COMPANY}/associations/deals").json()["results"] == []


def test_labels_of_two_types_are_listed(portal: Sandbox) -> None:
    """The label endpoint lists every type of one direction."""
    rows = portal.get(f"{V4}/deals/companies/labels").json()["results"]

    assert {(row["typeId"], row["label"]) for row in rows} == {(341, None), (5, "Primary")}


def primary_of(portal: Sandbox, contact: str) -> str | None:
    """Return the company that a contact's property names."""
    found = portal.get(f"/crm/v3/objects/contacts/{contact}", properties="associatedcompanyid").json()
    value: str | None = found["properties"].get("associatedcompanyid")
    return value


def inline(to: str, type_id: int) -> Row:
    """Return an association as a create takes it."""
    return {"to": {"id": to}, "types": pair("", "", type_id)["types"]}


def test_a_contact_names_its_primary_company(portal: Sandbox) -> None:
    """However it was made primary, from either side; a plain association makes none, and the last one set wins."""
    other = portal.create("companies", name="Other")["id"]
    plain = portal.create("contacts", [inline(COMPANY, 279)], lastname="Plain")["id"]
    born = portal.create("contacts", [inline(COMPANY, 1)], lastname="Born")["id"]
    linked = portal.create("contacts", lastname="Linked")["id"]
    seen = [primary_of(portal, one) for one in (plain, born, linked)]

    link(portal, pair(linked, COMPANY, 1), ends="contacts/companies")
    link(portal, pair(other, born, 2), ends="companies/contacts")

    assert seen == [None, COMPANY, None]
    assert (primary_of(portal, linked), primary_of(portal, born)) == (COMPANY, other)
    shown = portal.get(f"/crm/v4/objects/contacts/{born}/associations/companies").json()["results"]
    assert {str(one["toObjectId"]): [t["typeId"] for t in one["associationTypes"]] for one in shown} == {
        COMPANY: [279],
        other: [1, 279],
    }


def test_a_contact_forgets_a_primary_company_that_is_taken_away(portal: Sandbox) -> None:
    """The property goes with the association, and with its label; one to another company changes nothing."""
    other = portal.create("companies", name="Other")["id"]
    one, two = (portal.create("contacts", [inline(COMPANY, 1)], lastname=name)["id"] for name in ("One", "Two"))
    link(portal, pair(one, other, 279), ends="contacts/companies")
    portal.delete(f"/crm/v4/objects/contacts/{one}/associations/companies/{other}")
    before = primary_of(portal, one)

    portal.delete(f"/crm/v4/objects/contacts/{one}/associations/companies/{COMPANY}")
    link(portal, pair(two, COMPANY, 279), ends="contacts/companies")

    assert (before, primary_of(portal, one), primary_of(portal, two)) == (COMPANY, None, None)


def test_a_merged_company_stays_the_primary_one(portal: Sandbox) -> None:
    """The contacts of the company that was merged away name the survivor."""
    loser = portal.create("companies", name="Loser")["id"]
    contact = portal.create("contacts", [inline(loser, 1)], lastname="Kept")["id"]

    portal.post("/crm/v3/objects/companies/merge", {"primaryObjectId": COMPANY, "objectIdToMerge": loser})

    assert primary_of(portal, contact) == COMPANY
