"""Every command, with its options and one real example. Commands are thin: they ask a service and show the answer.

Heavy libraries are imported when a command runs, so that `connector --help` is instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import typer

from connector.cli import (
    alerts,
    audit,
    backtest,
    doctor,
    explain,
    forget,
    holdout,
    install,
    jobs,
    ledger,
    link,
    link_file,
    outbox,
    pilot,
    plans,
    preview,
    propensity,
    rebuild,
    reference,
    report,
    runs,
    sandbox,
    setup,
    signals,
    simulate,
    start,
    sync,
    whatif,
    whitespace,
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
app.command("doctor")(doctor.doctor)
app.command("install")(install.install)
app.command("uninstall")(install.uninstall)
app.command("check")(setup.check)
app.command("preview")(preview.preview)
app.command("plan")(plans.plan)
app.command("apply")(plans.apply)
app.command("approve")(plans.approve)
app.command("sync")(sync.sync)
app.command("runs")(runs.runs)
app.command("undo")(runs.undo)
app.command("explain")(explain.explain)
app.command("whatif")(whatif.whatif)
app.command("simulate")(simulate.simulate)
app.command("whitespace")(whitespace.whitespace)
app.command("report")(report.report)
app.command("backtest")(backtest.backtest)
app.command("holdout")(holdout.holdout)
app.command("forget")(forget.forget)
app.command("run")(jobs.run)
app.command("health")(jobs.health)
app.command("sandbox")(sandbox.sandbox)
app.command("reference")(reference.reference)

GROUPS: Mapping[str, tuple[str, Mapping[str, Callable[..., None]]]] = {
    "link": (
        "Who is who: settle by hand which CRM account a customer is.",
        {
            "list": link.list_,
            "suggest": link_file.suggest,
            "set": link.set_,
            "unset": link.unset,
            "import": link_file.import_,
        },
    ),
    "outbox": (
        "What waits for the CRM or was refused by it: look, let it be tried again, or give it up.",
        {"list": outbox.list_, "show": outbox.show, "retry": outbox.retry, "drop": outbox.drop},
    ),
    "audit": (
        "Who did what to the CRM: look, prove it, take it along, erase a customer's values.",
        {"list": audit.list_, "verify": audit.verify, "export": audit.export, "erase": audit.erase},
    ),
    "alerts": (
        "Who is told when a night goes wrong: try the channels, see how jobs stand.",
        {"test": alerts.send_test, "status": alerts.status, "check": alerts.check},
    ),
    "signals": (
        "The rules that tell a need: list them, try one, see what they would have said last quarter.",
        {"list": signals.list_, "test": signals.try_, "coverage": signals.coverage},
    ),
    "pilot": (
        "A pilot: what would have been done or was done, and what people did meanwhile.",
        {"report": pilot.report},
    ),
    "propensity": (
        "How likely each account is to adopt each offer: learn it from your history or a file.",
        {"train": propensity.train, "fit": propensity.fit, "predict": propensity.predict},
    ),
    "ledger": (
        "The ledger itself: what the connector remembers between two runs.",
        {
            "check": ledger.check,
            "backup": ledger.backup,
            "restore": ledger.restore,
            "migrate": ledger.migrate,
            "rebuild": rebuild.rebuild,
        },
    ),
}
for group, (told, commands) in GROUPS.items():
    grouped = typer.Typer(name=group, help=told, no_args_is_help=True, rich_markup_mode=None)
    for name, command in commands.items():
        grouped.command(name)(command)
    app.add_typer(grouped)


@app.callback(invoke_without_command=True)
def main(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Start here: `connector sandbox` and `connector init --help`."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"connector {installed('expansion-connector')}")
        raise typer.Exit(0)
