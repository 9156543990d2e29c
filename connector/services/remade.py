"""Remembers which fields the CRM lost, so that what is empty once they are made anew is not taken for a person's edit.

A run that finds a field missing notes itself. The first one that finds it again looks at some records of ours: where
one still shows what we wrote, the field was only hidden, and the note goes. Otherwise it was made anew: an empty value
that was written before it went is nobody's, and is written again, save on records that changed since the loss was
noticed: to make a field anew touches no record, and an edit may be what emptied it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connector.domain.change import CrmRecord, FieldSpec, FieldType, RecordType, Scalar
from connector.domain.installation import Wanted
from connector.domain.mapping import CrmMapping
from connector.domain.normalise import same
from connector.domain.receipt import KnownRecord, Receipt
from connector.ports.crm import CrmReader
from connector.services.check_live import sections
from connector.services.memory import Memory

NOTE = "lost field "
SAMPLE = 200


@dataclass(frozen=True)
class Lost:
    """When a field was lost: the last run that missed it, and up to when the CRM had been followed then (its time)."""

    run_id: str
    followed_until: datetime | None
    """None where we removed the field ourselves."""


Remade = Mapping[tuple[RecordType, str], Lost]
"""Type and field that was lost and made anew → when it was lost."""


def follow_fields(memory: Memory, reader: CrmReader, mapping: CrmMapping, destination: str, run_id: str) -> None:
    """Note which fields that we write are missing, and what became of those that were."""
    noted = memory.notes.named(f"{NOTE}{destination} ")
    for _, type, rules, _ in sections(mapping):
        there = reader.schema(type).fields
        for field in rules:
            name = _note(destination, type, field)
            note = noted.get(name)
            if field not in there:
                is_known = note is not None and not note["remade"]
                until = note["until"] if note is not None and is_known else _followed(memory, destination, type)
                memory.notes.put(name, {"run": run_id, "until": until, "remade": False})
            elif note is not None and not note["remade"]:
                if _holds_values(memory, reader, destination, type, there[field], note["run"]):
                    memory.notes.drop(name)
                else:
                    memory.notes.put(name, {**note, "remade": True})


def note_removed(memory: Memory, mapping: CrmMapping, destination: str, removed: Wanted, moment: str) -> None:
    """Note that we removed fields; one that the CRM kept is found to hold its values. `moment`: as a run is named."""
    for _, type, rules, _ in sections(mapping):
        for field in rules.keys() & removed.get(type, {}).keys():
            memory.notes.put(_note(destination, type, field), {"run": moment, "until": None, "remade": False})


def remade_fields(memory: Memory, mapping: CrmMapping, destination: str) -> Remade:
    """Name the fields that were lost and made anew since."""
    noted = memory.notes.named(f"{NOTE}{destination} ")
    asked = [(type, field) for _, type, rules, _ in sections(mapping) for field in rules]
    notes = {one: noted.get(_note(destination, *one)) for one in asked}
    return {one: _lost(note) for one, note in notes.items() if note is not None and note["remade"]}


def without_emptied(
    known: KnownRecord | None, record: CrmRecord, remade: Remade, specs: Mapping[str, FieldSpec]
) -> KnownRecord | None:
    """Forget what we wrote to fields that were made anew and are empty: nobody took that away but the field's end."""
    if known is None or not remade:
        return known
    emptied = {
        name: replace(receipt, sent=None, shown=record.fields.get(name))
        for name, receipt in known.receipts.items()
        if name in specs
        and (lost := remade.get((record.type, name))) is not None
        and _was_before(receipt, lost.run_id)
        and _is_unchanged(record, lost)
        and _is_empty(record.fields.get(name), specs[name])
    }
    return replace(known, receipts={**known.receipts, **emptied}) if emptied else known


def _note(destination: str, type: RecordType, field: str) -> str:
    return f"{NOTE}{destination} {type}.{field}"


def _followed(memory: Memory, destination: str, type: RecordType) -> str | None:
    cursor = memory.mirror.cursor(destination, type)
    return cursor.isoformat() if cursor is not None else None


def _lost(note: Mapping[str, Any]) -> Lost:
    return Lost(note["run"], datetime.fromisoformat(note["until"]) if note["until"] else None)


def _was_before(receipt: Receipt, lost_in: str) -> bool:
    """It was ours when it was written, and that was before the field went; runs' names sort as they began."""
    return not receipt.handed_over and receipt.run_id < lost_in


def _is_unchanged(record: CrmRecord, lost: Lost) -> bool:
    """Nothing was edited on it since; of a record whose time is not told that is taken for granted."""
    return lost.followed_until is None or record.modified_at is None or record.modified_at <= lost.followed_until


def _holds_values(
    memory: Memory, reader: CrmReader, destination: str, type: RecordType, spec: FieldSpec, lost_in: str
) -> bool:
    written = {
        known.crm_id: known.receipts[spec.name].shown
        for known in memory.receipts.records(destination).values()
        if known.type is type and known.tombstone is None and spec.name in known.receipts
        if _was_before(known.receipts[spec.name], lost_in) and not _is_empty(known.receipts[spec.name].shown, spec)
    }
    ids = sorted(written)[:SAMPLE]
    records = reader.read(type, ids, [spec.name], links=False) if ids else {}
    return any(same(record.fields.get(spec.name), written[id], spec) for id, record in records.items())


def _is_empty(value: Scalar, spec: FieldSpec) -> bool:
    """A checkbox that is made anew is not ticked."""
    return same(value, None, spec) or (spec.type is FieldType.BOOL and same(value, "false", spec))
