"""Money is whole minor units: exact in every class of currency, and never summed across two."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import ConfigError
from connector.domain.money import KNOWN, THREE_DECIMAL, ZERO_DECIMAL, FxRate, FxTable, Money, exponent, round_minor

DAY = date(2026, 9, 30)
TABLE = FxTable(
    rates=(
        FxRate(currency="USD", since=date(2024, 1, 1), rate=Decimal("0.92")),
        FxRate(currency="USD", since=date(2026, 1, 1), rate=Decimal("0.90")),
        FxRate(currency="USD", since=date(2027, 1, 1), rate=Decimal("0.50")),
        FxRate(currency="JPY", since=date(2024, 1, 1), rate=Decimal("0.006")),
        FxRate(currency="KWD", since=date(2024, 1, 1), rate=Decimal("3")),
    )
)


@pytest.mark.parametrize(
    ("currency", "major"), [("EUR", "12.34"), ("JPY", "1234"), ("KWD", "1.234"), ("ISK", "12.34"), ("UGX", "12.34")]
)
def test_major_unit(currency: str, major: str) -> None:
    """1234 minor units are so many major ones, by the currency's class."""
    assert Money(1234, currency).major == Decimal(major)


@given(currency=st.sampled_from(sorted(KNOWN)), minor=st.integers(-(10**15), 10**15))
def test_major_is_exact(currency: str, minor: int) -> None:
    """The major unit loses nothing, in any currency and at any size."""
    assert Money(minor, currency).major * 10 ** exponent(currency) == minor


def test_classes_do_not_overlap() -> None:
    """A currency has one number of decimals."""
    assert not ZERO_DECIMAL & THREE_DECIMAL


def test_sum_within_a_currency() -> None:
    """Amounts of one currency add up."""
    assert Money(1, "EUR") + Money(2, "EUR") == Money(3, "EUR")


def test_no_sum_across_currencies() -> None:
    """Amounts of two currencies never add up."""
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money(1, "EUR") + Money(2, "USD")


@pytest.mark.parametrize(
    ("exact", "whole"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("2.51", 3), ("-1.5", -2)]
)
def test_rounding(exact: str, whole: int) -> None:
    """Halves go to the even neighbour, so that sums do not drift."""
    assert round_minor(Decimal(exact)) == whole


def test_rounding_is_exact_at_any_size() -> None:
    """A half beyond the digits of a decimal context is still seen as less than a half, or as more."""
    assert round_minor(Fraction(10**40 * 2 + 1, 2) - Fraction(1, 10**60)) == 10**40
    assert round_minor(Fraction(10**40 * 2 + 1, 2) + Fraction(1, 10**60)) == 10**40 + 1


@pytest.mark.parametrize(
    ("money", "to", "expected"),
    [
        (Money(1000, "EUR"), "EUR", Money(1000, "EUR")),
        (Money(1000, "USD"), "EUR", Money(900, "EUR")),
        (Money(900, "EUR"), "USD", Money(1000, "USD")),
        (Money(1000, "JPY"), "EUR", Money(600, "EUR")),
        (Money(600, "EUR"), "JPY", Money(1000, "JPY")),
        (Money(1000, "KWD"), "EUR", Money(300, "EUR")),
        (Money(100, "USD"), "JPY", Money(150, "JPY")),
    ],
)
def test_conversion(money: Money, to: str, expected: Money) -> None:
    """Conversion goes through the base at the newest rate of the day, between classes of currency too."""
    assert TABLE.convert(money, to, DAY) == expected


def test_rate_of_the_day() -> None:
    """An older day keeps its older rate, and a rate to come is not used yet."""
    assert TABLE.convert(Money(1000, "USD"), "EUR", date(2025, 6, 1)) == Money(920, "EUR")


@pytest.mark.parametrize(("currency", "on"), [("GBP", DAY), ("USD", date(2023, 12, 31))])
def test_missing_rate(currency: str, on: date) -> None:
    """A rate that is missing, or begins later, is an error with the line to add."""
    with pytest.raises(ConfigError, match=f"no exchange rate for {currency}") as refused:
        TABLE.convert(Money(1, currency), "EUR", on)

    assert refused.value.problem.at == "mappings/fx.yaml"
    assert f"currency: {currency}, since: {on}" in (refused.value.problem.hint or "")
