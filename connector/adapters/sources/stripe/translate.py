"""Turns raw Stripe units into canonical rows: the only place beside `shapes` where Stripe's words meet ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import DecimalException
from functools import cache
from typing import Any

from connector.adapters.sources.past import then_and_now
from connector.adapters.sources.stripe import shapes
from connector.adapters.sources.stripe.offers import offer_of
from connector.adapters.sources.stripe.shapes import Object
from connector.adapters.sources.stripe.timeline import KnownPrice, Reference, Version, versions
from connector.adapters.sources.unfit import UnfitError, domain_of, known_currency, not_future
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.billing import StripeMapping
from connector.ports.billing import RawRow, RawStore, Rejected, Translated

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
MONTHS = {"day": 0, "week": 0, "month": 1, "year": 12}
TRUE = frozenset({"true", "1", "yes"})


class Translator:
    """Reads Stripe's objects by one mapping."""

    def __init__(self, name: str, mapping: StripeMapping, raw: RawStore, now: datetime) -> None:
        self._name = name
        self._mapping = mapping
        self._raw = raw
        self._now = now

    def units(self, stream: str, ids: Sequence[str]) -> Iterator[Translated]:
        """Canonical rows of each unit."""
        match stream:
            case "customers":
                yield from self._each(stream, self._raw.history(stream, ids), self._account)
            case "prices":
                products = {row.id: row.payload for row in self._raw.latest("products")}
                yield from self._each(stream, self._raw.history(stream, ids), lambda rows: self._price(rows, products))
            case "subscriptions":
                yield from self._subscriptions(ids)
            case "invoices":
                yield from self._invoices(ids)
            case _:
                yield from (Translated(unit) for unit in ids)

    def _each(
        self, stream: str, histories: Mapping[str, Sequence[RawRow]], read: Callable[[Sequence[RawRow]], Tables]
    ) -> Iterator[Translated]:
        for unit, rows in histories.items():
            try:
                yield Translated(unit, read(rows))
            except UnfitError as unfit:
                yield self._set_aside(stream, rows[-1], unfit.reason, unfit.what)
            except (KeyError, TypeError, ValueError, AttributeError, DecimalException) as malformed:
                what = f"cannot be read: {type(malformed).__name__} at {malformed}"
                yield self._set_aside(stream, rows[-1], Reason.MALFORMED_ROW, what)

    def _set_aside(self, stream: str, row: RawRow, reason: Reason, what: str) -> Translated:
        detail = f"{what}; {reason.cure}"
        return Translated(row.id, rejected=(Rejected(stream, row.id, reason, detail, row.payload),))

    def _account(self, rows: Sequence[RawRow]) -> Tables:
        deleted = bool(rows[-1].payload.get("deleted"))
        whole = [row for row in rows if not row.payload.get("deleted")]
        if not whole:
            # Deleted before we ever saw it: there is nothing to keep.
            return {}
        customer = whole[-1].payload
        created = not_future(shapes.moment(customer["created"]), self._now, "created")
        keys, metadata = self._mapping.account, customer.get("metadata") or {}
        named = {
            field: metadata.get(key) if key else None
            for field, key in {
                "segment": keys.segment,
                "industry": keys.industry,
                "crm_id": keys.crm_id,
                "parent_id": keys.parent,
                "time_zone": keys.time_zone,
            }.items()
        }
        domain = metadata.get(keys.domain) if keys.domain else None
        account = {
            **{field: value or None for field, value in named.items()},
            "account_id": rows[-1].id,
            "source": self._name,
            "name": customer.get("business_name") or customer.get("name") or customer.get("description"),
            "domain": domain_of(domain or customer.get("email"), self._mapping.free_mail),
            "country": ((customer.get("address") or {}).get("country") or "").upper() or None,
            "locale": next(iter(customer.get("preferred_locales") or ()), None),
            "currency": (customer.get("currency") or "").upper() or None,
            "is_test": bool(keys.test) and str(metadata.get(keys.test, "")).casefold() in TRUE,
            "deleted": deleted,
            "created_at": created,
            "known_at": created if rows[0].initial else rows[0].fetched_at,
        }
        return {"accounts": [account]}

    def _price(self, rows: Sequence[RawRow], products: Mapping[str, Object]) -> Tables:
        whole = [row for row in rows if not row.payload.get("deleted")]
        if not whole:
            return {}
        raw = whole[-1].payload
        price = shapes.price(raw)
        known_currency(price.currency)
        product_id = shapes.id_of(raw.get("product"))
        product = products.get(product_id or "", {})
        created = shapes.moment(raw["created"])
        row = {
            "price_id": rows[-1].id,
            "source": self._name,
            "product_id": product_id,
            "product_name": product.get("name"),
            "offer_id": offer_of(self._mapping, product, raw),
            "currency": price.currency,
            "recurring": price.recurring,
            "metered": price.metered,
            "interval": price.interval,
            "interval_count": price.interval_count if price.recurring else None,
            "spec": price.to_json(),
            "active": bool(raw.get("active", True)) and not rows[-1].payload.get("deleted"),
            "created_at": created,
            "known_at": created if rows[0].initial else rows[0].fetched_at,
        }
        return {"prices": [row]}

    def _subscriptions(self, ids: Sequence[str]) -> Iterator[Translated]:
        histories = self._raw.history("subscriptions", ids)
        invoices = self._raw.children("invoices", list(histories))
        owners = {str(shapes.id_of(rows[-1].payload.get("customer"))) for rows in histories.values()}
        customers = self._customers(owners)
        listed = {row.id: row.payload for row in self._raw.latest("prices")}
        products = {row.id: row.payload for row in self._raw.latest("products")}
        coupons = {row.id: row.payload for row in self._raw.latest("coupons")}

        @cache
        def list_prices() -> Mapping[str, tuple[KnownPrice, str | None]]:
            return {id: self._priced(price, products) for id, price in listed.items()}

        def read(rows: Sequence[RawRow]) -> Tables:
            customer = customers.get(str(shapes.id_of(rows[-1].payload.get("customer"))))
            if customer is None:
                raise UnfitError(Reason.ORPHAN_SUBSCRIPTION, "its customer is not in billing")
            _check(rows[-1].payload, self._now)
            own = {id: self._priced(price, products) for id, price in _embedded(rows, listed).items()}
            priced = {**list_prices(), **own}
            known = {id: price for id, (price, _) in priced.items()}
            reference = Reference(known, coupons, self._mapping.mrr_discounts)
            found = versions(rows, invoices.get(rows[-1].id, ()), customer, reference)
            return {
                "subscriptions": then_and_now(self._subscription(rows), rows[0]),
                "subscription_item_versions": [self._version(rows, one, *priced[one.price_id]) for one in found],
            }

        yield from self._each("subscriptions", histories, read)

    def _priced(self, price: Object, products: Mapping[str, Object]) -> tuple[KnownPrice, str | None]:
        """A price with what it sells, and the offer that is."""
        product_id = shapes.id_of(price.get("product"))
        offer = offer_of(self._mapping, products.get(product_id or "", {}), price)
        return KnownPrice(shapes.price(price), product_id), offer

    def _customers(self, ids: Iterable[str]) -> Mapping[str, Object]:
        """Newest full payload of each customer that was ever seen."""
        histories = self._raw.history("customers", list(ids))
        return {id: rows[-1].payload for id, rows in histories.items()}

    def _subscription(self, rows: Sequence[RawRow]) -> Row:
        raw = rows[-1].payload
        longest = max(shapes.items(raw), key=_months)
        start, end = shapes.period(raw, longest)
        status = {"incomplete_expired": "incomplete"}.get(raw["status"], raw["status"])
        created = shapes.moment(raw["created"])
        scheduled = end if raw.get("cancel_at_period_end") else None
        return {
            "subscription_id": rows[-1].id,
            "source": self._name,
            "account_id": shapes.id_of(raw["customer"]),
            "status": status,
            "currency": _currency_of(raw),
            "started_at": shapes.moment(raw.get("start_date") or raw["created"]),
            "trial_end": shapes.moment(raw.get("trial_end")),
            "cancel_at": shapes.moment(raw.get("cancel_at") or scheduled),
            "ended_at": shapes.moment(raw.get("ended_at")),
            "period_start": shapes.moment(start),
            "period_end": shapes.moment(end),
            "term_months": max(_months(longest), 1),
            "paused": bool(raw.get("pause_collection")) or status == "paused",
            "known_at": created if rows[0].initial else rows[0].fetched_at,
        }

    def _version(self, rows: Sequence[RawRow], version: Version, known: KnownPrice, offer: str | None) -> Row:
        return {
            "item_id": version.item_id,
            "source": self._name,
            "subscription_id": rows[-1].id,
            "account_id": shapes.id_of(rows[-1].payload["customer"]),
            "price_id": version.price_id,
            "offer_id": offer,
            "quantity": None if version.quantity is None else float(version.quantity),
            "status": version.status,
            "currency": known.price.currency,
            "mrr_minor": version.mrr_minor,
            "list_mrr_minor": version.list_mrr_minor,
            "discounts": version.terms.to_json(),
            "valid_from": version.valid_from,
            "valid_to": version.valid_to,
            "known_at": version.known_at,
        }

    def _invoices(self, ids: Sequence[str]) -> Iterator[Translated]:
        histories = self._raw.history("invoices", ids)
        owners = {str(shapes.id_of(rows[-1].payload.get("customer"))) for rows in histories.values()}
        customers = self._customers(owners)

        def read(rows: Sequence[RawRow]) -> Tables:
            if rows[-1].payload.get("deleted"):
                # Only drafts can be deleted; they never counted.
                return {}
            if str(shapes.id_of(rows[-1].payload.get("customer"))) not in customers:
                raise UnfitError(Reason.ORPHAN_INVOICE, "its customer is not in billing")
            return {"invoices": [self._invoice(rows)]}

        yield from self._each("invoices", histories, read)

    def _invoice(self, rows: Sequence[RawRow]) -> Row:
        raw = rows[-1].payload
        created = not_future(shapes.moment(raw["created"]), self._now, "created")
        moved = raw.get("status_transitions") or {}
        issued = shapes.moment(moved.get("finalized_at")) or created
        currency = str(raw["currency"]).upper()
        known_currency(currency)
        return {
            "invoice_id": rows[-1].id,
            "source": self._name,
            "account_id": shapes.id_of(raw["customer"]),
            "subscription_id": shapes.invoice_subscription(raw),
            "status": raw["status"],
            "currency": currency,
            "total_minor": int(raw["total"]),
            "created_at": created,
            "due_at": shapes.moment(raw.get("due_date")),
            "paid_at": shapes.moment(moved.get("paid_at")),
            # Disputes hang on charges, which the read-only key need not see.
            "disputed": False,
            "known_at": issued if rows[0].initial else rows[0].fetched_at,
        }


def _check(subscription: Object, now: datetime) -> None:
    """Refuse a subscription whose numbers or dates cannot be true."""
    known_currency(_currency_of(subscription))
    began = shapes.moment(subscription.get("start_date") or subscription["created"])
    not_future(began, now, "start date")
    end = shapes.moment(subscription.get("ended_at"))
    if began is not None and end is not None and end < began:
        raise UnfitError(Reason.ENDS_BEFORE_START, "it ends before it starts")
    for item in shapes.items(subscription):
        quantity = shapes.quantity(item)
        if quantity is not None and quantity < 0:
            raise UnfitError(Reason.NEGATIVE_QUANTITY, f"item {item['id']} has quantity {quantity}")


def _embedded(rows: Sequence[RawRow], listed: Mapping[str, Object]) -> Mapping[str, Object]:
    """Prices made inside a subscription, which no list shows."""
    found: dict[str, Object] = {}
    for row in rows:
        for item in shapes.items(row.payload):
            price = shapes.price_of(item)
            if price["id"] in listed or price["id"] in found:
                continue
            if price.get("billing_scheme") == "tiered" and not price.get("tiers"):
                raise UnfitError(Reason.UNKNOWN_PRICE, f"the tiers of price {price['id']} are not known")
            found[price["id"]] = price
    return found


def _months(item: Object) -> int:
    price = shapes.price(shapes.price_of(item))
    return MONTHS.get(price.interval or "", 0) * price.interval_count


def _currency_of(subscription: Object) -> str:
    own = subscription.get("currency")
    if not own:
        own = shapes.price_of(shapes.items(subscription)[0])["currency"]
    return str(own).upper()
