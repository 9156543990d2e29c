"""Pairs of account and offer as columns of numbers: what a model is fitted on and what it scores.

An entity is an account on a day. What it holds is kept once, not once for each offer: with 20 offers that is a
twentieth of the memory. Rows are in the order of day, account and offer, so the order of a file changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.domain.propensity import Kind

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Whole = NDArray[np.int32]
Bools = NDArray[np.bool_]
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Column:
    """A feature of every row: numbers with NaN for missing, or codes into `levels` with -1 for missing."""

    name: str
    kind: Kind
    values: NDArray[Any]
    levels: tuple[str, ...] = ()

    def take(self, rows: NDArray[Any]) -> Column:
        """Keep some rows."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows of (account, offer, day) with features and, where it is known, whether the offer was adopted."""

    accounts: Sequence[str]
    offers: Sequence[str]
    account: Whole
    offer: Whole
    day: Whole
    """Days since 1970; all zero when no `as_of` is told."""
    adopted: NDArray[np.int8]
    """-1 where it is unknown."""
    columns: tuple[Column, ...]
    entity: Whole
    holds: Bools
    """(entity, holding)."""
    holdings: Sequence[str]
    prior: Floats | None = None
    is_dated: bool = False
    pointed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By offer: the columns that are read by rules which point to it."""

    def __len__(self) -> int:
        return len(self.account)

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Keep some rows; what entities hold is shared."""
        return replace(
            self,
            account=self.account[rows],
            offer=self.offer[rows],
            day=self.day[rows],
            adopted=self.adopted[rows],
            columns=tuple(column.take(rows) for column in self.columns),
            entity=self.entity[rows],
            prior=None if self.prior is None else self.prior[rows],
        )

    def known(self) -> Pairs:
        """Keep the rows whose label is known."""
        is_known = self.adopted >= 0
        return self if bool(is_known.all()) else self.take(np.flatnonzero(is_known))

    def without(self, names: Sequence[str]) -> Pairs:
        """Leave some features out."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def folds(self, number: int, salt: str) -> Whole:
        """Deal the rows into folds by account: all rows of one are together, wherever they stand in the file."""
        return fold_of(self.accounts, number, salt)[self.account]

    def own(self) -> Whole:
        """The holding that is the row's own offer, or -1: it never speaks for itself."""
        place = {name: at for at, name in enumerate(self.holdings)}
        return np.array([place.get(name, UNKNOWN) for name in self.offers], np.int32)


def fold_of(names: Sequence[str], number: int, salt: str) -> Whole:
    """Deal names into folds by a hash of each."""
    dealt = (hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=8).digest() for name in names)
    return np.array([int.from_bytes(digest, "big") % number for digest in dealt], np.int32)


def in_order(pairs: Pairs) -> Pairs:
    """Sort rows by day, account and offer."""
    accounts, offers = _ranks(pairs.accounts)[pairs.account], _ranks(pairs.offers)[pairs.offer]
    order = np.lexsort((offers, accounts, pairs.day))
    return pairs if bool((order[1:] > order[:-1]).all()) else pairs.take(order)


def _ranks(names: Sequence[str]) -> NDArray[Any]:
    ranks = np.empty(len(names), np.int64)
    ranks[np.argsort(np.array(names, dtype=object), kind="stable")] = np.arange(len(names))
    return ranks


def entities(account: Whole, day: Whole) -> tuple[Whole, Whole, Whole]:
    """Number each account on a day; gives the number of every row, and account and day of every number."""
    key = (account.astype(np.int64) << 32) + (day.astype(np.int64) + 2**31)
    found, place = np.unique(key, return_inverse=True)
    return place.astype(np.int32), (found >> 32).astype(np.int32), ((found & 0xFFFFFFFF) - 2**31).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Holdings:
    """Who holds what and since when, sorted by account."""

    accounts: Mapping[str, int]
    offers: Sequence[str]
    account: Whole
    offer: Whole
    since: Whole | None
    """Days since 1970; None when no row is dated."""


NO_HOLDINGS = Holdings({}, (), np.empty(0, np.int32), np.empty(0, np.int32), None)


def holds_of(holdings: Holdings, names: Sequence[str], accounts: Sequence[str], account: Whole, day: Whole) -> Bools:
    """Tell for every entity which offers it held on its day; a holding of a later day is not there yet."""
    made = np.zeros((len(account), len(names)), bool)
    if not len(holdings.account) or not len(account):
        return made
    codes = np.array([holdings.accounts.get(name, UNKNOWN) for name in accounts], np.int64)[account]
    first = np.searchsorted(holdings.account, codes, "left")
    counts = np.where(codes == UNKNOWN, 0, np.searchsorted(holdings.account, codes, "right") - first)
    entity = np.repeat(np.arange(len(account)), counts)
    row = np.arange(len(entity)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    place = {name: at for at, name in enumerate(names)}
    column = np.array([place.get(name, UNKNOWN) for name in holdings.offers], np.int64)[holdings.offer[row]]
    kept = column != UNKNOWN
    if holdings.since is not None:
        kept &= holdings.since[row] <= day[entity]
    made[entity[kept], column[kept]] = True
    return made
