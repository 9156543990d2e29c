"""Example values for every name that a template may use: what `check` renders, and what `examples:` start from.

Decided here: a usual case and the worst one. The worst is long in every part that a customer's data or a text makes
long, so that a field which is too short shows before a record does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.mapping import OurStage
from connector.domain.money import Money
from connector.domain.project import Project

DAY = date(2026, 9, 30)
KEY = "0123456789abcdef0123456789abcdef"
LONG_NAME = "Compagnie générale des transports et de la logistique du Grand Ouest"
LONG_LINE = (
    "1,234,567 of 1,250,000 documents a month at the pace of the last 28 days, and at least 90% of them on 28 days"
    "; data to 30 September 2026"
)
LONG_WORDS = "They want to close their month in three days instead of nine, in all eleven countries. " * 4


def text_names(project: Project, language: Language = "en", worst: bool = False) -> dict[str, Any]:
    """Give the names of the playbooks' texts."""
    mapping = project.mapping
    currency = project.policy.reporting_currency
    labels = mapping.opportunity.stages if mapping else dict.fromkeys(get_args(OurStage), "stage")
    called = mapping.opportunity.called if mapping else {}
    basis = mapping.opportunity.amount_basis if mapping else "arr"
    line = LONG_LINE if worst else "47 of 50 seats used; data to 30 September 2026"
    return {
        "account": account(project, worst),
        "offer": offer(project, language, worst),
        "need": "more_seats",
        "quantity": 1250 if worst else 2,
        "delta_mrr": Money(123_456_700 if worst else 9_900, currency),
        "mrr": Money(987_654_300 if worst else 99_000, currency),
        "p": 0.3,
        "evidence": [line] * (3 if worst else 1),
        "against": [LONG_LINE if worst else "usage fell; data to 30 September 2026"],
        "moment": {
            "on": DAY,
            "label": "The contract renews" if language == "en" else "Le contrat se renouvelle",
            "by": DAY,
        },
        "terms": [LONG_LINE] * 5 if worst else [],
        "reasons": ["An invoice is 21 days overdue"] * (7 if worst else 1),
        "next": [LONG_WORDS] * 7 if worst else ["Ask accounting what was sent"],
        "data_to": DAY,
        "contact": {"name": "Ana Ruiz", "role": "CFO", "why": "no conversation on record"},
        "goals": LONG_WORDS if worst else "grow",
        "irritants": LONG_WORDS if worst else "",
        **dict.fromkeys(("interests", "drivers", "brakes", "deciders"), LONG_WORDS if worst else ""),
        "answer": "Expansion answer",
        "avoid": [LONG_LINE] * 2 if worst else [],
        "weighted": Money(37_037_000 if worst else 2_970, currency),
        "owner": "Ana Ruiz",
        "on": DAY,
        "until": DAY,
        "days": 30,
        "added": Money(123_456_700 if worst else 9_900, currency),
        "links": ["Guide: https://example.com/guide"],
        "stages": dict(labels),
        "opportunity": called.get(language) or called.get("en") or "the opportunity",
        "amount": Money(1_481_480_400 if worst else 118_800, currency),
        "basis": basis,
        "review_on": DAY,
        "renewal_on": DAY,
        "announce": [offer(project, language, worst)["label"]] * (4 if worst else 1),
    }


def opportunity_names(project: Project, language: Language = "en", worst: bool = False) -> dict[str, Any]:
    """Give the names that an opportunity's field rules may use."""
    return {
        "account": account(project, worst),
        "offer": offer(project, language, worst),
        "need": "more_seats",
        "key": KEY,
        "episode": "12",
        "play": "negotiation",
        "amount": "14814804.00" if worst else "1188.00",
        "mrr": "1234567.00" if worst else "99.00",
        "currency": project.policy.reporting_currency,
        "close_date": DAY.isoformat(),
        "stage": "stage",
        "pipeline": "pipeline",
        "record_type": "record type",
        "owner_id": "owner",
        "name": "Acme – More seats",
        "why": "Why Acme: 47 of 50 seats used",
        "next_step": "Check the facts",
        "p": 0.3471 if worst else 0.3,
        "data_to": DAY.isoformat(),
        "quantity": 1250 if worst else 2,
    }


def task_names(project: Project, worst: bool = False) -> dict[str, Any]:
    """Give the names that a task's field rules may use."""
    task = project.mapping.task if project.mapping else None
    return {
        "account": account(project, worst),
        "need": "",
        "key": KEY,
        "episode": KEY,
        "play": "business_review" if worst else "negotiation",
        "owner_id": "owner",
        "subject": "Call Acme",
        "body": "47 of 50 seats used",
        "due": DAY.isoformat(),
        "kind": next(iter(task.kinds.values()), "kind") if task else "kind",
        "status": task.open if task else "status",
        "priority": "high",
        "reminder": "",
    }


def document_names(project: Project, worst: bool = False) -> dict[str, Any]:
    """Give the names that the field rules of a note or a file may use."""
    title = f"Business review: {LONG_NAME if worst else 'Acme'}"
    return {
        "account": account(project, worst),
        "key": KEY,
        "owner_id": "owner",
        "title": title,
        "name": title,
        "body": "47 of 50 seats used",
        "content": "<!doctype html><p>47 of 50 seats used</p>",
        "on": DAY.isoformat(),
    }


def account(project: Project, worst: bool = False) -> CrmAccount:
    """Give an account that has every fact that the mapping names."""
    facts: Mapping[str, str] = project.mapping.account.facts if project.mapping else {}
    return CrmAccount(
        "001000000000001",
        LONG_NAME if worst else "Acme",
        domain="acme.example",
        billing_id="cus_1",
        owner_id="owner",
        country="FR",
        language="fr",
        facts=dict.fromkeys(facts, LONG_WORDS if worst else "grow"),
    )


def offer(project: Project, language: Language, worst: bool = False) -> dict[str, Any]:
    """Give an offer: the one with the longest label in the worst case."""
    offers = project.catalogue.offers
    labels = {name: one.label.get(language) or next(iter(one.label.values()), name) for name, one in offers.items()}
    longest = max(labels, key=lambda name: (len(labels[name]), name), default="")
    label = labels[longest] if worst and longest else "More seats"
    return {
        "id": longest if worst else "seats",
        "label": label,
        "kind": "cross_sell" if worst else "upsell",
        "lever": "volume",
        "team": "management and controlling" if worst else "",
        "quantity": 1250 if worst else 2,
    }
