"""Reads a Stripe account: full lists first, then what its events say has changed.

No list can be filtered by change, so: the first run (and any run whose watermark is older than 25 days, since events
are kept for 30) lists everything, going on where an interrupted listing stopped; every other run reads the events
since the watermark less ten minutes, drops those it has seen, and fetches each object anew in the pinned version.
Deleted objects become tombstones. An account without any event has no watermark and is listed again each time.

Source: Stripe API reference, "Pagination", "Events", "Expanding responses", "Test clocks".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.adapters.sources.stripe import shapes
from connector.adapters.sources.stripe.audit import raw_mrr
from connector.adapters.sources.stripe.client import NotFoundError, RefusedError, StripeClient
from connector.adapters.sources.stripe.meters import usage_pages
from connector.adapters.sources.stripe.translate import Translator
from connector.domain.billing import StripeMapping
from connector.ports.billing import Cursor, Landing, Page, RawMrr, RawStore, Translated

OVERLAP_SECONDS = 600
EVENTS_TRUSTED = timedelta(days=25)
FETCHED_PER_PAGE = 100
Params = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True)
class Stream:
    """One list of the API."""

    path: str
    expand: Sequence[str] = ()
    events: Sequence[str] = ()
    passes: Sequence[Params] = ({},)
    """Parameters of the listings that together show everything."""


STREAMS: Mapping[str, Stream] = {
    "products": Stream("/v1/products", events=("product.created", "product.updated", "product.deleted"), passes=({},)),
    # A list shows either the active prices or the others.
    "prices": Stream(
        "/v1/prices",
        ("tiers", "currency_options"),
        ("price.created", "price.updated", "price.deleted"),
        ({"active": "true"}, {"active": "false"}),
    ),
    "coupons": Stream("/v1/coupons", ("applies_to",), ("coupon.created", "coupon.updated", "coupon.deleted")),
    "customers": Stream(
        "/v1/customers", ("discount.source.coupon",), ("customer.created", "customer.updated", "customer.deleted")
    ),
    "subscriptions": Stream(
        "/v1/subscriptions",
        ("discounts.source.coupon", "items.data.discounts"),
        tuple(
            f"customer.subscription.{what}"
            for what in ("created", "updated", "deleted", "paused", "resumed", "pending_update_applied")
        ),
        ({"status": "all"},),
    ),
    "invoices": Stream(
        "/v1/invoices",
        events=tuple(
            f"invoice.{what}"
            for what in (
                "created",
                "updated",
                "finalized",
                "paid",
                "payment_failed",
                "voided",
                "marked_uncollectible",
                "deleted",
            )
        ),
    ),
    "meters": Stream("/v1/billing/meters"),
}
ENDS = frozenset({"product.deleted", "price.deleted", "coupon.deleted", "customer.deleted", "invoice.deleted"})
OLDER = {"prices": Stream("/v1/plans", ("tiers",))}
"""Where servers that speak an old version keep what has moved."""


class StripeSource:
    """A Stripe account as a billing source."""

    name = "stripe"
    reference = ("products", "prices")

    def __init__(
        self, client: StripeClient, mapping: StripeMapping, test_clocks: Sequence[str] = (), mapping_hash: str = ""
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._test_clocks = tuple(test_clocks)
        self.mapping_hash = mapping_hash or repr(mapping)

    def streams(self) -> Mapping[str, str | None]:
        """Name the streams, each with the stream of its parents."""
        usage = {"usage": None} if self._mapping.meters else {}
        return {**dict.fromkeys(STREAMS), "invoices": "subscriptions", **usage}

    def pages(self, raw: RawStore, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Yield what is new since the cursor, or everything."""
        if stream == "usage":
            yield from usage_pages(self._client, self._mapping, raw, cursor, now)
            return
        known = dict(cursor or {})
        watermark = known.get("watermark")
        if not known.get("listed") or not watermark or _is_stale(watermark, now) or not STREAMS[stream].events:
            yield from self._listed(raw, stream, known)
            return
        try:
            yield from self._changed(stream, known)
        except RefusedError as refused:
            if refused.param != "types":
                raise
            # A server that cannot filter events is listed in full.
            yield from self._listed(raw, stream, known)

    def translate(self, raw: RawStore, stream: str, ids: Sequence[str], now: datetime) -> Iterator[Translated]:
        """Turn what is known of each unit into canonical rows, or set it aside."""
        return Translator(self.name, self._mapping, raw, now).units(stream, ids)

    def recurring(self, raw: RawStore, as_of: datetime) -> RawMrr:
        """Compute MRR from raw rows alone."""
        return raw_mrr(raw, self._mapping, as_of)

    def account_of(self, stream: str, row: Landing) -> str | None:
        """Name the customer that a row is about; a tombstone does not tell."""
        return row.id if stream == "customers" else shapes.id_of(row.payload.get("customer"))

    def calls(self) -> int:
        """Count the API calls made."""
        return self._client.calls

    def _listed(self, raw: RawStore, stream: str, known: Mapping[str, Any]) -> Iterator[Page]:
        """List everything, newest first; what changes meanwhile has its event after the watermark taken here."""
        begun = known.get("full") or {"pass": 0, "after": None, **self._newest_event()}
        spec, initial = STREAMS[stream], not known.get("listed")
        passes = self._passes(raw, stream)
        for at in range(begun["pass"], len(passes)):
            after = begun["after"] if at == begun["pass"] else None
            for rows, more in self._pages_or_older(stream, spec, passes[at], after):
                full = {**begun, "pass": at if more else at + 1, "after": rows[-1]["id"] if more else None}
                yield Page(stream, [self._landing(stream, row) for row in rows], {**known, "full": full}, initial)
        yield Page(
            stream, cursor={"listed": True, "watermark": begun["watermark"], "seen": begun["seen"]}, initial=initial
        )

    def _pages_or_older(
        self, stream: str, spec: Stream, params: Params, after: str | None
    ) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        expand: Params = {"expand": [f"data.{path}" for path in spec.expand]} if spec.expand else {}
        try:
            yield from self._client.pages(spec.path, {**params, **expand}, after)
        except NotFoundError:
            older = OLDER.get(stream)
            if older is not None and params.get("active") != "false":
                yield from self._client.pages(older.path, {}, after)
        except RefusedError as refused:
            if refused.param != "expand":
                raise
            # A server that speaks an old version refuses to expand what it does not have, or shows anyway.
            yield from self._client.pages(spec.path, params, after)

    def _changed(self, stream: str, known: Mapping[str, Any]) -> Iterator[Page]:
        """Fetch what the events since the watermark name."""
        since, seen = int(known["watermark"]) - OVERLAP_SECONDS, set(known.get("seen") or ())
        events: list[dict[str, Any]] = []
        params: Params = {"types": STREAMS[stream].events, "created[gte]": since}
        for rows, _ in self._client.pages("/v1/events", params):
            events.extend(rows)
        ended: dict[str, bool] = {}
        for event in sorted(events, key=lambda event: int(event["created"])):
            if event["id"] not in seen:
                ended[str(event["data"]["object"]["id"])] = event["type"] in ENDS
        watermark = max([int(known["watermark"]), *(int(event["created"]) for event in events)])
        recent = sorted(event["id"] for event in events if event["created"] >= watermark - OVERLAP_SECONDS)
        ids = list(ended)
        for start in range(0, len(ids), FETCHED_PER_PAGE):
            part = ids[start : start + FETCHED_PER_PAGE]
            yield Page(stream, [self._landing(stream, self._fetch(stream, id, ended[id])) for id in part])
        yield Page(stream, cursor={"listed": True, "watermark": watermark, "seen": recent})

    def _fetch(self, stream: str, id: str, ended: bool) -> dict[str, Any]:
        tombstone = {"id": id, "deleted": True}
        if ended:
            return tombstone
        spec = STREAMS[stream]
        try:
            return self._client.get(f"{spec.path}/{id}", {"expand": spec.expand} if spec.expand else {})
        except NotFoundError:
            return tombstone

    def _landing(self, stream: str, row: dict[str, Any]) -> Landing:
        """Complete what Stripe shows only the beginning of."""
        parent = None
        if not row.get("deleted"):
            if stream == "subscriptions":
                row["items"] = self._whole(row["items"], "/v1/subscription_items", {"subscription": row["id"]})
            elif stream == "invoices":
                row["lines"] = self._whole(row["lines"], f"/v1/invoices/{row['id']}/lines", {})
                parent = shapes.invoice_subscription(row)
        return Landing(str(row["id"]), row, parent)

    def _whole(self, shown: dict[str, Any], path: str, params: Params) -> dict[str, Any]:
        if not shown.get("has_more"):
            return shown
        rows = list(shown["data"])
        for more, _ in self._client.pages(path, params, rows[-1]["id"]):
            rows.extend(more)
        return {**shown, "data": rows, "has_more": False}

    def _newest_event(self) -> Mapping[str, Any]:
        """The watermark of a listing that starts now: what happened up to this event is in the list."""
        events = self._client.get("/v1/events", {"limit": 1})["data"]
        newest = max((int(event["created"]) for event in events), default=None)
        return {"watermark": newest, "seen": [event["id"] for event in events]}

    def _passes(self, raw: RawStore, stream: str) -> Sequence[Params]:
        """Listings that show everything; what lives on a test clock is shown only when asked for."""
        own = STREAMS[stream].passes
        match stream:
            case "customers" | "subscriptions":
                return [*own, *({**params, "test_clock": clock} for clock in self._test_clocks for params in own)]
            case "invoices" if self._test_clocks:
                on_clock = [
                    row.id for row in raw.latest("customers") if row.payload.get("test_clock") in self._test_clocks
                ]
                return [*own, *({"customer": id} for id in on_clock)]
            case _:
                return own


def _is_stale(watermark: int, now: datetime) -> bool:
    return now.timestamp() - watermark > EVENTS_TRUSTED.total_seconds()
