"""What a price comes to per month.

MRR is built from prices and quantities, not from invoices, and stays an exact fraction of a minor unit until the one
place that stores it rounds. A year has 365 days, 52 weeks or 12 months, because 30 days or 4 weeks a month understate
short plans. Item discounts come off before subscription discounts.

Source: Stripe API reference, "Prices" (tiers, transform_quantity) and "Discounts"; Stripe glossary of billing metrics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil, floor
from typing import Any, Literal, assert_never

from connector.domain.values import value

Interval = Literal["day", "week", "month", "year"]
TiersMode = Literal["graduated", "volume"]
Duration = Literal["once", "repeating", "forever"]
Number = int | float | Decimal | Fraction

PER_MONTH: dict[str, Fraction] = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


@dataclass(frozen=True)
class Tier:
    """A step of a tiered price; `up_to` None is the last one. Amounts are minor units."""

    up_to: int | None
    unit_amount: Decimal = Decimal(0)
    flat_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Transform:
    """Packs: the quantity is divided and rounded before it is priced."""

    divide_by: int
    round: Literal["up", "down"] = "up"

    def __call__(self, quantity: Fraction) -> Fraction:
        packs = quantity / self.divide_by
        return Fraction(ceil(packs) if self.round == "up" else floor(packs))


@dataclass(frozen=True)
class Price:
    """A price as it was agreed: amounts are exact minor units of its currency."""

    currency: str
    interval: Interval | None = "month"
    interval_count: int = 1
    unit_amount: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    tiers_mode: TiersMode | None = None
    transform_quantity: Transform | None = None
    metered: bool = False
    recurring: bool = True

    @cached_property
    def per_month(self) -> Fraction:
        """How many of its intervals fit into a month; 0 for a one-time price."""
        if not self.recurring or self.interval is None:
            return Fraction(0)
        per_month = PER_MONTH[self.interval]
        return per_month if self.interval_count == 1 else per_month / self.interval_count

    @cached_property
    def per_unit(self) -> Fraction:
        """What a unit costs an interval where there are no tiers."""
        return Fraction(self.unit_amount or 0)

    def cheaper_step(self, quantity: float) -> tuple[int, Tier, Tier] | None:
        """The next quantity from which a unit costs less: its first unit, the step stood on, and the step reached."""
        here = next((step for step in self.tiers if step.up_to is None or quantity <= step.up_to), None)
        rest = self.tiers[self.tiers.index(here) :] if here is not None else ()
        for below, step in pairwise(rest):
            if here is not None and below.up_to is not None and step.unit_amount < here.unit_amount:
                return below.up_to + 1, here, step
        return None

    def to_json(self) -> str:
        """Write it down exactly; `from_json` gives the same price back."""
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Price:
        """Read what `to_json` wrote."""
        stored: dict[str, Any] = json.loads(text)
        tiers = tuple(Tier(t["up_to"], Decimal(t["unit_amount"]), Decimal(t["flat_amount"])) for t in stored["tiers"])
        transform, unit = stored["transform_quantity"], stored["unit_amount"]
        exact = {
            "tiers": tiers,
            "unit_amount": None if unit is None else Decimal(unit),
            "transform_quantity": None if transform is None else Transform(**transform),
        }
        return cls(**{**stored, **exact})


@dataclass(frozen=True)
class Discount:
    """A coupon at work: a percentage, or an amount of minor units per invoice of the price's interval."""

    percent_off: Decimal | None = None
    amount_off: Decimal | None = None
    duration: Duration = "forever"
    applies_to: tuple[str, ...] = ()
    """Products it is limited to; empty: all."""

    @cached_property
    def left_of_one(self) -> Fraction:
        """What a percentage leaves of one."""
        return 1 - Fraction(self.percent_off or 0) / 100

    def covers(self, product_id: str | None) -> bool:
        """Tell whether it takes anything off this product."""
        return not self.applies_to or product_id in self.applies_to


@dataclass(frozen=True)
class Terms:
    """The discounts of one billed item: its own, and all those of its subscription, whether they cover it or not."""

    own: tuple[Discount, ...] = ()
    shared: tuple[Discount, ...] = ()

    def to_json(self) -> str:
        """Write them down exactly; `from_json` gives the same back."""
        return json.dumps([[_plain_discount(d) for d in some] for some in (self.own, self.shared)])

    @classmethod
    def from_json(cls, text: str) -> Terms:
        """Read what `to_json` wrote."""
        own, shared = (tuple(_discount(told) for told in some) for some in json.loads(text))
        return cls(own, shared)


def _plain_discount(one: Discount) -> list[Any]:
    numbers = (None if number is None else str(number) for number in (one.percent_off, one.amount_off))
    return [*numbers, one.duration, list(one.applies_to)]


def _discount(told: Sequence[Any]) -> Discount:
    percent, off = (None if number is None else Decimal(number) for number in told[:2])
    return Discount(percent, off, told[2], tuple(told[3]))


def amount(price: Price, quantity: Number) -> Fraction:
    """What one interval costs before discounts, in minor units."""
    units = quantity if isinstance(quantity, Fraction) else Fraction(quantity)
    if price.transform_quantity is not None:
        units = price.transform_quantity(units)
    match price.tiers_mode if price.tiers else None:
        case None:
            return price.per_unit * units
        case "volume":
            return _volume(price.tiers, units)
        case "graduated":
            return _graduated(price.tiers, units)
        case _ as never:
            assert_never(never)


def monthly(price: Price, quantity: Number | None, discounts: Sequence[Discount] = ()) -> Fraction:
    """Monthly recurring minor units, discounts taken in their order; 0 when metered, one-time or without quantity."""
    if price.metered or quantity is None or not price.per_month:
        return Fraction(0)
    return discounted(amount(price, quantity), discounts) * price.per_month


def discounted(full: Fraction, discounts: Sequence[Discount]) -> Fraction:
    """Take each discount off in turn; never below zero."""
    if not discounts:
        return full
    left = full
    for discount in discounts:
        if discount.percent_off is not None:
            left *= discount.left_of_one
        if discount.amount_off is not None:
            left -= Fraction(discount.amount_off)
    return max(left, Fraction(0)) if full > 0 else left


def spread(total: Decimal, weights: Sequence[Fraction]) -> tuple[Decimal, ...]:
    """Share out an amount in proportion, in whole minor units that add up to it exactly (largest remainders first)."""
    whole = sum(weights, Fraction(0))
    if not whole:
        return tuple(Decimal(0) for _ in weights)
    exact = [Fraction(total) * weight / whole for weight in weights]
    shares = [floor(part) for part in exact]
    missing = round(Fraction(total)) - sum(shares)
    by_remainder = sorted(range(len(exact)), key=lambda at: (shares[at] - exact[at], at))
    for at in by_remainder[:missing]:
        shares[at] += 1
    return tuple(Decimal(share) for share in shares)


def _volume(tiers: Sequence[Tier], units: Fraction) -> Fraction:
    """The tier that holds the quantity prices all of it."""
    if units <= 0:
        return Fraction(0)
    tier = next((tier for tier in tiers if tier.up_to is None or units <= tier.up_to), tiers[-1])
    return units * Fraction(tier.unit_amount) + Fraction(tier.flat_amount)


def _graduated(tiers: Sequence[Tier], units: Fraction) -> Fraction:
    """Each tier prices its own part; its flat amount is due once it is entered."""
    total, below = Fraction(0), Fraction(0)
    for tier in tiers:
        if units <= below:
            break
        top = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        total += (top - below) * Fraction(tier.unit_amount) + Fraction(tier.flat_amount)
        below = Fraction(top)
    return total


def _plain(price: Price) -> dict[str, Any]:
    transform = price.transform_quantity
    return {
        "currency": price.currency,
        "interval": price.interval,
        "interval_count": price.interval_count,
        "unit_amount": None if price.unit_amount is None else str(price.unit_amount),
        "tiers": [
            {"up_to": tier.up_to, "unit_amount": str(tier.unit_amount), "flat_amount": str(tier.flat_amount)}
            for tier in price.tiers
        ],
        "tiers_mode": price.tiers_mode,
        "transform_quantity": None
        if transform is None
        else {"divide_by": transform.divide_by, "round": transform.round},
        "metered": price.metered,
        "recurring": price.recurring,
    }


@value
class PricedItem:
    """One item of a subscription at one moment, with the discounts of its own."""

    price: Price
    quantity: Number | None
    product_id: str | None = None
    discounts: tuple[Discount, ...] = ()


def monthly_items(items: Sequence[PricedItem], discounts: Sequence[Discount] = ()) -> list[Fraction]:
    """Monthly minor units of each item, after its own discounts and then those of the subscription.

    A percentage takes the same share of every item it covers; an amount is shared out in proportion to what they cost.
    """
    left = [
        discounted(amount(item.price, item.quantity or 0), item.discounts) if _counts(item) else Fraction(0)
        for item in items
    ]
    for discount in discounts:
        covered = [at for at, item in enumerate(items) if _counts(item) and discount.covers(item.product_id)]
        parts = [discount] * len(covered)
        if discount.amount_off is not None:
            shares = spread(discount.amount_off, [left[at] for at in covered])
            parts = [Discount(discount.percent_off, share) for share in shares]
        for at, part in zip(covered, parts, strict=True):
            left[at] = discounted(left[at], [part])
    return [_per_month(one, item.price) for one, item in zip(left, items, strict=True)]


def _per_month(minor: Fraction, price: Price) -> Fraction:
    # Most prices are monthly already, and exact multiplication is slow.
    return minor if price.per_month is PER_MONTH["month"] else minor * price.per_month


def added(before: Sequence[PricedItem], after: Sequence[PricedItem], discounts: Sequence[Discount] = ()) -> Fraction:
    """How much monthly revenue a change of a subscription's items adds, in minor units, under the same discounts.

    An amount off is spent once, whatever is added; what of it found nothing to come off yet comes off the addition.
    """
    if all(discount.amount_off is None for discount in discounts):
        # Nothing is shared out: what stays as it is costs what it did.
        before, after = _without(before, after), _without(after, before)
    gained, lost = monthly_items(after, discounts), monthly_items(before, discounts)
    return _sum(gained) - _sum(lost) if lost else _sum(gained)


def _sum(parts: Sequence[Fraction]) -> Fraction:
    return sum(parts[1:], parts[0]) if parts else Fraction(0)


def _without(items: Sequence[PricedItem], others: Sequence[PricedItem]) -> list[PricedItem]:
    """Items that are not themselves among the others."""
    return [one for one in items if not any(one is other for other in others)]


def _counts(item: PricedItem) -> bool:
    return not item.price.metered and item.quantity is not None and bool(item.price.per_month)
