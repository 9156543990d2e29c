"""What was billed: invoices, and lines that say which price and which period each amount is for.

Amounts of a line are before discounts, as in the API; the invoice's totals are derived from its lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.sandbox.stripe.objects.common import Object, list_of


def invoice_line(
    id: str,
    *,
    invoice: str,
    amount: int,
    currency: str,
    period_start: int,
    period_end: int,
    price: Object | None = None,
    quantity: int | None = 1,
    subscription: str | None = None,
    subscription_item: str | None = None,
    proration: bool = False,
    discounts: Mapping[str, int] | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Object:
    """A line; with a subscription item it belongs to that, else it is a one-off invoice item.

    `discounts` maps discount ids to the amounts they took off this line.
    """
    taken = [{"amount": off, "discount": which} for which, off in (discounts or {}).items()]
    return {
        "id": id,
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": taken,
        "discountable": not proration,
        "discounts": list(discounts or {}),
        "invoice": invoice,
        "livemode": False,
        "metadata": dict(metadata or {}),
        "parent": _line_parent(id, subscription, subscription_item, proration),
        "period": {"end": period_end, "start": period_start},
        "pretax_credit_amounts": [],
        "pricing": None if price is None else _pricing(price),
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "subscription": subscription,
        "subtotal": amount,
        "taxes": [],
    }


def _line_parent(id: str, subscription: str | None, subscription_item: str | None, proration: bool) -> Object:
    if subscription_item is None:
        return {
            "invoice_item_details": {
                "invoice_item": f"ii_{id.removeprefix('il_')}",
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": subscription_item,
        },
        "type": "subscription_item_details",
    }


def _pricing(price: Object) -> Object:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def invoice(
    id: str,
    *,
    customer: str,
    lines: Sequence[Object],
    created: int,
    currency: str,
    status: str = "paid",
    subscription: str | None = None,
    billing_reason: str | None = None,
    number: str | None = None,
    period_start: int | None = None,
    period_end: int | None = None,
    due_date: int | None = None,
    paid_at: int | None = None,
    collection_method: str = "charge_automatically",
    metadata: Mapping[str, str] | None = None,
    test_clock: str | None = None,
) -> Object:
    """An invoice whose totals are the sums of its lines."""
    subtotal = sum(line["amount"] for line in lines)
    taken = _discounts_taken(lines)
    total = subtotal - sum(taken.values())
    drafted = status == "draft"
    return {
        **_invoice_defaults(),
        **_settlement(status, max(total, 0), created, paid_at),
        "id": id,
        "amount_due": max(total, 0),
        "billing_reason": billing_reason or ("subscription_cycle" if subscription else "manual"),
        "collection_method": collection_method,
        "created": created,
        "currency": currency,
        "customer": customer,
        "discounts": list(taken),
        "due_date": due_date,
        "effective_at": None if drafted else created,
        "ending_balance": None if drafted else 0,
        "lines": list_of(lines, f"/v1/invoices/{id}/lines"),
        "metadata": dict(metadata or {}),
        "number": None if drafted else (number or id.removeprefix("in_").upper()),
        "parent": _invoice_parent(subscription),
        "period_end": created if period_end is None else period_end,
        "period_start": created if period_start is None else period_start,
        "status": status,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "test_clock": test_clock,
        "total": total,
        "total_discount_amounts": [{"amount": off, "discount": which} for which, off in taken.items()],
        "total_excluding_tax": total,
    }


def _discounts_taken(lines: Sequence[Object]) -> dict[str, int]:
    taken: dict[str, int] = {}
    for line in lines:
        for one in line["discount_amounts"]:
            taken[one["discount"]] = taken.get(one["discount"], 0) + one["amount"]
    return taken


def _settlement(status: str, due: int, created: int, paid_at: int | None) -> Object:
    paid = status == "paid"
    return {
        "amount_paid": due if paid else 0,
        "amount_remaining": 0 if paid else due,
        "attempt_count": 0 if status == "draft" else 1,
        "attempted": status != "draft",
        "auto_advance": status == "draft",
        "status_transitions": {
            "finalized_at": None if status == "draft" else created,
            "marked_uncollectible_at": created if status == "uncollectible" else None,
            "paid_at": (created if paid_at is None else paid_at) if paid else None,
            "voided_at": created if status == "void" else None,
        },
    }


def _invoice_parent(subscription: str | None) -> Object | None:
    if subscription is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": subscription},
        "type": "subscription_details",
    }


def _invoice_defaults() -> Object:
    """What a plain one leaves empty; made anew each time, so that no two objects share a part."""
    return {
        "object": "invoice",
        "account_country": "FR",
        "account_name": None,
        "account_tax_ids": None,
        "amount_overpaid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "application": None,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "custom_fields": None,
        "customer_account": None,
        "customer_address": None,
        "customer_email": None,
        "customer_name": None,
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "next_payment_attempt": None,
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
