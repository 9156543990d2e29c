"""How a billing system's words become ours (`mappings/billing/<source>.yaml`), and why a row is set aside.

A mapping says nothing about connections: keys and addresses are settings. What a vendor fixes (Stripe's fields) is
code; what a company chooses (its products, its files' columns) is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Literal

from connector.domain.documents import document

MrrDiscounts = Literal["forever", "recurring", "none"]
FREE_MAIL = (
    "aol.com free.fr gmail.com gmx.de gmx.net googlemail.com hotmail.com hotmail.fr icloud.com laposte.net live.com "
    "mac.com mail.com me.com msn.com orange.fr outlook.com outlook.fr pm.me proton.me protonmail.com qq.com sfr.fr "
    "wanadoo.fr web.de yahoo.com yahoo.fr yandex.ru"
).split()


class QuarantineReason(StrEnum):
    """Why a raw row did not become a canonical one."""

    MISSING_ID = "missing_id"
    DUPLICATE_ID = "duplicate_id"
    MALFORMED_ROW = "malformed_row"
    BAD_NUMBER = "bad_number"
    BAD_DATE = "bad_date"
    BAD_VALUE = "bad_value"
    FUTURE_DATE = "future_date"
    ENDS_BEFORE_START = "ends_before_start"
    NEGATIVE_QUANTITY = "negative_quantity"
    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_PRICE = "unknown_price"
    ORPHAN_SUBSCRIPTION = "orphan_subscription"
    ORPHAN_INVOICE = "orphan_invoice"
    ORPHAN_USAGE = "orphan_usage"
    ORPHAN_EVENT = "orphan_event"
    OUTSIDE_SUBSCRIPTION = "outside_subscription"

    @property
    def cure(self) -> str:
        """What the operator can do about it."""
        return _CURES[self]


_CURES = {
    QuarantineReason.MISSING_ID: "give the row an id in the billing system, or map the column that holds it",
    QuarantineReason.DUPLICATE_ID: "remove the second row, or map a column that tells the rows apart",
    QuarantineReason.MALFORMED_ROW: "mend the row: it lacks what its kind of record must have",
    QuarantineReason.BAD_NUMBER: "mend the number, or set `decimal` and `thousands` in the mapping",
    QuarantineReason.BAD_DATE: "mend the date, or add its format to `dates` in the mapping",
    QuarantineReason.BAD_VALUE: "add the value to `values`, `true_words` or `false_words` in the mapping",
    QuarantineReason.FUTURE_DATE: "mend the date, or run with a later --as-of",
    QuarantineReason.ENDS_BEFORE_START: "mend the dates: the end lies before the start",
    QuarantineReason.NEGATIVE_QUANTITY: "mend the quantity: it cannot be negative",
    QuarantineReason.UNKNOWN_CURRENCY: "use an ISO 4217 code, or set `currency` in the mapping",
    QuarantineReason.UNKNOWN_PRICE: "load the price, or mend the price id",
    QuarantineReason.ORPHAN_SUBSCRIPTION: "load the customer it belongs to; the row is tried again on every run",
    QuarantineReason.ORPHAN_INVOICE: "load the customer it belongs to; the row is tried again on every run",
    QuarantineReason.ORPHAN_USAGE: "load the account or subscription it belongs to; it is tried again on every run",
    QuarantineReason.ORPHAN_EVENT: "load the account it belongs to; the row is tried again on every run",
    QuarantineReason.OUTSIDE_SUBSCRIPTION: "mend the dates, or set `outside_subscription: keep` in the mapping",
}


@document
class OfferRule:
    """Which products are one offer of the catalogue: a rule matches when all it names agree; the first match wins."""

    offer: str
    product: str | None = None
    """Product id."""
    price: str | None = None
    """Price id."""
    name: str | None = None
    """Product name, case-insensitive; `*` stands for anything."""
    lookup_key: str | None = None
    """The price's lookup key; `*` stands for anything."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Metadata that the product or the price must carry."""


@document
class AccountKeys:
    """Which metadata keys of a customer say what billing has no field for."""

    segment: str | None = None
    industry: str | None = None
    crm_id: str | None = None
    parent: str | None = None
    time_zone: str | None = None
    domain: str | None = None
    """Without it the domain of the e-mail address counts, unless it is a free-mail one."""
    test: str | None = None
    """A customer whose value is true, 1 or yes is a test account."""


@document
class StripeMapping:
    """How one Stripe account's products, customers and meters are read (`mappings/billing/stripe.yaml`)."""

    version: int = 1
    name: str = "stripe"
    offers: Sequence[OfferRule] = ()
    offer_key: str | None = None
    """Metadata key of a product or price whose value is the offer's id; rules win over it."""
    account: AccountKeys = AccountKeys()
    meters: Mapping[str, str] = field(default_factory=dict)
    """Meter event name → catalogue metric; other meters are not read."""
    mrr_discounts: MrrDiscounts = "forever"
    """Which discounts lower MRR: those for ever, also repeating ones while they last, or none."""
    free_mail: Sequence[str] = tuple(FREE_MAIL)
    """Mail domains that say nothing about the company."""
    usage_lag_hours: int = 24
    """How long after a day ends its usage is complete."""
    usage_days: int = 180
    """How far back meter usage is read the first time."""


FileStream = Literal["accounts", "prices", "subscriptions", "invoices", "usage", "events"]
NEEDED_COLUMNS: Mapping[FileStream, str] = {
    "accounts": "account_id",
    "prices": "price_id",
    "subscriptions": "subscription_id account_id started_at",
    "invoices": "invoice_id account_id created_at",
    "usage": "day metric",
    "events": "account_id occurred_at event",
}
"""Columns without which no row of a stream can be read; usage also needs an account or a subscription."""
OTHER_COLUMNS: Mapping[FileStream, str] = {
    "accounts": "name domain email parent_id country currency time_zone locale segment industry crm_id is_test deleted "
    "created_at",
    "prices": "product_id product_name offer_id currency unit_amount interval interval_count recurring metered active "
    "created_at",
    "subscriptions": "item_id offer_id price_id quantity mrr arr list_mrr currency status is_trial paused trial_end "
    "ended_at cancel_at period_start period_end term_months interval",
    "invoices": "subscription_id status currency total due_at paid_at disputed",
    "usage": "account_id subscription_id value",
    "events": "event_id detail link",
}


@document
class FileSet:
    """Files of one shape that feed one stream."""

    files: Sequence[str]
    """Patterns, such as `usage-*.csv`; relative ones lie under the folder of billing files."""
    format: Literal["csv", "parquet", "jsonl"] = "csv"
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    """Characters that group digits; any kind of space may be written as one space."""
    dates: Sequence[str] = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S")
    """strptime formats, tried in order."""
    time_zone: str = "UTC"
    """Zone of times that name none."""
    units: Literal["major", "minor"] = "major"
    """Whether amounts are euros or cents."""
    currency: str | None = None
    """Currency of every row, where no column holds it."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our column → theirs."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Our column → the same value for every row."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Our column → {their value: ours}; an unlisted one is set aside, `*` takes the rest (`"*": "*"` as it is)."""
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Their column → the values to read; other rows are left alone."""
    true_words: Sequence[str] = ("true", "yes", "1", "vrai", "oui")
    false_words: Sequence[str] = ("false", "no", "0", "faux", "non")
    grain: Literal["day", "month"] = "day"
    """Usage: a month's number is spread evenly over its days (kept as it is with `combine: max`)."""
    combine: Literal["sum", "max"] = "sum"
    """Usage: how several rows of one account, day and metric become one number."""
    outside_subscription: Literal["keep", "quarantine"] = "keep"
    """Usage keyed by subscription: what happens to days before its start or after its end."""


@document
class FilesMapping:
    """How files that somebody else shaped are read (`mappings/billing/files.yaml`)."""

    version: int = 1
    name: str = "files"
    accounts: Sequence[FileSet] = ()
    prices: Sequence[FileSet] = ()
    subscriptions: Sequence[FileSet] = ()
    """One row per subscription, or per item when `item_id` is mapped."""
    invoices: Sequence[FileSet] = ()
    usage: Sequence[FileSet] = ()
    events: Sequence[FileSet] = ()
    free_mail: Sequence[str] = tuple(FREE_MAIL)
    usage_lag_hours: int = 24

    def sets(self, stream: FileStream) -> Sequence[FileSet]:
        """The file sets of one stream."""
        by_stream: dict[FileStream, Sequence[FileSet]] = {
            "accounts": self.accounts,
            "prices": self.prices,
            "subscriptions": self.subscriptions,
            "invoices": self.invoices,
            "usage": self.usage,
            "events": self.events,
        }
        return by_stream[stream]
