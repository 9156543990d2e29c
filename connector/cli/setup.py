"""`check`: what the configuration gets wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json


def check(
    live: Annotated[bool, typer.Option("--live", help="Also ask the CRM and look at its schema.")] = False,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Find every mistake in mappings and playbooks, with file, line, column and cure.

    Example: connector check --crm salesforce --live
    """
    from connector.bootstrap import open_work, project_of
    from connector.domain.errors import ConfigError
    from connector.services.check import check_live, check_templates

    chosen = settings(crm)
    project = project_of(chosen)
    problems = check_templates(project)
    if live and not problems:
        with open_work(chosen) as work:
            problems = check_live(work.project, work.mapping, work.crm)
    if problems:
        raise ConfigError(problems)
    said = "configuration and CRM agree" if live else "configuration is sound; `--live` also asks the CRM"
    say_json({"status": "ok", "live": live}) if json else OUT.print(f"[green]ok[/] {said}")
