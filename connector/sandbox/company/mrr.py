"""Recurring revenue straight from the neutral model: the number that a pipeline has to arrive at.

It never sees an invoice or a Stripe object, so agreement with it means something. Counted: items of subscriptions
that are active or past due, at the price list, less coupons that last for ever (an item's first, then the
subscription's, else the customer's). Not counted: trials, metered items, anything sold once. Paused collection and a
scheduled end change nothing until the end.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from connector.sandbox.company.catalogue import COUPONS, amount_for
from connector.sandbox.company.contracts import coupons_at_work
from connector.sandbox.company.model import Company, ItemVersion, Subscription

COUNTED = frozenset({"active", "past_due"})


def expected_mrr(company: Company) -> dict[str, int]:
    """Monthly recurring revenue by currency in the minor unit, rounded once after adding everything up."""
    totals: defaultdict[str, Fraction] = defaultdict(Fraction)
    currencies = {subscription.id: subscription.currency for subscription in company.subscriptions}
    for (subscription, _), amount in item_mrr(company).items():
        totals[currencies[subscription]] += amount
    return {currency: round(total) for currency, total in sorted(totals.items())}


def item_mrr(company: Company) -> dict[tuple[str, str], Fraction]:
    """The exact monthly amount of each licensed item, by subscription and item."""
    found: dict[tuple[str, str], Fraction] = {}
    for subscription in company.subscriptions:
        if subscription.status in COUNTED:
            items = [v for v in subscription.items_on(company.as_of) if v.quantity is not None]
            for item, amount in _net(subscription, items, company).items():
                found[subscription.id, item] = amount * subscription.interval.per_month
    return found


def _net(subscription: Subscription, items: list[ItemVersion], company: Company) -> dict[str, Fraction]:
    """What each item costs a period after the coupons that never end; an amount off is shared out by price."""
    net = {
        item.item: amount_for(item.product, subscription.currency, subscription.interval, item.quantity or 0)
        for item in items
    }
    for applied in coupons_at_work(subscription, company.as_of):
        coupon = COUPONS[applied.coupon]
        if coupon.duration != "forever":
            continue
        touched = [item for item in net if applied.item in (None, item)]
        base = sum((net[item] for item in touched), Fraction(0))
        if coupon.percent is not None:
            share = Fraction(coupon.percent, 100)
        else:
            share = min(Fraction(1), Fraction(coupon.amount or 0) / base) if base else Fraction(0)
        for item in touched:
            net[item] *= 1 - share
    return net
