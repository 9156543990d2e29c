"""Carries an approved plan into the CRM, under the destination's lease; safe to kill at any instant.

Leftovers of a delivery that died come first, then the plan becomes outbox entries, then batches go out: parents before
children, the most valuable first when the budget is short. Nothing is `delivered` before the CRM accepted that record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from connector.domain.change import Plan
from connector.domain.errors import LaterError, PlanRefusedError
from connector.domain.hold import UNDO
from connector.domain.outbox import BLOCKING, MOVED, DeliveryState, OutboxEntry
from connector.domain.receipt import crm_ref
from connector.domain.run import Delivered
from connector.ports.ledger import Lease
from connector.services.batches import Phase, Transport, affordable, by_parent, by_phase, no_jobs, pieces
from connector.services.bulk import carry, follow_up
from connector.services.enqueue import enqueue
from connector.services.plan import schema_hash, written_fields
from connector.services.readback import resolve
from connector.services.send import crm_id_of, send
from connector.services.session import Limits, Means, Session
from connector.services.spare import plan_without_forgotten

POLL_SECONDS = 2.0
OUT_OF_CALLS = "our share of the CRM's API calls of today is used up (`api_budget` in the mapping)"
STILL_BUSY = "the CRM was busy with them at every attempt"
DEFAULT_LIMITS = Limits()


def deliver(
    plan: Plan, means: Means, config_hash: str, ledger_epoch: Callable[[], str], limits: Limits = DEFAULT_LIMITS
) -> Delivered:
    """Deliver a plan and whatever an earlier delivery left behind."""
    with _leased(plan.destination, means, limits) as lease:
        _refuse_other_world(plan, means, config_hash, ledger_epoch())
        if means.suppressions is not None:  # nobody is forgotten while we hold the lease
            plan = plan_without_forgotten(plan, means.suppressions)
        session = _open(plan, means, limits, lease)
        blocked = _recover(session)
        enqueue(plan, session, blocked)
        pending = [entry for entry in _of_job(session, plan.job) if entry.state is DeliveryState.PENDING]
        chosen = affordable(pending, session.calls_left, _transport(session))
        for phase, entries in by_phase(chosen).items():
            _send_phase(session, phase, [entry.id for entry in entries])
        if len(chosen) < len(pending):
            session.stop(OUT_OF_CALLS)
        return _tally(session, plan.job)


def _refuse_other_world(plan: Plan, means: Means, config_hash: str, ledger_epoch: str) -> None:
    # A plan from before it named them is as it was made.
    hashed = plan.schema_fields or written_fields(plan.changes)
    changed = [
        what
        for what, has_changed in (
            ("the configuration", plan.config_hash != config_hash),
            ("the ledger (restored or rebuilt)", plan.ledger_epoch != ledger_epoch),
            ("the CRM's schema", plan.schema_hash != schema_hash(hashed, means.reader.schema)),
        )
        if has_changed
    ]
    if changed:
        raise PlanRefusedError(
            f"{' and '.join(changed)} changed since the plan of run {plan.run_id} was made", hint="make a new plan"
        )


@contextmanager
def _leased(destination: str, means: Means, limits: Limits) -> Iterator[Lease]:
    """Hold the destination's lease; wait for it as long as the limits say."""
    patience = means.clock.now() + limits.wait_seconds
    while (lease := means.leases.take(destination, means.holder, means.clock.now(), limits.lease_seconds)) is None:
        if means.clock.now() >= patience:
            raise LaterError(
                f"another process is delivering to {destination}",
                hint="wait for it to end; if it was killed on another machine, its lease lapses within minutes",
            )
        means.clock.sleep(POLL_SECONDS)
    try:
        yield lease
    finally:
        means.leases.release(lease)


def _open(plan: Plan, means: Means, limits: Limits, lease: Lease) -> Session:
    return Session(
        means=means,
        limits=limits,
        lease=lease,
        run_id=plan.run_id,
        known=means.receipts.records(plan.destination),
        abilities=means.reader.abilities(),
        calls_before=means.meter.calls(),
        entries={entry.id: entry for entry in means.outbox.entries(plan.destination)},
        held=frozenset(means.holds.all(plan.destination) if means.holds and plan.job != UNDO else ()),
    )


def _recover(session: Session) -> frozenset[str]:
    """Settle what a dead delivery left on the wire; give the subjects that were, for nothing planned for them holds."""
    left = [entry for entry in session.entries.values() if entry.state in BLOCKING]
    # We hold the lease, so whoever sent these is gone: nobody will tell what became of them.
    session.commit([entry.to(DeliveryState.UNKNOWN) for entry in left if entry.state is DeliveryState.SENDING])
    follow_up(session, session.means.bulk, [session.entries[entry.id] for entry in left])
    unknown = [session.entries[entry.id] for entry in left if session.entries[entry.id].state is DeliveryState.UNKNOWN]
    resolve(session, [entry for entry in unknown if entry.ticket is None])
    # Back to pending: proven not written, so that a newer plan takes its place.
    return frozenset(entry.subject for entry in left if session.entries[entry.id].state is not DeliveryState.PENDING)


def _transport(session: Session) -> Transport:
    bulk = session.means.bulk
    return Transport(session.means.writer.batch_size, session.abilities, bulk.size if bulk else no_jobs)


def _send_phase(session: Session, phase: Phase, chosen: Sequence[str]) -> None:
    """Send what is ready of the chosen entries of a phase: as jobs where there is much of it, then in batches."""
    transport = _transport(session)
    ready = _ready(session, chosen)
    bulk, size = session.means.bulk, transport.job_size(*phase, len(ready))
    if bulk is not None and size:
        for load in pieces(ready, size):
            if not session.is_stopped:
                carry(session, bulk, load)
        ready = _ready(session, chosen)
    for batch in pieces(ready, transport.batch_size(*phase)):
        left = session.calls_left
        if left is not None and left < transport.calls_of_a_batch(phase):
            session.stop(OUT_OF_CALLS)
        if session.is_stopped:
            return
        send(session, batch)


def _ready(session: Session, chosen: Sequence[str]) -> list[OutboxEntry]:
    entries = (session.entries[id] for id in chosen)
    ready = [entry for entry in entries if entry.state is DeliveryState.PENDING and _is_ready(session, entry)]
    return sorted(ready, key=by_parent)


def _is_ready(session: Session, entry: OutboxEntry) -> bool:
    """Its own record exists (or is to be made), and so does everything it is linked to."""
    has_ends = all(crm_ref(link.to, session.known) is not None for link in entry.change.links)
    return has_ends and (entry.verb == "create" or crm_id_of(session, entry) is not None)


def _on_their_way(session: Session) -> frozenset[str]:
    """Subjects that wait only for calls or for a lock; what belongs to a refused record waits for a person."""
    pending = [entry for entry in session.entries.values() if entry.state is DeliveryState.PENDING]
    missing = {entry.subject: _missing(session, entry) for entry in pending}
    going = frozenset(missing)
    while (fewer := frozenset(subject for subject in going if missing[subject] <= going)) != going:
        going = fewer
    return going


def _missing(session: Session, entry: OutboxEntry) -> frozenset[str]:
    """Keys of the records that have to be there first and are not."""
    keys = {link.to.key for link in entry.change.links if crm_ref(link.to, session.known) is None}
    if entry.verb != "create" and crm_id_of(session, entry) is None:
        keys.add(entry.change.key)
    return frozenset(key for key in keys if key is not None)


def _of_job(session: Session, job: str) -> list[OutboxEntry]:
    """Give what a delivery is for: an undoing leaves to the next run, which knows whom it may reach, what runs left."""
    return [entry for entry in session.entries.values() if job != UNDO or entry.job == UNDO]


def _tally(session: Session, job: str) -> Delivered:
    going = _on_their_way(session)
    fates = {entry.id: fate for entry in _of_job(session, job) if (fate := _fate(entry, going)) is not None}
    counts = Counter(fates.values())
    return Delivered(
        ok=counts["ok"],
        parked=counts["parked"],
        moved=counts["moved"],
        deferred=counts["deferred"],
        unknown=counts["unknown"],
        waiting=counts["waiting"],
        calls=session.calls,
        because=session.stopped or (STILL_BUSY if counts["deferred"] else ""),
        written=Counter(session.entries[id].change.action for id, fate in fates.items() if fate == "ok"),
        by_entry=fates,
    )


def _fate(entry: OutboxEntry, going: Collection[str]) -> str | None:
    match entry.state:
        case DeliveryState.DELIVERED:
            return "ok"
        case DeliveryState.PARKED:
            return "parked"
        case DeliveryState.UNKNOWN | DeliveryState.SENDING:
            return "unknown"
        case DeliveryState.PENDING:
            return "deferred" if entry.subject in going else "waiting"
        case DeliveryState.SUPERSEDED:
            return "moved" if entry.reason == MOVED else None
        case DeliveryState.DROPPED:
            return None
