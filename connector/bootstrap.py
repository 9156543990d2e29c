"""The composition root: the only file that names concrete adapters and joins them with settings and services."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connector.adapters.clock import SystemClock
from connector.config.project import load_project
from connector.config.settings import Settings, whole_day
from connector.domain.billing import FilesMapping, StripeMapping
from connector.domain.errors import ConfigError, CredentialError
from connector.domain.mapping import CrmMapping
from connector.domain.project import BillingMapping, Project, mapping_of
from connector.ports.billing import BillingSource, SourceInspector, Warehouse
from connector.ports.crm import Crm
from connector.services.memory import Memory
from connector.services.shadow import write_protected
from connector.services.work import Work

OWNER_ONLY = 0o600
"""Ledger and warehouse hold people's names."""

if TYPE_CHECKING:
    from connector.adapters.crms.hubspot import HubspotCredentials
    from connector.adapters.crms.salesforce import SalesforceCredentials
    from connector.adapters.ledger import LedgerCare
    from connector.adapters.service import ServiceJournal
    from connector.adapters.sources.stripe import StripeClient
    from connector.adapters.warehouse import UsageEngine
    from connector.services.alerts import Bell
    from connector.services.forget import Stores


def project_of(settings: Settings) -> Project:
    """Load the project that the settings point at."""
    return load_project(settings.home, settings.source, settings.crm, settings.env)


def business_now(settings: Settings, project: Project, as_of: str | None = None) -> datetime:
    """The run's `now`: `--as-of`, else CONNECTOR_NOW, else this moment.

    A day alone means its last second, and a time without an offset is meant where the project's people work.
    """
    if as_of is None and settings.now is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(whole_day(as_of)) if as_of is not None else settings.now
    except ValueError:
        raise ConfigError(f"{as_of!r} is no date", at="--as-of", hint="write it like 2026-09-30") from None
    assert moment is not None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(project.schedule.timezone))).astimezone(UTC)


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Memory]:
    """Open the ledger and give its parts."""
    from connector.adapters.ledger import Ledger

    _own_ledger(settings)
    with Ledger(settings.ledger) as ledger:
        yield Memory(
            destinations=ledger.destinations,
            runs=ledger.runs,
            mirror=ledger.mirror,
            links=ledger.links,
            episodes=ledger.episodes,
            receipts=ledger.receipts,
            plans=ledger.plans,
            leases=ledger.leases,
            outbox=ledger.outbox,
            decisions=ledger.decisions,
            holds=ledger.holds,
            arms=ledger.arms,
            audit=ledger.audit,
            suppressions=ledger.suppressions,
            notes=ledger.notes,
            forgetting=ledger.forgetting,
        )


@contextmanager
def open_ledger_care(settings: Settings, may_be_new: bool = False) -> Iterator[LedgerCare]:
    """Open the ledger as it is, to look after it as a whole."""
    from connector.adapters.ledger import LedgerCare

    if may_be_new:
        _own_ledger(settings)
    elif settings.ledger_file is not None and not settings.ledger_file.exists():
        raise ConfigError("there is no ledger yet", at=str(settings.ledger_file), hint="`connector install` makes one")
    with LedgerCare(settings.ledger, SystemClock()) as care:
        yield care


@contextmanager
def open_service(settings: Settings) -> Iterator[tuple[ServiceJournal, str]]:
    """Be the one service on the state folder; gives its journal, and who was there before and left without a word."""
    from connector.adapters.service import only_service

    _own_folder(settings.state)
    with only_service(settings.state) as (journal, left):
        yield journal, left


def service_journal(settings: Settings) -> dict[str, Any]:
    """Read what the service noted last, without being it."""
    from connector.adapters.service import read_journal

    return read_journal(settings.state)


def _own_ledger(settings: Settings) -> None:
    """Make the ledger's file, where it is one, its owner's alone."""
    _own_folder(settings.state)
    if settings.ledger_file is not None:
        with _usable("CONNECTOR_LEDGER_URL" if settings.ledger_url else "CONNECTOR_STATE_DIR"):
            settings.ledger_file.touch(OWNER_ONLY)


@contextmanager
def open_warehouse(settings: Settings, to_look_back: bool = False) -> Iterator[Warehouse]:
    """Open the warehouse; one process at a time can. `to_look_back`: rows of many past days are kept beside it."""
    from connector.adapters.warehouse import LITTLE, MEMORY, DuckWarehouse, ScaledWarehouse

    path, engine = Path(settings.warehouse), usage_engine(settings)
    _own_folder(path.parent, "CONNECTOR_WAREHOUSE_URL" if settings.warehouse_url else "CONNECTOR_STATE_DIR")
    fresh = not path.exists()
    memory = LITTLE if to_look_back else MEMORY
    warehouse = DuckWarehouse(path, memory_limit=memory) if engine is None else ScaledWarehouse(path, engine, memory)
    if fresh:  # an empty file that is already ours alone is none to DuckDB
        path.chmod(OWNER_ONLY)
    try:
        yield warehouse
    finally:
        warehouse.close()


def usage_engine(settings: Settings) -> UsageEngine | None:
    """Read where usage lies, if not in the warehouse's own file; nothing is asked there yet."""
    if settings.usage_url is None:
        return None
    from connector.adapters.warehouse import UsageEngine, place_of

    return UsageEngine(place_of(settings.usage_url.get_secret_value()))


def open_stores(settings: Settings, memory: Memory) -> Stores:
    """Give every place where a customer's data may lie; nothing else may have the warehouse open."""
    from connector.adapters.ledger import this_process
    from connector.adapters.warehouse import DuckEraser
    from connector.services.forget import Stores

    eraser = DuckEraser(file) if (file := Path(settings.warehouse)).exists() else None
    return Stores(memory, eraser, settings.state, SystemClock(), this_process())


def open_bell(settings: Settings) -> Bell:
    """Put alerts together from playbooks/alerts.yaml and the channels' addresses; a channel without one is an error."""
    from connector.adapters.alerts import AppriseChannel, FileBook
    from connector.config.project import load_alerts
    from connector.services.alerts import Bell

    alerts, timezone = load_alerts(settings.home)
    missing = [name for name in alerts.channels if name not in settings.alerts]
    if missing:
        variable = f"CONNECTOR_ALERTS__{missing[0].upper()}"
        cure = (
            f"export {variable}=… (mailto://…, slack://…, jsons://…), or take the channel out of playbooks/alerts.yaml"
        )
        raise ConfigError(f"the alert channel {missing[0]} has no address", at=variable, hint=cure)
    channels = [AppriseChannel(name, settings.alerts[name].get_secret_value()) for name in alerts.channels]
    return Bell(alerts, channels, FileBook(settings.state / "alerts.json"), timezone, crm=settings.crm or "")


def _own_folder(path: Path, variable: str = "CONNECTOR_STATE_DIR") -> None:
    """Make a folder that only its owner may look into; one that exists is left as it is."""
    with _usable(variable):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _usable(variable: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cure = f"let {variable} name a place that exists and that this user may write"
        raise ConfigError(f"{error.filename}: {error.strerror}", at=variable, hint=cure) from error


@contextmanager
def open_work(settings: Settings, actor: str | None = None) -> Iterator[Work]:
    """Put a run together; `actor` names in the audit trail who runs it, else the person at the machine."""
    from connector.adapters.ledger import this_process

    project = project_of(settings)
    mapping = mapping_of(project)
    with open_ledger(settings) as memory:
        yield Work(
            project=project,
            mapping=mapping,
            crm=write_protected(connect_crm(settings, mapping), project),
            memory=memory,
            clock=SystemClock(),
            sources=lambda: connect_sources(settings, project),
            warehouse=lambda: open_warehouse(settings),
            snapshots=settings.state / "runs",
            holder=this_process(),
            actor=actor or this_person(),
        )


def this_person() -> str:
    """Name who runs the command, for the audit trail; in a container there may be only a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def connect_sources(settings: Settings, project: Project) -> Sequence[BillingSource]:
    """Make every billing source that the settings name."""
    return [_source(settings, project, name) for name in settings.source]


def _source(settings: Settings, project: Project, name: str) -> BillingSource:
    match project.billing[name]:
        case StripeMapping() as mapping:
            from connector.adapters.sources.stripe import StripeSource

            return StripeSource(_stripe(settings), mapping)
        case FilesMapping() as mapping:
            from connector.adapters.sources.files import FilesSource

            return FilesSource(mapping, settings.files, partial(project.at, f"mappings/billing/{name}.yaml"))


def _stripe(settings: Settings) -> StripeClient:
    from connector.adapters.sources.stripe import Limits, StripeClient

    key = settings.stripe.api_key
    if key is None:
        raise _missing("CONNECTOR_STRIPE__API_KEY", "a restricted, read-only key (rk_…)")
    return StripeClient(
        key.get_secret_value(),
        SystemClock(),
        settings.stripe.base_url,
        settings.ca_bundle,
        Limits(meter_calls=settings.stripe.meter_calls),
        settings.stripe.allow_secret_key,
    )


def inspect_source(settings: Settings, mapping: BillingMapping, at: Callable[..., str]) -> SourceInspector:
    """Make what tries whether a billing source can be read; `at` gives the mapping's lines."""
    match mapping:
        case StripeMapping():
            from connector.adapters.sources.stripe import StripeInspector

            client = _stripe(settings)
            assert settings.stripe.api_key is not None
            return StripeInspector(client, settings.stripe.api_key.get_secret_value())
        case FilesMapping():
            from connector.adapters.sources.files import FilesInspector

            return FilesInspector(mapping, settings.files, at)


def connect_crm(settings: Settings, mapping: CrmMapping) -> Crm:
    """Make the CRM adapter; nothing is called yet."""
    ca_bundle = str(settings.ca_bundle) if settings.ca_bundle else None
    match mapping.crm:
        case "salesforce":
            from connector.adapters.crms import salesforce

            return salesforce.connect(
                _salesforce(settings), mapping, SystemClock(), settings.salesforce.base_url, ca_bundle
            )
        case "hubspot":
            from connector.adapters.crms import hubspot

            return hubspot.connect(_hubspot(settings), mapping, SystemClock(), settings.hubspot.base_url, ca_bundle)


def setup_package(mapping: CrmMapping) -> Mapping[str, str]:
    """Write what an installation makes as files for review: path → content; needs no credentials."""
    match mapping.crm:
        case "salesforce":
            from connector.adapters.crms import salesforce

            return salesforce.package(mapping)
        case "hubspot":
            from connector.adapters.crms import hubspot

            return hubspot.package(mapping)


def _salesforce(settings: Settings) -> SalesforceCredentials:
    from connector.adapters.crms.salesforce import SalesforceCredentials

    mine = settings.salesforce
    if mine.consumer_key is None:
        raise _missing("CONNECTOR_SALESFORCE__CONSUMER_KEY", "the consumer key of your connected app")
    if mine.auth == "jwt" and mine.username is None:
        raise _missing("CONNECTOR_SALESFORCE__USERNAME", "the integration user's username")
    if mine.auth == "jwt" and mine.private_key_file is None and mine.private_key is None:
        raise _missing("CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE", "a readable PEM file with the app's private key")
    if mine.auth == "jwt" and mine.private_key_file is not None and not mine.private_key_file.is_file():
        raise CredentialError(
            f"there is no file {mine.private_key_file}",
            at="CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE",
            hint="let it name the PEM file with the app's private key",
        )
    if mine.auth == "client_credentials" and mine.consumer_secret is None:
        raise _missing("CONNECTOR_SALESFORCE__CONSUMER_SECRET", "the consumer secret of your connected app")
    return SalesforceCredentials(
        auth=mine.auth,
        consumer_key=mine.consumer_key.get_secret_value(),
        domain=mine.domain,
        username=mine.username,
        private_key_file=str(mine.private_key_file) if mine.private_key_file else None,
        private_key=mine.private_key.get_secret_value() if mine.private_key and not mine.private_key_file else None,
        consumer_secret=mine.consumer_secret.get_secret_value() if mine.consumer_secret else None,
    )


def _hubspot(settings: Settings) -> HubspotCredentials:
    from connector.adapters.crms.hubspot import HubspotCredentials

    mine = settings.hubspot
    if mine.access_token is None and (mine.refresh_token is None or mine.client_id is None):
        raise _missing("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "a service key or private-app token")
    return HubspotCredentials(
        access_token=mine.access_token.get_secret_value() if mine.access_token else None,
        client_id=mine.client_id,
        client_secret=mine.client_secret.get_secret_value() if mine.client_secret else None,
        refresh_token=mine.refresh_token.get_secret_value() if mine.refresh_token else None,
    )


def _missing(variable: str, what: str) -> CredentialError:
    cure = f"export {variable}=… ({what}), or keep it in a file, a secrets folder or the keyring (README, settings)"
    return CredentialError(f"{variable} is not set", at="environment", hint=cure)
