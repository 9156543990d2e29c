"""The Salesforce adapter: `connect` gives the roles of the CRM port over one session."""

from __future__ import annotations

from connector.adapters.crms.http import Timeouts
from connector.adapters.crms.pacing import Meter
from connector.adapters.crms.salesforce.bulk import SalesforceBulk
from connector.adapters.crms.salesforce.client import SalesforceClient, SalesforceCredentials
from connector.adapters.crms.salesforce.feed import SalesforceFeed
from connector.adapters.crms.salesforce.inspect import SalesforceInspector
from connector.adapters.crms.salesforce.package import package
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.removal import SalesforceRemoval
from connector.adapters.crms.salesforce.setup import SalesforceSetup
from connector.adapters.crms.salesforce.write import SalesforceWriter
from connector.domain.mapping import CrmMapping
from connector.ports.clock import Clock
from connector.ports.crm import Crm

__all__ = ["SalesforceCredentials", "connect", "package"]


def connect(
    credentials: SalesforceCredentials,
    mapping: CrmMapping,
    clock: Clock,
    base_url: str | None = None,
    ca_bundle: str | None = None,
    timeouts: Timeouts | None = None,
) -> Crm:
    """Build the adapter; nothing is called until a role is used."""
    meter = Meter(clock, mapping.api_budget.floor)
    client = SalesforceClient(credentials, clock, meter, base_url, ca_bundle, timeouts)
    reader = SalesforceReader(client, mapping)
    return Crm(
        reader=reader,
        feed=SalesforceFeed(client, reader, mapping),
        writer=SalesforceWriter(client, reader, mapping),
        setup=SalesforceSetup(client, reader, mapping, clock),
        meter=meter,
        inspector=SalesforceInspector(client, mapping),
        bulk=SalesforceBulk(client, reader, mapping),
        removal=SalesforceRemoval(client, reader, mapping, clock),
    )
