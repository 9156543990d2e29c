"""What we know of the records we wrote: their ids, and per field what we sent and what the CRM then showed.

`theirs == shown` means that nobody touched the field since; that comparison is all the three-way merge rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from connector.domain.change import Link, RecordType, Ref, Scalar


@dataclass(frozen=True, slots=True)
class Receipt:
    """One field of one record: what we sent, what the CRM showed right after, and whether it is ours no more."""

    sent: Scalar
    shown: Scalar
    handed_over: bool = False
    run_id: str = ""
    rule: str = ""
    """What made the value that was sent (see `DesiredField.rule`)."""

    @property
    def is_found(self) -> bool:
        """It stood in the CRM when the ledger was rebuilt, other than we want it: nothing tells who wrote it."""
        return self.handed_over and self.sent is None and not self.run_id


@dataclass(frozen=True, slots=True, order=True)
class Associated:
    """An association that the CRM accepted."""

    role: str
    name: str
    to: str
    """The target as the plan named it (`type:id` or `type:key`)."""


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A CRM record that the connector wrote or adopted, by its key."""

    key: str
    type: RecordType
    crm_id: str
    account_id: str = ""
    tombstone: str | None = None
    """Why it is gone (deleted, merged); a record with one is never written again."""
    gone_at: datetime | None = None
    """Business time at which that was noticed."""
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    associations: tuple[Associated, ...] = ()
    """Each once, in order. There may be a hundred thousand records with one, for which a set is large."""


def each_once(*some: Iterable[Associated]) -> tuple[Associated, ...]:
    """Put associations together as a record holds them."""
    return tuple(sorted(set(chain.from_iterable(some))))


def associated(link: Link) -> Associated:
    """Note an association as its receipt remembers it."""
    return Associated(role=link.role, name=link.name, to=str(link.to))


def crm_ref(ref: Ref, known: Mapping[str, KnownRecord]) -> Ref | None:
    """Name a record by its CRM id, or None while it has none (or is gone)."""
    if ref.id is not None:
        return ref
    record = known.get(ref.key or "")
    if record is None or record.tombstone is not None:
        return None
    return replace(ref, id=record.crm_id)


def resolved(links: Iterable[Link], known: Mapping[str, KnownRecord]) -> tuple[Ref, ...]:
    """Name the ends of links by their CRM ids, leaving out those that have none."""
    return tuple(ref for ref in (crm_ref(link.to, known) for link in links) if ref is not None)
