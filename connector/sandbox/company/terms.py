"""Contract terms of one account: interval, trial, coupons, how it pays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from connector.sandbox.company.accounts import LAST_ARRIVAL, identifier, stream
from connector.sandbox.company.calendar import add_months, month_of, month_start, period_around
from connector.sandbox.company.catalogue import COUPONS, Interval
from connector.sandbox.company.model import Account, AccountKind, AppliedCoupon

TRIAL_DAYS = 14


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed at the start."""

    start: date
    second: int
    interval: Interval
    trial_end: date | None
    converts: bool
    coupons: tuple[AppliedCoupon, ...]
    by_transfer: bool

    @property
    def anchor(self) -> date:
        """The first day that is paid for."""
        return self.trial_end or self.start

    def renewal_in(self, month: int) -> date | None:
        """The day in a month on which a period begins again, if one does."""
        last = month_start(month + 1) - timedelta(days=1)
        begins = period_around(self.anchor, self.interval, last)[0]
        return begins if begins >= month_start(month) and begins > self.anchor else None

    def renewal_near(self, month: int) -> bool:
        """Say whether a yearly term ends within the three months from a month on."""
        if self.interval is not Interval.YEAR:
            return False
        return (month_of(self.anchor) - month) % 12 < 3


def draw_terms(seed: int, account: Account, weekly: bool) -> Terms:
    """Draw the terms of an account; a few odd ones pay by the week."""
    rng = stream(seed, "terms", account.number)
    yearly_share = {"smb": 0.46, "mid": 0.68, "enterprise": 0.9}[account.segment]
    yearly, tries, converts = rng.random() < yearly_share, rng.random() < 0.4, rng.random() < 0.78
    start = account.created.date()
    ordinary = account.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY)
    newest = ordinary and (LAST_ARRIVAL - start).days < TRIAL_DAYS
    interval = Interval.YEAR if yearly and ordinary else Interval.MONTH
    trial = start + timedelta(days=TRIAL_DAYS) if ordinary and (tries or newest) else None
    if weekly or account.deleted:
        interval, trial = Interval.WEEK if weekly else Interval.MONTH, None
    return Terms(
        start=start,
        second=account.created.hour * 3600 + account.created.minute * 60 + account.created.second,
        interval=interval,
        trial_end=trial,
        converts=trial is None or bool(converts),
        coupons=_coupons(seed, account, trial or start),
        by_transfer=bool(rng.random() < {"smb": 0.1, "mid": 0.45, "enterprise": 0.9}[account.segment]),
    )


def _coupons(seed: int, account: Account, start: date) -> tuple[AppliedCoupon, ...]:
    """A third of the customers have a coupon, a few of them for good."""
    rng = stream(seed, "coupons", account.number)
    luck, on_customer = float(rng.random()), rng.random() < 0.2
    if account.kind is AccountKind.TEST:
        name = "INTERNAL100"
    elif account.kind not in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY):
        return ()
    else:
        shares = {"WELCOME20": 0.1, "LAUNCH15": 0.06, "PARTNER10": 0.05, "QUARTER25": 0.05, "YEAR10": 0.03}
        shares |= {"LOYAL50EUR": 0.03, "LOYAL50USD": 0.03}
        name = ""
        for coupon, share in shares.items():
            if 0 <= luck < share:
                name = coupon
            luck -= share
        if not name or COUPONS[name].currency not in (None, account.currency):
            return ()
    months = COUPONS[name].months
    return (
        AppliedCoupon(
            id=identifier("di", seed, account.number, name),
            coupon=name,
            start=start,
            end=add_months(start, months) if months else None,
            on_customer=bool(on_customer) and COUPONS[name].duration == "forever",
        ),
    )
