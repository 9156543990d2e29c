"""Puts a checkup together: each check with what it looks at, and the parts of a support file.

What cannot be read must not hide what can: where the project as a whole does not load, the documents that single checks
need are read alone. Everything is opened when its check looks, and only what is there: nothing is created.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from connector import bootstrap
from connector.config.project import DOCUMENTS, documents_of
from connector.config.settings import Settings, unknown_variables
from connector.config.sharing import document_shown, settings_shown
from connector.config.yamldoc import Loaded, load
from connector.domain.checkup import Finding, Seen, skip
from connector.domain.errors import ConfigError, ConnectorError, Problem
from connector.domain.play import Schedule
from connector.domain.project import Project
from connector.domain.run import Run
from connector.services.bundle import contents, schema_shown
from connector.services.check import check_templates
from connector.services.doctor import Check, of_problems, of_settings
from connector.services.doctor_billing import billing_checks
from connector.services.doctor_crm import CrmDoctor
from connector.services.doctor_machine import Machine

DueTimes = Callable[[Schedule, Callable[..., str]], Mapping[str, datetime | None]]
RUNS_TOLD = 20
LOAD_ENV = "set -a; . ./.env; set +a"


@dataclass(frozen=True)
class Checkup:
    """Every check of one set of settings, and what a support file is made of."""

    settings: Settings
    checks: Sequence[Check]
    crm: CrmDoctor | None


def checkup_of(settings: Settings, due: DueTimes) -> Checkup:
    """List every check, ready to look."""
    project = _project(settings)
    crm = _crm_doctor(settings, project)
    sources = {name: partial(_inspector, settings, project, name) for name in settings.source}
    checks = [
        Check("settings", "Settings", partial(_settings_seen, settings)),
        Check("config", "Mappings and playbooks", partial(_config_seen, settings)),
        *billing_checks(sources, _now),
        *(crm.checks() if isinstance(crm, CrmDoctor) else [Check("crm.settings", "CRM settings", lambda: crm)]),
        *_machine(settings, due).checks(),
    ]
    if not (settings.home / "mappings").is_dir():
        checks = [_after_config(check) for check in checks]
    return Checkup(settings, checks, crm if isinstance(crm, CrmDoctor) else None)


def support_parts(checkup: Checkup | None, findings: Sequence[Finding]) -> dict[str, str]:
    """Make the parts of a support file; without a checkup, only what does not depend on settings."""
    if checkup is None:
        return contents(findings, versions(), {}, {}, {}, [], [])
    settings = checkup.settings
    names = [
        str(file.relative_to(settings.home)) for part in ("mappings", "playbooks") for file in _yaml(settings, part)
    ]
    documents = {name: document_shown(_text(settings.home / name)) for name in sorted(names)}
    crm = checkup.crm
    schema = schema_shown(lambda: crm.reader) if crm is not None else {}
    crashes = list(settings.state.glob("crash-*.txt")) if settings.state.is_dir() else []
    return contents(findings, versions(), settings_shown(settings), documents, schema, _runs(settings), crashes)


def without_places(settings: Settings | None, text: str) -> str:
    """Take the machine's folders out of a text: their names may be people's."""
    known = {Path.home(): "~"}
    if settings is not None:
        known |= {settings.home: "<project>", settings.state: "<state>", settings.files: "<files>"}
    for path in sorted(known, key=lambda one: -len(str(one.absolute()))):
        for form in {str(path), str(path.absolute()), str(path.resolve())} - {".", "/", ""}:
            text = text.replace(form, known[path])
    return text


def versions() -> dict[str, Any]:
    """Name the versions of connector, Python and every library."""
    return {
        "connector": version("expansion-connector"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": dict(sorted({one.name: one.version for one in distributions()}.items())),
    }


def _after_config(check: Check) -> Check:
    """Let what reads a document wait for a project: one that is missing as a whole is told once."""
    reads = check.id.startswith("billing.") or check.id in ("crm.settings", "machine.schedule")
    return replace(check, needs=("config",)) if reads else check


def _now() -> datetime:
    return datetime.now(UTC)


def _project(settings: Settings) -> Project | None:
    try:
        return bootstrap.project_of(settings)
    except ConfigError:
        return None  # its own check tells why


def _document(settings: Settings, name: str) -> Loaded[Any]:
    return load(settings.home / name, DOCUMENTS[name], name)


def _settings_seen(settings: Settings) -> Seen:
    lacking = []
    if settings.crm is None:
        unread = (settings.home / ".env").is_file()
        cure = f"load .env: {LOAD_ENV}" if unread else "export CONNECTOR_CRM=salesforce or hubspot"
        lacking.append(Problem("no CRM named", "CONNECTOR_CRM", cure))
    shown = f"{', '.join(settings.source)} → {settings.crm}"
    if settings.now is not None:
        shown += f"; CONNECTOR_NOW makes it {settings.now:%Y-%m-%d}"
    return of_settings(lacking, unknown_variables(), shown)


def _config_seen(settings: Settings) -> Seen:
    return of_problems(check_templates(bootstrap.project_of(settings)), good="sound")


def _crm_doctor(settings: Settings, project: Project | None) -> CrmDoctor | Seen:
    if settings.crm is None:
        return skip("no CRM is named")  # the settings' own check tells the cure
    name = f"mappings/{settings.crm}.yaml"
    at: Callable[..., str]
    if project is not None and project.mapping is not None:
        mapping, at = project.mapping, partial(project.at, name)
    else:
        try:
            alone = _document(settings, name)
        except ConfigError as wrong:
            return of_problems(wrong.problems)
        mapping, at = alone.value, alone.at
    return CrmDoctor(lambda: bootstrap.connect_crm(settings, mapping), mapping, at, _now)


def _inspector(settings: Settings, project: Project | None, name: str) -> Any:
    documents_of([name], None)
    document = f"mappings/billing/{name}.yaml"
    if project is not None:
        return bootstrap.inspect_source(settings, project.billing[name], partial(project.at, document))
    alone = _document(settings, document)
    return bootstrap.inspect_source(settings, alone.value, alone.at)


def _machine(settings: Settings, due: DueTimes) -> Machine:
    document = "playbooks/schedule.yaml"
    key_file = settings.salesforce.private_key_file if settings.crm == "salesforce" else None
    return Machine(
        state=settings.state,
        ledger_file=settings.ledger_file,
        warehouse_file=Path(settings.warehouse),
        secret_files=[path for path in (settings.home / ".env", key_file) if path is not None],
        ledger=lambda: bootstrap.open_ledger_care(settings),
        warehouse=lambda: bootstrap.open_warehouse(settings),
        usage=_usage(settings),
        schedule=lambda: _document(settings, document).value,
        next_times=lambda schedule: due(schedule, lambda _, *loc: _document(settings, document).at(*loc)),
        versions=lambda: f"connector {version('expansion-connector')}, Python {sys.version.split()[0]}",
    )


def _usage(settings: Settings) -> Callable[[], date | None] | None:
    def last_day() -> date | None:
        engine = bootstrap.usage_engine(settings)
        assert engine is not None
        try:
            return engine.last_day()
        finally:
            engine.close()

    return None if settings.usage_url is None else last_day


def _runs(settings: Settings) -> Sequence[Run]:
    """List the newest runs, of a ledger that is there and up to date."""
    try:
        with bootstrap.open_ledger_care(settings) as care:
            if care.revision() != care.newest:
                return []
        with bootstrap.open_ledger(settings) as memory:
            return memory.runs.list(RUNS_TOLD)
    except ConnectorError:
        return []  # its own check tells why


def _yaml(settings: Settings, part: str) -> Sequence[Path]:
    return sorted((settings.home / part).rglob("*.yaml"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "!"
