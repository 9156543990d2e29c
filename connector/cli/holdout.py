"""`connector holdout`: what proposals caused, or what a holdout could find before one is chosen."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connector.cli.options import AsOf, Crm, Json, settings
from connector.cli.output import OUT, say_json, table

NAMES = {"held_out": "held out", "proposed": "proposed to"}


def holdout(
    days: Annotated[
        int, typer.Option("--days", min=7, max=730, help="Days after its draw for which an account counts.")
    ] = 90,
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Tell what proposals caused: adoption of customers that get them, and of those held out by lot. Reads only.

    Example: connector holdout --days 90
    """
    told = _told(days, as_of, crm)
    if json:
        say_json(told)
    elif told["holdout"] is None:
        _offer(told)
    else:
        _results(told)


def _told(days: int, as_of: str | None, crm: str | None) -> dict[str, Any]:
    from connector.bootstrap import business_now, open_ledger, open_warehouse, project_of
    from connector.services.holdout import last_of
    from connector.services.holdout_report import Span, results
    from connector.services.propensity_history import owned_history

    chosen = settings(crm)
    project = project_of(chosen)
    span = Span(business_now(chosen, project, as_of), days)
    with open_ledger(chosen) as memory:
        last = last_of(memory.notes, project.policy.holdout)
        drawn = memory.arms.all(last.salt) if last is not None else {}
        with open_warehouse(chosen) as warehouse:
            history = owned_history(warehouse, span.now)
        if last is None or not drawn:
            return {"holdout": None, **_offers(chosen, project, memory, history, span)}
    share = next(iter(drawn.values())).share
    head = {"salt": last.salt, "share": share, "on": last.times, "is_on": last.is_on}
    return {"holdout": head, **results(drawn.values(), history, project.catalogue, span.until(last.ended))}


def _offers(chosen: Any, project: Any, memory: Any, history: Any, span: Any) -> dict[str, Any]:
    from connector.domain.change import RecordType
    from connector.domain.project import mapping_of
    from connector.services.holdout_report import offers
    from connector.services.snapshot import facts_of
    from connector.services.world import crm_accounts, survivors

    mapping = mapping_of(project)
    facts = facts_of(chosen.state / "runs", mapping.crm)
    records = memory.mirror.records(facts.destination, RecordType.ACCOUNT)
    told = offers(facts, crm_accounts(records, mapping), survivors(records), history, span)
    return {**told, "chosen": project.policy.holdout is not None}


def _offer(told: dict[str, Any]) -> None:
    if told["chosen"]:
        OUT.print("The holdout is chosen; the next `connector sync` draws it.")
    else:
        OUT.print("No holdout: nobody can tell what customers would have bought without a proposal.")
    base, days = told["base"], told["days"]
    groups = f" in {told['groups']:,} groups" if told["groups"] != told["accounts"] else ""
    OUT.print(f"{told['accounts']:,} customers could be drawn{groups}", end="")
    OUT.print(f"; {base:.1%} of them bought more in the last {days} days." if base is not None else ".")
    rows = [
        (f"{one['share']:.0%}", f"{one['held_out']:,}", f"{one['proposed']:,}", _enough(one)) for one in told["offers"]
    ]
    table("Smallest rise it could find", ("share", "held out", "proposed to", "80 % power, two-sided 5 %"), rows)
    if not told["chosen"]:
        OUT.print("`holdout: {share: 0.1, salt: a-word-of-yours}` in playbooks/policy.yaml turns it on.", markup=False)


def _results(told: dict[str, Any]) -> None:
    head = told["holdout"]
    state = "on" if head["is_on"] else "over"
    OUT.print(f"Holdout {head['salt']}, {head['share']:.0%}, {state} ({_times(head['on'])})", markup=False)
    rows = [
        (
            NAMES[name],
            f"{one['drawn']:,}",
            f"{one['accounts']:,}",
            f"{one['groups']:,}",
            f"{one['adopted']:,}",
            f"{one['share']:.1%}" if one["share"] is not None else "–",
        )
        for name, one in told["arms"].items()
    ]
    title = f"Who bought more in the {told['days']} days after the draw, by billing to {told['as_of']}"
    table(title, ("", "drawn", "days are over", "groups", "bought more", "share"), rows)
    OUT.print(f"  {_verdict(told)}", markup=False)


def _verdict(told: dict[str, Any]) -> str:
    effect = told["effect"]
    if effect is None:
        when = f"from {told['first_result_on']} on"
        return f"Not yet measurable: not in both arms has an account had its {told['days']} days; {when}."
    found = (
        f"{100 * effect['difference']:+.1f} points (95 % interval {100 * effect['low']:+.1f} to"
        f" {100 * effect['high']:+.1f})"
    )
    size = f"the smallest rise this size finds is {_rise(effect['detectable'])}"
    match told["verdict"]:
        case "power_too_low":
            return f"Not yet measurable: too few accounts or adoptions; {size}. So far {found}."
        case "interval_includes_0":
            return f"Not yet measurable: the interval includes 0; {size}. So far {found}."
        case _:
            return f"Proposals caused {found} of adoption; {size}."


def _rise(share: float | None) -> str:
    return f"+{100 * share:.1f} points" if share is not None else "none"


def _enough(one: dict[str, Any]) -> str:
    return _rise(one["detectable"]) + ("" if one["is_enough"] else ": more than a doubling, too few to measure")


def _times(times: list[list[str | None]]) -> str:
    told = [f"{str(begun)[:10]} to {str(ended)[:10] if ended else 'now'}" for begun, ended in times]
    return ", ".join(told)
