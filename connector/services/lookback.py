"""What undoing a run would do: every record that it wrote, as the CRM shows it now, and a plan that takes it back.

Nothing is written here. The run's own outbox entries say what it did, with what each field held before; the receipts
say what is still as it left it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connector.domain.change import Change, CrmRecord, Plan, RecordType
from connector.domain.errors import LaterError, MendError
from connector.domain.hold import UNDO, Hold
from connector.domain.outbox import BLOCKING, OPEN, DeliveryState, OutboxEntry
from connector.domain.routing import place_field
from connector.domain.run import Run, RunStatus
from connector.services.batches import TYPES, Transport, estimated_calls, no_jobs, pieces
from connector.services.diff import Seen
from connector.services.memory import Memory
from connector.services.plan import READ_BATCH, schema_hash, written_fields
from connector.services.retired import withdrawn_file, withdrawn_note
from connector.services.takeback import Closing, Left, TakenBack, Undoes, take_back
from connector.services.track import look
from connector.services.work import Work
from connector.services.world import World

RECORDS = frozenset({"create", "update", "close"})


@dataclass(frozen=True)
class Undoing:
    """What undoing a run would do, as the CRM stands; its plan gets a run's id when it is carried out."""

    run: Run
    by: str
    plan: Plan
    entries: tuple[OutboxEntry, ...]
    """What the run planned, as it stands."""
    left: tuple[Left, ...] = ()
    also_by: Mapping[str, str] = field(default_factory=dict)
    """Key of a record that is closed → a later run that wrote to it."""
    closed: frozenset[str] = frozenset()
    """Keys of records that are closed already, by an undoing."""
    earlier: tuple[OutboxEntry, ...] = ()
    """What an undoing that did not end left in the outbox."""
    is_held: bool = False
    """Every key is held already."""

    @property
    def waiting(self) -> int:
        """Changes of the run that still wait: they are given up."""
        return sum(entry.state in OPEN for entry in self.entries)

    @property
    def links(self) -> int:
        """Associations that the run made: they stay."""
        return sum(is_done(entry) and entry.change.action == "associate" for entry in self.entries)

    @property
    def is_over(self) -> bool:
        """There is nothing left to take back."""
        return self.is_held and not (self.plan.changes or self.waiting or self.earlier)


def look_back(work: Work, run_id: str, by: str, now: datetime) -> Undoing:
    """Read what a run left in the CRM and plan to take it back."""
    run = undoable(work.memory, run_id)
    destination = work.crm.reader.destination()
    if destination.id != run.destination:
        raise MendError(
            f"run {run.id} wrote to {run.destination}, the credentials lead to {destination.id}",
            hint="use the credentials of the CRM that the run wrote to",
        )
    entries = work.memory.outbox.of_run(run.id)
    _refuse_if_nothing_was_written(run, entries)
    taken = _taken_back(work, run, [one for one in entries if is_done(one) and one.change.action in RECORDS])
    holds = _holds(work.memory, run, entries, by, now)
    standing = work.memory.holds.all(run.destination)
    keys = {hold.key for hold in holds}
    unended = [one for one in work.memory.outbox.entries(run.destination) if one.job == UNDO and one.change.key in keys]
    return Undoing(
        run=run,
        by=by,
        plan=_plan(work, run, [one.change for one in taken.values() if one.change is not None], holds, now),
        entries=tuple(entries),
        left=tuple(left for one in taken.values() for left in one.left),
        also_by={key: one.also_by for key, one in taken.items() if one.also_by is not None},
        closed=frozenset(key for key, one in taken.items() if one.is_closed),
        earlier=tuple(unended),
        is_held=all(hold.key in standing for hold in holds),
    )


def undoable(memory: Memory, run_id: str) -> Run:
    """Find the run whose plan wrote; raise with the cure where there is none to take back."""
    run = memory.runs.get(run_id)
    if run is None:
        raise MendError(f"the ledger knows no run {run_id}", hint="`connector runs` lists them")
    if run.job == UNDO:
        raise MendError(
            f"run {run_id} took another one back, and is not taken back itself",
            hint="`connector undo RUN --release`, with the run that was undone, lets the next run write again",
        )
    if run.job != "apply":
        return run
    # It carried out the plan of another run, and wrote in that run's name.
    applied = memory.runs.get(run.summary.get("applies", ""))
    if applied is None:
        raise MendError(
            f"run {run_id} did not end, so it does not tell whose plan it applied",
            hint="undo the run that made the plan; `connector runs` lists them",
        )
    return applied


def is_done(entry: OutboxEntry) -> bool:
    """The CRM holds what the entry wrote."""
    return entry.state is DeliveryState.DELIVERED


def _refuse_if_nothing_was_written(run: Run, entries: Sequence[OutboxEntry]) -> None:
    if entries:
        return
    if run.status is RunStatus.RUNNING:
        raise LaterError(
            f"run {run.id} has written nothing so far",
            hint="wait until it has ended; if it was killed, there is nothing to undo",
        )
    if run.status in (RunStatus.PLANNED, RunStatus.SHADOW, RunStatus.WAITING):
        raise MendError(
            f"run {run.id} only made a plan: it wrote nothing",
            hint="there is nothing to undo; `connector runs` lists the runs that wrote",
        )


def _taken_back(work: Work, run: Run, entries: Sequence[OutboxEntry]) -> dict[str, TakenBack]:
    """Decide for every record that the run wrote what becomes of it, by key."""
    world = look(work.memory, work.mapping, run.destination, work.crm.feed.stages(), ())
    wrote = {run_id for entry in entries for run_id in _writers(world, entry)}
    undos = {id for id in wrote if (writer := work.memory.runs.get(id)) is not None and writer.job == UNDO}
    on_its_way = {
        entry.change.key: entry.sent
        for entry in work.memory.outbox.entries(run.destination, BLOCKING)
        if entry.job == UNDO
    }
    undoes = Undoes(run.id, frozenset(undos), world.known, work.crm.reader.schema, _closing(world), on_its_way)
    taken = {}
    for entry, seen in _read(work, undoes, entries):
        record, at = (seen.record, seen.at) if seen is not None else (None, run.now)
        taken[entry.change.key] = take_back(entry, record, at, undoes)
    return taken


def _writers(world: World, entry: OutboxEntry) -> Iterator[str]:
    known = world.known.get(entry.change.key)
    return (receipt.run_id for receipt in (known.receipts.values() if known is not None else ()))


def _closing(world: World) -> Callable[[RecordType, CrmRecord | None], Closing | None]:
    """Say how the mapping closes what is withdrawn: an opportunity, in the pipeline that it is in."""
    opportunity = world.mapping.opportunity

    def of(type: RecordType, record: CrmRecord | None) -> Closing | None:
        match type:
            case RecordType.OPPORTUNITY:
                closed = world.stage("withdrawn", world.route_of(record)).id
                place = place_field(opportunity) if opportunity.routes else None
                return Closing(opportunity.stage, closed, told_by=place)
            case RecordType.TASK:
                task = world.mapping.task
                return Closing(task.status, task.cancelled, frozenset(task.done))
            case RecordType.NOTE if world.mapping.note is not None:
                return Closing(world.mapping.note.body, withdrawn_note(world.mapping))
            case RecordType.FILE if world.mapping.file is not None:
                return Closing(world.mapping.file.content, withdrawn_file(world.mapping))
            case _:
                return None

    return of


def _read(work: Work, undoes: Undoes, entries: Sequence[OutboxEntry]) -> Iterator[tuple[OutboxEntry, Seen | None]]:
    """Read the records of entries with every field we ever wrote, a batch at a time; None where the CRM has none."""
    by_type: dict[RecordType, list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        by_type[entry.change.type].append(entry)
    for type, mine in by_type.items():
        for batch in pieces(mine, READ_BATCH):
            at = datetime.fromtimestamp(work.clock.now(), UTC)
            ids = {entry.id: _crm_id(undoes, entry) for entry in batch}
            names = _names(undoes, type, batch)
            found = work.crm.reader.read(type, sorted({id for id in ids.values() if id is not None}), names)
            for entry in batch:
                record = found.get(ids[entry.id] or "")
                yield entry, Seen(record, at) if record is not None else None


def _crm_id(undoes: Undoes, entry: OutboxEntry) -> str | None:
    known = undoes.known.get(entry.change.key)
    return known.crm_id if known is not None else entry.crm_id


def _names(undoes: Undoes, type: RecordType, entries: Sequence[OutboxEntry]) -> list[str]:
    names = {field.name for entry in entries for field in entry.change.fields}
    for entry in entries:
        known = undoes.known.get(entry.change.key)
        names |= set(known.receipts) if known is not None else set()
    closes = any(entry.change.action == "create" for entry in entries)
    closing = undoes.closing(type, None) if closes else None
    names |= {closing.field, closing.told_by or closing.field} if closing is not None else set()
    return sorted(names & set(undoes.schema(type).fields))


def _holds(memory: Memory, run: Run, entries: Sequence[OutboxEntry], by: str, now: datetime) -> list[Hold]:
    """Hold every record that the run wrote or still wants to write, and every episode that it opened."""
    accounts = {
        entry.change.key: entry.change.account_id
        for entry in entries
        if entry.change.action in RECORDS and entry.state is not DeliveryState.SUPERSEDED
    }
    stored = memory.plans.get(run.id)
    if stored is not None:
        opened = (one for one in stored.plan.episodes if one.opened_at == stored.plan.created_at)
        accounts |= {episode.key: episode.account_id for episode in opened}
    return [Hold(key, account, run.id, by, now) for key, account in sorted(accounts.items())]


def _plan(work: Work, run: Run, changes: Sequence[Change], holds: Sequence[Hold], now: datetime) -> Plan:
    crm = work.crm
    transport = Transport(crm.writer.batch_size, crm.reader.abilities(), crm.bulk.size if crm.bulk else no_jobs)
    written = written_fields(changes)
    return Plan(
        run_id="",
        job=UNDO,
        destination=run.destination,
        created_at=now,
        config_hash=work.project.hash,
        schema_hash=schema_hash(written, crm.reader.schema),
        schema_fields=written,
        ledger_epoch=work.memory.destinations.epoch(),
        changes=tuple(sorted(changes, key=lambda one: (one.account_id, TYPES.index(one.type), one.key))),
        calls=estimated_calls(changes, transport),
        holds=tuple(holds),
    )
