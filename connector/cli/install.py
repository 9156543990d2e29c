"""`install` and `uninstall`: what the CRM's schema must have of ours, shown before it is made or taken away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from connector.cli.options import Crm, Json, Yes, settings
from connector.cli.output import OUT, agree, say_json

if TYPE_CHECKING:
    from connector.domain.installation import SetupStep
    from connector.services.installing import Survey

_MARKS = {
    "create": "[green]+[/]",
    "change": "[yellow]~[/]",
    "exists": "[dim]=[/]",
    "by hand": "[yellow]?[/]",
    "refused": "[red]![/]",
    "remove": "[red]-[/]",
    "leave": "[dim]=[/]",
}
Folder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Only write the package here, for review.")]
Pipeline = Annotated[
    bool, typer.Option("--with-pipeline", help="HubSpot: also make each pipeline of the mapping that is missing.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")]


def install(
    crm: Crm = None,
    yes: Yes = False,
    dry_run: Dry = False,
    out: Folder = None,
    with_pipeline: Pipeline = False,
    json: Json = False,
) -> None:
    """Create our own fields in the CRM, and agree to write to this destination.

    Shows its plan first: + create, ~ change, = there already, ? to be done by hand, ! in the way.

    Example: connector install --crm salesforce --out expansion-package
    """
    from connector.bootstrap import open_work, project_of, setup_package
    from connector.domain.project import mapping_of
    from connector.services import installing
    from connector.services.shadow import refuse_in_shadow

    chosen = settings(crm)
    if out is not None:
        mapping = mapping_of(project_of(chosen))
        _written(out, installing.write_package(setup_package(mapping), out), mapping.crm, json)
        return
    with open_work(chosen) as work:
        if not dry_run:
            refuse_in_shadow(work.project, "an installation")
        survey = installing.look(work, with_pipeline)
        if not json:
            _show(survey.destination.id, survey.steps)
        installing.refuse(work, survey)
        done: list[SetupStep] = []
        if not dry_run:
            if survey.changes:
                agree(f"Do this in {survey.destination.id}?", yes, json)
            done = installing.install(work, survey, with_pipeline)
        advice = work.crm.setup.advice(survey.wanted)
    if json:
        say_json({**_told(survey, done, dry_run), "advice": advice})
        return
    _closing(survey, done, advice, dry_run)


def uninstall(
    crm: Crm = None,
    yes: Yes = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="DESTINATION", help="With --yes: where, as `install` shows it.")
    ] = None,
    dry_run: Dry = False,
    json: Json = False,
) -> None:
    """Take out of the CRM what `install` made there, and nothing else; the ledger stays.

    Shows what it would remove and how many records hold a value, and asks twice.

    Example: connector uninstall --crm hubspot --dry-run
    """
    from connector.bootstrap import open_work
    from connector.domain.errors import ConfigError
    from connector.services import installing
    from connector.services.shadow import refuse_in_shadow

    with open_work(settings(crm)) as work:
        if not dry_run:
            refuse_in_shadow(work.project, "an uninstallation")
        survey = installing.look_back(work)
        if not json:
            _show(survey.destination.id, survey.steps)
        done: list[SetupStep] = []
        if survey.changes and not dry_run:
            _agree_twice(survey, yes, confirm, json)
            done = installing.uninstall(work, survey)
    problems = [_problem(step) for step in done if step.doing == "refused"]
    if problems:
        if not json:
            gone = sum(step.changes for step in done)
            OUT.print(f"{gone} of {len(survey.changes)} removed; `connector uninstall --dry-run` lists what stays.")
        raise ConfigError(problems)
    if json:
        say_json(_told(survey, done, dry_run))
    elif not survey.changes:
        OUT.print("Nothing of ours is there.")
    elif dry_run:
        OUT.print("Nothing was removed.")
    else:
        OUT.print(f"{len(done)} removed from {survey.destination.id}. The ledger stays as it is.")


def _agree_twice(survey: Survey, yes: bool, confirm: str | None, json: bool) -> None:
    """Ask, and ask again for the destination by name; a script has to say both beforehand."""
    from connector.domain.errors import ApprovalNeededError, ConfigError

    where = survey.destination.id
    question = f"Remove {len(survey.changes)} from {where}, with the values they hold?"
    if yes and confirm is None:
        raise ApprovalNeededError(question, hint=f"--yes alone is not enough here: add --confirm {where}")
    if not yes:
        agree(question, yes, json)
        confirm = typer.prompt("Type the destination to confirm", default=confirm or "", show_default=False)
    if confirm != where:
        raise ConfigError(f"{confirm!r} is not where this would happen", at="--confirm", hint=f"it is {where}")


def _show(destination: str, steps: Sequence[SetupStep]) -> None:
    OUT.print(f"[bold]{escape(destination)}[/]")
    _list(steps)


def _list(steps: Iterable[SetupStep]) -> None:
    for step in steps:
        detail = f": {step.detail}" if step.detail else ""
        records = "1 record holds" if step.holds == 1 else f"{step.holds or 0:,} records hold"
        holds = f" [bold]({records} a value)[/]" if step.holds else ""
        OUT.print(f"  {_MARKS[step.doing]} {step.what} {escape(step.name + detail)}{holds}")
        if step.hint:
            OUT.print(f"      → {escape(step.hint)}")


def _closing(survey: Survey, done: Sequence[SetupStep], advice: Sequence[str], dry_run: bool) -> None:
    if dry_run:
        OUT.print("Nothing was written.")
        return
    if done:
        made = sum(step.changes for step in done)
        OUT.print(f"[bold]Done[/]: {made} of {len(survey.changes)}")
        # What went as planned is told already; what was found out on the way is news.
        _list(step for step in done if not step.changes or (step.detail and step not in survey.steps))
    else:
        OUT.print("All of ours is there, and this user may write it: nothing was changed.")
    for line in advice:
        OUT.print(f"• {escape(line)}")
    OUT.print(f"{survey.destination.id} is ready: `connector plan` shows the first plan.")


def _written(folder: Path, paths: Sequence[Path], crm: str, json: bool) -> None:
    if json:
        say_json({"folder": str(folder), "files": [str(path.relative_to(folder)) for path in paths]})
        return
    for path in paths:
        OUT.print(f"  [green]+[/] {escape(str(path))}", soft_wrap=True)
    if crm == "salesforce":
        OUT.print(f"Review it, then: sf project deploy start --source-dir {escape(str(folder))}/force-app --dry-run")
    OUT.print("Nothing was written to the CRM.")


def _problem(step: SetupStep) -> Any:
    from connector.domain.errors import Problem

    return Problem(f"stays, because the CRM refused: {step.detail}", step.name, step.hint)


def _told(survey: Survey, done: Sequence[SetupStep], dry_run: bool) -> Mapping[str, Any]:
    return {
        "destination": survey.destination.id,
        "steps": [_as_json(step) for step in survey.steps],
        "done": [_as_json(step) for step in done],
        "dry_run": dry_run,
    }


def _as_json(step: SetupStep) -> dict[str, Any]:
    told = {"doing": str(step.doing), "what": step.what, "name": step.name, "detail": step.detail, "hint": step.hint}
    return told if step.holds is None else told | {"holds": step.holds}
