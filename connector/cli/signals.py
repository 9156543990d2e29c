"""`signals list|test|coverage`: what the rules are, what one says of an account, and what they would have said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import AsOf, Crm, Json, settings
from connector.cli.output import OUT, progress, say_json, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.config.settings import Settings
    from connector.domain.project import Project
    from connector.services.coverage import Case

RuleId = Annotated[str, typer.Argument(help="Id of a rule, as `connector signals list` names it.")]
OnAccount = Annotated[
    str | None, typer.Option("--account", metavar="A", help="Only this billing account: its id, or a part of its name.")
]
Weeks = Annotated[int, typer.Option("--weeks", min=1, max=104, help="How many weeks back, one look a week.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it here too: a .svg, or an .html.")]
Language = Annotated[str, typer.Option("--language", help="en or fr.")]
LINES = 20


def list_(crm: Crm = None, json: Json = False) -> None:
    """List the signal rules: what each looks at, what it points to, and when it fires.

    Example: connector signals list
    """
    from connector.bootstrap import project_of
    from connector.domain.misses import words

    rules = project_of(settings(crm)).signals.rules
    told: list[dict[str, Any]] = [
        {
            "rule": id,
            "row": rule.row,
            "kind": rule.kind,
            "of": [*rule.metrics, *rule.events] or [rule.per],
            "needs": list(rule.needs),
            "weight": rule.weight,
            "window_days": rule.window_days,
            "when": words(rule.when),
        }
        for id, rule in rules.items()
    ]
    if json:
        say_json({"rules": told})
        return
    rows = [
        (one["rule"], one["kind"], ", ".join(one["of"]), ", ".join(one["needs"]), f"{one['weight']:+}", one["when"])
        for one in told
    ]
    table("Signal rules", ("rule", "kind", "looks at", "points to", "weight", "fires when"), rows)


def try_(
    rule: RuleId,
    account: OnAccount = None,
    as_of: AsOf = None,
    language: Language = "en",
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Try one rule: where it fires and with which words, and what keeps it silent elsewhere. Nothing is written.

    Example: connector signals test seats_near_limit --account "Groupe Sablier"
    """
    from connector.bootstrap import business_now, open_warehouse, project_of
    from connector.services.coverage import tested

    chosen = settings(crm)
    project = project_of(chosen)
    now = business_now(chosen, project, as_of)
    told = _crm_facts(chosen, project)
    with open_warehouse(chosen) as warehouse:
        cases = tested(warehouse, project.catalogue, project.signals, rule, account, now, language, told)
    if json:
        say_json({"rule": rule, "as_of": now.date(), "cases": [_as_json(case) for case in cases]})
        return
    fired = sorted((case for case in cases if case.strength is not None), key=lambda case: -(case.strength or 0.0))
    silent = [case for case in cases if case.strength is None]
    shown = [(case.name, case.about, f"{case.strength:.2f}", case.evidence) for case in fired[:LINES]]
    table(f"{rule} fires {len(fired):,} times as of {now.date()}", ("account", "about", "strength", "evidence"), shown)
    _rest(len(fired) - len(shown))
    rows = [(case.name, case.about, miss.wanted, miss.found) for case in silent[:LINES] for miss in case.misses]
    table(f"It is silent {len(silent):,} times", ("account", "about", "wanted", "found"), rows)
    _rest(len(silent) - LINES)


def coverage(
    weeks: Weeks = 13,
    plot: Plot = None,
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Tell what each rule would have fired on in the last quarter, how often and on whom. Nothing is written.

    Each week is measured as it was known then, as the daily run does it.

    Example: connector signals coverage --plot coverage.svg
    """
    from connector.bootstrap import business_now, open_warehouse, project_of
    from connector.services.coverage import covered

    chosen = settings(crm)
    project = project_of(chosen)
    now = business_now(chosen, project, as_of)
    with open_warehouse(chosen) as warehouse, progress(json) as tell:
        told = covered(warehouse, project.catalogue, project.signals, now, weeks, tell)
    if plot is not None:
        plot.write_text(_drawn(told, plot), encoding="utf-8")
    if json:
        say_json(told)
    else:
        _show(told, plot)


def _show(told: dict[str, Any], plot: Path | None) -> None:
    rows = [
        (
            one["rule"],
            one["kind"],
            one["accounts_now"],
            one["accounts_ever"],
            one["new_a_week"],
            ", ".join(one["names"].get(id, id) for id in one["on"][:2]),
            "; ".join(f"{why['reason']} ({why['accounts']})" for why in one["silent_because"][:1]),
        )
        for one in told["rules"]
    ]
    days = told["days"]
    title = f"Signals on {told['accounts']:,} accounts, {days[0]} to {days[-1]}, data to {told['data_to']}"
    columns = ("rule", "kind", "now", "ever", "new a week", "most often on", "elsewhere silent, first for want of")
    table(title, columns, rows)
    never = [one["rule"] for one in told["rules"] if not one["accounts_ever"]]
    if never:
        OUT.print(f"  never fired: {', '.join(never)}; `connector signals test RULE` says why", markup=False)
    if told["left_out"]:
        OUT.print(f"  left out, since a CRM keeps no past: {', '.join(told['left_out'])}", markup=False)
    if plot is not None:
        OUT.print(f"  drawn in {plot}", markup=False)


def _drawn(told: dict[str, Any], plot: Path) -> str:
    from connector.domain.errors import ConfigError
    from connector.services.heatmap import heatmap

    if plot.suffix not in (".svg", ".html"):
        raise ConfigError(f"{plot.suffix or 'no ending'} is no picture", at="--plot", hint="name it .svg or .html")
    columns = [f"{day:%d %b}" for day in told["days"]]
    rows = [(one["rule"], one["accounts_by_day"]) for one in told["rules"]]
    title = f"Accounts with each signal, week by week, {told['days'][0]} to {told['days'][-1]}"
    picture = heatmap(title, columns, rows)
    return picture if plot.suffix == ".svg" else f'<!doctype html>\n<meta charset="utf-8">\n{picture}'


def _crm_facts(chosen: Settings, project: Project) -> Mapping[str, Mapping[str, str]]:
    """What the CRM told when it was last followed, by billing account; nothing where that never was."""
    from connector.bootstrap import open_ledger
    from connector.services.customers import told_by_crm
    from connector.services.track import look

    if project.mapping is None:
        return {}
    with open_ledger(chosen) as memory:
        seen = [one for one in memory.destinations.seen() if one.partition(":")[0] == project.mapping.crm]
        worlds = [look(memory, project.mapping, one, (), ()) for one in seen]
    return {id: facts for world in worlds for id, facts in told_by_crm(world).items()}


def _as_json(case: Case) -> dict[str, Any]:
    return {
        "account_id": case.account_id,
        "name": case.name,
        "about": case.about or None,
        "fires": case.strength is not None,
        "strength": case.strength,
        "evidence": case.evidence or None,
        "misses": [{"wanted": one.wanted, "feature": one.feature or None, "found": one.value} for one in case.misses],
    }


def _rest(count: int) -> None:
    if count > 0:
        OUT.print(f"  [dim]… and {count:,} more; --json tells them all[/]\n")
