"""Plan, outbox and batches into each stand-in, against a loop that creates one record a call and remembers nothing.

The plain loop is what a script would do with the vendor's client: quick to write, but a second run makes everything
twice, and a lost answer leaves a record that nobody knows of. Seconds on loopback flatter it, since a call to a real
CRM takes a tenth of a second or more; the calls per record are what costs time and quota there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from plain_loops import PLAIN, Values
from side_by_side import Comparison, Side, alternate
from stand_ins import calls, stand_ins

from connector.adapters.clock import SystemClock
from connector.bootstrap import connect_crm, open_ledger
from connector.config.project import load_project
from connector.config.settings import HubspotSettings, SalesforceSettings, Settings, shipped
from connector.domain.change import Desired, DesiredField, Link, Policy, RecordType, Ref
from connector.domain.mapping import CrmMapping
from connector.ports.crm import Crm
from connector.services.opening import wanted_fields
from connector.services.plan import PlanContext, make_plan
from connector.services.settle import apply_plan

NOW = datetime(2026, 9, 30, 18, tzinfo=UTC)
ACCOUNTS = {"salesforce": ("Account", "Id"), "hubspot": ("companies", "id")}
TASK: Mapping[str, Values] = {
    "salesforce": {"Subject": "Call them", "ActivityDate": "2026-12-01", "Status": "Not Started"},
    "hubspot": {
        "hs_task_subject": "Call them",
        "hs_timestamp": "2026-12-01T12:00:00Z",
        "hs_task_status": "NOT_STARTED",
    },
}


@dataclass(frozen=True)
class Place:
    """One stand-in, ready to write to: our connection, the accounts there, and the least an opportunity needs."""

    crm: Crm
    mapping: CrmMapping
    settings: Settings
    url: str
    accounts: Sequence[str]
    opportunity: Values


def bench_delivery(records: int, repetitions: int) -> list[Comparison]:
    """Deliver opportunities and tasks both ways, into both CRMs."""
    with stand_ins() as told:
        return [_bench(crm, told, records, repetitions) for crm in ("salesforce", "hubspot")]


def _bench(crm: str, told: Mapping[str, Any], records: int, repetitions: int) -> Comparison:
    place = _prepared(crm, told, records)
    sides: Mapping[str, Side] = {
        "ours, with ledger": lambda: _counted(place, lambda: _ours(place, TASK[crm])),
        f"{crm} client, loop": lambda: _counted(
            place, lambda: PLAIN[crm](told[crm], place.accounts, place.opportunity, TASK[crm])
        ),
    }
    question = "opportunities with a linked task each, planned and delivered"
    return alternate(f"delivery to {crm}", question, {"opportunities": records, "tasks": records}, sides, repetitions)


def _prepared(crm: str, told: Mapping[str, Any], records: int) -> Place:
    url = told[crm]["base_url"]
    # Both sides would spend the time in waiting for HubSpot's window of ten seconds, and nothing would be measured.
    requests.post(f"{url}/__switches", json={"limits": False}, timeout=30).raise_for_status()
    kind, id_name = ACCOUNTS[crm]
    names = [f"Customer {number}" for number in range(records)]
    rows = [{"Name": name} if crm == "salesforce" else {"properties": {"name": name}} for name in names]
    requests.post(f"{url}/__state/{kind}", json=rows, timeout=60).raise_for_status()
    accounts = [str(row[id_name]) for row in requests.get(f"{url}/__state/{kind}", timeout=60).json()]
    settings = _settings(told)
    mapping = load_project(shipped(), ["stripe"], crm).mapping
    assert mapping is not None
    connection = connect_crm(settings, mapping)
    connection.setup.install(wanted_fields(mapping))
    return Place(connection, mapping, settings, url, accounts[:records], _opportunity(connection, mapping))


def _settings(told: Mapping[str, Any]) -> Settings:
    salesforce, hubspot = told["salesforce"], told["hubspot"]
    return Settings(
        salesforce=SalesforceSettings(
            base_url=salesforce["base_url"],
            username=salesforce["username"],
            consumer_key=salesforce["consumer_key"],
            private_key_file=Path(salesforce["private_key_file"]),
        ),
        hubspot=HubspotSettings(base_url=hubspot["base_url"], access_token=hubspot["access_token"]),
    )


def _opportunity(crm: Crm, mapping: CrmMapping) -> Values:
    wanted = mapping.opportunity
    stage = next(
        one
        for one in crm.feed.stages()
        if one.label == wanted.stages["proposed"]
        and (wanted.pipeline is None or wanted.pipeline in (one.pipeline, "Expansion"))
    )
    day = "2026-12-01" if mapping.crm == "salesforce" else "2026-12-01T12:00:00Z"
    pipeline = {wanted.pipeline_field: stage.pipeline} if wanted.pipeline_field else {}
    values = {wanted.name: "Expansion", wanted.stage: stage.id, wanted.close_date: day, wanted.amount: "1200"}
    return {**values, **pipeline}


def _counted(place: Place, deliver: Callable[[], int]) -> Mapping[str, float]:
    calls(place.url)
    made = deliver()
    return {"records": made, "calls_per_record": round(calls(place.url) / made, 3)}


def _ours(place: Place, task: Values) -> int:
    """Deliver with a new ledger, a new connection and keys that nobody has seen."""
    crm = connect_crm(place.settings, place.mapping)
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        settings = place.settings.model_copy(update={"state_dir": Path(folder)})
        with open_ledger(settings) as memory:
            context = PlanContext(
                run_id="bench",
                job="sync",
                destination=crm.reader.destination().id,
                now=NOW,
                config_hash="bench",
                ledger_epoch=memory.destinations.epoch(),
                clock=clock,
                batch_size=crm.writer.batch_size,
            )
            plan = make_plan(_desired(place, task), [], crm.reader, {}, context)
            delivered = apply_plan(plan, crm, memory, clock, "bench", "bench")
    if delivered.ok != sum(change.action in ("create", "associate") for change in plan.changes):
        raise SystemExit(f"not everything was delivered: {delivered}")
    return 2 * len(place.accounts)


def _desired(place: Place, task: Values) -> list[Desired]:
    desired = []
    for account in place.accounts:
        key = uuid4().hex
        to_account = Link("account", place.mapping.opportunity.links["account"], Ref(RecordType.ACCOUNT, id=account))
        to_opportunity = Link(
            "opportunity", place.mapping.task.links["opportunity"], Ref(RecordType.OPPORTUNITY, key=key)
        )
        desired += [
            _record(RecordType.OPPORTUNITY, key, account, place.opportunity, to_account),
            _record(RecordType.TASK, uuid4().hex, account, task, to_opportunity),
        ]
    return desired


def _record(type: RecordType, key: str, account: str, values: Values, link: Link) -> Desired:
    fields = {name: DesiredField(value, Policy.CREATE) for name, value in values.items()}
    return Desired(type, key, account, f"{type} of {account}", "bench", fields, (link,))
