"""Reads a YAML document into a frozen domain value and says where every mistake is.

The loader keeps each key's and value's line and column. Only `true` and `false` are booleans, so the country `NO`
and the stage `On` stay text; dates stay text until their field's type reads them. Duplicate keys are refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from connector.domain.errors import ConfigError, Problem

T = TypeVar("T")
Loc = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML's safe loader with the core schema's few implicit types."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", list("tf")),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9_]*)$", list("-+0123456789")),
    ("tag:yaml.org,2002:float", r"^[-+]?[0-9][0-9_]*\.[0-9]+(?:e[-+]?[0-9]+)?$", list("-+0123456789")),
    ("tag:yaml.org,2002:merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A document, its file as people name it, and where each of its parts stands."""

    value: T
    file: str
    places: Mapping[Loc, tuple[int, int]] = field(default_factory=dict)

    def at(self, *loc: str | int) -> str:
        """Give `file:line:column` of a part, or of the nearest part around it that is written down."""
        return _place(self.file, self.places, loc)


def load(path: Path, kind: type[T], file: str | None = None) -> Loaded[T]:
    """Read and validate one document; raise ConfigError with every problem found."""
    name = file or str(path)
    data, places = _parse(path, name)
    try:
        value = _adapter(cast(Any, kind)).validate_python(data)
    except ValidationError as invalid:
        raise ConfigError([_problem(error, kind, name, places) for error in invalid.errors()]) from None
    _check_header(value, path, name, places)
    return Loaded(value, name, places)


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _parse(path: Path, name: str) -> tuple[Any, dict[Loc, tuple[int, int]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.yaml")], 1)
        hint = f"did you mean {near[0]}?" if near else "`connector init` writes a complete project"
        raise ConfigError("file not found", at=name, hint=hint) from None
    except UnicodeDecodeError as wrong:
        raise ConfigError(f"not UTF-8 at byte {wrong.start}", at=name, hint="save the file as UTF-8") from None
    except OSError as wrong:
        raise ConfigError(f"cannot be read: {wrong.strerror}", at=name, hint="it must be a readable file") from None
    places: dict[Loc, tuple[int, int]] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (_build(loader, node, (), places, name) if node is not None else {}), places
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        shown = f"not valid YAML: the control character U+{ord(text[wrong.position]):04X}"
        raise ConfigError(shown, at=f"{name}:{line}", hint="delete it") from None
    except RecursionError:
        raise ConfigError("not valid YAML: a part contains itself", at=name, hint="remove the `*alias`") from None
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"not valid YAML: {wrong.problem}", at=at, hint="check indentation, quotes, colons") from None


def _build(loader: _Loader, node: yaml.Node, loc: Loc, places: dict[Loc, tuple[int, int]], name: str) -> Any:
    places.setdefault(loc, _position(node))
    match node:
        case yaml.MappingNode():
            made: dict[Any, Any] = {}
            for key_node, value_node in _pairs(loader, node, name):
                key = loader.construct_object(key_node, deep=True)
                places[(*loc, str(key))] = _position(key_node)
                made[key] = _build(loader, value_node, (*loc, str(key)), places, name)
            return made
        case yaml.SequenceNode():
            return [_build(loader, child, (*loc, i), places, name) for i, child in enumerate(node.value)]
        case _:
            return loader.construct_object(node, deep=True)


def _pairs(loader: _Loader, node: yaml.MappingNode, name: str) -> list[tuple[yaml.Node, yaml.Node]]:
    """List a mapping's keys and values, those merged with `<<` first; refuse a key that is written twice."""
    written: set[str] = set()
    for key_node, _ in node.value:
        line, column = _position(key_node)
        at = f"{name}:{line}:{column}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError("a key must be a word, not a list or a mapping", at=at, hint='put it in quotes: "…"')
        if key_node.value in written:
            raise ConfigError(f"key {key_node.value!r} stands twice", at=at, hint="keep one of them")
        written.add(key_node.value)
    loader.flatten_mapping(node)
    return list(node.value)


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _place(file: str, places: Mapping[Loc, tuple[int, int]], loc: Sequence[str | int]) -> str:
    for size in range(len(loc), -1, -1):
        if tuple(loc[:size]) in places:
            line, column = places[tuple(loc[:size])]
            return f"{file}:{line}:{column}"
    return file


def _problem(error: Any, kind: type[Any], file: str, places: Mapping[Loc, tuple[int, int]]) -> Problem:
    loc: Loc = tuple(part for part in error["loc"])
    known = tuple(part for part in loc if part != "[key]")
    at = _place(file, places, known)
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            options = _keys_of(kind, known[:-1])
            near = difflib.get_close_matches(str(loc[-1]), options, 1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(options)}"
            return Problem(f"unknown key {str(loc[-1])!r}", at, hint)
        case "missing" | "missing_keyword_only_argument" | "missing_argument":
            return Problem(f"missing key {str(loc[-1])!r}", at, f"add `{loc[-1]}: …` here")
        case _:
            shown = error.get("input")
            got = f" (got {shown!r})" if isinstance(shown, str | int | float | bool) else ""
            return Problem(f"{'.'.join(str(part) for part in known)}: {_plain(error['msg'])}{got}", at, _cure(error))


def _plain(message: str) -> str:
    return message[0].lower() + message[1:]


def _cure(error: Any) -> str | None:
    shown = error.get("input")
    if error["type"] in ("literal_error", "enum") and isinstance(shown, str):
        near = difflib.get_close_matches(shown, error["ctx"]["expected"].split("'")[1::2], 1)
        return f"did you mean {near[0]}?" if near else None
    if error["type"] == "string_type" and shown is not None:
        return 'put it in quotes: "…"'
    return None


def _keys_of(kind: Any, loc: Loc) -> list[str]:
    """Name the keys allowed at a place, by walking the document's type."""
    here = kind
    for part in loc:
        here = _step(here, part)
    candidates = [here, *get_args(here)]
    return sorted({f.name for one in candidates if is_dataclass(one) for f in fields(one)})


def _step(kind: Any, part: str | int) -> Any:
    for one in (kind, *get_args(kind)):
        if is_dataclass(one) and isinstance(one, type):
            hints = get_type_hints(one)
            if part in hints:
                return hints[str(part)]
    arguments = get_args(kind)
    return arguments[-1] if arguments else kind


def _check_header(value: Any, path: Path, name: str, places: Mapping[Loc, tuple[int, int]]) -> None:
    if getattr(value, "version", 1) != 1:
        raise ConfigError(
            f"version {value.version} is not known", at=_place(name, places, ("version",)), hint="version: 1"
        )
    stem = path.name.split(".")[0]
    if getattr(value, "name", stem) != stem:
        at = _place(name, places, ("name",))
        raise ConfigError(f"name {value.name!r} differs from the file's, {stem!r}", at=at, hint=f"name: {stem}")
