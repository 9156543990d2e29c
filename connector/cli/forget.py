"""`connector forget`: takes a customer out of everything the connector keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import By, Crm, Json, Yes, settings
from connector.cli.output import OUT, agree, progress, say_json
from connector.domain.errors import Exit

if TYPE_CHECKING:
    from connector.domain.customer import Customer
    from connector.services.forget import Forgotten

STAYS = "What stands in the CRM is the CRM's, and stays there"
ELSEWHERE = (
    "Not looked at: backups of the ledger, plan files, the billing files themselves, and copies that somebody made."
)


def forget(
    account: Annotated[str, typer.Argument(help="Billing id, CRM id or name of the customer.")],
    by: By,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased; erase nothing.")] = False,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Erase a customer from warehouse, run snapshots and ledger for good, and keep it out from then on.

    A keyed hash of its ids stays, so that pulls leave its rows out and nothing is written to its CRM records. The audit
    trail stays whole, without saying whom it was about. Then every store is searched for what the customer is known by.
    Call it again when it was cut off: it goes on. Exit 3 when something is left.

    Example: connector forget cus_NffrFeUfNV2Hib --by "Ana Ruiz"
    """
    from datetime import UTC, datetime

    from connector.bootstrap import open_ledger, open_stores, project_of
    from connector.domain.errors import MendError
    from connector.domain.project import mapping_of
    from connector.services.customer import Meant, find
    from connector.services.forget import forget as forget_customer
    from connector.services.forget import forgotten_before, unfinished
    from connector.services.links import person

    by = person(by)
    chosen = settings(crm)
    mapping = mapping_of(project_of(chosen))
    with open_ledger(chosen) as memory:
        stores = open_stores(chosen, memory)
        if begun := unfinished(memory, account):
            meant = Meant(*begun, {})
        else:
            try:
                meant = find(account, memory, stores.warehouse, mapping)
            except MendError:
                before = forgotten_before(memory, account)
                if before is None:
                    raise
                if not dry_run:
                    memory.forgetting.compact()  # one that was killed at its very end left that undone
                _say_before(account, before, json)
                return
        customer, name, ours = meant.customer, meant.name, dict(meant.ours)
        shown = _shown(customer, name, ours) | {"same_name": list(meant.alike)}
        if dry_run:
            _say_plan(shown, json)
            return
        if not json:
            _tell_plan(shown)
        agree(f"Erase {name} for good? There is no undo.", yes, json)
        with progress(json) as tell:
            done = forget_customer(stores, customer, name, by, datetime.now(UTC), tell)
    _tell_done(shown, done, json)
    raise typer.Exit(Exit.PARTIAL if done.left else Exit.OK)


def _say_before(account: str, before: tuple[str, Any], json: bool) -> None:
    by, at = before
    if json:
        say_json({"status": "forgotten_before", "by": by, "at": at.isoformat()})
        return
    OUT.print(f"{account} was forgotten on {at:%Y-%m-%d} by {by}; nothing is known of it.", markup=False)


def _shown(customer: Customer, name: str, ours: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "billing": sorted(customer.billing),
        "crm": {at: sorted(ids) for at, ids in customer.crm.items()},
        "searched_for": len(customer.words),
        "stays_in_crm": {at: list(ids) for at, ids in ours.items() if ids},
    }


def _say_plan(shown: dict[str, Any], json: bool) -> None:
    if json:
        say_json({"status": "planned", **shown})
        return
    _tell_plan(shown)
    OUT.print("[bold]Nothing was erased:[/] this was only a look.")


def _tell_plan(shown: dict[str, Any]) -> None:
    OUT.print(f"[bold]Forget[/] {shown['name']}", highlight=False)
    OUT.print(f"  in billing   {', '.join(shown['billing']) or 'nothing'}", markup=False)
    for destination, ids in shown["crm"].items():
        OUT.print(f"  in the CRM   {destination}: {', '.join(ids)}", markup=False)
    if shown["same_name"]:
        told = f"{', '.join(shown['same_name'])}: forget them, too, if they are the same customer"
        OUT.print(f"  not touched  {told}", markup=False)
    OUT.print(
        "  erased from  raw landing, canonical tables, run snapshots, crash files, and the ledger: links, mirror,"
    )
    OUT.print(
        "               receipts, episodes, decisions, outbox, plans, audit values. No later pull brings it back."
    )
    OUT.print(f"  searched for {shown['searched_for']:,} ids, names and addresses afterwards")
    OUT.print(f"  {STAYS}" + (":" if shown["stays_in_crm"] else "."))
    for destination, records in shown["stays_in_crm"].items():
        OUT.print(f"    {destination}: {', '.join(records)}", markup=False)


def _tell_done(shown: dict[str, Any], done: Forgotten, json: bool) -> None:
    if json:
        status = "left" if done.left else "forgotten"
        counts = {"erased": dict(done.erased), "found": sum(done.left.values()), "left": dict(done.left)}
        say_json({"status": status, **shown, **counts, "unfinished_runs": list(done.running)})
        return
    erased = ", ".join(f"{place} {count:,}" for place, count in done.erased.items() if count)
    OUT.print(f"[green]erased[/]       {erased or 'nothing was there any more'}")
    OUT.print(f"[bold]found[/]        {sum(done.left.values()):,} times what it is known by, in every store")
    for place, count in done.left.items():
        OUT.print(f"    {place}: {count:,}", markup=False)
    if done.left:
        OUT.print("  Rows of others that name it are theirs; a file of yours (a backup) is yours to delete.")
    if done.running:
        runs = ", ".join(done.running)
        OUT.print(f"  not ended: {runs}. If it still runs, forget once more when it has ended.", markup=False)
    OUT.print(f"  {ELSEWHERE}")
