"""Steps `install` and `uninstall`: look, refuse what cannot be, do it, and note who did.

Decided here: what stands in the way is told all at once, with the line of the mapping that asks for it; both run while
nobody delivers there; what was done is an act in the audit chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connector.domain.audit import Act, Deed
from connector.domain.change import Destination
from connector.domain.errors import ConfigError, Problem
from connector.domain.installation import SetupStep, Wanted, refused, wanted_fields
from connector.ports.crm import CrmRemoval
from connector.services.lease import leased
from connector.services.opening import run_name
from connector.services.remade import note_removed
from connector.services.work import Work

_LONGEST = 900.0
"""Seconds that a destination is held for: an org may take minutes over a deployment."""


@dataclass(frozen=True)
class Survey:
    """A destination, what is wanted of it, and what would be done."""

    destination: Destination
    wanted: Wanted
    steps: tuple[SetupStep, ...]

    @property
    def changes(self) -> list[SetupStep]:
        return [step for step in self.steps if step.changes]


def look(work: Work, with_pipeline: bool) -> Survey:
    """Say what an installation would do."""
    wanted = wanted_fields(work.mapping)
    steps = work.crm.setup.survey(wanted, with_pipeline)
    return Survey(work.crm.reader.destination(), wanted, tuple(steps))


def refuse(work: Work, survey: Survey) -> None:
    """Raise with everything that stands in the way of an installation."""
    document = f"mappings/{work.mapping.name}.yaml"
    problems = [
        Problem(f"{step.name} {step.detail}", work.project.at(document, "install", *step.place), step.hint)
        for step in refused(survey.steps)
    ]
    if problems:
        raise ConfigError(problems)


def install(work: Work, survey: Survey, with_pipeline: bool) -> list[SetupStep]:
    """Do it, and agree to this destination."""
    done: list[SetupStep] = []
    if survey.changes:
        with _alone(work, survey.destination):
            done = work.crm.setup.install(survey.wanted, with_pipeline)
    work.memory.destinations.remember(survey.destination)
    _note(work, survey.destination, Act.INSTALL, done)
    return done


def look_back(work: Work) -> Survey:
    """Say what an uninstallation would remove."""
    wanted = wanted_fields(work.mapping)
    return Survey(work.crm.reader.destination(), wanted, tuple(_removal(work).survey(wanted)))


def uninstall(work: Work, survey: Survey) -> list[SetupStep]:
    """Remove it; the ledger stays, so that a later installation goes on where this one ended."""
    with _alone(work, survey.destination):
        done = _removal(work).remove(survey.wanted)
        moment = run_name(datetime.now(UTC))
        note_removed(work.memory, work.mapping, survey.destination.id, survey.wanted, moment)
    _note(work, survey.destination, Act.UNINSTALL, done)
    return done


def write_package(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write a package into a folder; files of other names there are left as they are."""
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}", at="--out", hint="name a folder that this user may write into"
        ) from error
    return [folder / name for name in files]


@contextmanager
def _alone(work: Work, destination: Destination) -> Iterator[None]:
    with leased(work.memory.leases, work.clock, destination.id, work.holder, _LONGEST):
        yield


def _removal(work: Work) -> CrmRemoval:
    assert work.crm.removal is not None  # both vendors have one
    return work.crm.removal


def _note(work: Work, destination: Destination, act: Act, done: Sequence[SetupStep]) -> None:
    at = datetime.fromtimestamp(work.clock.now(), UTC)
    ends = ("before", "after") if act is Act.UNINSTALL else ("after", "before")
    values = {step.name: {ends[0]: step.what, ends[1]: None} for step in done if step.changes}
    if values:
        work.memory.audit.note(destination.id, [Deed(at, work.actor, act, "", "schema", values=values)])
