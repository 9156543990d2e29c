"""Turns rows of files into canonical rows, by the mapping of their file set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from connector.adapters.sources.files.subscriptions import Owner, subscription_tables, was_fit
from connector.adapters.sources.files.values import Values
from connector.adapters.sources.unfit import UnfitError, domain_of, known_currency, not_future
from connector.domain.billing import FilesMapping, FileStream
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.pricing import PER_MONTH, Interval, Price
from connector.ports.billing import RawRow, RawStore, Rejected, Translated

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]


class Translator:
    """Reads the rows of one files source."""

    def __init__(self, name: str, mapping: FilesMapping, raw: RawStore, now: datetime) -> None:
        self._name = name
        self._mapping = mapping
        self._raw = raw
        self._now = now

    def units(self, stream: str, ids: Sequence[str]) -> Iterator[Translated]:
        """Canonical rows of each unit."""
        histories = self._raw.history(stream, ids)
        match stream:
            case "accounts":
                yield from self._each(stream, histories, self._account)
            case "prices":
                yield from self._each(stream, histories, self._price)
            case "subscriptions":
                yield from self._each(stream, histories, self._subscription_reader(histories))
            case "invoices" | "events":
                read = self._invoice if stream == "invoices" else self._event
                reason = Reason.ORPHAN_INVOICE if stream == "invoices" else Reason.ORPHAN_EVENT
                owners = self._owners(stream, histories)

                def checked(rows: Sequence[RawRow]) -> Tables:
                    if self.values(stream, rows[-1]).needed("account_id") not in owners:
                        raise UnfitError(reason, "no source has told of its account")
                    return read(rows)

                yield from self._each(stream, histories, checked)

    def values(self, stream: str, row: RawRow, at: int = 0) -> Values:
        """One row of a landing, read by the file set it came from."""
        sets = self._mapping.sets(cast(FileStream, stream))
        number = row.payload["set"]
        if number >= len(sets):
            raise UnfitError(Reason.MALFORMED_ROW, "the mapping no longer has the file set it came from")
        return Values(sets[number], row.payload["rows"][at])

    def _each(
        self, stream: str, histories: Mapping[str, Sequence[RawRow]], read: Callable[[Sequence[RawRow]], Tables]
    ) -> Iterator[Translated]:
        for unit, rows in histories.items():
            try:
                yield Translated(unit, read(rows))
            except UnfitError as unfit:
                place = rows[-1].at or unit
                detail = f"{place}: {unfit.what}; {unfit.reason.cure}"
                yield Translated(unit, rejected=(Rejected(stream, place, unfit.reason, detail, rows[-1].payload),))

    def _owners(self, stream: str, histories: Mapping[str, Sequence[RawRow]]) -> set[str]:
        """Which of the accounts that these rows name are there."""
        named = {self.values(stream, rows[-1]).text("account_id") for rows in histories.values()}
        return set(self._raw.known_accounts([name for name in named if name]))

    def _account(self, rows: Sequence[RawRow]) -> Tables:
        read = self.values("accounts", rows[-1])
        created = not_future(read.moment("created_at"), self._now, "created_at")
        currency = read.text("currency")
        texts = ("name", "parent_id", "time_zone", "locale", "segment", "industry", "crm_id")
        country = read.text("country")
        account = {
            **{column: read.text(column) for column in texts},
            "account_id": rows[-1].id,
            "source": self._name,
            "domain": domain_of(read.text("domain") or read.text("email"), self._mapping.free_mail),
            "country": country.upper() if country else None,
            "currency": known_currency(currency.upper()) if currency else None,
            "is_test": read.truth("is_test"),
            "deleted": read.truth("deleted"),
            "created_at": created,
            "known_at": created if rows[0].initial and created else rows[0].fetched_at,
        }
        return {"accounts": [account]}

    def _price(self, rows: Sequence[RawRow]) -> Tables:
        read = self.values("prices", rows[-1])
        price = price_of(read)
        created = read.moment("created_at")
        row = {
            **{column: read.text(column) for column in ("product_id", "product_name", "offer_id")},
            "price_id": rows[-1].id,
            "source": self._name,
            "currency": price.currency,
            "recurring": price.recurring,
            "metered": price.metered,
            "interval": price.interval,
            "interval_count": price.interval_count if price.recurring else None,
            "spec": price.to_json(),
            "active": read.text("active") is None or read.truth("active"),
            "created_at": created,
            "known_at": created if rows[0].initial and created else rows[0].fetched_at,
        }
        return {"prices": [row]}

    def _subscription_reader(self, histories: Mapping[str, Sequence[RawRow]]) -> Callable[[Sequence[RawRow]], Tables]:
        accounts = self._owners("subscriptions", histories)
        prices: dict[str, tuple[Price, str | None]] = {}
        for row in self._raw.latest("prices"):
            read = self.values("prices", row)
            try:
                prices[row.id] = (price_of(read), read.text("offer_id"))
            except UnfitError:
                # The price itself is set aside; subscriptions that name it are too, as `unknown_price`.
                continue
        owner = Owner(self._name, accounts, prices, self._now)

        def read_subscription(rows: Sequence[RawRow]) -> Tables:
            seen = [
                (row, [self.values("subscriptions", row, at) for at in range(len(row.payload["rows"]))]) for row in rows
            ]
            return subscription_tables(
                owner, rows[-1].id, [*(one for one in seen[:-1] if was_fit(owner, one)), seen[-1]]
            )

        return read_subscription

    def _invoice(self, rows: Sequence[RawRow]) -> Tables:
        read = self.values("invoices", rows[-1])
        currency = read.currency()
        created = not_future(read.moment("created_at"), self._now, "created_at")
        if created is None:
            raise UnfitError(Reason.MALFORMED_ROW, "created_at is empty")
        paid = read.moment("paid_at")
        row = {
            "invoice_id": rows[-1].id,
            "source": self._name,
            "account_id": read.needed("account_id"),
            "subscription_id": read.text("subscription_id"),
            "status": read.text("status") or ("paid" if paid else "open"),
            "currency": currency,
            "total_minor": read.whole_minor("total", currency) or 0,
            "created_at": created,
            "due_at": read.moment("due_at"),
            "paid_at": paid,
            "disputed": read.truth("disputed"),
            "known_at": created if rows[0].initial else rows[0].fetched_at,
        }
        return {"invoices": [row]}

    def _event(self, rows: Sequence[RawRow]) -> Tables:
        read = self.values("events", rows[-1])
        occurred = not_future(read.moment("occurred_at"), self._now, "occurred_at")
        if occurred is None:
            raise UnfitError(Reason.MALFORMED_ROW, "occurred_at is empty")
        row = {
            "account_id": read.needed("account_id"),
            "source": self._name,
            "occurred_at": occurred,
            "event": read.needed("event"),
            "detail": read.text("detail"),
            "link": read.text("link"),
            "known_at": occurred if rows[0].initial else rows[0].fetched_at,
        }
        return {"events": [row]}


def price_of(read: Values) -> Price:
    """A flat price per unit as a row of a file tells it."""
    currency = read.currency()
    amount = read.minor("unit_amount", currency)
    interval = read.text("interval")
    if interval is not None and interval not in PER_MONTH:
        raise UnfitError(Reason.BAD_VALUE, "interval is none of day, week, month, year")
    recurring = interval is not None if read.text("recurring") is None else read.truth("recurring")
    count = read.quantity("interval_count")
    exact = None if amount is None else read.exact(amount)
    return Price(
        currency=currency,
        interval=cast(Interval, interval) if recurring else None,
        interval_count=int(count) if count else 1,
        unit_amount=exact,
        metered=read.truth("metered"),
        recurring=recurring,
    )
