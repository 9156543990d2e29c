"""Counts a pilot's rows: in total and per owner, every share with what it is a share of.

A share of fewer than ten is not worked out: three of four is no 75 %. Reactions are counted among what the CRM really
holds, agreement among everything that was proposed, and what was foreseen among the opportunities whose need can be
told.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from connector.domain.account import Owner
from connector.domain.cells import cell
from connector.domain.episode import LOST, EpisodeState
from connector.services.pilot import Gathered, Night, Period, Proposal, Theirs

FEW = 10
"""Fewer than this are not judged."""
COLUMNS = (
    "account_id", "account", "owner", "owner_email", "need", "offer", "kind", "value", "first_proposed",
    "last_proposed", "days_proposed", "mode", "still_proposed", "state", "written", "agreed_with", "tasks",
    "tasks_done", "moved_to", "edited", "deleted", "taken_back_by", "taken_back_at", "key",
)  # fmt: skip


def report(gathered: Gathered, period: Period, destination: str, mode: str, currency: str) -> dict[str, Any]:
    """Give the whole report as plain values."""
    owners = sorted(
        {one.owner for one in gathered.proposals} | {one.owner for one in gathered.theirs},
        key=lambda owner: (owner.name.casefold(), owner.id),
    )
    return {
        "destination": destination,
        "mode": mode,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "days": {"in_period": gathered.days, "with_a_run": gathered.days_with_a_run},
        "currency": currency,
        "nights": [_night(night) for night in gathered.nights],
        "undone": [asdict(one) | {"at": one.at.isoformat()} for one in gathered.undone],
        "total": numbers(gathered.proposals, gathered.theirs),
        "owners": [{"owner": owner.name, "email": owner.email, **_numbers_of(owner, gathered)} for owner in owners],
        "proposals": [row(one) for one in sorted(gathered.proposals, key=_best_first)],
    }


def numbers(proposals: Sequence[Proposal], theirs: Sequence[Theirs]) -> dict[str, Any]:
    """Count some proposals and what people did meanwhile."""
    written = [one for one in proposals if one.is_written]
    opportunities = [one for one in written if not one.as_task]
    shadow = [one for one in proposals if not one.is_live]
    expansion = [one for one in theirs if not one.is_renewal]
    readable = [one for one in expansion if one.need is not None]
    foreseen = {id for one in proposals for id in one.agreed}
    return {
        "proposed": len(proposals),
        "as_opportunity": sum(not one.as_task for one in proposals),
        "as_task": sum(one.as_task for one in proposals),
        "value": sum(one.value or 0 for one in proposals),
        "shadow": {
            "proposed": len(shadow),
            "still_proposed": sum(one.is_still_proposed for one in shadow),
            "vanished": sum(not one.is_still_proposed for one in shadow),
        },
        "live": {"proposed": len(proposals) - len(shadow), "written": len(written)},
        "agreed": share(sum(bool(one.agreed) for one in proposals), len(proposals)),
        "moved_on": share(sum(one.moved_to is not None for one in opportunities), len(opportunities)),
        "tasks_done": share(sum(one.done for one in written), sum(one.tasks for one in written)),
        "edited": share(sum(one.is_edited for one in written), len(written)),
        "deleted": share(sum(one.is_deleted for one in written), len(written)),
        "won": share(sum(one.state == "won" for one in written), len(written)),
        "lost": share(sum(one.state in LOST for one in written), len(written)),
        "taken_back": share(sum(_is_taken_back(one) for one in written), len(written)),
        "untouched": share(sum(_is_untouched(one) for one in written), len(written)),
        "people": {
            "opened": len(theirs),
            "renewals": len(theirs) - len(expansion),
            "need_not_told": len(expansion) - len(readable),
            "foreseen": share(sum(one.id in foreseen for one in readable), len(readable)),
        },
    }


def share(count: int, of: int) -> dict[str, Any]:
    """A count with what it is of; the share itself only where there is enough to judge."""
    return {"count": count, "of": of, "share": round(count / of, 3) if of >= FEW else None}


def row(one: Proposal) -> dict[str, Any]:
    """One proposal as plain values, under the CSV's column names."""
    back = one.taken_back
    values: tuple[Any, ...] = (
        one.account_id, one.account, one.owner.name, one.owner.email, one.need, one.offer,
        "task" if one.as_task else "opportunity", one.value, one.first.isoformat(), one.last.isoformat(), one.days,
        "live" if one.is_live else "shadow", one.is_still_proposed, one.state if one.is_live else None, one.is_written,
        list(one.agreed), one.tasks, one.done, one.moved_to, one.is_edited, one.is_deleted,
        back.by if back else None, back.at.isoformat() if back else None, one.key,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """One line for each proposal; what a customer is called cannot become a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in rows:
        writer.writerow({name: _cell(value) for name, value in one.items()})
    return out.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(value)
        case _:
            return str(cell(value))


def _numbers_of(owner: Owner, gathered: Gathered) -> dict[str, Any]:
    return numbers(
        [one for one in gathered.proposals if one.owner == owner],
        [one for one in gathered.theirs if one.owner == owner],
    )


def _is_untouched(one: Proposal) -> bool:
    is_over = one.state in {EpisodeState.WON, *LOST} or _is_taken_back(one)
    return not (one.moved_to or one.done or one.is_edited or one.is_deleted or is_over)


def _is_taken_back(one: Proposal) -> bool:
    return one.state == EpisodeState.WITHDRAWN


def _night(night: Night) -> dict[str, Any]:
    return {"day": night.day.isoformat(), "proposed": night.proposed, "new": night.new, "vanished": night.vanished}


def _best_first(one: Proposal) -> tuple[int, datetime, str]:
    return -(one.value or 0), one.first, one.key
