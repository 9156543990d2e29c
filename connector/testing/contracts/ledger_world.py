"""What the ledger contract needs from outside, and small values to keep in a ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from connector.domain.audit import Act, Deed
from connector.domain.change import Change, FieldChange, Plan, Policy, RecordType
from connector.domain.outbox import OutboxEntry, entry_of
from connector.ports.ledger import Lease
from connector.services.memory import Memory

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
HERE = "hubspot:1"
THERE = "salesforce:00D1"


class Opens(Protocol):
    """Opens the ledger under test: the same one each time, over connections of its own."""

    def __call__(self) -> Memory: ...


def change(key: str = "k", account: str = "account", before: str | None = None, after: str = "Call") -> Change:
    """Make a change that creates a task."""
    field = FieldChange("subject", before, after, Policy.CREATE, rule="r1")
    return Change(
        f"task:{key}", "create", RecordType.TASK, key, account, "title", "reason", None, (field,), read_at=NOW
    )


def entry(key: str = "k", run: str = "run-1", account: str = "account", order: int = 0) -> OutboxEntry:
    """Make an entry that creates a task."""
    return entry_of(change(key, account), HERE, run, "sync", order)


def plan(run: str, at: datetime = NOW, account: str = "account") -> Plan:
    """Make a plan of one change."""
    return Plan(run, "sync", HERE, at, "config", "schema", "epoch", (change("k", account),))


def deed(subject: str = "k", account: str = "account", run: str = "run-1", at: datetime = NOW) -> Deed:
    """Make the deed of a write."""
    values = {"subject": {"before": None, "after": f"Call {subject}"}}
    return Deed(at, "connector", Act.WRITE, run, subject, account, "00T1", values)


def leased(memory: Memory, holder: str = "me") -> Lease:
    """Take the lease for a minute, from second nought."""
    lease = memory.leases.take(HERE, holder, 0.0, 60.0)
    assert lease is not None
    return lease
