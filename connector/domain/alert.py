"""Alerts: what is worth waking somebody for, once when it begins and once when it is over.

Each job of each CRM is in one condition. A message is owed when the condition changes to one that people asked to hear
of, or from such a one back to well. A vendor that is down for an hour changes nothing: what lasts shows as silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from connector.domain.documents import document
from connector.domain.errors import Exit

SUBJECT = 80
"""Longest subject: what a telephone shows of it."""
SPAN = re.compile(r"([1-9]\d{0,5})(m|h|d)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@document
class Alerts:
    """Who is told when a night goes wrong (`playbooks/alerts.yaml`)."""

    version: int = 1
    name: str = "alerts"
    channels: Sequence[str] = ()
    """Names; each channel's address is a secret and stands in CONNECTOR_ALERTS__NAME."""
    on_failure: bool = True
    on_partial: bool = True
    on_waiting: bool = True
    """A plan waits for approval."""
    nothing_since: str | None = None
    """Longest time without a run that ended well, although one was due: 36h, 90m, 2d."""


class Condition(StrEnum):
    """How a job of one CRM stands."""

    WELL = "well"
    FAILED = "failed"
    PARTIAL = "partial"
    WAITING = "waiting"
    SILENT = "silent"


@dataclass(frozen=True)
class Ended:
    """How one run of a job ended. `error` and `reasons` hold nothing secret or personal."""

    job: str
    crm: str
    at: datetime
    exit: Exit
    run_id: str = ""
    destination: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    reasons: Sequence[str] = ()
    error: str = ""

    @property
    def key(self) -> str:
        """Names the job of a CRM."""
        return f"{self.crm}/{self.job}"

    @property
    def condition(self) -> Condition | None:
        """The condition it leaves its job in; None when it says nothing new."""
        match self.exit:
            case Exit.OK:
                return Condition.WELL
            case Exit.PARTIAL:
                return Condition.PARTIAL
            case Exit.APPROVAL:
                return Condition.WAITING
            case Exit.LATER:
                return None
            case _:
                return Condition.FAILED


def span_of(text: str) -> timedelta | None:
    """Read `36h`; None for what is no span of time."""
    found = SPAN.fullmatch(text.strip())
    return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def is_told(alerts: Alerts, condition: Condition) -> bool:
    """People asked to hear of a condition."""
    match condition:
        case Condition.FAILED:
            return alerts.on_failure
        case Condition.PARTIAL:
            return alerts.on_partial
        case Condition.WAITING:
            return alerts.on_waiting
        case Condition.SILENT:
            return alerts.nothing_since is not None
        case _:
            return False


def is_news(alerts: Alerts, before: Condition, after: Condition) -> bool:
    """A message is owed: something began that people asked for, or is over."""
    if before is after:
        return False
    return is_told(alerts, after) or (after is Condition.WELL and is_told(alerts, before))
