"""Turns the company's billing into complete Stripe objects, as the stand-in keeps them.

Disputes are not among them: what Stripe tells of one hangs on a charge, which the stand-in has no list of, so they
travel with the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow.compute as pc

from connector.sandbox.company import catalogue, identity
from connector.sandbox.company.accounts import WORLD_START, stream
from connector.sandbox.company.calendar import period_around
from connector.sandbox.company.catalogue import Billing, Interval
from connector.sandbox.company.contracts import coupons_still_applied
from connector.sandbox.company.model import (
    Account,
    AccountKind,
    AppliedCoupon,
    Company,
    Invoice,
    InvoiceLine,
    ItemVersion,
    Subscription,
)
from connector.sandbox.stripe import objects

Row = dict[str, Any]
SUMMARY_DAYS = 120
"""How far back the meters are kept; older usage is in the usage files only."""
_FOUNDED = int(datetime.combine(WORLD_START, time(5), UTC).timestamp())


def stripe_rows(company: Company) -> dict[str, list[Row]]:
    """Every Stripe object by type, in an order in which each may be loaded after those it names."""
    prices = {price["id"]: price for price in _prices()}
    invoices_of: dict[str, list[Invoice]] = {}
    for invoice in company.invoices:
        invoices_of.setdefault(invoice.subscription or "", []).append(invoice)
    subscriptions = {subscription.id: subscription for subscription in company.subscriptions}
    metadata = _metadata(company)
    on_customers = {
        subscription.account: applied
        for subscription in company.subscriptions
        for applied in coupons_still_applied(subscription, company.as_of)
        if applied.on_customer
    }
    late = {s.account for s in company.subscriptions if s.status in ("past_due", "unpaid")}
    return {
        "account": [objects.account("acct_northlight", name="Northlight", created=_FOUNDED)],
        "products": [_product(product) for product in catalogue.PRODUCTS.values()],
        "prices": list(prices.values()),
        "coupons": [_coupon(coupon) for coupon in catalogue.COUPONS.values()],
        "meters": [objects.meter(id, event_name=event, created=_FOUNDED) for id, event in catalogue.METERS.items()],
        "customers": [
            _customer(company, account, metadata[account.id], account.id in late, on_customers.get(account.id))
            for account in company.accounts
        ],
        "subscriptions": [
            _subscription(company, one, prices, invoices_of.get(one.id, [])) for one in company.subscriptions
        ],
        "discounts": [_discount(one, applied) for one in company.subscriptions for applied in one.coupons],
        "invoices": [
            _invoice(invoice, subscriptions.get(invoice.subscription or ""), prices) for invoice in company.invoices
        ],
        "meter_event_summaries": list(_summaries(company)),
    }


def _product(product: catalogue.Product) -> Row:
    return objects.product(product.id, name=product.name, created=_FOUNDED, unit_label=product.unit_label)


def _prices() -> Iterator[Row]:
    """One price for each product, currency and interval it is sold at."""
    for product in catalogue.PRODUCTS.values():
        for interval in catalogue.intervals_of(product.id):
            for currency in catalogue.CURRENCIES:
                yield _price(product, interval, currency)


def _price(product: catalogue.Product, interval: Interval | None, currency: str) -> Row:
    id = catalogue.price_id(product.id, currency, interval)
    if product.billing is Billing.TIERED:
        factor = catalogue.MONTHS_PAID_PER_YEAR if interval is Interval.YEAR else 1
        tiers = [
            objects.tier(up_to, unit_amount=unit * factor, flat_amount=flat * factor or None)
            for up_to, unit, flat in catalogue.SIGNATURE_TIERS[currency]
        ]
        return objects.price(
            id, product=product.id, currency=currency, created=_FOUNDED, interval=interval, tiers=tiers, lookup_key=id
        )
    amount = catalogue.unit_amount(product.id, currency, interval)
    exact = amount.numerator if amount.denominator == 1 else f"{float(amount):.10g}"
    return objects.price(
        id,
        product=product.id,
        currency=currency,
        created=_FOUNDED,
        unit_amount=exact,
        interval=interval.value if interval else None,
        meter=product.meter,
        lookup_key=id,
    )


def _coupon(coupon: catalogue.Coupon) -> Row:
    return objects.coupon(
        coupon.id,
        created=_FOUNDED,
        percent_off=coupon.percent,
        amount_off=coupon.amount,
        currency=coupon.currency,
        duration=coupon.duration,
        duration_in_months=coupon.months,
        applies_to=[coupon.product] if coupon.product else [],
        name=coupon.name,
    )


def _metadata(company: Company) -> dict[str, dict[str, str]]:
    """What the vendor noted on customers: segment and industry mostly, the CRM's ids on some."""
    noted = {
        billing: identity.ids_of(account) for account in company.crm.accounts for billing in account.named_in_billing
    }
    made = {}
    for account in company.accounts:
        known, zoned = stream(company.seed, "metadata", account.number).random(2)
        metadata = {"segment": account.segment, "industry": account.industry} if known < 0.9 else {}
        metadata |= {"time_zone": account.time_zone} if zoned < 0.7 else {}
        metadata |= {"parent": account.parent} if account.parent else {}
        metadata |= {"test": "true"} if account.kind is AccountKind.TEST and account.number % 2 else {}
        made[account.id] = metadata | noted.get(account.id, {})
    return made


def _customer(
    company: Company, account: Account, metadata: dict[str, str], late: bool, applied: AppliedCoupon | None
) -> Row:
    email = f"billing@{account.domain}" if account.domain else None
    if email is None and account.number % 2:
        email = f"{identity.mailbox(account.name)}@webmail.example"
    subscription = next((one for one in company.subscriptions if one.account == account.id), None)
    return objects.customer(
        account.id,
        created=_at(account.created),
        name=account.name,
        email=email,
        currency=account.currency if subscription else None,
        country=account.country,
        preferred_locales=[f"{account.language}-{account.country}"] if account.number % 5 else [],
        delinquent=late,
        discount=_discount(subscription, applied) if applied and subscription else None,
        metadata=metadata,
    )


def _discount(subscription: Subscription, applied: AppliedCoupon) -> Row:
    of_subscription = not applied.on_customer and applied.item is None
    return objects.discount(
        applied.id,
        coupon=applied.coupon,
        start=_at(subscription.moment(applied.start)),
        end=_at(subscription.moment(applied.end)) if applied.end else None,
        customer=subscription.account,
        subscription=subscription.id if of_subscription else None,
        subscription_item=applied.item,
    )


def _subscription(company: Company, one: Subscription, prices: dict[str, Row], invoices: list[Invoice]) -> Row:
    ended = one.status == "canceled"
    shown_on = min(company.as_of, one.ends_on - timedelta(days=1)) if one.ends_on else company.as_of
    coupons = [] if ended else [c for c in coupons_still_applied(one, company.as_of) if not c.on_customer]
    anchor = one.trial_end or one.start
    made = objects.subscription(
        one.id,
        customer=one.account,
        items=[_item(one, item, prices, shown_on, coupons) for item in one.items_on(shown_on)],
        created=_at(one.moment(one.start)),
        status=one.status,
        trial_start=_at(one.moment(one.start)) if one.trial_end else None,
        trial_end=_at(one.moment(one.trial_end)) if one.trial_end else None,
        cancel_at=_at(one.moment(one.ends_on)) if one.ends_on else None,
        cancel_at_period_end=one.ends_on is not None and not ended,
        canceled_at=_at(one.moment(one.canceled_on)) if one.canceled_on else None,
        ended_at=_at(one.moment(one.ends_on)) if one.ends_on and ended else None,
        paused="keep_as_draft" if one.paused else None,
        discounts=[_discount(one, applied) for applied in coupons if applied.item is None],
        collection_method="send_invoice" if one.by_transfer else "charge_automatically",
        latest_invoice=invoices[-1].id if invoices else None,
    )
    return made | {"billing_cycle_anchor": _at(one.moment(anchor))}


def _item(
    one: Subscription, version: ItemVersion, prices: dict[str, Row], day: date, coupons: list[AppliedCoupon]
) -> Row:
    first = min(v.start for v in one.versions if v.item == version.item)
    if one.trial_end is not None and day < one.trial_end:
        start, end = one.start, one.trial_end
    else:
        start, end = period_around(one.trial_end or one.start, one.interval, day)
    return objects.subscription_item(
        version.item,
        subscription=one.id,
        price=prices[catalogue.price_id(version.product, one.currency, one.interval)],
        created=_at(one.moment(first)),
        current_period_start=_at(one.moment(start)),
        current_period_end=_at(one.moment(end)),
        quantity=version.quantity,
        discounts=[_discount(one, applied) for applied in coupons if applied.item == version.item],
    )


def _invoice(invoice: Invoice, one: Subscription | None, prices: dict[str, Row]) -> Row:
    made = objects.invoice(
        invoice.id,
        customer=invoice.account,
        lines=[_line(invoice, line, one, prices) for line in invoice.lines],
        created=_at(invoice.created),
        currency=invoice.currency,
        status=invoice.status,
        subscription=invoice.subscription,
        billing_reason=invoice.reason,
        number=invoice.number,
        due_date=_at(invoice.due) if invoice.due else None,
        paid_at=_at(invoice.paid_at) if invoice.paid_at else None,
        collection_method="send_invoice" if invoice.due else "charge_automatically",
    )
    return made | {"attempt_count": invoice.attempts, "attempted": invoice.attempts > 0}


def _line(invoice: Invoice, line: InvoiceLine, one: Subscription | None, prices: dict[str, Row]) -> Row:
    def moment(day: date) -> int:
        return _at(one.moment(day)) if one else _at(invoice.created)

    return objects.invoice_line(
        line.id,
        invoice=invoice.id,
        amount=line.amount,
        currency=invoice.currency,
        period_start=moment(line.start),
        period_end=moment(line.end),
        price=prices[line.price],
        quantity=line.quantity,
        subscription=invoice.subscription if line.item else None,
        subscription_item=line.item,
        proration=line.proration,
        discounts=dict(line.discounts),
        description=_description(line),
    )


def _description(line: InvoiceLine) -> str:
    name = catalogue.PRODUCTS[line.product].name
    if not line.proration:
        return f"{line.quantity} × {name}"
    return f"{'Unused' if line.amount < 0 else 'Remaining'} time on {line.quantity} × {name} after {line.start}"


def _summaries(company: Company) -> Iterator[Row]:
    """A day's count for each customer that pays by the piece."""
    metered = {(one.account, item.product) for one in company.subscriptions for item in one.versions}
    since = company.as_of - timedelta(days=SUMMARY_DAYS - 1)
    for meter, metric in catalogue.METERS.items():
        product = next(one.id for one in catalogue.PRODUCTS.values() if one.meter == meter)
        chosen = pc.and_(pc.equal(company.usage["metric"], metric), pc.greater_equal(company.usage["day"], since))
        for row in company.usage.filter(chosen).to_pylist():
            if (row["account_id"], product) in metered:
                start = int(datetime.combine(row["day"], time(), UTC).timestamp())
                yield objects.meter_event_summary(
                    f"mtrsum_{meter}_{row['account_id']}_{row['day']:%Y%m%d}",
                    meter=meter,
                    customer=row["account_id"],
                    start_time=start,
                    end_time=start + 86_400,
                    aggregated_value=row["value"],
                )


def _at(moment: datetime) -> int:
    return int(moment.timestamp())
