"""`connector sync`: the main job, and what it shows at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from connector.cli.alerting import watched
from connector.cli.diff import left_told, plan_summary
from connector.cli.options import AsOf, Crm, Json, Yes, settings
from connector.cli.output import (
    OUT,
    progress,
    say_json,
    set_aside,
    table,
    tell_limits,
    tell_model,
    tell_schema,
    tell_waits,
)

if TYPE_CHECKING:
    from connector.domain.signal import Signals
    from connector.services.work import Outcome


def sync(as_of: AsOf = None, crm: Crm = None, yes: Yes = False, json: Json = False) -> None:
    """Pull billing, score, plan and deliver into the CRM.

    Example: connector sync --crm hubspot --as-of 2026-09-30
    """
    from connector.bootstrap import business_now, open_work
    from connector.domain.run import EXITS
    from connector.services.run import sync as run_sync
    from connector.services.work import Request

    chosen = settings(crm)
    with watched(chosen, "sync") as watching, progress(json) as tell, open_work(chosen) as work:
        signals = work.project.signals
        outcome = run_sync(work, Request(business_now(chosen, work.project, as_of), agree=yes, tell=tell))
        watching.note(work, outcome, "sync")
    if json:
        say_json(outcome.summary)
    else:
        show(outcome, signals)
    raise typer.Exit(EXITS[outcome.run.status])


def show(outcome: Outcome, signals: Signals, diff_lines: int = 12) -> None:
    """Print what came in, what it says, what was planned and what was written."""
    told = outcome.summary
    OUT.print(f"[bold]Run {told['run_id']}[/] → {told['destination']}, as of {told['now'][:10]}")
    tell_limits(told)
    OUT.print(f"  pulled       {_counts(told['pulled'])}")
    set_aside(told)
    tell_model(told)
    tell_schema(told)
    OUT.print(f"  matched      {_counts(told['matched'])}")
    OUT.print(f"  MRR          {_mrr(told['mrr'])}")
    OUT.print(f"  signals      {_counts(told['signals'])}")
    OUT.print()
    top_ten(outcome, signals)
    OUT.print("[bold]Plan[/]")
    plan_summary(outcome.plan, diff_lines)
    OUT.print(f"  {_counts(told['plan'])}; about {outcome.plan.calls} calls")
    OUT.print(f"  held back    {_counts(told['held'])}")
    if told["left_to_people"]:
        OUT.print(f"  people's     {_counts(told['left_to_people'])}")
    if told["left_as_found"]:
        OUT.print(f"  left alone   {_counts(told['left_as_found'])} found different after the ledger was rebuilt")
    for line in left_told(outcome.plan, diff_lines):
        OUT.print(f"               [dim]{escape(line)}[/]")
    OUT.print()
    _ending(told)


def top_ten(outcome: Outcome, signals: Signals) -> None:
    """Print the ten best proposals, each with its strongest reason.

    What the customer does comes before a moment: a renewal says when, a signal of a need says why.
    """
    from connector.services.texts import headline, money, percent

    rows = []
    for place, intent in enumerate(outcome.intents[:10], start=1):
        best = max(
            intent.contributions,
            key=lambda one: (one.name in signals.rules and bool(signals.rules[one.name].needs), one.term),
            default=None,
        )
        rows.append(
            (
                place,
                outcome.accounts.get(intent.account_id, intent.account_id),
                intent.offer + (f" ×{intent.quantity}" if intent.quantity > 1 else ""),
                percent(intent.p, "en"),
                f"+{money(intent.delta_mrr, 'en')}/month",
                headline(best.evidence.get("en", "")) if best else "",
            )
        )
    few = len(rows) == len(outcome.intents)
    title = f"Top {len(rows)}" if few else f"Top ten of {len(outcome.intents)}"
    table(title, ("#", "account", "offer", "p", "worth", "why"), rows)


def _ending(told: Any) -> None:
    delivered = told["delivered"]
    match told["status"]:
        case "planned":
            OUT.print("[bold]Nothing was written:[/] this was only a plan.")
        case "shadow":
            OUT.print("[black on yellow] SHADOW [/] [bold]Nothing was written.[/] The plan above is kept:")
            OUT.print("  `connector pilot report` tells what all of them come to, and what people did meanwhile.")
            for why in told["approval"]:
                OUT.print(f"  more than a run may do unasked: {escape(why)}")
        case "waiting":
            OUT.print(f"[bold]Nothing was written:[/] approve it with `connector approve {told['run_id']} --by NAME`.")
            for why in told["approval"]:
                OUT.print(f"  more than a run may do unasked: {escape(why)}")
        case _:
            OUT.print(f"[bold]Written[/]      {_counts(delivered)}  [dim]({told['status']})[/]")
            tell_waits(told)
    OUT.print(f"  calls        {_counts(told['api_calls'])}")
    OUT.print(f"  seconds      {_counts(told['seconds'])}")


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in counts.items() if value) or "nothing"


def _mrr(tie: dict[str, Any]) -> str:
    from connector.domain.money import Money
    from connector.services.texts import money

    shown = [
        f"{money(Money(tie['ours'].get(currency, 0), currency), 'en')} of {money(Money(amount, currency), 'en')}"
        for currency, amount in sorted(tie["source"].items())
    ]
    why = ", ".join(tie["why"]) or "to the cent"
    return (
        f"{'; '.join(shown) or 'none'} — "
        + ("ties" if "unexplained" not in tie["why"] else "DOES NOT TIE")
        + f" ({why})"
    )
