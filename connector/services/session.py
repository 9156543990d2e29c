"""One delivery under its lease: what it may use, what it knows so far, and the fate of each entry.

Everything that is learnt goes through `commit`, so the ledger and this value never differ after a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from connector.domain.audit import Act, Deed
from connector.domain.change import Abilities
from connector.domain.episode import Episode
from connector.domain.errors import LaterError
from connector.domain.hold import Hold
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.receipt import KnownRecord, each_once
from connector.ports.clock import Clock
from connector.ports.crm import CrmBulk, CrmMeter, CrmReader, CrmWriter
from connector.ports.ledger import Holds, Lease, Leases, Outbox, Receipts, Runs
from connector.ports.ledger_notes import Suppressions

T = TypeVar("T")
NOTHING_MORE = "the CRM accepts nothing more for now"
LEASE_LEFT = 0.9
"""Share of the lease that has to be left before a batch is sent."""


@dataclass(frozen=True)
class Means:
    """What delivery uses of the outside; `holder` names this process to others that want the lease."""

    writer: CrmWriter
    reader: CrmReader
    meter: CrmMeter
    outbox: Outbox
    receipts: Receipts
    leases: Leases
    clock: Clock
    holder: str
    bulk: CrmBulk | None = None
    actor: str = "connector"
    """Who does it, for the audit trail."""
    holds: Holds | None = None
    runs: Runs | None = None
    """By them an older plan is told from a newer one."""
    suppressions: Suppressions | None = None
    """Customers that may have been forgotten since the plan was made."""


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
    landing_seconds: float = 900
    """How long a write whose answer was lost may still be on its way."""
    job_seconds: float = 1800
    """How long to wait for one job of the vendor's; the next delivery asks again."""


@dataclass
class Session:
    """The running delivery."""

    means: Means
    limits: Limits
    lease: Lease
    run_id: str
    known: dict[str, KnownRecord]
    abilities: Abilities
    calls_before: int
    entries: dict[str, OutboxEntry] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    """Keys that people took back: nothing is written to them, whatever an earlier plan says."""
    stopped: str = ""
    """Why the CRM gets nothing more for now; empty while it does."""

    def commit(
        self,
        entries: Sequence[OutboxEntry] = (),
        known: Sequence[KnownRecord] = (),
        episodes: Sequence[Episode] = (),
        holds: Sequence[Hold] = (),
        deeds: Sequence[Deed] = (),
    ) -> None:
        """Store what was learnt in one transaction."""
        if not any((entries, known, episodes, holds, deeds)):
            return
        at = self.at()
        entries = [replace(entry, changed_at=at) if self._has_changed_state(entry) else entry for entry in entries]
        self.means.outbox.commit(self.lease, entries, known, episodes, holds, deeds)
        self.entries |= {entry.id: entry for entry in entries}
        for record in known:
            self.known[record.key] = _merged(self.known.get(record.key), record)

    def _has_changed_state(self, entry: OutboxEntry) -> bool:
        before = self.entries.get(entry.id)
        if before is None:
            return entry.changed_at is None
        # What is unknown counts from when it was sent: so long ago it may still be on its way.
        is_in_doubt = before.state is DeliveryState.SENDING and entry.state is DeliveryState.UNKNOWN
        return before.state is not entry.state and not is_in_doubt

    def deed(self, entry: OutboxEntry, crm_id: str | None, at: datetime) -> Deed:
        """Note for the audit trail what a delivered entry wrote."""
        change = entry.change
        return Deed(
            at=at,
            by=self.means.actor,
            act=Act.WRITE,
            run_id=entry.run_id,
            subject=entry.subject,
            account_id=change.account_id,
            crm_id=crm_id,
            values={
                "action": change.action,
                "type": change.type.value,
                "fields": {field.name: [field.before, field.after] for field in change.fields},
                "links": [f"{link.name} → {link.to}" for link in change.links],
            },
        )

    @property
    def calls(self) -> int:
        """API calls that this delivery has made."""
        return self.means.meter.calls() - self.calls_before

    @property
    def calls_left(self) -> int | None:
        """API calls that it may still make; None: as many as it takes."""
        return None if self.limits.calls is None else max(0, self.limits.calls - self.calls)

    @property
    def is_stopped(self) -> bool:
        return bool(self.stopped)

    def stop(self, because: str) -> None:
        """Send nothing more in this delivery."""
        self.stopped = self.stopped or because or NOTHING_MORE

    def keep_lease(self) -> None:
        """Extend the lease once a tenth of it is over, or raise if another process took over.

        Every commit asks whether it is still ours; extending it before each batch would only cost the disk a turn.
        """
        now = self.means.clock.now()
        if self.lease.expires - now < LEASE_LEFT * self.limits.lease_seconds:
            self.lease = self.means.leases.renew(self.lease, now, self.limits.lease_seconds)

    def ask(self, question: Callable[[], T]) -> T | None:
        """Ask the CRM's reader; None, and an end to this delivery, when it does not answer."""
        try:
            return question()
        except LaterError as error:
            self.stop(error.problem.message)
            return None

    def at(self) -> datetime:
        """Elapsed time as a date, to age what was read."""
        return datetime.fromtimestamp(self.means.clock.now(), UTC)


def _merged(standing: KnownRecord | None, new: KnownRecord) -> KnownRecord:
    if standing is None:
        return new
    receipts = {**standing.receipts, **new.receipts}
    return replace(new, receipts=receipts, associations=each_once(standing.associations, new.associations))
