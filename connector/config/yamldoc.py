"""Turns a YAML document into a frozen domain value and says where every mistake is.

A document may be two files: what a company decides, and what one environment has otherwise (see `overlay`). Every
mistake is told at once, at the file that made it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from connector.config.yamltree import Loc, Spot, Tree, read_tree
from connector.domain.errors import ConfigError, Problem

T = TypeVar("T")
KEPT = 60
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A document, its file as people name it, and where each of its parts stands."""

    value: T
    file: str
    places: Mapping[Loc, Spot] = field(default_factory=dict)
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def at(self, *loc: str | int) -> str:
        """Give `file:line:column` of a part, or of the nearest part around it that is written down."""
        return _place(self.file, self.places, loc)

    def of(self, word: str, *loc: str | int) -> str:
        """Give `file:line:column` of the first use of a word in a text, or of the text's key where it is not found."""
        spot = self.places.get(loc)
        if spot is None or not spot.first or not word:
            return self.at(*loc)
        for line in range(spot.first, spot.last + 1):
            begin = spot.column - 1 if line == spot.line else 0
            found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.lines[spot.file][line - 1][begin:])
            if found:
                return f"{spot.file}:{line}:{begin + found.start() + 1}"
        return self.at(*loc)


def load(path: Path, kind: type[T], file: str | None = None) -> Loaded[T]:
    """Read and validate one document; raise ConfigError with every problem found."""
    name = file or str(path)
    return validated(read_tree(path, name), kind, name)


def validated(tree: Tree, kind: type[T], name: str) -> Loaded[T]:
    """Turn what is written into a document; raise ConfigError with every problem found."""
    try:
        value = _adapter(cast(Any, kind)).validate_python(tree.data)
    except ValidationError as invalid:
        raise ConfigError([_problem(error, kind, name, tree.places) for error in invalid.errors()]) from None
    _check_header(value, name, tree.places)
    return Loaded(value, name, tree.places, tree.lines)


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _place(file: str, places: Mapping[Loc, Spot], loc: Sequence[str | int]) -> str:
    for size in range(len(loc), -1, -1):
        if tuple(loc[:size]) in places:
            return str(places[tuple(loc[:size])])
    return file


def _problem(error: Any, kind: type[Any], file: str, places: Mapping[Loc, Spot]) -> Problem:
    loc: Loc = tuple(part for part in error["loc"])
    known = tuple(part for part in loc if part != "[key]")
    at = _place(file, places, known)
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            options = keys_of(kind, known[:-1])
            near = difflib.get_close_matches(str(loc[-1]), options, 1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(options)}"
            return Problem(f"unknown key {str(loc[-1])!r}", at, hint)
        case "missing" | "missing_keyword_only_argument" | "missing_argument":
            return Problem(f"missing key {str(loc[-1])!r}", at, f"add `{loc[-1]}: …` here")
        case _:
            shown = error.get("input")
            got = f" (got {_short(shown)})" if isinstance(shown, str | int | float | bool) else ""
            where = ".".join(str(part) for part in known) or "the document"
            return Problem(f"{where}: {_plain(error['msg'])}{got}", at, _cure(error, known))


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= KEPT else shown[: KEPT - 1] + "…"


def _plain(message: str) -> str:
    return message[0].lower() + message[1:]


LISTS = "write a list: [one, two], or a line `- one` for each"
KEYS = "write `key: value` lines under it"
CURES = (
    (("list_type", "tuple_type"), LISTS),
    (("dict_type", "mapping_type", "dataclass_type", "dataclass_exact_type"), KEYS),
    (("bool_type", "bool_parsing"), "write true or false"),
    (("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing"), "write a number, like 12"),
    (("decimal_type", "decimal_parsing"), 'write a number, like "0.92"'),
    (("date_type", "date_parsing", "date_from_datetime_parsing"), "write a day like 2026-09-30"),
)


def _cure(error: Any, known: Loc) -> str:
    shown = error.get("input")
    if error["type"] in ("literal_error", "enum"):
        options = error["ctx"]["expected"].split("'")[1::2]
        near = difflib.get_close_matches(str(shown), options, 1)
        return f"did you mean {near[0]}?" if near else f"one of {', '.join(options)}"
    if error["type"] == "string_type" and shown is not None and not isinstance(shown, dict | list):
        return 'put it in quotes: "…"'
    if error["type"] == "string_type":
        return "write a text, or leave the key out" if shown is None else "write one text here, not several parts"
    if error["type"] == "is_instance_of":
        return LISTS if error["ctx"]["class"] == "Sequence" else KEYS
    cure = next((cure for types, cure in CURES if error["type"] in types), None)
    return cure or f"see the schema that the file's first line names, at `{known[-1] if known else 'version'}`"


def keys_of(kind: Any, loc: Loc) -> list[str]:
    """Name the keys allowed at a place, by walking the document's type; none where any will do."""
    here = kind
    for part in loc:
        here = _step(here, part)
    candidates = [here, *get_args(here)]
    known = sorted({f.name for one in candidates if is_dataclass(one) for f in fields(one)})
    return known or _words_of(here)


def _words_of(kind: Any) -> list[str]:
    """List the keys of a mapping that has a fixed list of them."""
    for one in (kind, *get_args(kind)):
        arguments = get_args(one)
        if len(arguments) == 2 and get_origin(arguments[0]) is Literal:
            return sorted(str(word) for word in get_args(arguments[0]))
    return []


def _step(kind: Any, part: str | int) -> Any:
    for one in (kind, *get_args(kind)):
        if is_dataclass(one) and isinstance(one, type):
            hints = get_type_hints(one)
            if part in hints:
                return hints[str(part)]
    arguments = get_args(kind)
    return arguments[-1] if arguments else kind


def _check_header(value: Any, name: str, places: Mapping[Loc, Spot]) -> None:
    if getattr(value, "version", 1) != 1:
        raise ConfigError(
            f"version {value.version} is not known", at=_place(name, places, ("version",)), hint="version: 1"
        )
    stem = Path(name).name.split(".")[0]
    if getattr(value, "name", stem) != stem:
        at = _place(name, places, ("name",))
        raise ConfigError(f"name {value.name!r} differs from the file's, {stem!r}", at=at, hint=f"name: {stem}")
