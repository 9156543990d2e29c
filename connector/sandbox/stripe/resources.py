"""The lists of the API as a table: path, permission, and every filter with the rows it keeps.

`always` says what a list leaves out without being asked: canceled subscriptions, inactive prices, and whatever lives on
a test clock. Whether Stripe lists inactive prices by default is told differently by its document ("your active
prices") and by people who call it; the document is followed, and the switch `inactive_prices_listed` turns it round.

Source: `paths` of the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from connector.sandbox.control import Control, Row
from connector.sandbox.stripe.query import PAGE, Choice, Flag, Group, Moments, Param, Text, Texts
from connector.sandbox.stripe.shapes import id_of

Asked = Mapping[str, Any]
EVENTS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Filter:
    """A parameter of a list, and whether a row passes it."""

    param: Param
    keeps: Callable[[Row, Any], bool]


@dataclass(frozen=True)
class Resource:
    """One type with its list and its retrieval by id."""

    kind: str
    path: str
    shape: str
    noun: str
    permission: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    always: Callable[[Row, Asked, Control], bool] | None = None
    by_created: bool = True

    @property
    def takes(self) -> Mapping[str, Param]:
        """Every parameter of the list."""
        own = {name: one.param for name, one in self.filters.items()}
        return {**PAGE, **own, **({"created": Moments()} if self.by_created else {})}

    def keeper(self, asked: Asked, control: Control) -> Callable[[Row], bool]:
        """The test that a row passes to be shown by a list with these parameters."""
        span = asked.get("created")
        checks = [(one.keeps, asked[name]) for name, one in self.filters.items() if name in asked]

        def keeps(row: Row) -> bool:
            if row.get("deleted") or (span is not None and not span.holds(row["created"])):
                return False
            if self.always is not None and not self.always(row, asked, control):
                return False
            return all(check(row, value) for check, value in checks)

        return keeps


def _equals(name: str, param: Param | None = None) -> Filter:
    return Filter(param or Text(), lambda row, value: bool(row.get(name) == value))


def _refers(name: str) -> Filter:
    return Filter(Text(), lambda row, value: row.get(name) is not None and id_of(row[name]) == value)


def _one_of(name: str, most: int | None = None) -> Filter:
    return Filter(Texts(most), lambda row, values: row.get(name) in values)


def _moment(name: str) -> Filter:
    return Filter(Moments(), lambda row, span: span.holds(row.get(name)))


def _earliest_period(name: str) -> Filter:
    """The period of a subscription is the earliest of its items' since they have one each."""
    return Filter(Moments(), lambda row, span: span.holds(min(item[name] for item in row["items"]["data"])))


def _has_price(row: Row, price: str) -> bool:
    return any(id_of(item["price"]) == price for item in row["items"]["data"])


def _recurs(row: Row, wanted: Mapping[str, str]) -> bool:
    recurring = row["recurring"] or {}
    return all(recurring.get(name) == value for name, value in wanted.items())


def _bills(row: Row, subscription: str) -> bool:
    details = (row["parent"] or {}).get("subscription_details")
    return details is not None and id_of(details["subscription"]) == subscription


def _has_status(row: Row, status: str) -> bool:
    match status:
        case "all":
            return True
        case "ended":
            return row["status"] in {"canceled", "incomplete_expired"}
        case _:
            return bool(row["status"] == status)


def _off_clock(*shown_by: str) -> Callable[[Row, Asked, Control], bool]:
    """Objects on a test clock are listed only when one of these parameters asks for them."""
    return lambda row, asked, _: not row.get("test_clock") or any(name in asked for name in shown_by)


def _listed_subscription(row: Row, asked: Asked, control: Control) -> bool:
    on_show = _off_clock("test_clock", "customer")(row, asked, control)
    return on_show and ("status" in asked or row["status"] != "canceled")


def _listed_price(row: Row, asked: Asked, control: Control) -> bool:
    return row["active"] or "active" in asked or control.switches["inactive_prices_listed"]


def _recent(row: Row, _: Asked, control: Control) -> bool:
    return bool(row["created"] >= (control.clock.now() - EVENTS_KEPT).timestamp())


_COLLECTION = Choice(("charge_automatically", "send_invoice"))
_INTERVALS = Choice(("day", "month", "week", "year"))
_SUBSCRIPTION_STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)

RESOURCES: Sequence[Resource] = (
    Resource(
        "customers",
        "/v1/customers",
        "customer",
        "customer",
        "rak_customer_read",
        {"email": _equals("email"), "test_clock": _refers("test_clock")},
        always=_off_clock("test_clock"),
    ),
    Resource(
        "products",
        "/v1/products",
        "product",
        "product",
        "rak_product_read",
        {
            "active": _equals("active", Flag()),
            "ids": _one_of("id"),
            "shippable": _equals("shippable", Flag()),
            "url": _equals("url"),
        },
    ),
    Resource(
        "prices",
        "/v1/prices",
        "price",
        "price",
        "rak_plan_read",
        {
            "active": _equals("active", Flag()),
            "currency": _equals("currency"),
            "lookup_keys": _one_of("lookup_key", 10),
            "product": _refers("product"),
            "recurring": Filter(
                Group({"interval": _INTERVALS, "meter": Text(), "usage_type": Choice(("licensed", "metered"))}),
                _recurs,
            ),
            "type": _equals("type", Choice(("one_time", "recurring"))),
        },
        always=_listed_price,
    ),
    Resource(
        "subscriptions",
        "/v1/subscriptions",
        "subscription",
        "subscription",
        "rak_subscription_read",
        {
            "automatic_tax": Filter(
                Group({"enabled": Flag()}), lambda row, tax: row["automatic_tax"]["enabled"] == tax.get("enabled")
            ),
            "collection_method": _equals("collection_method", _COLLECTION),
            "current_period_end": _earliest_period("current_period_end"),
            "current_period_start": _earliest_period("current_period_start"),
            "customer": _refers("customer"),
            "customer_account": _equals("customer_account"),
            "price": Filter(Text(), _has_price),
            "status": Filter(Choice(_SUBSCRIPTION_STATUSES), _has_status),
            "test_clock": _refers("test_clock"),
        },
        always=_listed_subscription,
    ),
    Resource(
        "invoices",
        "/v1/invoices",
        "invoice",
        "invoice",
        "rak_invoice_read",
        {
            "collection_method": _equals("collection_method", _COLLECTION),
            "customer": _refers("customer"),
            "customer_account": _equals("customer_account"),
            "due_date": _moment("due_date"),
            "status": _equals("status", Choice(("draft", "open", "paid", "uncollectible", "void"))),
            "subscription": Filter(Text(), _bills),
        },
        always=_off_clock("customer", "subscription"),
    ),
    Resource("coupons", "/v1/coupons", "coupon", "coupon", "rak_coupon_read"),
    Resource(
        "events",
        "/v1/events",
        "event",
        "event",
        "rak_event_read",
        {
            "delivery_success": Filter(Flag(), lambda row, done: (row["pending_webhooks"] == 0) == done),
            "type": Filter(Text(), lambda row, pattern: fnmatchcase(row["type"], pattern)),
            "types": _one_of("type", 20),
        },
        always=_recent,
    ),
    Resource(
        "meters",
        "/v1/billing/meters",
        "billing.meter",
        "billing meter",
        "rak_billing_meter_read",
        {"status": _equals("status", Choice(("active", "inactive")))},
        by_created=False,
    ),
)
