"""The demo company's world in neutral values, before any vendor's shape.

Money is in the minor unit. A day names a change; the moment of the day belongs to the subscription, because Stripe
bills every period of a subscription at the second it was anchored to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from connector.sandbox.company.catalogue import Interval

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.sandbox.company.truth import TruthRow


def moment_of_cut(as_of: date) -> datetime:
    """The moment at which a world cut at a day stands: after working hours, so nothing in it is later."""
    return datetime.combine(as_of, time(18, tzinfo=UTC))


class AccountKind(StrEnum):
    """Why a billing account exists: a customer of its own, one of a group, or dirt."""

    CUSTOMER = "customer"
    SUBSIDIARY = "subsidiary"
    DUPLICATE = "duplicate"
    TEST = "test"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Account:
    """One billing account."""

    id: str
    number: int
    kind: AccountKind
    name: str
    domain: str | None
    country: str
    city: str
    language: str
    currency: str
    time_zone: str
    segment: str
    industry: str
    employees: int
    created: datetime
    parent: str | None = None
    same_company_as: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """What a subscription item was from one day until the day before another."""

    item: str
    product: str
    quantity: int | None
    start: date
    end: date | None = None

    def holds_on(self, day: date) -> bool:
        """Say whether this version is in force on a day."""
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class AppliedCoupon:
    """A coupon at work from a day, on the whole subscription, on one item of it, or on the customer."""

    id: str
    coupon: str
    start: date
    end: date | None = None
    item: str | None = None
    on_customer: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """A contract: its items through time and where it stands at the cut."""

    id: str
    account: str
    currency: str
    interval: Interval
    start: date
    second: int
    status: str
    versions: tuple[ItemVersion, ...]
    trial_end: date | None = None
    coupons: tuple[AppliedCoupon, ...] = ()
    canceled_on: date | None = None
    ends_on: date | None = None
    paused: bool = False
    by_transfer: bool = False

    def moment(self, day: date) -> datetime:
        """The moment of a day at which this subscription changes and renews."""
        return datetime.combine(day, time(tzinfo=UTC)) + timedelta(seconds=self.second)

    def items_on(self, day: date) -> list[ItemVersion]:
        """The item versions in force on a day, oldest item first."""
        return [version for version in self.versions if version.holds_on(day)]


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: list amount before discounts, and what each applied coupon takes off."""

    id: str
    product: str
    price: str
    quantity: int
    amount: int
    start: date
    end: date
    item: str | None = None
    proration: bool = False
    discounts: tuple[tuple[str, int], ...] = ()

    @property
    def net(self) -> int:
        """The amount after discounts."""
        return self.amount - sum(off for _, off in self.discounts)


@dataclass(frozen=True, slots=True)
class Invoice:
    """One bill of a subscription, or a manual one without."""

    id: str
    number: str
    account: str
    subscription: str | None
    currency: str
    created: datetime
    reason: str
    status: str
    lines: tuple[InvoiceLine, ...]
    due: datetime | None = None
    paid_at: datetime | None = None
    attempts: int = 1

    @property
    def total(self) -> int:
        """What the customer owes or is owed by it."""
        return sum(line.net for line in self.lines)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that a customer's bank is asked to take back."""

    id: str
    account: str
    invoice: str
    amount: int
    currency: str
    opened: datetime
    status: str


@dataclass(frozen=True, slots=True)
class InterestEvent:
    """Something that happened at an account, as a product or a news feed would tell it."""

    account: str
    occurred_at: datetime
    event: str
    detail: str
    source: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A person of the vendor's who owns records in the CRM."""

    key: str
    first_name: str
    last_name: str
    email: str
    role: str
    locale: str
    time_zone: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class CrmAccount:
    """An account as the CRM knows it, which is not always how billing knows it."""

    key: str
    name: str
    domain: str | None
    country: str
    city: str
    industry: str
    employees: int
    owner: str
    created: datetime
    description: str | None = None
    parent: str | None = None
    billing: tuple[str, ...] = ()
    named_in_billing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a customer's."""

    key: str
    account: str
    first_name: str
    last_name: str
    email: str | None
    title: str | None
    buying_role: str | None
    language: str
    country: str
    owner: str
    created: datetime
    last_activity: date | None = None


@dataclass(frozen=True, slots=True)
class PersonsOpportunity:
    """An opportunity that a person made in the CRM; `need` says what it is really about."""

    key: str
    account: str
    name: str
    stage: str
    kind: str
    amount: int | None
    currency: str
    owner: str
    created: datetime
    touched: datetime
    closes: date
    contact: str | None = None
    need: str | None = None


@dataclass(frozen=True, slots=True)
class PersonsTask:
    """A task that a person made in the CRM."""

    key: str
    account: str
    subject: str
    due: date
    done: bool
    owner: str
    created: datetime
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class CrmWorld:
    """Everything the CRM holds before the connector first meets it."""

    owners: tuple[Owner, ...]
    accounts: tuple[CrmAccount, ...]
    contacts: tuple[Contact, ...]
    opportunities: tuple[PersonsOpportunity, ...]
    tasks: tuple[PersonsTask, ...]


@dataclass(frozen=True, eq=False)
class Company:
    """The whole world of the demo vendor, cut at one day."""

    seed: int
    as_of: date
    accounts: tuple[Account, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    disputes: tuple[Dispute, ...]
    usage: pa.Table = field(repr=False)
    events: tuple[InterestEvent, ...] = field(repr=False)
    crm: CrmWorld = field(repr=False)
    truth: tuple[TruthRow, ...] = field(repr=False)

    @property
    def now(self) -> datetime:
        """The moment at which this world stands: later than everything in it."""
        return moment_of_cut(self.as_of)
