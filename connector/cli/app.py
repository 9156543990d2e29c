"""Every command, with its options and one real example. Commands are thin: they ask a service and show the answer.

Heavy libraries are imported when a command runs, so that `connector --help` is instant.
"""

from __future__ import annotations

import typer

from connector.cli import (
    audit,
    explain,
    jobs,
    ledger,
    link,
    outbox,
    plans,
    preview,
    rebuild,
    runs,
    sandbox,
    setup,
    start,
    sync,
)

app = typer.Typer(
    name="connector",
    help="Finds upsell and cross-sell in your billing data and delivers it into Salesforce or HubSpot, safely.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("init")(start.init)
app.command("install")(setup.install)
app.command("check")(setup.check)
app.command("preview")(preview.preview)
app.command("plan")(plans.plan)
app.command("apply")(plans.apply)
app.command("approve")(plans.approve)
app.command("sync")(sync.sync)
app.command("runs")(runs.runs)
app.command("undo")(runs.undo)
app.command("explain")(explain.explain)
app.command("run")(jobs.run)
app.command("sandbox")(sandbox.sandbox)

links = typer.Typer(
    name="link",
    help="Who is who: settle by hand which CRM account a customer is.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
links.command("list")(link.list_)
links.command("set")(link.set_)
links.command("unset")(link.unset)
app.add_typer(links)

waiting = typer.Typer(
    name="outbox",
    help="What waits for the CRM or was refused by it: look, let it be tried again, or give it up.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
waiting.command("list")(outbox.list_)
waiting.command("show")(outbox.show)
waiting.command("retry")(outbox.retry)
waiting.command("drop")(outbox.drop)
app.add_typer(waiting)

trail = typer.Typer(
    name="audit",
    help="Who did what to the CRM: look, prove it, take it along, erase a customer's values.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
trail.command("list")(audit.list_)
trail.command("verify")(audit.verify)
trail.command("export")(audit.export)
trail.command("erase")(audit.erase)
app.add_typer(trail)

ledger_commands = typer.Typer(
    name="ledger",
    help="The ledger itself: what the connector remembers between two runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ledger_commands.command("check")(ledger.check)
ledger_commands.command("backup")(ledger.backup)
ledger_commands.command("restore")(ledger.restore)
ledger_commands.command("migrate")(ledger.migrate)
ledger_commands.command("rebuild")(rebuild.rebuild)
app.add_typer(ledger_commands)


@app.callback(invoke_without_command=True)
def main(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Start here: `connector sandbox` and `connector init --help`."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"connector {installed('expansion-connector')}")
        raise typer.Exit(0)
