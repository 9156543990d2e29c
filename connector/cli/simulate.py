"""`connector simulate`: what each person would get a week, decided on recorded data, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, progress, say_json, table

QUARTER = 91


def simulate(
    since: Annotated[str, typer.Option("--from", metavar="DATE", help="First day; a day that the data cover.")],
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How many calendar days.")] = QUARTER,
    answered_after: Annotated[
        int, typer.Option("--answered-after", min=1, help="Days after which a proposal counts as declined.")
    ] = 30,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it here too, as .html.")] = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Decide every working day of a span on recorded data and tell what each person would get a week.

    Example: connector simulate --from 2026-07-01 --days 91 --plot noise.html
    """
    told = _told(since, days, answered_after, crm, json)
    if plot is not None:
        from connector.services.simulate import plot as drawn

        plot.write_text(drawn(told), encoding="utf-8")
    if json:
        say_json(told)
        return
    _show(told)
    if plot is not None:
        OUT.print(f"Drawn in {plot}.")


def _told(since: str, days: int, answered_after: int, crm: str | None, quiet: bool) -> dict[str, Any]:
    from datetime import date

    from connector.bootstrap import open_work
    from connector.domain.errors import ConfigError
    from connector.services.simulate import Span
    from connector.services.simulate import simulate as counted
    from connector.services.track import look

    try:
        first = date.fromisoformat(since)
    except ValueError:
        raise ConfigError(f"{since!r} is no day", at="--from", hint="write it like 2026-09-30") from None
    chosen = settings(crm)
    with open_work(chosen) as opened, progress(quiet) as tell:
        work = opened.looking()
        at = work.crm.reader.destination().id
        world = look(work.memory, work.mapping, at, work.crm.feed.stages(), work.crm.feed.owners())
        with work.warehouse() as warehouse:
            span = Span(first, days, answered_after)
            return counted(warehouse, world, work.project, span, lambda day: tell(f"{day.isoformat()}"))


def _show(told: dict[str, Any]) -> None:
    cap = told["cap"]
    rows = [
        (one["person"], " ".join(_cell(week["proposals"]) for week in one["weeks"]), *_sums(one["weeks"]))
        for one in told["people"]
    ]
    weeks = [week["monday"] for one in told["people"][:1] for week in one["weeks"]]
    title = f"New proposals a week from {weeks[0] if weeks else told['since']} on, at most {cap} each"
    table(title, ("person", "by week", "most", "proposals", "tasks", "reviews", "save tasks"), rows)
    most = told["most_proposals_in_a_week"]
    kept = "the cap is never exceeded" if most <= cap else "THE CAP IS EXCEEDED"
    OUT.print(f"Most in one week: {most} of {cap}: {kept}. Tasks count in the week in which they are due.")


def _cell(count: int) -> str:
    return str(count) if count else "·"


def _sums(weeks: list[dict[str, Any]]) -> tuple[str, ...]:
    totals = (sum(week[kind] for week in weeks) for kind in ("proposals", "tasks", "reviews", "saves"))
    return (str(max(week["proposals"] for week in weeks)), *(f"{total:,}" for total in totals))
