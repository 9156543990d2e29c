"""How results look on a terminal: tables for people, one JSON object for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connector.domain.errors import ApprovalNeededError

OUT = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
ERR = Console(stderr=True, highlight=False, emoji=False)


def say_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


@contextmanager
def progress(quiet: bool) -> Iterator[Any]:
    """Show what is going on while a long step runs; gives a function to tell it. Silent when piped or asked to be."""
    if quiet or not ERR.is_terminal:
        yield lambda _what, _count=0: None
        return
    with ERR.status("starting…") as status:
        yield lambda what, count=0: status.update(f"{what} {count:,}" if count else what)


def agree(question: str, yes: bool, json: bool) -> None:
    """Ask before something is written; who wants JSON is a script, which has to say `--yes`."""
    if yes:
        return
    if json:
        raise ApprovalNeededError(question, hint="agree with --yes")
    typer.confirm(question, abort=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; says so when there is nothing in it."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
        count += 1
    OUT.print(made if count else f"[bold]{escape(title)}[/]\n  none")
    OUT.print()


def tell_waits(summary: Mapping[str, Any]) -> None:
    """Print why something waits, and what is worth most of it."""
    waits = summary["waits"]
    if waits:
        count = summary["delivered"]["deferred"]
        OUT.print(f"  [yellow]waits[/]        {count:,} changes: {escape(waits['because'])}; the next run goes on")
        for title in waits["best"]:
            OUT.print(f"               [dim]{escape(title)}[/]")


def tell_limits(summary: Mapping[str, Any]) -> None:
    """Print, loudly, that nothing is written; and whom the policy's scope lets in."""
    if summary["mode"] == "shadow":
        told = "nothing is written to the CRM; `mode` in playbooks/policy.yaml says so"
        OUT.print(f"[black on yellow] SHADOW [/] [yellow]{told}[/]")
    if scope := summary["scope"]:
        known = f", {scope['in_billing']:,} of them known to billing"
        left = f"; {summary['out_of_scope']:,} records outside stay as they are" if summary["out_of_scope"] else ""
        OUT.print(f"  [yellow]scope[/]        {scope['accounts']:,} of {scope['of']:,} accounts{known}{left}")


def tell_model(summary: Mapping[str, Any]) -> None:
    """Print that a model could not run here, so that another one had its part in the scores."""
    if why := summary.get("model", {}).get("fell_back"):
        OUT.print(f"  [yellow]model[/]        {escape(why)}; scores are the regression's, which the card keeps")


def tell_schema(summary: Mapping[str, Any]) -> None:
    """Print what the CRM's schema lost, and how much waits for it."""
    schema = summary["schema"]
    if schema["problems"]:
        held = f"{schema['held']:,} new records wait for it" if schema["held"] else "no new record needs it"
        OUT.print(f"  [yellow]schema[/]       the CRM and the mapping differ; {held}, the rest goes on")
    for problem in schema["problems"]:
        OUT.print(f"               {escape(problem['at'] or '')}: {escape(problem['message'])}")
        OUT.print(f"               [dim]→ {escape(problem['hint'] or '')}[/]")


def set_aside(summary: Mapping[str, Any]) -> None:
    """Print what did not fit: how many rows for each reason, and where the first of them stand."""
    if summary["quarantined"]:
        counts = ", ".join(f"{reason} {rows:,}" for reason, rows in summary["quarantined"].items())
        OUT.print(f"  set aside    {counts}")
    for example in summary["set_aside"]:
        OUT.print(f"               [dim]{escape(example)}[/]")
    for warning in summary["warnings"]:
        OUT.print(f"  [yellow]warning[/]      {escape(warning)}")
