"""Stores many rows in one trip.

SQLAlchemy prepares every row of an `executemany` in Python, and pg8000 sends them one by one and waits for each answer:
a batch of 200 records with its receipts would cost tens of milliseconds here and a second there. So the statement is
compiled once, and SQLite gets its rows as tuples, PostgreSQL all of them as one JSON document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

Rows = Sequence[Mapping[str, Any]]
Tuples = Callable[[Rows], list[Any]]
"""Puts rows into the order of a statement's columns, each value as the database's driver takes it."""


def insert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Add rows; one whose primary key is taken is an error."""
    _store(connection, table, rows, replaces=False)


def upsert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows, replacing those with the same primary key; of two in one call the last stands."""
    keys = [column.name for column in table.primary_key]
    last = {tuple(row[key] for key in keys): row for row in rows}  # PostgreSQL refuses to replace one twice
    _store(connection, table, list(last.values()), replaces=True)


def update(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Rows) -> None:
    """Change the named columns of rows that are there, each told by its primary key."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        statement, tuples = _update_of_sqlite(table, tuple(names), connection.dialect)
        connection.exec_driver_sql(statement, tuples(rows))
    else:
        connection.execute(_update_of_postgresql(table, tuple(names)), {"rows": _document(rows)})


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value for a JSON column that is written already."""

    text: str


def _store(connection: sa.Connection, table: sa.Table, rows: Rows, replaces: bool) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        statement, tuples = _for_sqlite(table, replaces, connection.dialect)
        connection.exec_driver_sql(statement, tuples(rows))
    else:
        connection.execute(_for_postgresql(table, replaces), {"rows": _document(rows)})


@lru_cache
def _for_sqlite(table: sa.Table, replaces: bool, dialect: sa.Dialect) -> tuple[str, Tuples]:
    """Compile the statement, and make what puts rows into its order."""
    statement = sqlite_insert(table)
    compiled = (_or_replace(statement, table) if replaces else statement).compile(
        dialect=dialect, column_keys=[column.name for column in table.columns]
    )
    return str(compiled), _in_order(table, compiled.positiontup or [], dialect)


@lru_cache
def _update_of_sqlite(table: sa.Table, names: tuple[str, ...], dialect: sa.Dialect) -> tuple[str, Tuples]:
    keys = [column.name for column in table.primary_key]
    changed = ", ".join(f"{name} = ?" for name in names)
    found = " AND ".join(f"{key} = ?" for key in keys)
    statement = f"UPDATE {table.name} SET {changed} WHERE {found}"  # noqa: S608 - names of the schema
    return statement, _in_order(table, [*names, *keys], dialect)


def _in_order(table: sa.Table, names: Sequence[str], dialect: sa.Dialect) -> Tuples:
    """Make what writes rows as tuples of these columns; most columns' values go as they are."""
    pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    writers = {column.name: column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns}
    special = [(place, _writing(write)) for place, name in enumerate(names) if (write := writers[name]) is not None]

    def tuples(rows: Rows) -> list[Any]:
        picked = [list(pick(row)) for row in rows]
        for values in picked:
            for place, write in special:
                values[place] = write(values[place])
        return [tuple(values) for values in picked]

    return tuples


def _writing(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Write a value as its column does; nothing stays nothing, and JSON that is written already is not read.

    Rows of one call mostly share their moment, which is written once.
    """
    moment: datetime | None = None
    told: Any = None

    def written(value: Any) -> Any:
        nonlocal moment, told
        if value is None:
            return None
        if value.__class__ is JsonText:
            return value.text
        if value.__class__ is not datetime:
            return write(value)
        if value is not moment:
            moment, told = value, write(value)
        return told

    return written


@lru_cache
def _update_of_postgresql(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    keys = [column.name for column in table.primary_key]
    given = _given([table.columns[name] for name in (*keys, *names)])
    same = (table.columns[key] == given.c[key] for key in keys)
    return sa.update(table).where(*same).values({name: given.c[name] for name in names})


@lru_cache
def _for_postgresql(table: sa.Table, replaces: bool) -> sa.Insert:
    names = [column.name for column in table.columns]
    statement = postgresql_insert(table).from_select(names, sa.select(*_given(table.columns).c))
    return _or_replace(statement, table) if replaces else statement


def _given(columns: Iterable[sa.Column[Any]]) -> Any:
    """The rows of the document, as a table."""
    document = sa.cast(sa.bindparam("rows", type_=sa.Text), _RawJson)
    shape = (sa.column(column.name, column.type) for column in columns)
    return sa.func.json_to_recordset(document).table_valued(*shape).render_derived("given", with_types=True)


def _or_replace(statement: Any, table: sa.Table) -> Any:
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


class _RawJson(sa.types.UserDefinedType[str]):
    """PostgreSQL's json, given as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


def _document(rows: Rows) -> str:
    text = json.dumps(rows, ensure_ascii=False, default=_json_ready)
    # PostgreSQL stores any text but this one character, which no CRM shows and no person typed.
    return json.dumps(_without_nul(json.loads(text)), ensure_ascii=False) if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case dict():
            return {_without_nul(name): _without_nul(part) for name, part in value.items()}
        case list():
            return [_without_nul(part) for part in value]
        case _:
            return value


def _json_ready(value: object) -> Any:
    match value:
        case JsonText(text):
            return json.loads(text)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
