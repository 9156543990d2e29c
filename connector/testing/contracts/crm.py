"""The CRM contract: one test a fact, for every adapter behind `connector.ports.crm`.

Subclass `CrmContract` and provide a fixture `world` (see `crm_world.World`). Tests use keys of their own, so that one
world may serve a whole class. How a vendor does a thing is no fact of this suite: only what the port promises.
An adapter whose vendor takes many writes as one job passes `crm_bulk.BulkContract` too.
"""

from __future__ import annotations

from connector.testing.contracts.crm_documents import DocumentContract
from connector.testing.contracts.crm_mishaps import MishapContract, SetupContract
from connector.testing.contracts.crm_reading import FeedContract, ReadingContract
from connector.testing.contracts.crm_routes import RouteContract
from connector.testing.contracts.crm_writing import WritingContract


class CrmContract(
    WritingContract, DocumentContract, ReadingContract, FeedContract, RouteContract, MishapContract, SetupContract
):
    """Everything the CRM port promises."""
