"""What prices come to per month."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.pricing import Discount, Price, PricedItem, Tier, Transform, monthly, monthly_items, spread

FLAT = Price("EUR", unit_amount=Decimal(1000))
TIERS = (Tier(10, Decimal(100), Decimal(500)), Tier(None, Decimal(80)))


@pytest.mark.parametrize(
    ("interval", "count", "factor"),
    [
        ("day", 1, Fraction(365, 12)),
        ("week", 1, Fraction(52, 12)),
        ("week", 2, Fraction(26, 12)),
        ("month", 1, Fraction(1)),
        ("month", 3, Fraction(1, 3)),
        ("year", 1, Fraction(1, 12)),
        ("year", 2, Fraction(1, 24)),
    ],
)
def test_intervals_become_months(interval: str, count: int, factor: Fraction) -> None:
    """A price counts by how often its interval fits into a twelfth of 365 days."""
    price = Price("EUR", interval, count, Decimal(1000))

    assert monthly(price, 3) == 3000 * factor


@pytest.mark.parametrize(
    ("mode", "quantity", "amount"),
    [
        ("graduated", 0, 0),
        ("graduated", 10, 10 * 100 + 500),
        ("graduated", 12, 10 * 100 + 500 + 2 * 80),
        ("volume", 0, 0),
        ("volume", 10, 10 * 100 + 500),
        ("volume", 12, 12 * 80),
    ],
)
def test_tiers(mode: str, quantity: int, amount: int) -> None:
    """Graduated tiers price their own part each; the volume tier that holds the quantity prices all of it."""
    assert monthly(Price("EUR", tiers=TIERS, tiers_mode=mode), quantity) == amount


@pytest.mark.parametrize(("rounding", "amount"), [("up", 3000), ("down", 2000)])
def test_packs_round_the_quantity(rounding: str, amount: int) -> None:
    """A transform divides and rounds the quantity before it is priced."""
    price = Price("EUR", unit_amount=Decimal(1000), transform_quantity=Transform(5, rounding))

    assert monthly(price, 11) == amount


@pytest.mark.parametrize("price", [Price("EUR", None, 1, Decimal(900), recurring=False), Price("EUR", metered=True)])
def test_one_off_and_metered_are_worth_nothing(price: Price) -> None:
    """One-off and metered prices never count as recurring revenue."""
    assert monthly(price, 10) == 0


def test_item_discounts_come_before_the_subscriptions() -> None:
    """An amount off the item is taken before a percentage off the subscription."""
    item = PricedItem(FLAT, 10, discounts=(Discount(amount_off=Decimal(2000)),))

    assert monthly_items([item], [Discount(percent_off=Decimal(10))]) == [7200]


def test_an_amount_off_is_shared_out_among_the_items_it_covers() -> None:
    """An amount off the subscription falls on covered items in proportion to what they cost."""
    items = [PricedItem(FLAT, 3, "a"), PricedItem(FLAT, 1, "a"), PricedItem(FLAT, 5, "b")]

    left = monthly_items(items, [Discount(amount_off=Decimal(1000), applies_to=("a",))])

    assert left == [2250, 750, 5000]


def test_a_discount_never_makes_revenue_negative() -> None:
    """An amount off that exceeds the price leaves zero."""
    assert monthly(FLAT, 1, [Discount(amount_off=Decimal(5000))]) == 0


@given(
    unit=st.none() | st.decimals(0, 10**6, places=12),
    transform=st.none() | st.builds(Transform, st.integers(1, 100), st.sampled_from(["up", "down"])),
    mode=st.sampled_from(["graduated", "volume"]),
    metered=st.booleans(),
)
def test_json_keeps_a_price_exactly(
    unit: Decimal | None, transform: Transform | None, mode: str, metered: bool
) -> None:
    """A price written as JSON and read again is the same price."""
    tiers = TIERS if unit is None else ()
    price = Price("KWD", "week", 2, unit, tiers, mode if tiers else None, transform, metered)

    assert Price.from_json(price.to_json()) == price


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6).map(Fraction), min_size=1, max_size=8))
def test_shares_add_up(total: int, weights: list[Fraction]) -> None:
    """An amount that is shared out is there in full, unless nobody weighs anything."""
    assert sum(spread(Decimal(total), weights)) == (total if any(weights) else 0)
