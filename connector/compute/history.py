"""What was known at a moment, and which features have no past to be asked for.

Two filters, no window: a row is in force for as long as no pull told otherwise (see `tables`). From the first whole
read on, that gives back exactly what was measured then. Before it only the past that the source itself keeps is
there, and some facts have none: a source tells that a contract is paused, not since when.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.domain.crm_facts import CRM

TOLD_AS_NOW = {
    "name": "billing tells an account as it is now",
    "country": "billing tells an account as it is now",
    "segment": "billing tells an account as it is now",
    "industry": "billing tells an account as it is now",
    "is_test": "billing tells an account as it is now",
    "cancel_on": "billing tells that an end is scheduled, not since when",
    "paused": "billing tells that a contract is paused, not since when",
    "past_due": "billing tells that a contract is past due now, and no earlier time it was",
    "unpaid": "billing tells that a contract is unpaid now, and no earlier time it was",
    "disputes": "billing tells that an invoice is disputed, not since when",
    "peer_rate": "it is counted by segment and industry, as they are now",
    "peer_count": "it is counted by segment and industry, as they are now",
    "peer_lift": "it is counted by segment and industry, as they are now",
}
"""Features that a first read tells of the present only, and why."""
OF_THE_CRM = "the CRM tells what stands there now"


def known(table: Any, as_of: datetime) -> Any:
    """Rows that were known at a moment, and that nothing had taken the place of."""
    import ibis

    at = ibis.literal(as_of)
    return table.filter(table.known_at <= at, table.known_to.isnull() | (table.known_to > at))


def current(table: Any) -> Any:
    """Rows that nothing has taken the place of."""
    return table.filter(table.known_to.isnull())


def without_history(first_read: Mapping[str, datetime], as_of: datetime, now: datetime) -> dict[str, str]:
    """Name the features that cannot be had as they were at a moment, each with the reason: a backtest does without.

    `first_read`: when each billing source was first read. `crm.` stands for every fact of the CRM.
    """
    named = dict(TOLD_AS_NOW) if any(as_of < read for read in first_read.values()) else {}
    return named | ({CRM: OF_THE_CRM} if as_of < now else {})
