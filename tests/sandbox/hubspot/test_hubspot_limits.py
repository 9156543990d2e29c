"""Request limits, and the answers a client must wait on."""

from __future__ import annotations

import pytest
from hubspot_portal import COMPANY, Sandbox

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
