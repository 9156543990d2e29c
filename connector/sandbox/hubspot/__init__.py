"""A stand-in for HubSpot's CRM API: strict about what the real one refuses, frank about what nobody knows.

Objects, batches, search, properties, pipelines, owners and associations, on v3/v4 and date-versioned paths.
Open questions about the real API, an administrator's rules and bad days are switches (`switches.SWITCHES`);
`/__state/{type}` reads and seeds; webhooks and timeline events are not served.
"""

from connector.sandbox.hubspot.access import Credentials, credentials
from connector.sandbox.hubspot.app import create_app

__all__ = ["Credentials", "create_app", "credentials"]
