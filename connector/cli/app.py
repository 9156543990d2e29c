"""Every command, with its options and one real example. Commands are thin: they ask a service and show the answer.

Heavy libraries are imported when a command runs, so that `connector --help` is instant.
"""

from __future__ import annotations

import typer

from connector.cli import explain, jobs, link, plans, sandbox, setup, start, sync

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
app.command("plan")(plans.plan)
app.command("apply")(plans.apply)
app.command("approve")(plans.approve)
app.command("sync")(sync.sync)
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


@app.callback(invoke_without_command=True)
def main(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Start here: `connector sandbox` and `connector init --help`."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"connector {installed('expansion-connector')}")
        raise typer.Exit(0)
