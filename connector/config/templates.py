"""Reads a template without rendering it, and says what in it is not on the closed list, and where."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

from connector.domain.errors import Problem
from connector.domain.expressions import FILTERS, LONGEST_TEMPLATE, LOOP, PART_KINDS, PARTS, TESTS, What

Names = Mapping[str, What]
Place = Callable[[str], str]
"""Where a word of the template stands."""

ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Filter, nodes.Test, nodes.If, nodes.CondExpr, nodes.For, nodes.Compare, nodes.Operand, nodes.Not),
    *(nodes.And, nodes.Or, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg),
    *(nodes.Pos, nodes.Concat, nodes.List, nodes.Tuple, nodes.Keyword, nodes.Slice),
)
CURES: Mapping[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("a call", "use a filter: `{{ name | upper }}`"),
    nodes.Assign: ("{% set %}", "write the expression where it is needed"),
    nodes.AssignBlock: ("{% set %}", "write the expression where it is needed"),
    nodes.Pow: ("a power", "multiply instead"),
    nodes.Macro: ("{% macro %}", "write the text where it is needed"),
    nodes.CallBlock: ("{% call %}", "write the text where it is needed"),
    nodes.FilterBlock: ("{% filter %}", "put the filter behind the value: `{{ name | upper }}`"),
    nodes.Dict: ("a { } of keys and values", "use {% if %} for each case"),
}
DEEPEST_LOOPS = 2
KEPT = 1024
"""Templates that stay read: a project has a few hundred."""


@dataclass(frozen=True)
class Found:
    """One thing that a template must not say: what, the word to look for, and the cure."""

    message: str
    word: str
    hint: str


def template_problems(text: str, names: Names, place: Place, facts: Sequence[str] = ()) -> Iterator[Problem]:
    """List what a template says that it must not."""
    for found in _found(text, names, tuple(facts)):
        yield Problem(found.message, place(found.word), found.hint)


def cited(text: str) -> frozenset[str]:
    """Name what a template uses; nothing where it is no template."""
    try:
        return _used(text)
    except (TemplateSyntaxError, RecursionError):
        return frozenset()


@lru_cache(maxsize=KEPT)
def _used(text: str) -> frozenset[str]:
    tree = _parsed(text)
    return frozenset({one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"} - _bound(tree))


def _bound(tree: nodes.Node) -> set[str]:
    stored = (one for loop in tree.find_all(nodes.For) for one in loop.find_all(nodes.Name) if one.ctx == "store")
    return {"loop", *(one.name for one in stored)}


def _found(text: str, names: Names, facts: tuple[str, ...]) -> list[Found]:
    if len(text) > LONGEST_TEMPLATE:
        shown = f"template of {len(text):,} characters; at most {LONGEST_TEMPLATE:,}"
        return [Found(shown, "", "shorten it: no field holds that much")]
    try:
        tree = _parsed(text)
    except TemplateSyntaxError as wrong:
        return [_syntax(wrong, text)]
    except RecursionError:
        return [Found("template: nested too deeply", "", "write it in several steps")]
    return [*_walk(tree, dict(names), facts, 0)]


def _syntax(wrong: TemplateSyntaxError, text: str) -> Found:
    listed = f"every {{{{ has its }}}}, every {{% if %}} its {{% endif %}}; our filters: {', '.join(FILTERS)}"
    named = re.match(r"No (filter|test) named '(\w+)'", wrong.message or "")
    if named:
        near = difflib.get_close_matches(named[2], [*FILTERS] if named[1] == "filter" else sorted(TESTS), 1)
        cure = f"did you mean {near[0]}? {listed}" if near else listed
        return Found(f"template: {wrong.message}", named[2], cure)
    lines = text.split("\n")
    line = lines[wrong.lineno - 1].strip() if 0 < wrong.lineno <= len(lines) else ""
    return Found(f"template, its line {wrong.lineno}: {wrong.message}", line[:40], listed)


def _walk(node: nodes.Node, names: dict[str, What], facts: tuple[str, ...], loops: int) -> Iterator[Found]:
    """Look at a node and what is in it; a loop's own name is known inside it only."""
    if not isinstance(node, ALLOWED):
        what, cure = CURES.get(type(node), (type(node).__name__.lower(), "see README, expressions"))
        yield Found(f"template: {what} is not allowed", _word(node), cure)
        return
    match node:
        case nodes.Name(ctx="load"):
            yield from _known("name", node.name, sorted(names), node.name)
        case nodes.Filter():
            yield from _known("filter", node.name, list(FILTERS), node.name)
            yield from _mapped(node)
        case nodes.Test():
            yield from _known("test", node.name, sorted(TESTS), node.name)
        case nodes.Getattr() | nodes.Getitem():
            yield from _part(node, names, facts)
        case nodes.For():
            yield from _loop(node, names, facts, loops)
            return
        case nodes.Mul() if any(isinstance(one, nodes.Const) and isinstance(one.value, str) for one in _sides(node)):
            yield Found("template: a text cannot be multiplied", "", "write it out")
        case _:
            pass
    for child in node.iter_child_nodes():
        yield from _walk(child, names, facts, loops)


def _sides(node: nodes.BinExpr) -> tuple[nodes.Expr, nodes.Expr]:
    return node.left, node.right


def _loop(node: nodes.For, names: dict[str, What], facts: tuple[str, ...], loops: int) -> Iterator[Found]:
    if loops + 1 > DEEPEST_LOOPS:
        yield Found(f"template: more than {DEEPEST_LOOPS} loops in each other", "for", "one loop after the other")
        return
    if not _is_list(node.iter, names):
        lists = ", ".join(sorted(name for name, kind in names.items() if kind == "list")) or "none here"
        name = _word(node.iter)
        yield Found(f"template: a loop over {name}, which is no list", name, f"a loop runs over one of: {lists}")
    yield from _walk(node.iter, names, facts, loops)
    stored = (node.target, *node.target.iter_child_nodes())
    targets = [target.name for target in stored if isinstance(target, nodes.Name)]
    inside: dict[str, What] = {**names, **dict.fromkeys(targets, "text"), "loop": "text"}
    for child in (*node.body, *node.else_, *([node.test] if node.test else [])):
        yield from _walk(child, inside, facts, loops + 1)


def _is_list(node: nodes.Node, names: dict[str, What]) -> bool:
    """A loop runs over a list that the names hold, or that stands in the template: never over a long text."""
    match node:
        case nodes.Name():
            return names.get(node.name, "list") == "list"
        case nodes.Filter(name="map", node=inner) if inner is not None:
            return _is_list(inner, names)
        case nodes.Getitem(node=inner, arg=nodes.Slice()):
            return _is_list(inner, names)
        case _:
            return isinstance(node, nodes.List | nodes.Tuple)


def _part(node: nodes.Getattr | nodes.Getitem, names: dict[str, What], facts: tuple[str, ...]) -> Iterator[Found]:
    """What stands behind a dot, or in brackets, is on the list of what the name has."""
    if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
        if not isinstance(node.arg, nodes.Slice):
            yield Found("template: only a number or a word in quotes may stand in [ ]", "", "write it like evidence[0]")
        return
    part = node.attr if isinstance(node, nodes.Getattr) else node.arg.value  # type: ignore[attr-defined]
    if isinstance(part, int):
        return
    if isinstance(node.node, nodes.Name) and node.node.name == "loop":
        yield from _known("part of loop", str(part), LOOP, str(part))
        return
    if isinstance(node.node, nodes.Getattr) and node.node.attr == "facts":
        yield from _known("fact", str(part), facts, str(part), "name it in the mapping under `account.facts`. ")
        return
    what = _what(node.node, names)
    if what is not None:
        yield from _known(f"part of {_shown(node.node)}", str(part), PARTS.get(what, ()), str(part))


def _what(node: nodes.Node, names: dict[str, What]) -> What | None:
    match node:
        case nodes.Name():
            return names.get(node.name)
        case nodes.Getattr():
            outer = _what(node.node, names)
            return PART_KINDS.get((outer, node.attr), "text") if outer is not None else None
        case _:
            return "text"


def _shown(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_shown(node.node)}.{node.attr}"
        case _:
            return "that"


def _mapped(node: nodes.Filter) -> Iterator[Found]:
    """`map` takes the name of one of our filters, and nothing else: an attribute would go round the list of parts."""
    if node.name != "map":
        return
    first = node.args[0] if node.args else None
    if node.kwargs or not isinstance(first, nodes.Const) or first.value not in FILTERS:
        yield Found("template: map takes one of our filters", "map", "write it like map('headline')")


def _known(what: str, name: str, options: Sequence[str], word: str, first: str = "") -> Iterator[Found]:
    if name not in options:
        near = difflib.get_close_matches(name, options, 1)
        listed = f"known: {', '.join(options)}" if options else "it has none"
        yield Found(f"unknown {what} {name!r}", word, first + (f"did you mean {near[0]}?" if near else listed))


def _word(node: nodes.Node) -> str:
    match node:
        case nodes.Call(node=nodes.Name() as called):
            return called.name
        case nodes.Call(node=nodes.Getattr() as called):
            return called.attr
        case nodes.Assign() | nodes.AssignBlock():
            return "set"
        case nodes.Name() | nodes.Filter():
            return str(node.name)
        case nodes.Pow():
            return "**"
        case _:
            return type(node).__name__.lower()


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> nodes.Template:
    """Read a template once, however often a project says the same; nobody changes what was read."""
    return _environment().parse(text)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment()  # noqa: S701 templates are only parsed here, never rendered
    environment.filters.update(dict.fromkeys(FILTERS, str))
    return environment
