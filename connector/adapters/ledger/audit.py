"""The audit trail and the holds.

Each destination has one chain. Its head is read, lengthened and stored in the writer's own turn, so that two writers
never take one number. What was written lies in a table of its own, to be erased without touching the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from connector.adapters.ledger.bulk import insert, upsert
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.erasing import erase_plans, erase_sent
from connector.adapters.ledger.rows import audit_of, audit_row, hold_of
from connector.adapters.ledger.schema import AUDIT, AUDIT_HEADS, AUDIT_VALUES, HOLDS, OUTBOX
from connector.domain.audit import BEGINNING, Act, AuditRecord, Deed, chained
from connector.domain.hold import Hold
from connector.domain.outbox import DeliveryState

PAGE = 1000
SALT_BYTES = 16


class SqlAudit:
    """Who did what, and what was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, destination: str, deeds: Sequence[Deed]) -> None:
        with self._database.write() as connection:
            append(connection, destination, deeds)

    def records(
        self, destination: str, since: datetime | None = None, until: datetime | None = None, run_id: str | None = None
    ) -> Iterator[AuditRecord]:
        """Yield the records whose time lies between both moments, either included; each page is its own transaction."""
        query = _with_values().where(AUDIT.c.destination == destination).order_by(AUDIT.c.number).limit(PAGE)
        if since is not None:
            query = query.where(AUDIT.c.at >= since)
        if until is not None:
            query = query.where(AUDIT.c.at <= until)
        if run_id is not None:
            query = query.where(AUDIT.c.run_id == run_id)
        last = 0
        while True:
            with self._database.read() as connection:
                page = [audit_of(row) for row in connection.execute(query.where(AUDIT.c.number > last))]
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1].number

    def head(self, destination: str) -> tuple[int, str]:
        with self._database.read() as connection:
            return _head(connection, destination)

    def untold(self, destination: str, since: datetime) -> list[tuple[str, str]]:
        """Compare two sorted lists: a join by run would try every pair of a run's entries and records."""
        delivered = sa.select(OUTBOX.c.run_id, OUTBOX.c.subject).where(
            OUTBOX.c.destination == destination,
            OUTBOX.c.state == DeliveryState.DELIVERED.value,
            OUTBOX.c.changed_at >= since,
        )
        told = sa.select(AUDIT.c.run_id, AUDIT.c.subject).where(
            AUDIT.c.destination == destination, AUDIT.c.act == Act.WRITE.value
        )
        with self._database.read() as connection:
            return sorted((row.run_id, row.subject) for row in connection.execute(delivered.except_(told)))

    def erase(self, destination: str, account_id: str) -> int:
        """Erase what is told of an account where nothing needs it any more.

        Besides the trail, field values stand in closed outbox entries and in plans that were applied or superseded:
        they go too. Receipts, open entries, waiting plans, episodes, links and the mirror stay, because delivery and
        the next plan compare with them.
        """
        with self._database.write() as connection:
            erase_sent(connection, destination, account_id)
            erase_plans(connection, destination, account_id)
            about = sa.select(AUDIT.c.number).where(
                AUDIT.c.destination == destination, AUDIT.c.account_id == account_id
            )
            gone = sa.delete(AUDIT_VALUES).where(
                AUDIT_VALUES.c.destination == destination, AUDIT_VALUES.c.number.in_(about)
            )
            return connection.execute(gone).rowcount


def append(connection: sa.Connection, destination: str, deeds: Sequence[Deed]) -> None:
    """Lengthen a destination's chain by these deeds."""
    if not deeds:
        return
    number, before = _head(connection, destination)
    records = []
    for number, deed in enumerate(deeds, number + 1):  # noqa: B020 counts on from the head
        record = chained(deed, number, before, secrets.token_hex(SALT_BYTES))
        before = record.hash
        records.append(record)
    insert(connection, AUDIT, [audit_row(destination, record) for record in records])
    values = [
        {"destination": destination, "number": record.number, "content": record.values, "salt": record.salt}
        for record in records
    ]
    insert(connection, AUDIT_VALUES, values)
    upsert(connection, AUDIT_HEADS, [{"destination": destination, "number": records[-1].number, "hash": before}])


def _head(connection: sa.Connection, destination: str) -> tuple[int, str]:
    head = sa.select(AUDIT_HEADS.c.number, AUDIT_HEADS.c.hash).where(AUDIT_HEADS.c.destination == destination)
    found = connection.execute(head).first()
    return (found.number, found.hash) if found is not None else (0, BEGINNING)


def _with_values() -> sa.Select[tuple[object, ...]]:
    same = (AUDIT_VALUES.c.destination == AUDIT.c.destination) & (AUDIT_VALUES.c.number == AUDIT.c.number)
    return sa.select(AUDIT, AUDIT_VALUES.c.content, AUDIT_VALUES.c.salt).select_from(
        AUDIT.outerjoin(AUDIT_VALUES, same)
    )


class SqlHolds:
    """Records that a person took back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, destination: str) -> dict[str, Hold]:
        query = sa.select(HOLDS).where(HOLDS.c.destination == destination).order_by(HOLDS.c.key)
        with self._database.read() as connection:
            return {row.key: hold_of(row) for row in connection.execute(query)}

    def release(self, destination: str, run_id: str) -> list[Hold]:
        laid = sa.delete(HOLDS).where(HOLDS.c.destination == destination, HOLDS.c.run_id == run_id)
        with self._database.write() as connection:
            return sorted((hold_of(row) for row in connection.execute(laid.returning(*HOLDS.c))), key=_key)


def _key(hold: Hold) -> str:
    return hold.key
