"""Measured rows by account, kept in columns: each is made when somebody asks for it.

A run measures half a million rows for a hundred thousand customers, looks at each once, and asks again for few of them.
As objects they take near a kilobyte each, in columns a fifth of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, TypeVar

from connector.compute.rows import BATCH, values
from connector.domain.compiled import Bounds
from connector.domain.features import EventFeatures, MetricFeatures
from connector.domain.signal import Condition

T = TypeVar("T", MetricFeatures, EventFeatures)
V = TypeVar("V")
R = TypeVar("R")
Read = Callable[[int], Any]
"""The value of a column in a row."""
LAST = "\U0010ffff"
"""No id comes after it."""


class _Kept(Mapping[str, V], Generic[T, V]):
    """Rows of a kind, by account; a table has a column for each of its fields."""

    def __init__(self, kind: type[T], table: Any) -> None:
        self._kind: type[T] = kind
        table = _by_account(table)
        self._columns = [_column(table[field.name]) for field in fields(kind)]
        self._ids, self._starts = _places(table["account_id"])
        self._asked: tuple[str | None, range] = None, range(0)

    @cached_property
    def read(self) -> Mapping[str, Read]:
        """How each field is read."""
        return {name: column.at for name, column in self._columns_by_name.items()}

    @property
    def _columns_by_name(self) -> Mapping[str, _Numbers | _Words]:
        return dict(zip([field.name for field in fields(self._kind)], self._columns, strict=True))

    def __getstate__(self) -> dict[str, Any]:
        """Let it go to another process: what reads is made anew there."""
        return {name: value for name, value in vars(self).items() if name != "read"}

    def row(self, at: int) -> T:
        """Make a row."""
        made: T = self._kind(*[read(at) for read in self.read.values()])
        return made

    def in_turn(self) -> InTurn[T]:
        """Make all rows, account by account: quicker than to ask for each."""
        return InTurn(self._rows(), attrgetter("account_id"))

    def _rows(self) -> Iterator[T]:
        for first in range(0, self._starts[-1], BATCH):
            rows = slice(first, first + BATCH)
            yield from map(self._kind, *[column.part(rows) for column in self._columns])

    def span(self, account_id: str) -> range:
        """Tell which rows are an account's."""
        if self._asked[0] != account_id:
            place = bisect_left(self._ids, account_id)
            if self._ids[place : place + 1] != [account_id]:
                raise KeyError(account_id)
            self._asked = account_id, range(self._starts[place], self._starts[place + 1])
        return self._asked[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


class KeptMetrics(_Kept[MetricFeatures, Mapping[str, MetricFeatures]]):
    """How each account uses each metric, by account, then metric."""

    def __init__(self, table: Any) -> None:
        super().__init__(MetricFeatures, table)
        days = self.read["data_to"]
        self.data_to: date | None = max(map(days, range(self._starts[-1])), default=None)
        """Last day that is told of any metric."""

    def __getitem__(self, account_id: str) -> Mapping[str, MetricFeatures]:
        self.span(account_id)
        return _MetricsOf(self, account_id)

    def marked(self, tests: Iterable[tuple[int, Container[str], Sequence[Bounds]]]) -> Mapping[str, int]:
        """Add up, by account, the marks of tests that any row of it passes: a mark, metrics, and bounds of its numbers.

        A mark is a bit of its own.
        """
        import numpy as np

        columns = self._columns_by_name
        marks = np.zeros(self._starts[-1], dtype=object)
        for mark, metrics, bounds in tests:
            passes = columns["metric"].among(metrics)
            for one in bounds:
                passes &= columns[one.feature].within(one.within)
            marks[passes] |= mark
        return dict(zip(self._ids, np.bitwise_or.reduceat(marks, self._starts[:-1]), strict=True)) if self._ids else {}


class _MetricsOf(Mapping[str, MetricFeatures]):
    """Those of one account."""

    __slots__ = ("_account_id", "_kept")

    def __init__(self, kept: KeptMetrics, account_id: str) -> None:
        self._kept, self._account_id = kept, account_id

    def __getitem__(self, metric: str) -> MetricFeatures:
        name = self._kept.read["metric"]
        for at in self._kept.span(self._account_id):
            if name(at) == metric:
                return self._kept.row(at)
        raise KeyError(metric)

    def __contains__(self, metric: object) -> bool:
        return any(name == metric for name in self)

    def __iter__(self) -> Iterator[str]:
        return map(self._kept.read["metric"], self._kept.span(self._account_id))

    def __len__(self) -> int:
        return len(self._kept.span(self._account_id))


class KeptEvents(_Kept[EventFeatures, Sequence[EventFeatures]]):
    """What happened at each account, by account."""

    def __init__(self, table: Any) -> None:
        super().__init__(EventFeatures, table)

    def __getitem__(self, account_id: str) -> Sequence[EventFeatures]:
        return [self.row(at) for at in self.span(account_id)]

    def where(self, event: str) -> frozenset[str]:
        """Accounts at which an event happened."""
        import numpy as np

        names, ids = self._columns_by_name["event"].among({event}), self.read["account_id"]
        return frozenset(ids(at) for at in np.flatnonzero(names).tolist())


def accounts_with(event: str, events: Mapping[str, Sequence[EventFeatures]]) -> frozenset[str]:
    """Accounts at which an event happened: most have none of the rarer ones."""
    if isinstance(events, KeptEvents):
        return events.where(event)
    return frozenset(id for id, rows in events.items() if any(one.event == event for one in rows))


class InTurn(Generic[R]):
    """Rows in the order of their accounts, once through."""

    def __init__(self, rows: Iterable[R], account_of: Callable[[R], str]) -> None:
        self._groups: Iterator[tuple[str, Iterator[R]]] = groupby(rows, key=account_of)
        self._account_id = self._asked = ""
        self._rows: list[R] = []

    def of(self, account_id: str) -> Sequence[R]:
        """Give an account's rows; accounts are asked for in their order, each as often as is liked."""
        if account_id < self._asked:
            raise ValueError(f"{account_id} comes before {self._asked}")
        self._asked = account_id
        while self._account_id < account_id:
            self._account_id, rows = next(self._groups, (LAST, iter(())))
            self._rows = list(rows)
        return self._rows if self._account_id == account_id else ()


def _by_account(table: Any) -> Any:
    """Rows in the order of their accounts, and else as they came: engines differ in how they order texts."""
    import numpy as np

    ids = np.array(values(table["account_id"].combine_chunks()), dtype=object)
    return table if (ids[1:] >= ids[:-1]).all() else table.take(np.argsort(ids, kind="stable"))


def _places(column: Any) -> tuple[list[str], array[int]]:
    """Every account, and where the rows of each begin; behind the last all have ended."""
    ids, starts = list[str](), array("q")
    for at, id in enumerate(values(column.combine_chunks())):
        if not ids or ids[-1] != id:
            ids.append(id)
            starts.append(at)
    starts.append(len(column))
    return ids, starts


class _Numbers:
    """A column of numbers."""

    def __init__(self, column: Any) -> None:
        self._numbers = _narrow(column.fill_null(0).to_numpy(zero_copy_only=False))
        self._unknown = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None

    @property
    def at(self) -> Read:
        """What reads a row."""
        numbers = memoryview(self._numbers)
        if self._unknown is None:
            return numbers.__getitem__
        is_unknown = memoryview(self._unknown)
        return lambda at: None if is_unknown[at] else numbers[at]

    def among(self, _words: Container[str]) -> Any:
        """Tell of each row whether it is one of these texts: a number is none."""
        import numpy as np

        return np.zeros(len(self._numbers), bool)

    def within(self, bounds: Condition) -> Any:
        """Tell of each row whether its number lies within bounds; an unknown one does not."""
        import numpy as np

        numbers, inside = self._numbers.astype(np.float64), np.ones(len(self._numbers), bool)
        for bound, compare in (
            *((bounds.at_least, np.greater_equal), (bounds.above, np.greater)),
            *((bounds.at_most, np.less_equal), (bounds.below, np.less)),
        ):
            if bound is not None:
                inside &= compare(numbers, bound)
        return inside if self._unknown is None else inside & ~self._unknown

    def part(self, rows: slice) -> list[Any]:
        """The values of some rows."""
        numbers = self._numbers[rows]
        if self._unknown is not None:
            numbers = numbers.astype(object)
            numbers[self._unknown[rows]] = None
        return list(numbers.tolist())


class _Words:
    """A column of texts or days, each kept once."""

    def __init__(self, column: Any) -> None:
        import numpy as np

        coded = column.dictionary_encode()
        known = values(coded.dictionary)
        self._words = np.array([*known, None], dtype=object)
        self._codes = _narrow(coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False))

    @property
    def at(self) -> Read:
        """What reads a row."""
        words, codes = self._words.tolist(), memoryview(self._codes)
        return lambda at: words[codes[at]]

    def within(self, _bounds: Condition) -> Any:
        """Tell of each row whether its number lies within bounds: a text and a day are none."""
        return self.among(())

    def among(self, words: Container[str]) -> Any:
        """Tell of each row whether it is one of these."""
        import numpy as np

        return np.array([word is not None and word in words for word in self._words])[self._codes]

    def part(self, rows: slice) -> list[Any]:
        """The values of some rows."""
        return list(self._words[self._codes[rows]].tolist())


def _column(column: Any) -> _Numbers | _Words:
    """Pack a column tightly."""
    from pyarrow import types

    column = column.combine_chunks()
    is_number = types.is_floating(column.type) or types.is_integer(column.type)
    return _Numbers(column) if is_number else _Words(column)


def _narrow(numbers: Any) -> Any:
    """Whole numbers in as few bytes as they need."""
    import numpy as np

    if numbers.dtype.kind == "i" and len(numbers):
        for kind in (np.int8, np.int16, np.int32):
            if np.iinfo(kind).min <= numbers.min() and numbers.max() <= np.iinfo(kind).max:
                return numbers.astype(kind)
    return np.array(numbers)
