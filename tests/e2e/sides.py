"""Both CRM stand-ins in the field's words: what stands there, and what people do there between two runs.

People's edits go round the connector, through the stand-in's own control surface; each happens a minute after what
came before, on the stand-in's clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.applications import Starlette

from connector.sandbox.control import Control

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A record of the CRM: its values in the field's words, under the vendor's names otherwise."""

    id: str
    key: str | None
    values: Mapping[str, Any]
    gone: bool

    def __getitem__(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)


class Side(ABC):
    """One CRM stand-in."""

    crm: str
    kinds: ClassVar[Mapping[str, str]]
    """Our types → the vendor's."""
    names: ClassVar[Mapping[str, str]]
    """The field's words → the vendor's field names."""
    stages: ClassVar[Mapping[str, str]]
    """Our stages → what the stage field holds."""
    not_copied = frozenset({"clock", "control", "credentials", "settle"})

    def __init__(self, app: Starlette) -> None:
        self.store: Any = app.state.store
        self.control: Control = app.state.control

    def minutes_later(self, minutes: float = 1) -> None:
        """Let some minutes pass on the stand-in's clock."""
        self.control.clock.advance(60 * minutes)

    def all(self, type: str) -> list[Record]:
        """Every record of a type, deleted ones marked."""
        return [self._record(row) for row in self.store.dump(self.kinds[type])]

    def ours(self, type: str) -> list[Record]:
        """Living records with our key, by key."""
        return sorted((one for one in self.all(type) if one.key and not one.gone), key=lambda one: one.key or "")

    def get(self, type: str, id: str) -> Record:
        return next(one for one in self.all(type) if one.id == id)

    def write(self, type: str, values: Mapping[str, Any], id: str | None = None) -> None:
        """What a person types into a record, or into a new one."""
        self.minutes_later()
        row = {self.names.get(name, name): value for name, value in values.items()}
        self.store.load(self.kinds[type], [self._row(row, id)])

    def move(self, opportunity: Record, stage: str) -> None:
        """A person moves an opportunity to a stage."""
        self.write("opportunity", {"stage": self.stages[stage]}, opportunity.id)

    @abstractmethod
    def remove(self, type: str, id: str) -> None:
        """A person deletes a record."""

    @abstractmethod
    def merge(self, survivor: str, loser: str) -> None:
        """A person merges one account into another, as the vendor does it."""

    @abstractmethod
    def account_of(self, one: Record, type: str) -> set[str]:
        """Accounts that a record hangs on."""

    @abstractmethod
    def parents_of(self, task: Record) -> set[str]:
        """Opportunities that a task hangs on."""

    @abstractmethod
    def people_of(self, task: Record) -> set[str]:
        """Contacts that a task names."""

    @abstractmethod
    def new_opportunity(self, account: str, name: str) -> None:
        """A person opens an opportunity for an account."""

    @abstractmethod
    def _record(self, row: Row) -> Record: ...

    @abstractmethod
    def _row(self, values: Row, id: str | None) -> Row: ...

    def writes(self) -> list[Row]:
        """Requests since the log was emptied that change something."""
        return [
            one
            for one in self.control.requests
            if one["method"] != "GET" and not one["path"].endswith(("/search", "/batch/read", "/token"))
        ]

    def saved(self) -> Callable[[], None]:
        """Keep everything as it stands; give what puts it back."""
        kept = {name: deepcopy(value) for name, value in vars(self.store).items() if name not in self.not_copied}
        switches, at = dict(self.control.switches), self.control.clock.fixed

        def back() -> None:
            vars(self.store).update(deepcopy(kept))
            self.control.switches.clear()
            self.control.switches.update(switches)
            self.control.clock.fixed = at
            self.control.faults.clear()
            self.control.requests.clear()

        return back


class HubspotSide(Side):
    """The HubSpot stand-in."""

    crm = "hubspot"
    kinds: ClassVar[Mapping[str, str]] = {
        "account": "companies",
        "contact": "contacts",
        "opportunity": "deals",
        "task": "tasks",
        "note": "notes",
        "file": "files",
    }
    names: ClassVar[Mapping[str, str]] = {
        "key": "expansion_key",
        "name": "dealname",
        "account_name": "name",
        "domain": "domain",
        "stage": "dealstage",
        "amount": "amount",
        "close_date": "closedate",
        "owner": "hubspot_owner_id",
        "subject": "hs_task_subject",
        "text": "hs_task_body",
        "due": "hs_timestamp",
        "status": "hs_task_status",
        "need": "expansion_need",
    }
    stages: ClassVar[Mapping[str, str]] = {
        "proposed": "expansion_proposed",
        "consult": "expansion_consult",
        "confront": "expansion_compare",
        "concretize": "expansion_sign",
        "won": "expansion_won",
        "lost": "expansion_lost",
    }

    def remove(self, type: str, id: str) -> None:
        self.minutes_later()
        self.store.archive(self.store.find(self.kinds[type], id))

    def merge(self, survivor: str, loser: str) -> None:
        self.minutes_later()
        self.store.merge(self.store.find("companies", survivor), self.store.find("companies", loser))

    def account_of(self, one: Record, type: str) -> set[str]:
        return set(self.store.links.of((self.kinds[type], one.id), "companies"))

    def parents_of(self, task: Record) -> set[str]:
        return set(self.store.links.of(("tasks", task.id), "deals"))

    def people_of(self, task: Record) -> set[str]:
        return set(self.store.links.of(("tasks", task.id), "contacts"))

    def new_opportunity(self, account: str, name: str) -> None:
        """A person opens an opportunity for an account."""
        self.minutes_later()
        id = self.store.new_id()
        values = {"dealname": name, "pipeline": "default", "dealstage": "qualifiedtobuy"}
        now = self.control.clock.now().isoformat()
        self.store.load("deals", [{"id": id, "properties": values, "createdAt": now, "updatedAt": now}])
        self.store.load("associations", [_hubspot_link("deals", id, "companies", account, 5)])

    def _record(self, row: Row) -> Record:
        values = {word: row["properties"].get(name) for word, name in self.names.items()}
        return Record(row["id"], values["key"], {**row["properties"], **values}, row["archived"])

    def _row(self, values: Row, id: str | None) -> Row:
        return {"properties": values} | ({"id": id} if id else {})


def _hubspot_link(kind: str, id: str, to: str, to_id: str, type_id: int) -> Row:
    return {"from": kind, "fromId": id, "to": to, "toId": to_id, "typeId": type_id}


class SalesforceSide(Side):
    """The Salesforce stand-in."""

    crm = "salesforce"
    kinds: ClassVar[Mapping[str, str]] = {
        "account": "Account",
        "contact": "Contact",
        "opportunity": "Opportunity",
        "task": "Task",
        "note": "Note",
        "file": "ContentDocument",
    }
    names: ClassVar[Mapping[str, str]] = {
        "key": "Expansion_Key__c",
        "name": "Name",
        "account_name": "Name",
        "domain": "Website",
        "stage": "StageName",
        "amount": "Amount",
        "close_date": "CloseDate",
        "owner": "OwnerId",
        "subject": "Subject",
        "text": "Description",
        "due": "ActivityDate",
        "status": "Status",
        "need": "Expansion_Need__c",
    }
    stages: ClassVar[Mapping[str, str]] = {
        "proposed": "Expansion Proposed",
        "consult": "Expansion Consult",
        "confront": "Expansion Compare Options",
        "concretize": "Expansion Sign",
        "won": "Closed Won",
        "lost": "Closed Lost",
    }

    def remove(self, type: str, id: str) -> None:
        self.write(type, {"IsDeleted": True}, id)
        if type == "opportunity":  # Salesforce takes along what hangs on it
            for task in self.all("task"):
                if task["WhatId"] == id:
                    self.write("task", {"IsDeleted": True}, task.id)

    def merge(self, survivor: str, loser: str) -> None:
        for type, lookup in (("contact", "AccountId"), ("opportunity", "AccountId"), ("task", "WhatId")):
            for one in self.all(type):
                if one[lookup] == loser:
                    self.write(type, {lookup: survivor}, one.id)
        self.write("account", {"IsDeleted": True, "MasterRecordId": survivor}, loser)

    def account_of(self, one: Record, type: str) -> set[str]:
        return {one["AccountId"]} - {""}

    def parents_of(self, task: Record) -> set[str]:
        return {what for what in [task["WhatId"]] if what.startswith("006")}

    def people_of(self, task: Record) -> set[str]:
        return {task["WhoId"]} - {""}

    def new_opportunity(self, account: str, name: str) -> None:
        """A person opens an opportunity for an account."""
        values = {"Name": name, "StageName": "Qualification", "AccountId": account, "CloseDate": "2026-12-15"}
        self.write("opportunity", {**values, "CreatedDate": self.control.clock.now().isoformat()})

    def _record(self, row: Row) -> Record:
        values = {word: row.get(name) for word, name in self.names.items()}
        return Record(row["Id"], values["key"], {**row, **values}, bool(row.get("IsDeleted")))

    def _row(self, values: Row, id: str | None) -> Row:
        return values | ({"Id": id} if id else {})
