"""PostgreSQL as the ledger uses it: how its URL is read, and what holds for every connection.

A plain `postgresql://` URL means the pg8000 driver, which is pure Python and so installs anywhere. What people copy
from their provider (`?sslmode=require`) is understood; another driver that is named in the URL gets it as it stands.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

from connector.domain.errors import ConfigError

DRIVER = "postgresql+pg8000"
STEADY = "postgresql+steady_pg8000"
STATEMENT_SECONDS = 100
LOCK_SECONDS = 30
"""How long a writer waits for its turn, as on SQLite."""
IDLE_SECONDS = 60
"""A process that stops in the middle of a transaction keeps others from writing no longer than this."""
SOCKET_SECONDS = 120
PREPARE = (
    f"SET statement_timeout = '{STATEMENT_SECONDS}s'; SET lock_timeout = '{LOCK_SECONDS}s'; "
    f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
)
TURN = 0x4C656467
"""Advisory lock that writers of a ledger take in turn: any fixed number."""
READING = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""A read of several statements sees one moment, as on SQLite."""
WRITING = f"SELECT pg_advisory_xact_lock({TURN})"


def postgresql_engine(url: sa.URL) -> sa.Engine:
    """Make an engine; nothing is connected yet."""
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername=DRIVER)
    if url.get_driver_name() == "pg8000":
        url, arguments = _for_pg8000(url.set(drivername=STEADY))
        engine = sa.create_engine(url, pool_pre_ping=True, connect_args=arguments, isolation_level="READ COMMITTED")
    else:
        engine = sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


class SteadyDialect(PGDialect_pg8000):
    """pg8000, which lets a reset or a time-out of its socket through as an OSError: told as a broken connection here.

    SQLAlchemy then replaces a connection that broke while nobody used it, and calls one lost that breaks in use.
    """

    driver = "steady_pg8000"
    supports_statement_cache = True

    def connect(self, *arguments: Any, **named: Any) -> Any:
        with self._network():
            return super().connect(*arguments, **named)

    def do_ping(self, dbapi_connection: Any) -> bool:
        with self._network():
            return super().do_ping(dbapi_connection)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        with self._network():
            super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]  # has no types there

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        with self._network():
            super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]  # has no types there

    def do_commit(self, dbapi_connection: Any) -> None:
        with self._network():
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]  # has no types there

    def do_rollback(self, dbapi_connection: Any) -> None:
        with self._network():
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]  # has no types there

    @contextmanager
    def _network(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.loaded_dbapi.InterfaceError(f"network error: {error}") from error


registry.register("postgresql.steady_pg8000", __name__, SteadyDialect.__name__)


def _prepare(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(PREPARE)
    cursor.close()
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(WRITING if writes else READING)


def _for_pg8000(url: sa.URL) -> tuple[sa.URL, dict[str, Any]]:
    """Turn libpq's parameters into pg8000's arguments, so that one URL serves every driver."""
    said = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    arguments: dict[str, Any] = {
        "timeout": SOCKET_SECONDS,
        "application_name": said.pop("application_name", "expansion-connector"),
        "ssl_context": _encryption(said.pop("sslmode", "prefer"), said.pop("sslrootcert", None)),
    }
    if said.get("host", "").startswith("/"):
        said["unix_sock"] = f"{said.pop('host')}/.s.PGSQL.{said.pop('port', url.port or 5432)}"
    if "unix_sock" in said:
        arguments["unix_sock"] = said.pop("unix_sock")
    if said:
        raise ConfigError(
            f"the ledger's URL has a parameter that is not understood: {min(said)}",
            at="CONNECTOR_LEDGER_URL",
            hint="sslmode, sslrootcert, application_name and host=/folder/of/the/socket are; leave the others out",
        )
    return url.set(query={}), arguments


def _encryption(mode: str, certificates: str | None) -> ssl.SSLContext | bool | None:
    """Tell pg8000 about TLS: False is none, None takes it where offered, True insists and trusts whoever answers."""
    match mode:
        case "disable":
            return False
        case "prefer":
            return None
        case "require" if certificates is None:
            return True
        case "require" | "verify-ca" | "verify-full":
            proving = ssl.create_default_context(cafile=certificates)
            proving.check_hostname = mode == "verify-full"
            return proving
        case _:
            raise ConfigError(
                f"sslmode={mode} is not one that the ledger can hold to",
                at="CONNECTOR_LEDGER_URL",
                hint="write sslmode=require, verify-ca, verify-full, prefer or disable",
            )
