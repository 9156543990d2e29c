"""Sends one batch: marks it on disk, writes, and settles every record by its own outcome.

The order is what makes a kill at any instant safe: SENDING is on disk before the CRM hears of a record, and DELIVERED
with its receipt after the CRM has answered. What lies between is read back before it is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

from connector.domain.change import Link, Outcome, Verdict, Write
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.receipt import crm_ref
from connector.services.readback import known_after, resolve, shown_after, still_as_planned
from connector.services.session import Session

FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
UNSETTLED = (DeliveryState.PENDING, DeliveryState.UNKNOWN)


def send(session: Session, batch: Sequence[OutboxEntry]) -> None:
    """Send a batch until nothing in it is left to try, or the attempts or the CRM's patience are used up."""
    left = [entry.id for entry in batch]

    def attempt() -> list[str]:
        nonlocal left
        left = _attempt(session, left)
        return left

    Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_attempt(session.limits.attempts),
        wait=wait_exponential_jitter(initial=FIRST_WAIT, max=LONGEST_WAIT),
        sleep=session.means.clock.sleep,
        retry_error_callback=lambda _state: None,
    )(attempt)
    if not session.is_stopped:
        resolve(session, _in(session, left, DeliveryState.UNKNOWN))


def _attempt(session: Session, ids: Sequence[str]) -> list[str]:
    """Try once; give the ids of what may be tried again."""
    # The wait before this attempt gave a write whose answer was lost the time to land.
    resolve(session, _in(session, ids, DeliveryState.UNKNOWN))
    going, moved = still_as_planned(session, _in(session, ids, DeliveryState.PENDING))
    session.commit(moved)
    if not going or session.is_stopped:
        return []
    session.keep_lease()
    sending = [entry.to(DeliveryState.SENDING, tried_in=session.run_id) for entry in going]
    session.commit(sending)
    answers = session.means.writer.write([write_of(session, entry) for entry in sending])
    settle(session, sending, answers)
    return [] if session.is_stopped else [one for one in ids if session.entries[one].state in UNSETTLED]


def _in(session: Session, ids: Sequence[str], state: DeliveryState) -> list[OutboxEntry]:
    return [session.entries[one] for one in ids if session.entries[one].state is state]


def write_of(session: Session, entry: OutboxEntry) -> Write:
    """Make an entry ready for the wire: its record and its links named by their CRM ids."""
    change = entry.change
    travels = entry.verb == "associate" or (entry.verb == "create" and change.type in session.abilities.inline_links)
    return Write(
        entry=entry.id,
        verb=entry.verb,
        type=change.type,
        key=change.key,
        crm_id=crm_id_of(session, entry),
        fields=entry.sent,
        links=tuple(_resolved(session, link) for link in change.links) if travels else (),
    )


def crm_id_of(session: Session, entry: OutboxEntry) -> str | None:
    """The CRM id of an entry's record, None while there is none."""
    known = session.known.get(entry.change.key)
    if known is not None:
        return known.crm_id if known.tombstone is None else None
    return entry.crm_id


def _resolved(session: Session, link: Link) -> Link:
    to = crm_ref(link.to, session.known)
    assert to is not None, "only what is ready is sent"
    return replace(link, to=to)


def settle(session: Session, sending: Sequence[OutboxEntry], answers: Sequence[Outcome]) -> None:
    """Move every entry of a batch by its own outcome, and store receipts and audit with it in one transaction."""
    accepted, settled = {}, []
    by_entry = {outcome.entry: outcome for outcome in answers}
    for entry in sending:
        outcome = by_entry.get(entry.id)
        # A record that the answer does not mention may have been written all the same.
        match Verdict.UNKNOWN if outcome is None else outcome.verdict:
            case Verdict.OK if outcome is not None:
                accepted[entry.id] = entry, outcome
            case Verdict.REJECTED if outcome is not None:
                settled.append(entry.parked(outcome))
            case Verdict.RETRY:
                settled.append(entry.to(DeliveryState.PENDING))
            case Verdict.DEFER:
                session.stop(outcome.message if outcome is not None else "")
                settled.append(entry.to(DeliveryState.PENDING))
            case _:
                settled.append(_in_doubt(entry))
    known, deeds = [], []
    shown, at = shown_after(session, accepted), session.at()
    for entry, outcome in accepted.values():
        crm_id = outcome.crm_id or crm_id_of(session, entry)
        if crm_id is None:  # accepted, but as what? Only its key can tell.
            settled.append(_in_doubt(entry))
            continue
        settled.append(entry.delivered(crm_id))
        known.append(known_after(session, entry, crm_id, shown[entry.id]))
        deeds.append(session.deed(entry, crm_id, at))
    session.commit(settled, known, deeds=deeds)


def _in_doubt(entry: OutboxEntry) -> OutboxEntry:
    """Nobody knows what became of it, and no job that could be asked."""
    unknown = entry if entry.state is DeliveryState.UNKNOWN else entry.to(DeliveryState.UNKNOWN)
    return replace(unknown, ticket=None)
