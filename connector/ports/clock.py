"""Elapsed time: read age, leases, backoff. Business time is never read here; it is fixed at open."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Counts seconds. Never runs backwards within a process, and is comparable between processes."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass."""
        ...
