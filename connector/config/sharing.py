"""What of a project may be shown to somebody else: which settings are set, and documents without people's words.

Decided here: a value is shown only where it is one of a known few, or a number, or a host; of everything else only that
it is set. Of a document, comments go (people write names into them), and so does what says whom the connector serves
(`scope`) and whose a record is (`owners`). Lines stay where they are, so that a message's `file:line` still fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import yaml

from connector.config.comments import lines_of
from connector.config.settings import Settings

HIDDEN = "hidden"
NAMING_PEOPLE = frozenset({"scope", "owners"})
"""Keys under which every value may name somebody."""
PLAIN = ("source", "crm", "log", "now", "auth", "allow_secret_key", "meter_calls")
Span = tuple[int, int]
_EMPTY = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool")


def settings_shown(settings: Settings) -> dict[str, str]:
    """Map each variable that is set → its value where it is harmless, else only that it is set."""
    return {f"CONNECTOR_{name}": value for name, value in _set_in(settings.model_dump(exclude_unset=True), settings)}


def document_shown(text: str) -> str:
    """Give a YAML document without comments and without people; one that cannot be read is not shown at all."""
    try:
        people = list(_people(yaml.compose(text, Loader=yaml.SafeLoader), within=False))
        return _without_comments(_replaced(text, people))
    except (yaml.YAMLError, RecursionError, ValueError):
        return "this document cannot be read as YAML: it is not shown\n"


def _set_in(values: dict[str, Any], settings: Settings, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _set_in(value, settings, f"{prefix}{name}__")
        elif value is not None:
            yield f"{prefix}{name}".upper(), _shown(name, value)


def _shown(name: str, value: Any) -> str:
    if name in PLAIN:
        return ",".join(value) if isinstance(value, tuple) else str(value)
    if name == "base_url":
        parts = urlsplit(str(value))
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    if name == "ledger_url":
        return f"{urlsplit(str(value)).scheme}, the rest is not shown"
    return "is set"


def _people(node: yaml.Node | None, within: bool) -> Iterator[Span]:
    """Find the places of values (and keys, which may be addresses) under keys that name people."""
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                if within and not _is_ours(key):
                    yield from _people(key, True)
                yield from _people(value, within or getattr(key, "value", None) in NAMING_PEOPLE)
        case yaml.SequenceNode():
            for one in node.value:
                yield from _people(one, within)
        case yaml.ScalarNode() if within and node.tag not in _EMPTY:
            yield node.start_mark.index, node.end_mark.index


def _is_ours(key: yaml.Node) -> bool:
    """Say whether a key is a word of the document's form, not of the customer's."""
    return isinstance(key, yaml.ScalarNode) and "@" not in key.value


def _replaced(text: str, spans: list[Span]) -> str:
    for start, end in sorted(set(spans), reverse=True):
        lines = text[start:end].count("\n")
        text = text[:start] + HIDDEN + "\n" * lines + text[end:]
    return text


def _without_comments(text: str) -> str:
    return "\n".join(content if comment is None else content.rstrip(" ") for content, comment in lines_of(text))
