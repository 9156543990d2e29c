"""Opens the ledger's database, brings its schema up to date, and gives transactions.

SQLite runs in WAL mode with full synchronisation: SENDING must be on disk before the CRM hears of it. Writers take
SQLite's lock when they begin, because a transaction that reads first and writes later can be refused half-way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from connector.domain.errors import ConfigError, UnreachableError

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""Newest revision: files are named by theirs, so that opening a ledger that has it needs no Alembic."""
BUSY_SECONDS = 30
CHUNK = 500
"""Rows per statement with an IN list: databases limit the number of parameters."""


class Database:
    """One engine; `read` and `write` are the only ways in."""

    def __init__(self, url: str) -> None:
        try:
            self.engine = _engine(url)
            with self.read() as connection:
                is_newest = _revision(connection) == NEWEST
            if not is_newest:
                with self.write() as connection:
                    _migrate(connection)
        except (ArgumentError, NoSuchModuleError) as error:
            raise ConfigError(
                "the ledger's URL is not one of a supported database",
                at="CONNECTOR_LEDGER_URL",
                hint="write sqlite:////path/to/ledger.db or postgresql+psycopg://user@host/name",
            ) from error
        except OperationalError as error:
            raise UnreachableError(
                f"the ledger's database does not open: {error.orig}",
                at="CONNECTOR_LEDGER_URL",
                hint="see that its folder exists and is writable, or that its server runs",
            ) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a transaction that writes nothing."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a transaction that is committed at the end, whole or not at all."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if not rows:
        return
    insert: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if rest:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, [dict(row) for row in rows])


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into pieces that fit an IN list."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _engine(url: str) -> sa.Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: sa.Connection) -> str | None:
    """The revision that the schema is at; None for a new database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
