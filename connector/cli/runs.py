"""`runs` and `undo`: what was done to the CRM, and taking it back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from connector.cli.diff import plan_diff, plan_summary
from connector.cli.options import AsOf, Crm, Json, Yes, settings
from connector.cli.output import OUT, agree, progress, say_json, table, tell_waits

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.services.lookback import Undoing

NUMBERS = ("created", "updated", "closed", "parked", "waiting", "api_calls")
COLUMNS = ("run", "job", "status", "as of", "created", "updated", "closed", "parked", "waiting", "calls", "note")
REASONS: Mapping[str, str] = {
    "changed_by_a_person": "changed by a person",
    "changed_by_a_later_run": "changed by a later run",
    "already_done": "done already",
    "gone": "gone from the CRM",
    "not_writable": "not writable",
    "values_erased": "values erased",
    "on_its_way": "on its way",
    "not_delivered": "not delivered",
}
LINES = 20
"""Records that are listed unless all were asked for."""


def runs(
    run: Annotated[str | None, typer.Argument(help="One run, with what became of everything it planned.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 20,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """List what the newest runs did, or show one with what it left behind.

    Example: connector runs 20260930T053000-a1b2c3
    """
    from connector.bootstrap import open_ledger
    from connector.services.history import list_runs, show_run

    with open_ledger(settings(crm)) as memory:
        if run is not None:
            told = show_run(memory, run)
            say_json(told) if json else _show_run(told)
            return
        rows = list_runs(memory, limit)
    if json:
        say_json({"runs": rows})
        return
    where = sorted({row["destination"] for row in rows})
    is_told = len(where) > 1
    columns = (*COLUMNS, "destination") if is_told else COLUMNS
    title = "Runs" if is_told else f"Runs → {where[0]}" if where else "Runs"
    table(title, columns, (_cells(row) + ((row["destination"],) if is_told else ()) for row in rows))


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    numbers = (row[name] or "" for name in NUMBERS)
    return row["run_id"], row["job"], row["status"], row["now"][:10], *numbers, _note(row)


def _note(row: Mapping[str, Any]) -> str:
    told = {"applies": "applies", "undoes": "undoes", "applied_by": "applied by"}
    about = next((f"{words} {row[name]}" for name, words in told.items() if row[name]), "")
    undone = f"undone {_undone(row['undone'])}" if row["undone"] else ""
    return "; ".join(part for part in (about, undone) if part)


def _undone(undone: Mapping[str, Any]) -> str:
    return f"by {undone['by']} on {undone['at'][:10]}" + (", released" if undone["released"] else "")


def _show_run(told: Mapping[str, Any]) -> None:
    OUT.print(f"[bold]Run {told['run_id']}[/] ({told['job']}) → {told['destination']}, as of {told['now'][:10]}")
    OUT.print(f"  status       {told['status']}")
    for label in ("applies", "applied by", "undoes", "approved by"):
        if about := told[label.replace(" ", "_")]:
            OUT.print(f"  {label:<12} {escape(about)}")
    if told["applies"]:
        OUT.print(f"  wrote        {_counts({name: told[name] for name in told['in_crm'] if told[name]})}")
    whose = f" (of the plan of run {escape(told['applies'])})" if told["applies"] else ""
    OUT.print(f"  in the CRM   {_counts({name: count for name, count in told['in_crm'].items() if count})}{whose}")
    OUT.print(f"  fates        {_counts(told['fates'])}")
    if told["undone"]:
        OUT.print(f"  undone       {escape(_undone(told['undone']))}")
    OUT.print()
    open_ones = [one for one in told["changes"] if one["state"] not in ("delivered", "superseded")]
    if open_ones:
        rows = [(one["action"], one["title"], one["state"], _because(one), one["cure"] or "") for one in open_ones]
        table("Not in the CRM", ("change", "record", "state", "because", "cure"), rows)
    if any(one["state"] == "parked" for one in open_ones):
        OUT.print(f"`connector outbox retry --run {told['run_id']}` tries what is parked again, once it is mended.")


def _because(change: Mapping[str, Any]) -> str:
    field = f" ({change['field']})" if change["field"] else ""
    return f"{change['message']}{field}" if change["message"] else change["reason"] or ""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "nothing"


def undo(
    run: Annotated[str, typer.Argument(help="The run to take back.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and write nothing.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who decides this; it is recorded. Default: your login.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Let the next runs propose and write again what was undone.")
    ] = False,
    as_of: AsOf = None,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
    full: Annotated[bool, typer.Option("--full", help="List every record.")] = False,
) -> None:
    """Take a run back: restore what it changed, close what it created, and leave both alone until released.

    What people or later runs changed since stays, and is named.

    Example: connector undo 20260930T053000-a1b2c3 --dry-run
    """
    chosen, who = settings(crm), by or _login()
    if release:
        _release(chosen, run, who, dry_run, json)
    else:
        _undo(chosen, run, who, as_of, dry_run, yes, json, full)


def _login() -> str:
    from getpass import getuser

    from connector.domain.errors import ConfigError

    try:
        return getuser()
    except (ImportError, KeyError, OSError):  # a container's user often has no name
        raise ConfigError("this user has no login name", at="--by", hint="say who decides this: --by NAME") from None


def _undo(
    chosen: Settings, run: str, by: str, as_of: str | None, dry_run: bool, yes: bool, json: bool, full: bool
) -> None:
    from connector.bootstrap import business_now, open_work
    from connector.domain.run import EXITS
    from connector.services.lookback import look_back
    from connector.services.undo import preview
    from connector.services.undo import undo as carry_out

    with progress(json) as tell, open_work(chosen) as work:
        tell("look back")
        found = look_back(work, run, by, business_now(chosen, work.project, as_of))
        told = preview(work, found)
        if not json:
            _show(found, told, full or dry_run)
        if dry_run or found.is_over:
            say_json(told) if json else _nothing_done(found, run)
            return
        agree(f"Undo run {found.run.id} in {found.run.destination}?", yes, json)
        done = carry_out(work, found, agree=yes, tell=tell)
    if json:
        say_json(done.summary)
    else:
        _report(done.summary, told)
    raise typer.Exit(EXITS[done.status])


def _release(chosen: Settings, run: str, by: str, dry_run: bool, json: bool) -> None:
    from datetime import UTC, datetime

    from connector.bootstrap import open_ledger
    from connector.services.lookback import undoable
    from connector.services.undo import release

    with open_ledger(chosen) as memory:
        if dry_run:
            wanted = undoable(memory, run)
            count = sum(hold.run_id == wanted.id for hold in memory.holds.all(wanted.destination).values())
        else:
            count = len(release(memory, run, by, datetime.now(UTC)))
    if json:
        say_json({"undoes": run, "by": by, "released": 0 if dry_run else count, "held": count if dry_run else 0})
    elif not count:
        OUT.print(f"Nothing of run {run} is held.")
    elif dry_run:
        OUT.print(f"{count:,} records and proposals of run {run} would be released; nothing was done.")
    else:
        OUT.print(f"Released {count:,} records and proposals of run {run}: the next run may propose and write again.")


def _nothing_done(found: Undoing, run: str) -> None:
    if found.is_over:
        OUT.print(f"[bold]Nothing of run {escape(found.run.id)} is left to undo.[/]")
    else:
        OUT.print(f"Nothing was written. `connector undo {escape(run)}` does it.")


def _show(found: Undoing, told: Mapping[str, Any], full: bool) -> None:
    """Print what undoing does, then what it leaves and why."""
    if found.is_over:
        return
    OUT.print(f"[bold]Undo of run {escape(found.run.id)}[/] in {escape(found.run.destination)}")
    OUT.print(f"  would        {_summary(told, 'restore', 'close')}")
    if found.waiting:
        OUT.print(f"  gives up     {found.waiting:,} of its changes that still wait")
    if found.links:
        OUT.print(f"  keeps        {found.links:,} links: a record that is closed keeps them")
    OUT.print(f"  leaves alone {told['held']:,} records and proposals from now on, until `--release`")
    OUT.print()
    if full:
        plan_diff(found.plan, {}, verbose=True)
    else:
        plan_summary(found.plan, LINES, f"connector undo {found.run.id} --dry-run")
    for one in told["also_by"][: None if full else LINES]:
        OUT.print(f"  [dim]{escape(one['title'])}: run {escape(one['run_id'])} wrote to it too; it is closed[/]")
    _left(told, full)


def _summary(told: Mapping[str, Any], restore: str, close: str) -> str:
    fields, records = told["restored"]["fields"], told["restored"]["records"]
    parts = [f"{restore} {fields:,} fields on {records:,} records"] if fields else []
    parts += [f"{close} {told['closed']:,} records"] if told["closed"] else []
    left = ", ".join(f"{count:,} {REASONS[why]}" for why, count in told["left_because"].items())
    return "; ".join([", ".join(parts) or "nothing to write", *([f"left as it is: {left}"] if left else [])])


def _left(told: Mapping[str, Any], full: bool) -> None:
    by_record: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in told["left"]:
        who = REASONS[one["why"]] + (f" ({one['detail']})" if one["detail"] else "")
        by_record[one["type"], one["title"], one["key"]].append(f"{one['field']}: {who}" if one["field"] else who)
    if not by_record:
        return
    OUT.print()
    OUT.print("[bold]Left as it is[/]")
    shown = list(by_record.items())[: None if full else LINES]
    for (type, title, _), reasons in shown:
        OUT.print(f"[magenta]! {type:<12}{escape(title)}[/]")
        for reason in reasons:
            OUT.print(f"      {escape(reason)}")
    if len(by_record) > len(shown):
        OUT.print(f"  [dim]… and {len(by_record) - len(shown):,} more; `--full` lists them[/]")


def _report(done: Mapping[str, Any], looked: Mapping[str, Any]) -> None:
    OUT.print()
    OUT.print(f"[bold]Undone[/] in run {done['run_id']} ({done['status']}): {_summary(done, 'restored', 'closed')}")
    news = [one for one in done["left"] if one not in looked["left"]]
    _left({"left": news}, full=True)
    tell_waits(done)
    OUT.print(f"`connector undo {done['undoes']} --release` lets the next run propose and write again.")
