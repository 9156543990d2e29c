"""Backup and restore: a ledger as one SQLite file, whatever database it lives in.

A backup needs no tool of the database's own, can be opened by the connector itself, and moves a ledger from SQLite to
PostgreSQL. It is one consistent moment. It holds personal data: the file is its owner's alone, and it appears under its
name only when it is whole.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.audit import append
from connector.adapters.ledger.bulk import insert, upsert
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.outbox import FREE, is_held
from connector.adapters.ledger.schema import AUDIT_HEADS, LEASES, LIFE, METADATA, SUPPRESSED
from connector.domain.audit import Act, Deed
from connector.domain.errors import LaterError, MendError

OWNER_ONLY = 0o600
PAGE = 2000
EPOCH_BYTES = 8


def back_up(database: Database, file: Path) -> None:
    """Write a ledger into a file, replacing it."""
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
        if database.engine.dialect.name == "sqlite":
            _copy_file(database, partial)
        else:
            _copy_tables(database, partial)
        _sync(partial)
        partial.replace(file)
    except OSError as error:
        cure = "name a file in a folder that exists, that this user may write and that has room"
        raise MendError(f"the backup cannot be written: {error.strerror}", at=str(file), hint=cure) from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_file(database: Database, partial: Path) -> None:
    with database.read() as connection, closing(sqlite3.connect(partial)) as target:
        source: Any = connection.connection.driver_connection
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without companions


def _copy_tables(database: Database, partial: Path) -> None:
    copy = Database(f"sqlite:///{partial}")
    with database.read() as source, copy.write() as target:
        _copy_rows(source, target)
    with copy.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA journal_mode=DELETE")
    copy.close()


def _sync(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def restore(database: Database, file: Path, now: float, by: str) -> None:
    """Replace all that a ledger holds by a backup, and begin a new life: plans of before are refused.

    No lease is held afterwards and no token is given out twice, so that a process which delivered before the restore
    is fenced off. Each audit chain goes on from the backup's end, with a deed that names the end it had. Customers that
    were forgotten since stay suppressed; what the backup holds of them has to be forgotten once more.
    """
    with _opened_copy(file) as backup:
        database.migrate()
        with backup.read() as source, database.write() as target:
            tokens = _tokens(source)
            for destination, token in _tokens(target, now).items():
                tokens[destination] = max(token, tokens.get(destination, 0))
            ends = {row.destination: row for row in target.execute(sa.select(AUDIT_HEADS))}
            forgotten = [dict(row._mapping) for row in target.execute(sa.select(SUPPRESSED))]
            for table in reversed(METADATA.sorted_tables):
                target.execute(sa.delete(table))
            _copy_rows(source, target)
            upsert(target, SUPPRESSED, forgotten)
            upsert(target, LIFE, [{"id": 1, "epoch": secrets.token_hex(EPOCH_BYTES)}])
            freed = {"holder": FREE, "expires": 0.0}
            for destination, end in ends.items():
                append(target, destination, [_restored(end, now, by)])
            upsert(target, LEASES, [{"destination": at, "token": token} | freed for at, token in tokens.items()])


def _restored(end: sa.Row[Any], now: float, by: str) -> Deed:
    """Say which records of a chain the backup did not know: up to this one, they are gone."""
    at = datetime.fromtimestamp(now, UTC)
    return Deed(at, by, Act.RESTORE, "", end.hash, values={"was": {"number": end.number, "hash": end.hash}})


@contextmanager
def _opened_copy(file: Path) -> Iterator[Database]:
    """Open a copy of a backup, brought up to date; the backup itself stays as it is."""
    if not file.is_file():
        raise MendError("there is no such file", at=str(file), hint="name one that `connector ledger backup` wrote")
    with TemporaryDirectory(prefix="ledger-") as folder:
        copy = Path(folder) / "ledger.db"
        try:
            written = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
            with closing(written) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            cure = "name a file that `connector ledger backup` wrote"
            raise MendError(f"this is no backup, or a damaged one: {error}", at=str(file), hint=cure) from error
        database = Database(f"sqlite:///{copy}", migrate=False)
        try:
            if database.revision() is None:
                raise MendError("this is no ledger", at=str(file), hint="name one that `connector ledger backup` wrote")
            database.migrate()
            yield database
        finally:
            database.close()


def _tokens(connection: sa.Connection, now: float | None = None) -> dict[str, int]:
    """Map destination → the token of its lease; with `now`, raise if one of them is held."""
    found = {}
    for row in connection.execute(sa.select(LEASES)):
        if now is not None and is_held(row, now):
            raise LaterError(f"a process delivers to {row.destination} right now", hint="restore when it has ended")
        found[row.destination] = row.token
    return found


def _copy_rows(source: sa.Connection, target: sa.Connection) -> None:
    for table in METADATA.sorted_tables:
        for page in _pages(source, table):
            insert(target, table, page)


def _pages(connection: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    keys = list(table.primary_key)
    query = sa.select(table).order_by(*keys).limit(PAGE)
    page = [dict(row._mapping) for row in connection.execute(query)]
    while page:
        yield page
        last = sa.tuple_(*(sa.literal(page[-1][key.name], key.type) for key in keys))
        page = [dict(row._mapping) for row in connection.execute(query.where(sa.tuple_(*keys) > last))]
