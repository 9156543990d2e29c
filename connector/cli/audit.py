"""`audit list|verify|export|erase`: who did what to the CRM, and the proof that nobody changed the record of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.destination import Limit, Since, Until, Where, opened, period
from connector.cli.options import Account, By, Crm, Json, RunOf, Yes
from connector.cli.output import OUT, agree, say_json, table

if TYPE_CHECKING:
    from connector.domain.audit import AuditRecord
    from connector.services.audit import Format, Wanted

ActOf = Annotated[
    str | None,
    typer.Option(
        "--act", help="write, approve, apply, undo, release, retry, drop, link, rebuild, restore, erase, forget …"
    ),
]
Who = Annotated[str | None, typer.Option("--by", help="Only what this person or service did.")]
Subject = Annotated[str | None, typer.Option("--key", help="Only about the record with this key.")]
COLUMNS = ("#", "when (UTC)", "who", "act", "run", "account", "record", "what")
CUT = 60


def list_(
    act: ActOf = None,
    run: RunOf = None,
    account: Account = None,
    by: Who = None,
    key: Subject = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """List what was done to the CRM, newest first: every write, approval, undo, retry, drop, link, rebuild and erasure.

    Example: connector audit list --account 0015g00000AbCdEAAV --limit 20
    """
    from connector.services.audit import as_json, newest

    wanted = _wanted(act, run, account, by, key, period(since, until, crm))
    with opened(crm, destination) as (memory, where):
        records = newest(memory.audit, where, wanted, limit)
    if json:
        say_json({"destination": where, "records": [as_json(record) for record in records]})
        return
    table(f"Audit trail of {where}", COLUMNS, (_cells(record) for record in records))


def verify(destination: Where = None, crm: Crm = None, json: Json = False) -> None:
    """Prove that no record of the audit trail was changed or removed; exit 2 names the first that was.

    A trail that was cut off is told by its end, which is kept apart from it, and by what was delivered. Keep the
    printed number and hash elsewhere: they show the same to somebody who does not trust this machine.

    Example: connector audit verify --json
    """
    from connector.services.audit import verify as prove

    with opened(crm, destination) as (memory, where):
        proof = prove(memory.audit, where)
    if json:
        say_json({"destination": where, "status": "whole", "records": proof.records, "hash": proof.hash})
        return
    OUT.print(f"[green]whole[/] {proof.records:,} records of {where}; the last one's hash is {proof.hash}")


def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write here (mode 0600).")],
    format: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "jsonl",
    without_values: Annotated[
        bool, typer.Option("--without-values", help="Leave out what fields held: it may be personal data.")
    ] = False,
    act: ActOf = None,
    run: RunOf = None,
    account: Account = None,
    by: Who = None,
    key: Subject = None,
    since: Since = None,
    until: Until = None,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Write the audit trail, or a part of it, into a file that only you may read.

    Example: connector audit export --format csv --out audit-2026-09.csv --since 2026-09-01 --until 2026-09-30
    """
    from connector.services.audit import export as write

    kind = _format(format)
    wanted = _wanted(act, run, account, by, key, period(since, until, crm))
    with opened(crm, destination) as (memory, where):
        count = write(memory.audit, where, wanted, out, kind, with_values=not without_values)
    if json:
        say_json({"destination": where, "file": str(out), "format": kind, "records": count})
        return
    told = "without values" if without_values else "with values: keep it safe"
    OUT.print(f"{count:,} records of {where} in {out} ({told})", markup=False)


def erase(
    by: By,
    account: Annotated[str, typer.Option("--account", metavar="CRM_ID", help="Whose values to erase.")],
    destination: Where = None,
    crm: Crm = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Erase what the ledger's record tells of one account; that something was done, by whom and when, stays.

    Field values, titles and reasons go from the audit trail, from changes that are finished and from plans that are
    over. All else stays: changes and plans that wait, receipts, links, proposals and why there were none, the mirror of
    the CRM, the words of whoever dropped a change; run snapshots and the warehouse beside the ledger; backups, exports
    and plan files; the CRM and billing.

    Example: connector audit erase --account 0015g00000AbCdEAAV --by "Ana Ruiz"
    """
    from datetime import UTC, datetime

    from connector.domain.errors import ConfigError
    from connector.services import audit

    if not by.strip():
        raise ConfigError("nobody named", at="--by", hint='say who decides: --by "Ana Ruiz"')
    with opened(crm, destination) as (memory, where):
        count = audit.told_of(memory.audit, where, account)
        agree(f"{count:,} records of {where} hold values about {account}. Erase them for good?", yes, json)
        erased = audit.erase(memory.audit, where, account, by.strip(), datetime.now(UTC))
    if json:
        say_json({"destination": where, "account": account, "erased": erased, "by": by.strip()})
        return
    OUT.print(f"Erased the values of {erased:,} records; the trail stays whole, and names who erased.")


def _wanted(
    act: str | None,
    run: str | None,
    account: str | None,
    by: str | None,
    key: str | None,
    between: tuple[Any, Any],
) -> Wanted:
    from connector.domain.audit import Act
    from connector.domain.errors import ConfigError
    from connector.services.audit import Wanted

    if act is not None and act not in set(Act):
        raise ConfigError(f"unknown act {act!r}", at="--act", hint=", ".join(Act))
    return Wanted(Act(act) if act else None, run, account, by, key, *between)


def _format(text: str) -> Format:
    from connector.domain.errors import ConfigError

    match text:
        case "csv":
            return "csv"
        case "jsonl":
            return "jsonl"
        case _:
            raise ConfigError(f"unknown format {text!r}", at="--format", hint="csv or jsonl")


def _cells(record: AuditRecord) -> tuple[object, ...]:
    where = record.crm_id or record.subject
    at = f"{record.at:%Y-%m-%d %H:%M:%S}"
    return record.number, at, record.by, record.act, record.run_id, record.account_id, where, _told(record)


def _told(record: AuditRecord) -> str:
    """Say in a few words what a record's values tell."""
    from connector.domain.audit import SEALED

    if record.values is None:
        return "erased"
    values = dict(record.values)
    if SEALED in values:
        return f"{len(values[SEALED]):,} records about it stay, without saying so"
    if "fields" in values:
        names = ", ".join([*values["fields"], *values.get("links", ())])
        told = f"{values.get('action', '')} {values.get('type', '')}: {names}".strip()
    else:
        told = ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, ""))
    return told if len(told) <= CUT else told[: CUT - 1] + "…"
