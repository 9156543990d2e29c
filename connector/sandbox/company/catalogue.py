"""What the demo vendor sells: products, prices per currency, limits included in each plan, coupons.

Prices are written as the monthly EUR amount; a year costs ten months, and every other currency has price points of
its own, as vendors do it, instead of a converted amount. All amounts are in the minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

CURRENCIES = ("eur", "usd", "gbp", "chf", "cad")
MONTHS_PAID_PER_YEAR = 10
ENVELOPES_PER_PACK = 100


class Interval(StrEnum):
    """How often a price recurs."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    @property
    def per_month(self) -> Fraction:
        """How many of its periods a month holds."""
        return {"week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}[self.value]


class Billing(StrEnum):
    """How a product's price turns a quantity into an amount."""

    SEATS = "seats"
    FLAT = "flat"
    TIERED = "tiered"
    METERED = "metered"
    ONE_TIME = "one_time"


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the price list, with its monthly amount (or its only one) in each currency."""

    id: str
    name: str
    billing: Billing
    amounts: dict[str, str]
    unit_label: str | None = None
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan includes a month; None is unlimited. Seats are the quantity of the plan's item."""

    documents: int | None
    api_calls: int | None
    storage_gb: int


def _points(eur: int, usd: int, gbp: int, chf: int, cad: int) -> dict[str, str]:
    """Price points in whole currency units, given in the order of `CURRENCIES`."""
    return {currency: str(amount * 100) for currency, amount in zip(CURRENCIES, (eur, usd, gbp, chf, cad), strict=True)}


PLANS = ("prod_free", "prod_starter", "prod_pro", "prod_enterprise")
PRODUCTS: dict[str, Product] = {
    product.id: product
    for product in (
        Product("prod_free", "Free", Billing.SEATS, _points(0, 0, 0, 0, 0), "seat"),
        Product("prod_starter", "Starter", Billing.SEATS, _points(19, 21, 17, 20, 29), "seat"),
        Product("prod_pro", "Pro", Billing.SEATS, _points(39, 42, 35, 41, 59), "seat"),
        Product("prod_enterprise", "Enterprise", Billing.SEATS, _points(69, 75, 62, 72, 105), "seat"),
        Product("prod_mobile", "Mobile", Billing.FLAT, _points(49, 55, 45, 52, 75)),
        Product("prod_signature", "Signature", Billing.TIERED, {}, "pack of 100 envelopes"),
        Product("prod_accounting_sync", "Accounting sync", Billing.FLAT, _points(79, 85, 69, 82, 119)),
        Product("prod_analytics", "Analytics", Billing.FLAT, _points(99, 109, 89, 105, 149)),
        Product("prod_automation", "Automation", Billing.FLAT, _points(149, 165, 135, 155, 225)),
        Product("prod_premium_support", "Premium support", Billing.FLAT, _points(120, 130, 105, 125, 180)),
        Product(
            "prod_sms",
            "Text messages",
            Billing.METERED,
            {"eur": "4.5", "usd": "4.9", "gbp": "3.9", "chf": "4.8", "cad": "6.5"},
            "message",
            "mtr_sms_sent",
        ),
        Product(
            "prod_api_overage",
            "API overage",
            Billing.METERED,
            {"eur": "0.05", "usd": "0.055", "gbp": "0.045", "chf": "0.052", "cad": "0.075"},
            "call",
            "mtr_api_overage",
        ),
        Product("prod_onboarding", "Onboarding", Billing.ONE_TIME, _points(1500, 1650, 1300, 1600, 2300)),
        Product("prod_training", "Training day", Billing.ONE_TIME, _points(900, 990, 790, 950, 1390)),
        Product("prod_consulting", "Consulting day", Billing.ONE_TIME, _points(1200, 1300, 1050, 1250, 1850)),
    )
}
METERS = {"mtr_sms_sent": "sms_sent", "mtr_api_overage": "api_overage"}
"""Meter id → name of the events it counts."""

LIMITS: dict[str, Limits] = {
    "prod_free": Limits(documents=50, api_calls=0, storage_gb=1),
    "prod_starter": Limits(documents=500, api_calls=10_000, storage_gb=10),
    "prod_pro": Limits(documents=5_000, api_calls=200_000, storage_gb=100),
    "prod_enterprise": Limits(documents=None, api_calls=None, storage_gb=1_000),
}
MODULES = (
    "prod_mobile",
    "prod_signature",
    "prod_accounting_sync",
    "prod_analytics",
    "prod_automation",
    "prod_premium_support",
    "prod_sms",
)
NEEDS_PRO = frozenset({"prod_analytics", "prod_automation", "prod_accounting_sync", "prod_premium_support"})
"""Modules sold only on top of Pro or Enterprise."""

SIGNATURE_TIERS: dict[str, tuple[tuple[int | None, int, int], ...]] = {
    "eur": ((5, 2_500, 1_000), (20, 2_000, 0), (None, 1_500, 0)),
    "usd": ((5, 2_750, 1_100), (20, 2_200, 0), (None, 1_650, 0)),
    "gbp": ((5, 2_200, 900), (20, 1_800, 0), (None, 1_350, 0)),
    "chf": ((5, 2_600, 1_050), (20, 2_100, 0), (None, 1_600, 0)),
    "cad": ((5, 3_700, 1_500), (20, 3_000, 0), (None, 2_250, 0)),
}
"""Graduated steps of the monthly signature price: packs up to, amount per pack, amount for entering the step."""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A reduction: a percentage or an amount in one currency."""

    id: str
    name: str
    duration: str
    percent: int | None = None
    amount: int | None = None
    currency: str | None = None
    months: int | None = None
    product: str | None = None


COUPONS: dict[str, Coupon] = {
    coupon.id: coupon
    for coupon in (
        Coupon("WELCOME20", "Welcome: 20 % off the first invoice", "once", percent=20),
        Coupon("LAUNCH15", "Launch customer", "forever", percent=15),
        Coupon("PARTNER10", "Partner", "forever", percent=10),
        Coupon("QUARTER25", "25 % off for three months", "repeating", percent=25, months=3),
        Coupon("YEAR10", "10 % off for a year", "repeating", percent=10, months=12),
        Coupon("LOYAL50EUR", "Loyalty", "forever", amount=5_000, currency="eur"),
        Coupon("LOYAL50USD", "Loyalty", "forever", amount=5_500, currency="usd"),
        Coupon("ANALYTICS30", "30 % off Analytics", "forever", percent=30, product="prod_analytics"),
        Coupon("INTERNAL100", "Internal use", "forever", percent=100),
    )
}


def price_id(product: str, currency: str, interval: Interval | None) -> str:
    """The id of a product's price, e.g. `price_pro_month_eur`; one-time prices have no interval."""
    return "_".join(("price", product.removeprefix("prod_"), interval or "once", currency))


def unit_amount(product: str, currency: str, interval: Interval | None) -> Fraction:
    """The amount for one unit of an untiered price, in the minor unit."""
    amount = Fraction(PRODUCTS[product].amounts[currency])
    match interval:
        case Interval.YEAR:
            return amount * MONTHS_PAID_PER_YEAR
        case Interval.WEEK:
            return amount / 4
        case _:
            return amount


def amount_for(product: str, currency: str, interval: Interval, quantity: int) -> Fraction:
    """The list amount of a licensed item for one period, before any discount."""
    if PRODUCTS[product].billing is not Billing.TIERED:
        return unit_amount(product, currency, interval) * quantity
    factor = MONTHS_PAID_PER_YEAR if interval is Interval.YEAR else 1
    total, below = 0, 0
    for up_to, unit, flat in SIGNATURE_TIERS[currency]:
        within = max(0, min(quantity, up_to or quantity) - below)
        total += (within * unit + (flat if within else 0)) * factor
        below = up_to or quantity
    return Fraction(total)


def intervals_of(product: str) -> tuple[Interval | None, ...]:
    """The intervals a product is sold at."""
    match PRODUCTS[product].billing:
        case Billing.ONE_TIME:
            return (None,)
        case Billing.METERED:
            return (Interval.MONTH,)
        case _ if product == "prod_pro":
            return (Interval.WEEK, Interval.MONTH, Interval.YEAR)
        case _:
            return (Interval.MONTH, Interval.YEAR)
