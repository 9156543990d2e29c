"""Reads billing's customers and the CRM's accounts and matches them, so that links can be settled before any run.

Decided here: both are read into the places where a run reads them, with the same cursors, and what a person decided
stands; so the first run goes on from here. Nothing of ours has to be installed, no run is noted, and the destination is
not agreed to: nothing is written to the CRM.
"""

from __future__ import annotations

from datetime import datetime

from connector.domain.errors import MendError
from connector.services.customers import billing_accounts
from connector.services.match import match
from connector.services.pull import pull_and_stage
from connector.services.spare import ACCOUNTS, feed_without_forgotten, spared_by, without_forgotten
from connector.services.track import follow_accounts
from connector.services.work import Tell, Work
from connector.services.world import crm_accounts, survivors


def read_customers(work: Work, destination: str, now: datetime, tell: Tell) -> None:
    """Bring the links of a destination up to date with both sides, read whole from the CRM: its mapping may be new."""
    memory, crm = work.memory, work.crm
    live = crm.reader.destination().id
    if live != destination:
        raise MendError(
            f"the credentials lead to {live}, not to {destination}",
            at="--destination",
            hint=f"give --destination {live}, or the credentials of {destination}",
        )
    spared = spared_by(memory.suppressions)
    tell("billing")
    with work.warehouse() as warehouse:
        naming = [source for source in work.sources() if set(ACCOUNTS) & set(source.streams())]
        pull_and_stage(without_forgotten(naming, spared), warehouse, now, tell)
        customers = billing_accounts(warehouse)
    tell("CRM accounts")
    feed = feed_without_forgotten(crm.feed, destination, spared)
    records = follow_accounts(feed, crm.reader, memory.mirror, work.mapping, destination)
    tell("match")
    accounts = list(crm_accounts(records, work.mapping).values())
    standing = memory.links.all(destination)
    memory.links.settle(destination, match(customers, accounts, standing, survivors(records), now))
