"""`ledger rebuild`: a new ledger from what the CRM tells of our records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import AsOf, Crm, Json, Yes, settings
from connector.cli.output import OUT, agree, progress, say_json

if TYPE_CHECKING:
    from connector.services.rebuild import Rebuilding

LOST = "links that people set, holds, hand-overs and the audit trail are in no CRM: restore a backup if there is one"
STATES = {
    "open": "open",
    "won": "won",
    "lost": "lost or said",
    "no": "refused",
    "not_useful": "not useful",
    "withdrawn": "withdrawn",
    "deleted": "deleted by a person",
}


def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be stored.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Add to a ledger that knows records already; nothing is forgotten.")
    ] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who decides this; default: the user of this machine.")] = None,
    as_of: AsOf = None,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Begin a new ledger from our keys in the CRM, after the old one was lost. The CRM itself is only read.

    Afterwards the next sync makes nothing twice, and caps and cool-downs go on. What stands in fields that people may
    edit is left alone where we would write something else, and told as found different after a rebuild. A backup is
    better where there is one: `connector ledger restore`.

    Example: connector ledger rebuild --crm hubspot --dry-run
    """
    from getpass import getuser

    from connector.bootstrap import business_now, open_work
    from connector.services import rebuild as service

    chosen = settings(crm)
    with open_work(chosen) as work:
        now = business_now(chosen, work.project, as_of)
        with progress(json) as tell:
            made = service.look(work, now, force, tell)
        is_stored = bool(made.known or made.episodes) and not dry_run
        if not json:
            _show(made)
        if is_stored:
            agree("Store this in the ledger?", yes, json)
            made = service.store(work, made, now, force, by or getuser())
    if json:
        say_json({"destination": made.destination.id, "stored": is_stored, **made.counts, "ids": _ids(made)})
        return
    OUT.print("Stored: `connector plan` shows that nothing is made twice." if is_stored else "Nothing was stored.")


def _show(made: Rebuilding) -> None:
    counts = made.counts
    OUT.print(f"[bold]{made.destination.id}[/] tells of")
    for what in ("opportunities", "tasks"):
        OUT.print(f"  {what:<14}{counts[what]['alive']:,}, and {counts[what]['deleted']:,} deleted")
    told = ", ".join(f"{STATES[state]} {count:,}" for state, count in counts["episodes"].items())
    OUT.print(f"  proposals     {told or 'none'}")
    if made.found.untold:
        OUT.print(f"  whose need nothing tells, and so count as no attempt: {', '.join(made.found.untold)}")
    if made.found.twins:
        OUT.print(f"  copies that somebody made of ours, left alone: {', '.join(made.found.twins)}")
    OUT.print(f"  [dim]what was purged from the CRM's recycle bin it does not show; {LOST}[/]")


def _ids(made: Rebuilding) -> dict[str, Any]:
    return {"twins": list(made.found.twins), "untold": list(made.found.untold)}
