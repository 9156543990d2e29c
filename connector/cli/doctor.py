"""`doctor`: is everything as a run needs it, and who grants what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, progress, say_json

if TYPE_CHECKING:
    from connector.checkup import Checkup
    from connector.config.settings import Settings
    from connector.domain.checkup import Finding
    from connector.domain.play import Schedule

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "dim"}


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write a support file (zip) without secrets or personal data."),
    ] = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Look at credentials, permissions, quotas, clock, automations, ledger and disk; say what to mend, and where.

    Writes nothing to the CRM. Exits 0 when a run can begin, 2 when something is to be mended, 75 when a vendor is down.

    Example: connector doctor --crm hubspot --bundle support.zip
    """
    from connector.domain.checkup import as_json, exit_of

    if bundle is not None:
        _refuse(bundle)
    chosen, findings = _chosen(crm)
    checkup = None
    if chosen is not None:
        checkup = _checkup(chosen)
        findings = list(_examined(checkup, json))
    elif not json:
        _show(findings[0])
    if bundle is not None:
        _write(bundle, checkup, findings)
    if json:
        say_json(as_json(findings) | ({"bundle": str(bundle)} if bundle else {}))
    else:
        _sum_up(findings, bundle)
    raise typer.Exit(int(exit_of(findings)))


def _refuse(file: Path) -> None:
    """Complain before anything is looked at, rather than after a minute of it."""
    from connector.domain.errors import ConfigError

    if file.exists():
        raise ConfigError("the file exists", at=str(file), hint="name another")
    if not file.absolute().parent.is_dir():
        raise ConfigError("there is no such folder", at=str(file.parent), hint="make it, or name another")


def _chosen(crm: str | None) -> tuple[Settings | None, list[Finding]]:
    """Read the settings; where they cannot be read, that is the one finding."""
    from connector.domain.checkup import Finding
    from connector.domain.errors import ConfigError
    from connector.services.doctor import of_problems

    try:
        return settings(crm), []
    except ConfigError as wrong:
        return None, [Finding("settings", "Settings", of_problems(wrong.problems))]


def _checkup(chosen: Settings) -> Checkup:
    from connector.checkup import checkup_of
    from connector.scheduler import due_times

    def due(schedule: Schedule, at: Any) -> Mapping[str, datetime | None]:
        return due_times(schedule, at, datetime.now(UTC))

    return checkup_of(chosen, due)


def _examined(checkup: Checkup, quiet: bool) -> Iterator[Finding]:
    from connector.services.doctor import examine

    with progress(quiet) as tell:
        tell("looking…")
        for finding in examine(checkup.checks):
            if not quiet:
                _show(finding)
            yield finding


def _show(finding: Finding) -> None:
    from connector.cli.boundary import redact

    found, verdict = finding.result, finding.result.verdict.value
    OUT.print(f"  [{COLOURS[verdict]}]{verdict:<4}[/]  {finding.title:<24} {escape(redact(found.seen))}")
    for detail in (*found.details, *found.private):
        OUT.print(f"        {'':<24} [dim]{escape(redact(detail))}[/]")
    if found.cure:
        OUT.print(f"        {'':<24} → {escape(redact(found.cure))}")
    if found.where:
        OUT.print(f"        {'':<24}   [dim]{escape(redact(found.where))}[/]")


def _sum_up(findings: list[Finding], bundle: Path | None) -> None:
    from connector.domain.checkup import counts

    told = ", ".join(f"{count} {name}" for name, count in counts(findings).items() if count)
    OUT.print(f"\n{told}")
    if bundle is not None:
        OUT.print(f"{bundle} holds no secret and no personal data; look into it before you send it.", markup=False)


def _write(file: Path, checkup: Checkup | None, findings: list[Finding]) -> None:
    from connector.checkup import support_parts, without_places
    from connector.cli.boundary import redact
    from connector.services.bundle import write_bundle

    known = checkup.settings if checkup is not None else None
    write_bundle(file, support_parts(checkup, findings), lambda text: without_places(known, redact(text)))
