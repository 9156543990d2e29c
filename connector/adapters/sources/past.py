"""What a first read says of the time before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.ports.billing import RawRow

Row = dict[str, Any]
UNTOLD: Mapping[str, Any] = {
    "status": "active",
    "cancel_at": None,
    "ended_at": None,
    "period_start": None,
    "period_end": None,
    "paused": False,
}
"""A subscription as it was told when it began."""


def then_and_now(subscription: Row, first: RawRow) -> list[Row]:
    """A subscription as it is, and as it was told before it was first read.

    A source shows the present alone: that an end is scheduled, that it is paused, which period runs. Were that taken
    as known from the start, the past would know what came later.
    """
    if not first.initial or subscription["known_at"] >= first.fetched_at:
        return [subscription]
    then = {**subscription, **UNTOLD, "known_to": first.fetched_at}
    return [then, {**subscription, "known_at": first.fetched_at}]
