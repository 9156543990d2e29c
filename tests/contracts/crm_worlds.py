"""The stand-ins as worlds of the CRM contract: people who edit, mishaps, and a clock that nobody waits for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from pydantic import TypeAdapter
from starlette.applications import Starlette

from connector.adapters.crms import hubspot, salesforce
from connector.adapters.crms.hubspot import HubspotCredentials
from connector.adapters.crms.salesforce import SalesforceCredentials
from connector.domain.change import RecordType, Scalar, Stage
from connector.domain.mapping import CrmMapping
from connector.ports.crm import Crm
from connector.sandbox import hubspot as hubspot_sandbox
from connector.sandbox import salesforce as salesforce_sandbox
from connector.sandbox.control import Control, Fault, SandboxClock
from connector.sandbox.hubspot.records import PERSON
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.records import Caller, delete
from connector.sandbox.salesforce.records import update as update_row
from connector.sandbox.salesforce.seed import stage
from connector.sandbox.serving import serving
from connector.testing.contracts.crm_bulk import JobMishap
from connector.testing.contracts.crm_world import Mishap
from tests.contracts.crm_files import HubspotFiles, SalesforceFiles
from tests.contracts.crm_places import add_place

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
CREDENTIALS = cache(salesforce_sandbox.make_credentials)  # an RSA pair takes a while to make: one for all worlds
BODY_WRITES = ("/composite/sobjects", "/batch/create", "/batch/update", "/batch/upsert")


class WaitlessClock:
    """A clock on which sleeping costs nothing; the stand-in's time goes along."""

    def __init__(self, sandbox: SandboxClock) -> None:
        self.sandbox = sandbox
        self.slept: list[float] = []

    def now(self) -> float:
        return self.sandbox.now().timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.advance(seconds)


def mapping_of(crm: str) -> CrmMapping:
    """Load a shipped mapping."""
    return TypeAdapter(CrmMapping).validate_python(yaml.safe_load((MAPPINGS / f"{crm}.yaml").read_text("utf-8")))


def closed_port() -> str:
    """Give a base URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


class StandInWorld:
    """What both worlds have in common."""

    crm: Crm
    mapping: CrmMapping

    def __init__(self, app: Starlette, control: Control, clock: WaitlessClock, base_url: str, crm: str) -> None:
        self.app = app
        self.store: Any = app.state.store
        self.control = control
        self.clock = clock
        self.base_url = base_url
        self.mapping = mapping_of(crm)
        self._looked = 0
        self._elsewhere: Callable[[], StandInWorld]

    def install(self) -> None:
        wanted = {RecordType(type): fields for type, fields in self.mapping.install.items()}
        self.crm.setup.install(wanted)

    def now(self) -> datetime:
        return self.control.clock.now()

    def later(self, seconds: float) -> None:
        self.control.clock.advance(seconds)

    @contextmanager
    def calm(
        self, switches: Mapping[str, Any], elsewhere: Callable[[], AbstractContextManager[StandInWorld]]
    ) -> Iterator[None]:
        """Serve one test: no mishap of an earlier one, and a CRM without our fields if it asks for one."""
        self.later(3600)
        self.control.faults.clear()
        self.control.switches.update(switches)
        with ExitStack() as served:
            self._elsewhere = lambda: served.enter_context(elsewhere())
            yield

    def uninstalled(self) -> Crm:
        return self._elsewhere().crm

    def routed(self) -> StandInWorld:
        world = self._elsewhere()
        world.install()
        add_place(world)
        return world

    def was_sent(self, text: str) -> bool:
        return any(text in str(request["body"]) for request in self.control.requests)

    def write_sizes(self) -> list[int]:
        new = self.control.requests[self._looked :]
        self._looked = len(self.control.requests)
        writes = [one for one in new if one["path"].endswith(BODY_WRITES) or "/composite/sobjects/" in one["path"]]
        return [len(one["body"].get("records") or one["body"].get("inputs")) for one in writes]


class SalesforceWorld(SalesforceFiles, StandInWorld):
    """A Salesforce org."""

    task_fields: Mapping[str, Scalar] = {"Subject": "Call", "ActivityDate": "2026-12-01"}
    read_only = "IsClosed"
    nobody = "005000000000001AAA"
    nowhere = "012000000000777AAA"
    kinds: Mapping[RecordType, str] = {
        RecordType.OPPORTUNITY: "Opportunity",
        RecordType.TASK: "Task",
        RecordType.ACCOUNT: "Account",
        RecordType.NOTE: "Note",
        RecordType.FILE: "ContentDocument",
    }

    def __init__(self, app: Starlette, control: Control, clock: WaitlessClock, base_url: str, key_file: Path) -> None:
        super().__init__(app, control, clock, base_url, "salesforce")
        made = app.state.credentials
        key_file.write_text(made.private_key, encoding="utf-8")
        self.credentials = SalesforceCredentials(
            "jwt", made.consumer_key, username=made.username, private_key_file=str(key_file)
        )
        self.crm = self.connect()
        labels = ("Expansion Proposed", "Expansion Consult", "Expansion Compare Options", "Expansion Sign")
        forecasts = ("Omitted", "Pipeline", "Pipeline", "Commit")
        stages = [
            stage(label, 10 * (i + 1), forecast, 20 + i)
            for i, (label, forecast) in enumerate(zip(labels, forecasts, strict=True))
        ]
        self.store.load("OpportunityStage", stages)
        self.person = self.owner("person@example.com")

    def connect(self, base_url: str | None = None, credentials: SalesforceCredentials | None = None) -> Crm:
        return salesforce.connect(credentials or self.credentials, self.mapping, self.clock, base_url or self.base_url)

    def put(self, kind: str, row: Mapping[str, Any]) -> str:
        known = {one["Id"] for one in self.store.dump(kind)}
        self.store.load(kind, [dict(row)])
        return next(one["Id"] for one in self.store.dump(kind) if one["Id"] not in known)

    def account(self, name: str) -> str:
        return self.put("Account", {"Name": name})

    def contact(self, account_id: str, name: str) -> str:
        return self.put("Contact", {"LastName": name, "AccountId": account_id})

    def owner(self, email: str, active: bool = True) -> str:
        user = {"Username": email, "LastName": email, "Email": email, "Alias": "x", "IsActive": active}
        return self.put("User", user | {"UserType": "Standard", "LanguageLocaleKey": "fr"})

    def as_person(self) -> Caller:
        return Caller(self.store, self.person, View(self.store, self.person))

    def person_edits(self, type: RecordType, id: str, fields: Mapping[str, Scalar]) -> None:
        caller = self.as_person()
        kind = caller.type(self.kinds[type])
        assert kind is not None
        update_row(caller, kind, id, dict(fields))

    def person_archives(self, type: RecordType, id: str) -> None:
        caller = self.as_person()
        kind = caller.type(self.kinds[type])
        assert kind is not None
        delete(caller, kind, id)

    def person_moves(self, id: str, stage: Stage) -> None:
        self.person_edits(RecordType.OPPORTUNITY, id, {"RecordTypeId": stage.pipeline, "StageName": stage.id})

    def person_merges(self, loser: str, survivor: str) -> None:
        self.store.load("Account", [{"Id": loser, "IsDeleted": True, "MasterRecordId": survivor}])

    def alive(self, type: RecordType, key: str) -> int:
        if type is RecordType.FILE:
            return self.files_of(key)
        rows = [row for row in self.store.dump(self.kinds[type]) if not row["IsDeleted"]]
        body = "Body" if type is RecordType.NOTE else "Description"
        return sum(row.get("Expansion_Key__c") == key or key in str(row.get(body)) for row in rows)

    def misbehave(self, mishap: Mishap) -> None:
        path = "/composite/sobjects|/sobjects/ContentVersion"
        match mishap:
            case "lost_answer":
                self.control.faults.append(Fault(path=path, method="POST|PATCH", cut="after"))
            case "server_error":
                body = [{"message": "busy", "errorCode": "SERVER_UNAVAILABLE"}]
                self.control.faults.append(Fault(path=path, status=503, body=body))
            case "locked":
                refused = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain access"}
                fault = {"object": "Opportunity", **refused}
                self.control.switches["row_faults"] = [fault]
            case "quota":
                self.control.switches["daily_api_requests"] = 0

    def job_meets(self, mishap: JobMishap) -> None:
        """Let something happen to a bulk job."""
        match mishap:
            case "lost_creation":
                self.control.faults.append(Fault(path="/jobs/ingest$", method="POST", cut="after"))
            case "lost_upload":
                self.control.faults.append(Fault(path="/batches$", method="PUT", cut="after"))
            case "lost_start":
                self.control.faults.append(Fault(path="/jobs/ingest/", method="PATCH", cut="after"))
            case "takes_its_time":
                self.control.switches["job_seconds"] = 3600

    def with_bad_credentials(self) -> Crm:
        made = self.app.state.credentials
        return self.connect(
            credentials=SalesforceCredentials("client_credentials", made.consumer_key, "acme.my", consumer_secret="no")
        )

    def unreachable(self) -> Crm:
        return self.connect(base_url=closed_port())


class HubspotWorld(HubspotFiles, StandInWorld):
    """A HubSpot portal."""

    task_fields: Mapping[str, Scalar] = {"hs_task_subject": "Call", "hs_timestamp": "2026-12-01T12:00:00Z"}
    read_only = "hs_is_closed"
    nobody = "999999"
    nowhere = "Nowhere"
    kinds: Mapping[RecordType, str] = {
        RecordType.OPPORTUNITY: "deals",
        RecordType.TASK: "tasks",
        RecordType.ACCOUNT: "companies",
        RecordType.NOTE: "notes",
    }

    def __init__(self, app: Starlette, control: Control, clock: WaitlessClock, base_url: str) -> None:
        super().__init__(app, control, clock, base_url, "hubspot")
        self.crm = self.connect()
        labels = ("Proposed", "Consult", "Compare options", "Sign", "Won", "Lost")
        weights = ("0.1", "0.3", "0.5", "0.8", "1.0", "0.0")
        stages = [
            {"id": f"90{i}", "label": label, "metadata": {"probability": weight, "isClosed": str(i > 3).lower()}}
            for i, (label, weight) in enumerate(zip(labels, weights, strict=True))
        ]
        self.store.load("pipelines", [{"id": "77", "label": "Expansion", "displayOrder": 1, "stages": stages}])

    def connect(self, base_url: str | None = None, credentials: HubspotCredentials | None = None) -> Crm:
        token = hubspot_sandbox.credentials().access_token
        return hubspot.connect(
            credentials or HubspotCredentials(token), self.mapping, self.clock, base_url or self.base_url
        )

    def put(self, kind: str, properties: Mapping[str, Any]) -> str:
        known = {row["id"] for row in self.store.dump(kind)}
        self.store.load(kind, [{"properties": dict(properties), "updatedAt": self.now().isoformat()}])
        return next(str(row["id"]) for row in self.store.dump(kind) if row["id"] not in known)

    def account(self, name: str) -> str:
        return self.put("companies", {"name": name})

    def contact(self, account_id: str, name: str) -> str:
        return self.put("contacts", {"lastname": name, "associatedcompanyid": account_id})

    def owner(self, email: str, active: bool = True) -> str:
        owner_id = self.store.new_id()
        row = {"id": owner_id, "email": email, "firstName": "A", "lastName": "B", "archived": not active}
        self.store.load("owners", [row])
        return str(owner_id)

    def person_edits(self, type: RecordType, id: str, fields: Mapping[str, Scalar]) -> None:
        row = {"id": id, "properties": dict(fields), "sourceType": PERSON.type}
        self.store.load(self.kinds[type], [row | {"updatedAt": self.now().isoformat()}])

    def person_archives(self, type: RecordType, id: str) -> None:
        if type is RecordType.FILE:
            self.store.load("files", [{"id": id, "archived": True}])
            return
        self.store.archive(self.store.find(self.kinds[type], id))

    def person_moves(self, id: str, stage: Stage) -> None:
        ids = {row["label"]: row["id"] for row in self.store.dump("pipelines")}
        self.person_edits(RecordType.OPPORTUNITY, id, {"pipeline": ids[stage.pipeline], "dealstage": stage.id})

    def person_merges(self, loser: str, survivor: str) -> None:
        self.store.merge(self.store.find("companies", survivor), self.store.find("companies", loser))

    def alive(self, type: RecordType, key: str) -> int:
        if type is RecordType.FILE:
            return self.files_of(key)
        rows = [row["properties"] for row in self.store.dump(self.kinds[type]) if not row["archived"]]
        return sum(key in str(row) for row in rows)

    def misbehave(self, mishap: Mishap) -> None:
        path = "/batch/(create|upsert|update)|/files/[^/]+/files$"
        match mishap:
            case "lost_answer":
                self.control.faults.append(Fault(path=path, cut="after"))
            case "server_error":
                self.control.faults.append(Fault(path=path, status=502, body="<html>Bad gateway</html>"))
            case "locked":
                body = {"status": "error", "message": "This record is locked"}
                self.control.faults.append(Fault(path=path, status=423, body=body, times=99))
            case "quota":
                self.control.switches["limit_daily"] = 0

    def with_bad_credentials(self) -> Crm:
        return self.connect(credentials=HubspotCredentials("no-such-token"))

    def unreachable(self) -> Crm:
        return self.connect(base_url=closed_port())


@contextmanager
def salesforce_world(**switches: Any) -> Iterator[SalesforceWorld]:
    """Serve an org of its own."""
    control = Control(SandboxClock(START), switches=dict(switches))
    app = salesforce_sandbox.create_app(control, CREDENTIALS())
    with TemporaryDirectory() as folder, serving(app) as base_url:
        yield SalesforceWorld(app, control, WaitlessClock(control.clock), base_url, Path(folder) / "key.pem")


@contextmanager
def hubspot_world(**switches: Any) -> Iterator[HubspotWorld]:
    """Serve a portal of its own; its request limits run on the same clock as the adapter."""
    control = Control(SandboxClock(START), switches=dict(switches))
    clock = WaitlessClock(control.clock)
    app = hubspot_sandbox.create_app(control, monotonic=clock.now)
    with serving(app) as base_url:
        yield HubspotWorld(app, control, clock, base_url)
