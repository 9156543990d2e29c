"""What a database's refusal means for the caller: try again, mend something, or a bug of ours.

Drivers name the same failure differently, so PostgreSQL's is judged by its SQLSTATE and SQLite's by its result code.
Only the database's own sentence is passed on: the URL, which may hold a password, never is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from connector.domain.errors import ConnectorError, CredentialError, LaterError, MendError, UnreachableError

SETTING = "CONNECTOR_LEDGER_URL"
LATER = ("08", "40", "53", "57", "25P03", "55P03", "58030")
"""SQLSTATEs, or their classes, of what passes: connection, deadlock, resources, shutdown or time limit, locks."""
REFUSED = ("28", "3D", "42501")
"""SQLSTATEs of a role, password, database or permission that is not right."""
NO_LOGIN = ("28", "3D")
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
LATER_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
    }
)


@contextmanager
def told() -> Iterator[None]:
    """Let a database's failure be raised as what it means; one that is our own doing passes as it is."""
    try:
        yield
    except DBAPIError as error:
        meant = _of_sqlite(error) if isinstance(error.orig, sqlite3.Error) else _of_postgresql(error)
        if meant is None:
            raise
        raise meant from error


def _of_sqlite(error: DBAPIError) -> ConnectorError | None:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the low byte; the others say more
    if code in DAMAGED:
        cure = "move it away, then go on from a backup: `connector ledger restore FILE`"
        return MendError(f"the ledger's file is damaged, or none: {error.orig}", at=SETTING, hint=cure)
    if code == sqlite3.SQLITE_READONLY:
        cure = "let this user write the file and its folder"
        return MendError(f"the ledger's file cannot be written: {error.orig}", at=SETTING, hint=cure)
    if code in LATER_SQLITE:
        cure = "see that its folder exists and is writable, that the disk has room, and that no other process holds it"
        return UnreachableError(f"the ledger's database does not answer: {error.orig}", at=SETTING, hint=cure)
    return None


def _of_postgresql(error: DBAPIError) -> ConnectorError | None:
    state, said = _sqlstate(error), _sentence(error)
    if state.startswith(NO_LOGIN):
        cure = "see to user, password and database name in the URL"
        return CredentialError(f"the ledger's database refuses us: {said}", at=SETTING, hint=cure)
    if state.startswith(REFUSED):
        cure = "grant it; tables are made by `connector ledger migrate`, which a role with more rights may run"
        return CredentialError(f"the ledger's role lacks a right: {said}", at=SETTING, hint=cure)
    if state == "25006":
        return LaterError(
            f"the ledger's server is a read-only replica now: {said}", at=SETTING, hint="name its primary"
        )
    is_cut = error.connection_invalidated or (not state and isinstance(error, InterfaceError | OperationalError))
    if is_cut or state.startswith(LATER):
        cure = "see that its server runs and is not overloaded; what was half-written is rolled back"
        return UnreachableError(f"the ledger's database does not answer: {said}", at=SETTING, hint=cure)
    return None


def _sqlstate(error: DBAPIError) -> str:
    fields = _fields(error)
    return str(fields.get("C") or getattr(error.orig, "sqlstate", None) or "")


def _sentence(error: DBAPIError) -> str:
    return str(_fields(error).get("M") or error.orig).splitlines()[0]


def _fields(error: DBAPIError) -> dict[str, str]:
    """The parts of the server's message, where the driver gives them so (pg8000).

    A server that refuses a login hangs up, and pg8000 then complains about that; what was said before is behind it.
    """
    behind: BaseException | None = error.orig
    while behind is not None:
        if behind.args and isinstance(behind.args[0], dict):
            return behind.args[0]
        behind = behind.__cause__ or behind.__context__
    return {}
