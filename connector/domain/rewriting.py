"""Whether what a CRM shows after a write is its own spelling of what was sent, or somebody's edit made meanwhile.

Where a write is not answered with the record, it is read back moments later, and a person may have been quicker. What
the CRM makes of a value is known: it rounds a number, lengthens an id, trims, cuts, sanitises or changes the case of a
text. Anything else is a person's (or an automation's, which is a person's will too): to take it for the CRM's own would
overwrite it at the next news.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import assert_never

from connector.domain.change import FieldSpec, FieldType, Scalar
from connector.domain.html import plain_text
from connector.domain.normalise import DIGITS, ELLIPSIS, comparable

EXACT = Context(prec=4 * DIGITS)
ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)
SHORT_ID, LONG_ID = 15, 18
"""An id may be given in its short form and is shown in its long one, which begins with it."""

ONE_CHARACTER_OR_DOTS = 8
"""Bytes by which a text that was cut may stay below the length of its field."""


def is_made_of(shown: Scalar, sent: Scalar, spec: FieldSpec) -> bool:
    """What is shown is what the CRM makes of what was sent."""
    left, right = comparable(shown, spec), comparable(sent, spec)
    if left == right:
        return True
    if left is None or right is None:
        return False
    match spec.type:
        case FieldType.NUMBER:
            return _is_rounded(left, right)
        case FieldType.REFERENCE:
            return (len(right), len(left)) == (SHORT_ID, LONG_ID) and left.startswith(right)
        case FieldType.PICKLIST | FieldType.MULTI_PICKLIST:
            return left.casefold() == right.casefold()
        case FieldType.TEXT | FieldType.HTML:
            return _is_respelt(left, right, spec)
        case FieldType.BOOL | FieldType.DATE | FieldType.DATETIME | FieldType.FILE:
            return False
        case _:
            assert_never(spec.type)


def _is_rounded(shown: str, sent: str) -> bool:
    """It has fewer decimals, and is nearest to what was sent."""
    try:
        left, right = Decimal(shown), Decimal(sent)
    except InvalidOperation:
        return False
    if not (left.is_finite() and right.is_finite()) or max(len(shown), len(sent)) > 2 * DIGITS:
        return False
    return any(
        right.quantize(Decimal(1).scaleb(-places), rounding, EXACT) == left
        for places in range(_places(left), _places(right))
        for rounding in ROUNDINGS
    )


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _is_respelt(shown: str, sent: str, spec: FieldSpec) -> bool:
    """White space, case and tags apart they are one text, or the CRM had to cut it."""
    if _letters(shown) == _letters(sent):
        return True
    left, right = _letters(plain_text(shown)), _letters(plain_text(sent))
    if not left:
        return False
    start = left.removesuffix(ELLIPSIS).removesuffix("...")
    return left == right or (bool(start) and right.startswith(start) and _may_be_cut(shown, sent, spec))


def _may_be_cut(shown: str, sent: str, spec: FieldSpec) -> bool:
    """What is sent fits its field in characters; a CRM may count bytes, and fills the field, or not say its length."""
    if spec.length is None:
        return True
    return len(sent.encode()) > spec.length and len(shown.encode()) > spec.length - ONE_CHARACTER_OR_DOTS


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()
