"""Keeps calls below a vendor's limits, by what its answers tell, before a call rather than after its refusal.

Decided here: the mapping's floor is a share of the vendor's day that is never touched, so that whatever else works with
the same CRM goes on working. A call that would go below it is refused before it is sent. What an answer told is
believed for a quarter of an hour; then one call may ask again, because the vendor's day has moved on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.change import Allowance
from connector.ports.clock import Clock

_SECONDS_BELIEVED = 900.0


class Pace:
    """At most `calls` in any `seconds` as the vendor counts them; its own headers may change both.

    A call counts from when its answer came. When it reached the vendor nobody knows (a first call opens a connection
    before), but it was no later: so the whole limit can be used, however long some calls are under way.
    """

    def __init__(self, clock: Clock, calls: int, seconds: float) -> None:
        self._clock = clock
        self._calls = calls
        self._seconds = seconds
        self._made: deque[float] = deque()

    def allow(self, calls: int, seconds: float, left: int | None = None) -> None:
        """Take over the limit that the vendor tells, and how many calls it says are left in this window.

        When fewer are left than we think, somebody else made calls with the same credentials. Nobody tells when: they
        are taken for calls made now.
        """
        self._calls, self._seconds = max(1, calls), seconds
        if left is not None:
            self._forget_old()
            by_others = self._calls - left - len(self._made)
            self._made.extend([self._clock.now()] * by_others)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more call fits, and count it when it is over, however it ends."""
        self._forget_old()
        while len(self._made) >= self._calls:
            self._clock.sleep(max(0.0, self._made[0] + self._seconds - self._clock.now()))
            self._forget_old()
        try:
            yield
        finally:
            self._made.append(self._clock.now())

    def _forget_old(self) -> None:
        now = self._clock.now()
        while self._made and self._made[0] + self._seconds <= now:
            self._made.popleft()


class Meter:
    """Counts the calls made, and keeps the vendor's day above its floor. It is the port's `CrmMeter`."""

    def __init__(self, clock: Clock, floor: float) -> None:
        self._clock = clock
        self._floor = floor
        self._calls = 0
        self._told: Allowance | None = None
        self._told_at = 0.0

    def calls(self) -> int:
        """Count the API calls made."""
        return self._calls

    def allowance(self) -> Allowance | None:
        """Tell the vendor's day as its last answer did."""
        return self._told

    def count(self) -> None:
        """Count one call."""
        self._calls += 1

    def note(self, used: int, allowed: int) -> None:
        """Take over what an answer tells of the vendor's day."""
        self._told, self._told_at = Allowance(used, allowed), self._clock.now()

    def why_not(self) -> str | None:
        """Say why one more call may not be made, because it would go below the floor; None when it may."""
        if self._told is None or self._clock.now() >= self._told_at + _SECONDS_BELIEVED:
            return None
        kept = round(self._floor * self._told.allowed)
        if self._told.left - 1 >= kept:
            return None
        return (
            f"{self._told.left} of the day's {self._told.allowed} API calls are left, and `api_budget.floor` of the "
            f"mapping leaves {kept} to others"
        )
