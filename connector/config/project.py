"""Loads a project folder: every document, every mistake in every document at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from connector.config.crosscheck import check_alerts, crosscheck
from connector.config.nosecrets import project_secrets
from connector.config.overlay import check_env, merged, override_of
from connector.config.yamldoc import Loaded, load, validated
from connector.config.yamltree import read_tree
from connector.domain.alert import Alerts
from connector.domain.billing import FilesMapping, StripeMapping
from connector.domain.catalogue import Catalogue
from connector.domain.errors import ConfigError, Problem
from connector.domain.mapping import CrmMapping
from connector.domain.money import FxTable
from connector.domain.play import BusinessReview, Negotiation, Plays, Save, Schedule
from connector.domain.policy import GatesPolicy
from connector.domain.project import Project
from connector.domain.signal import Signals

SOURCES: dict[str, type[Any]] = {"stripe": StripeMapping, "files": FilesMapping}
DOCUMENTS: dict[str, type[Any]] = {
    "mappings/catalog.yaml": Catalogue,
    "mappings/fx.yaml": FxTable,
    "mappings/salesforce.yaml": CrmMapping,
    "mappings/hubspot.yaml": CrmMapping,
    "mappings/billing/stripe.yaml": StripeMapping,
    "mappings/billing/files.yaml": FilesMapping,
    "playbooks/signals.yaml": Signals,
    "playbooks/policy.yaml": GatesPolicy,
    "playbooks/negotiation.yaml": Negotiation,
    "playbooks/business_review.yaml": BusinessReview,
    "playbooks/save.yaml": Save,
    "playbooks/plays.yaml": Plays,
    "playbooks/schedule.yaml": Schedule,
    "playbooks/alerts.yaml": Alerts,
}
"""Every document of a project and its type: the JSON Schemas are generated from this table."""
OPTIONAL = frozenset({"mappings/fx.yaml", "playbooks/save.yaml", "playbooks/plays.yaml", "playbooks/alerts.yaml"})


def load_project(home: Path, sources: Sequence[str], crm: str | None, env: str | None = None) -> Project:
    """Load and cross-check what these sources and this CRM need; raise ConfigError with everything that is wrong.

    `env` lays the overrides of one environment over the documents.
    """
    if not (home / "mappings").is_dir():
        raise ConfigError(
            f"no project in {home}: it has no folder mappings/",
            at="environment",
            hint="run `connector init`, or set CONNECTOR_HOME to the folder that holds mappings/ and playbooks/",
        )
    names = documents_of(sources, crm)
    if env:
        check_env(home, env, DOCUMENTS, names)
    loaded, problems = _load_all(home, names, env)
    problems += project_secrets(home)
    if problems:
        raise ConfigError(problems)
    problems = crosscheck(loaded)
    if problems:
        raise ConfigError(problems)
    return _project(loaded, home, env)


def load_alerts(home: Path) -> tuple[Alerts, str]:
    """Load who is told of what, and the project's time zone; the rest of the project may be what is broken."""
    alerts = home / "playbooks/alerts.yaml"
    loaded = load(alerts, Alerts, "playbooks/alerts.yaml") if alerts.exists() else None
    if loaded is not None and (problems := list(check_alerts(loaded))):
        raise ConfigError(problems)
    try:
        zone = load(home / "playbooks/schedule.yaml", Schedule, "playbooks/schedule.yaml").value.timezone
    except ConfigError:
        zone = "UTC"
    return (loaded.value if loaded is not None else Alerts()), zone if zone in available_timezones() else "UTC"


def documents_of(sources: Sequence[str], crm: str | None) -> list[str]:
    """Name the documents that these sources and this CRM need; raise ConfigError for an unknown source."""
    unknown = [name for name in sources if name not in SOURCES]
    if unknown or not sources:
        raise ConfigError(
            f"unknown source {', '.join(unknown) or '(none)'}",
            at="environment",
            hint=f"CONNECTOR_SOURCE is one or more of {', '.join(SOURCES)}, separated by commas",
        )
    billing = [f"mappings/billing/{name}.yaml" for name in sources]
    crms = [f"mappings/{crm}.yaml"] if crm else []
    common = [name for name in DOCUMENTS if not name.startswith(("mappings/billing", "mappings/sales", "mappings/hub"))]
    return [*common, *crms, *billing]


def _load_all(home: Path, names: Sequence[str], env: str | None) -> tuple[dict[str, Loaded[Any]], list[Problem]]:
    loaded: dict[str, Loaded[Any]] = {}
    problems: list[Problem] = []
    for name in names:
        if name in OPTIONAL and not (home / name).exists():
            continue
        try:
            loaded[name] = _load(home, name, env)
        except ConfigError as wrong:
            problems += wrong.problems
    return loaded, problems


def _load(home: Path, name: str, env: str | None) -> Loaded[Any]:
    """Read one document, with its override where the environment has one."""
    tree = read_tree(home / name, name)
    over = override_of(name, env) if env else ""
    if over and (home / over).is_file():
        tree = merged(tree, read_tree(home / over, over), DOCUMENTS[name])
    return validated(tree, DOCUMENTS[name], name)


def _project(loaded: dict[str, Loaded[Any]], home: Path, env: str | None) -> Project:
    def one(name: str) -> Any:
        return loaded[name].value

    def at(document: str, *loc: str | int) -> str:
        return loaded[document].at(*loc) if document in loaded else document

    digest = hashlib.sha256()
    sworn = set(loaded) - {"playbooks/alerts.yaml"}  # who is told changes no plan
    files = [*sworn, *(override_of(name, env) for name in sworn if env)]
    for name in sorted(name for name in files if (home / name).is_file()):
        digest.update(name.encode() + b"\0" + (home / name).read_bytes())
    crms = [name for name in ("mappings/salesforce.yaml", "mappings/hubspot.yaml") if name in loaded]
    return Project(
        catalogue=one("mappings/catalog.yaml"),
        fx=one("mappings/fx.yaml") if "mappings/fx.yaml" in loaded else FxTable(),
        signals=one("playbooks/signals.yaml"),
        policy=one("playbooks/policy.yaml"),
        negotiation=one("playbooks/negotiation.yaml"),
        review=one("playbooks/business_review.yaml"),
        save=one("playbooks/save.yaml") if "playbooks/save.yaml" in loaded else None,
        followups=one("playbooks/plays.yaml") if "playbooks/plays.yaml" in loaded else None,
        schedule=one("playbooks/schedule.yaml"),
        mapping=one(crms[0]) if crms else None,
        billing={name.split("/")[-1][:-5]: one(name) for name in loaded if name.startswith("mappings/billing/")},
        hash=digest.hexdigest()[:16],
        at=at,
    )
