"""Canonical values that both CRM adapters make in the same way."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.domain.change import Scalar
from connector.domain.html import cut_html
from connector.domain.normalise import ELLIPSIS

_REFERENCE = re.compile(r"(?:\s*<p>|\s*<br\s*/?>|\n)?ref: ([0-9a-f]{8,64})(?:</p>)?\s*$")


def number_text(value: Any) -> str:
    """Write a number the shortest way that keeps its value: `1200`, `0.25`, never an exponent."""
    number = Decimal(str(value))
    return "0" if number == 0 else f"{number.normalize():f}"


def datetime_text(at: datetime) -> str:
    """Write a moment to the second, in UTC; `strftime` would lose leading zeros of a year."""
    return f"{at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def with_reference(body: Scalar, key: str, length: int | None, paragraph: bool = False) -> str:
    """End a body with its `ref:` line, once: a paragraph of its own in rich text. A long body makes room for it."""
    text = without_reference(body)[0] or ""
    line = f"<p>ref: {key}</p>" if paragraph else f"\nref: {key}" if text else f"ref: {key}"
    if length is not None and len(text) + len(line) > length:
        room = length - len(line)
        text = cut_html(text, room, ELLIPSIS) if paragraph else text[: room - 1] + ELLIPSIS
    return text + line


def without_reference(body: Scalar) -> tuple[Scalar, str | None]:
    """Take the `ref:` line off a body, and give its key."""
    found = _REFERENCE.search(body) if body is not None else None
    if body is None or found is None:
        return body, None
    return body[: found.start()] or None, found.group(1)
