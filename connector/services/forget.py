"""`forget`: takes a customer out of everything the connector keeps, and proves that nothing is left.

First what the customer is known by is noted and the customer is suppressed, both in the ledger; then each store is
emptied of it; last the note goes. So a killed process leaves a note that the next call goes on with, and no run in
between brings the customer back. What stands in the CRM is the CRM's: it is named, and not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from connector.domain.customer import (
    ACCOUNT,
    FORGETTING,
    Customer,
    customer_from_dict,
    customer_to_dict,
    suppression_of,
)
from connector.domain.errors import MendError
from connector.domain.run import RunStatus
from connector.ports.billing import WarehouseEraser
from connector.ports.clock import Clock
from connector.services import snapshot
from connector.services.lease import leased
from connector.services.memory import Memory

LONG = 3600.0
"""Seconds for which the lease is held: writing a large warehouse anew takes its time."""
CHUNK = 1 << 24
RUNS_LOOKED_AT = 20
DAY = timedelta(days=1)
"""A run that began earlier and has not ended was killed."""


@dataclass(frozen=True)
class Stores:
    """Where a customer's data may lie. `state` is the folder of snapshots and crash files."""

    memory: Memory
    warehouse: WarehouseEraser | None
    state: Path
    clock: Clock
    holder: str


@dataclass(frozen=True)
class Forgotten:
    """What was erased, and what is left, by store."""

    customer: Customer
    erased: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    """Runs that have not ended: one that still lives may know the customer yet."""


def unfinished(memory: Memory, wanted: str) -> tuple[Customer, str] | None:
    """Find the forgetting that was cut off, by any id or name of its customer, with the name it is called by."""
    for note in memory.notes.named(FORGETTING).values():
        customer = customer_from_dict(note["customer"])
        called = {word.casefold() for word in customer.ids | customer.names} | {note["name"].casefold()}
        if wanted.casefold() in called:
            return customer, str(note["name"])
    return None


def forgotten_before(memory: Memory, wanted: str) -> tuple[str, datetime] | None:
    """Say who had the customer with this id forgotten, and when."""
    hashes = memory.suppressions.all()
    kinds = [ACCOUNT, *memory.destinations.seen()]
    for one in hashes:
        if one.customer and any(suppression_of([one]).holds(kind, wanted) for kind in kinds):
            return one.by, one.at
    return None


def forget(
    stores: Stores, customer: Customer, name: str, by: str, at: datetime, tell: Callable[[str], None]
) -> Forgotten:
    """Erase a customer everywhere; safe to kill at any instant and to call again."""
    memory = stores.memory
    with ExitStack() as stack:
        for destination in memory.destinations.seen():
            lease = stack.enter_context(leased(memory.leases, stores.clock, destination, stores.holder))
            memory.leases.renew(lease, stores.clock.now(), LONG)
        tell("suppress")
        note = FORGETTING + customer.id
        memory.notes.put(note, {"customer": customer_to_dict(customer), "name": name, "by": by})
        memory.suppressions.add(customer.hashes(memory.suppressions.secret(), by, at))
        erased = dict(_erase(stores, customer, by, at, tell))
        tell("look for what is left")
        left = dict(_left(stores, customer))
        memory.notes.drop(note)
        tell("give the space back")
        memory.forgetting.compact()
        left |= {f"file {file.name}": count for file, count in _in_files(stores.state, customer) if count}
    lately = [run for run in memory.runs.list(RUNS_LOOKED_AT) if run.started_at > at - DAY]
    running = tuple(run.id for run in lately if run.status is RunStatus.RUNNING)
    return Forgotten(customer, erased, left, running)


def _erase(
    stores: Stores, customer: Customer, by: str, at: datetime, tell: Callable[[str], None]
) -> Iterator[tuple[str, int]]:
    if stores.warehouse is not None:
        tell("warehouse")
        for table, count in stores.warehouse.erase(customer).items():
            yield f"warehouse {table}", count
        stores.warehouse.compact()
    tell("run snapshots")
    yield "snapshot rows", snapshot.forget(stores.state / "runs", customer)
    yield "crash files", _drop_crash_files(stores.state, customer)
    tell("ledger")
    for table, count in stores.memory.forgetting.erase(customer, by, at).items():
        yield f"ledger {table}", count


def _left(stores: Stores, customer: Customer) -> Iterator[tuple[str, int]]:
    if stores.warehouse is not None:
        for table, count in stores.warehouse.left(customer).items():
            yield f"warehouse {table}", count
    for table, count in stores.memory.forgetting.left(customer).items():
        yield f"ledger {table}", count
    if count := snapshot.left(stores.state / "runs", customer):
        yield "snapshot rows", count


def _drop_crash_files(state: Path, customer: Customer) -> int:
    """Delete what bugs left behind and that names the customer: tracebacks hold no secret, but may hold a name."""
    named = [file for file in state.glob("crash-*.txt") if customer.named_in(file.read_text("utf-8", "replace"))]
    for file in named:
        file.unlink(missing_ok=True)
    return len(named)


def _in_files(state: Path, customer: Customer) -> Iterator[tuple[Path, int]]:
    """Look at every byte of the state folder for what names the customer, free pages and logs of databases too.

    Not for ids of digits alone: databases write values side by side, where two others look like one. Rows tell those.
    """
    plain = customer.billing | customer.names | {id for ids in customer.crm.values() for id in ids}
    words = [word.encode() for word in sorted(plain & customer.words) if not word.isdigit()]
    longest = max(map(len, words), default=1)
    for file in sorted(path for path in state.rglob("*") if path.is_file()):
        count, rest = 0, b""
        try:
            with file.open("rb") as held:
                while part := held.read(CHUNK):
                    text = rest + part
                    # What lies across the seam is counted with the next part; no word fits into the seam alone.
                    count += sum(text.count(word) for word in words)
                    rest = text[-(longest - 1) :] if longest > 1 else b""
                    count -= sum(rest.count(word) for word in words)
                count += sum(rest.count(word) for word in words)
        except OSError as wrong:
            raise MendError(
                f"{file} cannot be read: {wrong.strerror}", at=str(file), hint="let this user read it"
            ) from wrong
        yield file, count
