"""A hold: a record that a person took back, by undoing a run or by dropping its creation from the outbox.

Nothing is written to it until the hold is released.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

UNDO = "undo"
"""The job of a run that takes another back: the only one that writes to what is held."""


@dataclass(frozen=True, slots=True)
class Hold:
    """`key` is a record's or an episode's: a held episode keeps its need from being proposed again."""

    key: str
    account_id: str
    run_id: str
    """The run that was undone, or whose creation was dropped."""
    by: str
    at: datetime
