"""Billing of the demo company hangs together: lines, history, recurring revenue, Stripe's own document."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from stripe_document import Document

from connector.sandbox.company import Company, expected_mrr, item_mrr
from connector.sandbox.company.calendar import period_around
from connector.sandbox.company.catalogue import PRODUCTS, Billing, Interval, amount_for
from connector.sandbox.company.model import ItemVersion, Subscription

Rows = dict[str, list[dict[str, Any]]]
SCHEMAS = {
    "products": "product",
    "prices": "price",
    "coupons": "coupon",
    "meters": "billing.meter",
    "customers": "customer",
    "subscriptions": "subscription",
    "discounts": "discount",
    "invoices": "invoice",
}


def _billed_until(subscription: Subscription, as_of: date) -> date:
    """The day up to which every change has been billed."""
    anchor = subscription.trial_end or subscription.start
    if subscription.status == "canceled":
        return subscription.ends_on or as_of
    if subscription.status == "trialing":
        return anchor
    start, end = period_around(anchor, subscription.interval, as_of)
    return end if subscription.interval is Interval.YEAR else start


def _worth(subscription: Subscription, version: ItemVersion, until: date) -> Fraction:
    """What one version of an item is worth over the days it was in force, period by period."""
    anchor = subscription.trial_end or subscription.start
    day, last, worth = max(version.start, anchor), min(version.end or until, until), Fraction(0)
    while day < last:
        start, end = period_around(anchor, subscription.interval, day)
        amount = amount_for(version.product, subscription.currency, subscription.interval, version.quantity or 0)
        worth += amount * Fraction((min(end, last) - day).days, (end - start).days)
        day = end
    return worth


def test_invoice_lines_sum_to_the_history(company: Company) -> None:
    """For every item the lines add up to price × time of its versions, to a minor unit a line."""
    billed: defaultdict[str, int] = defaultdict(int)
    count: defaultdict[str, int] = defaultdict(int)
    until = {one.id: _billed_until(one, company.as_of) for one in company.subscriptions}
    for invoice in company.invoices:
        for line in invoice.lines:
            if invoice.subscription and line.item and line.start < until[invoice.subscription]:
                billed[line.item] += line.amount
                count[line.item] += 1

    shown = {account.id for account in company.accounts}
    for one in company.subscriptions:
        worth: defaultdict[str, Fraction] = defaultdict(Fraction)
        for version in one.versions:
            if version.quantity is not None and one.account in shown:
                worth[version.item] += _worth(one, version, until[one.id])
        for item, amount in worth.items():
            assert abs(billed[item] - amount) <= count[item], (one, item)


def test_a_yearly_seat_counts_a_twelfth(company: Company) -> None:
    """A yearly Pro seat in euros, 390.00 a year, counts 32.50 a month when no coupon reduces it."""
    plain = [
        (one, item)
        for one in company.subscriptions
        if (one.interval, one.status, one.currency, one.coupons) == (Interval.YEAR, "active", "eur", ())
        for item in one.items_on(company.as_of)
        if item.product == "prod_pro"
    ]

    assert plain
    for one, item in plain:
        assert item_mrr(company)[one.id, item.item] == 3_250 * (item.quantity or 0)


def test_mrr_leaves_out_trials_metered_and_one_time_sales(company: Company) -> None:
    """Only licensed items of active and past-due subscriptions are in, and every currency is kept apart."""
    counted = item_mrr(company)
    products = {(one.id, v.item): v.product for one in company.subscriptions for v in one.versions}
    status = {one.id: one.status for one in company.subscriptions}

    assert {status[subscription] for subscription, _ in counted} == {"active", "past_due"}
    kinds = {PRODUCTS[products[key]].billing for key in counted}
    assert not kinds & {Billing.METERED, Billing.ONE_TIME}
    assert set(expected_mrr(company)) == {"cad", "chf", "eur", "gbp", "usd"}


def test_mrr_from_the_stripe_objects_is_the_same(company: Company, stripe_objects: Rows) -> None:
    """Recurring revenue worked out from what Stripe shows, by nobody's code but this test's, ties out."""
    coupons = {coupon["id"]: coupon for coupon in stripe_objects["coupons"]}
    by_customer = {one["id"]: one["discount"] for one in stripe_objects["customers"]}
    totals: defaultdict[str, Fraction] = defaultdict(Fraction)
    for one in stripe_objects["subscriptions"]:
        if one["status"] not in ("active", "past_due"):
            continue
        customer_discount = by_customer.get(one["customer"])
        discounts = one["discounts"] or ([customer_discount] if customer_discount else [])
        net = Fraction(0)
        for item in one["items"]["data"]:
            if item["price"]["recurring"]["usage_type"] == "licensed":
                net += _less(_list_amount(item), item["discounts"], coupons)
        factor = {"week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
        interval = one["items"]["data"][0]["price"]["recurring"]["interval"]
        totals[one["currency"]] += _less(net, discounts, coupons) * factor[interval]

    assert {currency: round(total) for currency, total in sorted(totals.items())} == expected_mrr(company)


def _list_amount(item: dict[str, Any]) -> Fraction:
    price, quantity, total, below = item["price"], item["quantity"], Fraction(0), 0
    if price["billing_scheme"] == "per_unit":
        return Fraction(price["unit_amount_decimal"]) * quantity
    for step in price["tiers"]:
        if quantity > below:
            within = min(quantity, step["up_to"] or quantity) - below
            total += within * Fraction(step["unit_amount_decimal"]) + (step["flat_amount"] or 0)
        below = step["up_to"] or quantity
    return total


def _less(amount: Fraction, discounts: list[dict[str, Any]], coupons: dict[str, dict[str, Any]]) -> Fraction:
    for discount in discounts:
        coupon = coupons[discount["source"]["coupon"]]
        if coupon["duration"] != "forever":
            continue
        if coupon["percent_off"] is not None:
            amount *= 1 - Fraction(coupon["percent_off"], 100)
        else:
            amount -= min(amount, coupon["amount_off"])
    return amount


def test_every_reference_leads_somewhere(company: Company, stripe_objects: Rows) -> None:
    """Subscriptions and invoices name customers that exist, but for those of deleted customers; lines name prices."""
    customers = {row["id"] for row in stripe_objects["customers"]}
    prices = {row["id"] for row in stripe_objects["prices"]}
    orphans = [row for row in stripe_objects["subscriptions"] if row["customer"] not in customers]

    assert 2 <= len(orphans) <= 10
    assert {row["status"] for row in orphans} == {"canceled"}
    lost = {row["id"] for row in orphans}
    for invoice in stripe_objects["invoices"]:
        parent = invoice["parent"] and invoice["parent"]["subscription_details"]["subscription"]
        assert invoice["customer"] in customers or parent in lost or parent is None
        assert {line["pricing"]["price_details"]["price"] for line in invoice["lines"]["data"]} <= prices


def test_ids_are_unique(stripe_objects: Rows) -> None:
    """No two objects of a type share an id."""
    for kind, rows in stripe_objects.items():
        ids = [row["id"] for row in rows]
        assert len(set(ids)) == len(ids), kind
    lines = [line["id"] for row in stripe_objects["invoices"] for line in row["lines"]["data"]]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_objects_fit_the_published_document(document: Document, stripe_objects: Rows, kind: str) -> None:
    """Stripe's own document accepts the objects of every type, one in many of the many."""
    rows = stripe_objects[kind]
    chosen = rows if len(rows) < 60 else rows[:: len(rows) // 30]

    for row in chosen:
        document.check_object(SCHEMAS[kind], row)


def test_current_periods_hold_the_cut(company: Company, stripe_objects: Rows) -> None:
    """Every running item is inside its period at the moment of the cut, or renews later on that day."""
    now = company.now.timestamp()
    for row in stripe_objects["subscriptions"]:
        if row["status"] in ("active", "past_due", "trialing"):
            for item in row["items"]["data"]:
                assert item["current_period_start"] <= now
                assert item["current_period_end"] > now - timedelta(days=1).total_seconds()
