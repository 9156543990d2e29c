"""Reads Stripe objects of any API version.

Customers pin old versions, and stand-ins speak old ones, so each fact that has moved is read from both places:
periods (subscription → item), `plan` → `price`, `discount` → `discounts`, `line.price` → `line.pricing`,
`invoice.subscription` → `invoice.parent`, `discount.coupon` → `discount.source.coupon`.

Source: Stripe API changelog, 2025-03-31.basil and later; "Upgrades" for `plan` and `quantity_decimal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.domain.pricing import Discount, Price, Tier, Transform

Object = Mapping[str, Any]


def moment(seconds: int | None) -> datetime | None:
    """Unix seconds as a UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def id_of(reference: Any) -> str | None:
    """The id of something that is shown as an id or in full."""
    found = reference.get("id") if isinstance(reference, Mapping) else reference
    return None if found is None else str(found)


def items(subscription: Object) -> Sequence[Object]:
    """Items of a subscription."""
    return subscription["items"]["data"]  # type: ignore[no-any-return]


def price_of(item: Object) -> Object:
    """The embedded price or, before prices existed, the plan."""
    return item.get("price") or item["plan"]  # type: ignore[no-any-return]


def period(subscription: Object, item: Object) -> tuple[int | None, int | None]:
    """Current period of an item."""
    start = item.get("current_period_start", subscription.get("current_period_start"))
    return start, item.get("current_period_end", subscription.get("current_period_end"))


def quantity(holder: Object) -> Decimal | None:
    """Quantity of an item or a line; the decimal form is exact where both are there."""
    exact = holder.get("quantity_decimal")
    given = exact if exact is not None else holder.get("quantity")
    return None if given is None else Decimal(str(given))


def recurrence(price: Object) -> Object | None:
    """`recurring` of a price, or the same from a plan, which always recurs."""
    if price.get("object") == "plan" or "recurring" not in price:
        return {name: price.get(name) for name in ("interval", "interval_count", "usage_type", "meter")}
    return price["recurring"]  # type: ignore[no-any-return]


def price(raw: Object) -> Price:
    """A price or a plan as ours."""
    recurring = recurrence(raw)
    tiers = tuple(_tier(tier) for tier in raw.get("tiers") or ())
    transform = raw.get("transform_quantity") or raw.get("transform_usage")
    unit = raw.get("unit_amount_decimal", raw.get("amount_decimal"))
    if unit is None:
        unit = raw.get("unit_amount", raw.get("amount"))
    return Price(
        currency=str(raw["currency"]).upper(),
        interval=None if recurring is None else recurring["interval"],
        interval_count=1 if recurring is None else int(recurring.get("interval_count") or 1),
        unit_amount=None if unit is None or tiers else Decimal(str(unit)),
        tiers=tiers,
        tiers_mode=raw.get("tiers_mode") if tiers else None,
        transform_quantity=None if not transform else Transform(transform["divide_by"], transform["round"]),
        metered=recurring is not None and recurring.get("usage_type") == "metered",
        recurring=recurring is not None,
    )


def _tier(raw: Object) -> Tier:
    up_to = raw.get("up_to")
    unit = raw.get("unit_amount_decimal") or raw.get("unit_amount") or 0
    flat = raw.get("flat_amount_decimal") or raw.get("flat_amount") or 0
    # An old server writes the last tier's limit as "inf".
    return Tier(None if up_to in (None, "inf") else int(up_to), Decimal(str(unit)), Decimal(str(flat)))


def discounts(holder: Object) -> Sequence[Object]:
    """Expanded discounts at work on a customer, a subscription or an item."""
    several = [one for one in holder.get("discounts") or () if isinstance(one, Mapping)]
    single = holder.get("discount")
    return several or ([single] if isinstance(single, Mapping) else [])


def coupon_of(discount: Object, coupons: Mapping[str, Object]) -> Object | None:
    """The coupon behind a discount, from the discount itself or from the list of coupons."""
    reference = discount.get("coupon") or (discount.get("source") or {}).get("coupon")
    if isinstance(reference, Mapping):
        return {**reference, **coupons.get(str(reference["id"]), {})}
    return None if reference is None else coupons.get(str(reference))


def discount_terms(coupon: Object) -> Discount:
    """What a coupon takes off."""
    percent, amount = coupon.get("percent_off"), coupon.get("amount_off")
    return Discount(
        percent_off=None if percent is None else Decimal(str(percent)),
        amount_off=None if amount is None else Decimal(str(amount)),
        duration=coupon["duration"],
        applies_to=tuple((coupon.get("applies_to") or {}).get("products") or ()),
    )


def invoice_subscription(invoice: Object) -> str | None:
    """The subscription an invoice bills."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    return id_of(details.get("subscription") or invoice.get("subscription"))


def line_item(line: Object) -> str | None:
    """The subscription item a line bills; none for one-off lines."""
    details = (line.get("parent") or {}).get("subscription_item_details") or {}
    return id_of(details.get("subscription_item") or line.get("subscription_item"))


def line_price(line: Object) -> str | None:
    """The price a line bills."""
    details = (line.get("pricing") or {}).get("price_details") or {}
    return id_of(details.get("price") or line.get("price") or line.get("plan"))


def line_is_credit(line: Object) -> bool:
    """Tell whether a line gives back the unused part of an earlier state."""
    return int(line["amount"]) < 0
