"""Usage that stays where it is: an engine of the user's own, in which the same expressions run.

Only what they give comes back, a row per account and metric. Everything else stays in the DuckDB file. The table has
the columns of `usage` under their names, which a view can give it; those that are not there are filled in: one
source, told whole a day after the day it is about, and never corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pyarrow as pa

from connector.adapters.warehouse.duck import MEMORY, DuckWarehouse
from connector.compute.features import in_memory
from connector.domain.errors import ConfigError, LaterError

VARIABLE = "CONNECTOR_USAGE_URL"
NEEDED = ("account_id", "day", "metric", "value")
SOURCE = "warehouse"
LAG_HOURS = 48
"""Hours from the start of a day until its usage counts as known, where no column says."""
EXTRAS: Mapping[str, str] = {
    "postgresql": "expansion-connector[usage-postgresql]",
    "pyspark": "expansion-connector[usage-spark]",
    "snowflake": "ibis-framework[snowflake]",
    "bigquery": "ibis-framework[bigquery]",
    "databricks": "ibis-framework[databricks]",
}
"""Engine → what to install for it. The last three compile and have never been run by us."""
SHAPE = "postgresql://user@host/database?table=schema.usage"


@dataclass(frozen=True)
class Place:
    """Where usage lies: an engine, and a table in it."""

    scheme: str
    url: str
    """Without what only we read."""
    table: tuple[str, ...]


def place_of(url: str) -> Place:
    """Read the setting; raise ConfigError that never repeats it, because it may hold a password."""
    try:
        parts = urlsplit(url)
        asked = parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        parts, asked = urlsplit(""), {}
    scheme = {"postgres": "postgresql", "spark": "pyspark"}.get(parts.scheme, parts.scheme)
    if scheme not in EXTRAS:
        known = ", ".join(EXTRAS)
        raise ConfigError(f"{VARIABLE} names no engine that we know: {known}", at="environment", hint=f"write {SHAPE}")
    table = tuple(part for part in asked.pop("table", [""])[-1].split(".") if part)
    if not table:
        raise ConfigError(f"{VARIABLE} names no table", at="environment", hint=f"end it with ?table=…: {SHAPE}")
    query = "&".join(f"{name}={value}" for name, values in asked.items() for value in values)
    return Place(scheme, urlunsplit((scheme, parts.netloc, parts.path, query, "")), table)


class UsageEngine:
    """An engine that holds usage, connected when it is first asked."""

    def __init__(self, place: Place, connect: Callable[[Place], Any] | None = None) -> None:
        self._place = place
        self._connect = connect or connected
        self._shown = ".".join(place.table)
        self._backend: Any = None

    def table(self) -> Any:
        """The usage table with every canonical column."""
        *schema, name = self._place.table
        found = self._ask(lambda backend: backend.table(name, database=tuple(schema) or None))
        if missing := [column for column in NEEDED if column not in found.columns]:
            raise ConfigError(
                f"the table {self._shown} has no column {', '.join(missing)}",
                at=VARIABLE,
                hint=f"let it name a view that calls its columns {', '.join(NEEDED)}",
            )
        return completed(found)

    def owns(self, expression: Any) -> bool:
        """Tell whether an expression reads the usage table."""
        import ibis.expr.operations as ops

        return any(node.source is self._backend for node in expression.op().find(ops.DatabaseTable))

    def execute(self, expression: Any) -> Any:
        """Run an expression there and give its rows as a pyarrow Table."""
        asked = in_words_of_spark(expression) if self._place.scheme == "pyspark" else expression
        return self._ask(lambda backend: backend.to_pyarrow(asked))

    def last_day(self) -> date | None:
        """The last day of usage; None where there is none: shows that the table can be read."""
        from ibis import _

        (row,) = self.execute(self.table().aggregate(last=_.day.max())).to_pylist()
        last: date | None = row["last"]
        return last

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if self._backend is not None:
            self._backend.disconnect()
            self._backend = None

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        import ibis

        if self._backend is None:
            self._backend = self._connect(self._place)
        try:
            return question(self._backend)
        except ibis.common.exceptions.TableNotFound:
            raise ConfigError(
                f"there is no table {self._shown}", at=VARIABLE, hint="name it with its schema: ?table=schema.table"
            ) from None


class ScaledWarehouse(DuckWarehouse):
    """A DuckDB file whose usage lies elsewhere."""

    def __init__(self, path: Path | None, engine: UsageEngine, memory_limit: str = MEMORY) -> None:
        super().__init__(path, memory_limit=memory_limit)
        self._engine = engine

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Rows held here per canonical table: those of usage are not counted."""
        held, reasons = super().counts()
        return {table: rows for table, rows in held.items() if table != "usage"}, reasons

    def tables(self) -> Mapping[str, Any]:
        """The canonical tables, usage in its own engine."""
        return {**super().tables(), "usage": self._engine.table()}

    def tables_of(self, accounts: pa.Table) -> Mapping[str, Any]:
        """The canonical tables without what is told of other accounts; usage stays where it is."""
        usage = self._engine.table().semi_join(in_memory(accounts), "account_id")
        return {**super().tables_of(accounts), "usage": usage}

    def execute(self, expression: Any) -> Any:
        """Run an expression where its rows are."""
        return self._engine.execute(expression) if self._engine.owns(expression) else super().execute(expression)

    def close(self) -> None:
        """Let go of both."""
        self._engine.close()
        super().close()


def completed(table: Any) -> Any:
    """A usage table with the columns that it may lack."""
    import ibis
    from ibis import _

    whole_day = _.day.cast("date")
    told = whole_day.cast("timestamp('UTC')") + ibis.interval(hours=LAG_HOURS)
    columns = table.columns
    return table.select(
        account_id=_.account_id.cast("string"),
        source=_.source.cast("string") if "source" in columns else ibis.literal(SOURCE),
        day=whole_day,
        metric=_.metric.cast("string"),
        value=_.value.cast("float64"),
        known_at=_.known_at.cast("timestamp('UTC')") if "known_at" in columns else told,
        known_to=_.known_to.cast("timestamp('UTC')") if "known_to" in columns else ibis.null("timestamp('UTC')"),
    )


def in_words_of_spark(expression: Any) -> Any:
    """Call by its name the one aggregate that Spark has and ibis 12 does not know it to have."""
    import ibis
    import ibis.expr.operations as ops

    @ibis.udf.agg.builtin  # type: ignore[untyped-decorator] # ibis ships no types
    def bit_or(bits: int) -> int:  # type: ignore[empty-body] # Spark has the body
        """Or of all."""

    def named(node: Any, parts: Mapping[str, Any] | None) -> Any:
        there = node.__recreate__(parts) if parts else node
        if not isinstance(there, ops.BitOr):
            return there
        return bit_or(there.arg.to_expr(), where=None if there.where is None else there.where.to_expr()).op()

    return expression.op().replace(named).to_expr()


def connected(place: Place) -> Any:
    """Connect to an engine; raise ConfigError without its driver, LaterError when it does not answer."""
    import ibis

    try:
        backend = _spark(place) if place.scheme == "pyspark" else ibis.connect(place.url)
    except ImportError as missing:
        cure = f"pip install '{EXTRAS[place.scheme]}'"
        raise ConfigError(f"no driver for {place.scheme}: {missing.name}", at=VARIABLE, hint=cure) from None
    except Exception as refused:  # each driver has errors of its own
        what = str(refused).splitlines()[0] if str(refused) else type(refused).__name__
        cure = "is it running, and may this user read it? The address is in CONNECTOR_USAGE_URL"
        raise LaterError(f"{place.scheme} does not let us in: {what}", at=VARIABLE, hint=cure) from None
    return backend


def _spark(place: Place) -> Any:
    """`pyspark:///?table=…` joins or starts a local session, `pyspark://host:15002/…` a Spark Connect server."""
    import ibis
    from pyspark.sql import SparkSession

    host = urlsplit(place.url).netloc
    builder = SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    session = builder.remote(f"sc://{host}").getOrCreate() if host else builder.getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return ibis.pyspark.connect(session)
