"""The outbox, the receipts and the lease that guards them.

Every write of a deliverer first touches its lease row with its own token: one that was overtaken while it slept finds
another token there and writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from math import inf
from sys import intern
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from connector.adapters.ledger.audit import append
from connector.adapters.ledger.bulk import update, upsert
from connector.adapters.ledger.database import Database, chunks
from connector.adapters.ledger.holder import is_dead
from connector.adapters.ledger.rows import ChangeTexts, entry_of_row, episode_row, hold_row, moved_row, outbox_row
from connector.adapters.ledger.schema import ASSOCIATIONS, EPISODES, HOLDS, LEASES, OUTBOX, RECEIPTS, RECORDS
from connector.domain.audit import Deed
from connector.domain.change import Change, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import IllegalTransitionError, LaterError
from connector.domain.hold import Hold
from connector.domain.outbox import OPEN, DeliveryState, OutboxEntry
from connector.domain.receipt import Associated, KnownRecord, Receipt, each_once
from connector.ports.ledger import Lease, Selection

FREE = ""
"""Holder of a lease that nobody holds."""
PAGE = 5000
RECEIPT_COLUMNS = [RECEIPTS.c[name] for name in ("key", "field", "sent", "shown", "handed_over", "run_id", "rule")]
ASSOCIATION_COLUMNS = [ASSOCIATIONS.c[name] for name in ("key", "role", "name", "target")]
MOVES = ("state", "attempts", "tried_in", "crm_id", "reason", "refusal", "ticket", "changed_at", "code")
"""Columns that tell where an open entry stands."""
CLOSES = (*MOVES, "is_open")
NEWEST_CHANGE = (OUTBOX.c.changed_at.desc().nulls_last(), OUTBOX.c.sequence, OUTBOX.c.id)


class SqlLeases:
    """One deliverer per destination."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, destination: str, holder: str, now: float, seconds: float) -> Lease | None:
        with self._database.write() as connection:
            standing = connection.execute(sa.select(LEASES).where(LEASES.c.destination == destination)).first()
            if standing is not None and is_held(standing, now):
                return None
            lease = Lease(destination, holder, standing.token + 1 if standing is not None else 1, now + seconds)
            upsert(connection, LEASES, [asdict(lease)])
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


def is_held(standing: sa.Row[Any], now: float) -> bool:
    """Somebody holds this lease, and may still be alive."""
    return not (standing.holder == FREE or standing.expires <= now or is_dead(standing.holder))


def fence(connection: sa.Connection, lease: Lease) -> None:
    """Prove that the lease still stands, or raise if another process took the destination over."""
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
                    associations=each_once(associations.get(row.key, ())),
                )
                for row in connection.execute(query)
            }


def _receipts(connection: sa.Connection, destination: str) -> dict[str, dict[str, Receipt]]:
    """Map key → field → receipt. There may be a million: texts that repeat are kept once."""
    found: dict[str, dict[str, Receipt]] = defaultdict(dict)
    mine = sa.select(*RECEIPT_COLUMNS).where(RECEIPTS.c.destination == destination)
    for page in connection.execute(mine).partitions(PAGE):
        for key, field, sent, shown, handed_over, run_id, rule in page:
            if shown == sent:
                shown = sent  # the same text, not another copy of it
            found[key][intern(field)] = Receipt(sent, shown, handed_over, intern(run_id), intern(rule))
    return found


def _associations(connection: sa.Connection, destination: str) -> dict[str, list[Associated]]:
    found: dict[str, list[Associated]] = defaultdict(list)
    mine = sa.select(*ASSOCIATION_COLUMNS).where(ASSOCIATIONS.c.destination == destination)
    for page in connection.execute(mine).partitions(PAGE):
        for key, role, name, target in page:
            found[key].append(Associated(intern(role), intern(name), target))
    return found


class SqlOutbox:
    """Planned changes on their way.

    What an entry carries is the greater part of its row and seldom changes on the way: it is written again only when it
    is another value than the one this process stored last.
    """

    def __init__(self, database: Database, texts: ChangeTexts) -> None:
        self._database = database
        self._texts = texts
        self._stored: dict[str, Change] = {}

    def prepare(self, change: Change) -> None:
        self._texts.prepare(change)

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

    def select(self, destination: str, wanted: Selection) -> list[OutboxEntry]:
        query = sa.select(OUTBOX).where(OUTBOX.c.destination == destination, *_conditions(wanted))
        if wanted.limit is not None:
            query = query.order_by(*NEWEST_CHANGE).limit(wanted.limit)
        found: dict[str, OutboxEntry] = {}
        with self._database.read() as connection:
            for ids in chunks(sorted(wanted.ids)) if wanted.ids else [()]:
                some = query.where(sa.or_(OUTBOX.c.id.in_(ids), OUTBOX.c.subject.in_(ids))) if ids else query
                found |= {row.id: entry_of_row(row) for row in connection.execute(some)}
        return sorted(found.values(), key=_newest_change)[: wanted.limit]

    def commit(
        self,
        lease: Lease,
        entries: Sequence[OutboxEntry] = (),
        known: Sequence[KnownRecord] = (),
        episodes: Sequence[Episode] = (),
        holds: Sequence[Hold] = (),
        deeds: Sequence[Deed] = (),
    ) -> None:
        with self._database.write() as connection:
            fence(connection, lease)
            self._put(connection, entries)
            _open_episodes(connection, lease.destination, episodes)
            _remember(connection, lease.destination, known)
            upsert(connection, HOLDS, [hold_row(lease.destination, hold) for hold in holds])
            append(connection, lease.destination, deeds)
        for entry in entries:
            if entry.state in OPEN:
                self._stored[entry.id] = entry.change
            else:
                self._stored.pop(entry.id, None)

    def _put(self, connection: sa.Connection, entries: Sequence[OutboxEntry]) -> None:
        """Add or replace entries; what closes goes first, for one may take the place of another of its subject."""
        try:
            for is_open in (False, True):
                some = [entry for entry in entries if (entry.state in OPEN) is is_open]
                moved = [entry for entry in some if self._stored.get(entry.id) is entry.change]
                same = {entry.id for entry in moved}
                update(connection, OUTBOX, MOVES if is_open else CLOSES, [moved_row(entry) for entry in moved])
                whole = [entry for entry in some if entry.id not in same]
                upsert(connection, OUTBOX, [outbox_row(entry, self._texts.take(entry.change)) for entry in whole])
        except IntegrityError as error:
            raise IllegalTransitionError("a second entry was opened for a subject that has an open one") from error


def _conditions(wanted: Selection) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.states:
        yield OUTBOX.c.state.in_(sorted(state.value for state in wanted.states))
    if wanted.run_id is not None:
        yield OUTBOX.c.run_id == wanted.run_id
    if wanted.account_id is not None:
        yield OUTBOX.c.account_id == wanted.account_id
    if wanted.code is not None:
        yield OUTBOX.c.code == wanted.code
    if wanted.since is not None:
        yield OUTBOX.c.changed_at >= wanted.since
    if wanted.until is not None:
        yield OUTBOX.c.changed_at <= wanted.until


def _newest_change(entry: OutboxEntry) -> tuple[float, int, str]:
    """Sort as NEWEST_CHANGE does."""
    return -(entry.changed_at.timestamp() if entry.changed_at else -inf), entry.order, entry.id


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
                "rule": receipt.rule,
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
