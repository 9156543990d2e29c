"""What every object shares: the list envelope, amounts in two notations, events."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Object = dict[str, Any]


def list_of(rows: Sequence[Object], url: str, *, has_more: bool = False) -> Object:
    """The envelope of every list in the API."""
    return {"object": "list", "data": list(rows), "has_more": has_more, "url": url}


def amounts(amount: int | str | None) -> tuple[int | None, str | None]:
    """Split an amount into the whole number, absent when it would round, and the exact decimal."""
    if amount is None:
        return None, None
    exact = Decimal(amount)
    whole = int(exact) if exact == exact.to_integral_value() else None
    return whole, f"{exact.normalize():f}"


def event(id: str, *, type: str, object: Object, created: int, previous: Object | None = None) -> Object:
    """A record that something happened, with the object as it then was."""
    content = {"object": object} if previous is None else {"object": object, "previous_attributes": previous}
    return {
        "id": id,
        "object": "event",
        "api_version": "2026-05-27.dahlia",
        "created": created,
        "data": content,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
    }
