"""Canonical text for field values, so that what we sent and what a CRM shows can be compared.

A CRM rewrites what it is given: `12.50` comes back as `12.5`, a datetime in another notation, HTML with other quotes.
Two forms are decided here. `fit` is what we send: canonical, and cut to the field's length. `comparable` is what two
values are compared by; it differs from `fit` for HTML, where spelling carries no meaning but must be sent, and for what
a file holds, of which a CRM shows no more than the MD5 digest that both vendors keep.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import md5
from typing import assert_never

from connector.domain.change import FieldSpec, FieldType, Scalar
from connector.domain.html import canonical_html, cut_html

ELLIPSIS = "…"
TRUE = frozenset({"true", "1", "yes"})
FALSE = frozenset({"false", "0", "no"})
DIGEST = "md5:"
DIGITS = 40
"""Numbers longer than this are left as text: no CRM holds them, and `1e999999` must not be written out."""


def fit(value: Scalar, spec: FieldSpec) -> Scalar:
    """Give the value as it should be sent: canonical and no longer than the field; empty is None."""
    canonical = _canonical(value, spec.type)
    if canonical is None or not spec.length or len(canonical) <= spec.length:
        return canonical
    match spec.type:
        case FieldType.TEXT:
            return _text(canonical[: spec.length - 1]) + ELLIPSIS
        case FieldType.HTML:
            return cut_html(canonical, spec.length, ELLIPSIS) or None
        case _:
            # Half a number or an unknown option would be a lie: the CRM refuses it, and its reason is shown.
            return canonical


def comparable(value: Scalar, spec: FieldSpec) -> Scalar:
    """Give the form in which two values of a field are compared."""
    if spec.type is FieldType.HTML:
        return canonical_html(value or "") or None
    if spec.type is FieldType.FILE:
        text = _text(value or "")
        return digest(text) if text and not text.startswith(DIGEST) else text or None
    return _canonical(value, spec.type)


def digest(content: str) -> str:
    """Name what a file holds as a CRM does, which keeps the digest and not the text."""
    canonical = _text(content).encode()
    return DIGEST + md5(canonical, usedforsecurity=False).hexdigest()


def same(left: Scalar, right: Scalar, spec: FieldSpec) -> bool:
    """Two values mean the same in this field."""
    return left == right or comparable(left, spec) == comparable(right, spec)


def _canonical(value: Scalar, type: FieldType) -> Scalar:
    text = _text(value or "")
    if not text:
        return None
    match type:
        case FieldType.TEXT | FieldType.PICKLIST | FieldType.REFERENCE | FieldType.HTML | FieldType.FILE:
            return text
        case FieldType.NUMBER:
            return _number(text)
        case FieldType.BOOL:
            return _bool(text)
        case FieldType.DATE:
            return _date(text)
        case FieldType.DATETIME:
            return _datetime(text)
        case FieldType.MULTI_PICKLIST:
            return ";".join(sorted({option.strip() for option in text.split(";")} - {""})) or None
        case _:
            assert_never(type)


def _text(text: str) -> str:
    if "\n" not in text and "\r" not in text:
        return text.strip()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def _number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number.adjusted()) > DIGITS:
        return text
    if number == 0:
        return "0"
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _bool(text: str) -> str:
    lower = text.lower()
    if lower in TRUE:
        return "true"
    return "false" if lower in FALSE else text


def _moment(text: str) -> datetime | None:
    # Python 3.11 reads `+0000` and `Z`; a CRM that names no zone means UTC.
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _date(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    moment = _moment(text)
    return text if moment is None else _utc(moment).date().isoformat()


def _datetime(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        moment = _moment(text)
        return text if moment is None else _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{day.isoformat()}T00:00:00Z"


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in a zone beyond it
        return moment.replace(tzinfo=UTC)
