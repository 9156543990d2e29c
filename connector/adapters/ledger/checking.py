"""Looks for what must not be: a damaged database, rows that contradict each other, an audit trail that was changed.

Nothing here writes. What is found was done past the connector (a hand in the database, a disk, a file copied while it
was open), so every cure is a person's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.audit import SqlAudit
from connector.adapters.ledger.database import NEWEST, Database
from connector.adapters.ledger.rows import entry_of_row
from connector.adapters.ledger.runs import STANDING
from connector.adapters.ledger.schema import AUDIT, AUDIT_HEADS, METADATA, NOTES, OUTBOX, PLANS, RECEIPTS, RECORDS
from connector.domain.audit import AuditRecord, first_broken
from connector.domain.customer import FORGETTING
from connector.domain.errors import ConnectorError, Problem
from connector.domain.outbox import OPEN, DeliveryState
from connector.domain.plan_json import plan_from_json

RESTORE = "go on from a backup of before: `connector ledger restore FILE`"
LOOK = "look at it with `connector outbox show`, and mend the CRM's record by hand if it is wrong"
_IS_OPEN = OUTBOX.c.state.in_([state.value for state in OPEN])


def problems_of(database: Database) -> list[Problem]:
    """List what is wrong with a ledger; what cannot be looked at because of it is left out."""
    found = database.revision()
    if found != NEWEST:
        told = f"the ledger is of revision {found}, this connector works with {NEWEST}"
        return [Problem(told, "schema", "`connector ledger migrate` brings it up to date")]
    with database.read() as connection:
        lost = [*_damage(connection), *_missing(connection)]
        if lost:
            return lost
        wrong = [*_unindexed(connection), *_twice_open(connection), *_unrecorded(connection), *_stray(connection)]
        wrong += [*_unreadable(connection), *_unfinished(connection)]
    return [*wrong, *_chains(database)]


def _damage(connection: sa.Connection) -> Iterator[Problem]:
    if connection.dialect.name == "sqlite":
        for said in connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars():
            if said != "ok":
                yield Problem(f"the file is damaged: {said}", "database", RESTORE)


def _missing(connection: sa.Connection) -> Iterator[Problem]:
    inspector = sa.inspect(connection)
    for table in METADATA.sorted_tables:
        if not inspector.has_table(table.name):
            yield Problem(f"the table {table.name} is missing", "schema", RESTORE)
            continue
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for name in sorted({column.name for column in table.columns} - there):
            yield Problem(f"{table.name} lacks the column {name}", "schema", RESTORE)


def _unindexed(connection: sa.Connection) -> Iterator[Problem]:
    inspector = sa.inspect(connection)
    for table in METADATA.sorted_tables:
        there = {index["name"] for index in inspector.get_indexes(table.name)}
        for name in sorted({str(index.name) for index in table.indexes} - there):
            yield Problem(f"{table.name} lacks the index {name}", "schema", RESTORE)


def _twice_open(connection: sa.Connection) -> Iterator[Problem]:
    query = (
        sa.select(OUTBOX.c.destination, OUTBOX.c.subject)
        .where(_IS_OPEN)
        .group_by(OUTBOX.c.destination, OUTBOX.c.subject)
        .having(sa.func.count() > 1)
    )
    for row in connection.execute(query):
        told = f"{row.subject} of {row.destination} has several open entries"
        yield Problem(told, "outbox", "drop all but one: `connector outbox drop`")
    for entry in connection.scalars(sa.select(OUTBOX.c.id).where(OUTBOX.c.is_open != _IS_OPEN).order_by(OUTBOX.c.id)):
        yield Problem(f"{entry} does not say whether it is open as its state does", "outbox", RESTORE)


def _unrecorded(connection: sa.Connection) -> Iterator[Problem]:
    """Name what was created and is not among the known records: the next run would create it again."""
    same = (RECORDS.c.destination == OUTBOX.c.destination) & (RECORDS.c.key == OUTBOX.c.subject)
    query = (
        sa.select(OUTBOX.c.id)
        .select_from(OUTBOX.outerjoin(RECORDS, same))
        .where(
            OUTBOX.c.state == DeliveryState.DELIVERED.value,
            OUTBOX.c.change["action"].as_string() == "create",
            RECORDS.c.key.is_(None),
        )
        .order_by(OUTBOX.c.id)
    )
    for entry in connection.scalars(query):
        cure = "`connector ledger rebuild` finds it again in the CRM, by its key"
        yield Problem(f"{entry} created a record that the ledger does not know", "records", cure)


def _stray(connection: sa.Connection) -> Iterator[Problem]:
    same = (RECORDS.c.destination == RECEIPTS.c.destination) & (RECORDS.c.key == RECEIPTS.c.key)
    query = (
        sa.select(RECEIPTS.c.key)
        .distinct()
        .select_from(RECEIPTS.outerjoin(RECORDS, same))
        .where(RECORDS.c.key.is_(None))
        .order_by(RECEIPTS.c.key)
    )
    for key in connection.scalars(query):
        yield Problem(f"there are receipts of {key}, and no record", "receipts", RESTORE)


def _unreadable(connection: sa.Connection) -> Iterator[Problem]:
    """Name open entries and standing plans that cannot be read: a run would stop at them."""
    waiting = sa.select(OUTBOX).where(_IS_OPEN)
    standing = sa.select(PLANS.c.run_id.label("id"), PLANS.c.document).where(PLANS.c.status.in_(STANDING))
    yield from _that_fail(connection, waiting, entry_of_row, "outbox")
    yield from _that_fail(connection, standing, lambda row: plan_from_json(row.document), "plans")


def _unfinished(connection: sa.Connection) -> Iterator[Problem]:
    """Name the forgetting of a customer that was cut off: its data still stands somewhere."""
    begun = sa.select(NOTES.c.value).where(NOTES.c.name.startswith(FORGETTING)).order_by(NOTES.c.name)
    for note in connection.scalars(begun):
        accounts = note["customer"]["billing"] or [note["name"]]
        cure = f'call it again: `connector forget {accounts[0]} --by "{note["by"]}"`'
        yield Problem("the forgetting of a customer was not finished", "notes", cure)


def _that_fail(
    connection: sa.Connection, query: sa.Select[Any], read: Callable[[sa.Row[Any]], object], at: str
) -> Iterator[Problem]:
    for row in connection.execute(query):
        try:
            read(row)
        except (ConnectorError, ValueError, KeyError, TypeError, AttributeError):
            yield Problem(f"{row.id} cannot be read", at, RESTORE)


def _chains(database: Database) -> Iterator[Problem]:
    with database.read() as connection:
        heads = {row.destination: (row.number, row.hash) for row in connection.execute(sa.select(AUDIT_HEADS))}
        noted = set(connection.scalars(sa.select(AUDIT.c.destination).distinct()))
    for destination in sorted(noted | set(heads)):
        broken = _broken(SqlAudit(database), destination, heads[destination]) if destination in heads else 1
        if broken is not None:
            told = f"the audit trail of {destination} was changed: record {broken} is not what was written"
            yield Problem(told, "audit", "find out by whom; a backup of before shows what stood there")
        else:
            yield from _untold(SqlAudit(database), destination)


def _untold(audit: SqlAudit, destination: str) -> Iterator[Problem]:
    """Name what was delivered since the trail began and is not in it: its end was cut off, and what tells of it too."""
    first = next(audit.records(destination), None)
    for run, subject in audit.untold(destination, first.at)[:1] if first is not None else ():
        told = f"the audit trail of {destination} lacks a delivery: {subject} by run {run}"
        yield Problem(told, "audit", "find out who cut it; a backup of before shows what stood there")


def _broken(audit: SqlAudit, destination: str, head: tuple[int, str]) -> int | None:
    """Give the first record that is not whole, up to the head; what is written meanwhile is not looked at."""
    last = 0, ""
    end = head[0]

    def watched() -> Iterator[AuditRecord]:
        nonlocal last
        for record in takewhile(lambda one: one.number <= end, audit.records(destination)):
            last = record.number, record.hash
            yield record

    broken = first_broken(watched())
    if broken is None and last != head:
        return last[0] + 1  # the end was cut off
    return broken
