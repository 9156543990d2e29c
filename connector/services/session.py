"""One delivery under its lease: what it may use, what it knows so far, and the fate of each entry.

Everything that is learnt goes through `commit`, so the ledger and this value never differ after a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from connector.domain.change import Abilities
from connector.domain.episode import Episode
from connector.domain.errors import LaterError
from connector.domain.outbox import OutboxEntry
from connector.domain.receipt import KnownRecord
from connector.ports.clock import Clock
from connector.ports.crm import CrmReader, CrmWriter
from connector.ports.ledger import Lease, Leases, Outbox, Receipts

T = TypeVar("T")


@dataclass(frozen=True)
class Means:
    """What delivery uses of the outside; `holder` names this process to others that want the lease."""

    writer: CrmWriter
    reader: CrmReader
    outbox: Outbox
    receipts: Receipts
    leases: Leases
    clock: Clock
    holder: str


@dataclass(frozen=True)
class Limits:
    """How far one delivery goes."""

    calls: int | None = None
    """API calls it may spend; None: as many as it takes."""
    attempts: int = 5
    """Times that one write is sent in one delivery."""
    lease_seconds: float = 300
    """Longer than any one call with its retries takes."""
    wait_seconds: float = 0
    """How long to wait for another process that delivers to the same destination."""
    trust_seconds: float = 60
    """Age from which what was read is read again before it is written over."""


@dataclass
class Session:
    """The running delivery."""

    means: Means
    limits: Limits
    lease: Lease
    run_id: str
    known: dict[str, KnownRecord]
    abilities: Abilities
    entries: dict[str, OutboxEntry] = field(default_factory=dict)
    calls: int = 0
    is_stopped: bool = False
    """The CRM accepts nothing more for now."""

    def commit(
        self,
        entries: Sequence[OutboxEntry] = (),
        known: Sequence[KnownRecord] = (),
        episodes: Sequence[Episode] = (),
    ) -> None:
        """Store what was learnt in one transaction."""
        if not entries and not known and not episodes:
            return
        self.means.outbox.commit(self.lease, entries, known, episodes)
        self.entries |= {entry.id: entry for entry in entries}
        for record in known:
            self.known[record.key] = _merged(self.known.get(record.key), record)

    def keep_lease(self) -> None:
        """Extend the lease, or raise if another process took over."""
        self.lease = self.means.leases.renew(self.lease, self.means.clock.now(), self.limits.lease_seconds)

    def ask(self, question: Callable[[], T]) -> T | None:
        """Ask the CRM's reader; None, and an end to this delivery, when it does not answer."""
        self.calls += 1
        try:
            return question()
        except LaterError:
            self.is_stopped = True
            return None

    def at(self) -> datetime:
        """Elapsed time as a date, to age what was read."""
        return datetime.fromtimestamp(self.means.clock.now(), UTC)


def _merged(standing: KnownRecord | None, new: KnownRecord) -> KnownRecord:
    if standing is None:
        return new
    receipts = {**standing.receipts, **new.receipts}
    return replace(new, receipts=receipts, associations=standing.associations | new.associations)
