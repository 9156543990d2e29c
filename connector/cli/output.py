"""How results look on a terminal: tables and diffs for people, one JSON object for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from connector.domain.change import Change, Plan

OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
ERR = Console(stderr=True, highlight=False)
MARKS = {"create": "+", "update": "~", "close": "-", "unchanged": "=", "held": "!", "associate": "+"}
COLOURS = {
    "create": "green",
    "update": "yellow",
    "close": "red",
    "unchanged": "dim",
    "held": "magenta",
    "associate": "green",
}


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


def set_aside(summary: Mapping[str, Any]) -> None:
    """Print what did not fit: how many rows for each reason, and where the first of them stand."""
    if summary["quarantined"]:
        counts = ", ".join(f"{reason} {rows:,}" for reason, rows in summary["quarantined"].items())
        OUT.print(f"  set aside    {counts}")
    for example in summary["set_aside"]:
        OUT.print(f"               [dim]{escape(example)}[/]")
    for warning in summary["warnings"]:
        OUT.print(f"  [yellow]warning[/]      {escape(warning)}")


def plan_diff(
    plan: Plan, fields: bool, limit: int | None = None, unchanged: bool = False, names: Mapping[str, str] | None = None
) -> None:
    """Print a plan as a diff: what is created, updated, closed, and held with its reason. `names`: account → name."""
    shown = [c for c in plan.changes if c.action not in ("unchanged", "held", "associate")]
    held = [c for c in plan.changes if c.action == "held"]
    rest = [c for c in plan.changes if c.action == "unchanged"] if unchanged else []
    for change in shown[:limit]:
        _change(change, fields)
    if limit is not None and len(shown) > limit:
        OUT.print(f"  [dim]… and {len(shown) - limit} more; `connector plan` shows them all[/]")
    for change in rest:
        _change(change, False)
    if fields:
        for change in held[:limit]:
            who = (names or {}).get(change.account_id, change.account_id)
            why, reason = escape(f"[{change.why}]"), escape(change.reason)
            OUT.print(f"[magenta]! held        {escape(who)}: {escape(change.title)}[/]  {why}  [dim]{reason}[/]")


def _change(change: Change, fields: bool) -> None:
    colour = COLOURS[change.action]
    what = f"{change.type:<12}" if change.action != "held" else "held        "
    why = f"  [{escape(change.why)}]" if change.why else ""
    reason = f"  [dim]{escape(change.reason)}[/]" if change.reason else ""
    OUT.print(f"[{colour}]{MARKS[change.action]} {what}{escape(change.title)}[/]{escape(why)}{reason}")
    if not fields:
        return
    for field in change.fields:
        before = "" if change.action == "create" else f"{_short(field.before)} → "
        OUT.print(f"      {escape(field.name)}: {escape(before + _short(field.after))}  [dim]({field.policy})[/]")


def _short(value: str | None, size: int = 100) -> str:
    if value is None:
        return "∅"
    flat = " ".join(value.split())
    return flat if len(flat) <= size else flat[: size - 1] + "…"
