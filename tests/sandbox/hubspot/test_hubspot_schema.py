"""Properties, groups, pipelines and owners."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot import HubSpot
from hubspot_portal import FORMER_OWNER, OWNER, Sandbox

Row = dict[str, Any]
SCORE = {"name": "upsell_score", "label": "Score", "type": "number", "fieldType": "number", "groupName": "upsell"}


@pytest.fixture
def grouped(portal: Sandbox) -> Sandbox:
    """A portal with a property group of ours on deals."""
    assert portal.post("/crm/v3/properties/deals/groups", {"name": "upsell", "label": "Upsell"}).status_code == 201
    return portal


def test_a_property_is_created_once(grouped: Sandbox, client: HubSpot) -> None:
    """A second create answers 409 with the subcategory that tells why."""
    made = client.crm.properties.core_api.create("deals", SCORE)
    again = grouped.post("/crm/v3/properties/deals", SCORE)

    assert (made.name, made.group_name, made.has_unique_value) == ("upsell_score", "upsell", False)
    assert again.status_code == 409
    assert again.json()["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"


def test_a_create_says_where_the_property_is(grouped: Sandbox) -> None:
    """A property create answers 201 with a Location."""
    answer = grouped.post("/crm/properties/2026-09/deals", SCORE)

    assert (answer.status_code, answer.headers["Location"]) == (201, "/crm/v3/properties/deals/upsell_score")


@pytest.mark.parametrize(
    "change",
    [
        {"groupName": "nowhere"},
        {"fieldType": "checkbox"},
        {"type": "integer"},
        {"name": "Upsell-Score"},
        {"type": "enumeration", "fieldType": "select"},
        {"type": "bool", "fieldType": "booleancheckbox", "hasUniqueValue": True},
        {"label": None},
        {"unknown": 1},
    ],
)
def test_a_definition_must_hold_together(grouped: Sandbox, change: Row) -> None:
    """Group, type and field type must fit, names be plain, enumerations have options."""
    assert grouped.post("/crm/v3/properties/deals", SCORE | change).status_code == 400


def test_an_archived_name_is_brought_back(grouped: Sandbox) -> None:
    """Archiving hides a property from reads and writes; creating its name again restores it."""
    grouped.post("/crm/v3/properties/deals", SCORE)

    grouped.delete("/crm/v3/properties/deals/upsell_score")
    gone = grouped.get("/crm/v3/properties/deals/upsell_score")
    back = grouped.post("/crm/v3/properties/deals", SCORE)

    assert (gone.status_code, gone.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert back.status_code == 201


def test_changing_options_replaces_the_list(grouped: Sandbox) -> None:
    """PATCH with options keeps none of the old ones."""
    reason = {**SCORE, "name": "upsell_reason", "type": "enumeration", "fieldType": "select"}
    grouped.post("/crm/v3/properties/deals", reason | {"options": [{"label": "A", "value": "a"}]})

    changed = grouped.patch("/crm/v3/properties/deals/upsell_reason", {"options": [{"label": "B", "value": "b"}]})

    assert [option["value"] for option in changed.json()["options"]] == ["b"]


def test_hubspots_own_definitions_are_read_only(portal: Sandbox) -> None:
    """The API says which properties take no value, and refuses to change or archive its own."""
    row = portal.get("/crm/v3/properties/deals/hs_is_closed").json()

    assert (row["calculated"], row["modificationMetadata"]["readOnlyValue"]) == (True, True)
    assert portal.patch("/crm/v3/properties/deals/amount", {"label": "Value"}).status_code == 400
    assert portal.delete("/crm/v3/properties/deals/amount").status_code == 400


@pytest.mark.parametrize(("accepted", "status"), [(True, 201), (False, 400)])
def test_keyed_tasks_are_a_switch(portal: Sandbox, accepted: bool, status: int) -> None:
    """Whether tasks take a unique property is unknown, so both can be played."""
    portal.switch(keyed_tasks=accepted)
    body = {"name": "upsell_key", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}

    answer = portal.post("/crm/v3/properties/tasks", body | {"groupName": "taskinformation"})

    assert answer.status_code == status


def test_an_object_has_at_most_ten_unique_properties(portal: Sandbox) -> None:
    """The eleventh unique property is refused."""
    for n in range(10):
        portal.keyed("deals", f"key_{n}")
    body = {"name": "key_10", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}

    assert portal.post("/crm/v3/properties/deals", body | {"groupName": "dealinformation"}).status_code == 400


def test_uniqueness_cannot_be_added_later(portal: Sandbox) -> None:
    """`hasUniqueValue` is fixed at creation."""
    portal.keyed("deals")

    assert portal.patch("/crm/v3/properties/deals/upsell_key", {"hasUniqueValue": False}).status_code == 400


@pytest.mark.parametrize(("path", "status"), [("/crm/v3/properties", 201), ("/crm/properties/2026-09", 200)])
def test_properties_are_created_and_read_in_batches(grouped: Sandbox, path: str, status: int) -> None:
    """A batch create answers 201 on v3 and 200 on 2026-09; what exists is an error of its own."""
    more = SCORE | {"name": "upsell_reason"}

    first = grouped.post(f"{path}/deals/batch/create", {"inputs": [SCORE]})
    second = grouped.post(f"{path}/deals/batch/create", {"inputs": [SCORE, more]})
    read = grouped.post(f"{path}/deals/batch/read", {"inputs": [{"name": "upsell_score"}], "archived": False})

    assert (first.status_code, second.status_code) == (status, 207)
    assert second.json()["errors"][0]["context"]["name"] == ["upsell_score"]
    assert [row["name"] for row in read.json()["results"]] == ["upsell_score"]


def test_groups_cannot_be_made_twice_or_removed_in_use(grouped: Sandbox) -> None:
    """A second group of a name is 409; one with properties stays."""
    grouped.post("/crm/v3/properties/deals", SCORE)

    again = grouped.post("/crm/v3/properties/deals/groups", {"name": "upsell", "label": "Upsell"})
    removed = grouped.delete("/crm/v3/properties/deals/groups/upsell")

    assert (again.status_code, removed.status_code) == (409, 400)


def test_the_default_pipeline_has_hubspots_stages(portal: Sandbox, client: HubSpot) -> None:
    """Stage ids, probabilities and the closed flag are what a new portal has."""
    pipeline = client.crm.pipelines.pipelines_api.get_all("deals").results[0]

    assert pipeline.id == "default"
    assert {stage.id: stage.metadata["probability"] for stage in pipeline.stages} == {
        "appointmentscheduled": "0.2",
        "qualifiedtobuy": "0.4",
        "presentationscheduled": "0.6",
        "decisionmakerboughtin": "0.8",
        "contractsent": "0.9",
        "closedwon": "1.0",
        "closedlost": "0.0",
    }
    assert [stage.id for stage in pipeline.stages if stage.metadata["isClosed"] == "true"] == [
        "closedwon",
        "closedlost",
    ]


@pytest.mark.parametrize("metadata", [{}, {"probability": 0.5}, {"probability": "1.5"}, {"probability": "high"}])
def test_a_deal_stage_needs_its_probability(portal: Sandbox, metadata: Row) -> None:
    """A stage's probability is a string from 0.0 to 1.0."""
    body = {"label": "Proposed", "displayOrder": 0, "metadata": metadata}

    assert portal.post("/crm/v3/pipelines/deals/default/stages", body).status_code == 400


def test_a_new_stage_can_be_used(portal: Sandbox) -> None:
    """A stage added to a pipeline takes deals at once; its label is unique there."""
    body = {"label": "Proposed", "displayOrder": 0, "metadata": {"probability": "0.1"}}

    stage = portal.post("/crm/v3/pipelines/deals/default/stages", body).json()
    again = portal.post("/crm/v3/pipelines/deals/default/stages", body)

    assert portal.deal(dealstage=stage["id"])["properties"]["dealstage"] == stage["id"]
    assert again.status_code == 409


def test_owners_are_paged_and_found_by_email(portal: Sandbox, client: HubSpot) -> None:
    """Pages follow a cursor; the email filter ignores case."""
    portal.load("owners", *({"id": str(80 + n), "email": f"o{n}@vendor.example"} for n in range(4)))

    everyone = client.crm.owners.get_all()
    page = portal.get("/crm/v3/owners", limit=2).json()
    found = portal.get("/crm/owners/2026-09", email="ADA@vendor.example").json()["results"]

    assert len(everyone) == 5
    assert (len(page["results"]), page["paging"]["next"]["after"]) == (2, "2")
    assert [row["id"] for row in found] == [OWNER]


def test_a_former_owner_has_no_user(portal: Sandbox) -> None:
    """Archived owners are listed apart, with userId null."""
    row = portal.get("/crm/v3/owners", archived="true").json()["results"][0]

    assert (row["id"], row["userId"]) == (FORMER_OWNER, None)
    assert row["userIdIncludingInactive"]
    assert portal.get(f"/crm/v3/owners/{FORMER_OWNER}").status_code == 404
