"""Sends many writes as one job of the vendor's, which runs on its own and is asked what became of each.

The order is what makes a kill at any instant safe: the job is uploaded but does not run, then its name is on disk with
SENDING, then it is started. One that was never started is ended before its writes are sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from connector.domain.change import Write
from connector.domain.errors import LaterError
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.ports.crm import CrmBulk
from connector.services.readback import still_as_planned
from connector.services.send import crm_id_of, settle, write_of
from connector.services.session import Session

FIRST_POLL = 1.0
LONGEST_POLL = 30.0


def carry(session: Session, bulk: CrmBulk, load: Sequence[OutboxEntry]) -> None:
    """Send entries of one verb and type as one job, and wait for it."""
    going, moved = still_as_planned(session, load)
    session.commit(moved)
    if not going or session.is_stopped:
        return
    session.keep_lease()
    try:
        job, unfit = bulk.begin([write_of(session, entry) for entry in going])
    except LaterError:  # whatever was uploaded never runs: these travel in batches
        return
    sending = [entry.to(DeliveryState.SENDING, tried_in=session.run_id, ticket=job) for entry in going]
    session.commit(sending)
    refused = {outcome.entry for outcome in unfit}
    settle(session, [entry for entry in sending if entry.id in refused], unfit)
    with suppress(LaterError):  # it may run all the same: it is asked
        bulk.start(job)
    _follow(session, bulk, job, [entry for entry in sending if entry.id not in refused])


def follow_up(session: Session, bulk: CrmBulk | None, left: Sequence[OutboxEntry]) -> None:
    """Ask the jobs of a delivery that died what became of their writes."""
    jobs: dict[str, list[OutboxEntry]] = defaultdict(list)
    for entry in left:
        if entry.ticket is not None:
            jobs[entry.ticket].append(entry)
    for job, entries in jobs.items():
        if bulk is None:  # the adapter has no jobs any more: their records can still be read
            session.commit([replace(entry, ticket=None) for entry in entries])
        elif not session.is_stopped:
            _follow(session, bulk, job, entries)


def _follow(session: Session, bulk: CrmBulk, job: str, entries: Sequence[OutboxEntry]) -> None:
    """Wait until a job has run; one that takes too long stays on the wire, and the next delivery asks again."""
    clock = session.means.clock
    patience = clock.now() + session.limits.job_seconds
    writes = [_named(session, entry) for entry in entries]
    wait = FIRST_POLL
    while True:
        session.keep_lease()
        outcomes = session.ask(lambda: bulk.outcomes(job, writes))
        if outcomes is not None:
            settle(session, entries, outcomes)
            return
        if session.is_stopped or clock.now() >= patience:
            waiting = [entry.to(DeliveryState.UNKNOWN) for entry in entries if entry.state is DeliveryState.SENDING]
            session.commit(waiting)
            return
        clock.sleep(wait)
        wait = min(2 * wait, LONGEST_POLL)


def _named(session: Session, entry: OutboxEntry) -> Write:
    """Name a write of a job by what its results tell; what it was linked to may be gone by now."""
    change = entry.change
    crm_id = crm_id_of(session, entry) or entry.crm_id
    return Write(entry.id, entry.verb, change.type, change.key, crm_id, entry.sent)
