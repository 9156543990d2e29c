"""Reads raw rows back, by id or by parent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from connector.compute.rows import rows_of
from connector.ports.billing import RawRow

BATCH = 5_000
EVERYTHING = 2**62


class DuckRaw:
    """One source's raw rows in the warehouse, or those that had been landed up to a row."""

    def __init__(self, connection: Any, queries: Mapping[str, str], source: str, upto: int = EVERYTHING) -> None:
        self._connection = connection
        self._queries = queries
        self._source = source
        self._upto = upto

    def latest(self, stream: str, ids: Collection[str] | None = None) -> Iterator[RawRow]:
        """Newest version of each row, or of those asked for."""
        return self._rows("latest", stream) if ids is None else self._rows("latest_of", stream, ids)

    def history(self, stream: str, ids: Collection[str]) -> Mapping[str, Sequence[RawRow]]:
        """Every version of each row, oldest first."""
        grouped: dict[str, list[RawRow]] = defaultdict(list)
        for row in self._rows("history", stream, ids):
            grouped[row.id].append(row)
        return grouped

    def children(self, stream: str, parents: Collection[str]) -> Mapping[str, Sequence[RawRow]]:
        """Newest version of the rows that name these parents, by parent."""
        grouped: dict[str, list[RawRow]] = defaultdict(list)
        for row in self._rows("children", stream, parents):
            grouped[row.parent or ""].append(row)
        return grouped

    def known_accounts(self, ids: Collection[str]) -> set[str]:
        """Which of these accounts any source has told."""
        found = self._connection.execute(self._queries["known_accounts"], {"ids": list(ids)}).fetchall()
        return {account_id for (account_id,) in found}

    def quarantined(self) -> Mapping[tuple[str, str], str]:
        """Reason of each row that is set aside, by stream and row."""
        found = self._connection.execute(self._queries["quarantined"], {"source": self._source}).fetchall()
        return {(stream, unit): reason for stream, unit, reason in found}

    def _rows(self, query: str, stream: str, ids: Collection[str] | None = None) -> Iterator[RawRow]:
        bound: dict[str, Any] = {"source": self._source, "stream": stream, "upto": self._upto}
        if ids is not None:
            bound["ids"] = list(ids)
        # A cursor of its own: the caller may query again while it reads.
        reader = self._connection.cursor().execute(self._queries[query], bound).to_arrow_reader(BATCH)
        for batch in reader:
            for row in rows_of(pa.Table.from_batches([batch])):
                yield RawRow(**{**row, "payload": json.loads(row["payload"])})
