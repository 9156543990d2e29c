"""Cutting writes into calls: never too many in one, never the same record twice in one, never all for one's fault.

Both vendors refuse a batch that names one record twice, so the second write of a key goes into a later call. Where a
vendor refuses a whole batch without naming the culprit, halving finds it in few calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import TypeVar

from connector.adapters.crms.http import CallError
from connector.domain.change import Outcome, Verdict, Write

T = TypeVar("T")
MOST_CALLS_TO_ISOLATE = 64
MOST_SECONDS_TO_ISOLATE = 60.0
"""The lease that guards a delivery outlives a call with its waits, not a whole search for culprits."""
_CURE = "mend what the message names, in the record or in the mapping"


@dataclass(frozen=True)
class Judgement:
    """What a failed call means for each write it carried."""

    verdict: Verdict
    code: str
    message: str
    field: str | None = None
    hint: str | None = None
    is_shared: bool = False
    """One record's fault was told for the whole call: the others deserve a call of their own."""

    def of(self, write: Write) -> Outcome:
        """Tell it of one write; what a person has to mend always says how."""
        hint = self.hint or (_CURE if self.verdict is Verdict.REJECTED else None)
        return Outcome(write.entry, self.verdict, code=self.code, message=self.message, field=self.field, hint=hint)


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut any iterable into lists of at most `size`."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def carry_out(
    writes: Sequence[Write],
    size: int,
    send: Callable[[Sequence[Write]], list[Outcome]],
    judge: Callable[[CallError], Judgement],
) -> list[Outcome]:
    """Send writes in as many calls as they need; after a refusal that holds for all, send no more."""
    outcomes: list[Outcome] = []
    closed: Judgement | None = None
    for call in _calls(writes, size):
        if closed is not None:
            outcomes += [closed.of(write) for write in call]
            continue
        told, closed = _isolated(call, send, judge)
        outcomes += told
    return outcomes


def _calls(writes: Sequence[Write], size: int) -> Iterator[list[Write]]:
    waiting = list(writes)
    while waiting:
        call: list[Write] = []
        later: list[Write] = []
        named: set[str | None] = set()
        for write in waiting:
            name = _record_of(write)
            if len(call) < size and name not in named:
                named.add(name)
                call.append(write)
            else:
                later.append(write)
        yield call
        waiting = later


def _isolated(
    writes: Sequence[Write],
    send: Callable[[Sequence[Write]], list[Outcome]],
    judge: Callable[[CallError], Judgement],
) -> tuple[list[Outcome], Judgement | None]:
    outcomes: list[Outcome] = []
    parts = [writes]
    calls, began = 0, monotonic()
    while parts:
        part = parts.pop()
        try:
            calls += 1
            outcomes += send(part)
        except CallError as error:
            judged = judge(error)
            if judged.verdict is Verdict.DEFER:
                rest = [*part, *(write for other in parts for write in other)]
                return outcomes + [judged.of(write) for write in rest], judged
            if not judged.is_shared or len(part) == 1:
                outcomes += [judged.of(write) for write in part]
            elif calls >= MOST_CALLS_TO_ISOLATE or monotonic() - began > MOST_SECONDS_TO_ISOLATE:
                outcomes += [Judgement(Verdict.RETRY, judged.code, judged.message).of(write) for write in part]
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return outcomes, None


def _record_of(write: Write) -> str | None:
    match write.verb:
        case "create":
            return write.key or write.entry
        case "update":
            return write.crm_id
        case "associate":
            return f"{write.crm_id} {' '.join(str(link.to) for link in write.links)}"
