"""Money is whole minor units and a currency; it is never summed across currencies and never a float.

Source: ISO 4217 for the exponents; Stripe "Supported currencies" for ISK and UGX, which travel as two-decimal
amounts although they have no minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from connector.domain.documents import document
from connector.domain.errors import ConfigError

ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THREE_DECIMAL = frozenset("BHD JOD KWD OMR TND".split())
KNOWN = (
    ZERO_DECIMAL
    | THREE_DECIMAL
    | frozenset(
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF "
        "CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
        "INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN "
        "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD "
        "STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW".split()
    )
)


def exponent(currency: str) -> int:
    """Number of decimals between the minor and the major unit (EUR 2, JPY 0, KWD 3)."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def round_minor(amount: Fraction | Decimal) -> int:
    """Round to whole minor units, halves to even."""
    return round(Fraction(amount))


def share_of(share: float, minor: int) -> int:
    """A share of an amount, exactly as `round_minor` of their exact product, in whole numbers alone."""
    over, under = share.as_integer_ratio()
    whole, rest = divmod(over * minor, under)
    return whole + (2 * rest > under or (2 * rest == under and whole % 2 == 1))


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount in minor units of one currency (ISO 4217, upper case)."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}: convert first")
        return Money(self.minor + other.minor, self.currency)

    @property
    def major(self) -> Decimal:
        """The amount in the major unit, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))


@document
class FxRate:
    """What one unit of a currency was worth in the base currency from a day on."""

    currency: str
    since: date
    rate: Decimal
    """Units of the base currency that one unit of this currency buys."""


@document
class FxTable:
    """Dated exchange rates towards one base currency (`mappings/fx.yaml`)."""

    version: int = 1
    name: str = "fx"
    base: str = "EUR"
    """The currency that every rate leads to."""
    rates: Sequence[FxRate] = ()

    def convert(self, money: Money, to: str, on: date) -> Money:
        """Convert through the base at the newest rates not after `on`; raise ConfigError when one is missing."""
        if money.currency == to:
            return money
        units = Fraction(money.minor, 10 ** exponent(money.currency))
        exact = units * self._to_base(money.currency, on) / self._to_base(to, on)
        return Money(round_minor(exact * 10 ** exponent(to)), to)

    def _to_base(self, currency: str, on: date) -> Fraction:
        if currency == self.base:
            return Fraction(1)
        dated = [rate for rate in self.rates if rate.currency == currency and rate.since <= on]
        if not dated:
            raise ConfigError(
                f"no exchange rate for {currency} on {on.isoformat()}",
                at="mappings/fx.yaml",
                hint=f"add `- {{currency: {currency}, since: {on.isoformat()}, rate: …}}` under rates",
            )
        return Fraction(max(dated, key=lambda rate: rate.since).rate)
