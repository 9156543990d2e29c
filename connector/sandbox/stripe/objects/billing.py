"""What is owed: subscriptions with their items and discounts, invoices with their lines.

Prices are embedded in items in full and discounts in full too, as a reader sees them with everything expanded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.sandbox.stripe.objects.common import Object, list_of


def discount(
    id: str,
    *,
    coupon: str,
    start: int,
    end: int | None = None,
    customer: str | None = None,
    subscription: str | None = None,
    subscription_item: str | None = None,
) -> Object:
    """A coupon at work on a customer, a subscription or one of its items."""
    return {
        "id": id,
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": start,
        "subscription": subscription,
        "subscription_item": subscription_item,
    }


def subscription_item(
    id: str,
    *,
    subscription: str,
    price: Object,
    created: int,
    current_period_start: int,
    current_period_end: int,
    quantity: int | None = 1,
    discounts: Sequence[Object] = (),
    metadata: Mapping[str, str] | None = None,
) -> Object:
    """One price inside a subscription; a metered one has no quantity."""
    metered = price["recurring"]["usage_type"] == "metered"
    made = {
        "id": id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": current_period_end,
        "current_period_start": current_period_start,
        "discounts": list(discounts),
        "metadata": dict(metadata or {}),
        "price": price,
        "subscription": subscription,
        "tax_rates": [],
    }
    return made if metered or quantity is None else {**made, "quantity": quantity}


def subscription(
    id: str,
    *,
    customer: str,
    items: Sequence[Object],
    created: int,
    status: str = "active",
    start_date: int | None = None,
    trial_start: int | None = None,
    trial_end: int | None = None,
    cancel_at: int | None = None,
    cancel_at_period_end: bool = False,
    canceled_at: int | None = None,
    ended_at: int | None = None,
    paused: str | None = None,
    discounts: Sequence[Object] = (),
    collection_method: str = "charge_automatically",
    latest_invoice: str | None = None,
    schedule: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    test_clock: str | None = None,
) -> Object:
    """A subscription; `paused` is the behaviour of a paused collection, which leaves the status as it is."""
    begins = created if start_date is None else start_date
    return {
        **_subscription_defaults(),
        "id": id,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": begins,
        "billing_mode": {"flexible": None, "type": "classic"},
        "cancel_at": cancel_at,
        "cancel_at_period_end": cancel_at_period_end,
        "canceled_at": canceled_at,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "reason": "cancellation_requested" if canceled_at or cancel_at_period_end else None,
        },
        "collection_method": collection_method,
        "created": created,
        "currency": items[0]["price"]["currency"],
        "customer": customer,
        "days_until_due": 30 if collection_method == "send_invoice" else None,
        "description": description,
        "discounts": list(discounts),
        "ended_at": ended_at,
        "items": list_of(items, f"/v1/subscription_items?subscription={id}"),
        "latest_invoice": latest_invoice,
        "metadata": dict(metadata or {}),
        "pause_collection": {"behavior": paused, "resumes_at": None} if paused else None,
        "schedule": schedule,
        "start_date": begins,
        "status": status,
        "test_clock": test_clock,
        "trial_end": trial_end,
        "trial_start": trial_start,
    }


def _subscription_defaults() -> Object:
    """What a plain one leaves empty; made anew each time, so that no two objects share a part."""
    return {
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "billing_cycle_anchor_config": None,
        "billing_schedules": [],
        "billing_thresholds": None,
        "customer_account": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "livemode": False,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "transfer_data": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }
