"""The outbox, the receipts and the lease that guards them.

Every write of a deliverer first touches its lease row with its own token: the row lock orders two deliverers, and one
that was overtaken while it slept finds another token there and writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.database import Database, upsert
from connector.adapters.ledger.holder import is_dead
from connector.adapters.ledger.rows import entry_of_row, episode_row, outbox_row
from connector.adapters.ledger.schema import ASSOCIATIONS, EPISODES, LEASES, OUTBOX, RECEIPTS, RECORDS
from connector.domain.change import RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import LaterError
from connector.domain.outbox import OPEN, DeliveryState, OutboxEntry
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.ports.ledger import Lease

FREE = ""
"""Holder of a lease that nobody holds."""


class SqlLeases:
    """One deliverer per destination."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, destination: str, holder: str, now: float, seconds: float) -> Lease | None:
        with self._database.write() as connection:
            # A first row to lock: on PostgreSQL two newcomers would else both find none.
            _lay_down(connection, destination)
            query = sa.select(LEASES).where(LEASES.c.destination == destination).with_for_update()
            standing = connection.execute(query).one()
            is_free = standing.holder == FREE or standing.expires <= now or is_dead(standing.holder)
            if not is_free:
                return None
            lease = Lease(destination, holder, standing.token + 1, now + seconds)
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.destination == destination)
                .values(holder=holder, token=lease.token, expires=lease.expires)
            )
            return lease

    def renew(self, lease: Lease, now: float, seconds: float) -> Lease:
        renewed = Lease(lease.destination, lease.holder, lease.token, now + seconds)
        with self._database.write() as connection:
            fence(connection, renewed)
        return renewed

    def release(self, lease: Lease) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.destination == lease.destination, LEASES.c.token == lease.token)
                .values(holder=FREE, expires=0.0)
            )


def _lay_down(connection: sa.Connection, destination: str) -> None:
    found = connection.scalar(sa.select(LEASES.c.token).where(LEASES.c.destination == destination))
    if found is None:
        upsert(connection, LEASES, [{"destination": destination, "holder": FREE, "token": 0, "expires": 0.0}])


def fence(connection: sa.Connection, lease: Lease) -> None:
    """Lock the lease's row, or raise if another process took the destination over."""
    held = (
        sa.update(LEASES)
        .where(LEASES.c.destination == lease.destination, LEASES.c.token == lease.token, LEASES.c.holder != FREE)
        .values(expires=lease.expires)
    )
    if not connection.execute(held).rowcount:
        raise LaterError(
            f"another process took over the delivery to {lease.destination}",
            hint="nothing is lost: it goes on where this one stopped",
        )


class SqlReceipts:
    """Records we wrote, with what was sent and shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self, destination: str) -> dict[str, KnownRecord]:
        with self._database.read() as connection:
            receipts = _receipts(connection, destination)
            associations = _associations(connection, destination)
            query = sa.select(RECORDS).where(RECORDS.c.destination == destination).order_by(RECORDS.c.key)
            return {
                row.key: KnownRecord(
                    key=row.key,
                    type=RecordType(row.type),
                    crm_id=row.crm_id,
                    account_id=row.account_id,
                    tombstone=row.tombstone,
                    gone_at=row.gone_at,
                    receipts=receipts.get(row.key, {}),
                    associations=frozenset(associations.get(row.key, ())),
                )
                for row in connection.execute(query)
            }


def _receipts(connection: sa.Connection, destination: str) -> dict[str, dict[str, Receipt]]:
    found: dict[str, dict[str, Receipt]] = defaultdict(dict)
    for row in connection.execute(sa.select(RECEIPTS).where(RECEIPTS.c.destination == destination)):
        found[row.key][row.field] = Receipt(row.sent, row.shown, row.handed_over, row.run_id)
    return found


def _associations(connection: sa.Connection, destination: str) -> dict[str, list[Associated]]:
    found: dict[str, list[Associated]] = defaultdict(list)
    for row in connection.execute(sa.select(ASSOCIATIONS).where(ASSOCIATIONS.c.destination == destination)):
        found[row.key].append(Associated(row.role, row.name, row.target))
    return found


class SqlOutbox:
    """Planned changes on their way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, destination: str, states: Collection[DeliveryState] = OPEN) -> list[OutboxEntry]:
        query = (
            sa.select(OUTBOX)
            .where(OUTBOX.c.destination == destination, OUTBOX.c.state.in_(sorted(state.value for state in states)))
            .order_by(OUTBOX.c.run_id, OUTBOX.c.sequence, OUTBOX.c.id)
        )
        with self._database.read() as connection:
            return [entry_of_row(row) for row in connection.execute(query)]

    def of_run(self, run_id: str) -> list[OutboxEntry]:
        query = sa.select(OUTBOX).where(OUTBOX.c.run_id == run_id).order_by(OUTBOX.c.sequence, OUTBOX.c.id)
        with self._database.read() as connection:
            return [entry_of_row(row) for row in connection.execute(query)]

    def commit(
        self,
        lease: Lease,
        entries: Sequence[OutboxEntry] = (),
        known: Sequence[KnownRecord] = (),
        episodes: Sequence[Episode] = (),
    ) -> None:
        with self._database.write() as connection:
            fence(connection, lease)
            # What closes goes first: an entry may take the place of another of its subject.
            closing = [outbox_row(entry) for entry in entries if entry.state not in OPEN]
            upsert(connection, OUTBOX, closing)
            upsert(connection, OUTBOX, [outbox_row(entry) for entry in entries if entry.state in OPEN])
            _open_episodes(connection, lease.destination, episodes)
            _remember(connection, lease.destination, known)


def _open_episodes(connection: sa.Connection, destination: str, episodes: Sequence[Episode]) -> None:
    """Store episodes of a plan; one that ended while the plan waited stays ended."""
    if not episodes:
        return
    over = sa.select(EPISODES.c.key).where(
        EPISODES.c.destination == destination, EPISODES.c.state != EpisodeState.OPEN.value
    )
    ended = set(connection.scalars(over))
    rows = [episode_row(destination, episode) for episode in episodes if episode.key not in ended]
    upsert(connection, EPISODES, rows)


def _remember(connection: sa.Connection, destination: str, known: Sequence[KnownRecord]) -> None:
    at = {"destination": destination}
    records: dict[str, dict[str, Any]] = {}
    receipts: dict[tuple[str, str], dict[str, Any]] = {}
    associations = []
    for one in known:
        records[one.key] = at | {
            "key": one.key,
            "type": one.type.value,
            "crm_id": one.crm_id,
            "account_id": one.account_id,
            "tombstone": one.tombstone,
            "gone_at": one.gone_at,
        }
        for name, receipt in one.receipts.items():
            receipts[one.key, name] = at | {
                "key": one.key,
                "field": name,
                "sent": receipt.sent,
                "shown": receipt.shown,
                "handed_over": receipt.handed_over,
                "run_id": receipt.run_id,
            }
        associations += [
            at | {"key": one.key, "role": to.role, "name": to.name, "target": to.to} for to in one.associations
        ]
    upsert(connection, RECORDS, list(records.values()))
    upsert(connection, RECEIPTS, list(receipts.values()))
    upsert(connection, ASSOCIATIONS, associations)
    _end_episodes(connection, destination, [one for one in known if one.tombstone is not None])


def _end_episodes(connection: sa.Connection, destination: str, gone: Sequence[KnownRecord]) -> None:
    for one in gone:
        connection.execute(
            sa.update(EPISODES)
            .where(
                EPISODES.c.destination == destination,
                EPISODES.c.key == one.key,
                EPISODES.c.state == EpisodeState.OPEN.value,
            )
            .values(state=EpisodeState.DELETED.value, closed_at=one.gone_at)
        )
