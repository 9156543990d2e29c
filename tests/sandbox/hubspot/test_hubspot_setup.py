"""Workflows and a token's own scopes, which the published specifications do not have."""

from __future__ import annotations

import pytest
import requests
from hubspot_portal import Sandbox

from connector.sandbox.hubspot import credentials

FLOWS, TOKEN = "/automation/v4/flows", "/oauth/v2/private-apps/get/access-token-info"


def test_workflows_are_listed_in_pages(portal: Sandbox) -> None:
    """Each row has what HubSpot's documents show; a further page is named."""
    portal.switch(flows=[{"id": str(i), "name": f"w{i}", "objectTypeId": "0-3"} for i in range(3)])

    first = portal.get(FLOWS, limit=2).json()
    second = portal.get(FLOWS, limit=2, after=first["paging"]["next"]["after"]).json()

    assert first["results"][0].keys() == {
        "createdAt",
        "flowType",
        "id",
        "isEnabled",
        "name",
        "objectTypeId",
        "revisionId",
        "updatedAt",
    }
    assert [row["name"] for row in first["results"] + second["results"]] == ["w0", "w1", "w2"]
    assert "paging" not in second


def test_workflows_need_their_own_scope(portal: Sandbox) -> None:
    """A token without `automation` is told which scope would do."""
    portal.switch(tokens={"narrow": ["crm.objects.deals.read"]})

    refused = requests.get(portal.url + FLOWS, headers={"Authorization": "Bearer narrow"}, timeout=5)

    assert refused.status_code == 403
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["automation"]


def test_a_private_apps_token_tells_its_scopes(portal: Sandbox) -> None:
    """It is asked for by itself, needs no header, and answers portal, app, user and scopes."""
    portal.switch(tokens={"narrow": ["crm.objects.deals.read"]})

    told = requests.post(portal.url + TOKEN, json={"tokenKey": "narrow"}, timeout=5).json()

    assert told.keys() == {"userId", "hubId", "appId", "scopes"}
    assert told["scopes"] == ["crm.objects.deals.read"]


@pytest.mark.parametrize(
    ("body", "status"), [({"tokenKey": "wrong"}, 401), ({}, 400), ([], 400), ({"tokenKey": None}, 401)]
)
def test_an_unknown_token_is_refused(portal: Sandbox, body: object, status: int) -> None:
    """What is no token of this portal is told nothing."""
    assert requests.post(portal.url + TOKEN, json=body, timeout=5).status_code == status


def test_some_tokens_are_not_told(portal: Sandbox) -> None:
    """A service key may not be a private app's token: the switch shows a client what then comes."""
    portal.switch(token_info=False)

    known = {"tokenKey": credentials().access_token}
    assert requests.post(portal.url + TOKEN, json=known, timeout=5).status_code == 404
