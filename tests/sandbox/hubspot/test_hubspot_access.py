"""Who gets in: bearer tokens, scopes, OAuth."""

from __future__ import annotations

import pytest
import requests
from hubspot import HubSpot
from hubspot_portal import Sandbox

from connector.sandbox.hubspot import credentials


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_a_request_without_a_known_token_is_refused(portal: Sandbox, header: dict[str, str]) -> None:
    """A missing or unknown bearer token answers 401 with INVALID_AUTHENTICATION."""
    answer = requests.get(f"{portal.url}/crm/v3/owners", headers=header)

    assert answer.status_code == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert answer.json()["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]


def test_a_narrow_token_is_told_which_scopes_would_do(portal: Sandbox) -> None:
    """A missing scope answers 403 and lists the alternatives, any one of which suffices."""
    portal.switch(tokens={"narrow": ["crm.schemas.deals.read"]})
    header = {"Authorization": "Bearer narrow"}

    refused = requests.get(f"{portal.url}/crm/v3/objects/deals", headers=header)
    allowed = requests.get(f"{portal.url}/crm/v3/properties/deals", headers=header)

    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert refused.json()["category"] == "MISSING_SCOPES"
    needed = refused.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert needed == ["crm.objects.deals.read"]


def test_writing_tasks_needs_the_contacts_scope(portal: Sandbox) -> None:
    """Tasks have no scope of their own: contacts.write is the one."""
    portal.switch(tokens={"narrow": ["crm.objects.contacts.write"]})

    answer = requests.post(
        f"{portal.url}/crm/objects/2026-09/tasks",
        headers={"Authorization": "Bearer narrow"},
        json={"properties": {"hs_timestamp": "2026-06-02T08:00:00Z"}},
    )

    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"])
def test_a_refresh_token_buys_an_access_token_that_expires(portal: Sandbox, path: str) -> None:
    """An OAuth token works for `expires_in` seconds, then answers 401."""
    known = credentials()
    form = {"grant_type": "refresh_token", "client_id": known.client_id, "client_secret": known.client_secret}

    bought = requests.post(portal.url + path, data=form | {"refresh_token": known.refresh_token}).json()
    header = {"Authorization": f"Bearer {bought['access_token']}"}
    before = requests.get(f"{portal.url}/crm/v3/owners", headers=header)
    portal.post("/__clock", {"advance": bought["expires_in"]})
    after = requests.get(f"{portal.url}/crm/v3/owners", headers=header)

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["category"] == "EXPIRED_AUTHENTICATION"


def test_a_wrong_refresh_token_is_an_invalid_grant(portal: Sandbox) -> None:
    """A bad refresh token answers 400 in OAuth's error form, with HubSpot's status."""
    known = credentials()
    form = {"grant_type": "refresh_token", "client_id": known.client_id, "client_secret": known.client_secret}

    answer = requests.post(f"{portal.url}/oauth/v3/token", data=form | {"refresh_token": "wrong"})

    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["status"]) == ("invalid_grant", "BAD_REFRESH_TOKEN")


def test_the_official_client_refreshes_tokens(portal: Sandbox) -> None:
    """The vendor's client gets a token from the stand-in, and it can be introspected."""
    known = credentials()

    token = HubSpot(host=portal.url).oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=known.client_id,
        client_secret=known.client_secret,
        refresh_token=known.refresh_token,
    )
    seen = requests.post(f"{portal.url}/oauth/v3/token/introspect", data={"token": token.access_token}).json()

    assert token.expires_in == 1800
    assert (seen["active"], seen["hub_id"]) == (True, known.portal_id)


@pytest.mark.parametrize("path", ["/account-info/v3/details", "/account-info/2026-09/details"])
def test_account_details_name_the_portal(portal: Sandbox, path: str) -> None:
    """The account answer carries portal id, time zone and currency; a switch overrides them."""
    portal.switch(account={"timeZone": "America/New_York"})

    account = portal.get(path).json()

    assert (account["portalId"], account["companyCurrency"]) == (credentials().portal_id, "EUR")
    assert (account["timeZone"], account["utcOffset"]) == ("America/New_York", "-04:00")


def test_a_date_nobody_released_is_not_served(portal: Sandbox) -> None:
    """Only known API versions exist."""
    assert portal.get("/crm/objects/2019-01/deals").status_code == 404
