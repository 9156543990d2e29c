"""`link suggest|import`: what waits for a person with what speaks for each candidate, and one CSV that settles many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.destination import Where
from connector.cli.link import as_json, opened, write_csv
from connector.cli.options import Crm, Json, Yes
from connector.cli.output import OUT, agree, say_json, table


def suggest(
    everybody: Annotated[bool, typer.Option("--all", help="Also customers that no CRM account comes near.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many customers in the table.")] = 50,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read billing and the CRM's accounts anew first, and match.")
    ] = False,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a file to fill in, for `link import`.")] = False,
) -> None:
    """Show who waits for a person, with each candidate's score and what speaks for and against it.

    No run is needed: where none has read the customers, this reads them. Nothing is written to the CRM.

    Example: connector link suggest --csv > links.csv
    """
    from connector.services.link_file import rows_to_fill_in
    from connector.services.links import suggestions

    with opened(crm, destination, json or csv, refresh) as (memory, mapping, where):
        rows = suggestions(memory.links, memory.mirror, where, mapping, everybody)
    if json:
        say_json({"destination": where, "suggestions": [as_json(row) for row in rows]})
        return
    if csv:
        write_csv(rows_to_fill_in(rows))
        return
    cells = []
    for row in rows[:limit]:
        who = f"{row.billing_name or '–'} ({row.billing_id})"
        state = "CRM account is gone" if row.is_gone else str(row.state)
        for one in row.weighed or (None,):
            if one is None:
                ids = "; ".join(candidate.id for candidate in row.candidates)
                cells.append((who, state, ids, "", "", ""))
            else:
                label = f"{one.name} ({one.id})" if one.name else one.id
                cells.append((who, state, label, f"{one.score:.2f}", ", ".join(one.agrees), ", ".join(one.differs)))
            who = state = ""
    table(f"Waiting for a person, {where}", ("customer", "state", "candidate", "score", "agrees", "differs"), cells)
    if len(rows) > limit:
        OUT.print(f"  … and {len(rows) - limit:,} more: --limit {len(rows)}, or --csv to settle them in a spreadsheet")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="billing_id, crm_id (empty: none), by, note.")],
    by: Annotated[str, typer.Option("--by", help="Who decides, where a row names nobody.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would change; store nothing.")] = False,
    yes: Yes = False,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Settle many links from one CSV: all of it or, if any row is wrong, nothing. Rows nobody filled in stay open.

    Example: connector link import links.csv --dry-run
    """
    from datetime import UTC, datetime

    from connector.services.link_file import read_file
    from connector.services.links import settle_by_person

    content = _content(file)
    with opened(crm, destination, json) as (memory, mapping, where):
        now = datetime.now(UTC)
        found = read_file(content, file.name, memory.links, memory.mirror, where, mapping, now, by)
        linked = sum(one.crm_id is not None for one in found.changed)
        told = {
            "destination": where,
            "linked": linked,
            "none": len(found.changed) - linked,
            "unchanged": found.unchanged,
            "left_open": found.left_open,
            "followed": list(found.followed),
            "stored": bool(found.changed) and not dry_run,
        }
        said = f"{file.name}: {linked:,} belong to a CRM account, {len(found.changed) - linked:,} to none"
        rest = f"{found.unchanged:,} stand so already, {found.left_open:,} are not filled in"
        if found.changed and not dry_run:
            if not json:
                OUT.print(f"{said}; {rest}.", markup=False)
            agree(f"Store {len(found.changed):,} decisions in {where}?", yes, json)
            settle_by_person(memory.links, where, found.changed, file.name)
    if json:
        say_json(told)
        return
    for merge in found.followed:
        OUT.print(f"  merged since: {merge}", markup=False)
    if dry_run or not found.changed:
        OUT.print(f"{said}; {rest}. Nothing was stored.", markup=False)
    else:
        OUT.print("Stored; the next run follows.")


def _content(file: Path) -> bytes:
    from connector.domain.errors import MendError

    try:
        return file.read_bytes()
    except OSError as error:
        raise MendError(
            f"cannot read it: {error.strerror}", at=str(file), hint="give the path of a CSV file"
        ) from error
