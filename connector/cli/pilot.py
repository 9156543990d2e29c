"""`connector pilot report`: what the connector would have done or did, and what people did meanwhile."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table

if TYPE_CHECKING:
    from connector.domain.project import Project

DAYS = 7
SHARES = (
    ("agreed", "a person opened an opportunity for the same need afterwards", "proposals"),
    ("moved_on", "a person moved it to a later stage", "opportunities written"),
    ("tasks_done", "done", "tasks written"),
    ("edited", "a person changed a field", "proposals written"),
    ("deleted", "a person deleted it", "proposals written"),
    ("won", "closed as won", "proposals written"),
    ("lost", "closed as lost", "proposals written"),
    ("taken_back", "an undo closed it again", "proposals written"),
    ("untouched", "nobody did anything yet", "proposals written"),
)
LINES = 15


def report(
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="First day of the period; default: seven days ago.")
    ] = None,
    crm: Crm = None,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line for each proposal, for a spreadsheet.")] = False,
) -> None:
    """Tell what a pilot would have done (shadow) or did (live), and what people did meanwhile, per owner.

    Example: connector pilot report --since 2026-09-21
    """
    from connector.services.pilot_report import as_csv as written

    if json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    told = _told(since, crm)
    if json:
        say_json(told)
    elif as_csv:
        sys.stdout.write(written(told["proposals"]))
    else:
        _show(told)


def _told(since: str | None, crm: str | None) -> dict[str, Any]:
    from connector.bootstrap import business_now, open_work
    from connector.services.pilot import Period, gather
    from connector.services.pilot_report import report as counted
    from connector.services.scope import bounds
    from connector.services.snapshot import load_segments
    from connector.services.track import look

    chosen = settings(crm)
    with open_work(chosen) as opened:
        work = opened.looking()
        now, at = business_now(chosen, work.project), work.crm.reader.destination().id
        period = Period(_since(since, now, work.project), now)
        world = look(work.memory, work.mapping, at, work.crm.feed.stages(), work.crm.feed.owners())
        within = bounds(work.project, world, load_segments(work.snapshots, at))
        found = gather(work.memory, work.project, world, within, at, period)
        policy = work.project.policy
        return counted(found, period, at, policy.mode, policy.reporting_currency)


def _since(day: str | None, now: datetime, rules: Project) -> datetime:
    """Read the first day; it begins at midnight where the project's people work."""
    from datetime import date, time, timedelta
    from zoneinfo import ZoneInfo

    from connector.domain.errors import ConfigError

    try:
        first = date.fromisoformat(day) if day else rules.day(now) - timedelta(days=DAYS)
    except ValueError:
        raise ConfigError(f"{day!r} is no date", at="--since", hint="write it like 2026-09-30") from None
    begins = datetime.combine(first, time(), ZoneInfo(rules.schedule.timezone))
    if begins > now:
        raise ConfigError(f"{first} has not come yet", at="--since", hint=f"today is {rules.day(now)}")
    return begins


def _show(told: dict[str, Any]) -> None:
    total, days = told["total"], told["days"]
    OUT.print(
        f"[bold]Pilot[/] → {told['destination']}, {told['since'][:10]} to {told['until'][:10]}, mode {told['mode']}"
    )
    OUT.print(f"  {days['with_a_run']} of {days['in_period']} days had a run")
    for one in told["undone"]:
        what = f"{one['closed']} records closed, {one['restored']} fields restored"
        who = f"run {one['undoes']} was taken back by {one['by']} on {one['at'][:10]}"
        OUT.print(f"  {who}: {what}", markup=False)
    OUT.print()
    if told["nights"]:
        nights = [(one["day"], one["proposed"], one["new"], one["vanished"]) for one in told["nights"]]
        table("Would have proposed, each day's last run", ("day", "proposals", "new", "no more"), nights)
    _total(total, told["currency"])
    owners = [
        (one["owner"], one["proposed"], _money(one["value"], told["currency"]), *_shares(one)) for one in told["owners"]
    ]
    columns = ("owner", "proposals", "worth", "agreed", "moved on", "tasks done", "edited", "deleted", "foreseen")
    table("Per owner", columns, owners)
    shown = told["proposals"][:LINES]
    rows = [
        (one["account"], one["owner"], one["need"], one["first_proposed"][:10], _days(one), _fate(one)) for one in shown
    ]
    more = len(told["proposals"]) - len(shown)
    table("Proposals, most valuable first", ("account", "owner", "need", "first", "days", "since then"), rows)
    if more > 0:
        OUT.print(f"  [dim]… and {more} more; --csv and --json tell them all[/]")


def _total(total: dict[str, Any], currency: str) -> None:
    shadow, live, people = total["shadow"], total["live"], total["people"]
    kinds = f"opportunities {total['as_opportunity']}, tasks {total['as_task']}"
    OUT.print(
        f"[bold]Needs proposed {total['proposed']}[/] ({kinds}), worth {_money(total['value'], currency)} a month"
    )
    if shadow["proposed"]:
        OUT.print(
            f"  in shadow    {shadow['proposed']}: {shadow['still_proposed']} still, {shadow['vanished']} no more"
        )
    if live["proposed"]:
        OUT.print(f"  live         {live['proposed']}, of which the CRM holds {live['written']}")
    for name, meaning, among in SHARES:
        if total[name]["of"] or name == "agreed":
            OUT.print(f"  {name.replace('_', ' '):<12} {_share(total[name], among)}: {meaning}")
    apart = f"renewals {people['renewals']}, need not told {people['need_not_told']}"
    OUT.print(f"  people       opportunities they opened themselves {people['opened']} ({apart})")
    OUT.print(f"  foreseen     {_share(people['foreseen'], 'others')}: proposed before a person opened it")
    OUT.print()


def _shares(one: dict[str, Any]) -> tuple[str, ...]:
    names = ("agreed", "moved_on", "tasks_done", "edited", "deleted")
    return (*(_short(one[name]) for name in names), _short(one["people"]["foreseen"]))


def _share(part: dict[str, Any], among: str) -> str:
    judged = "too few to judge" if part["share"] is None else f"{part['share']:.0%}"
    return f"{part['count']} of {part['of']} {among} ({judged})"


def _short(part: dict[str, Any]) -> str:
    return f"{part['count']} of {part['of']}" if part["of"] else "–"


def _days(one: dict[str, Any]) -> str:
    return str(one["days_proposed"]) if one["mode"] == "shadow" else "–"


def _fate(one: dict[str, Any]) -> str:
    told = [f"agreed ({', '.join(one['agreed_with'])})"] if one["agreed_with"] else []
    if one["mode"] == "shadow":
        told.append("still proposed" if one["still_proposed"] else f"no more since {one['last_proposed']}")
        return "; ".join(told)
    if one["taken_back_by"]:
        return "; ".join([*told, f"taken back by {one['taken_back_by']} on {one['taken_back_at'][:10]}"])
    if not one["written"]:
        return "; ".join([*told, "not in the CRM so far"])
    told += [f"moved to {one['moved_to']}"] if one["moved_to"] else []
    told += [f"{one['tasks_done']} of {one['tasks']} tasks done"] if one["tasks_done"] else []
    told += [name for name in ("edited", "deleted") if one[name]]
    told += [one["state"]] if one["state"] != "open" and one["state"] not in told else []
    return "; ".join(told) or "nothing yet"


def _money(minor: int, currency: str) -> str:
    from connector.domain.money import Money
    from connector.services.texts import money

    return money(Money(minor, currency), "en")
