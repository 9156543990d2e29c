"""`install` and `check`: what the CRM must have, and what the configuration gets wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.options import Crm, Json, Yes, settings
from connector.cli.output import OUT, agree, say_json


def install(
    crm: Crm = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    json: Json = False,
) -> None:
    """Create our own fields in the CRM, and agree to write to this destination.

    Example: connector install --crm hubspot
    """
    from connector.bootstrap import open_work
    from connector.services.opening import wanted_fields
    from connector.services.shadow import refuse_in_shadow

    with open_work(settings(crm)) as work:
        if not dry_run:
            refuse_in_shadow(work.project, "an installation")
        destination = work.crm.reader.destination()
        wanted = wanted_fields(work.mapping)
        missing = {type.value: names for type, names in work.crm.setup.missing(wanted).items() if names}
        if not json:
            _announce(destination.id, missing)
        done: list[str] = []
        if not dry_run:
            if missing:
                agree(f"Create them in {destination.id}?", yes, json)
            done = work.crm.setup.install(wanted) if missing else []
            work.memory.destinations.remember(destination)
    if json:
        say_json({"destination": destination.id, "missing": missing, "done": done, "dry_run": dry_run})
        return
    for line in done:
        OUT.print(f"  [green]+[/] {line}")
    OUT.print(
        "Nothing was written." if dry_run else f"{destination.id} is ready: `connector plan` shows the first plan."
    )


def _announce(destination: str, missing: dict[str, list[str]]) -> None:
    OUT.print(f"[bold]{destination}[/]")
    if not missing:
        OUT.print("  all our fields are there, and this user may write them")
    for type, names in missing.items():
        OUT.print(f"  {type}: lacks {', '.join(names)}")


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
