"""`ledger migrate|check|backup|restore`: the ledger as a whole, apart from what any run does with it.

Every other command brings a ledger up to date when it opens it. `migrate` lets an operator choose the moment, or the
role: on PostgreSQL it may be one with more rights than the connector runs with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import Json, Yes, settings
from connector.cli.output import OUT, agree, say_json

if TYPE_CHECKING:
    from connector.adapters.ledger import LedgerCare

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 2 if the ledger is behind.")] = False,
    json: Json = False,
) -> None:
    """Bring the ledger's tables up to date with this connector. Any command does so too when it opens the ledger.

    Example: connector ledger migrate --check
    """
    from connector.domain.errors import MendError

    with _opened(may_be_new=not check) as care:
        before = care.revision()
        if check and before != care.newest:
            told = f"the ledger is of revision {before}, this connector works with {care.newest}"
            raise MendError(told, at=care.name, hint="`connector ledger migrate` brings it up to date")
        if not check:
            care.migrate()
    if json:
        say_json({"ledger": care.name, "from": before, "to": care.newest, "changed": before != care.newest})
    elif before == care.newest:
        OUT.print(f"{care.name} is up to date (revision {care.newest}).", markup=False)
    else:
        OUT.print(f"{care.name}: {before or 'new'} → {care.newest}", markup=False)


def check(json: Json = False) -> None:
    """Look for damage and contradictions in the ledger, and prove its audit trail. Exits 2 with every cure.

    Example: connector ledger check
    """
    from connector.domain.errors import ConfigError

    with _opened() as care:
        problems = care.problems()
    if problems:
        raise ConfigError(problems)
    if json:
        say_json({"status": "ok", "ledger": care.name, "revision": care.newest})
        return
    OUT.print(f"{care.name} is sound: whole, free of contradictions, its audit trail unbroken.", markup=False)


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    json: Json = False,
) -> None:
    """Write the whole ledger into one SQLite file (mode 0600), while others go on working. It holds personal data.

    Example: connector ledger backup /backups/ledger-2026-09-30.db
    """
    with _opened() as care:
        care.backup(file, force)
    size = file.stat().st_size
    if json:
        say_json({"ledger": care.name, "file": str(file), "bytes": size})
        return
    OUT.print(f"{care.name} → {file} ({size:,} bytes); `connector ledger restore` takes it back.", markup=False)


def restore(file: File, yes: Yes = False, json: Json = False) -> None:
    """Replace the whole ledger by a backup; also moves a ledger from SQLite to PostgreSQL or back.

    Plans made before are refused afterwards. What was delivered since the backup is found by `ledger rebuild --force`.

    Example: connector ledger restore /backups/ledger-2026-09-30.db --yes
    """
    from connector.bootstrap import this_person

    with _opened(may_be_new=True) as care:
        agree(f"Replace everything in {care.name} by {file}?", yes, json)
        care.restore(file, this_person())
    if json:
        say_json({"ledger": care.name, "file": str(file), "revision": care.newest})
        return
    OUT.print(f"{file} → {care.name}; plans made before are refused from now on.", markup=False)


@contextmanager
def _opened(may_be_new: bool = False) -> Iterator[LedgerCare]:
    from connector.bootstrap import open_ledger_care

    with open_ledger_care(settings(), may_be_new) as care:
        yield care
