"""Which CRM a command about the ledger is about, and moments as people write them.

The ledger mostly knows one destination, and then nobody is asked. Where it knows several, `--crm` may tell them apart;
else the CRM behind the credentials is asked who it is. It is asked, too, where links are settled before any run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import settings

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.services.memory import Memory

Where = Annotated[
    str | None, typer.Option("--destination", help="Org or portal, where the ledger knows several: salesforce:00D….")
]
Since = Annotated[str | None, typer.Option("--since", metavar="DATE", help="From this day or moment on (2026-09-30).")]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="Up to this day or moment, included.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most so many, the newest.")]


@contextmanager
def opened(crm: str | None, wanted: str | None) -> Iterator[tuple[Memory, str]]:
    """Open the ledger and name the destination that is meant."""
    from connector.bootstrap import open_ledger

    chosen = settings(crm)
    with open_ledger(chosen) as memory:
        yield memory, destination_of(memory, chosen, wanted)


def destination_of(memory: Memory, chosen: Settings, wanted: str | None, may_be_new: bool = False) -> str:
    """Name the destination that is meant; the CRM is asked only where the ledger leaves a choice, or may be new."""
    from connector.domain.errors import ConfigError, CredentialError

    known = [one for one in memory.destinations.seen() if chosen.crm in (None, one.partition(":")[0])]
    if wanted in known or (wanted is None and len(known) == 1):
        return wanted or known[0]
    if may_be_new and (wanted or not known):
        return wanted or _behind_credentials(chosen)
    if not known:
        of_crm = f" {chosen.crm}" if chosen.crm else ""
        raise ConfigError(f"the ledger knows no{of_crm} destination yet", hint="`connector install` makes one known")
    try:
        asked = wanted or _behind_credentials(chosen)
    except CredentialError as lacking:
        raise ConfigError(
            f"the ledger knows several destinations, and the CRM cannot be asked: {lacking.problem.message}",
            at="--destination",
            hint=f"one of {', '.join(known)}",
        ) from lacking
    if asked not in known and not may_be_new:
        raise ConfigError(
            f"the ledger knows no destination {asked!r}", at="--destination", hint=f"one of {', '.join(known)}"
        )
    return asked


def _behind_credentials(chosen: Settings) -> str:
    from connector.bootstrap import connect_crm, project_of
    from connector.domain.project import mapping_of

    return connect_crm(chosen, mapping_of(project_of(chosen))).reader.destination().id


def period(since: str | None, until: str | None, crm: str | None) -> tuple[datetime | None, datetime | None]:
    """Read `--since` and `--until`: a day alone means all of it, where the project's people work."""
    return (_moment(since, "--since", crm, "00:00:00"), _moment(until, "--until", crm, "23:59:59.999999"))


def _moment(text: str | None, option: str, crm: str | None, of_day: str) -> datetime | None:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    from connector.bootstrap import project_of
    from connector.domain.errors import ConfigError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{text}T{of_day}" if len(text) == len("2026-09-30") else text)
    except ValueError:
        raise ConfigError(f"{text!r} is no date", at=option, hint="write it like 2026-09-30") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(project_of(settings(crm)).schedule.timezone))
    return moment.astimezone(UTC)
