"""One stand-in to deliver to: started, filled with customers, our fields installed, and asked what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from records import NAMED
from shared_clock import SharedClock

from connector.adapters.crms import hubspot, salesforce
from connector.adapters.crms.hubspot import HubspotCredentials
from connector.adapters.crms.salesforce import SalesforceCredentials
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.mapping import CrmMapping
from connector.ports.crm import Crm
from connector.services.opening import wanted_fields

STARTS_WITHIN_SECONDS = 60
CHUNK = 5_000
ACCOUNTS = {"salesforce": ("Account", "Id"), "hubspot": ("companies", "id")}
PLENTY = 100_000_000
"""Calls a day: a plain loop would spend an org's day, and only its rate is measured here."""


@dataclass(frozen=True)
class Answered:
    """Calls that a stand-in answered, by kind, and the seconds it took for all of them."""

    calls: Counter[str]
    seconds: float
    span: float
    """Seconds from the first call to the last answer, whatever the client did between them."""

    def __sub__(self, before: Answered) -> Answered:
        return Answered(self.calls - before.calls, self.seconds - before.seconds, self.span - before.span)

    @property
    def writes(self) -> int:
        return self.calls["write"]

    @property
    def job_writes(self) -> int:
        return self.calls["job write"]

    @property
    def reads(self) -> int:
        return self.calls["read"] + self.calls["search"] + self.calls["job read"]


@dataclass(frozen=True)
class Found:
    """What stands in a CRM after a delivery, told by name."""

    records: int
    doubles: int
    unlinked: int


@dataclass(frozen=True)
class Place:
    """How to reach a stand-in, and the clock it lives by."""

    crm: str
    folder: Path
    told: Mapping[str, Any]
    clock: SharedClock
    mapping: CrmMapping

    @property
    def url(self) -> str:
        return str(self.told["base_url"])

    def connect(self) -> Crm:
        """Connect as the connector does, but by the benchmark's clock."""
        if self.crm == "hubspot":
            token = HubspotCredentials(access_token=self.told["access_token"])
            return hubspot.connect(token, self.mapping, self.clock, self.url)
        keys = SalesforceCredentials(
            auth="jwt",
            consumer_key=self.told["consumer_key"],
            username=self.told["username"],
            private_key_file=self.told["private_key_file"],
        )
        return salesforce.connect(keys, self.mapping, self.clock, self.url)

    def answered(self) -> Answered:
        """Tell what was answered so far; two of these are subtracted. The log of bodies is emptied, for its size."""
        requests.delete(f"{self.url}/__requests", timeout=60)
        told = requests.get(f"{self.url}/__bench", timeout=60).json()
        return Answered(Counter(told["calls"]), told["seconds"], told["span"])

    def forget(self) -> None:
        """Count from here on."""
        requests.delete(f"{self.url}/__bench", timeout=60).raise_for_status()

    def kill(self, pid: int, after_writes: int) -> None:
        """Let the stand-in kill a process once that many of its writes are done, before the last is answered."""
        asked = {"pid": pid, "after_writes": after_writes}
        requests.post(f"{self.url}/__bench", json=asked, timeout=60).raise_for_status()

    def accounts(self) -> list[str]:
        """List the ids of the customers, the same each time."""
        kind, id_name = ACCOUNTS[self.crm]
        return [str(row[id_name]) for row in self.rows(kind)]

    def found(self) -> Found:
        """Look past the vendor's rules at what was delivered."""
        if self.crm == "salesforce":
            lookups = {"Opportunity": ("Name", "AccountId"), "Task": ("Subject", "WhatId")}
            records = [(row[name], bool(row[to])) for kind, (name, to) in lookups.items() for row in self.rows(kind)]
        else:
            links = {(link["fromId"], link["to"]) for link in self.rows("associations")}
            wanted = {"deals": ("dealname", "companies"), "tasks": ("hs_task_subject", "deals")}
            records = [
                (row["properties"].get(name), (row["id"], to) in links)
                for kind, (name, to) in wanted.items()
                for row in self.rows(kind)
            ]
        ours = [(name, is_linked) for name, is_linked in records if NAMED.fullmatch(name or "")]
        names = {name for name, _ in ours}
        return Found(len(names), len(ours) - len(names), sum(not is_linked for _, is_linked in ours))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Give everything of one type, past the vendor's rules."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/__state/{kind}", timeout=300).json()
        return found


@contextmanager
def place(crm: str, accounts: int) -> Iterator[Place]:
    """Serve a new stand-in with that many customers and the connector's fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, str(Path(__file__).with_name("crm_server.py")), crm, str(folder)]
        server = subprocess.Popen(command)  # noqa: S603 - our own command
        try:
            _wait_for(server, folder / "ready.json")
            yield _furnished(reach(crm, folder), accounts)
        finally:
            server.terminate()
            server.wait(timeout=30)


def reach(crm: str, folder: Path) -> Place:
    """Reach a stand-in that another process started."""
    told = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
    mapping = load_project(shipped(), ["stripe"], crm).mapping
    assert mapping is not None
    return Place(crm, folder, told, SharedClock(folder / "time"), mapping)


def _wait_for(server: subprocess.Popen[bytes], ready: Path) -> None:
    patience = time.monotonic() + STARTS_WITHIN_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > patience:
            raise SystemExit("the stand-in did not start; what it said stands above")
        time.sleep(0.05)


def _furnished(place: Place, accounts: int) -> Place:
    kind, _ = ACCOUNTS[place.crm]
    names = [f"Customer {number}" for number in range(accounts)]
    rows: list[Mapping[str, Any]] = [
        {"Name": name} if place.crm == "salesforce" else {"properties": {"name": name}} for name in names
    ]
    for start in range(0, len(rows), CHUNK):
        _post(f"{place.url}/__state/{kind}", rows[start : start + CHUNK])
    _post(f"{place.url}/__switches", {"limit_daily": PLENTY, "daily_api_requests": PLENTY})
    place.connect().setup.install(wanted_fields(place.mapping))
    return place


def _post(url: str, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    requests.post(url, json=body, timeout=300).raise_for_status()
