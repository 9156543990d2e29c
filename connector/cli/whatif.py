"""`connector whatif`: which proposals would appear, go or change under other rules, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table

SHOWN = 20
MARKS = {"appears": "+", "goes": "-", "changes": "~", "rank": "↕"}


def whatif(
    overlays: Annotated[
        list[Path] | None,
        typer.Option("--with", help="A folder with changed documents (mappings/…, playbooks/…), or one such file."),
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="One value: playbooks/policy.yaml:caps.per_owner_week=3.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Decide on the facts of this run, not the newest.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw what goes and appears by offer here (SVG).")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show every row, also where only the rank changes.")] = False,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Show which proposals would appear, go or change under other rules; decided on the last run's facts, unwritten.

    Example: connector whatif --set playbooks/policy.yaml:caps.per_owner_week=3 --plot whatif.svg
    """
    from connector.bootstrap import project_of
    from connector.config.branch import branch
    from connector.domain.errors import ConfigError
    from connector.domain.project import mapping_of
    from connector.services.bars import two_sided
    from connector.services.snapshot import facts_of
    from connector.services.whatif import by_offer_bars
    from connector.services.whatif import whatif as compare

    chosen = settings(crm)
    if not overlays and not values:
        raise ConfigError("nothing to try", at="--with", hint="name changed documents, or --set one value")
    if plot is not None and plot.suffix != ".svg":
        raise ConfigError(f"cannot draw {plot.name}", at="--plot", hint="name a file that ends in .svg")
    now = project_of(chosen)
    with branch(chosen.home, overlays or (), values or ()) as home:
        then = project_of(chosen.model_copy(update={"home": home}))
    told = compare(facts_of(chosen.state / "runs", mapping_of(now).crm, run), now, then)
    if plot is not None:
        drawn = two_sided("What these rules change, by offer", "goes", "appears", by_offer_bars(told))
        plot.write_text(drawn, encoding="utf-8")
    if json:
        say_json(told)
    else:
        _show(told, full)
        OUT.print(f"Drawn in {plot}. Nothing else was written." if plot else "Nothing was written.")


def _show(told: Mapping[str, Any], full: bool) -> None:
    counts = told["counts"]
    OUT.print(f"[bold]Run {told['run_id']}[/], decided anew as of {told['as_of']}, data to {told['data_to']}")
    rows = [row for row in told["rows"] if full or row["kind"] != "rank"]
    shown = rows if full else rows[:SHOWN]
    cells = [(MARKS[row["kind"]], row["account"], row["offer"], _side(row["now"]), _side(row["then"])) for row in shown]
    table("", ("", "account", "offer", "now", "then"), cells)
    if len(rows) > len(shown):
        OUT.print(f"  … and {len(rows) - len(shown)} more; --full shows them\n")
    now, then = told["totals"]["now"], told["totals"]["then"]
    OUT.print(
        f"  {counts['appears']} appear, {counts['goes']} go, {counts['changes']} change, "
        f"{counts['rank']} only change their rank"
    )
    for name, label in (("opportunities", "opportunities"), ("tasks", "tasks"), ("delta_mrr", "added per month")):
        OUT.print(f"  {label:<16} {now[name]} → {then[name]}")
    owners = [(one["owner"], one["now"], one["then"]) for one in told["owners"] if full or one["now"] != one["then"]]
    table("\nTasks this week, by owner", ("owner", "now", "then"), owners)
    for note in told["not_weighed"]:
        OUT.print(f"  [yellow]not weighed[/]  {escape(note)}")


def _side(side: Mapping[str, Any]) -> str:
    """One side's decision, with what it is worth or why it is not."""
    if side["rank"] is None:
        return f"{side['decision']}: {side['detail']}" if side["detail"] else side["decision"]
    return f"#{side['rank']} {side['decision']}, {side['delta_mrr']}, {side['p']:.0%}"
