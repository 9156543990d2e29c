"""The worlds of the CRM contract, for facts that hold for one vendor only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))

if TYPE_CHECKING:
    from crm_worlds import HubspotWorld, SalesforceWorld


@pytest.fixture
def new_salesforce() -> Iterator[Callable[..., SalesforceWorld]]:
    """Serve an org with these switches."""
    from crm_worlds import salesforce_world

    with ExitStack() as served:
        yield lambda **switches: served.enter_context(salesforce_world(**switches))


@pytest.fixture
def new_hubspot() -> Iterator[Callable[..., HubspotWorld]]:
    """Serve a portal with these switches."""
    from crm_worlds import hubspot_world

    with ExitStack() as served:
        yield lambda **switches: served.enter_context(hubspot_world(**switches))


@pytest.fixture
def salesforce(new_salesforce: Callable[..., Any]) -> SalesforceWorld:
    """An org with our fields."""
    world: SalesforceWorld = new_salesforce()
    world.install()
    return world


@pytest.fixture
def hubspot(new_hubspot: Callable[..., Any]) -> HubspotWorld:
    """A portal with our properties."""
    world: HubspotWorld = new_hubspot()
    world.install()
    return world
