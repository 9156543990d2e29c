"""Turns the neutral CRM into Salesforce records, with standard fields only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.sandbox.company.identity import salesforce_id
from connector.sandbox.company.model import Company, Contact, CrmAccount, Owner, PersonsOpportunity, PersonsTask

Row = dict[str, Any]
STAGES = {
    "discovery": "Qualification",
    "proposal": "Proposal/Price Quote",
    "negotiation": "Negotiation/Review",
    "won": "Closed Won",
    "lost": "Closed Lost",
}
_TYPES = {"new": "New Customer", "expansion": "Existing Customer - Upgrade", "renewal": "Existing Customer - Upgrade"}
_LOCALES = {"fr": "fr", "en": "en_US"}


def salesforce_rows(company: Company) -> dict[str, list[Row]]:
    """Every record by object name, in an order in which each may be loaded after those it names."""
    crm = company.crm
    return {
        "User": [_user(owner, company) for owner in crm.owners],
        "Account": [_account(account) for account in crm.accounts],
        "Contact": [_contact(contact) for contact in crm.contacts],
        "Opportunity": [_opportunity(opportunity) for opportunity in crm.opportunities],
        "Task": [_task(task) for task in crm.tasks],
    }


def _user(owner: Owner, company: Company) -> Row:
    since = min(account.created for account in company.crm.accounts)
    return {
        "Id": salesforce_id("owner", owner.key),
        "Username": owner.email,
        "Email": owner.email,
        "FirstName": owner.first_name,
        "LastName": owner.last_name,
        "Name": f"{owner.first_name} {owner.last_name}",
        "Alias": owner.key,
        "Title": "Account Executive" if owner.role == "ae" else "Customer Success Manager",
        "Department": "Sales" if owner.role == "ae" else "Customer Success",
        "IsActive": owner.active,
        "UserType": "Standard",
        "TimeZoneSidKey": owner.time_zone,
        "LocaleSidKey": _LOCALES[owner.locale],
        "LanguageLocaleKey": _LOCALES[owner.locale],
        "EmailEncodingKey": "UTF-8",
        **_stamps(since, since),
    }


def _account(account: CrmAccount) -> Row:
    return {
        "Id": salesforce_id("account", account.key),
        "Name": account.name,
        "Website": f"https://www.{account.domain}" if account.domain else None,
        "BillingCity": account.city,
        "BillingCountry": account.country,
        "Industry": account.industry.capitalize(),
        "NumberOfEmployees": account.employees,
        "Type": "Customer - Direct" if account.billing else "Prospect",
        "Description": account.description,
        "ParentId": salesforce_id("account", account.parent) if account.parent else None,
        "OwnerId": salesforce_id("owner", account.owner),
        **_stamps(account.created, account.created),
    }


def _contact(contact: Contact) -> Row:
    """The language stands in the description: a new org has no field for it."""
    return {
        "Id": salesforce_id("contact", contact.key),
        "AccountId": salesforce_id("account", contact.account),
        "FirstName": contact.first_name,
        "LastName": contact.last_name,
        "Name": f"{contact.first_name} {contact.last_name}",
        "Email": contact.email,
        "Title": contact.title,
        "MailingCountry": contact.country,
        "Description": f"Language: {contact.language}",
        "OwnerId": salesforce_id("owner", contact.owner),
        "LastActivityDate": contact.last_activity.isoformat() if contact.last_activity else None,
        **_stamps(contact.created, contact.created),
    }


def _opportunity(one: PersonsOpportunity) -> Row:
    return {
        "Id": salesforce_id("opportunity", one.key),
        "AccountId": salesforce_id("account", one.account),
        "Name": one.name,
        "StageName": STAGES[one.stage],
        "Amount": None if one.amount is None else one.amount / 100,
        "CloseDate": one.closes.isoformat(),
        "Type": _TYPES[one.kind],
        "IsClosed": one.stage in ("won", "lost"),
        "IsWon": one.stage == "won",
        "OwnerId": salesforce_id("owner", one.owner),
        "ContactId": salesforce_id("contact", one.contact) if one.contact else None,
        "LastStageChangeDate": _iso(one.touched),
        **_stamps(one.created, one.touched),
    }


def _task(task: PersonsTask) -> Row:
    return {
        "Id": salesforce_id("task", task.key),
        "WhatId": salesforce_id("account", task.account),
        "AccountId": salesforce_id("account", task.account),
        "WhoId": salesforce_id("contact", task.contact) if task.contact else None,
        "Subject": task.subject,
        "ActivityDate": task.due.isoformat(),
        "Status": "Completed" if task.done else "Not Started",
        "Priority": "Normal",
        "IsClosed": task.done,
        "OwnerId": salesforce_id("owner", task.owner),
        **_stamps(task.created, task.created),
    }


def _stamps(created: datetime, changed: datetime) -> Row:
    return {
        "CreatedDate": _iso(created),
        "LastModifiedDate": _iso(max(created, changed)),
        "SystemModstamp": _iso(max(created, changed)),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
