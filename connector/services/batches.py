"""In which order and in what batches changes travel; plan and delivery both walk this, so the estimate is exact.

Parents go before children: accounts, contacts, opportunities, tasks, files, and the notes that carry them; an
association after both its ends. Within a type, records that exist go before new ones, and neighbours in a batch share
their parent account, because a CRM locks the account while it writes its children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from connector.domain.change import Abilities, Change, RecordType, Verb
from connector.domain.outbox import OutboxEntry, verb_of

BatchSize = Callable[[Verb, RecordType], int]
JobSize = Callable[[Verb, RecordType, int], int]
Phase = tuple[Verb, RecordType]
T = TypeVar("T")

TYPES = (
    RecordType.OWNER,
    RecordType.ACCOUNT,
    RecordType.CONTACT,
    RecordType.OPPORTUNITY,
    RecordType.TASK,
    RecordType.FILE,
    RecordType.NOTE,
)
RECORD_VERBS: tuple[Verb, ...] = ("update", "create")
PHASES: tuple[Phase, ...] = (
    *((verb, type) for type in TYPES for verb in RECORD_VERBS),
    *(("associate", type) for type in TYPES),
)
CALLS_OF_A_JOB = 7
"""Create, upload, start, ask twice, and read what succeeded and what failed."""
WRITTEN = frozenset({"create", "update", "close", "associate"})
"""Actions that reach the CRM; the others only say something."""


def no_jobs(_verb: Verb, _type: RecordType, _count: int) -> int:
    """Say that a CRM has no jobs."""
    return 0


def phase_of(change: Change) -> Phase:
    """Name the phase in which a change travels."""
    return verb_of(change), change.type


def pieces(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a list into batches."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


@dataclass(frozen=True)
class Transport:
    """How writes travel to one CRM: how many a call carries, how many a job does, and what both cost in calls."""

    batch_size: BatchSize
    abilities: Abilities
    job_size: JobSize = no_jobs

    def calls(self, phase: Phase, count: int) -> int:
        """Count the calls that carry out so many writes of one phase when nothing fails."""
        size = self.batch_size(*phase)
        reads = 0 if self._shows(phase) else ceil(count / size)
        job = self.job_size(*phase, count)
        return (ceil(count / job) * CALLS_OF_A_JOB if job else ceil(count / size)) + reads

    def calls_of_a_batch(self, phase: Phase) -> int:
        """One write, and one read where the answer does not show what the CRM made of it."""
        return 1 if self._shows(phase) else 2

    def _shows(self, phase: Phase) -> bool:
        return phase[0] == "associate" or self.abilities.shows_writes


def estimated_calls(changes: Iterable[Change], transport: Transport) -> int:
    """Count the calls that delivery makes when nothing fails; a job that runs long is asked more often."""
    phases = Counter(phase_of(change) for change in changes if change.action in WRITTEN)
    return sum(transport.calls(phase, count) for phase, count in phases.items())


def affordable(entries: Sequence[OutboxEntry], calls: int | None, transport: Transport) -> list[OutboxEntry]:
    """Choose what the budget of calls allows, the highest expected value first; the rest stays in the outbox."""
    if calls is None or _cost(entries, transport) <= calls:
        return list(entries)
    chosen: list[OutboxEntry] = []
    made = {entry.change.key for entry in entries if entry.verb == "create"}
    """Keys of records that are to be made and are not chosen so far."""
    counts: Counter[Phase] = Counter()
    spent = 0
    for entry in sorted(entries, key=lambda one: (-one.change.value, PHASES.index(phase_of(one.change)), one.order)):
        phase = phase_of(entry.change)
        if not made.isdisjoint(needs(entry)):
            continue  # what it belongs to is not among the chosen
        # Only an entry that opens a new batch costs calls.
        opens = counts[phase] % transport.batch_size(*phase) == 0
        cost = transport.calls_of_a_batch(phase) if opens else 0
        if spent + cost <= calls:
            spent += cost
            counts[phase] += 1
            chosen.append(entry)
            made.discard(entry.change.key if entry.verb == "create" else "")
    return chosen


def needs(entry: OutboxEntry) -> set[str]:
    """Keys of the records that an entry cannot do without."""
    keys = {link.to.key for link in entry.change.links if link.to.key is not None}
    return keys if entry.verb == "create" else keys | {entry.change.key}


def _cost(entries: Sequence[OutboxEntry], transport: Transport) -> int:
    phases = Counter(phase_of(entry.change) for entry in entries)
    return sum(transport.calls(phase, count) for phase, count in phases.items())


def by_phase(entries: Iterable[OutboxEntry]) -> dict[Phase, list[OutboxEntry]]:
    """Sort entries into phases, in the order in which those travel."""
    found: dict[Phase, list[OutboxEntry]] = {phase: [] for phase in PHASES}
    for entry in entries:
        found[phase_of(entry.change)].append(entry)
    return found


def in_travel_order(entries: Iterable[OutboxEntry]) -> list[OutboxEntry]:
    """Sort entries as they will travel: what is stored side by side is changed together, which spares the disk."""
    return [entry for phase in by_phase(sorted(entries, key=by_parent)).values() for entry in phase]


def by_parent(entry: OutboxEntry) -> tuple[str, int, str]:
    """Order entries so that children of one account are neighbours."""
    return entry.change.account_id, entry.order, entry.id
