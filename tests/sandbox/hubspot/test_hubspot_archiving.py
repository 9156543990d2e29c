"""What taking definitions away does: properties, groups and pipelines, what holds them, and what comes back."""

from __future__ import annotations

import pytest
from hubspot_portal import Sandbox, codes

STAGE = {"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.2"}}
DEFINITIONS = "/crm/v3/properties/deals"


def pipeline(portal: Sandbox) -> str:
    """Make a pipeline of one stage, under an id of our choice."""
    body = {"label": "Upsell", "displayOrder": 1, "pipelineId": "upsell", "stages": [STAGE | {"stageId": "open"}]}
    answer = portal.post("/crm/v3/pipelines/deals", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_an_archived_property_gives_its_values_back(portal: Sandbox) -> None:
    """A property that is archived is neither shown nor a key; made again under its name it holds what it held."""
    key = portal.keyed("deals")
    deal = portal.deal(upsell_key="a")["id"]
    definition = portal.get(f"{DEFINITIONS}/{key}").json()

    assert portal.delete(f"{DEFINITIONS}/{key}").status_code == 204
    hidden = portal.get(f"/crm/v3/objects/deals/{deal}", properties=key).json()["properties"]
    by_key = portal.get("/crm/v3/objects/deals/a", idProperty=key).status_code
    again = portal.delete(f"{DEFINITIONS}/{key}").status_code
    names = ("name", "label", "type", "fieldType", "groupName", "hasUniqueValue")
    portal.post(DEFINITIONS, {name: definition[name] for name in names})

    assert key not in hidden
    assert by_key in (400, 404)
    assert again == 404
    assert portal.get(f"/crm/v3/objects/deals/{deal}", properties=key).json()["properties"][key] == "a"
    assert portal.get("/crm/v3/objects/deals/a", idProperty=key).json()["id"] == deal


def test_an_archived_key_frees_its_place(portal: Sandbox) -> None:
    """Ten unique properties may live on an object; one that is archived makes room for another."""
    keys = [portal.keyed("deals", f"key_{i}") for i in range(10)]
    body = {"name": "key_more", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    body |= {"groupName": "dealinformation"}

    before = portal.post(DEFINITIONS, body).status_code
    portal.delete(f"{DEFINITIONS}/{keys[0]}")

    assert (before, portal.post(DEFINITIONS, body).status_code) == (400, 201)


def test_a_property_that_something_uses_stays(portal: Sandbox) -> None:
    """Where workflows, lists or reports use a property the portal refuses to archive it, and names them."""
    key = portal.keyed("deals")
    portal.switch(properties_in_use={f"deals.{key}": ["Workflow 7"]})

    answers = [
        portal.delete(f"{DEFINITIONS}/{key}"),
        portal.post(f"{DEFINITIONS}/batch/archive", {"inputs": [{"name": key}]}),
    ]

    assert [(one.status_code, codes(one)) for one in answers] == [(400, ["PROPERTY_IN_USE"])] * 2
    assert "Workflow 7" in answers[0].json()["message"]
    assert portal.get(f"{DEFINITIONS}/{key}").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/crm/v3/pipelines/deals/upsell", 204),
        ("/crm/v3/pipelines/deals/upsell?validateReferencesBeforeDelete=true", 400),
        ("/crm/pipelines/2026-09/deals/upsell", 400),
    ],
)
def test_a_pipeline_with_deals(portal: Sandbox, path: str, status: int) -> None:
    """The newest version never deletes a pipeline that holds deals, older ones if nobody asked them to look."""
    pipeline(portal)
    portal.deal(pipeline="upsell", dealstage="open")

    assert portal.delete(path).status_code == status
    assert portal.get("/crm/v3/pipelines/deals/upsell").status_code == (404 if status == 204 else 200)


def test_an_empty_pipeline_goes_with_the_dates_of_its_stages(portal: Sandbox) -> None:
    """What HubSpot computes for a stage goes when its pipeline does."""
    before = {row["name"] for row in portal.get(DEFINITIONS).json()["results"]}
    pipeline(portal)
    with_it = {row["name"] for row in portal.get(DEFINITIONS).json()["results"]}

    gone = portal.delete("/crm/pipelines/2026-09/deals/upsell").status_code

    assert with_it - before == {"hs_v2_date_entered_open", "hs_v2_date_exited_open"}
    assert gone == 204
    assert {row["name"] for row in portal.get(DEFINITIONS).json()["results"]} == before
    assert portal.delete("/crm/pipelines/2026-09/deals/upsell").status_code == 404
