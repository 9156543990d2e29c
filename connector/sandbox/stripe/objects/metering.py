"""What is counted: meters, and how much one customer used in one stretch of time."""

from __future__ import annotations

from connector.sandbox.stripe.objects.common import Object


def meter(
    id: str,
    *,
    event_name: str,
    created: int,
    display_name: str | None = None,
    formula: str = "sum",
    event_time_window: str | None = None,
    active: bool = True,
) -> Object:
    """A meter; `formula` says how events become one number: sum, count or last."""
    return {
        "id": id,
        "object": "billing.meter",
        "created": created,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": formula},
        "display_name": display_name or event_name,
        "event_name": event_name,
        "event_time_window": event_time_window,
        "livemode": False,
        "status": "active" if active else "inactive",
        "status_transitions": {"deactivated_at": None if active else created},
        "updated": created,
        "value_settings": {"event_payload_key": "value"},
    }


def meter_event_summary(
    id: str, *, meter: str, customer: str, start_time: int, end_time: int, aggregated_value: float
) -> Object:
    """What a customer used from `start_time` up to `end_time`, as the stand-in stores it.

    The API never shows `customer`; the stand-in keeps it to know whose usage it is, and adds stretches together.
    """
    return {
        "id": id,
        "object": "billing.meter_event_summary",
        "aggregated_value": aggregated_value,
        "customer": customer,
        "end_time": end_time,
        "livemode": False,
        "meter": meter,
        "start_time": start_time,
    }
