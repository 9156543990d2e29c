"""One clock for the processes of a benchmark: the processor time of client and stand-in, plus waits, which are skipped.

A vendor's limit makes a client wait for minutes. Whoever waits here moves the clock on instead, so that client and
stand-in go on at once and both believe that the time has passed. Work counts as the processor time it takes, so that
whatever else runs on the machine counts for nobody; the disk's time is left out with it. Client and stand-in take
turns, hence one sum. Standard library only: a peer's environment has no more.
"""

from __future__ import annotations

import mmap
import struct
import threading
import time
from pathlib import Path
from typing import SupportsIndex

_SECONDS = struct.Struct("d")
_SKIPPED, CLIENT, SERVER = range(3)
"""Where in the file a sum stands. Each has one writer at a time: sides run one after another."""


class SharedClock:
    """A `Clock` over a small file that every process of a benchmark has mapped."""

    def __init__(self, path: Path, role: int = CLIENT) -> None:
        if not path.exists():
            path.write_bytes(_SECONDS.pack(0.0) * 3)
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 3 * _SECONDS.size)
        self._role = role
        self._told = time.process_time()
        self._sleep = time.sleep
        self._start = time.time()

    def skipped(self) -> float:
        """Give the seconds of waiting that nobody had to live through."""
        return self._at(_SKIPPED)

    def monotonic(self) -> float:
        """Count seconds as the benchmark sees them; the same in all its processes."""
        worked = time.process_time()
        self._add(self._role, worked - self._told)
        self._told = worked
        return self._at(_SKIPPED) + self._at(CLIENT) + self._at(SERVER)

    def now(self) -> float:
        """Count them from 1970, as a `Clock` does."""
        return self._start + self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Skip a wait."""
        self._add(_SKIPPED, max(0.0, seconds))

    def take_over(self) -> None:
        """Let this whole process live by it. Only its main thread works; any other one that waits really waits."""

        def sleep(seconds: SupportsIndex | float) -> None:
            is_main = threading.current_thread() is threading.main_thread()
            (self.sleep if is_main else self._sleep)(float(seconds))

        time.sleep = sleep
        time.monotonic = self.monotonic

    def _at(self, place: int) -> float:
        seconds: float = _SECONDS.unpack_from(self._shared, place * _SECONDS.size)[0]
        return seconds

    def _add(self, place: int, seconds: float) -> None:
        _SECONDS.pack_into(self._shared, place * _SECONDS.size, self._at(place) + seconds)
