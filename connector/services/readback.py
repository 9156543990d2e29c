"""Looks at the CRM during a delivery: is a record still as planned, did a lost write land, what did a write become.

All three rest on one comparison: a field shows what it showed before, what we want, or something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from connector.domain.change import Among, Cause, CrmRecord, FieldChange, Outcome, RecordType, Scalar, Verb
from connector.domain.normalise import same
from connector.domain.outbox import MOVED, DeliveryState, OutboxEntry
from connector.domain.receipt import KnownRecord, Receipt, associated, each_once, resolved
from connector.domain.rewriting import is_made_of
from connector.services.session import Session


def still_as_planned(session: Session, entries: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], list[OutboxEntry]]:
    """Read again what was read too long ago; give (what may go, what moved). A reader that is down lets nothing go."""
    oldest = session.at() - timedelta(seconds=session.limits.trust_seconds)
    stale = {
        entry.id: entry
        for entry in entries
        if entry.verb != "associate" and (entry.change.read_at is None or entry.change.read_at < oldest)
    }
    at = session.at()
    shown = _look(session, list(stale.values()))
    if shown is None:
        return [], []
    going, moved = [], []
    for entry in entries:
        if entry.id not in stale:
            going.append(entry)
        elif _has_moved(session, entry, shown.get(entry.id)):
            moved.append(entry.to(DeliveryState.SUPERSEDED, MOVED))
        else:
            going.append(replace(entry, change=replace(entry.change, read_at=at)))
    return going, moved


def _has_moved(session: Session, entry: OutboxEntry, record: CrmRecord | None) -> bool:
    if entry.verb == "create":
        return record is not None
    if not _is_there(record):
        return True
    assert record is not None
    return not all(
        _shows(session, entry, field, record, field.before) or _shows(session, entry, field, record, field.after)
        for field in entry.change.fields
    )


def resolve(session: Session, entries: Sequence[OutboxEntry]) -> None:
    """Read back writes that may have landed: delivered if they did, pending again if they did not."""
    links = [entry for entry in entries if entry.verb == "associate"]
    # To associate again what is associated already changes nothing.
    session.commit([entry.to(DeliveryState.PENDING) for entry in links])
    records = [entry for entry in entries if entry.verb != "associate"]
    shown = _look(session, records, Among.ALL)
    if shown is None:
        return
    settled, known, deeds = [], [], []
    at = session.at()
    for entry in records:
        record = shown.get(entry.id)
        if record is not None and _has_landed(session, entry, record):
            settled.append(entry.delivered(record.id))
            deeds.append(session.deed(entry, record.id, at))
            known.append(known_after(session, entry, record.id, _ours(session, entry, record)))
        elif not _may_still_land(session, entry):
            # Unread, so that it is compared with the plan before it is sent again.
            settled.append(replace(entry.to(DeliveryState.PENDING), change=replace(entry.change, read_at=None)))
    session.commit(settled, known, deeds=deeds)


def _may_still_land(session: Session, entry: OutboxEntry) -> bool:
    """A creation that no key guards is sent again only when the first can no longer be on its way."""
    is_guarded = entry.verb != "create" or entry.change.type in session.abilities.keyed
    young = session.at() - timedelta(seconds=session.limits.landing_seconds)
    return not is_guarded and entry.changed_at is not None and entry.changed_at > young


def _has_landed(session: Session, entry: OutboxEntry, record: CrmRecord) -> bool:
    """A CRM writes a record whole or not at all: a field that came through proves it, one that did not disproves it."""
    if entry.verb == "create":
        return True
    came, stayed = [], []
    for field in entry.change.fields:
        is_before, is_after = (_shows(session, entry, field, record, value) for value in (field.before, field.after))
        came.append(is_after and not is_before)
        stayed.append(is_before and not is_after)
    return _is_there(record) and any(came) and not any(stayed)


def _ours(session: Session, entry: OutboxEntry, record: CrmRecord) -> dict[str, Scalar]:
    """What the CRM shows where it shows what we sent.

    Anything else may be a person's edit made since: it is left out, so that the next plan sees it as touched.
    """
    return {
        field.name: record.fields.get(field.name)
        for field in entry.change.fields
        if _shows(session, entry, field, record, field.after)
    }


def shown_after(session: Session, accepted: Mapping[str, tuple[OutboxEntry, Outcome]]) -> dict[str, dict[str, Scalar]]:
    """Tell, per entry, what the CRM made of an accepted write: from its answer, else by one read of the batch."""
    silent: dict[RecordType, dict[str, str]] = defaultdict(dict)
    names: set[str] = set()
    for entry, outcome in accepted.values():
        missing = set(entry.sent) - set(outcome.shown)
        crm_id = outcome.crm_id or entry.crm_id
        if missing and crm_id is not None:
            silent[entry.change.type][crm_id] = entry.id
            names |= missing
    shown = {entry.id: dict(outcome.shown) for entry, outcome in accepted.values()}
    for type, ids in silent.items():
        records = session.ask(partial(session.means.reader.read, type, list(ids), sorted(names), links=False))
        for crm_id, record in (records or {}).items():
            entry, outcome = accepted[ids[crm_id]]
            # Between the write and this read a person may have been quicker: only what the CRM made of it is its word.
            shown[entry.id] |= {
                field.name: record.fields.get(field.name)
                for field in entry.change.fields
                if field.name not in outcome.shown and _is_made_of(session, entry, field, record)
            }
            if _was_heard_late(session, entry):
                shown[entry.id] = _ours(session, entry, record)
    return shown


def _was_heard_late(session: Session, entry: OutboxEntry) -> bool:
    """So much later than it was sent that what the CRM shows may be a person's already."""
    latest = session.at() - timedelta(seconds=session.limits.trust_seconds)
    return entry.state is DeliveryState.UNKNOWN or (entry.changed_at is not None and entry.changed_at < latest)


def known_after(session: Session, entry: OutboxEntry, crm_id: str, shown: Mapping[str, Scalar]) -> KnownRecord:
    """Make the receipt of a delivered entry; a field that nothing showed is taken as sent."""
    change = entry.change
    is_linked = entry.verb == "associate" or (entry.verb == "create" and change.type in session.abilities.inline_links)
    return KnownRecord(
        key=change.key,
        type=change.type,
        crm_id=crm_id,
        account_id=change.account_id,
        receipts={
            field.name: Receipt(field.after, shown.get(field.name, field.after), run_id=entry.run_id, rule=field.rule)
            for field in change.fields
            if field.cause is not Cause.KEY  # nobody's text: what it shows says nothing of a person's touch
        },
        associations=each_once(map(associated, change.links)) if is_linked else (),
    )


def _look(session: Session, entries: Sequence[OutboxEntry], among: Among = Among.ALIVE) -> dict[str, CrmRecord] | None:
    """Read the records of entries, new ones by key, the others by id; None when the CRM does not answer.

    New ones are looked for among the living, because to look among the deleted may cost many calls.
    """
    groups: dict[tuple[RecordType, Verb], list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.change.type, entry.verb].append(entry)
    seen: dict[str, CrmRecord] = {}
    for (type, verb), group in groups.items():
        found = session.ask(partial(_read, session, type, verb, group, among))
        if found is None:
            return None
        seen |= found
    return seen


def _read(
    session: Session, type: RecordType, verb: Verb, group: Sequence[OutboxEntry], among: Among
) -> dict[str, CrmRecord]:
    # A field may have gone since an entry was planned: its record is refused alone, and no other suffers for it.
    there = session.means.reader.schema(type).fields
    names = sorted({name for entry in group for name in entry.sent} & set(there))
    if verb == "create":
        by_key = {entry.change.key: entry.id for entry in group}
        near = {entry.change.key: resolved(entry.change.links, session.known) for entry in group}
        found = session.means.reader.find(type, list(by_key), names, near, among)
        return {by_key[key]: record for key, record in found.items()}
    by_id = {entry.crm_id: entry.id for entry in group if entry.crm_id is not None}
    return {
        by_id[crm_id]: record
        for crm_id, record in session.means.reader.read(type, list(by_id), names, links=False).items()
    }


def _is_made_of(session: Session, entry: OutboxEntry, field: FieldChange, record: CrmRecord) -> bool:
    spec = session.means.reader.schema(entry.change.type).fields.get(field.name)
    return spec is not None and is_made_of(record.fields.get(field.name), field.after, spec)


def _is_there(record: CrmRecord | None) -> bool:
    return record is not None and not record.archived and record.merged_into is None


def _shows(session: Session, entry: OutboxEntry, field: FieldChange, record: CrmRecord, value: Scalar) -> bool:
    spec = session.means.reader.schema(entry.change.type).fields.get(field.name)
    live = record.fields.get(field.name)
    return live == value if spec is None else same(live, value, spec)
