"""`connector sandbox`: Stripe, Salesforce and HubSpot on this machine, to try everything against."""

from __future__ import annotations

import signal
import threading
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.output import ERR, OUT


def sandbox(
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Write base URLs, keys and an `env` to export here (JSON).")
    ] = None,
    stripe_port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    salesforce_port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    hubspot_port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="Which demo company to make.")] = 7,
    customers: Annotated[int, typer.Option(min=40, help="How many customers it has.")] = 420,
    as_of: Annotated[str, typer.Option("--as-of", help="The day its history ends on.")] = "2026-09-30",
    empty: Annotated[bool, typer.Option("--empty", help="No demo company, only what a new account has.")] = False,
) -> None:
    """Serve local stand-ins for Stripe, Salesforce and HubSpot until stopped.

    Example: connector sandbox --ready-file /tmp/sandbox.json
    """
    from connector.domain.errors import ConfigError

    try:
        from connector.sandbox.serve import Ports, World, scratch, write_ready
        from connector.sandbox.serve import sandbox as serve
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"the sandbox needs {missing.name}", hint="pip install 'expansion-connector[sandbox]'"
        ) from None
    stopped = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopped.set())
    world = World(None if empty else seed, _day(as_of), customers)
    folder = scratch()
    try:
        with serve(world, folder, Ports(stripe_port, salesforce_port, hubspot_port), ERR.print) as told:
            if ready_file is not None:
                write_ready(ready_file, told)
            for name in ("stripe", "salesforce", "hubspot"):
                OUT.print(f"{name:<11} {told[name]['base_url']}")
            if ready_file is not None and ready_file.with_name("ledger.db").exists():
                ERR.print("These CRMs are new, the ledger there is not: begin again in a new folder.")
            OUT.print(f"ready; {ready_file or 'use --ready-file to get keys and settings'}. Stop with Ctrl-C.")
            stopped.wait()
    finally:
        _remove(folder)
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _day(text: str) -> date:
    from connector.domain.errors import ConfigError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no day", at="--as-of", hint="write it like 2026-09-30") from None


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
