"""Compares what should be with what is, and says exactly what delivery would do.

Takes readers only: its types prove that planning writes nothing. A record known by a receipt is read by its CRM id and
merged field by field; one never seen is looked up by its key first, so that a lost ledger doubles nothing. A known
record that the CRM has no more is never made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from operator import attrgetter

from connector.domain.change import Abilities, Among, Change, CrmRecord, Desired, Plan, RecordType, Schema, Why
from connector.domain.episode import Episode
from connector.domain.errors import ConnectorError
from connector.domain.hold import Hold
from connector.domain.intent import Held
from connector.domain.receipt import KnownRecord, resolved
from connector.ports.clock import Clock
from connector.ports.crm import CrmReader
from connector.services.batches import TYPES, WRITTEN, BatchSize, JobSize, Transport, estimated_calls, no_jobs, pieces
from connector.services.diff import Seen, associations, closed_together, create, held_change, hold, revise
from connector.services.drift import missing_for_new, with_children, without_lost
from connector.services.keys import Keys, watched
from connector.services.remade import Remade, without_emptied

READ_BATCH = 500
SEARCH_BATCH = 10_000
"""A type without a key is searched through: once for many."""
ACTIONS = ("create", "update", "close", "associate", "unchanged", "held")
ORDER: tuple[Callable[[Change], str | int], ...] = (
    attrgetter("account_id"),
    lambda change: TYPES.index(change.type),
    attrgetter("key"),
    lambda change: ACTIONS.index(change.action),
    attrgetter("id"),
)
"""By what the changes of a plan are ordered, the first first."""


@dataclass(frozen=True)
class PlanContext:
    """What a plan is made under; the sizes are the writer's, asked without holding the writer."""

    run_id: str
    job: str
    destination: str
    now: datetime
    config_hash: str
    ledger_epoch: str
    clock: Clock
    batch_size: BatchSize
    job_size: JobSize = no_jobs
    holds: Mapping[str, Hold] = field(default_factory=dict)
    whole: bool = False
    """What is desired is everything that the job wants."""
    outside: Callable[[str], str] = lambda _account_id: ""
    """Why nothing may be written about a CRM account; an empty text when it may be."""
    waiting: Sequence[Change] = ()
    """Held changes for what an earlier plan still has to send and may not any more."""
    decided: Callable[[Change], None] = lambda _change: None
    """Hears at once of each change to be written: the time until the vendor's limit lets us read on can be used."""
    keys: Keys = field(default_factory=Keys)
    """Records that lost their key get it again from a whole plan."""
    remade: Remade = field(default_factory=dict)
    """Fields that the CRM lost and that were made anew, with the run that missed them."""

    def is_left_alone(self, known: KnownRecord) -> bool:
        """A person took it back, or its account is out of scope."""
        return known.key in self.holds or bool(self.outside(known.account_id))


def make_plan(
    desired: Sequence[Desired],
    held: Sequence[Held],
    reader: CrmReader,
    known: Mapping[str, KnownRecord],
    context: PlanContext,
    episodes: Sequence[Episode] = (),
) -> Plan:
    """Plan every change that brings the CRM to what is desired; `episodes` are stored when it is applied."""
    _refuse_twins(desired)
    abilities = reader.abilities()
    schemas = {type: reader.schema(type) for type in sorted({one.type for one in desired})}
    inside, changes = _within(desired, known, context)
    changes += [*(held_change(one) for one in held), *context.waiting]
    keys = watched(reader, known, context.keys if context.whole else Keys())
    for batch, seen, at in _looked(inside, reader, known, schemas, abilities, context.clock, keys.names):
        for one in batch:
            if one.key in seen:
                keys.look(one.key, seen[one.key].record, seen[one.key].at)
            record = known.get(one.key)
            if one.key in context.holds:
                changes.append(hold(one, Why.UNDONE, record.crm_id if record else None))
                continue
            if one.key in seen:
                record = without_emptied(record, seen[one.key].record, context.remade, schemas[one.type].fields)
            decided = [_decide(one, record, seen.get(one.key), schemas[one.type], at)]
            if one.type not in abilities.inline_links and decided[0].action != "held" and not one.close:
                decided += associations(one, record, seen.get(one.key))
            for change in decided:
                changes.append(change)
                if change.action in WRITTEN:
                    context.decided(change)
    changes = closed_together(changes, desired)
    changes = keys.restored(with_children(changes), context.is_left_alone, context.clock)
    for part in reversed(ORDER):
        changes.sort(key=part)  # one after the other, because a key of all parts would cost more than the change
    written = written_fields(changes)
    return Plan(
        run_id=context.run_id,
        job=context.job,
        destination=context.destination,
        created_at=context.now,
        config_hash=context.config_hash,
        schema_hash=schema_hash(written, reader.schema),
        schema_fields=written,
        ledger_epoch=context.ledger_epoch,
        changes=tuple(changes),
        calls=estimated_calls(changes, Transport(context.batch_size, abilities, context.job_size)),
        episodes=tuple(episodes),
        whole=context.whole,
    )


def _within(
    desired: Sequence[Desired], known: Mapping[str, KnownRecord], context: PlanContext
) -> tuple[list[Desired], list[Change]]:
    """Part what may be written from what is outside the scope, which is held as it is and not even read."""
    inside, held = [], []
    for one in desired:
        why = context.outside(one.account_id)
        if not why:
            inside.append(one)
            continue
        record = known.get(one.key)
        is_there = record is not None and record.tombstone is None
        if one.key in context.holds:  # what a person took back is left to the undoing
            held.append(hold(one, Why.UNDONE, record.crm_id if record else None))
            continue
        reason = f"{why}; it stays as it is" if is_there else why
        held.append(hold(replace(one, reason=reason), Why.OUT_OF_SCOPE, record.crm_id if record else None))
    return inside, held


def counts(plan: Plan) -> dict[str, int]:
    """Count the changes of a plan by action."""
    return {action: sum(change.action == action for change in plan.changes) for action in ACTIONS}


def written_fields(changes: Iterable[Change]) -> tuple[str, ...]:
    """Name every field that changes write, as `type.field`."""
    used = sorted({(change.type, field.name) for change in changes for field in change.fields})
    return tuple(f"{type}.{name}" for type, name in used)


def schema_hash(written: Iterable[str], schema: Callable[[RecordType], Schema]) -> str:
    """Hash the CRM's description of fields."""
    parts = (one.partition(".") for one in written)
    described = [repr((type, schema(RecordType(type)).fields.get(name))) for type, _, name in parts]
    return sha256("\n".join(described).encode()).hexdigest()[:16]


def _decide(one: Desired, known: KnownRecord | None, seen: Seen | None, schema: Schema, at: datetime) -> Change:
    if known is not None and known.tombstone is not None:
        return hold(one, Why.DELETED, known.crm_id)
    if seen is not None and _is_there(seen.record):
        return revise(without_lost(one, schema), known, seen, schema)
    if known is not None:
        return hold(one, Why.DELETED, known.crm_id)
    if one.crm_id is not None:
        return hold(one, Why.DISAPPEARED, one.crm_id)
    if seen is not None:
        # Found by its key, but deleted: a person threw it away while the ledger was lost.
        return hold(one, Why.DELETED, seen.record.id)
    if one.close:
        return hold(one, Why.NOTHING_TO_CLOSE, None)
    if missing := missing_for_new(one, schema):
        return replace(hold(one, Why.SCHEMA, None), reason="; ".join(missing))
    return create(one, schema, at)


def _is_there(record: CrmRecord) -> bool:
    return not record.archived and record.merged_into is None


def _looked(
    desired: Sequence[Desired],
    reader: CrmReader,
    known: Mapping[str, KnownRecord],
    schemas: Mapping[RecordType, Schema],
    abilities: Abilities,
    clock: Clock,
    key_names: Mapping[RecordType, str],
) -> Iterator[tuple[Sequence[Desired], Mapping[str, Seen], datetime]]:
    """Read every record that exists, by id where it is known and by key where it is not, a batch at a time, and when.

    What a batch showed is let go once it is decided: a plan holds what changes, never the whole CRM.
    """
    for type in (type for type in TYPES if type in schemas):
        mine = [one for one in desired if one.type is type]
        names = _names(mine, known, schemas[type], key_names.get(type))
        ids = {one.key: crm_id for one in mine if (crm_id := _id_of(one, known)) is not None}
        for batch in pieces([one for one in mine if one.key in ids], READ_BATCH):
            at = _at(clock)
            found = _read(reader, type, list(dict.fromkeys(ids[one.key] for one in batch)), names, clock)
            yield batch, {one.key: found[ids[one.key]] for one in batch if ids[one.key] in found}, at
        unknown = [one for one in mine if one.key not in ids]
        gone = reader.find(type, [one.key for one in unknown], names, among=Among.DELETED) if unknown else {}
        for batch in pieces(unknown, READ_BATCH if type in abilities.keyed else SEARCH_BATCH):
            at = _at(clock)
            near = {one.key: resolved(one.links, known) for one in batch}
            by_key = {key: gone[key] for key in near if key in gone}
            by_key |= reader.find(type, list(near), names, near, Among.ALIVE)
            yield batch, {key: Seen(record, at, adopted=True) for key, record in by_key.items()}, at


def _id_of(one: Desired, known: Mapping[str, KnownRecord]) -> str | None:
    return one.crm_id or (known[one.key].crm_id if one.key in known else None)


def _read(
    reader: CrmReader, type: RecordType, ids: Sequence[str], names: Sequence[str], clock: Clock
) -> dict[str, Seen]:
    """Read records by id; an account that was merged is followed to its survivor."""
    found: dict[str, Seen] = {}
    for batch in pieces(ids, READ_BATCH):
        at = _at(clock)
        found |= {crm_id: Seen(record, at) for crm_id, record in reader.read(type, batch, names).items()}
    merged = {crm_id: seen.record.merged_into for crm_id, seen in found.items() if seen.record.merged_into is not None}
    if type is not RecordType.ACCOUNT or not merged:
        return found
    survivors = _read(reader, type, sorted({into for into in merged.values() if into not in merged}), names, clock)
    return found | {crm_id: survivors[into] for crm_id, into in merged.items() if into in survivors}


def _names(
    desired: Sequence[Desired], known: Mapping[str, KnownRecord], schema: Schema, key_name: str | None
) -> list[str]:
    """Fields to read: those we want to set, those we set before, by which a person's touch is noticed, and our key."""
    names = {name for one in desired for name in one.fields} | ({key_name} if key_name else set())
    names |= {name for one in desired if one.key in known for name in known[one.key].receipts}
    return sorted(names & set(schema.fields))


def _at(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _refuse_twins(desired: Sequence[Desired]) -> None:
    first: dict[str, Desired] = {}
    for one in desired:
        if one.key in first:
            raise ConnectorError(f"two desired records share the key {one.key}: {first[one.key].title}, {one.title}")
        first[one.key] = one
