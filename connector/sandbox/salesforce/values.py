"""Values as Salesforce stores them: what a JSON value becomes in a field, or why it is refused.

Everything is stored ready for JSON: datetimes as `2024-11-07T07:00:00.000+0000`, dates as `2024-11-07`, so that
text order is time order. Text is trimmed and e-mail lower-cased, as the service does: what is read back may differ
from what was sent.

Source: REST API Developer Guide, "Valid Date and DateTime Formats"; Object Reference, "Primitive Data Types".
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.ids import long_form
from connector.sandbox.salesforce.schema import NUMERIC, TEXTUAL, Field

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})")


def stamp(moment: datetime) -> str:
    """Write a moment as Salesforce does, to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def read_datetime(text: str) -> str:
    """Bring a datetime with its offset into the stored form; ValueError if it is not one."""
    if not _DATETIME.fullmatch(text):
        raise ValueError(text)
    return stamp(datetime.fromisoformat(text))


def read_date(text: str) -> str:
    """Check a plain calendar date; ValueError if it is not one."""
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text).isoformat()


def stored(field: Field, value: Any) -> Any:
    """Turn a JSON value into what the field stores, or refuse it."""
    if value is None or value == "":
        return False if field.type == "boolean" else None
    if field.type in TEXTUAL:
        return _text(field, value)
    if field.type in NUMERIC:
        return _number(field, value)
    match field.type:
        case "boolean":
            return _boolean(value)
        case "base64":
            if not isinstance(value, str):
                raise _cannot_deserialize("base64Binary", value)
            return value
        case "date" | "datetime":
            try:
                return (read_date if field.type == "date" else read_datetime)(str(value))
            except ValueError:
                raise _cannot_deserialize(field.type, value) from None
        case _:
            return _reference(field, value)


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _cannot_deserialize("string", value)
    text = value.strip()
    if not text:
        return None
    if field.type == "email":
        if not _EMAIL.fullmatch(text):
            raise Refusal("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", [field.name])
        text = text.lower()
    if len(text) > field.length:
        shown = text if len(text) <= 255 else text[:255] + "..."
        raise Refusal(
            "STRING_TOO_LONG", f"{field.label}: data value too large: {shown} (max length={field.length})", [field.name]
        )
    if field.restricted and text not in field.values:
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}",
            [field.name],
        )
    return text


def _number(field: Field, value: Any) -> int | float:
    try:
        number = float(value)
        if isinstance(value, bool) or (field.type == "int" and number != int(number)):
            raise ValueError(value)
    except (TypeError, ValueError, OverflowError):
        raise _cannot_deserialize("int" if field.type == "int" else "double", value) from None
    if field.precision and abs(number) >= 10 ** (field.precision - field.scale):
        raise Refusal(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
            [field.name],
        )
    return int(number) if field.type == "int" else number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise _cannot_deserialize("boolean", value)


def _reference(field: Field, value: Any) -> str:
    try:
        return long_form(str(value))
    except ValueError:
        raise Refusal("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name]) from None


def _cannot_deserialize(kind: str, value: Any) -> Refusal:
    seen = "VALUE_STRING value" if isinstance(value, str) else f"{_json_kind(value)} value"
    return Refusal(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {seen} {value} or request may be missing a required field",
    )


def _json_kind(value: Any) -> str:
    match value:
        case bool():
            return "VALUE_TRUE" if value else "VALUE_FALSE"
        case int():
            return "VALUE_NUMBER_INT"
        case float():
            return "VALUE_NUMBER_FLOAT"
        case list():
            return "START_ARRAY"
        case _:
            return "START_OBJECT"
