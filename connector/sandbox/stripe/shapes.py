"""What an answer shows of a stored object: by default ids for its neighbours, and everything asked for in `expand`.

Three kinds of fields need care. A neighbour is stored as an id (or in full) and shown as an id unless expanded. A
withheld field is left out unless expanded. A part is always shown, but holds such fields itself. Paths of `expand`
are checked against this table, not against the rows, so that a wrong path is refused on an empty account too.

Source: https://docs.stripe.com/expand and `x-expandableFields` of the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

from connector.sandbox.control import Row
from connector.sandbox.stripe.errors import StripeError, bad_param

MOST_LEVELS = 4
EMBEDDED_ROWS = 10
Tree = dict[str, "Tree"]
Lookup = Callable[[str, str], Row | None]  # shape and id → the stored object


class Role(Enum):
    """How a field is shown."""

    NEIGHBOUR = "an id unless expanded"
    WITHHELD = "absent unless expanded"
    PART = "always there"
    LIST = "always there, its first rows only"


@dataclass(frozen=True)
class Field:
    """A field that rendering looks into; `shape` names what is inside, empty for plain content."""

    role: Role
    shape: str = ""


def _neighbour(shape: str) -> Field:
    return Field(Role.NEIGHBOUR, shape)


def _part(shape: str) -> Field:
    return Field(Role.PART, shape)


def _list(shape: str) -> Field:
    return Field(Role.LIST, shape)


_WITHHELD = Field(Role.WITHHELD)

SHAPES: Mapping[str, Mapping[str, Field]] = {
    "account": {},
    "billing.meter": {},
    "billing.meter_event_summary": {},
    "coupon": {"applies_to": _WITHHELD, "currency_options": _WITHHELD},
    "customer": {
        "cash_balance": _WITHHELD,
        "discount": _part("discount"),
        "sources": _WITHHELD,
        "subscriptions": Field(Role.WITHHELD, "subscription"),
        "tax": _WITHHELD,
        "tax_ids": _WITHHELD,
    },
    "discount": {"customer": _neighbour("customer"), "source": _part("discount_source")},
    "discount_amount": {"discount": _neighbour("discount")},
    "discount_source": {"coupon": _neighbour("coupon")},
    "event": {},
    "invoice": {
        "customer": _neighbour("customer"),
        "discounts": _neighbour("discount"),
        "lines": _list("line_item"),
        "parent": _part("invoice_parent"),
        "payments": _WITHHELD,
        "total_discount_amounts": _part("discount_amount"),
    },
    "invoice_parent": {"subscription_details": _part("invoice_subscription")},
    "invoice_subscription": {"subscription": _neighbour("subscription")},
    "line_item": {
        "discount_amounts": _part("discount_amount"),
        "discounts": _neighbour("discount"),
        "pricing": _part("line_pricing"),
        "subscription": _neighbour("subscription"),
    },
    "line_pricing": {"price_details": _part("price_details")},
    "price": {
        "currency_options": _WITHHELD,
        "product": _neighbour("product"),
        "tiers": _WITHHELD,
    },
    "price_details": {"price": _neighbour("price")},
    "product": {"default_price": _neighbour("price")},
    "subscription": {
        "customer": _neighbour("customer"),
        "discounts": _neighbour("discount"),
        "items": _list("subscription_item"),
        "latest_invoice": _neighbour("invoice"),
    },
    "subscription_item": {
        "discounts": _neighbour("discount"),
        "price": _part("price"),
    },
}


def expansion(paths: Iterable[str], shape: str, *, listed: bool) -> Tree:
    """Check the paths of `expand` against a shape and arrange them as a tree; in a list each begins with `data`."""
    tree: Tree = {}
    for path in paths:
        names = path.split(".")
        if len(names) > MOST_LEVELS:
            raise bad_param(
                "expand", f"You cannot expand more than {MOST_LEVELS} levels of a property. Property: {path}"
            )
        if listed and names[0] != "data":
            raise _not_expandable(path, f" You may want to try expanding 'data.{path}' instead.")
        inner = names[1:] if listed else names
        _check(path, inner, shape)
        branch = tree
        for name in inner:
            branch = branch.setdefault(name, {})
    return tree


def _check(path: str, names: list[str], shape: str) -> None:
    within_list = False
    for name in names:
        if within_list:
            if name != "data":
                raise _not_expandable(path)
            within_list = False
            continue
        field = SHAPES[shape].get(name) if shape else None
        if field is None:
            raise _not_expandable(path)
        within_list = field.role is Role.LIST or (field.role is Role.WITHHELD and bool(field.shape))
        shape = field.shape


def _not_expandable(path: str, hint: str = "") -> StripeError:
    return bad_param("expand", f"This property cannot be expanded ({path}).{hint}")


@dataclass(frozen=True)
class Renderer:
    """Shows stored objects; `lookup` finds a neighbour, None if it is not stored."""

    lookup: Lookup
    subscriptions_of: Callable[[str], Row]  # the list a customer shows when it is expanded

    def show(self, row: Row, shape: str, tree: Tree) -> Row:
        """Copy an object as an answer shows it."""
        if row.get("deleted"):
            return {"id": row["id"], "object": row["object"], "deleted": True}
        if shape == "customer" and "subscriptions" in tree:
            row = {**row, "subscriptions": self.subscriptions_of(row["id"])}
        shown = dict(row)
        for name, field in SHAPES[shape].items():
            if name not in row:
                continue
            if field.role is Role.WITHHELD and name not in tree:
                del shown[name]
            else:
                shown[name] = self._field(row[name], field, name in tree, tree.get(name, {}))
        return shown

    def _field(self, value: Any, field: Field, expanded: bool, tree: Tree) -> Any:
        if value is None or not field.shape:
            return value
        match field.role:
            case Role.LIST | Role.WITHHELD:
                return self._list(value, field.shape, tree.get("data", {}))
            case Role.PART | Role.NEIGHBOUR if isinstance(value, list):
                return [self._field(one, field, expanded, tree) for one in value]
            case Role.PART:
                return self.show(self._current(value, field.shape), field.shape, tree)
            case Role.NEIGHBOUR:
                return self._neighbour(value, field.shape, tree) if expanded else id_of(value)
            case _:
                assert_never(field.role)

    def _list(self, value: Row, shape: str, tree: Tree) -> Row:
        rows = value["data"]
        return {
            **value,
            "data": [self.show(row, shape, tree) for row in rows[:EMBEDDED_ROWS]],
            "has_more": len(rows) > EMBEDDED_ROWS,
        }

    def _current(self, part: Row, shape: str) -> Row:
        """A price inside an item follows the stored price; other parts have no life of their own."""
        return (self.lookup(shape, part["id"]) if shape == "price" else None) or part

    def _neighbour(self, value: Row | str, shape: str, tree: Tree) -> Any:
        stored = self.lookup(shape, id_of(value)) or (value if isinstance(value, dict) else None)
        return value if stored is None else self.show(stored, shape, tree)


def id_of(value: Row | str) -> str:
    """The id of a neighbour, however it is stored."""
    return value if isinstance(value, str) else str(value["id"])
