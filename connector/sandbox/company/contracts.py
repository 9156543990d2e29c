"""Cuts a life at a day: the subscription as the billing system shows it then, with what went wrong with paying."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from connector.sandbox.company.accounts import identifier, stream
from connector.sandbox.company.calendar import month_of
from connector.sandbox.company.catalogue import COUPONS, Interval
from connector.sandbox.company.history import Life
from connector.sandbox.company.model import AccountKind, AppliedCoupon, ItemVersion, Subscription


def cut(seed: int, life: Life, as_of: date) -> Subscription | None:
    """The subscription of a life as it stands at the end of a day; None before it began."""
    terms = life.terms
    if terms.start > as_of:
        return None
    notice_given = life.notice is not None and life.notice <= as_of
    subscription = Subscription(
        id=identifier("sub", seed, life.account.number),
        account=life.account.id,
        currency=life.account.currency,
        interval=terms.interval,
        start=terms.start,
        second=terms.second,
        status=_status(life, as_of),
        versions=_versions(life, as_of),
        trial_end=terms.trial_end,
        coupons=_coupons(seed, life, as_of),
        canceled_on=life.notice if notice_given else None,
        ends_on=life.ends_on if notice_given else None,
        by_transfer=terms.by_transfer,
    )
    return _with_trouble(seed, life, subscription, as_of)


def _status(life: Life, as_of: date) -> str:
    if life.ends_on is not None and life.ends_on <= as_of:
        return "canceled"
    if life.terms.trial_end is not None and as_of < life.terms.trial_end:
        return "trialing"
    return "active"


def _versions(life: Life, as_of: date) -> tuple[ItemVersion, ...]:
    """The versions known on a day; one that ends later is still open."""
    shown = [
        replace(version, end=None) if version.end is not None and version.end > as_of else version
        for version in life.versions
        if version.start <= as_of
    ]
    order = {item: place for place, item in enumerate(dict.fromkeys(version.item for version in life.versions))}
    return tuple(sorted(shown, key=lambda version: (order[version.item], version.start)))


def _coupons(seed: int, life: Life, as_of: date) -> tuple[AppliedCoupon, ...]:
    """The coupons of the contract, and for a few buyers of Analytics one on that item alone."""
    coupons = [coupon for coupon in life.terms.coupons if coupon.start <= as_of or coupon.end is None]
    analytics = [version for version in life.versions if version.product == "prod_analytics"]
    lucky = stream(seed, "reduced", life.account.number).random() < 0.12
    if lucky and analytics and analytics[0].start <= as_of:
        coupons.append(
            AppliedCoupon(
                id=identifier("di", seed, life.account.number, "ANALYTICS30"),
                coupon="ANALYTICS30",
                start=analytics[0].start,
                item=analytics[0].item,
            )
        )
    return tuple(coupons)


def _with_trouble(seed: int, life: Life, subscription: Subscription, as_of: date) -> Subscription:
    """Some monthly payers are late, unpaid or paused; bad spells make that likelier."""
    ordinary = life.account.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY)
    if subscription.status != "active" or subscription.interval is not Interval.MONTH or not ordinary:
        return subscription
    rng = stream(seed, "trouble", life.account.number)
    month = month_of(as_of)
    luck, unhealthy = float(rng.random()), bool(life.drivers.unhealthy[month])
    settled = month - month_of(life.terms.anchor) >= 4
    if luck < (0.2 if unhealthy else 0.045):
        return replace(subscription, status="past_due", by_transfer=False)
    if luck < (0.32 if unhealthy else 0.065) and settled:
        return replace(subscription, status="unpaid", by_transfer=False)
    if luck > 0.965:
        return replace(subscription, paused=True)
    return subscription


def coupons_at_work(subscription: Subscription, day: date) -> list[AppliedCoupon]:
    """The coupons that reduce an invoice of a day: those of items first, then the subscription's or the customer's."""
    found = [
        applied
        for applied in subscription.coupons
        if applied.start <= day
        and (applied.end is None or day < applied.end)
        and (COUPONS[applied.coupon].duration != "once" or day == applied.start)
    ]
    return sorted(found, key=lambda applied: applied.item is None)


def coupons_still_applied(subscription: Subscription, as_of: date) -> list[AppliedCoupon]:
    """The coupons Stripe still lists on a subscription: not those used up or over."""
    return [
        applied
        for applied in subscription.coupons
        if (applied.end is None or as_of < applied.end)
        and (COUPONS[applied.coupon].duration != "once" or as_of < applied.start)
    ]
