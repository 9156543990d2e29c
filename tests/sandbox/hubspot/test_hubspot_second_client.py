"""The stand-in's answers against a specification nobody here wrote.

`hubspot-sdk`, generated from HubSpot's OpenAPI files, validates every answer strictly: a missing field, a wrong
type or an unknown enum value raises. It talks to the 2026-03 paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hubspot_portal import COMPANY, OWNER, Sandbox
from hubspot_sdk import APIResponseValidationError, HubSpot
from hubspot_sdk.types.auth import AccessTokenResponse

from connector.sandbox.hubspot import credentials

CREATED = {"dealname": "Acme: Pro", "dealstage": "qualifiedtobuy", "pipeline": "default", "amount": "100"}
KINDS = ("companies", "contacts", "deals", "tasks", "notes", "line_items")
TYPES = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]


@pytest.fixture
def sdk(portal: Sandbox) -> Iterator[HubSpot]:
    """The second client, strict."""
    with HubSpot(
        access_token=credentials().access_token, base_url=portal.url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_a_malformed_answer_is_caught(portal: Sandbox, sdk: HubSpot) -> None:
    """The check bites: an answer without `updatedAt` raises."""
    body = {"id": COMPANY, "properties": {}, "archived": False, "createdAt": "2026-06-01T09:00:00Z"}
    portal.post("/__faults", {"path": "/companies/", "status": 200, "body": body})

    with pytest.raises(APIResponseValidationError):
        sdk.crm.objects.companies.get(COMPANY)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_created_read_listed_and_archived(portal: Sandbox, sdk: HubSpot, kind: str) -> None:
    """Single-record answers of each type fit the specification."""
    objects: Any = getattr(sdk.crm.objects, kind)
    properties = {
        "companies": {"name": "Beta", "domain": "beta.example"},
        "contacts": {"email": "ann@beta.example", "firstname": "Ann"},
        "deals": CREATED,
        "tasks": {"hs_timestamp": "2026-06-02T08:00:00Z", "hs_task_subject": "Call", "hubspot_owner_id": OWNER},
        "notes": {"hs_timestamp": "2026-06-02T08:00:00Z", "hs_note_body": "Said yes"},
        "line_items": {"name": "Pro", "price": "10", "quantity": "2"},
    }[kind]

    made = objects.create(properties=properties, associations=[])
    read = objects.get(made.id, properties=list(properties), properties_with_history=list(properties))
    listed = objects.list(properties=list(properties)).results
    objects.delete(made.id)
    archived = objects.get(made.id, archived=True, properties=list(properties))

    assert {name: read.properties[name] for name in properties} == properties
    assert read.properties_with_history.keys() == properties.keys()
    assert made.id in {row.id for row in listed}
    assert archived.archived_at is not None


def test_batches_fit_the_specification(portal: Sandbox, sdk: HubSpot) -> None:
    """Batch create, update, upsert, read and archive answer what the specification says."""
    key, batch = portal.keyed("deals"), sdk.crm.objects.deals.batch

    made = batch.create(inputs=[{"properties": CREATED, "associations": [], "object_write_trace_id": "t"}])
    batch.update(inputs=[{"id": made.results[0].id, "properties": {"amount": "5"}}])
    upserted = batch.upsert(inputs=[{"id": "k1", "id_property": key, "properties": CREATED}])
    read = batch.get(
        inputs=[{"id": "k1"}], id_property=key, properties=["amount"], properties_with_history=["dealstage"]
    )
    batch.delete(inputs=[{"id": made.results[0].id}])

    assert (made.status, made.results[0].object_write_trace_id) == ("COMPLETE", "t")
    assert upserted.results[0].new is True
    assert read.results[0].properties_with_history["dealstage"][0].source_type == "INTEGRATION"
    assert [row["archived"] for row in portal.stored("deals")] == [True, False]


def test_search_fits_the_specification(portal: Sandbox, sdk: HubSpot) -> None:
    """Search answers and their pages fit."""
    portal.load("companies", {"id": "1002", "properties": {"name": "Beta", "domain": "beta.example"}})
    group = {"filters": [{"property_name": "domain", "operator": "HAS_PROPERTY"}]}

    found = sdk.crm.objects.companies.search(
        after="0", limit=1, filter_groups=[group], properties=["name"], sorts=["-name"]
    )

    assert (found.total, found.paging.next.after) == (2, "1")
    assert found.results[0].properties["name"] == "Beta"


def test_associations_fit_the_specification(portal: Sandbox, sdk: HubSpot) -> None:
    """Batch create, default, read and the per-record list fit, ids being strings here."""
    batch = sdk.crm.associations.batch
    deal = portal.deal()["id"]
    ends = {"from": {"id": deal}, "to": {"id": COMPANY}}

    made = batch.create("companies", from_object_type="deals", inputs=[{**ends, "types": TYPES}])
    default = batch.create_default("companies", from_object_type="deals", inputs=[ends])
    read = batch.get("companies", from_object_type="deals", inputs=[{"id": deal}])
    listed = sdk.crm.associations.list("companies", object_type="deals", object_id=deal).results
    labelled = sdk.crm.associations.update_labels(
        COMPANY,
        object_type="deals",
        object_id=deal,
        to_object_type="companies",
        body=[{"association_category": "HUBSPOT_DEFINED", "association_type_id": 341}],
    )

    assert made.results[0].labels == ["Primary"]
    assert default.results[0].association_spec.association_type_id == 341
    assert read.results[0].to[0].to_object_id == listed[0].to_object_id == COMPANY
    assert labelled.labels == []


def test_properties_and_groups_fit_the_specification(portal: Sandbox, sdk: HubSpot) -> None:
    """Every standard property of every type fits, and those we define."""
    portal.post("/crm/v3/properties/deals/groups", {"name": "upsell", "label": "Upsell"})

    made = sdk.crm.properties.create(
        "deals", name="score", label="Score", type="number", field_type="number", group_name="upsell"
    )
    changed = sdk.crm.properties.update("score", object_type="deals", label="Upsell score")
    known = [sdk.crm.properties.list(kind).results for kind in KINDS]

    assert (made.name, changed.label) == ("score", "Upsell score")
    assert all(known)
    assert sdk.crm.properties.get("amount", object_type="deals").type == "number"
    assert {row.name for row in sdk.crm.properties.groups.list("deals").results} == {"dealinformation", "upsell"}


def test_pipelines_owners_and_account_fit_the_specification(portal: Sandbox, sdk: HubSpot) -> None:
    """What a client looks up first fits."""
    pipelines = sdk.crm.pipelines.list("deals").results
    stages = sdk.crm.pipelines.list_stages("default", object_type="deals").results
    owners = sdk.crm.owners.list(limit=10).results
    former = sdk.crm.owners.list(archived=True).results

    assert [len(pipelines[0].stages), len(stages)] == [7, 7]
    assert [(row.id, row.user_id is None) for row in [*owners, *former]] == [(OWNER, False), ("72", True)]
    assert sdk.account.get().portal_id == credentials().portal_id


def test_oauth_fits_the_specification(portal: Sandbox) -> None:
    """A refreshed token fits too."""
    known = credentials()

    # Sent by hand: this client posts JSON where the guide asks for a form.
    form = {
        "grant_type": "refresh_token",
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "refresh_token": known.refresh_token,
    }
    answer = requests.post(f"{portal.url}/oauth/2026-03/token", data=form)
    token = AccessTokenResponse.model_validate_json(answer.content, strict=True)

    assert (token.hub_id, token.expires_in) == (known.portal_id, 1800)


def test_null_properties_are_where_practice_and_specification_part(portal: Sandbox, sdk: HubSpot) -> None:
    """The specification says property values are strings; the API answers null for empty ones, and so do we."""
    with pytest.raises(APIResponseValidationError):
        sdk.crm.objects.companies.get(COMPANY, properties=["phone"])
