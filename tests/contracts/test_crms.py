"""Both CRM adapters pass one contract, under each answer that the vendors leave open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from crm_worlds import HubspotWorld, SalesforceWorld, hubspot_world, salesforce_world

from connector.testing.contracts.crm import CrmContract
from connector.testing.contracts.crm_bulk import BulkContract

CALM_SALESFORCE = {"row_faults": [], "job_seconds": None, "daily_api_requests": 100_000}
CALM_HUBSPOT = {"limit_daily": 625_000}


class SalesforceContract(CrmContract):
    """Salesforce; `switches` settles what the documentation leaves open."""

    switches: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Iterator[SalesforceWorld]:
        with salesforce_world(**cls.switches) as world:
            world.install()
            yield world

    @pytest.fixture
    def world(self, served: SalesforceWorld) -> Iterator[SalesforceWorld]:
        with served.calm(CALM_SALESFORCE, lambda: salesforce_world(**self.switches)):
            yield served


class TestSalesforce(BulkContract, SalesforceContract):
    """Tasks carry a key; many writes travel as a job."""


class TestSalesforceWithoutTaskKeys(SalesforceContract):
    """Activity refuses an external id."""

    switches: ClassVar[dict[str, Any]] = {"keyed_tasks": False}


class HubspotContract(CrmContract):
    """HubSpot; `switches` settles what the documentation leaves open."""

    switches: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Iterator[HubspotWorld]:
        with hubspot_world(**cls.switches) as world:
            world.install()
            yield world

    @pytest.fixture
    def world(self, served: HubspotWorld) -> Iterator[HubspotWorld]:
        with served.calm(CALM_HUBSPOT, lambda: hubspot_world(**self.switches)):
            yield served


class TestHubspot(HubspotContract):
    """Tasks carry a key; a batch with trace ids succeeds in part; associations answer 200."""


class TestHubspotAllOrNothing(HubspotContract):
    """One bad record refuses its whole batch; associations answer 201."""

    switches: ClassVar[dict[str, Any]] = {"multi_status": "never", "associations_created": 201}


class TestHubspotWithoutTaskKeys(HubspotContract):
    """Tasks refuse a unique property; error items are as bare as the guide shows them."""

    switches: ClassVar[dict[str, Any]] = {"keyed_tasks": False, "bare_errors": True, "multi_status": "always"}


class TestHubspotAtItsStrictest(HubspotContract):
    """Neither keys on tasks nor partial success."""

    switches: ClassVar[dict[str, Any]] = {"keyed_tasks": False, "multi_status": "never"}
