"""What the ledger remembers between runs, by what a step needs of it. Every method is one transaction.

Every row carries its destination, so that one ledger may serve a sandbox and production without mixing them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from connector.domain.audit import AuditRecord, Deed
from connector.domain.change import Change, CrmRecord, Destination, Plan, RecordType, StageEntry
from connector.domain.episode import Episode
from connector.domain.hold import Hold
from connector.domain.intent import Held
from connector.domain.link import LinkDecision
from connector.domain.outbox import OPEN, DeliveryState, OutboxEntry
from connector.domain.receipt import KnownRecord
from connector.domain.run import Decision, Run, RunStatus


class Destinations(Protocol):
    """The CRM orgs and portals that were agreed to."""

    def all(self) -> list[Destination]:
        """List the known destinations."""
        ...

    def seen(self) -> list[str]:
        """Name every destination that anything is kept of, agreed to or not: a shadow run agrees to none."""
        ...

    def remember(self, destination: Destination) -> None:
        """Agree to write to a destination from now on; idempotent."""
        ...

    def epoch(self) -> str:
        """Identify this ledger's life: random, made at creation, new after a restore or rebuild."""
        ...

    def renew_epoch(self) -> str:
        """Begin a new life, after a restore or rebuild: every plan made before is refused."""
        ...


class Runs(Protocol):
    """The runs and how they ended."""

    def open(self, run: Run) -> None:
        """Note that a run began."""
        ...

    def close(self, run_id: str, status: RunStatus, ended_at: datetime, summary: Mapping[str, Any]) -> None:
        """Note how a run ended, with its summary."""
        ...

    def get(self, run_id: str) -> Run | None:
        """Find one run."""
        ...

    def last(self, destination: str, job: str) -> Run | None:
        """Find the newest run of a job."""
        ...

    def list(self, limit: int = 20) -> list[Run]:
        """List the newest runs, newest first."""
        ...


class Mirror(Protocol):
    """CRM records as last seen, and how far the CRM's changes were followed."""

    def save(
        self, destination: str, type: RecordType, records: Sequence[CrmRecord], cursor: datetime | None = None
    ) -> None:
        """Store records and cursor in one transaction; a deletion keeps the last fields seen."""
        ...

    def cursor(self, destination: str, type: RecordType) -> datetime | None:
        """The server time up to which a type's changes are stored."""
        ...

    def records(self, destination: str, type: RecordType) -> list[CrmRecord]:
        """List records of a type, archived ones marked, by id."""
        ...

    def save_stages(self, destination: str, entries: Sequence[StageEntry]) -> None:
        """Add entries into stages; idempotent."""
        ...

    def stages(self, destination: str) -> dict[str, tuple[StageEntry, ...]]:
        """Map opportunity CRM id → its entries into stages, oldest first."""
        ...


class Links(Protocol):
    """Which CRM account each billing account belongs to."""

    def all(self, destination: str) -> list[LinkDecision]:
        """List the decisions, by billing account."""
        ...

    def settle(self, destination: str, decisions: Sequence[LinkDecision], deeds: Sequence[Deed] = ()) -> None:
        """Store decisions; one that a person made is replaced only by a person's. Deeds enter the audit chain."""
        ...

    def forget(self, destination: str, billing_ids: Sequence[str], deeds: Sequence[Deed] = ()) -> None:
        """Drop decisions, a person's too: the next run decides anew. Deeds enter the audit chain."""
        ...


class Episodes(Protocol):
    """Attempts at needs, open and ended."""

    def all(self, destination: str) -> list[Episode]:
        """List every episode, by account, need and ordinal."""
        ...

    def save(self, destination: str, episodes: Sequence[Episode]) -> None:
        """Store episodes by key, replacing what stood."""
        ...


class Receipts(Protocol):
    """Records we wrote, with what was sent and shown. Delivery writes them with the outbox, in one transaction."""

    def records(self, destination: str) -> dict[str, KnownRecord]:
        """Map key → record, tombstones included."""
        ...


class PlanStatus(StrEnum):
    """Where a stored plan stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    APPLIED = "applied"
    SUPERSEDED = "superseded"
    SHADOW = "shadow"  # what would have been done; nobody approves or applies it


@dataclass(frozen=True)
class StoredPlan:
    """A plan as the ledger keeps it."""

    plan: Plan
    status: PlanStatus
    approved_by: str | None = None


class Plans(Protocol):
    """Plans that wait, were approved or applied, by the run that made them."""

    def save(self, plan: Plan, status: PlanStatus = PlanStatus.WAITING) -> None:
        """Store a plan; it supersedes the waiting and approved ones of its job and destination that are not newer."""
        ...

    def get(self, run_id: str) -> StoredPlan | None:
        """Find the plan of a run."""
        ...

    def approve(self, run_id: str, by: str) -> None:
        """Note who approved a waiting plan; raise MendError if it does not wait."""
        ...

    def applied(self, run_id: str) -> None:
        """Note that a plan was turned into outbox entries."""
        ...

    def list(self, destination: str, statuses: Collection[PlanStatus]) -> list[StoredPlan]:
        """List plans by status, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver to a destination: `token` grows with every holder and fences off the ones before."""

    destination: str
    holder: str
    token: int
    expires: float


class Leases(Protocol):
    """Sees to it that one process at a time delivers to a destination. Times are a Clock's seconds."""

    def take(self, destination: str, holder: str, now: float, seconds: float) -> Lease | None:
        """Take the lease, or None while another holds it; one whose holder is provably dead is free."""
        ...

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        """Extend the lease; raise LaterError if another process took it over."""
        ...

    def release(self, lease: Lease) -> None:
        """Let go of the lease, if it is still held."""
        ...


@dataclass(frozen=True)
class Selection:
    """Which outbox entries; every part that is given has to be met."""

    ids: Collection[str] = ()
    """Entry ids or subjects (a record's key)."""
    states: Collection[DeliveryState] = ()
    run_id: str | None = None
    account_id: str | None = None
    code: str | None = None
    """The CRM's error code of a parked entry."""
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


class Outbox(Protocol):
    """Planned changes on their way. Only the holder of the lease writes."""

    def prepare(self, change: Change) -> None:
        """Hear of a change that a plan may come to hold, while there is time to get it ready; stores nothing."""
        ...

    def entries(self, destination: str, states: Collection[DeliveryState] = OPEN) -> list[OutboxEntry]:
        """List entries in the given states, oldest run first, in the plan's order."""
        ...

    def of_run(self, run_id: str) -> list[OutboxEntry]:
        """List every entry of a run, in the plan's order."""
        ...

    def commit(
        self,
        lease: Lease,
        entries: Sequence[OutboxEntry] = (),
        known: Sequence[KnownRecord] = (),
        episodes: Sequence[Episode] = (),
        holds: Sequence[Hold] = (),
        deeds: Sequence[Deed] = (),
    ) -> None:
        """Store all of it in one transaction, or raise LaterError if the lease was lost.

        Entries are added or replaced by id. Episodes are stored unless theirs has ended meanwhile. Known records are
        merged by key: the given receipts and associations are added to those that stand, and a tombstone ends the
        open episode of its key as deleted. Deeds become the next links of the destination's audit chain.
        """
        ...

    def select(self, destination: str, wanted: Selection) -> list[OutboxEntry]:
        """List the entries that meet every part of a selection, newest change first."""
        ...


class Holds(Protocol):
    """Records that a person took back; nothing is written to them until they are released."""

    def all(self, destination: str) -> dict[str, Hold]:
        """Map key → hold."""
        ...

    def release(self, destination: str, run_id: str) -> list[Hold]:
        """Lift the holds that the undoing of a run laid, and give them."""
        ...


class Audit(Protocol):
    """Who did what. Writes enter it with the outbox, in one transaction."""

    def note(self, destination: str, deeds: Sequence[Deed]) -> None:
        """Append deeds to the destination's chain."""
        ...

    def records(
        self, destination: str, since: datetime | None = None, until: datetime | None = None, run_id: str | None = None
    ) -> Iterator[AuditRecord]:
        """Yield the chain in its order, or a part of it, a page at a time."""
        ...

    def head(self, destination: str) -> tuple[int, str]:
        """Number and hash of the chain's last record, as they are kept apart from it; (0, BEGINNING) before any."""
        ...

    def untold(self, destination: str, since: datetime) -> list[tuple[str, str]]:
        """List what was delivered since a moment and is in no record, as (run, subject)."""
        ...

    def erase(self, destination: str, account_id: str) -> int:
        """Erase the values (and salts) of every record about an account; the chain stays whole. Count them."""
        ...


class Decisions(Protocol):
    """Why accounts got no proposal: changes are kept, so that `explain` can say since when."""

    def save(self, destination: str, run: Run, held: Sequence[Held]) -> None:
        """Replace what stands; an unchanged reason keeps the run it is known since."""
        ...

    def current(self, destination: str) -> list[Decision]:
        """List what stands, by account and subject."""
        ...
