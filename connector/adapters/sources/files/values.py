"""Reads text as numbers, amounts, dates and words, the way one file set writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from connector.adapters.sources.unfit import UnfitError, known_currency
from connector.domain.billing import FileSet
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.money import exponent, round_minor

# Excel groups digits with plain, no-break, thin and narrow no-break spaces, depending on its version.
SPACES = "\u0020\u00a0\u2007\u2009\u202f"
CURRENCY_MARKS = r"[€$£¥]|\b[A-Z]{3}\b"
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Values:
    """One row, read by its file set's mapping."""

    def __init__(self, files: FileSet, row: Mapping[str, str]) -> None:
        self._files = files
        self._row = row

    def text(self, column: str) -> str | None:
        """Our column as text, after constants and value maps; None when empty."""
        files = self._files
        theirs = files.columns.get(column)
        given = files.constants.get(column) if theirs is None else self._row.get(theirs, "").strip(SPACES + "\t")
        if not given:
            return files.constants.get(column)
        words = files.values.get(column)
        if words is None:
            return given
        if given not in words and "*" not in words:
            raise UnfitError(Reason.BAD_VALUE, f"{theirs or column} has a value that `values` does not list")
        found = words.get(given, words.get("*"))
        return given if found == "*" else found or None

    def needed(self, column: str) -> str:
        """Our column as text; without it the row is no use."""
        found = self.text(column)
        if found is None:
            reason = Reason.MISSING_ID if column.endswith("_id") else Reason.MALFORMED_ROW
            raise UnfitError(reason, f"{column} is empty")
        return found

    def number(self, column: str) -> Decimal | None:
        """Our column as an exact number."""
        given = self.text(column)
        if given is None:
            return None
        plain = re.sub(CURRENCY_MARKS, "", given).strip(SPACES)
        for mark in self._files.thousands:
            for one in SPACES if mark in SPACES else mark:
                plain = plain.replace(one, "")
        plain = plain.replace(self._files.decimal, ".")
        if not NUMBER.fullmatch(plain):
            raise UnfitError(Reason.BAD_NUMBER, f"{column} is no number")
        return Decimal(plain)

    def quantity(self, column: str) -> Decimal | None:
        """Our column as a number that cannot be negative."""
        found = self.number(column)
        if found is not None and found < 0:
            raise UnfitError(Reason.NEGATIVE_QUANTITY, f"{column} is negative")
        return found

    def currency(self) -> str:
        """The row's currency."""
        given = self.text("currency") or self._files.currency
        if given is None:
            raise UnfitError(Reason.UNKNOWN_CURRENCY, "the row names no currency")
        return known_currency(given.upper())

    def minor(self, column: str, currency: str) -> Fraction | None:
        """Our column as an exact amount of minor units."""
        found = self.number(column)
        if found is None:
            return None
        return Fraction(found) * (10 ** exponent(currency) if self._files.units == "major" else 1)

    def exact(self, amount: Fraction) -> Decimal:
        """A fraction that came from decimal text as a decimal again."""
        return Decimal(amount.numerator) / Decimal(amount.denominator)

    def whole_minor(self, column: str, currency: str) -> int | None:
        """Our column as whole minor units."""
        found = self.minor(column, currency)
        return None if found is None else round_minor(found)

    def moment(self, column: str) -> datetime | None:
        """Our column as a UTC time."""
        given = self.text(column)
        if given is None:
            return None
        for form in self._files.dates:
            try:
                # A time without a zone is given the mapping's below.
                read = datetime.strptime(given, form)  # noqa: DTZ007
            except ValueError:
                continue
            return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(self._files.time_zone))).astimezone(UTC)
        raise UnfitError(Reason.BAD_DATE, f"{column} is no date of a known format")

    def truth(self, column: str) -> bool:
        """Our column as true or false; empty is false."""
        given = self.text(column)
        if given is None:
            return False
        word = given.casefold()
        if word in {true.casefold() for true in self._files.true_words}:
            return True
        if word in {false.casefold() for false in self._files.false_words}:
            return False
        raise UnfitError(Reason.BAD_VALUE, f"{column} is neither true nor false")
