"""What became of a proposal in the CRM, as far as that says who needs what; and how many labels were learnt from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """How a proposal ended."""

    WON = "won"
    NO = "no"
    """The customer does not need it."""
    NOT_USEFUL = "not_useful"
    """Whoever got it found that it should not have been proposed."""
    LOST = "lost"
    """For its price, its timing, a competitor, or no reason that was told."""
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"


REFUSED = frozenset({Fate.NO, Fate.NOT_USEFUL})
TAKEN_BACK = frozenset({Fate.WITHDRAWN, Fate.UNDONE})


@dataclass(frozen=True)
class Outcome:
    """A proposal of an offer to a billing account that ended; days are counted from 1970.

    Nothing else of it is known here: no text, no stage. Only a label may see an outcome, never a feature.
    """

    account: str
    offer: str
    fate: Fate
    proposed: int
    ended: int
    """The day on which it ended in the CRM, and so the first on which anybody could know."""


@dataclass(frozen=True)
class Labels:
    """Where the labels that a card was learnt from come from."""

    billing: int
    """Rows that billing alone tells about."""
    crm: Mapping[str, int] = field(default_factory=dict)
    """Rows in whose window a proposal was decided, by its fate."""
    early: int = 0
    """Rows that are known before their window is over."""
    not_billed: int = 0
    """Rows that were won, and billing shows nothing of it."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that are no label: the proposal was taken back (by fate), or the offer was sold (`sold`), unbilled."""
