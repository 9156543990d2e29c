"""`connector preview ACCOUNT`: what the CRM would get for one account, before and after."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from connector.cli.diff import COLOURS, MARKS
from connector.cli.options import AsOf, Crm, Json, settings
from connector.cli.output import OUT, progress, say_json

if TYPE_CHECKING:
    from connector.services.preview import Field, Preview, Record


def preview(
    account: Annotated[str, typer.Argument(help="A CRM or billing account: its id, or a part of its name.")],
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
    full: Annotated[bool, typer.Option("--full", help="Show long values whole.")] = False,
) -> None:
    """Show what the CRM would get for one account, field by field, with the rule that says so. Writes nothing.

    Example: connector preview "Acme" --crm salesforce
    """
    from connector.bootstrap import business_now, open_work
    from connector.services.preview import preview as look
    from connector.services.work import Request

    chosen = settings(crm)
    with progress(json) as tell, open_work(chosen) as work:
        request = Request(business_now(chosen, work.project, as_of), plan_only=True, tell=tell)
        seen = look(work, request, account)
    if json:
        say_json(asdict(seen))
    else:
        _show(seen, None if full else 60)


def _show(seen: Preview, size: int | None) -> None:
    OUT.print(f"[bold]{escape(seen.name)}[/] ({escape(seen.account_id)})")
    for record in seen.records:
        _record(record, size)
    if not seen.records:
        OUT.print("  no record of ours is wanted here")
    for held in seen.held:
        detail = f"  [dim]{escape(held['detail'])}[/]" if held["detail"] else ""
        OUT.print(f"[magenta]! held        {escape(held['subject'])}[/]  {escape('[' + held['reason'] + ']')}{detail}")
    for gap in seen.gaps:
        OUT.print(f"[yellow]schema[/]        {escape(gap)}")
    OUT.print("Nothing was written.")


def _record(record: Record, size: int | None) -> None:
    colour = COLOURS[record.action]
    why = f"  {escape(f'[{record.why}]')}" if record.why else ""
    head = f"[{colour}]{MARKS[record.action]} {record.type:<12}{escape(record.title)}[/]"
    OUT.print(f"{head}{why}  [dim]{escape(record.reason)}[/]")
    for field in record.fields:
        _field(field, record.action == "create", size)
    for link in record.links:
        OUT.print(f"      + {escape(link)}  [dim](link)[/]")


def _field(field: Field, is_new: bool, size: int | None) -> None:
    where = f"  [dim]({field.policy}; {escape(field.at or '')})[/]"
    if field.verdict == "write":
        before = "" if is_new else f"{_value(field.before, size)} → "
        OUT.print(f"      {escape(field.name)}: {escape(before + _value(field.after, size))}{where}")
    else:
        shown = f"{field.name}: {_value(field.after, size)}"
        OUT.print(f"    [dim]= {escape(shown)}  {escape(field.verdict)}[/]{where}")


def _value(value: str | None, size: int | None) -> str:
    if value is None:
        return "∅"
    if size is None:
        return value.replace("\n", "\n          ")
    flat = " ".join(value.split())
    return flat if len(flat) <= size else flat[: size - 1] + "…"
