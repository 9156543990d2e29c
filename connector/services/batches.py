"""In which order and in what batches changes travel; plan and delivery both walk this, so the estimate is exact.

Parents go before children: accounts, contacts, opportunities, tasks; an association after both its ends. Within a
type, records that exist go before new ones, and neighbours in a batch share their parent account, because a CRM locks
the account while it writes its children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import TypeVar

from connector.domain.change import Abilities, Change, RecordType, Verb
from connector.domain.outbox import OutboxEntry, verb_of

BatchSize = Callable[[Verb, RecordType], int]
Phase = tuple[Verb, RecordType]
T = TypeVar("T")

TYPES = (RecordType.OWNER, RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK)
RECORD_VERBS: tuple[Verb, ...] = ("update", "create")
PHASES: tuple[Phase, ...] = (
    *((verb, type) for type in TYPES for verb in RECORD_VERBS),
    *(("associate", type) for type in TYPES),
)
WRITTEN = frozenset({"create", "update", "close", "associate"})
"""Actions that reach the CRM; the others only say something."""


def phase_of(change: Change) -> Phase:
    """Name the phase in which a change travels."""
    return verb_of(change), change.type


def pieces(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a list into batches."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def estimated_calls(changes: Iterable[Change], size: BatchSize, abilities: Abilities) -> int:
    """Count the calls that delivery makes when nothing fails."""
    phases = Counter(phase_of(change) for change in changes if change.action in WRITTEN)
    return sum(ceil(count / size(*phase)) * calls_per_batch(phase, abilities) for phase, count in phases.items())


def calls_per_batch(phase: Phase, abilities: Abilities) -> int:
    """One write, and one read where the answer does not show what the CRM made of it."""
    verb, _ = phase
    return 1 if verb == "associate" or abilities.shows_writes else 2


def affordable(
    entries: Sequence[OutboxEntry], calls: int | None, size: BatchSize, abilities: Abilities
) -> list[OutboxEntry]:
    """Choose what the budget of calls allows, the highest expected value first; the rest stays in the outbox."""
    if calls is None:
        return list(entries)
    chosen: list[OutboxEntry] = []
    counts: Counter[Phase] = Counter()
    spent = 0
    for entry in sorted(entries, key=lambda one: (-one.change.value, PHASES.index(phase_of(one.change)), one.order)):
        phase = phase_of(entry.change)
        # Only an entry that opens a new batch costs calls.
        cost = calls_per_batch(phase, abilities) if counts[phase] % size(*phase) == 0 else 0
        if spent + cost <= calls:
            spent += cost
            counts[phase] += 1
            chosen.append(entry)
    return chosen


def batches(entries: Sequence[OutboxEntry], phase: Phase, size: BatchSize) -> Iterator[Sequence[OutboxEntry]]:
    """Cut one phase's entries into batches, by parent account."""
    mine = [entry for entry in entries if phase_of(entry.change) == phase]
    yield from pieces(sorted(mine, key=lambda one: (one.change.account_id, one.order, one.id)), size(*phase))
