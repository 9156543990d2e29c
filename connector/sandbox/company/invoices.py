"""Bills every subscription the way Stripe does, so that its item history can be read back from invoice lines.

Licensed items are billed ahead, metered ones behind. A change inside a period makes two proration lines, a credit
for what is left of the old and a charge for what is left of the new: on the next invoice of a monthly or weekly
plan (so the newest change may not be billed yet), on one of its own for a yearly plan. Changes on the first day of a
period need none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from connector.sandbox.company.accounts import identifier, stream
from connector.sandbox.company.calendar import period_around, period_starts
from connector.sandbox.company.catalogue import (
    COUPONS,
    PRODUCTS,
    Billing,
    Interval,
    amount_for,
    price_id,
    unit_amount,
)
from connector.sandbox.company.contracts import coupons_at_work
from connector.sandbox.company.model import Account, Invoice, InvoiceLine, ItemVersion, Subscription
from connector.sandbox.company.usage import Use


@dataclass(frozen=True, slots=True)
class _Bill:
    """Lines that become one invoice on a day."""

    day: date
    reason: str
    lines: tuple[InvoiceLine, ...]


def invoices_of(seed: int, account: Account, subscription: Subscription, use: Use, as_of: date) -> list[Invoice]:
    """Every invoice of a subscription up to a day, oldest first, settled as its status demands."""
    bills = list(_bills(seed, account, subscription, use, as_of))
    made = []
    for place, bill in enumerate(sorted(bills, key=lambda bill: (bill.day, bill.reason))):
        lines = _discounted(subscription, bill)
        made.append(
            Invoice(
                id=identifier("in", seed, subscription.id, place),
                number=f"NL-{account.number:04d}-{place + 1:04d}",
                account=account.id,
                subscription=subscription.id,
                currency=subscription.currency,
                created=subscription.moment(bill.day),
                reason=bill.reason,
                status="paid",
                lines=tuple(
                    replace(line, id=identifier("il", seed, subscription.id, place, number))
                    for number, line in enumerate(lines)
                ),
            )
        )
    return made


def _bills(seed: int, account: Account, subscription: Subscription, use: Use, as_of: date) -> Iterator[_Bill]:
    """What is billed on which day, before discounts."""
    anchor = subscription.trial_end or subscription.start
    if subscription.trial_end is not None:
        yield _Bill(subscription.start, "subscription_create", _trial_lines(subscription))
    over = subscription.ends_on or date.max
    changes = _prorations(subscription, as_of)
    waiting: list[InvoiceLine] = []
    previous: date | None = None
    for start in period_starts(anchor, subscription.interval, as_of):
        if start >= over:
            break
        reason = "subscription_create" if start == subscription.start else "subscription_cycle"
        ahead = _ahead(subscription, start)
        behind = _metered(subscription, use, previous, start) if previous else []
        extra = _first_invoice_extra(seed, account, subscription, start) if start == anchor else []
        yield _Bill(start, reason, tuple(waiting + ahead + behind + extra))
        waiting, previous = [], start
        end = period_around(anchor, subscription.interval, start)[1]
        for day in sorted(day for day in changes if start < day < end):
            if subscription.interval is Interval.YEAR:
                yield _Bill(day, "subscription_update", tuple(changes[day]))
            else:
                waiting.extend(changes[day])
    if previous is not None and over <= as_of:
        rest = waiting + _metered(subscription, use, previous, over)
        if rest:
            yield _Bill(over, "subscription_cycle", tuple(rest))


def _ahead(subscription: Subscription, start: date) -> list[InvoiceLine]:
    """A line for each licensed item of the period that begins."""
    anchor = subscription.trial_end or subscription.start
    end = period_around(anchor, subscription.interval, start)[1]
    return [
        _line(subscription, version, start, end, Fraction(1))
        for version in subscription.items_on(start)
        if version.quantity is not None
    ]


def _prorations(subscription: Subscription, as_of: date) -> dict[date, list[InvoiceLine]]:
    """The proration lines of each day on which something changed inside a period."""
    anchor = subscription.trial_end or subscription.start
    found: dict[date, list[InvoiceLine]] = defaultdict(list)
    for version in subscription.versions:
        if version.quantity is None or version.start <= anchor or version.start > as_of:
            continue
        start, end = period_around(anchor, subscription.interval, version.start)
        if version.start == start or (subscription.ends_on or date.max) <= version.start:
            continue
        left = Fraction((end - version.start).days, (end - start).days)
        before = [v for v in subscription.versions if v.item == version.item and v.end == version.start]
        for old in before:
            found[version.start].append(_line(subscription, old, version.start, end, -left))
        found[version.start].append(_line(subscription, version, version.start, end, left))
    return found


def _line(subscription: Subscription, version: ItemVersion, start: date, end: date, share: Fraction) -> InvoiceLine:
    quantity = version.quantity or 0
    amount = amount_for(version.product, subscription.currency, subscription.interval, quantity)
    return InvoiceLine(
        id="",
        product=version.product,
        price=price_id(version.product, subscription.currency, subscription.interval),
        quantity=quantity,
        amount=round(amount * share),
        start=start,
        end=end,
        item=version.item,
        proration=share != 1,
    )


def _trial_lines(subscription: Subscription) -> tuple[InvoiceLine, ...]:
    """The lines of a trial: everything that was tried, for nothing."""
    end = subscription.trial_end or subscription.start
    return tuple(
        replace(_line(subscription, version, subscription.start, end, Fraction(1)), amount=0)
        for version in subscription.items_on(subscription.start)
        if version.quantity is not None
    )


def _metered(subscription: Subscription, use: Use, start: date, end: date) -> list[InvoiceLine]:
    """A line for what each metered item counted in the period that is over."""
    made = []
    for version in subscription.versions:
        product = PRODUCTS[version.product]
        if product.billing is not Billing.METERED or (version.end is not None and version.end <= start):
            continue
        if version.start >= end or product.meter is None:
            continue
        counted = use.total(product.meter.removeprefix("mtr_"), max(start, version.start), end)
        made.append(
            InvoiceLine(
                id="",
                product=product.id,
                price=price_id(product.id, subscription.currency, Interval.MONTH),
                quantity=counted,
                amount=round(unit_amount(product.id, subscription.currency, Interval.MONTH) * counted),
                start=start,
                end=end,
                item=version.item,
            )
        )
    return made


def _first_invoice_extra(seed: int, account: Account, subscription: Subscription, day: date) -> list[InvoiceLine]:
    """Larger customers pay for their onboarding with the first period."""
    if account.segment == "smb" or stream(seed, "onboard", account.number).random() > 0.6:
        return []
    return [one_time_line("prod_onboarding", subscription.currency, 1, day)]


def one_time_line(product: str, currency: str, quantity: int, day: date) -> InvoiceLine:
    """A line for something sold once."""
    amount = unit_amount(product, currency, None) * quantity
    return InvoiceLine("", product, price_id(product, currency, None), quantity, round(amount), day, day)


def _discounted(subscription: Subscription, bill: _Bill) -> list[InvoiceLine]:
    """Take each coupon off the lines of subscription items: items' coupons first, amounts spread over the lines."""
    lines = list(bill.lines)
    for applied in coupons_at_work(subscription, bill.day):
        coupon = COUPONS[applied.coupon]
        touched = [
            place for place, line in enumerate(lines) if line.item is not None and applied.item in (None, line.item)
        ]
        if coupon.percent is not None:
            share = Fraction(coupon.percent, 100)
        else:
            base = sum(lines[place].net for place in touched)
            if base <= 0 or bill.reason == "subscription_update" or coupon.amount is None:
                continue
            share = min(Fraction(1), Fraction(coupon.amount, base))
        for place in touched:
            off = round(lines[place].net * share)
            lines[place] = replace(lines[place], discounts=(*lines[place].discounts, (applied.id, off)))
    return lines


def manual_invoices(seed: int, account: Account, start: date, end: date) -> list[Invoice]:
    """Training and consulting days, sold now and then and billed by hand."""
    rng = stream(seed, "services", account.number)
    made: list[Invoice] = []
    day = start + timedelta(days=int(rng.exponential(900)))
    while day <= end and account.segment != "smb":
        product = "prod_training" if rng.random() < 0.5 else "prod_consulting"
        line = one_time_line(product, account.currency, int(rng.integers(1, 5)), day)
        place = f"manual/{len(made)}"
        at = account.created.replace(year=day.year, month=day.month, day=day.day)
        made.append(
            Invoice(
                id=identifier("in", seed, account.number, place),
                number=f"NL-{account.number:04d}-M{len(made) + 1:03d}",
                account=account.id,
                subscription=None,
                currency=account.currency,
                created=at,
                reason="manual",
                status="paid",
                lines=(replace(line, id=identifier("il", seed, account.number, place)),),
            )
        )
        day += timedelta(days=int(rng.exponential(900)) + 20)
    return made
