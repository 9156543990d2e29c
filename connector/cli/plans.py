"""`plan`, `apply`, `approve`: look first, then let it happen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connector.cli.diff import edits_told, held_told, plan_diff, plan_summary
from connector.cli.options import AsOf, By, Crm, Json, Out, Yes, settings
from connector.cli.output import (
    OUT,
    agree,
    progress,
    say_json,
    set_aside,
    tell_limits,
    tell_model,
    tell_schema,
    tell_waits,
)


def plan(
    out: Out = None,
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
    unchanged: Annotated[bool, typer.Option("--unchanged", help="Show what stays as it is, too.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Show long values whole.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List every account that is held back.")] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Leave values, titles and reasons out of the file, to share it.")
    ] = False,
) -> None:
    """Show exactly what `sync` would do to the CRM, and write nothing there.

    What is held back is counted by reason; `--verbose` and `--json` give every account.

    Example: connector plan --crm salesforce --out plan.json
    """
    from connector.bootstrap import business_now, open_work
    from connector.services.plan_file import write_plan
    from connector.services.run import sync as run_sync
    from connector.services.work import Request

    chosen = settings(crm)
    with progress(json) as tell, open_work(chosen) as work:
        outcome = run_sync(work, Request(business_now(chosen, work.project, as_of), plan_only=True, tell=tell))
    if out is not None:
        write_plan(out, outcome.plan, redact)
    if json:
        say_json({**outcome.summary, "held_back": held_told(outcome.plan, outcome.accounts)})
        return
    plan_diff(outcome.plan, outcome.accounts, unchanged, full, verbose)
    told = outcome.summary["plan"]
    OUT.print()
    tell_limits(outcome.summary)
    set_aside(outcome.summary)
    tell_model(outcome.summary)
    tell_schema(outcome.summary)
    OUT.print(", ".join(f"{name} {count}" for name, count in told.items()) + f"; about {outcome.plan.calls} calls")
    if edits := edits_told(outcome.plan):
        OUT.print(f"[yellow]{escape(edits)}[/]")
    for why in outcome.summary["approval"]:
        OUT.print(f"[yellow]needs approval:[/] {escape(why)}")
    if outcome.summary["mode"] == "shadow":
        OUT.print("Nothing was written, and nothing will be: `mode: live` in playbooks/policy.yaml lets a run write.")
        return
    OUT.print(f"Nothing was written. {_next_step(out, redact, bool(outcome.summary['approval']), outcome.run.id)}")


def _next_step(out: Path | None, redact: bool, needs_approval: bool, run_id: str) -> str:
    if out is not None and not redact:
        return f"`connector apply {out}` does it."
    return f"`connector approve {run_id} --by NAME` does it." if needs_approval else "`connector sync` does it."


def _report(summary: Mapping[str, Any], json: bool) -> None:
    if json:
        say_json(summary)
        return
    delivered = ", ".join(f"{name} {count}" for name, count in summary["delivered"].items() if count) or "nothing to do"
    OUT.print(f"[bold]Run {summary['run_id']}[/] {summary['status']}: {delivered}")
    tell_waits(summary)


def apply(
    file: Annotated[Path, typer.Argument(help="A file that `connector plan --out` wrote.")],
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Carry out a plan, if the world is still what it was made for.

    Example: connector apply plan.json
    """
    from connector.bootstrap import open_work
    from connector.domain.run import EXITS
    from connector.services.applying import apply_file
    from connector.services.batches import WRITTEN
    from connector.services.plan_file import read_plan

    with progress(json) as tell, open_work(settings(crm)) as work:
        waiting = read_plan(file)
        written = sum(change.action in WRITTEN for change in waiting.changes)
        if written:
            if not yes and not json:
                plan_summary(waiting, limit=20)
            changes = "1 change" if written == 1 else f"{written} changes"
            agree(f"Apply {changes} to {waiting.destination}?", yes, json)
        done = apply_file(work, waiting, agree=yes, tell=tell)
    _report(done.summary, json)
    raise typer.Exit(EXITS[done.run.status])


def approve(
    run: Annotated[str, typer.Argument(help="The run whose plan waits.")],
    by: By,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Approve a plan that was too large to run unasked, and carry it out.

    Example: connector approve 20260930T053000-a1b2c3 --by "Ana Ruiz"
    """
    from connector.bootstrap import open_work
    from connector.domain.run import EXITS
    from connector.services.applying import apply_waiting

    with progress(json) as tell, open_work(settings(crm)) as work:
        done = apply_waiting(work, run, by, tell=tell)
    _report(done.summary, json)
    raise typer.Exit(EXITS[done.run.status])
