"""A clock that only moves when told to, so that no test waits."""

from __future__ import annotations


class SimulatedClock:
    """Starts at a given second; sleeping moves it at once."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
