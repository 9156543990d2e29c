"""What the stand-in remembers: one table a type, newest first, found by id in constant time.

Seeding keeps rows as they come and says nothing; `touch` is how the world changes under a reader: it alters an object
and appends the event that Stripe would have sent. Tables sort when first read after a write, so that loading ten
thousand invoices costs one sort.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.sandbox.control import Row
from connector.sandbox.stripe import objects
from connector.sandbox.stripe.shapes import Renderer, id_of

DEFAULT_ACCOUNT = objects.account("acct_standin", name="Stand-in", created=1_600_000_000)
KIND_OF_SHAPE: Mapping[str, str] = {
    "coupon": "coupons",
    "customer": "customers",
    "discount": "discounts",
    "invoice": "invoices",
    "price": "prices",
    "product": "products",
    "subscription": "subscriptions",
}
EVENT_PREFIXES: Mapping[str, str] = {
    "coupons": "coupon",
    "customers": "customer",
    "invoices": "invoice",
    "meters": "billing.meter",
    "prices": "price",
    "products": "product",
    "subscriptions": "customer.subscription",
}
KINDS = (*EVENT_PREFIXES, "account", "discounts", "events", "meter_event_summaries")


@dataclass
class Table:
    """Rows of one type by id, and in the order lists show them."""

    by_id: dict[str, Row] = field(default_factory=dict)
    _newest_first: list[Row] = field(default_factory=list)
    _positions: dict[str, int] = field(default_factory=dict)
    _sorted: bool = True

    def put(self, row: Row) -> None:
        """Add or replace a row; a replaced one keeps its place among equals."""
        self.by_id[row["id"]] = row
        self._sorted = False

    def newest_first(self) -> Sequence[Row]:
        """Every row by creation, later loaded first among equals."""
        self._sort()
        return self._newest_first

    def position(self, id: str) -> int | None:
        """The place of a row in that order."""
        self._sort()
        return self._positions.get(id)

    def _sort(self) -> None:
        if not self._sorted:
            self._newest_first = sorted(self.by_id.values(), key=_created)[::-1]
            self._positions = {row["id"]: at for at, row in enumerate(self._newest_first)}
            self._sorted = True


def _created(row: Row) -> int:
    return int(row.get("created", 0))


class StripeStore:
    """The `State` of the stand-in; `/__state/{kind}` takes the names in `KINDS`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every object; the account is the default one again."""
        self.tables = {kind: Table() for kind in KINDS}
        self.subscription_of_item: dict[str, str] = {}
        self.usage: defaultdict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
        self.tables["account"].put(DEFAULT_ACCOUNT)
        self._touched = 0

    def dump(self, kind: str) -> list[Row]:
        """Return a type's rows in the order they were loaded."""
        return list(self.tables[kind].by_id.values())

    def load(self, kind: str, rows: Sequence[Row]) -> None:
        """Put rows there without an event; discounts held inside objects become known by their ids."""
        table = self.tables[kind]
        if kind == "account":
            table.by_id.clear()
        for row in rows:
            self._index(kind, row)
            table.put(row)

    def touch(self, kind: str, changes: Row, now: datetime) -> Row:
        """Lay fields over an object (or make it) and return the event this appends.

        `deleted: true` deletes it, and a status moved to canceled ends a subscription, as their events say.
        """
        prefix = EVENT_PREFIXES[kind]
        before = self.tables[kind].by_id.get(changes["id"])
        after = {**(before or {}), **changes}
        # What is deleted is told as it last was; its tombstone is all that can still be read.
        told = before if before is not None and after.get("deleted") else after
        shape = told["object"]
        self.load(kind, [after])
        self._touched += 1
        event = objects.event(
            f"evt_touched_{self._touched:08d}",
            type=f"{prefix}.{_what_happened(kind, before, after)}",
            object=self.renderer().show(told, shape, {}),
            created=int(now.timestamp()),
            previous=before and {name: before.get(name) for name in changes if before.get(name) != changes[name]},
        )
        self.load("events", [event])
        return event

    def renderer(self) -> Renderer:
        """A renderer that finds neighbours here."""
        return Renderer(self._lookup, self._subscriptions_of)

    def _lookup(self, shape: str, id: str) -> Row | None:
        return self.tables[KIND_OF_SHAPE[shape]].by_id.get(id) if shape in KIND_OF_SHAPE else None

    def _subscriptions_of(self, customer: str) -> Row:
        rows = self.tables["subscriptions"].newest_first()
        current = [row for row in rows if id_of(row["customer"]) == customer and row["status"] != "canceled"]
        return objects.list_of(current, f"/v1/customers/{customer}/subscriptions")

    def _index(self, kind: str, row: Row) -> None:
        match kind:
            case "subscriptions":
                self._know_discounts(row.get("discounts", ()))
                for item in row["items"]["data"]:
                    self.subscription_of_item[item["id"]] = row["id"]
                    self._know_discounts(item.get("discounts", ()))
            case "customers" if row.get("discount"):
                self._know_discounts([row["discount"]])
            case "meter_event_summaries":
                self.usage[row["meter"], row["customer"]][row["id"]] = row
            case _:
                pass

    def _know_discounts(self, discounts: Sequence[Row | str]) -> None:
        for discount in discounts:
            if isinstance(discount, dict):
                self.tables["discounts"].put(discount)


def _what_happened(kind: str, before: Row | None, after: Row) -> str:
    if before is None:
        return "created"
    ended = kind == "subscriptions" and after["status"] == "canceled" != before["status"]
    return "deleted" if after.get("deleted") or ended else "updated"
