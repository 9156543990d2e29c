"""Subscriptions and their item versions from rows of files.

A file shows the present. What it showed the first time is one version from start to end; each later change closes the
version and opens another at the pull that saw it. MRR comes from the column mapped as `mrr` or `arr`, else from the
price and the quantity; a trial is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.adapters.sources.files.values import Values
from connector.adapters.sources.past import then_and_now
from connector.adapters.sources.unfit import UnfitError, not_future
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.money import round_minor
from connector.domain.pricing import PER_MONTH, Price, monthly
from connector.ports.billing import RawRow

STATUSES = frozenset({"trialing", "active", "past_due", "unpaid", "canceled", "paused", "incomplete"})
COUNTED = frozenset({"active", "past_due"})
Seen = tuple[RawRow, Sequence[Values]]


@dataclass(frozen=True)
class Owner:
    """What subscriptions are read with."""

    source: str
    accounts: set[str]
    prices: Mapping[str, tuple[Price, str | None]]
    now: datetime


@dataclass(frozen=True)
class _Version:
    """An item during one stretch of time."""

    item_id: str
    price_id: str | None
    offer_id: str | None
    quantity: float | None
    status: str
    currency: str
    mrr_minor: int
    list_mrr_minor: int
    valid_from: datetime
    valid_to: datetime | None
    known_at: datetime

    def state(self) -> tuple[object, ...]:
        return self.price_id, self.offer_id, self.quantity, self.status, self.currency, self.mrr_minor


def subscription_tables(owner: Owner, id: str, seen: Sequence[Seen]) -> Mapping[str, Sequence[dict[str, Any]]]:
    """Canonical rows of one subscription from every version of its rows."""
    _, items = seen[-1]
    head = items[0]
    account = head.needed("account_id")
    if account not in owner.accounts:
        raise UnfitError(Reason.ORPHAN_SUBSCRIPTION, "its account is in no file")
    started = _started(head, owner.now)
    ended = head.moment("ended_at")
    if ended is not None and ended < started:
        raise UnfitError(Reason.ENDS_BEFORE_START, "it ends before it starts")
    common = {"source": owner.source, "subscription_id": id, "account_id": account}
    status = _status(head, ended, owner.now)
    subscription = {
        **common,
        "status": status,
        "currency": head.currency(),
        "started_at": started,
        "trial_end": head.moment("trial_end"),
        "cancel_at": head.moment("cancel_at") or (ended if ended is not None and ended > owner.now else None),
        "ended_at": ended if ended is not None and ended <= owner.now else None,
        "period_start": head.moment("period_start"),
        "period_end": head.moment("period_end"),
        "term_months": _term(head),
        "paused": status == "paused" or head.truth("paused"),
        "known_at": started if seen[0][0].initial else seen[0][0].fetched_at,
    }
    versions = [{**common, **vars(version)} for version in _versions(owner, id, seen)]
    return {"subscriptions": then_and_now(subscription, seen[0][0]), "subscription_item_versions": versions}


def was_fit(owner: Owner, seen: Seen) -> bool:
    """Tell whether an earlier version could be read; one that was set aside and mended since is no history."""
    row, items = seen
    try:
        for item in items:
            _version(owner, row.id, row, item)
    except UnfitError:
        return False
    return True


def _versions(owner: Owner, id: str, seen: Sequence[Seen]) -> Iterator[_Version]:
    open_: dict[str, _Version] = {}
    for at, (row, items) in enumerate(seen):
        present = {version.item_id: version for version in (_version(owner, id, row, item) for item in items)}
        for item_id, version in present.items():
            before = open_.get(item_id)
            if before is None:
                open_[item_id] = version if at == 0 else _opened(version, row)
            elif before.state() != version.state():
                yield from _closed(before, min(row.fetched_at, before.valid_to or row.fetched_at))
                open_[item_id] = replace(_opened(version, row), valid_from=row.fetched_at)
            else:
                open_[item_id] = replace(before, valid_to=version.valid_to)
        for item_id in set(open_) - set(present):
            yield from _closed(open_.pop(item_id), row.fetched_at)
    for version in open_.values():
        yield from _closed(version, version.valid_to)


def _opened(version: _Version, row: RawRow) -> _Version:
    return replace(version, known_at=row.fetched_at)


def _closed(version: _Version, end: datetime | None) -> Iterator[_Version]:
    # A subscription that ends the moment it starts has never been there.
    if end is None or end > version.valid_from:
        yield replace(version, valid_to=end)


def _version(owner: Owner, id: str, row: RawRow, read: Values) -> _Version:
    currency = read.currency()
    price_id = read.text("price_id")
    priced = owner.prices.get(price_id or "")
    if price_id is not None and priced is None and owner.prices:
        raise UnfitError(Reason.UNKNOWN_PRICE, f"price {price_id!r} is in no file")
    price, offer = priced or (None, None)
    quantity = read.quantity("quantity")
    started, ended = _started(read, owner.now), read.moment("ended_at")
    # The status of the version is the one it had while it lasted.
    status = _status(read, None, owner.now)
    gross = _list_mrr(read, currency, price, quantity)
    mrr = _mrr(read, currency, gross) if status in COUNTED else 0
    return _Version(
        item_id=read.text("item_id") or id,
        price_id=price_id,
        offer_id=read.text("offer_id") or offer,
        quantity=None if quantity is None else float(quantity),
        status=status,
        currency=currency,
        mrr_minor=mrr,
        list_mrr_minor=(gross if gross is not None else mrr) if status in COUNTED else 0,
        valid_from=started,
        valid_to=ended,
        known_at=started if row.initial else row.fetched_at,
    )


def _list_mrr(read: Values, currency: str, price: Price | None, quantity: Decimal | None) -> int | None:
    stated = read.whole_minor("list_mrr", currency)
    if stated is not None or price is None:
        return stated
    if price.currency != currency:
        raise UnfitError(Reason.UNKNOWN_CURRENCY, f"its price is in {price.currency}, the row in {currency}")
    return round_minor(monthly(price, Decimal(1) if quantity is None else quantity))


def _mrr(read: Values, currency: str, gross: int | None) -> int:
    month, year = read.minor("mrr", currency), read.minor("arr", currency)
    if month is not None:
        return round_minor(month)
    if year is not None:
        return round_minor(year / 12)
    if gross is None:
        raise UnfitError(Reason.UNKNOWN_PRICE, "neither mrr, arr nor a known price says what it is worth")
    return gross


def _started(read: Values, now: datetime) -> datetime:
    started = not_future(read.moment("started_at"), now, "started_at")
    if started is None:
        raise UnfitError(Reason.MALFORMED_ROW, "started_at is empty")
    return started


def _status(read: Values, ended: datetime | None, now: datetime) -> str:
    stated = read.text("status")
    if stated is not None and stated not in STATUSES:
        raise UnfitError(Reason.BAD_VALUE, f"status is none of {', '.join(sorted(STATUSES))}")
    if ended is not None and ended <= now:
        return "canceled"
    if read.truth("is_trial"):
        return "trialing"
    return "active" if stated is None or (stated == "canceled" and read.moment("ended_at") is not None) else stated


def _term(read: Values) -> int:
    stated = read.quantity("term_months")
    if stated:
        return int(stated)
    interval = read.text("interval")
    if interval is not None and interval not in PER_MONTH:
        raise UnfitError(Reason.BAD_VALUE, "interval is none of day, week, month, year")
    return 12 if interval == "year" else 1
