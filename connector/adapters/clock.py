"""Elapsed time of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """Counts seconds from the epoch, and never runs backwards within a process."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
