"""`check`: what the configuration gets wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.domain.errors import Problem


def check(
    live: Annotated[bool, typer.Option("--live", help="Also ask the CRM: schema, stages, owners.")] = False,
    data: Annotated[
        bool, typer.Option("--data", help="Also look at the billing data that was pulled, and at who matches.")
    ] = False,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Find every mistake in mappings and playbooks, with file, line, column and cure.

    Example: connector check --crm salesforce --live --data
    """
    from connector.bootstrap import usage_engine
    from connector.config.project import load_project
    from connector.domain.errors import ConfigError
    from connector.services.check import check_templates

    chosen = settings(crm)
    project = load_project(chosen.home, chosen.source, chosen.crm, chosen.env)
    engine = usage_engine(chosen)
    if data and engine is not None:
        engine.last_day()
    problems = check_templates(project)
    notes: list[Problem] = []
    if (live or data) and not problems:
        problems, notes = _asked(chosen, live, data)
    if problems:
        raise ConfigError(problems)
    if json:
        say_json({"status": "ok", "live": live, "notes": [asdict(note) for note in notes]})
        return
    for note in notes:
        place = f"{note.at}: " if note.at else ""
        OUT.print(f"[yellow]note[/] {escape(place + note.message)}")
        if note.hint:
            OUT.print(f"    → {escape(note.hint)}")
    said = "configuration and CRM agree" if live else "configuration is sound; `--live` also asks the CRM"
    OUT.print(f"[green]ok[/] {said}")


def _asked(chosen: Settings, live: bool, data: bool) -> tuple[list[Problem], list[Problem]]:
    """Ask the CRM, and look at what was pulled from billing."""
    from connector.bootstrap import open_work
    from connector.services.check_data import data_notes
    from connector.services.check_live import shape_gaps
    from connector.services.check_values import value_problems

    with open_work(chosen) as work:
        problems = [gap.problem for gap in shape_gaps(work.project, work.mapping, work.crm)] if live else []
        if live and not problems:
            problems = value_problems(work.project, work.mapping, work.crm)
        return problems, data_notes(work) if data and not problems else []
