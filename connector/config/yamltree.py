"""Reads YAML text into plain values and remembers where each of them stands.

Decided here: only `true` and `false` are booleans, so the country `NO` and the stage `On` stay text; dates stay text
until their field's type reads them; a key that stands twice is refused. A document is bounded in bytes, parts and
depth before anything is built from it, because a dozen lines of aliases of aliases are a billion values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connector.domain.errors import ConfigError

Loc = tuple[str | int, ...]
MOST_BYTES = 1_000_000
MOST_PARTS = 50_000
DEEPEST = 40
QUICK_BRACKETS = 3_000
MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """YAML's safe loader with the core schema's few implicit types."""


class _QuickLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, where it is there: five times as quick, and poorer in words, so it reads what is sound."""


_Loader.yaml_implicit_resolvers = {}
_QuickLoader.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", list("tf")),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9_]*)$", list("-+0123456789")),
    ("tag:yaml.org,2002:float", r"^[-+]?[0-9][0-9_]*\.[0-9]+(?:e[-+]?[0-9]+)?$", list("-+0123456789")),
    (MERGE, r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)

CURES = (
    ("'\\t'", "replace the tab by spaces"),
    ("that cannot start any token", "a text that starts with @, ` or % needs quotes"),
    ("mapping values are not allowed here", "a text with `: ` in it needs quotes; keys line up under each other"),
    ("expected <block end>", "line this up with the lines above: the indentation differs"),
    ("could not find expected ':'", "a line above lacks its `: `, or a quote is not closed"),
    ("found undefined alias", "an `*alias` needs its `&anchor` above it; a text that starts with * needs quotes"),
    ("while scanning a quoted scalar", "close the quote; a quote inside a text is doubled: ''"),
    ("unexpected end of stream", "close the quote; a quote inside a text is doubled: ''"),
    ("could not determine a constructor", "leave the `!tag` out; a text that starts with ! needs quotes"),
    ("but found another document", "keep one document in a file: delete the `---`"),
    ("expected ',' or", "close the bracket, put commas between its parts, and quotes around a text with `: ` in it"),
    ("'%'", "put the text in quotes: it starts with %"),
)
"""What YAML complains about, and what mends it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a part stands: its key (or itself, in a list), and the lines of its text."""

    file: str
    line: int
    column: int
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Tree:
    """A document as it is written: its values, where each stands, and its lines."""

    data: Any
    places: dict[Loc, Spot]
    lines: Mapping[str, list[str]] = field(default_factory=dict)
    """By file: an override has lines of its own."""


def read_tree(path: Path, name: str) -> Tree:
    """Read one file; raise ConfigError where it is no YAML that we take."""
    text = _text(path, name)
    places: dict[Loc, Spot] = {}
    try:
        node = _quick_node(text)
        loader = _Loader("" if node is not None else text)
        node = node if node is not None else loader.get_single_node()
        data = _Builder(loader, name, places).build(node) if node is not None else {}
        return Tree(data, places, {name: text.split("\n")})
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        shown = f"not valid YAML: the control character U+{ord(text[wrong.position]):04X}"
        raise ConfigError(shown, at=f"{name}:{line}", hint="delete it") from None
    except RecursionError:
        raise ConfigError("not valid YAML: nested too deeply", at=name, hint="close the brackets") from None
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        said = f"{wrong.context or ''} {wrong.problem}".replace("\n", " ")
        cure = next((cure for part, cure in CURES if part in said), "check indentation, quotes, colons")
        raise ConfigError(f"not valid YAML: {wrong.problem}", at=at, hint=cure) from None
    except ValueError as wrong:  # an integer of five thousand digits
        raise ConfigError(f"not valid YAML: {wrong}", at=name, hint="write a shorter number") from None


def _quick_node(text: str) -> yaml.Node | None:
    """Compose a document in C; None where it is not sound, or so deep that C's stack might not hold it."""
    deep = max((len(line) - len(line.lstrip(" -?:!&*>|")) for line in text.split("\n")), default=0)
    if deep > DEEPEST * 8 or text.count("[") + text.count("{") > QUICK_BRACKETS:
        return None
    try:
        node: yaml.Node | None = _QuickLoader(text).get_single_node()
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return node


def _text(path: Path, name: str) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            shown = f"{size:,} bytes; a document holds at most {MOST_BYTES:,}"
            raise ConfigError(shown, at=name, hint="is it the right file? What customers did belongs in no mapping")
        raw = path.read_bytes()
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.yaml")], 1)
        hint = f"did you mean {near[0]}.yaml?" if near else "`connector init` writes a complete project"
        raise ConfigError("file not found", at=name, hint=hint) from None
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start]
        line, column = before.count(b"\n") + 1, wrong.start - (before.rfind(b"\n") + 1) + 1
        at = f"{name}:{line}:{column}"
        raise ConfigError(f"not UTF-8 at byte {wrong.start}", at=at, hint="save the file as UTF-8") from None
    except OSError as wrong:
        raise ConfigError(f"cannot be read: {wrong.strerror}", at=name, hint="it must be a readable file") from None


class _Builder:
    """Builds plain values from YAML's nodes, and stops where there are too many."""

    def __init__(self, loader: _Loader, name: str, places: dict[Loc, Spot]) -> None:
        self.loader, self.name, self.places = loader, name, places
        self.parts = 0
        self.around: list[int] = []

    def build(self, node: yaml.Node, loc: Loc = ()) -> Any:
        """Give a node's value; aliases are written out, so they count each time."""
        self._count(node)
        spot = self.places.setdefault(loc, self._spot(node))
        if isinstance(node, yaml.ScalarNode):
            first = node.start_mark.line + 1 + (node.style in ("|", ">"))
            # A block's end mark stands at the start of the line after it.
            last = max(first, node.end_mark.line + (node.style not in ("|", ">")))
            self.places[loc] = Spot(spot.file, spot.line, spot.column, first, last)
            return self.loader.construct_object(node, deep=True)
        self.around.append(id(node))
        try:
            return self._inside(node, loc)
        finally:
            self.around.pop()

    def _inside(self, node: yaml.Node, loc: Loc) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*loc, i)) for i, child in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            raise TypeError(f"unknown YAML node {type(node).__name__}")
        made: dict[Any, Any] = {}
        for key_node, value_node in self._pairs(node):
            key = self.loader.construct_object(key_node, deep=True)
            self.places[(*loc, str(key))] = self._spot(key_node)
            made[key] = self.build(value_node, (*loc, str(key)))
        return made

    def _count(self, node: yaml.Node) -> None:
        at = str(self._spot(node))
        if id(node) in self.around:
            raise ConfigError("not valid YAML: a part contains itself", at=at, hint="remove the `*alias`")
        if len(self.around) > DEEPEST:
            raise ConfigError("not valid YAML: nested too deeply", at=at, hint="close the brackets")
        self.parts += 1
        if self.parts > MOST_PARTS:
            hint = "aliases of aliases multiply: write the parts out"
            raise ConfigError(f"more than {MOST_PARTS:,} parts", at=at, hint=hint)

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """List a mapping's keys and values, those merged with `<<` first; refuse a key that is written twice."""
        written: set[str] = set()
        for key_node, value_node in node.value:
            at = str(self._spot(key_node))
            if not isinstance(key_node, yaml.ScalarNode):
                hint = 'put it in quotes: "…" (a value that starts with { or [ needs them)'
                raise ConfigError("a key must be a word, not a list or a mapping", at=at, hint=hint)
            if key_node.value in written:
                raise ConfigError(f"key {key_node.value!r} stands twice", at=at, hint="keep one of them")
            written.add(key_node.value)
            if key_node.tag == MERGE:
                self._weigh_merge(value_node, at)
        self.loader.flatten_mapping(node)
        yield from list(node.value)

    def _weigh_merge(self, node: yaml.Node, at: str, depth: int = 0) -> None:
        """A mapping that merges mappings that merge … multiplies with each step, and may lead back to itself."""
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            keys = part.value if isinstance(part, yaml.MappingNode) else ()
            self.parts += 1 + len(keys)
            if self.parts > MOST_PARTS or depth > DEEPEST:
                raise ConfigError("`<<` merges too much, or itself", at=at, hint="write the keys out")
            for key, value in keys:
                if key.tag == MERGE:
                    self._weigh_merge(value, at, depth + 1)

    def _spot(self, node: yaml.Node) -> Spot:
        return Spot(self.name, node.start_mark.line + 1, node.start_mark.column + 1)
