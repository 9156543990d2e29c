"""Makes versions of subscription items from sightings, statuses and discounts.

Time is cut wherever anything changes; in each piece every item has one price, quantity, status and set of discounts,
and so one MRR. Equal neighbours are joined again. Only the amounts stored are rounded, once per item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from connector.adapters.sources.stripe import shapes
from connector.adapters.sources.stripe.evidence import Sighting, ended, item_sightings, spells, starts
from connector.adapters.sources.stripe.shapes import Object
from connector.domain.billing import MrrDiscounts
from connector.domain.money import round_minor
from connector.domain.pricing import Discount, Price, PricedItem, Terms, monthly_items
from connector.ports.billing import RawRow

COUNTED = frozenset({"active", "past_due"})
LOWERS: Mapping[MrrDiscounts, frozenset[str]] = {
    "forever": frozenset({"forever"}),
    "recurring": frozenset({"forever", "repeating"}),
    "none": frozenset(),
}


@dataclass(frozen=True)
class KnownPrice:
    """A price with the product it sells."""

    price: Price
    product_id: str | None


@dataclass(frozen=True)
class Reference:
    """What subscriptions are read with."""

    prices: Mapping[str, KnownPrice]
    coupons: Mapping[str, Object]
    discounts: MrrDiscounts


@dataclass(frozen=True)
class Version:
    """One item as it was from `valid_from` up to `valid_to`."""

    item_id: str
    price_id: str
    quantity: Decimal | None
    status: str
    mrr_minor: int
    list_mrr_minor: int
    terms: Terms
    """The discounts that lowered it."""
    valid_from: datetime
    valid_to: datetime | None
    known_at: datetime


@dataclass(frozen=True)
class _Applied:
    """A discount at work: on one item or (None) on the whole subscription."""

    item_id: str | None
    terms: Discount
    since: datetime
    until: datetime | None
    known_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def versions(
    history: Sequence[RawRow], invoices: Sequence[RawRow], customer: Object, reference: Reference
) -> Sequence[Version]:
    """Every version of every item of one subscription, by item and time."""
    sightings = {
        item: [one for one in seen if one.price_id is None or one.price_id in reference.prices]
        for item, seen in item_sightings(history, invoices).items()
    }
    statuses = spells(history)
    applied = _applied(history, customer, reference)
    over = ended(history)
    cuts = {one.at for seen in sightings.values() for one in seen} | {spell.at for spell in statuses}
    cuts |= {edge for one in applied for edge in (one.since, one.until) if edge is not None}
    begins = min((seen[0].at for seen in sightings.values() if seen), default=starts(history[0].payload))
    edges = sorted(cut for cut in cuts if cut >= begins and (over is None or cut < over[0]))
    if not edges:
        # It ended the moment it began: it has never been there.
        return []
    found: list[Version] = []
    for at, until in zip(edges, [*edges[1:], None if over is None else over[0]], strict=True):
        status = next((spell for spell in reversed(statuses) if spell.at <= at), statuses[0])
        known = max(at if status.at > at else status.known_at, begins)
        found.extend(
            _piece(sightings, status.status, known, [one for one in applied if one.covers(at)], at, until, reference)
        )
    return list(_joined(found))


def _piece(
    sightings: Mapping[str, Sequence[Sighting]],
    status: str,
    known: datetime,
    applied: Sequence[_Applied],
    at: datetime,
    until: datetime | None,
    reference: Reference,
) -> Iterator[Version]:
    """All items during one stretch in which nothing changes."""
    there: list[tuple[str, str, Sighting, PricedItem]] = []
    for item_id, seen in sightings.items():
        state = next((one for one in reversed(seen) if one.at <= at), None)
        if state is None or state.price_id is None:
            continue
        known_price = reference.prices[state.price_id]
        own = tuple(one.terms for one in applied if one.item_id == item_id and one.terms.covers(known_price.product_id))
        units = None if known_price.price.metered else (Decimal(1) if state.quantity is None else state.quantity)
        there.append(
            (item_id, state.price_id, state, PricedItem(known_price.price, units, known_price.product_id, own))
        )
    items = [item for *_, item in there]
    shared = tuple(one.terms for one in applied if one.item_id is None)
    net = monthly_items(items, shared)
    full = monthly_items([replace(item, discounts=()) for item in items])
    counts = status in COUNTED
    for (item_id, price_id, state, item), mrr, list_mrr in zip(there, net, full, strict=True):
        yield Version(
            item_id,
            price_id,
            None if item.quantity is None else Decimal(str(item.quantity)),
            status,
            round_minor(mrr) if counts else 0,
            round_minor(list_mrr) if counts else 0,
            Terms(item.discounts, shared),
            at,
            until,
            max([known, state.known_at, at, *(one.known_at for one in applied)]),
        )


def _joined(found: Sequence[Version]) -> Iterator[Version]:
    """Join neighbours that differ only in time."""
    ordered = sorted(found, key=lambda version: (version.item_id, version.valid_from))
    current: Version | None = None
    for version in ordered:
        if current is not None and current.valid_to == version.valid_from and _same(current, version):
            current = replace(current, valid_to=version.valid_to)
            continue
        if current is not None:
            yield current
        current = version
    if current is not None:
        yield current


def _same(one: Version, other: Version) -> bool:
    def state(version: Version) -> tuple[object, ...]:
        return version.item_id, version.price_id, version.quantity, version.status, version.mrr_minor, version.terms

    return state(one) == state(other)


def _applied(history: Sequence[RawRow], customer: Object, reference: Reference) -> Sequence[_Applied]:
    """Discounts that lower MRR, from when they began until they ended or a landed version no longer shows them."""
    found: dict[tuple[str | None, str], _Applied] = {}
    for at, row in enumerate(history):
        present = dict(_present(row.payload, customer))
        for key, one in found.items():
            if key not in present and one.until is None:
                found[key] = replace(one, until=row.fetched_at)
        for key, raw in present.items():
            coupon = shapes.coupon_of(raw, reference.coupons)
            if coupon is None or coupon["duration"] not in LOWERS[reference.discounts] or key in found:
                continue
            since = max(shapes.moment(raw.get("start")) or starts(row.payload), starts(row.payload))
            known = since if at == 0 and row.initial else row.fetched_at
            found[key] = _Applied(key[0], shapes.discount_terms(coupon), since, shapes.moment(raw.get("end")), known)
    return list(found.values())


def _present(subscription: Object, customer: Object) -> Iterator[tuple[tuple[str | None, str], Object]]:
    """Discounts a landed version shows; the customer's own counts only where the subscription has none."""
    for item in shapes.items(subscription):
        for one in shapes.discounts(item):
            yield (str(item["id"]), _name(one)), one
    for one in shapes.discounts(subscription) or shapes.discounts(customer):
        yield (None, _name(one)), one


def _name(discount: Object) -> str:
    # Before discounts had ids, a coupon and its start told them apart.
    return str(discount.get("id") or f"{shapes.id_of(discount.get('coupon'))}@{discount.get('start')}")
