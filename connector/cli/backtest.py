"""`connector backtest`: what the scores would have been worth on your own history. Nothing is written to the CRM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.options import AsOf, Crm, Json, settings
from connector.cli.output import OUT, progress, say_json, table

SHOWN = (("precision", "{:.1%}"), ("lift_10", "{:.1f}"), ("auc", "{:.3f}"), ("value_captured", "{:.0%}"))


def backtest(
    months: Annotated[int, typer.Option("--months", min=1, max=36, help="How many months, the last known ones.")] = 12,
    top: Annotated[int, typer.Option("--top", min=1, help="Pairs that the team can work in a month.")] = 50,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write a page with pictures here (.html).")
    ] = None,
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Judge the scores on past months, beside popularity, the rules alone and the model of the month before.

    Example: connector backtest --months 12 --out backtest.html
    """
    from connector.bootstrap import business_now, open_warehouse, project_of
    from connector.cli.outcomes import outcomes_so_far
    from connector.services.backtest import Ask
    from connector.services.backtest import backtest as judge
    from connector.services.backtest_page import page
    from connector.services.propensity_history import Rulebook

    chosen = settings(crm)
    project = project_of(chosen)
    book = Rulebook(project.catalogue, project.signals, project.policy, project.fx)
    now = business_now(chosen, project, as_of)
    outcomes = outcomes_so_far(chosen, project, now)
    with open_warehouse(chosen, to_look_back=True) as warehouse, progress(json) as tell:
        told = judge(warehouse, book, now, Ask(months, top), tell, outcomes)
    if out is not None:
        out.write_text(page(told), encoding="utf-8")
    if json:
        say_json(told)
        return
    _show(told)
    if out is not None:
        OUT.print(f"  drawn in {out}", markup=False)


def _show(told: dict[str, Any]) -> None:
    rows = [
        (who, *("–" if row.get(key) is None else shape.format(row[key]) for key, shape in SHOWN))
        for who, row in told["together"].items()
    ]
    title = f"Backtest, {told['months']} months to {told['as_of']}, the first {told['top']} of each month"
    table(title, ("ranked by", "precision", "lift at 10 %", "AUC", "value captured"), rows)
    OUT.print(f"  {told['verdict']}", markup=False)
    if told["share"] < 1:
        OUT.print(f"  measured on {told['share']:.0%} of the customers, with as much of the places", markup=False)
    few = [one["day"] for one in told["windows"] if "verdict" in one]
    if few:
        OUT.print(f"  too few to judge: {', '.join(few)}", markup=False)
    if told["rules_left_out"]:
        OUT.print(
            f"  rules left out, for what they read has no past: {', '.join(told['rules_left_out'])}", markup=False
        )
    if told["features_left_out"]:
        OUT.print(f"  without a past: {', '.join(told['features_left_out'])}", markup=False)
