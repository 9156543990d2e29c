"""Turns the neutral CRM into HubSpot records and associations, with default properties only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any

from connector.sandbox.company.identity import hubspot_id
from connector.sandbox.company.model import Company, Contact, CrmAccount, Owner, PersonsOpportunity, PersonsTask

Row = dict[str, Any]
STAGES = {
    "discovery": "qualifiedtobuy",
    "proposal": "presentationscheduled",
    "negotiation": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
}
# type ids HubSpot defines, each for one direction
_CONTACT_TO_COMPANY, _DEAL_TO_COMPANY, _DEAL_TO_CONTACT = 1, 5, 3
_TASK_TO_COMPANY, _TASK_TO_CONTACT, _CHILD_TO_PARENT = 192, 204, 14


def hubspot_rows(company: Company) -> dict[str, list[Row]]:
    """Every record by type, associations last."""
    crm = company.crm
    return {
        "owners": [_owner(owner) for owner in crm.owners],
        "companies": [_company(account) for account in crm.accounts],
        "contacts": [_contact(contact) for contact in crm.contacts],
        "deals": [_deal(opportunity) for opportunity in crm.opportunities],
        "tasks": [_task(task) for task in crm.tasks],
        "associations": list(_associations(company)),
    }


def _owner(owner: Owner) -> Row:
    return {
        "id": hubspot_id("owner", owner.key),
        "email": owner.email,
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "archived": not owner.active,
        "teams": [{"id": owner.role, "name": "Sales" if owner.role == "ae" else "Customer Success", "primary": True}],
    }


def _company(account: CrmAccount) -> Row:
    properties = {
        "name": account.name,
        "domain": account.domain,
        "city": account.city,
        "country": account.country,
        "industry": account.industry.upper(),
        "numberofemployees": account.employees,
        "description": account.description,
        "lifecyclestage": "customer" if account.billing else "opportunity",
        "hubspot_owner_id": hubspot_id("owner", account.owner),
    }
    return _record("account", account.key, properties, account.created, account.created)


def _contact(contact: Contact) -> Row:
    last = contact.last_activity
    properties = {
        "firstname": contact.first_name,
        "lastname": contact.last_name,
        "email": contact.email,
        "jobtitle": contact.title,
        "hs_buying_role": contact.buying_role,
        "hs_language": contact.language,
        "country": contact.country,
        "hubspot_owner_id": hubspot_id("owner", contact.owner),
        "notes_last_contacted": _iso(datetime.combine(last, time(12), UTC)) if last else None,
    }
    return _record("contact", contact.key, properties, contact.created, contact.created)


def _deal(one: PersonsOpportunity) -> Row:
    properties = {
        "dealname": one.name,
        "pipeline": "default",
        "dealstage": STAGES[one.stage],
        "amount": None if one.amount is None else f"{one.amount / 100:.2f}",
        "deal_currency_code": one.currency.upper(),
        "closedate": _iso(datetime.combine(one.closes, time(12), UTC)),
        "dealtype": "newbusiness" if one.kind == "new" else "existingbusiness",
        "hubspot_owner_id": hubspot_id("owner", one.owner),
    }
    return _record("opportunity", one.key, properties, one.created, one.touched)


def _task(task: PersonsTask) -> Row:
    properties = {
        "hs_task_subject": task.subject,
        "hs_task_status": "COMPLETED" if task.done else "NOT_STARTED",
        "hs_task_type": "TODO",
        "hs_task_priority": "MEDIUM",
        "hs_timestamp": _iso(datetime.combine(task.due, time(9), UTC)),
        "hubspot_owner_id": hubspot_id("owner", task.owner),
    }
    return _record("task", task.key, properties, task.created, task.created)


def _associations(company: Company) -> Iterator[Row]:
    crm = company.crm
    for account in crm.accounts:
        if account.parent:
            yield _link("companies", account.key, "companies", account.parent, _CHILD_TO_PARENT)
    for contact in crm.contacts:
        yield _link("contacts", contact.key, "companies", contact.account, _CONTACT_TO_COMPANY)
    for one in crm.opportunities:
        yield _link("deals", one.key, "companies", one.account, _DEAL_TO_COMPANY)
        if one.contact:
            yield _link("deals", one.key, "contacts", one.contact, _DEAL_TO_CONTACT)
    for task in crm.tasks:
        yield _link("tasks", task.key, "companies", task.account, _TASK_TO_COMPANY)
        if task.contact:
            yield _link("tasks", task.key, "contacts", task.contact, _TASK_TO_CONTACT)


_KINDS = {"companies": "account", "contacts": "contact", "deals": "opportunity", "tasks": "task"}


def _link(of: str, key: str, to: str, to_key: str, type_id: int) -> Row:
    return {
        "from": of,
        "fromId": hubspot_id(_KINDS[of], key),
        "to": to,
        "toId": hubspot_id(_KINDS[to], to_key),
        "typeId": type_id,
    }


def _record(kind: str, key: str, properties: Mapping[str, object], created: datetime, changed: datetime) -> Row:
    """A record; values are text, empty ones absent."""
    return {
        "id": hubspot_id(kind, key),
        "properties": {name: str(value) for name, value in properties.items() if value is not None},
        "createdAt": _iso(created),
        "updatedAt": _iso(max(created, changed)),
        "archived": False,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
