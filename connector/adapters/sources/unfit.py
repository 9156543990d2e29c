"""Why a raw row is refused, and the checks that every source makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connector.domain.billing import QuarantineReason as Reason
from connector.domain.money import KNOWN

SLACK = timedelta(days=1)


class UnfitError(Exception):
    """A raw row that cannot become canonical; it is set aside, and the load goes on."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what


def known_currency(currency: str) -> str:
    """Refuse a currency that ISO 4217 does not know."""
    if currency not in KNOWN:
        raise UnfitError(Reason.UNKNOWN_CURRENCY, f"currency {currency!r} is unknown")
    return currency


def not_future(at: datetime | None, now: datetime, what: str) -> datetime | None:
    """Refuse a moment that has not come yet; a day is left for clocks and time zones."""
    if at is not None and at > now + SLACK:
        raise UnfitError(Reason.FUTURE_DATE, f"{what} {at:%Y-%m-%d} lies after {now:%Y-%m-%d}")
    return at


def domain_of(address: str | None, free_mail: Sequence[str]) -> str | None:
    """The company's domain in an e-mail or web address; None for a free-mail one."""
    if not address:
        return None
    host = address.rpartition("@")[2].rpartition("://")[2]
    domain = host.partition("/")[0].strip().lower().removeprefix("www.")
    return domain if "." in domain and domain not in free_mail else None
