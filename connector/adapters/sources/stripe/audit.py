"""MRR from raw Stripe rows, computed a second time and differently.

On purpose this shares nothing with `shapes`, `timeline` or the domain's pricing: it reads the newest raw payloads
only, works in Decimal with its own tiers and discounts, and so finds a mistake made there. What ours leaves out is
told by reason, so that the two can be tied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from connector.domain.billing import StripeMapping
from connector.ports.billing import RawMrr, RawStore

YEAR_PARTS = {"day": Decimal(365), "week": Decimal(52), "month": Decimal(12), "year": Decimal(1)}
YES = ("true", "1", "yes")


def raw_mrr(raw: RawStore, mapping: StripeMapping, as_of: datetime) -> RawMrr:
    """Monthly minor units per currency of every subscription that pays at `as_of`."""
    prices = {row.id: row.payload for row in raw.latest("prices")}
    coupons = {row.id: row.payload for row in raw.latest("coupons")}
    customers = {row.id: row.payload for row in raw.latest("customers")}
    aside = {row: reason for (stream, row), reason in raw.quarantined().items() if stream == "subscriptions"}
    total: dict[str, Decimal] = defaultdict(Decimal)
    left_out: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in raw.latest("subscriptions"):
        subscription = row.payload
        try:
            if not _pays(subscription, as_of):
                continue
            customer = customers.get(_id(subscription.get("customer")), {})
            worth = _worth(subscription, customer, prices, coupons, mapping.mrr_discounts)
            currency = str(subscription.get("currency") or next(iter(_items(subscription)))[1]["currency"]).upper()
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, StopIteration):
            # It cannot be read here either; it is set aside and counted there, and worth nothing known.
            continue
        total[currency] += worth
        reason = aside.get(row.id) or ("test_accounts" if _is_test(customer, mapping) else None)
        reason = reason or ("deleted_accounts" if customer.get("deleted") else None)
        if reason is not None:
            left_out[reason][currency] += worth
    whole = {reason: {currency: _round(amount) for currency, amount in by.items()} for reason, by in left_out.items()}
    return RawMrr({currency: _round(amount) for currency, amount in total.items()}, whole)


def _pays(subscription: Mapping[str, Any], as_of: datetime) -> bool:
    at = as_of.timestamp()
    if (subscription.get("start_date") or subscription["created"]) > at:
        return False
    if subscription["status"] == "canceled":
        trial = subscription.get("trial_end") or 0
        return (subscription.get("ended_at") or 0) > at >= trial
    return subscription["status"] in ("active", "past_due") and (subscription.get("trial_end") or 0) <= at


def _worth(
    subscription: Mapping[str, Any],
    customer: Mapping[str, Any],
    prices: Mapping[str, Mapping[str, Any]],
    coupons: Mapping[str, Mapping[str, Any]],
    which: str,
) -> Decimal:
    """Monthly worth of one subscription after the discounts that count."""
    lines: list[dict[str, Any]] = []
    for item, shown in _items(subscription):
        price = {**shown, **prices.get(shown["id"], {})}
        recurring = price if "interval" in price else price.get("recurring")
        if not recurring or recurring.get("usage_type") == "metered":
            continue
        per_month = YEAR_PARTS[recurring["interval"]] / 12 / Decimal(recurring.get("interval_count") or 1)
        quantity = Decimal(str(item.get("quantity_decimal") or item.get("quantity", 1)))
        due = _due(price, quantity)
        for coupon in _coupons(item, coupons, which):
            due = _less(due, coupon, due, price)
        lines.append({"due": due, "per_month": per_month, "price": price})
    own = _coupons(subscription, coupons, which)
    has_any = subscription.get("discounts") or subscription.get("discount")
    for coupon in own if has_any else _coupons(customer, coupons, which):
        covered = sum((line["due"] for line in lines if _covers(coupon, line["price"])), Decimal(0))
        for line in lines:
            line["due"] = _less(line["due"], coupon, covered, line["price"])
    return sum((line["due"] * line["per_month"] for line in lines), Decimal(0))


def _items(subscription: Mapping[str, Any]) -> Iterable[Any]:
    return ((item, item.get("price") or item.get("plan")) for item in subscription["items"]["data"])


def _due(price: Mapping[str, Any], quantity: Decimal) -> Decimal:
    """What one interval costs."""
    packs = price.get("transform_quantity")
    if packs:
        rounding = ROUND_CEILING if packs["round"] == "up" else ROUND_FLOOR
        quantity = (quantity / packs["divide_by"]).to_integral_value(rounding)
    if not price.get("tiers"):
        for name in ("unit_amount_decimal", "unit_amount", "amount_decimal", "amount"):
            if price.get(name) is not None:
                return Decimal(str(price[name])) * quantity
        return Decimal(0)
    due, lower = Decimal(0), Decimal(0)
    for tier in price["tiers"]:
        upper = Decimal("Infinity") if tier.get("up_to") in (None, "inf") else Decimal(tier["up_to"])
        unit = Decimal(str(tier.get("unit_amount_decimal") or tier.get("unit_amount") or 0))
        flat = Decimal(str(tier.get("flat_amount_decimal") or tier.get("flat_amount") or 0))
        if price["tiers_mode"] == "volume":
            if quantity <= upper and quantity > 0:
                return quantity * unit + flat
        elif quantity > lower:
            due += (min(quantity, upper) - lower) * unit + flat
        lower = upper
    return due


def _coupons(holder: Mapping[str, Any], coupons: Mapping[str, Any], which: str) -> list[Mapping[str, Any]]:
    shown: list[Any] = [one for one in holder.get("discounts") or [] if isinstance(one, dict)]
    counted = {"forever": ("forever",), "recurring": ("forever", "repeating"), "none": ()}[which]
    found: list[Mapping[str, Any]] = []
    for discount in shown or [holder.get("discount")]:
        if not discount:
            continue
        named = discount.get("coupon") or discount["source"]["coupon"]
        coupon = {**coupons.get(_id(named), {}), **(named if isinstance(named, dict) else {})}
        coupon["applies_to"] = coupon.get("applies_to") or coupons.get(_id(named), {}).get("applies_to")
        if coupon.get("duration") in counted:
            found.append(coupon)
    return found


def _covers(coupon: Mapping[str, Any], price: Mapping[str, Any]) -> bool:
    only = (coupon.get("applies_to") or {}).get("products")
    return not only or _id(price.get("product")) in only


def _less(due: Decimal, coupon: Mapping[str, Any], covered: Decimal, price: Mapping[str, Any]) -> Decimal:
    if not _covers(coupon, price):
        return due
    if coupon.get("percent_off") is not None:
        return due * (100 - Decimal(str(coupon["percent_off"]))) / 100
    share = due / covered if covered else Decimal(0)
    return max(due - Decimal(coupon["amount_off"]) * share, Decimal(0))


def _is_test(customer: Mapping[str, Any], mapping: StripeMapping) -> bool:
    flag = (customer.get("metadata") or {}).get(mapping.account.test or "")
    return flag is not None and str(flag).lower() in YES


def _id(reference: Any) -> str:
    return str(reference.get("id") if isinstance(reference, dict) else reference)


def _round(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_EVEN))
