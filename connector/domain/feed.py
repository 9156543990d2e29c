"""How well a stream of usage is doing: fewer rows than usual must not look like customers who leave.

A drop is believed only while the stream is fresh and each of its last four weeks, the window that a drop is measured
over, brought about as many rows as its weeks usually did before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from statistics import median

FRESH_DAYS = 8
"""A file a week is fresh."""
TOLERANCE = 0.5
"""How far a week's rows may lie from the norm, as a share of it."""
RECENT, KNOWN = 4, 12
"""Weeks that are judged, and weeks that are looked at: those before make the norm."""


@dataclass(frozen=True)
class Feed:
    """One source's usage, as known at a moment."""

    source: str
    told_to: date
    weeks: Mapping[int, int]
    """Rows by week; 0 is the one that ends on `told_to`."""
    metrics: tuple[str, ...] = ()
    """What it tells of."""

    @property
    def norm(self) -> float | None:
        """Rows of a usual week; None where there is no past to tell."""
        past = [rows for week, rows in self.weeks.items() if RECENT <= week < KNOWN]
        return median(past) if past else None

    @property
    def share(self) -> float | None:
        """The recent week that lies farthest from the norm, as a share of it."""
        if not self.norm:
            return None
        shares = (self.weeks.get(week, 0) / self.norm for week in range(RECENT))
        return max(shares, key=lambda share: abs(share - 1))

    def is_fresh(self, today: date) -> bool:
        """Say whether it was told lately."""
        return (today - self.told_to).days <= FRESH_DAYS

    def is_good(self, today: date) -> bool:
        """Say whether a drop in it may be believed."""
        return self.is_fresh(today) and self.share is not None and abs(self.share - 1) <= TOLERANCE

    def trouble(self, today: date) -> str | None:
        """Say what is wrong with it; None where it is good or too young to tell."""
        if self.share is None or self.is_good(today):
            return None
        if not self.is_fresh(today):
            return f"usage from {self.source} ends on {self.told_to}: no drop in it is believed"
        return f"usage from {self.source} had a week with {self.share:.0%} of its usual rows: no drop in it is believed"


def is_drop_believed(feeds: Collection[Feed], today: date) -> bool:
    """Say whether use that falls may be believed: every stream is good, or beside a good one too young to fall."""
    known = [feed for feed in feeds if feed.share is not None]
    is_begun = bool(known) or not feeds
    return is_begun and all(feed.is_good(today) for feed in known) and all(feed.is_fresh(today) for feed in feeds)
