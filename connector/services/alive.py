"""Whether the service lives, by what it noted last: a heartbeat that is young, and no job that never ends.

How jobs ended is told and changes nothing: a restart mends no mapping and no quota, and would only hide them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

QUIET = timedelta(minutes=2)
"""The service gives a sign of life twice a minute."""
ENDLESS = timedelta(hours=24)
"""A job that runs so long hangs."""


def alive(journal: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Judge a journal."""
    jobs = {name: {part: job.get(part) for part in ("began", "ended", "exit")} for name, job in _jobs(journal).items()}
    said = _ill(journal, jobs, now)
    who = f"process {journal.get('pid')} on {journal.get('host')}"
    return {
        "alive": not said,
        "said": said or f"{who} lives: heartbeat {journal.get('beat')}",
        "beat": journal.get("beat"),
        "pid": journal.get("pid"),
        "host": journal.get("host"),
        "since": journal.get("since"),
        "jobs": jobs,
    }


def _ill(journal: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]], now: datetime) -> str:
    beat = _moment(journal.get("beat"))
    if beat is None:
        return (
            "no service ever ran on this state folder: start `connector run`, or set CONNECTOR_STATE_DIR to its folder"
        )
    if abs(now - beat) > QUIET:
        return f"the service gave no sign of life since {journal['beat']}: it was stopped, hangs, or cannot write"
    for name, job in jobs.items():
        began = _moment(job["began"])
        if began is not None and job["ended"] is None and now - began > ENDLESS:
            return f"job {name} runs since {job['began']}: it hangs; restart the service, nothing is lost"
    return ""


def _jobs(journal: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = journal.get("jobs", {})
    return {name: job for name, job in found.items() if isinstance(job, Mapping)}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
