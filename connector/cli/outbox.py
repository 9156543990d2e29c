"""`outbox list|show|retry|drop`: what waits for the CRM or was refused by it, and a person's say in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.destination import Limit, Since, Until, Where, destination_of, opened, period
from connector.cli.entries import COLUMNS, cells, entry_json, show_entry
from connector.cli.options import Account, By, Crm, Json, RunOf, Yes, settings
from connector.cli.output import OUT, agree, say_json, table

if TYPE_CHECKING:
    from connector.domain.outbox import DeliveryState
    from connector.ports.ledger import Selection
    from connector.services.outbox_desk import Choice, Move

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ENTRY]...", help="Keys as `outbox list` shows them, or ids of entries.")
]
State = Annotated[
    list[str] | None, typer.Option("--state", help="pending, sending, unknown, parked, delivered, superseded, dropped.")
]
Code = Annotated[str | None, typer.Option("--code", help="Only those that the CRM refused with this code.")]
Everything = Annotated[bool, typer.Option("--all", help="Mean everything, where neither ids nor filters are given.")]
RetriedBy = Annotated[str | None, typer.Option("--by", help="Who decides this; default: the user of this machine.")]
SHOWN = 10
"""Entries that are named before a question."""


def list_(
    ids: Ids = None,
    state: State = None,
    run: RunOf = None,
    account: Account = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """List changes that wait, may have landed, or were refused; with --state, those that are done too.

    Example: connector outbox list --state parked --code FIELD_CUSTOM_VALIDATION_EXCEPTION
    """
    from dataclasses import replace

    from connector.domain.outbox import OPEN

    wanted = _wanted(ids, state, run, account, code, period(since, until, crm))
    if not ids and not state:
        wanted = replace(wanted, states=tuple(OPEN))
    with opened(crm, destination) as (memory, where):
        found = memory.outbox.select(where, replace(wanted, limit=limit + 1))
    shown, is_cut = found[:limit], len(found) > limit
    if json:
        say_json({"destination": where, "entries": [entry_json(entry) for entry in shown], "more": is_cut})
        return
    table(f"Outbox of {where}", COLUMNS, (cells(entry) for entry in shown))
    if is_cut:
        OUT.print("There are more: --limit shows them.")


def show(
    ids: Annotated[
        list[str], typer.Argument(metavar="ENTRY...", help="Keys as `outbox list` shows them, or ids of entries.")
    ],
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Show entries whole: what the CRM said and how to mend it, and the change field by field.

    Example: connector outbox show 0f3a9c5d7e1b2a4c6d8e0f1a2b3c4d5e
    """
    from connector.services.outbox_desk import named

    with opened(crm, destination) as (memory, where):
        entries = named(memory.outbox, where, ids)
    if json:
        say_json({"destination": where, "entries": [entry_json(entry, whole=True) for entry in entries]})
        return
    for entry in entries:
        show_entry(entry)


def retry(
    ids: Ids = None,
    run: RunOf = None,
    account: Account = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    by: RetriedBy = None,
    destination: Where = None,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let refused changes be tried again, once what the CRM complained about is mended.

    They go out with the next `sync` or `stages`, the scheduled ones included; one whose record a newer plan speaks of
    gives way to that plan.

    Example: connector outbox retry --code FIELD_CUSTOM_VALIDATION_EXCEPTION
    """
    from connector.domain.audit import Act

    wanted = _wanted(ids, None, run, account, code, period(since, until, crm))
    _move(wanted, everything, Act.RETRY, by or _user(), "", destination, crm, yes, json)


def drop(
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    ids: Ids = None,
    state: State = None,
    run: RunOf = None,
    account: Account = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    destination: Where = None,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Give waiting or refused changes up.

    A record that would have been made is held: no run makes it until `connector undo RUN --release` lifts the hold.
    A change of a record that exists comes back when the next run has reason for it.

    Example: connector outbox drop --account 0015g00000AbCdEAAV --by "Ana Ruiz" --reason "the customer said no"
    """
    from connector.domain.audit import Act

    wanted = _wanted(ids, state, run, account, code, period(since, until, crm))
    who, why = _said(by, "--by", "say who decides"), _said(reason, "--reason", "say why")
    _move(wanted, everything, Act.DROP, who, why, destination, crm, yes, json)


def _move(
    wanted: Selection,
    everything: bool,
    move: Move,
    by: str,
    reason: str,
    destination: str | None,
    crm: str | None,
    yes: bool,
    json: bool,
) -> None:
    """Say what would move, ask, and move it."""
    from connector.bootstrap import open_work
    from connector.domain.audit import Act
    from connector.services import outbox_desk

    _refuse_everything(wanted, everything)
    chosen = settings(crm)
    with open_work(chosen) as work:
        where = destination_of(work.memory, chosen, destination)
        choice = outbox_desk.choose(work.memory.outbox, where, wanted, move)
        if not json:
            _announce(choice, move, where)
        if not choice.moving:
            _refuse_blocking(choice, move)
            done = choice
        else:
            agree(f"{'Retry' if move is Act.RETRY else 'Drop'} {_many(len(choice.all))}?", yes, json)
            desk = outbox_desk.Desk(work.memory, work.clock, work.holder, where)
            done = desk.retry(choice, by) if move is Act.RETRY else desk.drop(choice, by, reason)
    _report(done, choice, move, where, json)


def _announce(choice: Choice, move: Move, where: str) -> None:
    from connector.domain.audit import Act
    from connector.services.outbox_desk import STAYS

    word = "tried again" if move is Act.RETRY else "dropped"
    if choice.moving:
        table(f"To be {word} in {where}", COLUMNS, (cells(entry) for entry in choice.moving[:SHOWN]))
    if len(choice.moving) > SHOWN:
        OUT.print(f"  … and {len(choice.moving) - SHOWN:,} more")
    if choice.along:
        OUT.print(f"  with them goes what waits for those records: {_many(len(choice.along))}")
    for state, count in sorted(Counter(entry.state for entry in choice.staying).items()):
        OUT.print(f"  {_many(count)} {state.value}, left alone: {STAYS[state]}")


def _refuse_blocking(choice: Choice, move: Move) -> None:
    """End with a reason when what was named cannot be moved; finding nothing is no failure."""
    from connector.domain.errors import MendError
    from connector.services.outbox_desk import STAYS

    if choice.staying:
        first = choice.staying[0]
        raise MendError(f"nothing to {move.value}: {first.id} is {first.state.value}", hint=STAYS[first.state])


def _report(done: Choice, asked: Choice, move: Move, where: str, json: bool) -> None:
    from connector.domain.audit import Act

    held = done.held if move is Act.DROP else ()
    runs = sorted({entry.run_id for entry in held})
    if json:
        say_json(
            {
                "destination": where,
                "retried" if move is Act.RETRY else "dropped": [entry.id for entry in done.all],
                "left": {entry.id: entry.state.value for entry in (*asked.staying, *done.staying)},
                "held": sorted(entry.change.key for entry in held),
                "held_by_runs": runs,
            }
        )
        return
    if move is Act.RETRY:
        OUT.print(f"{_many(len(done.all))} retried: the next `sync` or `stages` sends what is still wanted.")
        return
    OUT.print(f"{_many(len(done.all))} dropped.")
    if held:
        OUT.print(
            f"{_many(len(held), 'record')} will not be made by any later run, until the hold is lifted: "
            + ", ".join(f"`connector undo {run} --release`" for run in runs)
        )
    if len(held) < len(done.all):
        OUT.print("Changes of records that exist come back when a run has reason for them.")


def _wanted(
    ids: Sequence[str] | None,
    states: Sequence[str] | None,
    run: str | None,
    account: str | None,
    code: str | None,
    between: tuple[Any, Any],
) -> Selection:
    from connector.ports.ledger import Selection

    since, until = between
    some = tuple(_state(one) for one in states or ())
    return Selection(tuple(ids or ()), some, run, account, code, since, until)


def _state(text: str) -> DeliveryState:
    from connector.domain.errors import ConfigError
    from connector.domain.outbox import DeliveryState

    if text not in set(DeliveryState):
        raise ConfigError(f"unknown state {text!r}", at="--state", hint=", ".join(DeliveryState))
    return DeliveryState(text)


def _refuse_everything(wanted: Selection, everything: bool) -> None:
    from connector.domain.errors import ConfigError
    from connector.ports.ledger import Selection

    if wanted == Selection() and not everything:
        raise ConfigError("neither ids nor filters given", at="command line", hint="--all means everything")


def _said(text: str, option: str, cure: str) -> str:
    from connector.domain.errors import ConfigError

    if not text.strip():
        raise ConfigError("nothing said", at=option, hint=f'{cure}: {option} "…"')
    return text.strip()


def _user() -> str:
    from getpass import getuser

    return getuser()


def _many(count: int, what: str = "entry") -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {'entries' if what == 'entry' else what + 's'}"
