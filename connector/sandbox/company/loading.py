"""Puts the company into running stand-ins, through the control surface each of them has."""

from __future__ import annotations

from typing import Any

import requests

from connector.sandbox.company.hubspot import hubspot_rows
from connector.sandbox.company.model import Company
from connector.sandbox.company.salesforce import salesforce_rows
from connector.sandbox.company.stripe import stripe_rows

CHUNK = 1_000
TIMEOUT_SECONDS = 60


def load_stand_ins(
    company: Company, *, stripe: str | None = None, salesforce: str | None = None, hubspot: str | None = None
) -> dict[str, int]:
    """Load the company into each stand-in whose base URL is given; return how many rows of each type went in."""
    loaded: dict[str, int] = {}
    with requests.Session() as session:
        if stripe:
            loaded |= _load(session, stripe, stripe_rows(company))
        if salesforce:
            loaded |= _load(session, salesforce, salesforce_rows(company))
        if hubspot:
            loaded |= _load(session, hubspot, hubspot_rows(company))
    return loaded


def _load(session: requests.Session, base_url: str, tables: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    for kind, rows in tables.items():
        for first in range(0, len(rows), CHUNK):
            answer = session.post(
                f"{base_url}/__state/{kind}", json=rows[first : first + CHUNK], timeout=TIMEOUT_SECONDS
            )
            answer.raise_for_status()
    return {kind: len(rows) for kind, rows in tables.items()}
