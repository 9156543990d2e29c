"""A CRM to deliver into: a stand-in over real HTTP, what stands in it, and what people do there.

Served once and put back to its beginning for every sequence of events. What stands there is read from the stand-in's
own tables, never through the adapter under test; only the translation of a value to canonical text is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, assert_never

from starlette.applications import Starlette

from connector.adapters.crms import hubspot, salesforce
from connector.adapters.crms.hubspot import HubspotCredentials
from connector.adapters.crms.hubspot.translate import from_wire as from_hubspot
from connector.adapters.crms.salesforce import SalesforceCredentials
from connector.adapters.crms.salesforce.translate import from_wire as from_salesforce
from connector.adapters.crms.values import without_reference
from connector.domain.change import Outcome, RecordType, Scalar, Schema, Verb, Write
from connector.domain.mapping import CrmMapping
from connector.domain.normalise import same
from connector.ports.clock import Clock
from connector.ports.crm import Crm, CrmBulk
from connector.sandbox import hubspot as hubspot_sandbox
from connector.sandbox import salesforce as salesforce_sandbox
from connector.sandbox.admin import hubspot_pipeline, salesforce_stages
from connector.sandbox.control import Control, SandboxClock
from connector.sandbox.serving import serving
from tests.contracts.crm_worlds import CREDENTIALS, START, WaitlessClock, mapping_of
from tests.e2e.sides import HubspotSide, Record, SalesforceSide, Side

ACCOUNTS = 3
TYPES = ("opportunity", "task")
BETWEEN = timedelta(days=60)
"""Longer than any sequence lasts: a clock that went back would never let the limits of the stand-in go."""
MAPPING = cache(mapping_of)


SIDES: Mapping[str, type[Side]] = {"hubspot": HubspotSide, "salesforce": SalesforceSide}


@dataclass(frozen=True)
class Flavour:
    """One of the ways in which a CRM may be set up."""

    crm: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    jobs: bool = False
    """Even a few writes travel as a job."""


FLAVOURS = {
    "hubspot": Flavour("hubspot"),
    "hubspot, all or nothing": Flavour("hubspot", {"multi_status": "never", "associations_created": 201}),
    "hubspot, tasks without keys": Flavour("hubspot", {"keyed_tasks": False, "multi_status": "always"}),
    "salesforce": Flavour("salesforce"),
    "salesforce, tasks without keys": Flavour("salesforce", {"keyed_tasks": False}),
    "salesforce, jobs": Flavour("salesforce", jobs=True),
}


@dataclass(frozen=True)
class Login:
    """Where a CRM is served, and the credentials it takes; travels to other processes."""

    base_url: str
    credentials: HubspotCredentials | SalesforceCredentials

    def connect(self, clock: Clock) -> Crm:
        """Make a connection."""
        match self.credentials:
            case HubspotCredentials():
                return hubspot.connect(self.credentials, MAPPING("hubspot"), clock, self.base_url)
            case SalesforceCredentials():
                return salesforce.connect(self.credentials, MAPPING("salesforce"), clock, self.base_url)
            case _:
                assert_never(self.credentials)


class Place:
    """One CRM with a few accounts, as everybody but the connector sees it."""

    def __init__(self, flavour: Flavour, app: Starlette, login: Login) -> None:
        self.flavour = flavour
        self.login = login
        self.side = side = SIDES[flavour.crm](app)
        self.clock = WaitlessClock(side.control.clock)
        self.mapping: CrmMapping = MAPPING(flavour.crm)
        self._prepare()
        self._back = self.side.saved()
        self._beginning = side.control.clock.now()
        # What a portal remembers of its answers alone; it would make one sequence differ from the next.
        self._portals = [one.kwargs["portal"] for one in app.user_middleware if "portal" in one.kwargs]

    def connect(self) -> Crm:
        """A new connection, as a new process makes one."""
        crm = self.login.connect(self.clock)
        return replace(crm, bulk=Eager(crm.bulk)) if self.flavour.jobs and crm.bulk is not None else crm

    def reset(self) -> None:
        """Put everything back to the beginning, some days later: what counts calls by the day begins anew."""
        self._back()
        self._beginning += BETWEEN
        self.side.control.clock.fixed = self._beginning
        for portal in self._portals:
            portal._shuffles, portal.walk = 0, None

    @property
    def faults(self) -> list[Any]:
        return self.side.control.faults

    @property
    def org(self) -> str:
        """The destination's id."""
        return self.destination.id

    # What stands there

    def copies(self, type: str, key: str) -> list[Record]:
        """Every record with a key, deleted ones too."""
        return [one for one in self.side.all(type) if self.key_of(one) == key]

    def alive(self, type: str, key: str) -> Record | None:
        """The living record with a key."""
        return next((one for one in self.copies(type, key) if not one.gone), None)

    def keys(self) -> list[str]:
        """The key of every record of ours, deleted ones too."""
        return [key for type in TYPES for one in self.side.all(type) if (key := self.key_of(one)) is not None]

    def key_of(self, one: Record) -> str | None:
        """A record's key, or the one that its body ends with."""
        return one.key or without_reference(one["text"] or None)[1]

    def shows(self, type: str, one: Record, name: str, value: Scalar) -> bool:
        """A field shows a canonical value."""
        spec = self.schemas[RecordType(type)].fields[name]
        return same(self.value(type, one, name), value, spec)

    def value(self, type: str, one: Record, name: str) -> Scalar:
        """A field's canonical value, as the stand-in stores it."""
        spec = self.schemas[RecordType(type)].fields[name]
        raw = one.values.get(name)
        value = from_hubspot(spec, raw) if self.flavour.crm == "hubspot" else from_salesforce(spec, raw)
        if name == self.mapping.task.body:
            return without_reference(value)[0]
        return self._pipeline_label(value) if name == self.mapping.opportunity.pipeline_field else value

    def ends(self, type: str, one: Record, role: str) -> set[str]:
        """Ids of the records that a record is linked to, by role."""
        match role:
            case "account":
                return self.side.account_of(one, type)
            case "opportunity":
                return self.side.parents_of(one)
            case _:
                raise KeyError(role)

    def calls(self) -> int:
        """Requests that the stand-in has had."""
        return len(self.side.control.requests)

    # Beginning

    def _prepare(self) -> None:
        stamp = START.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if self.flavour.crm == "hubspot":
            self.side.store.load("pipelines", [hubspot_pipeline(stamp)])
            people = [
                {"id": str(id), "email": f"{name}@example.com", "firstName": name, "lastName": "R", "archived": False}
                for id, name in ((101, "ana"), (102, "bo"))
            ]
            self.side.store.load("owners", people)
            self.people = ("101", "102")
        else:
            self.side.store.load("OpportunityStage", salesforce_stages())
            for name in ("ana", "bo"):
                user = {"Username": f"{name}@example.com", "LastName": name, "Email": f"{name}@example.com"}
                self.side.store.load("User", [user | {"Alias": name, "IsActive": True, "UserType": "Standard"}])
            self.people = tuple(one["Id"] for one in self.side.store.dump("User") if one["LastName"] in ("ana", "bo"))
        for number in range(ACCOUNTS):
            self.side.write("account", {"account_name": f"Account {number}"})
        self.accounts = tuple(
            one.id for one in self.side.all("account") if str(one["account_name"]).startswith("Account ")
        )
        crm = self.connect()
        crm.setup.install({RecordType(type): fields for type, fields in self.mapping.install.items()})
        if self.flavour.crm == "salesforce":
            self._open_accounts()
        self.side.minutes_later(10)
        crm = self.connect()
        self.schemas: dict[RecordType, Schema] = {
            type: crm.reader.schema(type) for type in (RecordType.ACCOUNT, RecordType.OPPORTUNITY, RecordType.TASK)
        }
        self.destination = crm.reader.destination()
        self.abilities = crm.reader.abilities()
        stages = {one.label: one for one in crm.feed.stages()}
        self.stages = {ours: stages[label].id for ours, label in self.mapping.opportunity.stages.items()}

    def _open_accounts(self) -> None:
        """Let our user write its fields of accounts, which it only reads: records are tried that are not ours."""
        for row in self.side.store.dump("FieldPermissions"):
            if row["SobjectType"] == "Account":
                self.side.store.put("FieldPermissions", row | {"PermissionsEdit": True})

    def _pipeline_label(self, value: Scalar) -> Scalar:
        return "Expansion" if value == "expansion" else value


@dataclass(frozen=True)
class Eager:
    """The vendor's jobs, for two writes and more."""

    jobs: CrmBulk

    def size(self, verb: Verb, type: RecordType, count: int) -> int:
        # Asked as for many: what cannot travel in a job at all still says so.
        return min(count, 3) if count >= 2 and self.jobs.size(verb, type, 10**6) else 0

    def begin(self, batch: Sequence[Write]) -> tuple[str, list[Outcome]]:
        return self.jobs.begin(batch)

    def start(self, job: str) -> None:
        self.jobs.start(job)

    def outcomes(self, job: str, batch: Sequence[Write]) -> list[Outcome] | None:
        return self.jobs.outcomes(job, batch)


@contextmanager
def served(flavour: Flavour) -> Iterator[Place]:
    """Serve a CRM until the block ends."""
    control = Control(SandboxClock(START), switches=dict(flavour.switches))
    clock = WaitlessClock(control.clock)
    if flavour.crm == "hubspot":
        app = hubspot_sandbox.create_app(control, monotonic=clock.now)
        with serving(app) as url:
            yield Place(flavour, app, Login(url, HubspotCredentials(hubspot_sandbox.credentials().access_token)))
        return
    made = CREDENTIALS()
    app = salesforce_sandbox.create_app(control, made)
    with TemporaryDirectory() as folder, serving(app) as url:
        key = Path(folder) / "key.pem"
        key.write_text(made.private_key, encoding="utf-8")
        login = SalesforceCredentials("jwt", made.consumer_key, username=made.username, private_key_file=str(key))
        yield Place(flavour, app, Login(url, login))
