"""Stages usage in SQL, because it is the only table that does not fit through Python rows.

Rows wait in `raw_usage` until their account or subscription is known, so usage may arrive before its customer. A
number that is told again unchanged writes nothing; one that differs closes the old one, which stays for whoever asks
what was known before. So the past costs as many rows as there were corrections.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from connector.domain.billing import QuarantineReason as Reason
from connector.ports.billing import Landed


class Runner(Protocol):
    """Runs named queries."""

    def run(self, query: str, **bound: Any) -> Any:
        """Run one."""
        ...


def stage_usage(warehouse: Runner, source: str, now: datetime) -> Landed:
    """Give waiting usage to its accounts, inside the caller's transaction."""
    run = warehouse.run
    run("forget_orphan_usage", source=source, reason=Reason.ORPHAN_USAGE)
    run("resolve_usage", source=source)
    orphans, owned, outside, set_aside, origins = run("usage_report").fetchone()
    if owned or orphans:
        _keep(run, source, now, origins)
    for query, reason, rows in (
        ("quarantine_orphan_usage", Reason.ORPHAN_USAGE, orphans),
        ("quarantine_outside_usage", Reason.OUTSIDE_SUBSCRIPTION, set_aside),
    ):
        if rows:
            run(query, source=source, reason=reason, detail=reason.cure, now=now)
    written = owned - set_aside
    run("forget_staged_usage", source=source)
    if orphans:
        run("keep_waiting_usage")
    warnings = []
    if outside:
        done = "set aside" if set_aside else "kept"
        warnings.append(
            f"{source}: {outside} of {owned} usage rows lie outside their subscription's dates; they are {done}"
        )
    return Landed(
        {"usage": written} if written else {},
        {
            reason: rows
            for reason, rows in ((Reason.ORPHAN_USAGE, orphans), (Reason.OUTSIDE_SUBSCRIPTION, set_aside))
            if rows
        },
        tuple(warnings),
    )


def _keep(run: Callable[..., Any], source: str, now: datetime, origins: int) -> None:
    run("combine_usage", now=now)
    if origins > 1:
        run("keep_newest_origin")
    run("compare_usage", source=source)
    run("add_late_usage")
    run("withdraw_usage", source=source, now=now)
    for query in ("close_usage", "rename_usage", "drop_usage"):
        run(query)
    run("insert_usage", source=source)
