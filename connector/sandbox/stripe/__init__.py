"""A stand-in for Stripe's read API: a real HTTP server that is as strict as the vendor's documents.

`create_app()` is the app to serve, `credentials()` the key it takes, `objects` builds what to load into it. It speaks
one API version and checks itself, in the tests, against the schema Stripe publishes for that version.
"""

from __future__ import annotations

from connector.sandbox.stripe.app import create_app
from connector.sandbox.stripe.guard import API_VERSION, credentials

__all__ = ["API_VERSION", "create_app", "credentials"]
