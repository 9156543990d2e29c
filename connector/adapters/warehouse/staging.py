"""Translates what was landed, a pull at a time, and keeps what was believed before.

A canonical row is never overwritten. What a unit does not tell any more is closed at the pull that told otherwise, and
what it tells now is known from that pull on; only the first time do the source's own dates say since when a fact could
be known. So a question about a past day is a filter (see `compute.history`), whatever the source has forgotten since.

A changed mapping is the one thing that rewrites the past: canonical rows are made anew from raw, pull by pull, each
pull read with no more than had been landed by then. A changed price or product does not: it reads what is known anew
from its own pull on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from connector.adapters.warehouse.raw import EVERYTHING, DuckRaw
from connector.adapters.warehouse.schema import SCHEMAS
from connector.compute.tables import TABLES
from connector.ports.billing import BillingSource, Landed, Rejected, Translated

BATCH = 2_000
STAGED = tuple(table for table in TABLES if table not in ("usage", "quarantine"))
"""Tables whose rows come from units."""
KNOWN = ("known_at", "known_to")
Row = dict[str, Any]


class Store(Protocol):
    """What staging needs of a warehouse."""

    def run(self, query: str, **bound: Any) -> Any:
        """Run a named query."""
        ...

    def sql(self, statement: str, **bound: Any) -> Any:
        """Run a statement about a table of ours."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is run inside."""
        ...

    def raw(self, source: str, upto: int = EVERYTHING) -> DuckRaw:
        """Read one source's raw rows, or those that had been landed up to a row."""
        ...

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table of ours."""
        ...

    def set_aside(self, source: str, stream: str, rejected: Sequence[tuple[str, Rejected]], now: datetime) -> None:
        """Keep rejected rows, each with its unit."""
        ...


@dataclass(frozen=True)
class Pull:
    """One pull of one source, and how far the raw rows went by then."""

    source: BillingSource
    at: datetime
    upto: int


def stage_units(store: Store, source: BillingSource, now: datetime) -> Landed:
    """Translate what is not staged yet, in the order in which it came."""
    _forget_if_remapped(store, source)
    rows: Counter[str] = Counter()
    aside: dict[tuple[str, str], list[str]] = {}
    for pull in _pulls(store, source, now):
        with store.transaction():
            if store.run(
                "changed_reference", source=source.name, streams=list(source.reference), pull=pull.at
            ).fetchone()[0]:
                store.run("stage_again", source=source.name, pull=pull.at)
        for stream in source.streams():
            for batch in _pending(store, pull, stream):
                aside |= {(stream, unit): [] for unit in batch}
                for unit, rejected in _stage_batch(store, pull, stream, batch, rows):
                    aside[stream, unit].append(rejected.reason)
    return Landed(rows, Counter(reason for reasons in aside.values() for reason in reasons))


def forget_staged(store: Store, source: str) -> None:
    """Empty the canonical tables of a source's units, inside the caller's transaction: they are made anew from raw."""
    for table in STAGED:
        store.sql(f"DELETE FROM {table} WHERE source = $source", source=source)  # noqa: S608 our own names
    store.run("stage_anew", source=source)


def _forget_if_remapped(store: Store, source: BillingSource) -> None:
    known = store.run("mapping", source=source.name).fetchone()
    with store.transaction():
        if known is not None and known[0] != source.mapping_hash:
            forget_staged(store, source.name)
        store.run("remember_mapping", source=source.name, hash=source.mapping_hash)


def _pulls(store: Store, source: BillingSource, now: datetime) -> Iterator[Pull]:
    """Pulls to stage; the last is this one, because what is set aside is tried again on every run."""
    # Through Arrow, because DuckDB itself gives times with zones only where pytz is installed.
    for waiting in store.run("pulls", source=source.name).to_arrow_table().to_pylist():
        if waiting["pull"] != now:
            yield Pull(source, waiting["pull"], waiting["upto"])
    yield Pull(source, now, EVERYTHING)


def _pending(store: Store, pull: Pull, stream: str) -> Iterator[Sequence[str]]:
    children = [child for child, parent in pull.source.streams().items() if parent == stream]
    bound = {"source": pull.source.name, "stream": stream, "children": children, "pull": pull.at}
    units = [unit for (unit,) in store.run("pending", **bound).fetchall()]
    for start in range(0, len(units), BATCH):
        yield units[start : start + BATCH]


def _stage_batch(
    store: Store, pull: Pull, stream: str, units: Sequence[str], written: Counter[str]
) -> list[tuple[str, Rejected]]:
    source = pull.source
    translated = list(source.translate(store.raw(source.name, pull.upto), stream, units, pull.at))
    rejected = [(unit.unit, one) for unit in translated for one in unit.rejected]
    batch = {"source": source.name, "stream": stream, "ids": list(units)}
    with store.transaction():
        before = {unit for (unit,) in store.run("staged_before", **batch).fetchall()}
        for table in STAGED:
            told = _told(table, stream, translated)
            if told or before:
                written[table] += _keep(store, table, told, before, batch, pull.at)
        store.run("try_again", **batch)
        store.set_aside(source.name, stream, rejected, pull.at)
        store.run("mark_staged", **batch, pull=pull.at)
    return rejected


def _told(table: str, stream: str, translated: Sequence[Translated]) -> list[Row]:
    rows = [
        {**row, "unit_stream": stream, "unit_id": unit.unit} for unit in translated for row in unit.rows.get(table, ())
    ]
    # Through Arrow, so that numbers and times compare with those that were stored.
    told: list[Row] = pa.Table.from_pylist(rows, schema=SCHEMAS[table]).to_pylist()
    return told


def _keep(
    store: Store, table: str, told: Sequence[Row], before: Collection[str], batch: Mapping[str, Any], at: datetime
) -> int:
    """Close what is not told any more, and add what is new; gives how many rows were added."""
    believed: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in _believed(store, table, batch) if before else ():
        believed[_content(row)].append(row)
    fresh = []
    for row in told:
        if row["unit_id"] not in before:
            fresh.append(row)
        elif row["known_to"] is None and not _still(believed, row):
            fresh.append({**row, "known_at": max(row["known_at"], at)})
    over = [row for rows in believed.values() for row in rows]
    # What was not known before this pull has no past to keep.
    gone = [row["place"] for row in over if row["known_at"] >= at]
    closed = [row["place"] for row in over if row["known_at"] < at]
    if closed:
        here = "rowid IN (SELECT unnest($places))"
        store.sql(f"UPDATE {table} SET known_to = $at WHERE {here}", at=at, places=closed)  # noqa: S608
    if gone:
        store.sql(f"DELETE FROM {table} WHERE rowid IN (SELECT unnest($places))", places=gone)  # noqa: S608
    if fresh:
        store.add(table, pa.Table.from_pylist(fresh, schema=SCHEMAS[table]))
    return len(fresh)


def _believed(store: Store, table: str, batch: Mapping[str, Any]) -> list[Row]:
    of_batch = "source = $source AND unit_stream = $stream AND unit_id IN (SELECT unnest($ids)) AND known_to IS NULL"
    found = store.sql(f"SELECT rowid AS place, * FROM {table} WHERE {of_batch}", **batch)  # noqa: S608
    rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows


def _still(believed: Mapping[tuple[Any, ...], list[Row]], row: Row) -> bool:
    same = believed.get(_content(row))
    return bool(same and same.pop())


def _content(row: Row) -> tuple[Any, ...]:
    """What a row says, whenever it was known."""
    return tuple(value for name, value in sorted(row.items()) if name not in (*KNOWN, "place"))
