"""`init`: begins a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import Json
from connector.cli.output import OUT, say_json

if TYPE_CHECKING:
    from connector.services.start import Choice, Started


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the project begins.")] = Path(),
    source: Annotated[str | None, typer.Option("--source", help="stripe, files, or both: stripe,files.")] = None,
    crm: Annotated[str | None, typer.Option("--crm", help="salesforce or hubspot.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="en or fr, where the CRM names none.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Say how to try it on the local sandbox.")] = False,
    json: Json = False,
) -> None:
    """Begin a project: mappings, playbooks and the settings to fill in. What exists is left alone.

    Example: connector init acme --source stripe --crm hubspot --language fr
    """
    from connector.config.template import template
    from connector.services.start import start

    choice = _choice(source, crm, language, demo, ask=sys.stdin.isatty() and not json)
    started = start(folder, template(choice.sources, choice.crm), choice)
    if json:
        say_json(
            {
                "home": str(started.home),
                "written": started.written,
                "left": started.left,
                "next": started.next_steps,
            }
        )
        return
    _show(started)


def _choice(source: str | None, crm: str | None, language: str | None, demo: bool, ask: bool) -> Choice:
    from rich.prompt import Prompt

    from connector.domain.errors import ConfigError
    from connector.services.start import Choice

    if ask:
        billing = "Where does billing come from: stripe, files, or both"
        source = source or Prompt.ask(billing, default="both" if demo else "stripe")
        crm = crm or Prompt.ask("Where do proposals go", choices=["salesforce", "hubspot"])
        language = language or Prompt.ask(
            "Whose CRM record names no language reads", choices=["en", "fr"], default="en"
        )
    source = source or ("both" if demo else "stripe")  # the sandbox bills in Stripe and tells usage in files
    sources = ("stripe", "files") if source == "both" else tuple(part.strip() for part in source.split(","))
    if crm not in ("salesforce", "hubspot"):
        raise ConfigError(f"unknown CRM {crm!r}" if crm else "no CRM named", at="--crm", hint="salesforce or hubspot")
    match language or "en":
        case "en":
            return Choice(sources, crm, "en", demo)
        case "fr":
            return Choice(sources, crm, "fr", demo)
        case other:
            raise ConfigError(f"unknown language {other!r}", at="--language", hint="en or fr")


def _show(started: Started) -> None:
    OUT.print(f"[bold]{len(started.written)} files written[/] in {started.home.resolve()}", markup=True)
    if started.left:
        OUT.print(f"Left as they were: {', '.join(started.left)}", markup=False)
    OUT.print("\n[bold]What next[/]")
    for number, step in enumerate(started.next_steps, 1):
        OUT.print(f"  {number}. {step}", markup=False)
