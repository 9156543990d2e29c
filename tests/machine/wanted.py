"""What a customer's state asks for, as desired records in the words of a CRM: an opportunity, its task, an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from connector.domain.change import Desired, DesiredField, Link, Policy, RecordType, Ref, Scalar
from tests.machine.place import Place

GOALS = {"hubspot": "expansion_goals", "salesforce": "Expansion_Goals__c"}


@dataclass(frozen=True)
class Customer:
    """One customer as billing tells of it."""

    number: int
    amount: int = 100
    score: int = 10
    bought: bool = False
    """The customer holds the offer: what was asked for is taken back."""
    wording: int = 1
    """Which edition of the mapping's texts words the records."""

    @property
    def key(self) -> str:
        return key_of("opportunity", self.number)

    @property
    def task_key(self) -> str:
        return key_of("task", self.number)

    @property
    def account_key(self) -> str:
        return key_of("account", self.number)


def key_of(type: str, number: int) -> str:
    """The key of a customer's record, as hexadecimal as the product's."""
    return sha256(f"{type} {number}".encode()).hexdigest()[:32]


def opportunity(place: Place, one: Customer, account: str) -> Desired:
    """The opportunity of a customer, on its account."""
    mapping, named = place.mapping.opportunity, place.side.names
    rule = f"edition {one.wording}"
    score, reasons = (
        ("expansion_score", "expansion_reasons")
        if place.flavour.crm == "hubspot"
        else ("Expansion_Score__c", "Expansion_Reasons__c")
    )
    next_step = "hs_next_step" if place.flavour.crm == "hubspot" else "NextStep"
    fields = {
        named["name"]: DesiredField(f"Customer {one.number}: more seats", Policy.CREATE, rule=rule),
        named["stage"]: DesiredField(place.stages["proposed"], Policy.CREATE, rule=rule),
        named["owner"]: DesiredField(place.people[0], Policy.CREATE, rule=rule),
        named["close_date"]: DesiredField(_day(place, "2026-12-18"), Policy.MERGE, rule=rule),
        named["amount"]: DesiredField(str(one.amount), Policy.MERGE, rule=rule),
        next_step: DesiredField(f"Call about {one.amount}", Policy.FILL, rule=rule),
        score: DesiredField(str(one.score), Policy.OWN, rule=rule),
        reasons: DesiredField(f"<b>{one.score}</b> of 50 seats ({one.wording})", Policy.OWN, rule=rule),
    }
    if mapping.pipeline_field is not None:
        fields[mapping.pipeline_field] = DesiredField(mapping.pipeline, Policy.CREATE, rule=rule)
    link = Link("account", mapping.links["account"], Ref(RecordType.ACCOUNT, id=account))
    return Desired(
        RecordType.OPPORTUNITY, one.key, account, f"Customer {one.number}", "47 of 50", fields, (link,), one.amount
    )


def task(place: Place, one: Customer, account: str) -> Desired:
    """The task on a customer's opportunity, as the product links it; its withdrawal once the offer is bought."""
    mapping, named = place.mapping.task, place.side.names
    rule = f"edition {one.wording}"
    links = [Link("account", mapping.links["account"], Ref(RecordType.ACCOUNT, id=account))]
    links = [link for link in links if link.name != mapping.links["opportunity"]]
    links.append(Link("opportunity", mapping.links["opportunity"], Ref(RecordType.OPPORTUNITY, key=one.key)))
    fields: Mapping[str, DesiredField] = {
        named["subject"]: DesiredField(f"Call customer {one.number} ({one.wording})", Policy.MERGE, rule=rule),
        named["text"]: DesiredField(f"{one.amount} is at stake", Policy.MERGE, rule=rule),
        named["due"]: DesiredField(_day(place, "2026-12-01"), Policy.MERGE, rule=rule),
        named["status"]: DesiredField(mapping.open, Policy.MERGE, rule=rule),
    }
    asked = Desired(
        RecordType.TASK,
        one.task_key,
        account,
        f"Call customer {one.number}",
        "accept",
        fields,
        tuple(links),
        one.amount,
    )
    if not one.bought:
        return asked
    cancelled = {mapping.status: DesiredField(mapping.cancelled, Policy.MERGE, rule=rule)}
    return replace(asked, fields=cancelled, links=(), close=True)


def account(place: Place, one: Customer, account: str) -> Desired:
    """A field of ours on a customer's own account."""
    field = DesiredField(f"goal {one.score}", Policy.OWN)
    return Desired(
        RecordType.ACCOUNT,
        one.account_key,
        account,
        f"Customer {one.number}",
        "",
        {GOALS[place.flavour.crm]: field},
        crm_id=account,
    )


def done(place: Place) -> Scalar:
    """The status that a person gives a task once it is done."""
    return place.mapping.task.done[0]


def _day(place: Place, day: str) -> str:
    return day if place.flavour.crm == "salesforce" else f"{day}T12:00:00Z"
