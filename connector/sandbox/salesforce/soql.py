"""SOQL as text: the part of the grammar a connector needs, parsed into values.

`SELECT paths | count() | count(field) FROM type [WHERE …] [ORDER BY …] [LIMIT n] [OFFSET n]`. What Salesforce knows
beyond that (sub-queries, GROUP BY, date words such as TODAY) is answered as not implemented, never guessed; what it
does not know is MALFORMED_QUERY with the place, as the service writes it.

Source: SOQL and SOSL Reference, "SOQL SELECT Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from connector.sandbox.salesforce.errors import Refusal, not_implemented

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2}))
    |(?P<date>\d{4}-\d{2}-\d{2})(?![\w:-])
    |(?P<number>[+-]?\d+(?:\.\d+)?)(?![\w:-])
    |(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*(?::\d+)?)
    |(?P<op><=|>=|!=|<>|=|<|>)
    |(?P<mark>[(),]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BEYOND = {"GROUP", "HAVING", "USING", "FOR", "WITH", "TYPEOF", "FIELDS", "UPDATE", "INCLUDES", "EXCLUDES"}
_DATE_WORD = re.compile(r"(TODAY|YESTERDAY|TOMORROW|(LAST|THIS|NEXT)_\w+|\w+_AGO)(:\d+)?", re.IGNORECASE)
_RESERVED = {"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "ORDER", "LIMIT", "LIKE", "IN", "NULL"}

ValueKind = Literal["string", "number", "boolean", "date", "datetime", "null"]


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps of a parent: `Account.Owner.Email`, and where it stands in the text."""

    parts: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Value:
    """A literal; text keeps its raw form, because LIKE reads escapes by itself."""

    kind: ValueKind
    value: Any
    raw: str


@dataclass(frozen=True, slots=True)
class Comparison:
    path: Path
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class Membership:
    path: Path
    values: tuple[Value, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Junction:
    word: Literal["AND", "OR"]
    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    term: Condition


Condition = Comparison | Membership | Junction | Negation


@dataclass(frozen=True, slots=True)
class Ordering:
    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One parsed query; `counts` says whether it asks for rows, their number, or the number of values."""

    text: str
    select: tuple[Path, ...]
    counts: Literal["rows", "total", "field"]
    kind: Path
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


def parse(text: str) -> Query:
    """Parse a query, or refuse it as Salesforce would."""
    return _Parser(text).query()


def fault(text: str, at: int, code: str, message: str) -> Refusal:
    """Build a refusal that points into the query."""
    line = text[:at].count("\n") + 1
    start = text.rfind("\n", 0, at) + 1
    column = at - start + 1
    shown = text[start:].split("\n", 1)[0]
    return Refusal(code, f"\n{shown}\n{' ' * (column - 1)}^\nERROR at Row:{line}:Column:{column}\n{message}")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = list(self._scan())
        self.next = 0

    def _scan(self) -> Iterator[tuple[str, str, int]]:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            found = _TOKEN.match(self.text, at)
            if found is None or found.lastgroup is None:
                spot = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                raise fault(self.text, spot, "MALFORMED_QUERY", f"unexpected token: '{self.text[spot]}'")
            yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
            at = found.end()
        yield "end", "<EOF>", end

    def query(self) -> Query:
        self._word("SELECT")
        select, counts = self._selection()
        self._word("FROM")
        kind = self._path()
        where = self._conditions() if self._has("WHERE") else None
        order: tuple[Ordering, ...] = ()
        if self._has("ORDER"):
            self._word("BY")
            order = self._orderings()
        limit = self._whole_number() if self._has("LIMIT") else None
        offset = self._whole_number() if self._has("OFFSET") else 0
        if self.tokens[self.next][0] != "end":
            raise self._unexpected()
        return Query(self.text, select, counts, kind, where, order, limit, offset)

    def _selection(self) -> tuple[tuple[Path, ...], Literal["rows", "total", "field"]]:
        if self.tokens[self.next][1].upper() == "COUNT" and self.tokens[self.next + 1][1] == "(":
            self.next += 2
            counted = () if self.tokens[self.next][1] == ")" else (self._path(),)
            self._mark(")")
            return counted, "field" if counted else "total"
        paths = [self._selected()]
        while self._mark_follows(","):
            paths.append(self._selected())
        return tuple(paths), "rows"

    def _selected(self) -> Path:
        if self.tokens[self.next][1] == "(":
            raise not_implemented("sub-queries")
        path = self._path()
        if self.tokens[self.next][1] == "(":
            raise not_implemented("functions beside COUNT")
        return path

    def _conditions(self) -> Condition:
        terms = [self._condition()]
        word = self.tokens[self.next][1].upper()
        if word not in ("AND", "OR"):
            return terms[0]
        # AND and OR never mix without parentheses: Salesforce refuses to guess, and so does the loop's end.
        while self._has(word):
            terms.append(self._condition())
        return Junction("AND" if word == "AND" else "OR", tuple(terms))

    def _condition(self) -> Condition:
        if self._has("NOT"):
            return Negation(self._condition())
        if self._mark_follows("("):
            inner = self._conditions()
            self._mark(")")
            return inner
        path = self._path()
        if self._has("NOT"):
            self._word("IN")
            return Membership(path, self._list(), negated=True)
        if self._has("IN"):
            return Membership(path, self._list(), negated=False)
        kind, word, _ = self.tokens[self.next]
        if kind == "op" or word.upper() == "LIKE":
            self.next += 1
            return Comparison(path, "!=" if word == "<>" else word.upper(), self._value())
        raise self._unexpected()

    def _list(self) -> tuple[Value, ...]:
        self._mark("(")
        values = [self._value()]
        while self._mark_follows(","):
            values.append(self._value())
        self._mark(")")
        return tuple(values)

    def _value(self) -> Value:
        kind, token, at = self.tokens[self.next]
        self.next += 1
        match kind:
            case "string":
                return Value("string", _unescaped(token[1:-1]), token[1:-1])
            case "number":
                return Value("number", float(token), token)
            case "date":
                return Value("date", token, token)
            case "datetime":
                return Value("datetime", token, token)
            case "name" if token.upper() in ("TRUE", "FALSE"):
                return Value("boolean", token.upper() == "TRUE", token)
            case "name" if token.upper() == "NULL":
                return Value("null", None, token)
            case "name" if _DATE_WORD.fullmatch(token):
                raise not_implemented(f"the date word {token}")
            case "name" if token.upper() == "SELECT":
                raise not_implemented("sub-queries")
            case _:
                raise fault(self.text, at, "MALFORMED_QUERY", f"unexpected token: '{token}'")

    def _orderings(self) -> tuple[Ordering, ...]:
        found = []
        while True:
            path = self._path()
            descending = self._has("DESC")
            if not descending:
                self._has("ASC")
            nulls_last = descending
            if self._has("NULLS"):
                nulls_last = self._has("LAST")
                if not nulls_last:
                    self._word("FIRST")
            found.append(Ordering(path, descending, nulls_last))
            if not self._mark_follows(","):
                return tuple(found)

    def _path(self) -> Path:
        kind, token, at = self.tokens[self.next]
        if kind == "name" and token.upper() in _BEYOND:
            raise not_implemented(token.upper())
        if kind != "name" or ":" in token or token.upper() in _RESERVED:
            raise self._unexpected()
        self.next += 1
        return Path(tuple(token.split(".")), at)

    def _whole_number(self) -> int:
        kind, token, _ = self.tokens[self.next]
        if kind != "number" or not token.isdigit():
            raise self._unexpected()
        self.next += 1
        return int(token)

    def _has(self, word: str) -> bool:
        kind, token, _ = self.tokens[self.next]
        found = kind == "name" and token.upper() == word
        self.next += found
        return found

    def _word(self, word: str) -> None:
        if not self._has(word):
            raise self._unexpected()

    def _mark_follows(self, mark: str) -> bool:
        kind, token, _ = self.tokens[self.next]
        found = kind == "mark" and token == mark
        self.next += found
        return found

    def _mark(self, mark: str) -> None:
        if not self._mark_follows(mark):
            raise self._unexpected()

    def _unexpected(self) -> Refusal:
        kind, token, at = self.tokens[self.next]
        if kind == "name" and token.upper() in _BEYOND:
            return not_implemented(token.upper())
        return fault(self.text, at, "MALFORMED_QUERY", f"unexpected token: '{token}'")


def _unescaped(raw: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), raw, flags=re.DOTALL)
