"""Request limits, and the answers a client must wait on."""

from __future__ import annotations

import pytest
import requests
from hubspot_portal import COMPANY, Sandbox

from connector.sandbox.hubspot import credentials

ONE = f"/crm/v3/objects/companies/{COMPANY}"


@pytest.fixture
def limited(portal: Sandbox) -> Sandbox:
    """A portal that counts calls; nothing counted yet."""
    portal.ticks.now += 1000
    portal.switch(limits=True)
    return portal


def test_search_takes_five_a_second(limited: Sandbox) -> None:
    """The sixth search in a second answers 429 without policy or Retry-After; a second later it passes."""
    answers = [limited.post("/crm/v3/objects/deals/search", {}) for _ in range(6)]
    limited.ticks.now += 1
    later = limited.post("/crm/v3/objects/deals/search", {})

    refused = answers[-1]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert (refused.json()["category"], "policyName" in refused.json()) == ("RATE_LIMITS", False)
    assert "Retry-After" not in refused.headers
    assert later.status_code == 200


def test_other_calls_share_a_ten_second_window(limited: Sandbox) -> None:
    """Past the window's limit calls answer 429 with the policy's name; search is exempt."""
    limited.switch(limit_ten_seconds=3)

    answers = [limited.get(ONE) for _ in range(4)]
    search = limited.post("/crm/v3/objects/deals/search", {})
    limited.ticks.now += 10
    later = limited.get(ONE)

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert (search.status_code, later.status_code) == (200, 200)


def test_answers_tell_what_is_left(limited: Sandbox) -> None:
    """Headers carry both windows; a search answer lacks the interval's."""
    got, searched = limited.get(ONE).headers, limited.post("/crm/v3/objects/deals/search", {}).headers

    assert (got["X-HubSpot-RateLimit-Max"], got["X-HubSpot-RateLimit-Remaining"]) == ("190", "189")
    assert got["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert int(got["X-HubSpot-RateLimit-Daily-Remaining"]) > int(searched["X-HubSpot-RateLimit-Daily-Remaining"])
    assert "X-HubSpot-RateLimit-Max" not in searched


def test_a_spent_day_stops_every_call_until_the_portals_midnight(limited: Sandbox) -> None:
    """The daily limit answers 429 with policy DAILY; the count starts anew at midnight in the portal's time zone."""
    limited.switch(limit_daily=1, account={"timeZone": "Pacific/Auckland"})
    limited.post("/__clock", {"now": "2026-07-01T11:59:00+00:00"})

    first, refused = limited.get(ONE), limited.get(ONE)
    limited.post("/__clock", {"advance": 60})
    tomorrow = limited.get(ONE)

    assert (first.status_code, refused.status_code, tomorrow.status_code) == (200, 429, 200)
    assert refused.json()["policyName"] == "DAILY"


def test_each_app_has_a_window_of_its_own(limited: Sandbox) -> None:
    """One app's burst leaves another's window alone; the day is shared."""
    limited.switch(limit_ten_seconds=1, tokens={"other": None})

    mine = [limited.get(ONE) for _ in range(2)]
    theirs = requests.get(limited.url + ONE, headers={"Authorization": "Bearer other"})

    assert [one.status_code for one in (*mine, theirs)] == [200, 429, 200]
    left = [int(one.headers["X-HubSpot-RateLimit-Daily-Remaining"]) for one in (mine[0], theirs)]
    assert left[0] - left[1] == 1


def test_an_app_installed_through_oauth_has_110_and_no_part_in_the_day(limited: Sandbox) -> None:
    """Its window is smaller, and its answers say nothing of the day, which it may outlast."""
    known = credentials()
    form = {"grant_type": "refresh_token", "client_id": known.client_id, "client_secret": known.client_secret}
    token = requests.post(f"{limited.url}/oauth/v3/token", data=form | {"refresh_token": known.refresh_token}).json()
    limited.switch(limit_daily=0)

    answer = requests.get(limited.url + ONE, headers={"Authorization": f"Bearer {token['access_token']}"})

    assert answer.status_code == 200
    assert answer.headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers


def test_other_apps_spend_the_day_too(limited: Sandbox) -> None:
    """Calls made elsewhere today count, headers and usage tell them; tomorrow they are forgotten."""
    limited.switch(limit_daily=100, daily_elsewhere={"2026-06-01": 95})
    spent = 100 - int(limited.get(ONE).headers["X-HubSpot-RateLimit-Daily-Remaining"])

    usage = limited.get("/account-info/2026-03/api-usage/daily/private-apps").json()["results"][0]
    answers = [limited.get(ONE).status_code for _ in range(100 - spent)]
    limited.post("/__clock", {"advance": 24 * 3600})
    tomorrow = limited.get(ONE)

    assert spent >= 96
    assert (usage["usageLimit"], usage["currentUsage"], usage["resetsAt"]) == (100, spent + 1, "2026-06-01T22:00:00Z")
    assert answers == [200] * (99 - spent) + [429]
    assert tomorrow.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "99"


@pytest.mark.parametrize(
    ("status", "headers"), [(423, {}), (477, {"Retry-After": "3600"}), (503, {}), (429, {"X-Test": "1"})]
)
def test_other_refusals_come_as_faults(portal: Sandbox, status: int, headers: dict[str, str]) -> None:
    """Locks, migrations and outages are planned per request, then things work again."""
    fault = {"path": "/objects/companies", "status": status, "headers": headers, "body": {"status": "error"}}
    portal.post("/__faults", fault)

    first, second = portal.get(ONE), portal.get(ONE)

    assert (first.status_code, second.status_code) == (status, 200)
    assert {name: first.headers[name] for name in headers} == headers
