"""MRR from the rows of files as written: the mapped MRR column's total, read a second time and differently."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.billing import FileSet, FilesMapping
from connector.domain.money import exponent
from connector.ports.billing import RawMrr, RawStore

PER_YEAR = {"day": Decimal(365), "week": Decimal(52), "month": Decimal(12), "year": Decimal(1)}


def raw_mrr(raw: RawStore, mapping: FilesMapping, as_of: datetime) -> RawMrr:
    """Monthly minor units per currency of the rows that are in force at `as_of`."""
    prices = {row.id: row.payload for row in raw.latest("prices")}
    aside = {unit: reason for (stream, unit), reason in raw.quarantined().items() if stream == "subscriptions"}
    tests = {
        row.id
        for row in raw.latest("accounts")
        if _is_true(mapping.accounts[row.payload["set"]], row.payload["rows"][0], "is_test")
    }
    total: dict[str, Decimal] = defaultdict(Decimal)
    left_out: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in raw.latest("subscriptions"):
        files = mapping.subscriptions[row.payload["set"]]
        for cells in row.payload["rows"]:
            if not _in_force(files, cells, as_of):
                continue
            currency = (_cell(files, cells, "currency") or files.currency or "").upper()
            worth = _worth(mapping, files, cells, prices).scaleb(exponent(currency) if files.units == "major" else 0)
            total[currency] += worth
            reason = aside.get(row.id) or ("test_accounts" if _cell(files, cells, "account_id") in tests else None)
            if reason is not None:
                left_out[reason][currency] += worth
    whole = {reason: {currency: _round(amount) for currency, amount in by.items()} for reason, by in left_out.items()}
    return RawMrr({currency: _round(amount) for currency, amount in total.items()}, whole)


def _cell(files: FileSet, cells: Mapping[str, str], column: str) -> str:
    given = cells.get(files.columns.get(column, ""), "").strip() or files.constants.get(column, "")
    words = files.values.get(column, {})
    found = words.get(given, words.get("*", given))
    return given if found == "*" else found


def _amount(files: FileSet, cells: Mapping[str, str], column: str) -> Decimal | None:
    """Digits, sign and decimal mark; whatever else stands in a number is decoration."""
    text = re.sub(rf"[^\d{re.escape(files.decimal)}-]", "", _cell(files, cells, column)).replace(files.decimal, ".")
    return Decimal(text) if re.search(r"\d", text) else None


def _worth(
    mapping: FilesMapping, files: FileSet, cells: Mapping[str, str], prices: Mapping[str, Mapping[str, Any]]
) -> Decimal:
    """Monthly worth in the units that the row's file writes amounts in."""
    month, year = _amount(files, cells, "mrr"), _amount(files, cells, "arr")
    if month is not None:
        return month
    if year is not None:
        return year / 12
    landed = prices.get(_cell(files, cells, "price_id"))
    if landed is None:
        return Decimal(0)
    of_price, price = mapping.prices[landed["set"]], landed["rows"][0]
    parts = PER_YEAR.get(_cell(of_price, price, "interval"))
    if parts is None or _is_true(of_price, price, "metered"):
        return Decimal(0)
    quantity = _amount(files, cells, "quantity")
    unit = _amount(of_price, price, "unit_amount") or Decimal(0)
    count = _amount(of_price, price, "interval_count") or Decimal(1)
    worth = unit * (Decimal(1) if quantity is None else quantity) * parts / 12 / count
    if of_price.units == files.units:
        return worth
    places = exponent((_cell(of_price, price, "currency") or of_price.currency or "").upper())
    return worth.scaleb(places if of_price.units == "major" else -places)


def _in_force(files: FileSet, cells: Mapping[str, str], as_of: datetime) -> bool:
    if _cell(files, cells, "status") not in ("", "active", "past_due", "canceled") or _is_true(
        files, cells, "is_trial"
    ):
        return False
    began, over = _date(files, cells, "started_at"), _date(files, cells, "ended_at")
    if began is None or began > as_of:
        return False
    return over > as_of if over is not None else _cell(files, cells, "status") != "canceled"


def _is_true(files: FileSet, cells: Mapping[str, str], column: str) -> bool:
    return _cell(files, cells, column).casefold() in {word.casefold() for word in files.true_words}


def _date(files: FileSet, cells: Mapping[str, str], column: str) -> datetime | None:
    for form in files.dates:
        try:
            # A time without a zone is given the mapping's below.
            read = datetime.strptime(_cell(files, cells, column), form)  # noqa: DTZ007
        except ValueError:
            continue
        return read if read.tzinfo else read.replace(tzinfo=ZoneInfo(files.time_zone))
    return None


def _round(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_EVEN))
