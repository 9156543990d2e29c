"""Opens the ledger's database, brings its schema up to date, and gives transactions.

Both databases behave alike here: a read sees one moment, and writers take turns, so that what a writer has read is
still true when it writes. SQLite takes its write lock at BEGIN (a transaction that reads first can be refused
half-way); PostgreSQL takes an advisory lock there. SQLite runs in WAL mode with full synchronisation: SENDING must be
on disk before the CRM hears of it. What is deleted is overwritten, because it may be personal data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from connector.adapters.ledger.failures import SETTING, told
from connector.adapters.ledger.postgresql import postgresql_engine
from connector.domain.errors import ConfigError, MendError

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""Newest revision: files are named by theirs, so that opening a ledger that has it needs no Alembic."""
BUSY_SECONDS = 30
CHUNK = 500
"""Rows per statement with an IN list: databases limit the number of parameters."""
URLS = "write sqlite:////path/to/ledger.db or postgresql://user:password@host/name"


class Database:
    """One engine; `read` and `write` are the only ways in."""

    def __init__(self, url: str, migrate: bool = True) -> None:
        self.engine = _engine(url)
        if migrate:
            self.migrate()

    def revision(self) -> str | None:
        """The revision that the schema is at; None for a new database."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    def migrate(self) -> str | None:
        """Bring the schema up to date, and give the revision it had; raise MendError for one of a newer connector."""
        found = self.revision()
        if found is not None and found > NEWEST:
            raise MendError(
                f"the ledger was used by a newer connector (its revision is {found}, this one knows {NEWEST})",
                at=SETTING,
                hint="install that version again; to go back, restore a backup of before into a new ledger",
            )
        if found != NEWEST:
            with self.write() as connection:  # whoever comes second finds the work done
                _upgrade(connection)
        return found

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a transaction that writes nothing."""
        with told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a transaction that is committed at the end, whole or not at all."""
        with told(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into pieces that fit an IN list."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _engine(url: str) -> sa.Engine:
    try:
        parts = make_url(url)
        match parts.get_backend_name():
            case "sqlite":
                return _sqlite_engine(parts)
            case "postgresql" | "postgres":
                return postgresql_engine(parts)
    except ModuleNotFoundError as error:
        cure = 'pip install "expansion-connector[postgresql]", which brings the driver of postgresql:// URLs'
        raise ConfigError(f"there is no driver {error.name} for the ledger", at=SETTING, hint=cure) from error
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass  # the error quotes the URL, and so its password
    raise ConfigError("the ledger's URL is not one of a supported database", at=SETTING, hint=URLS)


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    _write_ahead(connection)
    for pragma in (
        "synchronous=FULL",
        "secure_delete=ON",
        "wal_autocheckpoint=16000",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


@retry(
    retry=retry_if_exception(lambda error: getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY),
    stop=stop_after_delay(BUSY_SECONDS),
    wait=wait_random(0.01, 0.1),
    reraise=True,
)
def _write_ahead(connection: Any) -> None:
    """Set the journal's mode: of several that open a new file at once, SQLite lets the others fail and not wait."""
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
