"""A HubSpot portal with two owners and one company, at a fixed time: one server, a fresh portal for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from hubspot import HubSpot
from hubspot_portal import COMPANY, FORMER_OWNER, NOW, OWNER, USER_ID, Sandbox, Ticks

from connector.sandbox.control import Control, SandboxClock
from connector.sandbox.hubspot import create_app, credentials
from connector.sandbox.hubspot.portal import SWITCHES
from connector.sandbox.serving import serving


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    control, ticks = Control(SandboxClock(NOW)), Ticks()
    with serving(create_app(control, monotonic=ticks)) as url, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {credentials().access_token}"
        yield Sandbox(url, control, ticks, session)


@pytest.fixture
def portal(served: Sandbox) -> Sandbox:
    served.post("/__reset", None)
    served.control.clock.fixed = NOW
    served.control.switches.update(SWITCHES, limits=False)
    served.load(
        "owners",
        {"id": OWNER, "email": "ada@vendor.example", "firstName": "Ada", "userId": USER_ID},
        {"id": FORMER_OWNER, "email": "bob@vendor.example", "archived": True},
    )
    served.load("companies", {"id": COMPANY, "properties": {"name": "Acme", "domain": "acme.example"}})
    return served


@pytest.fixture
def client(portal: Sandbox) -> HubSpot:
    """The vendor's own client, pointed at the portal."""
    return HubSpot(access_token=credentials().access_token, host=portal.url)
