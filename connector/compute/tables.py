"""The canonical tables: every source is translated into these, and everything above reads only these.

Types are Ibis types (`!` = never null). Money is int64 minor units beside its currency. Timestamps are UTC; days are
UTC days. Rows that carry `known_at` can be asked "what did we know then?": it is when the source could first have
told the fact on a first load, and our pull time for later corrections. A row is never overwritten: once a pull tells
otherwise, `known_to` says when, and the row that took its place stands beside it. Both spans, of what was true
(`valid_from`, `valid_to`) and of what was known, are closed on the left and open on the right; null means still.
"""

from __future__ import annotations

KNOWN = {
    "known_at": "!timestamp('UTC')",
    "known_to": "timestamp('UTC')",
}
ACCOUNTS = {
    "account_id": "!string",  # the source's id; one per billing customer
    "source": "!string",
    "name": "string",
    "domain": "string",  # lower case, no www; null for free-mail domains
    "parent_id": "string",  # another account_id
    "country": "string",  # ISO 3166 alpha-2
    "time_zone": "string",  # IANA
    "locale": "string",  # BCP 47
    "segment": "string",
    "industry": "string",
    "currency": "string",  # ISO 4217, upper case
    "crm_id": "string",  # the CRM record billing itself names, if it does
    "is_test": "!boolean",
    "deleted": "!boolean",
    "created_at": "timestamp('UTC')",
    **KNOWN,
}
PRICES = {
    "price_id": "!string",
    "source": "!string",
    "product_id": "string",
    "product_name": "string",
    "offer_id": "string",  # catalogue offer, null when no mapping rule names it
    "currency": "!string",
    "recurring": "!boolean",
    "metered": "!boolean",
    "interval": "string",  # day, week, month, year
    "interval_count": "int64",
    "spec": "!string",  # JSON of domain.pricing.Price: amounts, tiers, transform
    "active": "!boolean",
    "created_at": "timestamp('UTC')",
    **KNOWN,
}
SUBSCRIPTIONS = {
    "subscription_id": "!string",
    "source": "!string",
    "account_id": "!string",
    "status": "!string",  # trialing, active, past_due, unpaid, canceled, paused, incomplete
    "currency": "string",
    "started_at": "timestamp('UTC')",
    "trial_end": "timestamp('UTC')",
    "cancel_at": "timestamp('UTC')",  # scheduled end, null when it renews
    "ended_at": "timestamp('UTC')",
    "period_start": "timestamp('UTC')",  # of the longest-interval item
    "period_end": "timestamp('UTC')",
    "term_months": "int64",  # length of the commitment; 1 for a monthly plan that renews by itself
    "paused": "!boolean",
    **KNOWN,
}
SUBSCRIPTION_ITEM_VERSIONS = {
    "item_id": "!string",
    "source": "!string",
    "subscription_id": "!string",
    "account_id": "!string",
    "price_id": "string",
    "offer_id": "string",  # null: a product that no rule maps, counted in MRR but never reasoned about
    "quantity": "float64",  # null when metered
    "status": "!string",  # of the subscription, in this version
    "currency": "!string",
    "mrr_minor": "!int64",  # monthly recurring revenue after forever discounts; 0 for trial, free, metered, one-off
    "list_mrr_minor": "!int64",  # before discounts
    "discounts": "string",  # JSON of domain.pricing.Terms: what lowers MRR; null where a source tells amounts only
    "valid_from": "!timestamp('UTC')",
    "valid_to": "timestamp('UTC')",
    **KNOWN,
}
INVOICES = {
    "invoice_id": "!string",
    "source": "!string",
    "account_id": "!string",
    "subscription_id": "string",
    "status": "!string",  # draft, open, paid, uncollectible, void
    "currency": "!string",
    "total_minor": "!int64",
    "created_at": "!timestamp('UTC')",
    "due_at": "timestamp('UTC')",
    "paid_at": "timestamp('UTC')",
    "disputed": "!boolean",
    **KNOWN,
}
USAGE = {
    "account_id": "!string",
    "source": "!string",
    "day": "!date",
    "metric": "!string",  # catalogue metric
    "value": "!float64",
    **KNOWN,
}
EVENTS = {
    "account_id": "!string",
    "source": "!string",
    "occurred_at": "!timestamp('UTC')",
    "event": "!string",  # locked_feature_clicked, docs_read, demo_watched, support_escalation, leadership_change, …
    "detail": "string",
    "link": "string",
    **KNOWN,
}
QUARANTINE = {
    "stream": "!string",
    "source": "!string",
    "row": "!string",  # object id, or file:line
    "reason": "!string",  # a QuarantineReason
    "detail": "!string",  # what is wrong and the cure, without personal data
    "payload": "string",  # the raw row as JSON, kept for replay
    "seen_at": "!timestamp('UTC')",
}
TABLES = {
    "accounts": ACCOUNTS,
    "prices": PRICES,
    "subscriptions": SUBSCRIPTIONS,
    "subscription_item_versions": SUBSCRIPTION_ITEM_VERSIONS,
    "invoices": INVOICES,
    "usage": USAGE,
    "events": EVENTS,
    "quarantine": QUARANTINE,
}
