"""Gives a record of ours its key again: the field was removed and made anew, or somebody wiped the value out.

Decided here: the ledger knows the record by its id, so only a rebuilt ledger would miss the key, and make the record
twice. It is written on what has none, never over another value, and never while another record bears it. What a run
does not look at anyway is read when the mirror shows it without its key, or when no record that was looked at has one:
then the field is new, and a change of the schema touches no record. Only a plan of everything does this, so that a
change that waits is never pushed aside by a key alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from connector.domain.change import Among, Cause, Change, CrmRecord, FieldChange, Policy, RecordType
from connector.domain.receipt import KnownRecord
from connector.ports.clock import Clock
from connector.ports.crm import CrmReader
from connector.services.batches import pieces
from connector.services.world import World

READ_BATCH = 500
REASON = "its key was gone from the CRM"


@dataclass(frozen=True)
class Keys:
    """Which fields carry our key, by type, and which known records may have lost it."""

    names: Mapping[RecordType, str] = field(default_factory=dict)
    suspects: frozenset[str] = frozenset()
    """Keys of known records that the mirror shows without one, or to which an earlier plan still has to give it."""


def keys_of(world: World) -> Keys:
    """Read from the world what is known of keys."""
    fields = {RecordType.OPPORTUNITY: world.mapping.opportunity.key, RecordType.TASK: world.mapping.task.key}
    names = {type: name for type, name in fields.items() if name}
    bare = {
        record.id
        for record in (*world.opportunities, *world.tasks)
        if not record.archived and not record.fields.get(names.get(record.type, ""))
    }
    waiting = {key for key, some in world.waiting.items() if any(one.cause is Cause.KEY for one in some.values())}
    return Keys(names, frozenset(key for key, known in world.known.items() if known.crm_id in bare) | waiting)


@dataclass(frozen=True, slots=True)
class _Bare:
    """A living record of ours without its key, and when it was seen."""

    known: KnownRecord
    at: datetime


@dataclass
class KeyWatch:
    """Notes, while a plan looks at records, which of them lack their key."""

    reader: CrmReader
    known: Mapping[str, KnownRecord]
    names: Mapping[RecordType, str]
    """The key's field by type: of the types that a plan gives keys back to."""
    suspects: frozenset[str]
    """See `Keys`."""
    bare: dict[str, _Bare] = field(default_factory=dict)
    borne: set[RecordType] = field(default_factory=set)
    """Types of which some known record has its key."""

    def look(self, key: str, record: CrmRecord, at: datetime) -> None:
        """Take note of one record."""
        known, name = self.known.get(key), self.names.get(record.type)
        if name is None or known is None or known.tombstone or record.archived or record.merged_into:
            return
        if record.fields.get(name):
            self.borne.add(record.type)
        elif known.crm_id == record.id:
            self.bare[key] = _Bare(known, at)

    def restored(
        self, changes: list[Change], is_left_alone: Callable[[KnownRecord], bool], clock: Clock
    ) -> list[Change]:
        """Add to changes the keys that are written again, save on records that nothing may be written to."""
        if not self.suspects and not self.bare:
            return changes
        looked = {change.key for change in changes if change.crm_id is not None}
        self._read([key for key in sorted(self.suspects) if key in self.known and key not in looked], clock)
        anew = {bare.known.type for bare in self.bare.values()} - self.borne
        unseen = (key for key, one in self.known.items() if one.type in anew and key not in looked)
        self._read([key for key in unseen if key not in self.suspects], clock)
        written = {key: self._written(key, bare) for key, bare in self._unclaimed() if not is_left_alone(bare.known)}
        if not written:
            return changes
        kept = [_with(change, written) for change in changes]
        return [*kept, *written.values()]

    def _read(self, keys: Sequence[str], clock: Clock) -> None:
        for type, name in self.names.items():
            mine = {one.crm_id: key for key in keys if (one := self.known[key]).type is type and not one.tombstone}
            for batch in pieces(list(mine), READ_BATCH):
                at = datetime.fromtimestamp(clock.now(), UTC)
                for id, record in self.reader.read(type, batch, [name], links=False).items():
                    self.look(mine[id], record, at)

    def _unclaimed(self) -> Iterator[tuple[str, _Bare]]:
        """Leave out those whose key another living record bears."""
        for type in self.names:
            mine = [key for key, bare in self.bare.items() if bare.known.type is type]
            for batch in pieces(mine, READ_BATCH):
                bearers = self.reader.find(type, batch, [], among=Among.ALIVE)
                yield from ((key, self.bare[key]) for key in batch if key not in bearers or bearers[key].archived)

    def _written(self, key: str, bare: _Bare) -> Change:
        known = bare.known
        return Change(
            id=f"{known.type}:{key}/key",
            action="update",
            type=known.type,
            key=key,
            account_id=known.account_id,
            title=f"{known.type} {known.crm_id}",
            reason=REASON,
            crm_id=known.crm_id,
            fields=(FieldChange(self.names[known.type], None, key, Policy.OWN, Cause.KEY),),
            read_at=bare.at,
        )


def watched(reader: CrmReader, known: Mapping[str, KnownRecord], keys: Keys) -> KeyWatch:
    """Watch the types whose key our user may write; where a task carries its key in its last line, there is none."""
    keyed = reader.abilities().keyed if keys.names else ()
    there = {
        type: name for type, name in keys.names.items() if type in keyed and reader.schema(type).fields[name].updateable
    }
    return KeyWatch(reader, known, there, keys.suspects)


def _with(change: Change, written: dict[str, Change]) -> Change:
    """Let a record's own change carry its key along, and take that out of `written`."""
    if change.key not in written or change.action not in ("unchanged", "update", "close"):
        return change
    key = written.pop(change.key)
    action = "update" if change.action == "unchanged" else change.action
    return replace(change, action=action, fields=(*change.fields, *key.fields))
