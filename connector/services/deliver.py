"""Carries an approved plan into the CRM, under the destination's lease; safe to kill at any instant.

Leftovers of a delivery that died come first, then the plan becomes outbox entries, then batches go out: parents before
children, the most valuable first when the budget is short. Nothing is `delivered` before the CRM accepted that record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.change import Plan
from connector.domain.errors import LaterError, PlanRefusedError
from connector.domain.outbox import BLOCKING, MOVED, DeliveryState, OutboxEntry
from connector.domain.receipt import crm_ref
from connector.domain.run import Delivered
from connector.ports.ledger import Lease
from connector.services.batches import PHASES, Phase, affordable, batches, phase_of
from connector.services.enqueue import enqueue
from connector.services.plan import schema_hash
from connector.services.readback import resolve
from connector.services.send import crm_id_of, send
from connector.services.session import Limits, Means, Session

POLL_SECONDS = 2.0
DEFAULT_LIMITS = Limits()


def deliver(
    plan: Plan, means: Means, config_hash: str, ledger_epoch: str, limits: Limits = DEFAULT_LIMITS
) -> Delivered:
    """Deliver a plan and whatever an earlier delivery left behind."""
    _refuse_other_world(plan, means, config_hash, ledger_epoch)
    with _leased(plan.destination, means, limits) as lease:
        session = _open(plan, means, limits, lease)
        blocked = _recover(session)
        enqueue(plan, session, blocked)
        chosen = _chosen(session)
        for phase in PHASES:
            _send_phase(session, phase, chosen)
        return _tally(session)


def _refuse_other_world(plan: Plan, means: Means, config_hash: str, ledger_epoch: str) -> None:
    changed = [
        what
        for what, has_changed in (
            ("the configuration", plan.config_hash != config_hash),
            ("the ledger (restored or rebuilt)", plan.ledger_epoch != ledger_epoch),
            ("the CRM's schema", plan.schema_hash != schema_hash(plan.changes, means.reader.schema)),
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
        entries={entry.id: entry for entry in means.outbox.entries(plan.destination)},
    )


def _recover(session: Session) -> frozenset[str]:
    """Settle what a dead delivery left on the wire; give the subjects that were, for nothing planned for them holds."""
    left = [entry for entry in session.entries.values() if entry.state in BLOCKING]
    # We hold the lease, so whoever sent these is gone: nobody will tell what became of them.
    session.commit([entry.to(DeliveryState.UNKNOWN) for entry in left if entry.state is DeliveryState.SENDING])
    resolve(session, [session.entries[entry.id] for entry in left])
    return frozenset(entry.subject for entry in left)


def _chosen(session: Session) -> frozenset[str]:
    """Choose what the budget allows."""
    pending = [entry for entry in session.entries.values() if entry.state is DeliveryState.PENDING]
    budget = session.limits.calls
    left = None if budget is None else max(0, budget - session.calls)
    size = session.means.writer.batch_size
    return frozenset(entry.id for entry in affordable(pending, left, size, session.abilities))


def _send_phase(session: Session, phase: Phase, chosen: frozenset[str]) -> None:
    ready = [
        entry
        for entry in session.entries.values()
        if entry.id in chosen and phase_of(entry.change) == phase and entry.state is DeliveryState.PENDING
        if _is_ready(session, entry)
    ]
    for batch in batches(ready, phase, session.means.writer.batch_size):
        if session.is_stopped:
            return
        send(session, batch)


def _is_ready(session: Session, entry: OutboxEntry) -> bool:
    """Its own record exists (or is to be made), and so does everything it is linked to."""
    has_ends = all(crm_ref(link.to, session.known) is not None for link in entry.change.links)
    return has_ends and (entry.verb == "create" or crm_id_of(session, entry) is not None)


def _tally(session: Session) -> Delivered:
    fates = {entry.id: fate for entry in session.entries.values() if (fate := _fate(session, entry)) is not None}
    counts = Counter(fates.values())
    return Delivered(
        ok=counts["ok"],
        parked=counts["parked"],
        moved=counts["moved"],
        deferred=counts["deferred"],
        unknown=counts["unknown"],
        waiting=counts["waiting"],
        calls=session.calls,
        by_entry=fates,
    )


def _fate(session: Session, entry: OutboxEntry) -> str | None:
    match entry.state:
        case DeliveryState.DELIVERED:
            return "ok"
        case DeliveryState.PARKED:
            return "parked"
        case DeliveryState.UNKNOWN | DeliveryState.SENDING:
            return "unknown"
        case DeliveryState.PENDING:
            return "deferred" if session.is_stopped or _is_ready(session, entry) else "waiting"
        case DeliveryState.SUPERSEDED:
            return "moved" if entry.reason == MOVED else None
        case DeliveryState.DROPPED:
            return None
