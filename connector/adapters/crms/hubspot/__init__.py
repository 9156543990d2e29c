"""The HubSpot adapter: `connect` gives the roles of the CRM port over one connection."""

from __future__ import annotations

from connector.adapters.crms.http import Timeouts
from connector.adapters.crms.hubspot.client import HubspotClient, HubspotCredentials
from connector.adapters.crms.hubspot.feed import HubspotFeed
from connector.adapters.crms.hubspot.inspect import HubspotInspector
from connector.adapters.crms.hubspot.read import HubspotReader
from connector.adapters.crms.hubspot.removal import HubspotRemoval
from connector.adapters.crms.hubspot.setup import HubspotSetup
from connector.adapters.crms.hubspot.survey import package
from connector.adapters.crms.hubspot.write import HubspotWriter
from connector.adapters.crms.pacing import Meter
from connector.domain.mapping import CrmMapping
from connector.ports.clock import Clock
from connector.ports.crm import Crm

__all__ = ["HubspotCredentials", "connect", "package"]


def connect(
    credentials: HubspotCredentials,
    mapping: CrmMapping,
    clock: Clock,
    base_url: str | None = None,
    ca_bundle: str | None = None,
    timeouts: Timeouts | None = None,
) -> Crm:
    """Build the adapter; nothing is called until a role is used."""
    meter = Meter(clock, mapping.api_budget.floor)
    client = HubspotClient(credentials, clock, meter, base_url, ca_bundle, timeouts)
    reader = HubspotReader(client, mapping)
    return Crm(
        reader=reader,
        feed=HubspotFeed(client, reader, mapping),
        writer=HubspotWriter(client, reader, mapping),
        setup=HubspotSetup(client, reader, mapping, clock),
        meter=meter,
        inspector=HubspotInspector(client, mapping),
        removal=HubspotRemoval(client, mapping),
    )
