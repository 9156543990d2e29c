"""Who the customers are, on both sides of a link: billing accounts, CRM accounts, their contacts and owners."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class BillingAccount:
    """A customer as the billing system knows it; `crm_id` is set when billing itself names the CRM record."""

    id: str
    source: str
    name: str
    domain: str | None = None
    parent_id: str | None = None
    country: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    segment: str | None = None
    industry: str | None = None
    currency: str | None = None
    crm_id: str | None = None
    is_test: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class CrmAccount:
    """A customer as the CRM knows it; `facts` are mapped fields that tasks ask for (goals, irritants, …)."""

    id: str
    name: str
    domain: str | None = None
    billing_id: str | None = None
    parent_id: str | None = None
    owner_id: str | None = None
    country: str | None = None
    language: str | None = None
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contact:
    """A person at a CRM account."""

    id: str
    account_id: str
    name: str
    role: str | None = None
    language: str | None = None
    last_touch: date | None = None


@dataclass(frozen=True)
class Owner:
    """A CRM user who can own records; an inactive one is never assigned anything."""

    id: str
    name: str
    email: str
    active: bool = True
    language: str | None = None
    time_zone: str | None = None
