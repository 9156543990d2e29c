"""The tables of the DuckDB file.

Canonical tables carry two columns more than their contract, `unit_stream` and `unit_id`: the raw unit they came
from. Staging replaces a unit's rows wherever they are, so it is idempotent without one rule per table. The columns
are hidden from readers.
"""

from __future__ import annotations

import re
from importlib import resources

import ibis

from connector.compute.tables import TABLES

SQL_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "date": "DATE",
    "timestamp('UTC')": "TIMESTAMPTZ",
}
UNIT = {"unit_stream": "string", "unit_id": "string"}
SCHEMAS = {table: ibis.schema({**columns, **UNIT}).to_pyarrow() for table, columns in TABLES.items()}
"""Arrow schemas of rows as they are stored."""


def _column(name: str, kind: str) -> str:
    return f'"{name}" {SQL_TYPES[kind.removeprefix("!")]}{" NOT NULL" if kind.startswith("!") else ""}'


def canonical_ddl() -> list[str]:
    """Statements that make the canonical tables."""
    made = []
    for table, columns in TABLES.items():
        body = ", ".join(_column(name, kind) for name, kind in {**columns, **UNIT}.items())
        made.append(f"CREATE TABLE IF NOT EXISTS {table} ({body})")
        # A file of an older version lacks what was added since: it stays empty until its unit is staged again.
        later = (_column(name, kind) for name, kind in columns.items() if not kind.startswith("!"))
        made += [f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}" for column in later]
    return made


def queries() -> dict[str, str]:
    """Every named block of `queries.sql`."""
    text = resources.files("connector.adapters.warehouse").joinpath("queries.sql").read_text("utf-8")
    blocks = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(blocks[::2], blocks[1::2], strict=True))
