"""What is sold: products, prices with their tiers, coupons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.sandbox.stripe.objects.common import Object, amounts


def product(
    id: str,
    *,
    name: str,
    created: int,
    active: bool = True,
    description: str | None = None,
    unit_label: str | None = None,
    default_price: str | None = None,
    metadata: Mapping[str, str] | None = None,
    updated: int | None = None,
) -> Object:
    """A product."""
    return {
        "id": id,
        "object": "product",
        "active": active,
        "created": created,
        "default_price": default_price,
        "description": description,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": dict(metadata or {}),
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "unit_label": unit_label,
        "updated": created if updated is None else updated,
        "url": None,
    }


def tier(up_to: int | None, *, unit_amount: int | str | None = None, flat_amount: int | None = None) -> Object:
    """One step of a tiered price; `up_to=None` is the last one."""
    unit, unit_decimal = amounts(unit_amount)
    flat, flat_decimal = amounts(flat_amount)
    return {
        "flat_amount": flat,
        "flat_amount_decimal": flat_decimal,
        "unit_amount": unit,
        "unit_amount_decimal": unit_decimal,
        "up_to": up_to,
    }


def transform_quantity(divide_by: int, round: str = "up") -> Object:
    """Packs: the quantity is divided and rounded `up` or `down` before it is priced."""
    return {"divide_by": divide_by, "round": round}


def price(
    id: str,
    *,
    product: str,
    currency: str,
    created: int,
    unit_amount: int | str | None = None,
    interval: str | None = "month",
    interval_count: int = 1,
    meter: str | None = None,
    tiers: Sequence[Object] = (),
    tiers_mode: str = "graduated",
    transform_quantity: Object | None = None,
    currency_options: Mapping[str, Object] | None = None,
    nickname: str | None = None,
    lookup_key: str | None = None,
    active: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> Object:
    """A price: one-time without an interval, metered with a meter, tiered with tiers.

    `unit_amount` is in the minor unit; a string carries up to twelve decimals of it.
    """
    if tiers and transform_quantity:
        raise ValueError(f"price {id}: transform_quantity cannot be combined with tiers")
    if not tiers and unit_amount is None:
        raise ValueError(f"price {id}: give unit_amount or tiers")
    whole, decimal = (None, None) if tiers else amounts(unit_amount)
    made = {
        "id": id,
        "object": "price",
        "active": active,
        "billing_scheme": "tiered" if tiers else "per_unit",
        "created": created,
        "currency": currency,
        "currency_options": {currency: _own_currency(whole, decimal, tiers), **(currency_options or {})},
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": dict(metadata or {}),
        "nickname": nickname,
        "product": product,
        "recurring": _recurring(interval, interval_count, meter),
        "tax_behavior": "unspecified",
        "tiers_mode": tiers_mode if tiers else None,
        "transform_quantity": transform_quantity,
        "type": "recurring" if interval else "one_time",
        "unit_amount": whole,
        "unit_amount_decimal": decimal,
    }
    return {**made, "tiers": list(tiers)} if tiers else made


def _own_currency(whole: int | None, decimal: str | None, tiers: Sequence[Object]) -> Object:
    """The price's own currency is among its currency options too."""
    amounts = {
        "custom_unit_amount": None,
        "tax_behavior": "unspecified",
        "unit_amount": whole,
        "unit_amount_decimal": decimal,
    }
    return {**amounts, "tiers": list(tiers)} if tiers else amounts


def _recurring(interval: str | None, interval_count: int, meter: str | None) -> Object | None:
    if interval is None:
        return None
    return {
        "interval": interval,
        "interval_count": interval_count,
        "meter": meter,
        "usage_type": "licensed" if meter is None else "metered",
    }


def coupon(
    id: str,
    *,
    created: int,
    percent_off: float | None = None,
    amount_off: int | None = None,
    currency: str | None = None,
    duration: str = "forever",
    duration_in_months: int | None = None,
    applies_to: Sequence[str] = (),
    name: str | None = None,
    valid: bool = True,
    times_redeemed: int = 0,
) -> Object:
    """A coupon: a percentage, or an amount in a currency; `applies_to` names products."""
    if (percent_off is None) == (amount_off is None) or (amount_off is None) != (currency is None):
        raise ValueError(f"coupon {id}: give percent_off, or amount_off with its currency")
    if (duration == "repeating") != (duration_in_months is not None):
        raise ValueError(f"coupon {id}: duration_in_months goes with duration 'repeating', and only with it")
    made: Object = {
        "id": id,
        "object": "coupon",
        "amount_off": amount_off,
        "created": created,
        "currency": currency,
        "duration": duration,
        "duration_in_months": duration_in_months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": name,
        "percent_off": percent_off,
        "redeem_by": None,
        "times_redeemed": times_redeemed,
        "valid": valid,
    }
    return {**made, "applies_to": {"products": list(applies_to)}} if applies_to else made
