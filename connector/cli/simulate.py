"""`connector simulate --from D --days N`: what everybody would get per week, before any of it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, progress, say_json, table


def simulate(
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, as 2026-08-24.")],
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How many days.")] = 91,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the calendar here (SVG).")] = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Run the decisions forward on recorded data: the calendar of what each person would get. Nothing is written.

    Example: connector simulate --from 2026-08-24 --days 91 --plot calendar.svg
    """
    from connector.bootstrap import open_work
    from connector.domain.errors import ConfigError
    from connector.services.heatmap import heatmap
    from connector.services.simulate import simulate as run
    from connector.services.track import look

    try:
        first = date.fromisoformat(start)
    except ValueError:
        raise ConfigError(f"{start!r} is no day", at="--from", hint="write it like 2026-08-24") from None
    if plot is not None and plot.suffix != ".svg":
        raise ConfigError(f"cannot draw {plot.name}", at="--plot", hint="name a file that ends in .svg")
    with progress(json) as tell, open_work(settings(crm)) as work:
        at = work.crm.reader.destination().id
        world = look(work.memory, work.mapping, at, work.crm.feed.stages(), work.crm.feed.owners())
        with work.warehouse() as warehouse:
            told = run(warehouse, world, work.project, first, days, tell)
    if plot is not None:
        rows = [(one["owner"], one["begun_by_week"]) for one in told["people"]]
        columns = [f"{date.fromisoformat(week):%d %b}" for week in told["weeks"]]
        title = f"What begins for each person and week: at most {told['cap']} in any seven days"
        plot.write_text(heatmap(title, columns, rows, told["cap"]), encoding="utf-8")
    if json:
        say_json(told)
    else:
        _show(told)
        OUT.print(f"Drawn in {plot}. Nothing else was written." if plot else "Nothing was written.")


def _show(told: Mapping[str, Any]) -> None:
    rows = [
        (
            one["owner"],
            sum(one["tasks_by_week"]),
            max(one["tasks_by_week"], default=0),
            sum(one["begun_by_week"]),
            one["most_begun_in_seven_days"],
        )
        for one in told["people"]
    ]
    title = f"{told['days']} days from {told['from']}, at most {told['cap']} new things a person and week"
    table(title, ("person", "tasks", "most a week", "begun", "most in seven days"), rows)
    table("Tasks by playbook", ("playbook", "tasks"), list(told["tasks_by_play"].items()))
    OUT.print(f"  assumed: {told['assumed']}", markup=False)
