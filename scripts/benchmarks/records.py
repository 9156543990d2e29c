"""What is delivered: an opportunity and a task for every customer, with as many fields as the shipped mappings fill.

A record's key and name follow from its number, so that every process and every run wants the same ones, and a double
is seen by its name. `revision` is what a later run would find changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from connector.domain.change import Desired, DesiredField, Link, Policy, RecordType, Ref, Stage
from connector.domain.mapping import CrmMapping
from connector.sandbox.admin import hubspot_pipeline

Values = Mapping[str, str]
OPPORTUNITY, TASK = "Expansion", "Check and call"
NAMED = re.compile(rf"({OPPORTUNITY}|{TASK}) \d{{7}}")
"""Matches the names of what is delivered, and of nothing else."""
NOW = datetime(2026, 9, 30, 18, tzinfo=UTC)
WHY = "Seats in use rose from 41 to {} in eight weeks while the contract covers 50; storage grows by 6 % a month."
BODY = "Call the sponsor and ask what the {} people of the new team need.<br>Bring: usage of the last quarter ({})."


def opportunity_values(mapping: CrmMapping, stage: Stage, number: int, revision: int = 0) -> Values:
    """Give an opportunity's fields as our adapters take them."""
    names = mapping.opportunity
    is_hubspot = mapping.crm == "hubspot"
    own = {"reasons": WHY.format(number), "score": "63.5", "play": "seat_expansion", "managed": "true"}
    return {
        names.name: f"{OPPORTUNITY} {number:07}",
        names.stage: stage.id,
        names.close_date: "2026-12-01T12:00:00Z" if is_hubspot else "2026-12-01",
        names.amount: str(1_200 + number % 700 + revision),
        names.need: "more_seats",
        names.episode: sha256(f"episode {number}".encode()).hexdigest()[:32],
        "hs_next_step" if is_hubspot else "NextStep": f"Ask about the new team ({revision})",
        "dealtype" if is_hubspot else "Type": "existingbusiness" if is_hubspot else "Existing Customer - Upgrade",
        **({names.pipeline_field: stage.pipeline} if names.pipeline_field else {}),
        **{_own(mapping, name): value for name, value in own.items()},
    }


def on_the_wire(mapping: CrmMapping, values: Values) -> Values:
    """Give an opportunity's fields as the vendor takes them: a pipeline goes by its id, ours takes the label."""
    name = mapping.opportunity.pipeline_field
    return values if name is None else {**values, name: str(hubspot_pipeline("")["id"])}


def _own(mapping: CrmMapping, name: str) -> str:
    return mapping.own_prefix + (name if mapping.crm == "hubspot" else f"{name.capitalize()}__c")


def task_values(crm: str, number: int, revision: int = 0) -> Values:
    """Give a task's fields, which are the same on the wire."""
    if crm == "hubspot":
        return {
            "hs_task_subject": f"{TASK} {number:07}",
            "hs_task_body": BODY.format(number, revision),
            "hs_timestamp": "2026-12-01T12:00:00Z",
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": "MEDIUM",
            "hs_task_type": "CALL",
        }
    return {
        "Subject": f"{TASK} {number:07}",
        "Description": BODY.format(number, revision),
        "ActivityDate": "2026-12-01",
        "Status": "Not Started",
        "Priority": "Normal",
        "Type": "Call",
    }


def desired(
    mapping: CrmMapping,
    stage: Stage,
    accounts: Sequence[str],
    changed: int = 0,
    with_tasks: bool = True,
    first: int = 0,
) -> Iterator[Desired]:
    """Want a record of each kind for every customer; the first `changed` of them differ from what was wanted before."""
    for number, account in enumerate(accounts, start=first):
        revision = int(number < changed)
        key = _key("opportunity", number)
        of_account = Link("account", mapping.opportunity.links["account"], Ref(RecordType.ACCOUNT, id=account))
        values = opportunity_values(mapping, stage, number, revision)
        yield _record(RecordType.OPPORTUNITY, key, account, values, of_account, mapping)
        if with_tasks:
            of_opportunity = Link(
                "opportunity", mapping.task.links["opportunity"], Ref(RecordType.OPPORTUNITY, key=key)
            )
            values = task_values(mapping.crm, number, revision)
            yield _record(RecordType.TASK, _key("task", number), account, values, of_opportunity, mapping)


def proposed(mapping: CrmMapping, stages: Sequence[Stage]) -> Stage:
    """Find the stage that our opportunities begin in."""
    wanted = mapping.opportunity
    return next(
        one
        for one in stages
        if one.label == wanted.stages["proposed"] and wanted.pipeline in (None, one.pipeline, one.pipeline.capitalize())
    )


def _record(type: RecordType, key: str, account: str, values: Values, link: Link, mapping: CrmMapping) -> Desired:
    rules = (mapping.opportunity if type is RecordType.OPPORTUNITY else mapping.task).fields
    fields = {
        name: DesiredField(value, rules[name].policy if name in rules else Policy.CREATE)
        for name, value in values.items()
    }
    return Desired(type, key, account, f"{type} of {account}", "bench", fields, (link,), value=1_200)


def _key(kind: str, number: int) -> str:
    return sha256(f"{kind} {number}".encode()).hexdigest()[:32]
