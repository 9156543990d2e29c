"""The DuckDB warehouse.

Two steps, each exact under a kill at any instant: `land` stores a page of raw rows and its cursor in one
transaction; `stage` translates what is not staged yet (see `staging`), a batch of units per transaction, and marks it
staged in the same one. A batch that was cut off is simply done again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.operations as ops
import pyarrow as pa
from ibis.formats.pyarrow import PyArrowData

from connector.adapters.warehouse.raw import EVERYTHING, DuckRaw
from connector.adapters.warehouse.schema import SCHEMAS, UNIT, canonical_ddl, queries
from connector.adapters.warehouse.staging import forget_staged, stage_units
from connector.adapters.warehouse.usage import stage_usage
from connector.compute.tables import TABLES
from connector.domain.errors import LaterError, MendError
from connector.ports.billing import BillingSource, Cursor, Landed, Landing, Page, Rejected

THREADS, MEMORY = 2, "700MB"
"""With Python and what a query gives, a process stays under 1 GB; what does not fit goes beside the file meanwhile."""
OWNER_ONLY = 0o600
LITTLE = "300MB"
"""Where the rest is for rows of many past days."""
LEAST = "20MB"
"""Less than a query needs, and more than lies about between two."""
AS_WRITTEN = "build_side_probe_side"
"""The step of DuckDB's planner that may turn the sides of a join around."""


class DuckWarehouse:
    """Raw landing and canonical tables in one DuckDB file, or in memory."""

    def __init__(self, path: Path | None = None, threads: int = THREADS, memory_limit: str = MEMORY) -> None:
        self._connection, self._threads, self._memory = connect(path, threads, memory_limit), threads, memory_limit
        self._part = None if path is None else path.with_name(f"{path.name}.part")
        self._forget_part()  # of a process that was killed
        self._queries = queries()
        self._tables: Mapping[str, Any] | None = None
        self._connection.execute(self._queries["landing_tables"])
        for statement in canonical_ddl():
            self._connection.execute(statement)

    def raw(self, source: str, upto: int = EVERYTHING) -> DuckRaw:
        """Read one source's raw rows, or those that had been landed up to a row."""
        return DuckRaw(self._connection, self._queries, source, upto)

    def cursor(self, source: str, stream: str) -> Cursor | None:
        """The cursor stored with the last landed page of a stream."""
        found = self.run("cursor", source=source, stream=stream).fetchone()
        return None if found is None else json.loads(found[0])

    def land(self, source: BillingSource, page: Page, now: datetime) -> Landed:
        """Store a page and its cursor in one transaction; idempotent."""
        with self.transaction():
            if page.anew is not None:
                self.run("forget_file", source=source.name, stream=page.stream, prefix=page.anew)
            if page.rows:
                self._land_rows(source.name, page, now)
            if page.usage is not None:
                self._land_usage(source.name, page, now)
            self.set_aside(source.name, page.stream, [(one.row, one) for one in page.rejected], now)
            if page.cursor is not None:
                text = json.dumps(page.cursor, sort_keys=True)
                self.run("land_cursor", source=source.name, stream=page.stream, cursor=text)
        return Landed(quarantined=Counter(one.reason for one in page.rejected), warnings=page.warnings)

    def stage(self, source: BillingSource, now: datetime) -> Landed:
        """Translate what has changed, and try again what is set aside; each batch is one transaction."""
        staged = stage_units(self, source, now)
        with self.transaction():
            used = stage_usage(self, source.name, now)
        return Landed(
            Counter(staged.rows) + Counter(used.rows),
            Counter(staged.quarantined) + Counter(used.quarantined),
            used.warnings,
        )

    def rebuild(self, source: BillingSource, now: datetime) -> Landed:
        """Translate everything raw again, as it came."""
        with self.transaction():
            forget_staged(self, source.name)
        return self.stage(source, now)

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Rows held per canonical table, and rows set aside per reason."""
        held = {
            table: self._connection.table(table).filter("known_to IS NULL").count("*").fetchall()[0][0]
            for table in TABLES
            if table != "quarantine"
        }
        return held, dict(self.run("reasons").fetchall())

    def first_read(self) -> Mapping[str, datetime]:
        """When each source of customers was first read: from then on the past is told as it was known."""
        rows = self.run("first_read").to_arrow_table().to_pylist()
        return {row["source"]: row["at"] for row in rows}

    def tables(self) -> Mapping[str, Any]:
        """The canonical tables as Ibis tables, by name."""
        if self._tables is None:
            backend = ibis.duckdb.from_connection(self._connection)
            self._tables = {table: backend.table(table).drop(*UNIT) for table in TABLES}
        return self._tables

    def tables_of(self, accounts: pa.Table) -> Mapping[str, Any]:
        """The canonical tables without what is told of other accounts, copied: they are gone with the connection."""
        tables = self.tables()
        backend = ibis.duckdb.from_connection(self._connection)
        # A file is packed, which memory and temporary tables are not: those of many customers take five times as much.
        self._connection.execute(f"ATTACH IF NOT EXISTS '{_quoted(self._part)}' AS sampled")
        if self._part is not None:
            self._part.chmod(OWNER_ONLY)
        with self.view("chosen", accounts):
            for table in TABLES:
                if "account_id" in tables[table].columns:
                    self._connection.execute(
                        f"CREATE OR REPLACE TABLE sampled.{table} AS SELECT {', '.join(tables[table].columns)} "  # noqa: S608 - our own names
                        f"FROM {table} WHERE account_id IN (FROM chosen)"
                    )
        return {
            name: backend.table(name, database="sampled.main") if "account_id" in table.columns else table
            for name, table in tables.items()
        }

    def let_go(self) -> None:
        """Give back the memory of what was read of the file; it is read again when it is asked for."""
        if self._part is not None:
            with suppress(duckdb.OutOfMemoryException):  # something is in use: what is not is gone
                self._connection.execute(f"SET memory_limit = '{LEAST}'")
            self._connection.execute(f"SET memory_limit = '{self._memory}'")

    def execute(self, expression: Any) -> Any:
        """Run an Ibis expression and give its rows as a pyarrow Table."""
        # Our joins have their small side on the right. DuckDB guesses too few rows of usage, and would hold all of it.
        self._connection.execute(f"SET disabled_optimizers = '{AS_WRITTEN}'")
        try:
            with ExitStack() as brought:
                for held in expression.op().find(ops.InMemoryTable):
                    brought.enter_context(self.view(held.name, held.data.to_pyarrow(held.schema)))
                # Not `to_pyarrow` of the backend: for a table that is in Arrow's form already, that would load pandas.
                found = self._connection.sql(ibis.to_sql(expression, dialect="duckdb")).to_arrow_table()
        finally:
            self._connection.execute("RESET disabled_optimizers")
            if any(table.name == "usage" for table in expression.op().find(ops.DatabaseTable)):
                # What its threads keep of so much for their next query is lent to nobody else, until they end.
                self._connection.execute(f"SET threads = 1; SET threads = {self._threads}")
        return PyArrowData.convert_table(found, expression.schema())

    def close(self) -> None:
        """Let go of the database, so that another process can open it."""
        self._connection.close()
        self._forget_part()

    def run(self, query: str, **bound: Any) -> Any:
        """Run a named query with the parameters it names."""
        return self._connection.execute(self._queries[query], bound)

    def sql(self, statement: str, **bound: Any) -> Any:
        """Run a statement about a table of ours."""
        return self._connection.execute(statement, bound)

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table of ours."""
        with self.view("added", rows):
            self._connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM added")  # noqa: S608 - our own names

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is run inside."""
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    @contextmanager
    def view(self, name: str, table: pa.Table) -> Iterator[None]:
        """Let queries name an Arrow table meanwhile."""
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def _forget_part(self) -> None:
        if self._part is not None:
            for file in (self._part, self._part.with_name(f"{self._part.name}.wal")):
                file.unlink(missing_ok=True)

    def _land_rows(self, source: str, page: Page, now: datetime) -> None:
        # The last row of an id on a page is the newest.
        newest = {row.id: row for row in page.rows}
        with self.view("page", _landing_table(list(newest.values()))):
            self.run("land_raw", source=source, stream=page.stream, now=now, initial=page.initial)

    def _land_usage(self, source: str, page: Page, now: datetime) -> None:
        part = page.usage
        assert part is not None
        if part.fresh:
            self.run("forget_waiting_usage", source=source, origin=part.origin)
            if part.rows.num_rows == 0:
                self.run("empty_origin", source=source, origin=part.origin, now=now)
        with self.view("part", part.rows):
            how = {"combine": part.combine, "outside": part.outside_subscription, "initial": page.initial}
            self.run("land_usage", source=source, origin=part.origin, **how)

    def set_aside(self, source: str, stream: str, rejected: Sequence[tuple[str, Rejected]], now: datetime) -> None:
        """Keep rejected rows, each with its unit."""
        if not rejected:
            return
        rows = [
            {
                "stream": one.stream,
                "source": source,
                "row": one.row,
                "reason": one.reason,
                "detail": one.detail,
                "payload": None if one.payload is None else json.dumps(one.payload, default=str),
                "seen_at": now,
                "unit_stream": stream,
                "unit_id": unit,
            }
            for unit, one in rejected
        ]
        self.add("quarantine", pa.Table.from_pylist(rows, schema=SCHEMAS["quarantine"]))


def connect(path: Path | None, threads: int = THREADS, memory_limit: str = MEMORY) -> Any:
    """Open a database file, or one in memory; raise LaterError while another process has it open."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(
            ":memory:" if path is None else str(path), config={"threads": threads, "memory_limit": memory_limit}
        )
    except duckdb.IOException as refused:
        if "lock" not in str(refused):
            raise MendError(
                "the warehouse cannot be opened: its file is damaged, or none",
                at=str(path),
                hint="move it away: the next run reads billing anew, which takes as long as the first did",
            ) from refused
        raise LaterError(
            f"the warehouse {path} is open in another process",
            hint="wait for the other run to end, or stop it; only one process can open it at a time",
        ) from refused
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def _quoted(path: Path | None) -> str:
    return ":memory:" if path is None else str(path).replace("'", "''")


def _landing_table(rows: Sequence[Landing]) -> pa.Table:
    payloads = [json.dumps(row.payload, sort_keys=True, separators=(",", ":"), default=str) for row in rows]
    return pa.table(
        {
            "position": pa.array(range(len(rows)), pa.int64()),
            "id": pa.array([row.id for row in rows], pa.string()),
            "parent": pa.array([row.parent for row in rows], pa.string()),
            "at": pa.array([row.at for row in rows], pa.string()),
            "hash": pa.array([hashlib.sha256(text.encode()).hexdigest() for text in payloads], pa.string()),
            "payload": pa.array(payloads, pa.string()),
        }
    )
