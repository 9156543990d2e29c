"""`connector report`: what was proposed, accepted, won and billed, by signal and by owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table

if TYPE_CHECKING:
    from datetime import date

COLUMNS = ("", "proposed", "accepted", "won", "billed", "won, a month", "billed, a month", "average basket")


def report(
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="First day; default: three months before the last.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Last day; default: today.")] = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Tell what was proposed, accepted, won and billed: recurring amounts, D31 and D32 with what each is a share of.

    Example: connector report --since 2026-07-01
    """
    told = _told(since, until, crm)
    if json:
        say_json(told)
    else:
        _show(told)


def _told(since: str | None, until: str | None, crm: str | None) -> dict[str, Any]:
    from connector.bootstrap import business_now, open_work
    from connector.domain.errors import MendError
    from connector.services.report import report as counted
    from connector.services.report import span_of
    from connector.services.snapshot import facts_of
    from connector.services.track import look

    chosen = settings(crm)
    first, last = _day(since, "--since"), _day(until, "--until")
    with open_work(chosen) as opened:
        work = opened.looking()
        now, at = business_now(chosen, work.project), work.crm.reader.destination().id
        world = look(work.memory, work.mapping, at, work.crm.feed.stages(), work.crm.feed.owners())
        try:
            facts = facts_of(work.snapshots, work.mapping.crm)
        except MendError:
            facts = None  # nothing was scored yet: what billing shows is not known
        return counted(world, work.project, facts, span_of(first, last, now, work.project))


def _day(text: str | None, option: str) -> date | None:
    from datetime import date

    from connector.domain.errors import ConfigError

    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise ConfigError(f"{text!r} is no day", at=option, hint="write it like 2026-09-30") from None


def _show(told: dict[str, Any]) -> None:
    currency = told["currency"]
    rows = [_row("all", told["total"], currency)]
    table(f"{told['since']} to {told['until']}, {currency} a month, recurring only", COLUMNS, rows)
    for name in ("signals", "owners"):
        if told[name]:
            table(f"By {name[:-1]}", COLUMNS, (_row(one[name[:-1]], one, currency) for one in told[name]))
    rates = [
        (kind.replace("_", "-"), _share(both["rate_closed"]), _share(both["rate_cohort"]))
        for kind, both in told["total"]["kinds"].items()
    ]
    table("Won opportunities (D31)", ("", "of those closed", "of those proposed"), rates)
    shown = told["billed_as_of"]
    OUT.print(f"Billed as of {shown}." if shown else "Nothing was scored yet, so nobody can tell what is billed.")
    OUT.print("A proposal counts under each signal that spoke for it. `--json` names every formula.")


def _row(name: str, one: dict[str, Any], currency: str) -> tuple[str, ...]:
    basket = one["basket"]["average"]
    return (
        name,
        f"{one['proposed']:,}",
        *(_share(one[key]) for key in ("accepted", "won", "billed")),
        *(_money(one[key], currency) for key in ("won_amount", "billed_amount")),
        f"{_money(basket, currency)} ({one['basket']['of']})" if basket is not None else "–",
    )


def _share(told: dict[str, Any]) -> str:
    of = f"{told['count']:,} of {told['of']:,}"
    return of if told["share"] is None else f"{of} ({told['share']:.0%})"


def _money(minor: int, currency: str) -> str:
    from connector.domain.money import Money
    from connector.services.texts import money

    return money(Money(minor, currency), "en")
