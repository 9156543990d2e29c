"""Keeps calls below a vendor's limits, by what its answers tell, before a call rather than after its refusal.

Decided here: of a daily quota the last twentieth is left to whoever else works with the same CRM.
"""

from __future__ import annotations

from collections import deque

from connector.ports.clock import Clock

_SECONDS_BELIEVED = 900.0


class Pace:
    """At most `calls` in any `seconds`; the vendor's own headers may change both."""

    def __init__(self, clock: Clock, calls: int, seconds: float) -> None:
        self._clock = clock
        self._calls = calls
        self._seconds = seconds
        self._made: deque[float] = deque()

    def allow(self, calls: int, seconds: float) -> None:
        """Take over the limit that the vendor tells."""
        self._calls, self._seconds = max(1, calls), seconds

    def wait(self) -> None:
        """Wait until one more call fits, and count it."""
        self._forget_old()
        while len(self._made) >= self._calls:
            self._clock.sleep(self._made[0] + self._seconds - self._clock.now())
            self._forget_old()
        self._made.append(self._clock.now())

    def _forget_old(self) -> None:
        now = self._clock.now()
        while self._made and self._made[0] + self._seconds <= now:
            self._made.popleft()


class Quota:
    """Calls used of those allowed in a day, as the vendor's last answer told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent_at: float | None = None

    def note(self, used: int, allowed: int) -> None:
        """Take over what an answer tells."""
        self._spent_at = self._clock.now() if used * 20 >= allowed * 19 else None

    def is_spent(self) -> bool:
        """Say whether our share is used up; what was told a while ago is asked for again."""
        return self._spent_at is not None and self._clock.now() < self._spent_at + _SECONDS_BELIEVED
