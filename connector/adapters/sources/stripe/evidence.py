"""What raw Stripe rows tell about the past of one subscription.

Stripe shows a subscription only as it is now. Its invoice lines tell which price and quantity each item had from
which day; every version of the subscription that we landed tells the state at its pull. Both are turned into
sightings here; `timeline` makes versions from them. A sighting carries when the source could first have told it: for
rows of the first full load the time of the invoice or the subscription, for later ones our pull.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from connector.adapters.sources.stripe import shapes
from connector.adapters.sources.stripe.shapes import Object
from connector.ports.billing import RawRow

ADDED_LATER = timedelta(minutes=10)
NOT_BILLED = frozenset({"draft", "void"})


@dataclass(frozen=True)
class Sighting:
    """From `at` on, an item had this price and quantity; both None: it was gone."""

    at: datetime
    known_at: datetime
    price_id: str | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True)
class Spell:
    """From `at` on, the subscription had this status."""

    at: datetime
    known_at: datetime
    status: str


@dataclass
class _Billed:
    """What the invoices say of one item."""

    sightings: list[Sighting] = field(default_factory=list)
    credits: list[tuple[datetime, datetime]] = field(default_factory=list)
    covered_to: datetime | None = None


def starts(subscription: Object) -> datetime:
    """When a subscription began; backdated ones before they were created."""
    began = shapes.moment(subscription.get("start_date") or subscription["created"])
    assert began is not None
    return began


def item_sightings(history: Sequence[RawRow], invoices: Sequence[RawRow]) -> Mapping[str, Sequence[Sighting]]:
    """Sightings of every item that the subscription has or had, oldest first."""
    billed = _billed(invoices)
    found: dict[str, list[Sighting]] = defaultdict(list)
    for item_id, told in billed.items():
        found[item_id].extend(told.sightings)
    held: set[str] = set()
    for at, row in enumerate(history):
        present = {str(item["id"]): item for item in shapes.items(row.payload)}
        for item_id, item in present.items():
            found[item_id].extend(_seen_in(row, item, found[item_id], first=at == 0))
        for gone in (held or (set(billed) if at == 0 else set())) - set(present):
            found[gone].append(_end(billed.get(gone, _Billed()), row, never_seen=at == 0))
        held = set(present)
    return {item_id: _in_order(sightings) for item_id, sightings in found.items() if sightings}


def spells(history: Sequence[RawRow]) -> Sequence[Spell]:
    """The subscription's statuses, oldest first."""
    first = history[0]
    told = _known_of(first)
    begins = starts(first.payload)
    found = [Spell(begins, told, "incomplete" if first.payload["status"].startswith("incomplete") else "active")]
    trial_end = shapes.moment(first.payload.get("trial_end"))
    if trial_end is not None and trial_end > begins:
        found = [Spell(begins, told, "trialing"), Spell(trial_end, max(told, trial_end), "active")]
    for at, row in enumerate(history):
        spell = _spell_of(row, first=at == 0)
        if spell is not None and spell.status != _status_at(found, spell.at):
            # What was foreseen beyond this moment is overtaken by what is seen.
            found = [one for one in found if one.at < spell.at] + [spell]
    return found


def ended(history: Sequence[RawRow]) -> tuple[datetime, datetime] | None:
    """When the subscription ended, and when that could be known."""
    for at, row in enumerate(history):
        end = shapes.moment(row.payload.get("ended_at"))
        if end is not None and row.payload["status"] in ("canceled", "incomplete_expired"):
            return end, max(end, row.fetched_at if at or not row.initial else end)
    return None


def _known_of(row: RawRow) -> datetime:
    created = shapes.moment(row.payload["created"])
    assert created is not None
    return created if row.initial else row.fetched_at


def _billed(invoices: Sequence[RawRow]) -> Mapping[str, _Billed]:
    found: dict[str, _Billed] = defaultdict(_Billed)
    for invoice in sorted(invoices, key=lambda row: int(row.payload["created"])):
        if invoice.payload.get("status") in NOT_BILLED:
            continue
        issued = shapes.moment(invoice.payload["created"])
        for line in invoice.payload["lines"]["data"]:
            item_id, quantity = shapes.line_item(line), shapes.quantity(line)
            at, to = shapes.moment(line["period"]["start"]), shapes.moment(line["period"]["end"])
            if item_id is None or at is None or to is None or issued is None:
                continue
            known = max(at, issued) if invoice.initial else invoice.fetched_at
            told = found[item_id]
            if shapes.line_is_credit(line):
                told.credits.append((at, known))
                continue
            told.sightings.append(Sighting(at, known, shapes.line_price(line), quantity))
            told.covered_to = to if told.covered_to is None else max(told.covered_to, to)
    return found


def _seen_in(row: RawRow, item: Object, told: Sequence[Sighting], first: bool) -> list[Sighting]:
    """The state a landed version shows; on the first one also what the item began with."""
    state = (shapes.id_of(shapes.price_of(item)), shapes.quantity(item))
    began = starts(row.payload)
    created = shapes.moment(item.get("created"))
    if created is not None and created > _known_of(row) + ADDED_LATER and row.initial:
        began = max(began, created)
    now = Sighting(row.fetched_at, row.fetched_at, *state)
    if not first:
        return [now]
    known = max(_known_of(row), began) if row.initial else row.fetched_at
    if not told:
        return [Sighting(began, known, *state)]
    earliest = min(told, key=lambda sighting: sighting.at)
    opening = [Sighting(began, known, earliest.price_id, earliest.quantity)] if began < earliest.at else []
    return [*opening, now]


def _end(told: _Billed, row: RawRow, never_seen: bool) -> Sighting:
    """When an item that a landed version no longer shows went away."""
    last = max((sighting.at for sighting in told.sightings), default=None)
    credit = max((one for one in told.credits if last is None or one[0] >= last), default=None)
    if credit is not None and credit[0] <= row.fetched_at:
        return Sighting(credit[0], credit[1] if row.initial and never_seen else row.fetched_at)
    if never_seen and told.covered_to is not None:
        return Sighting(min(told.covered_to, row.fetched_at), min(told.covered_to, row.fetched_at))
    return Sighting(row.fetched_at, row.fetched_at)


def _in_order(sightings: Sequence[Sighting]) -> Sequence[Sighting]:
    """Sort by time; the sort is stable, so of two at one moment the one told later comes last and counts."""
    return sorted(sightings, key=lambda sighting: sighting.at)


def _spell_of(row: RawRow, first: bool) -> Spell | None:
    status = str(row.payload["status"])
    if status in ("canceled", "incomplete_expired"):
        return None
    at = row.fetched_at
    trial_end = shapes.moment(row.payload.get("trial_end"))
    if status in ("unpaid", "past_due", "paused") and first:
        began = shapes.moment(min(shapes.period(row.payload, item)[0] or 0 for item in shapes.items(row.payload)))
        at = max(began or at, starts(row.payload))
    elif status == "active" and trial_end is not None and trial_end <= row.fetched_at:
        at = trial_end
    elif status in ("trialing", "incomplete", "active") and first:
        at = starts(row.payload)
    known = max(at, _known_of(row)) if first and row.initial else row.fetched_at
    return Spell(at, known, status)


def _status_at(found: Sequence[Spell], at: datetime) -> str | None:
    return next((spell.status for spell in reversed(found) if spell.at <= at), None)
