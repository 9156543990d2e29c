"""The holdout: some customers get no proposal, so that what proposals cause can be told from what happens anyway.

Who is held out is drawn once, by a hash of the salt, the ultimate parent and its stratum, before anything is scored:
neither a score nor a person has a part in it, and anybody who knows the three can draw again and get the same. A draw
stands for good. Companies of one group share an arm, because they talk to each other and to the same account executive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import md5

_BITS = 128


class Arm(StrEnum):
    """What was drawn for a customer."""

    HELD_OUT = "held_out"
    PROPOSED = "proposed"  # as everybody, when there is something to propose


def drawn(salt: str, parent: str, stratum: str, share: float) -> Arm:
    """Draw an arm: held out with a likelihood of `share`, the same for the same three texts, on any machine."""
    text = "\x1f".join((salt, parent, stratum)).encode()
    place = int.from_bytes(md5(text, usedforsecurity=False).digest(), "big") / 2**_BITS
    return Arm.HELD_OUT if place < share else Arm.PROPOSED


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm of one billing account, and what it was drawn from: `drawn` gives it again."""

    billing_id: str
    salt: str
    parent: str
    """Ultimate parent in the CRM, as it was when the arm was drawn."""
    stratum: str
    """Segment of the group's largest customer then; empty where none is known."""
    share: float
    arm: Arm
    run_id: str
    at: datetime
    """Business time of the run that first saw it eligible: from here on its outcome counts."""


def earliest(some: Iterable[Assignment]) -> Assignment | None:
    """Choose the assignment that was made first; ties go by billing account."""
    return min(some, key=lambda one: (one.at, one.billing_id), default=None)
