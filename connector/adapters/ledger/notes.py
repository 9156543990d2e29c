"""Hashes of forgotten customers, and short notes by name."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.bulk import upsert
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.schema import NOTES, SUPPRESSED
from connector.domain.customer import Suppressed

SECRET_BYTES = 32
KEY_NOTE = "suppression"
"""The note that holds the key of new hashes."""


class SqlSuppressions:
    """Customers that were forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def secret(self) -> str:
        with self._database.write() as connection:
            standing = connection.scalar(sa.select(NOTES.c.value).where(NOTES.c.name == KEY_NOTE))
            if standing is not None:
                return str(standing["secret"])
            made = secrets.token_hex(SECRET_BYTES)
            upsert(connection, NOTES, [{"name": KEY_NOTE, "value": {"secret": made}}])
            return made

    def all(self) -> list[Suppressed]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(SUPPRESSED).order_by(SUPPRESSED.c.token))
            return [Suppressed(row.token, row.secret, row.customer, row.by, row.at) for row in rows]

    def add(self, hashes: Sequence[Suppressed]) -> None:
        with self._database.write() as connection:
            standing = set(connection.scalars(sa.select(SUPPRESSED.c.token)))
            upsert(connection, SUPPRESSED, [asdict(one) for one in hashes if one.token not in standing])


class SqlNotes:
    """What is to be remembered between two times."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> Mapping[str, Any] | None:
        return self.named(name).get(name)

    def put(self, name: str, value: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            upsert(connection, NOTES, [{"name": name, "value": dict(value)}])

    def drop(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(NOTES).where(NOTES.c.name == name))

    def named(self, prefix: str) -> dict[str, Mapping[str, Any]]:
        begins = NOTES.c.name.startswith(prefix, autoescape=True)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(NOTES).where(begins).order_by(NOTES.c.name))
            return {row.name: row.value for row in rows}
