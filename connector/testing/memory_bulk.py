"""The memory CRM's jobs: uploaded, started, run while they are asked, told in another order than they were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.domain.change import Outcome, RecordType, Verb, Verdict, Write
from connector.domain.errors import UnreachableError
from connector.testing.memory_crm import MemoryCrm

Mishap = Literal["no_begin", "lost_start", "lost_request", "vanished", "forever"]


@dataclass
class Job:
    """Writes that wait for a start; `asked` counts the questions before it is done."""

    batch: Sequence[Write]
    state: Literal["open", "running", "done", "ended"] = "open"
    asked: int = 0
    told: list[Outcome] = field(default_factory=list)


@dataclass
class MemoryBulk:
    """Jobs over a memory CRM, from `threshold` writes on; `mishaps` strike once each, by name."""

    crm: MemoryCrm
    threshold: int = 4
    most: int = 100
    jobs: dict[str, Job] = field(default_factory=dict)
    mishaps: list[Mishap] = field(default_factory=list)

    def size(self, verb: Verb, type: RecordType, count: int) -> int:
        is_fit = verb == "update" or (verb == "create" and type in self.crm.abilities_.keyed)
        return self.most if is_fit and count >= self.threshold else 0

    def begin(self, batch: Sequence[Write]) -> tuple[str, list[Outcome]]:
        if self._strikes("no_begin"):
            raise UnreachableError("no job was made")
        name = f"job-{len(self.jobs) + 1}"
        self.jobs[name] = Job(tuple(batch))
        return name, []

    def start(self, job: str) -> None:
        if self._strikes("lost_request"):
            raise UnreachableError("the answer was lost")
        self.jobs[job].state = "running"
        if self._strikes("lost_start"):
            raise UnreachableError("the answer was lost")

    def outcomes(self, job: str, batch: Sequence[Write]) -> list[Outcome] | None:
        if self._strikes("vanished"):
            self._run(self.jobs[job])
            del self.jobs[job]
        if job not in self.jobs:
            return [Outcome(write.entry, Verdict.UNKNOWN) for write in batch]
        asked = self.jobs[job]
        asked.asked += 1
        if asked.state == "open":
            asked.state = "ended"
        if asked.state == "ended":
            return [Outcome(write.entry, Verdict.RETRY) for write in batch]
        if asked.asked < 2 or "forever" in self.mishaps:
            return None
        self._run(asked)
        mine = {write.entry for write in batch}
        return [outcome for outcome in reversed(asked.told) if outcome.entry in mine]

    def _run(self, job: Job) -> None:
        if job.state == "running":
            job.told = self.crm.carry_out(job.batch)
            job.state = "done"

    def _strikes(self, mishap: Mishap) -> bool:
        if mishap in self.mishaps:
            self.mishaps.remove(mishap)
            return True
        return False
