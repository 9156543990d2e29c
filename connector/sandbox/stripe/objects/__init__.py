"""Builders of complete Stripe objects, in the shape of API version 2026-05-27.dahlia.

Each builder takes what tells objects apart and fills in every field the published schema requires, so that a world
is written down in a few words and still passes that schema. Objects are plain dicts, as on the wire. Fields that
Stripe shows only when expanded (a price's tiers) are stored in full; hiding them is the server's business.

Ids and times are always given, never drawn: the same arguments make the same object. Times are Unix seconds, amounts
are in the minor unit of their currency. Some builders pass forty lines, because objects have that many fields; they
decide next to nothing.

Source: Stripe OpenAPI document, version 2026-05-27.dahlia.
"""

from __future__ import annotations

from connector.sandbox.stripe.objects.billing import discount, subscription, subscription_item
from connector.sandbox.stripe.objects.catalogue import coupon, price, product, tier, transform_quantity
from connector.sandbox.stripe.objects.common import Object, event, list_of
from connector.sandbox.stripe.objects.invoicing import invoice, invoice_line
from connector.sandbox.stripe.objects.metering import meter, meter_event_summary
from connector.sandbox.stripe.objects.parties import account, address, customer

__all__ = [
    "Object",
    "account",
    "address",
    "coupon",
    "customer",
    "discount",
    "event",
    "invoice",
    "invoice_line",
    "list_of",
    "meter",
    "meter_event_summary",
    "price",
    "product",
    "subscription",
    "subscription_item",
    "tier",
    "transform_quantity",
]
