"""The ledger's parts, together: what a run remembers between one day and the next."""

from __future__ import annotations

from dataclasses import dataclass

from connector.ports.ledger import (
    Audit,
    Decisions,
    Destinations,
    Episodes,
    Holds,
    Leases,
    Links,
    Mirror,
    Outbox,
    Plans,
    Receipts,
    Runs,
)
from connector.ports.ledger_notes import Arms, Forgetting, Notes, Suppressions


@dataclass(frozen=True)
class Memory:
    """Every part of the ledger, each behind its own small port."""

    destinations: Destinations
    runs: Runs
    mirror: Mirror
    links: Links
    episodes: Episodes
    receipts: Receipts
    plans: Plans
    leases: Leases
    outbox: Outbox
    decisions: Decisions
    holds: Holds
    arms: Arms
    audit: Audit
    suppressions: Suppressions
    notes: Notes
    forgetting: Forgetting
