"""One run of the connector: what it was asked, how it ended, what it delivered.

A run with one undelivered change is `partial`, never `success`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.domain.errors import Exit


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    PLANNED = "planned"  # only a plan was asked for
    SHADOW = "shadow"  # the policy lets nothing be written
    WAITING = "waiting"  # for approval
    DEFERRED = "deferred"
    FAILED = "failed"


EXITS: Mapping[RunStatus, Exit] = {
    RunStatus.RUNNING: Exit.BUG,
    RunStatus.SUCCESS: Exit.OK,
    RunStatus.PARTIAL: Exit.PARTIAL,
    RunStatus.PLANNED: Exit.OK,
    RunStatus.SHADOW: Exit.OK,
    RunStatus.WAITING: Exit.APPROVAL,
    RunStatus.DEFERRED: Exit.LATER,
    RunStatus.FAILED: Exit.BUG,
}
"""Exit code by status. A run found RUNNING long after was killed."""


@dataclass(frozen=True)
class Run:
    """One run: `now` is business time, fixed at open; `started_at` and `ended_at` are real."""

    id: str
    job: str
    destination: str
    now: datetime
    started_at: datetime
    status: RunStatus = RunStatus.RUNNING
    ended_at: datetime | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivered:
    """What became of the entries of one delivery, counted and by entry id."""

    ok: int = 0
    parked: int = 0
    moved: int = 0
    deferred: int = 0
    unknown: int = 0
    waiting: int = 0
    """Changes that wait for a parked or unknown parent."""
    calls: int = 0
    """API calls made."""
    because: str = ""
    """Why something was deferred, in the vendor's words or ours."""
    written: Mapping[str, int] = field(default_factory=dict)
    """Changes that this delivery brought into the CRM, by action, whichever run planned them."""
    by_entry: Mapping[str, str] = field(default_factory=dict)
    """Entry id → ok, parked, moved, deferred, unknown or waiting."""

    @property
    def status(self) -> RunStatus:
        if self.deferred:
            return RunStatus.DEFERRED
        return RunStatus.PARTIAL if self.parked or self.unknown or self.waiting or self.moved else RunStatus.SUCCESS


@dataclass(frozen=True)
class Decision:
    """Why an account got no proposal for a subject, and since which run that is so."""

    account_id: str
    subject: str
    reason: str
    detail: str
    since_run: str
    since: datetime
    p: float | None = None
    value: int | None = None
