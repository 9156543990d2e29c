"""`connector whitespace`: what each customer has, is being offered, lacks, and cannot have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table


def whitespace(
    account: Annotated[
        str | None, typer.Option("--account", help="Only this CRM or billing account: its id, or a part of its name.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="As this run saw it instead of the newest.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every cell to a file.")] = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Show owned, in pipeline, gap and not eligible for every offer.

    Example: connector whitespace --account "Acme"
    """
    from connector.bootstrap import open_ledger, project_of
    from connector.domain.project import mapping_of
    from connector.services.whitespace import white_space

    chosen = settings(crm)
    with open_ledger(chosen) as memory:
        told = white_space(memory, mapping_of(project_of(chosen)), chosen.state / "runs", account, run)
    if csv is not None:
        _write(csv, told["rows"])
    if json:
        say_json(told)
    elif told["account"]:
        _show_one(told)
    elif csv is None:
        rows = ((offer, *count.values()) for offer, count in told["offers"].items())
        title = f"White space of {told['customers']:,} customers, run {told['run_id']}"
        table(title, ("offer", "owned", "in pipeline", "gap", "not eligible"), rows)
    if csv is not None and not json:
        OUT.print(f"{len(told['rows']):,} cells written to {csv}")


def _show_one(told: dict[str, Any]) -> None:
    title = f"White space of {told['account']['name']} ({told['account']['id']}), run {told['run_id']}"
    rows = ((row["offer"], row["state"], row["detail"] or row["decided"]) for row in told["rows"])
    table(title, ("offer", "state", "detail"), rows)


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    import csv

    from connector.domain.cells import cell
    from connector.services.whitespace import COLUMNS

    with file.open("w", encoding="utf-8", newline="") as to:
        writer = csv.DictWriter(to, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
