"""One stand-in for all tests of this folder, as new before each, reached as real clients reach Salesforce."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from salesforce_served import StandIn
from simple_salesforce import Salesforce

from connector.sandbox.salesforce import create_app
from connector.sandbox.serving import serving


@pytest.fixture(scope="session")
def _served() -> Iterator[StandIn]:
    app = create_app()
    with serving(app) as base:
        served = StandIn(app, base, requests.Session())
        served.log_in()
        yield served


@pytest.fixture
def salesforce(_served: StandIn) -> StandIn:
    """A stand-in with nothing in it but what every org has."""
    _served.control.switches.clear()
    _served.control.faults.clear()
    _served.control.clock.fixed = None
    _served.control.requests.clear()
    _served.org.reset()
    return _served


@pytest.fixture
def sf(salesforce: StandIn) -> Salesforce:
    """The client the connector uses, with an open session."""
    token = str(salesforce.http.headers["Authorization"]).partition(" ")[2]
    return Salesforce(session_id=token, instance="sandbox.my.salesforce.com", session=salesforce.session())
