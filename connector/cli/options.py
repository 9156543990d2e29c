"""Options that several commands share, and the settings they start from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from connector.config.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Decide as if it were this day (2026-09-30).")
]
Crm = Annotated[str | None, typer.Option("--crm", help="salesforce or hubspot; default: CONNECTOR_CRM.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
By = Annotated[str, typer.Option("--by", help="Who decides this; it is recorded.")]
RunOf = Annotated[str | None, typer.Option("--run", help="Only what this run planned or did.")]
Account = Annotated[str | None, typer.Option("--account", metavar="CRM_ID", help="Only about this CRM account.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the plan here (mode 0600).")]


def settings(crm: str | None = None) -> Settings:
    """Read the environment; a command's --crm wins."""
    from connector.cli.debug import log_at
    from connector.config.settings import load_settings, unknown_variables
    from connector.domain.errors import ConfigError

    for problem in unknown_variables():
        _warn(str(problem))
    loaded = load_settings()
    log_at(loaded.log)
    if crm is None:
        return loaded
    if crm not in ("salesforce", "hubspot"):
        raise ConfigError(f"unknown CRM {crm!r}", at="--crm", hint="salesforce or hubspot")
    return loaded.model_copy(update={"crm": crm})


@cache  # once a process: the service reads its settings for each job
def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)
