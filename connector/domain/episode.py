"""An episode: one attempt to meet one need of one account, from the first intent to its end.

Its key is computed once (see `keys`) and stored, so that a merge or a changed match moves the episode and not the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class EpisodeState(StrEnum):
    """How an episode stands; all but `open` end it."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    NO = "no"
    """The customer said no to this need."""
    NOT_USEFUL = "not_useful"
    """Whoever got it found that it should not have been proposed."""
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"


LOST = frozenset({EpisodeState.LOST, EpisodeState.NO, EpisodeState.NOT_USEFUL})
"""It did not lead to a sale, whatever was said of it."""


SILENT_DAYS = 3
"""On so many different days must good data tell nothing that speaks for a proposal before it is taken back."""


@dataclass(frozen=True)
class Episode:
    """The n-th attempt (`ordinal`, from 1) at a need; `need` is the play's id where there is no need."""

    key: str
    account_id: str
    need: str
    ordinal: int
    opened_at: datetime
    state: EpisodeState = EpisodeState.OPEN
    closed_at: datetime | None = None
    offer: str | None = None
    play: str | None = None
    brief: Mapping[str, Any] = field(default_factory=dict)
    """What its texts cite (plain JSON, see `intent.brief_of`): kept until a cited number moves materially."""
    silent_on: tuple[date, ...] = ()
    """Days on which good data told nothing that speaks for it, since something last did."""

    @property
    def is_over(self) -> bool:
        """Whether nothing has spoken for it for so long that it is taken back."""
        return self.state is EpisodeState.OPEN and len(self.silent_on) >= SILENT_DAYS
