"""How invoices were paid, or not: transfers that take weeks, overdue ones, failed cards, disputes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from connector.sandbox.company.accounts import identifier, stream
from connector.sandbox.company.model import Dispute, Invoice, Subscription

TERM_DAYS = 30
UNPAID_INVOICES = 3


def settle(
    seed: int, number: int, subscription: Subscription, invoices: list[Invoice], unhealthy: bool, now: datetime
) -> list[Invoice]:
    """Decide for each invoice whether and when it was paid, so that the whole agrees with the status."""
    rng = stream(seed, "paying", number)
    slow = rng.random() < (0.6 if unhealthy else 0.09)
    delays = rng.gamma(2.0, 9.0, size=4_000)
    made = [
        _paid(invoice, subscription.by_transfer, float(delay), now)
        for invoice, delay in zip(invoices, delays, strict=False)
    ]
    match subscription.status:
        case "past_due":
            return _left_open(made, 1, attempts=2)
        case "unpaid":
            return _left_open(made, UNPAID_INVOICES, attempts=4)
        case "active" if slow and subscription.by_transfer:
            return _overdue(made, now)
        case "active" if subscription.paused:
            return _drafted(made, now)
        case _:
            return made


def _paid(invoice: Invoice, by_transfer: bool, delay: float, now: datetime) -> Invoice:
    """Cards pay at once; a transfer comes within weeks, and the newest may still be on its way."""
    if not by_transfer or invoice.total <= 0:
        return replace(invoice, paid_at=invoice.created, attempts=1)
    due = invoice.created + timedelta(days=TERM_DAYS)
    paid_at = invoice.created + timedelta(days=min(delay, TERM_DAYS + 12.0))
    if paid_at > now:
        return replace(invoice, due=due, status="open", attempts=0)
    return replace(invoice, due=due, paid_at=paid_at.replace(microsecond=0), attempts=0)


def _left_open(invoices: list[Invoice], count: int, attempts: int) -> list[Invoice]:
    """The newest invoices stay open after failed attempts."""
    kept, open_ones = invoices[:-count], invoices[-count:]
    failed = [replace(one, status="open", paid_at=None, due=None, attempts=attempts) for one in open_ones]
    return kept + failed


def _overdue(invoices: list[Invoice], now: datetime) -> list[Invoice]:
    """The newest invoice whose term is over was never paid."""
    late = [
        place
        for place, invoice in enumerate(invoices)
        if invoice.total > 0 and invoice.due is not None and invoice.due < now
    ]
    if late and now - invoices[late[-1]].created < timedelta(days=240):
        invoices[late[-1]] = replace(invoices[late[-1]], status="open", paid_at=None)
    return invoices


def _drafted(invoices: list[Invoice], now: datetime) -> list[Invoice]:
    """While collection is paused, new invoices stay drafts."""
    return [
        replace(invoice, status="draft", paid_at=None, due=None, attempts=0)
        if now - invoice.created < timedelta(days=45) and invoice.reason == "subscription_cycle"
        else invoice
        for invoice in invoices
    ]


def disputes_of(seed: int, number: int, invoices: list[Invoice], unhealthy: bool, now: datetime) -> list[Dispute]:
    """A few card payments are disputed; a recent dispute is still open."""
    rng = stream(seed, "dispute", number)
    recent = [
        invoice
        for invoice in invoices
        if invoice.total > 0 and invoice.paid_at is not None and now - invoice.created < timedelta(days=120)
    ]
    if not recent or rng.random() > (0.12 if unhealthy else 0.012):
        return []
    invoice = recent[-1]
    opened = min(invoice.created + timedelta(days=int(rng.integers(3, 20))), now - timedelta(hours=3))
    status = str(np.array(("needs_response", "under_review"))[int(rng.integers(2))])
    return [
        Dispute(
            id=identifier("du", seed, number),
            account=invoice.account,
            invoice=invoice.id,
            amount=invoice.total,
            currency=invoice.currency,
            opened=opened.replace(microsecond=0),
            status=status,
        )
    ]
