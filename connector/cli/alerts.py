"""`alerts test|status|check`: who is told when a night goes wrong, tried out and looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table
from connector.domain.errors import ConfigError, ConnectorError, Exit, worst

Channel = Annotated[str | None, typer.Option("--channel", help="Only this one.")]


def send_test(channel: Channel = None, crm: Crm = None, json: Json = False) -> None:
    """Send a message to every channel of playbooks/alerts.yaml, so that the first one does not come in the night.

    Example: connector alerts test --channel ops
    """
    from connector.cli.alerting import bell_of
    from connector.services.alerts import trial

    bell = bell_of(settings(crm))
    chosen = [one for one in bell.channels if channel in (None, one.name)]
    if not chosen:
        known = ", ".join(one.name for one in bell.channels)
        cure = f"one of {known}" if known else "name one under `channels:`, and its address in CONNECTOR_ALERTS__NAME"
        raise ConfigError("no such alert channel" if channel else "no alert channel", "playbooks/alerts.yaml", cure)
    message = trial(bell)
    results: dict[str, ConnectorError | None] = {}
    for one in chosen:
        try:
            one.send(message.subject, message.body)
            results[one.name] = None
        except ConnectorError as refused:
            results[one.name] = refused
    told = {name: "sent" if wrong is None else str(wrong.problem.message) for name, wrong in results.items()}
    if json:
        say_json({"subject": message.subject, "channels": told})
    else:
        for name, wrong in results.items():
            OUT.print(f"{name}: {'sent' if wrong is None else wrong}", markup=False)
    raise typer.Exit(worst([Exit.OK, *(wrong.exit_code for wrong in results.values() if wrong is not None)]))


def status(crm: Crm = None, json: Json = False) -> None:
    """Show how each job stands, as people were told, and which messages a channel did not take yet.

    Example: connector alerts status --json
    """
    from connector.cli.alerting import bell_of

    bell = bell_of(settings(crm))
    book = bell.book.read()
    owed = {name: len(messages) for name, messages in book.get("owed", {}).items()}
    told = {
        "channels": [one.name for one in bell.channels],
        "jobs": book.get("jobs", {}),
        "last_good": book.get("good", {}),
        "owed": owed,
    }
    if json:
        say_json(told)
        return
    OUT.print(f"channels: {', '.join(told['channels']) or 'none, so nobody is told'}", markup=False)
    rows = ((job, state, told["last_good"].get(job.split("/")[0], "")) for job, state in told["jobs"].items())
    table("Jobs", ("job", "condition", "last sync that got through (UTC)"), rows)
    for name, count in owed.items():
        OUT.print(f"{name}: {count} messages wait for the next run", markup=False)


def check(crm: Crm = None, json: Json = False) -> None:
    """Tell when no sync got through for too long, and send what is owed; for cron, where no service runs.

    Example: connector alerts check
    """
    from connector.cli.alerting import bell_of
    from connector.services.alerts import look_for_silence

    failed = look_for_silence(bell_of(settings(crm)), datetime.now(UTC))
    if json:
        say_json({"failed": dict(failed)})
    else:
        for name, why in failed.items():
            OUT.print(f"{name}: {why}", markup=False)
        OUT.print("looked" if not failed else "looked; what was not taken is sent next time")
    raise typer.Exit(Exit.LATER if failed else Exit.OK)
