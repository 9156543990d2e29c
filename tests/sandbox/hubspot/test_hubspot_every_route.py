"""Every route the stand-in answers, called by a client nobody here wrote, which checks each answer strictly.

`hubspot-sdk`, generated from HubSpot's OpenAPI files, raises on a missing field, a wrong type or an unknown enum
value. Where its own model of an answer is narrower than what it parses (207s, refusals), the answer is held to the
model by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from hubspot_portal import COMPANY, OWNER, Sandbox
from hubspot_sdk import HubSpot
from hubspot_sdk.types.auth import AccessTokenResponse, PublicAccessTokenInfoResponse, PublicRefreshTokenInfoResponse
from hubspot_sdk.types.crm import BatchResponsePublicDefaultAssociation
from hubspot_sdk.types.shared import ErrorData, StandardError

from connector.sandbox.hubspot import app, credentials
from connector.sandbox.hubspot.app import canonical

Row = dict[str, Any]
Ask = Callable[["Client"], Any]
PRIMARY = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]
SNAKE_PRIMARY = [{"association_category": "HUBSPOT_DEFINED", "association_type_id": 5}]
TASK = {"hs_timestamp": "2026-06-02T08:00:00Z", "hs_task_subject": "Call"}
SCORE = {"name": "score", "label": "Score", "type": "number", "field_type": "number", "group_name": "dealinformation"}
STAGE = {"label": "Proposed", "display_order": 9, "metadata": {"probability": "0.1"}}
NAMED = {"archived": False, "data_sensitivity": "non_sensitive", "inputs": [{"name": "amount"}]}


class Client:
    """The strict client, and the records its calls are about."""

    def __init__(self, portal: Sandbox, sdk: HubSpot) -> None:
        self.crm, self.account, self.files = sdk.crm, sdk.account, sdk.files.file_assets
        self.folders = sdk.files.folders
        self.key = portal.keyed("deals")
        portal.load("companies", {"id": "1002", "properties": {"name": "Acme Ltd", "domain": "ltd.example"}})
        portal.load("properties", {"objectType": "deals", "name": "note", "groupName": "notes", "label": "Note"})
        self.deal = portal.deal(**{self.key: "k1"})["id"]
        self.pair = {"from": {"id": self.deal}, "to": {"id": COMPANY}}
        self.linked = {"object_type": "deals", "object_id": self.deal, "to_object_type": "companies"}
        portal.put(f"/crm/v4/objects/deals/{self.deal}/associations/default/companies/{COMPANY}")
        portal.post("/crm/v3/properties/deals/groups", {"name": "empty", "label": "Empty"})
        self.file = self.files.upload(**UPLOAD).id

    @property
    def deals(self) -> Any:
        return self.crm.objects.deals

    @property
    def links(self) -> Any:
        return self.crm.associations.batch


UPLOAD: Row = {
    "file": ("review.html", b"<p>47 of 50</p>", "text/html"),
    "file_name": "review.html",
    "folder_path": "/expansion/abc",
    "options": '{"access": "PRIVATE", "overwrite": true}',
}
FILES = "/files/v3/files"
OBJECTS, PROPERTIES, PIPELINES = "/crm/v3/objects/{type}", "/crm/v3/properties/{type}", "/crm/v3/pipelines/{type}"
LINKS, LINKED = "/crm/v4/associations/{from}/{to}", "/crm/v4/objects/{from}/{id}/associations"
CALLS: Mapping[tuple[str, str], Ask] = {
    ("GET", OBJECTS): lambda c: c.deals.list(properties=["dealname"], associations=["companies"], limit=1),
    ("POST", OBJECTS): lambda c: c.crm.objects.tasks.create(properties=TASK, associations=[]),
    ("POST", f"{OBJECTS}/merge"): lambda c: c.crm.objects.companies.merge(
        primary_object_id=COMPANY, object_id_to_merge="1002"
    ),
    ("GET", f"{OBJECTS}/{{id}}"): lambda c: c.deals.get(
        c.deal, properties=["dealname"], properties_with_history=["dealstage"], associations=["companies"]
    ),
    ("PATCH", f"{OBJECTS}/{{id}}"): lambda c: c.deals.update(c.deal, properties={"amount": "5"}),
    ("DELETE", f"{OBJECTS}/{{id}}"): lambda c: c.deals.delete(c.deal),
    ("POST", f"{OBJECTS}/search"): lambda c: c.crm.objects.companies.search(
        after="0", limit=1, filter_groups=[], properties=["name"], sorts=["name"], query="acme"
    ),
    ("POST", f"{OBJECTS}/batch/read"): lambda c: c.deals.batch.get(
        inputs=[{"id": "k1"}], id_property=c.key, properties=["dealname"], properties_with_history=["dealstage"]
    ),
    ("POST", f"{OBJECTS}/batch/create"): lambda c: c.crm.objects.tasks.batch.create(
        inputs=[{"properties": TASK, "associations": [], "object_write_trace_id": "t"}]
    ),
    ("POST", f"{OBJECTS}/batch/update"): lambda c: c.deals.batch.update(
        inputs=[{"id": c.deal, "properties": {"amount": "5"}}]
    ),
    ("POST", f"{OBJECTS}/batch/upsert"): lambda c: c.deals.batch.upsert(
        inputs=[{"id": "k1", "id_property": c.key, "properties": {"amount": "5"}}]
    ),
    ("POST", f"{OBJECTS}/batch/archive"): lambda c: c.deals.batch.delete(inputs=[{"id": c.deal}]),
    ("POST", f"{LINKS}/batch/create"): lambda c: c.links.create(
        "companies", from_object_type="deals", inputs=[{**c.pair, "types": PRIMARY}]
    ),
    ("POST", f"{LINKS}/batch/associate/default"): lambda c: c.links.create_default(
        "companies", from_object_type="deals", inputs=[c.pair]
    ),
    ("POST", f"{LINKS}/batch/read"): lambda c: c.links.get(
        "companies", from_object_type="deals", inputs=[{"id": c.deal}]
    ),
    ("POST", f"{LINKS}/batch/archive"): lambda c: c.links.delete(
        "companies", from_object_type="deals", inputs=[{"from": {"id": c.deal}, "to": [{"id": COMPANY}]}]
    ),
    ("PUT", f"{LINKED}/default/{{to}}/{{to_id}}"): lambda c: c.crm.associations.create(
        COMPANY, from_object_type="deals", from_object_id=c.deal, to_object_type="companies"
    ),
    ("GET", f"{LINKED}/{{to}}"): lambda c: c.crm.associations.list("companies", object_type="deals", object_id=c.deal),
    ("PUT", f"{LINKED}/{{to}}/{{to_id}}"): lambda c: c.crm.associations.update_labels(
        COMPANY, **c.linked, body=SNAKE_PRIMARY
    ),
    ("DELETE", f"{LINKED}/{{to}}/{{to_id}}"): lambda c: c.crm.associations.delete(COMPANY, **c.linked),
    ("GET", f"{LINKS}/labels"): lambda c: c.crm.associations_schema.labels.list_labels(
        "companies", from_object_type="deals"
    ),
    ("GET", "/crm-object-schemas/v3/schemas/{type}"): lambda c: c.crm.object_schemas.get("deals"),
    ("GET", PROPERTIES): lambda c: c.crm.properties.list("deals"),
    ("POST", PROPERTIES): lambda c: c.crm.properties.create("deals", **SCORE),
    ("GET", f"{PROPERTIES}/{{name}}"): lambda c: c.crm.properties.get("amount", object_type="deals"),
    ("PATCH", f"{PROPERTIES}/{{name}}"): lambda c: c.crm.properties.update(c.key, object_type="deals", label="Our key"),
    ("DELETE", f"{PROPERTIES}/{{name}}"): lambda c: c.crm.properties.delete("note", object_type="deals"),
    ("POST", f"{PROPERTIES}/batch/read"): lambda c: c.crm.properties.batch.get("deals", **NAMED),
    ("POST", f"{PROPERTIES}/batch/create"): lambda c: c.crm.properties.batch.create("deals", inputs=[SCORE]),
    ("POST", f"{PROPERTIES}/batch/archive"): lambda c: c.crm.properties.batch.delete(
        "deals", inputs=[{"name": "note"}]
    ),
    ("GET", f"{PROPERTIES}/groups"): lambda c: c.crm.properties.groups.list("deals"),
    ("POST", f"{PROPERTIES}/groups"): lambda c: c.crm.properties.groups.create("deals", name="upsell", label="Upsell"),
    ("GET", f"{PROPERTIES}/groups/{{name}}"): lambda c: c.crm.properties.groups.get("empty", object_type="deals"),
    ("PATCH", f"{PROPERTIES}/groups/{{name}}"): lambda c: c.crm.properties.groups.update(
        "empty", object_type="deals", label="Still empty"
    ),
    ("DELETE", f"{PROPERTIES}/groups/{{name}}"): lambda c: c.crm.properties.groups.delete("empty", object_type="deals"),
    ("GET", PIPELINES): lambda c: c.crm.pipelines.list("deals"),
    ("POST", PIPELINES): lambda c: c.crm.pipelines.create("deals", label="Upsell", display_order=1, stages=[STAGE]),
    ("GET", f"{PIPELINES}/{{pipeline}}"): lambda c: c.crm.pipelines.get("default", object_type="deals"),
    ("DELETE", f"{PIPELINES}/{{pipeline}}"): lambda c: c.crm.pipelines.delete("default", object_type="deals"),
    ("GET", f"{PIPELINES}/{{pipeline}}/stages"): lambda c: c.crm.pipelines.list_stages("default", object_type="deals"),
    ("POST", f"{PIPELINES}/{{pipeline}}/stages"): lambda c: c.crm.pipelines.create_stage(
        "default", object_type="deals", **STAGE
    ),
    ("GET", f"{PIPELINES}/{{pipeline}}/stages/{{stage}}"): lambda c: c.crm.pipelines.get_stage(
        "closedwon", object_type="deals", pipeline_id="default"
    ),
    ("PATCH", f"{PIPELINES}/{{pipeline}}/stages/{{stage}}"): lambda c: c.crm.pipelines.update_stage(
        "contractsent",
        object_type="deals",
        pipeline_id="default",
        archived=False,
        label="Contract out",
        metadata={"probability": "0.85"},
    ),
    ("DELETE", f"{PIPELINES}/{{pipeline}}/stages/{{stage}}"): lambda c: c.crm.pipelines.delete_stage(
        "contractsent", object_type="deals", pipeline_id="default"
    ),
    ("GET", "/crm/v3/owners"): lambda c: c.crm.owners.list(),
    ("GET", "/crm/v3/owners/{id}"): lambda c: c.crm.owners.get(int(OWNER)),
    ("POST", FILES): lambda c: c.files.upload(**UPLOAD),
    ("GET", f"{FILES}/search"): lambda c: c.files.search(limit=1, parent_folder_ids=[1]),
    ("GET", "/files/v3/folders/{path:path}"): lambda c: c.folders.get_by_path("expansion/abc"),
    ("GET", f"{FILES}/{{id}}"): lambda c: c.files.get(c.file),
    ("PUT", f"{FILES}/{{id}}"): lambda c: c.files.replace(c.file, file=UPLOAD["file"], options=UPLOAD["options"]),
    ("PATCH", f"{FILES}/{{id}}"): lambda c: c.files.update(c.file, clear_expires=False, name="renamed"),
    ("DELETE", f"{FILES}/{{id}}"): lambda c: c.files.delete(c.file),
    ("GET", "/account-info/v3/details"): lambda c: c.account.get(),
    ("GET", "/account-info/v3/api-usage/daily/private-apps"): lambda c: c.account.get_daily_private_apps_usage(),
}
ROUTES = [(method, path) for module in app.MODULES for method, path, _ in module.ROUTES]


@pytest.fixture
def client(portal: Sandbox) -> Iterator[Client]:
    token = credentials().access_token
    with HubSpot(access_token=token, base_url=portal.url, max_retries=0, _strict_response_validation=True) as sdk:
        yield Client(portal, sdk)


def reached(portal: Sandbox) -> tuple[str, str]:
    """Return the route that took the last request."""
    entry = portal.control.requests[-1]
    path, _ = canonical(entry["path"])
    return next(
        (method, template)
        for method, template in ROUTES
        if method == entry["method"]
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template.replace("{path:path}", ".+")), path)
    )


def test_no_route_is_left_out() -> None:
    """The table below has every route the stand-in answers."""
    assert CALLS.keys() == set(ROUTES)


@pytest.mark.parametrize("route", CALLS, ids=" ".join)
def test_the_answer_fits_the_specification(portal: Sandbox, client: Client, route: tuple[str, str]) -> None:
    """The strict client accepts what the route answers."""
    CALLS[route](client)

    assert reached(portal) == route
    assert portal.control.requests[-1]["status"] in {200, 201, 204}


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/crm/objects/2026-03/deals/batch/read", [{"id": "999"}]),
        ("/crm/objects/2026-03/deals/batch/create", [{"properties": {"amount": "x"}, "objectWriteTraceId": "t"}]),
        ("/crm/objects/2026-03/deals/batch/update", [{"id": "9", "properties": {}, "objectWriteTraceId": "t"}]),
        (
            "/crm/objects/2026-03/deals/batch/upsert",
            [{"id": "k9", "idProperty": "upsell_key", "properties": {"amount": "x"}, "objectWriteTraceId": "t"}],
        ),
        ("/crm/associations/2026-03/deals/companies/batch/create", [{"from": {"id": "9"}, "to": {"id": "9"}}]),
        (
            "/crm/associations/2026-03/deals/companies/batch/associate/default",
            [{"from": {"id": "9"}, "to": {"id": "9"}}],
        ),
        ("/crm/associations/2026-03/deals/companies/batch/read", [{"id": "9"}]),
        ("/crm/properties/2026-03/deals/batch/read", [{"name": "nope"}]),
        (
            "/crm/properties/2026-03/deals/batch/create",
            [{"name": "amount", "label": "A", "type": "string", "fieldType": "text", "groupName": "dealinformation"}],
        ),
    ],
)
def test_the_errors_of_a_partial_success_fit(portal: Sandbox, path: str, rows: list[Row]) -> None:
    """Each error of a 207 is what the specification calls a standard error, with its context."""
    portal.switch(bare_errors=False)
    portal.keyed("deals")
    inputs = [row | {"types": PRIMARY} for row in rows] if path.endswith("companies/batch/create") else rows

    answer = portal.post(path, {"inputs": inputs})

    body = answer.json()
    assert (answer.status_code, body["numErrors"]) == (207, 1)
    errors = [StandardError.model_validate(one, strict=True) for one in body["errors"]]
    assert all(error.status == "error" and error.context for error in errors)


def test_a_partly_failed_default_association_fits_whole(portal: Sandbox, client: Client) -> None:
    """The one batch whose model lists its errors fits it, errors included."""
    portal.switch(bare_errors=False)
    rows = [client.pair, {"from": {"id": "9"}, "to": {"id": "9"}}]

    answer = portal.post("/crm/associations/2026-03/deals/companies/batch/associate/default", {"inputs": rows})
    body = BatchResponsePublicDefaultAssociation.model_validate_json(answer.content, strict=True)

    assert (len(body.results), body.num_errors, len(body.errors or ())) == (1, 1, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/crm/objects/2026-03/deals/abc", None, 404),
        ("POST", "/crm/objects/2026-03/deals", {"properties": {"amount": "x", "nope": "1"}}, 400),
        ("POST", "/crm/objects/2026-03/deals", {"properties": {}}, 400),
        ("POST", "/crm/objects/2026-03/deals", {"properties": {"amount": 5}}, 400),
        ("POST", "/crm/objects/2026-03/contacts", {"properties": {"email": "ann@acme.example"}}, 409),
        ("POST", "/crm/objects/2026-03/deals/batch/read", {"inputs": [{"id": "1"}] * 2}, 400),
        ("POST", "/crm/objects/2026-03/deals/batch/upsert", {"inputs": [{"id": "1", "properties": {}}]}, 400),
        ("POST", "/crm/objects/2026-03/deals/search", {"limit": 500}, 400),
        ("POST", "/crm/properties/2026-03/deals/groups", {"name": "dealinformation", "label": "x"}, 409),
        ("GET", "/crm/properties/2026-03/deals/nope", None, 404),
        ("GET", "/crm/pipelines/2026-03/deals/nope", None, 404),
        ("GET", "/crm/owners/2026-03/1", None, 404),
        ("PUT", f"/crm/objects/2026-03/deals/9/associations/companies/{COMPANY}", PRIMARY, 400),
    ],
)
def test_a_refusal_fits(portal: Sandbox, method: str, path: str, body: Any, status: int) -> None:
    """A refusal is what the specification calls error data, but for two that are recorded without a category."""
    portal.create("contacts", email="ann@acme.example")

    answer = portal.session.request(method, portal.url + path, json=body)

    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, "error")
    assert ErrorData.model_validate({"category": "none", **told}, strict=True).message
    assert ("category" in told) == (re.search("resource not found|Cannot deserialize", told["message"]) is None)


@pytest.mark.parametrize("switch", [{"creator_lost_access": True}, {"limits": True, "limit_daily": 0}])
def test_a_refusal_before_any_route_fits(portal: Sandbox, switch: Row) -> None:
    """What the gate refuses is error data too, a spent day without a category."""
    portal.switch(**switch)

    told = portal.get("/crm/owners/2026-03").json()

    assert ErrorData.model_validate({"category": "none", **told}, strict=True).correlation_id


def test_tokens_fit(portal: Sandbox) -> None:
    """Refreshing and introspecting answer what the specification says."""
    known = credentials()
    form = {"client_id": known.client_id, "client_secret": known.client_secret, "refresh_token": known.refresh_token}

    def ask(path: str, **more: str) -> bytes:
        return requests.post(f"{portal.url}/oauth/2026-03/token{path}", data={**form, **more}).content

    token = AccessTokenResponse.model_validate_json(ask("", grant_type="refresh_token"), strict=True)
    access = PublicAccessTokenInfoResponse.model_validate_json(
        ask("/introspect", token=token.access_token), strict=True
    )
    refresh = PublicRefreshTokenInfoResponse.model_validate_json(
        ask("/introspect", token=known.refresh_token), strict=True
    )

    assert (access.hub_id, refresh.hub_id) == (known.portal_id, known.portal_id)
    assert access.expires_in == token.expires_in
