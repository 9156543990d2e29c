"""Which property values HubSpot takes, and how it stores them.

Every value is a string. Dates are stored as ISO whatever form they came in; rich text is sanitised; an option must
exist, an owner must exist and be active, and a read-only property takes nothing.
Source: "Properties", "Using object APIs" and "Dates and times", developers.hubspot.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from html import escape
from html.parser import HTMLParser
from typing import Any

from connector.sandbox.hubspot.errors import ValueProblem
from connector.sandbox.hubspot.records import iso

Row = dict[str, Any]
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
LONGEST_STRING = 65_536
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_MS = re.compile(r"-?\d{1,15}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")


class Refused(ValueError):
    """A value that does not fit its property."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def stored_value(definition: Row, value: str, owners: Mapping[str, Row], before: str) -> str:
    """Return a value as HubSpot stores it, or raise `Refused`; an empty one clears the property."""
    if value == "":
        return ""
    match definition["type"]:
        case "number":
            return _number(value)
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value)
        case "bool":
            return _one_of(value, ["true", "false"])
        case "enumeration" if definition.get("referencedObjectType") == "OWNER":
            return _owner(value, owners)
        case "enumeration":
            return _options(definition, value, before)
        case _:
            return _text(definition, value)


def problem_with(name: str, definition: Row | None) -> ValueProblem | None:
    """Say why a property cannot be written at all, if it cannot."""
    if definition is None:
        return ValueProblem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition["modificationMetadata"]["readOnlyValue"]:
        return ValueProblem(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    return None


def html_rewritten(definition: Row, value: str) -> str:
    """Return rich text as an editor normalises it: line breaks are spaces, void tags lose their slash."""
    if definition["fieldType"] != "html":
        return value
    return re.sub(r"<(br|hr)\s*/>", r"<\1>", " ".join(value.splitlines()))


def milliseconds(text: str) -> int:
    """Read a stored date or datetime as milliseconds since 1970."""
    parsed = datetime.fromisoformat(text)
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return int((aware - _EPOCH) / timedelta(milliseconds=1))


def _number(value: str) -> str:
    if not NUMBER.fullmatch(value):
        raise Refused("INVALID_INTEGER", f"{value} was not a valid number.")
    return value


def _date(value: str) -> str:
    if _MS.fullmatch(value):
        if int(value) % _DAY_MS:
            raise Refused("INVALID_DATE", f"{value} is not midnight UTC.")
        return _since_epoch(value).date().isoformat()
    if not _DATE.fullmatch(value):
        raise Refused("INVALID_LONG", f"{value} was not a valid long.")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise Refused("INVALID_LONG", f"{value} was not a valid long.") from None


def _datetime(value: str) -> str:
    if _MS.fullmatch(value):
        return iso(_since_epoch(value))
    if not _ISO.fullmatch(value):
        raise Refused("INVALID_LONG", f"{value} was not a valid long.")
    try:
        return iso(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise Refused("INVALID_LONG", f"{value} was not a valid long.") from None


def _since_epoch(value: str) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        raise Refused("INVALID_LONG", f"{value} is out of range.") from None


def _one_of(value: str, allowed: Iterable[str]) -> str:
    known = list(allowed)
    if value not in known:
        raise Refused("INVALID_OPTION", f"{value} was not one of the allowed options: [{', '.join(known)}]")
    return value


def _owner(value: str, owners: Mapping[str, Row]) -> str:
    owner = owners.get(value)
    if owner is None:
        raise Refused(
            "INVALID_OWNER_ID", f"Owner {value} does not exist; an owner is named by its id, not its user id."
        )
    if owner["archived"]:
        raise Refused("INVALID_OWNER_ID", f"Owner {value} is deactivated.")
    return value


def _options(definition: Row, value: str, before: str) -> str:
    allowed = [option["value"] for option in definition["options"]]
    if definition["name"] in {"hs_queue_membership_ids", "pipeline", "dealstage"}:
        return value  # No option list: queues are not modelled, stages are checked against the pipelines.
    if definition["fieldType"] != "checkbox":
        return _one_of(value, allowed)
    chosen = [_one_of(one, allowed) for one in value.split(";") if one]
    kept = [one for one in before.split(";") if one] if value.startswith(";") else []
    return ";".join(dict.fromkeys([*kept, *chosen]))


def _text(definition: Row, value: str) -> str:
    if len(value) > LONGEST_STRING:
        raise Refused("INVALID_LENGTH", f"The value has {len(value)} characters; at most {LONGEST_STRING} are stored.")
    if definition["name"] == "hs_task_reminders" and not _MS.fullmatch(value):
        raise Refused("INVALID_LONG", f"{value} was not a valid long.")
    return sanitised(value) if definition["fieldType"] == "html" else value


class _Sanitiser(HTMLParser):
    """Copies markup without what could run: scripts, styles, frames, event handlers, javascript: addresses."""

    DROPPED = frozenset({"script", "style", "iframe", "object", "embed"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.kept: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.DROPPED:
            self.inside.append(tag)
        elif not self.inside:
            self.kept.append(f"<{tag}{''.join(map(self._attribute, attrs))}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.DROPPED and not self.inside:
            self.kept.append(f"<{tag}{''.join(map(self._attribute, attrs))}/>")

    def handle_endtag(self, tag: str) -> None:
        if self.inside:
            self.inside = self.inside[:-1] if tag == self.inside[-1] else self.inside
        elif tag not in self.DROPPED:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.kept.append("" if self.inside else data)

    def handle_entityref(self, name: str) -> None:
        self.kept.append("" if self.inside else f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.kept.append("" if self.inside else f"&#{name};")

    @staticmethod
    def _attribute(attribute: tuple[str, str | None]) -> str:
        name, value = attribute
        runs = name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
        return "" if runs else f' {name}="{escape(value or "")}"'


def sanitised(markup: str) -> str:
    """Return rich text as HubSpot keeps it."""
    sanitiser = _Sanitiser()
    sanitiser.feed(markup)
    sanitiser.close()
    return "".join(sanitiser.kept)
