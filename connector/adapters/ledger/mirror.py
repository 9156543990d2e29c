"""What the CRM showed: records as last seen, stages entered, links decided, episodes lived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from connector.adapters.ledger.audit import append
from connector.adapters.ledger.bulk import upsert
from connector.adapters.ledger.database import Database, chunks
from connector.adapters.ledger.rows import (
    crm_record_of,
    episode_of,
    episode_row,
    link_of,
    link_row,
    mirror_row,
    stage_of,
    stage_row,
)
from connector.adapters.ledger.schema import CURSORS, EPISODES, LINKS, MIRROR, STAGE_ENTRIES
from connector.domain.audit import Deed
from connector.domain.change import CrmRecord, RecordType, StageEntry
from connector.domain.episode import Episode
from connector.domain.link import LinkDecision, settled


class SqlMirror:
    """CRM records as last seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self, destination: str, type: RecordType, records: Sequence[CrmRecord], cursor: datetime | None = None
    ) -> None:
        with self._database.write() as connection:
            seen = self._gone_before(connection, destination, type, records)
            merged = {record.id: _with_last_fields(record, seen.get(record.id)) for record in records}
            upsert(connection, MIRROR, [mirror_row(destination, record) for record in merged.values()])
            if cursor is not None:
                upsert(connection, CURSORS, [{"destination": destination, "type": type.value, "cursor": cursor}])

    def _gone_before(
        self, connection: sa.Connection, destination: str, type: RecordType, records: Sequence[CrmRecord]
    ) -> dict[str, CrmRecord]:
        """Find what was last seen of the records that come as deleted: a tombstone shows no fields."""
        gone = [record.id for record in records if record.archived]
        mine = sa.select(MIRROR).where(MIRROR.c.destination == destination, MIRROR.c.type == type.value)
        return {
            row.crm_id: crm_record_of(row)
            for ids in chunks(gone)
            for row in connection.execute(mine.where(MIRROR.c.crm_id.in_(ids)))
        }

    def cursor(self, destination: str, type: RecordType) -> datetime | None:
        query = sa.select(CURSORS.c.cursor).where(CURSORS.c.destination == destination, CURSORS.c.type == type.value)
        with self._database.read() as connection:
            return connection.scalar(query)

    def records(self, destination: str, type: RecordType) -> list[CrmRecord]:
        query = sa.select(MIRROR).where(MIRROR.c.destination == destination, MIRROR.c.type == type.value)
        with self._database.read() as connection:
            return [crm_record_of(row) for row in connection.execute(query.order_by(MIRROR.c.crm_id))]

    def save_stages(self, destination: str, entries: Sequence[StageEntry]) -> None:
        with self._database.write() as connection:
            upsert(connection, STAGE_ENTRIES, [stage_row(destination, entry) for entry in entries])

    def stages(self, destination: str) -> dict[str, tuple[StageEntry, ...]]:
        query = (
            sa.select(STAGE_ENTRIES)
            .where(STAGE_ENTRIES.c.destination == destination)
            .order_by(STAGE_ENTRIES.c.opportunity_id, STAGE_ENTRIES.c.entered_at, STAGE_ENTRIES.c.stage)
        )
        entries: dict[str, tuple[StageEntry, ...]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                entries[row.opportunity_id] = (*entries.get(row.opportunity_id, ()), stage_of(row))
        return entries


def _with_last_fields(record: CrmRecord, seen: CrmRecord | None) -> CrmRecord:
    if seen is None or not record.archived:
        return record
    return replace(
        record,
        fields={**seen.fields, **record.fields},
        links=record.links or seen.links,
        created_at=record.created_at or seen.created_at,
        modified_at=record.modified_at or seen.modified_at,
        merged_into=record.merged_into or seen.merged_into,
    )


class SqlLinks:
    """Billing account → CRM account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, destination: str) -> list[LinkDecision]:
        with self._database.read() as connection:
            return list(_standing(connection, destination).values())

    def settle(self, destination: str, decisions: Sequence[LinkDecision], deeds: Sequence[Deed] = ()) -> None:
        with self._database.write() as connection:
            standing = _standing(connection, destination)
            for decision in decisions:
                standing[decision.billing_id] = settled(standing.get(decision.billing_id), decision)
            named = {decision.billing_id for decision in decisions}
            upsert(connection, LINKS, [link_row(destination, standing[billing_id]) for billing_id in sorted(named)])
            append(connection, destination, deeds)

    def forget(self, destination: str, billing_ids: Sequence[str], deeds: Sequence[Deed] = ()) -> None:
        with self._database.write() as connection:
            for ids in chunks(billing_ids):
                connection.execute(
                    sa.delete(LINKS).where(LINKS.c.destination == destination, LINKS.c.billing_id.in_(ids))
                )
            append(connection, destination, deeds)


def _standing(connection: sa.Connection, destination: str) -> dict[str, LinkDecision]:
    query = sa.select(LINKS).where(LINKS.c.destination == destination).order_by(LINKS.c.billing_id)
    return {row.billing_id: link_of(row) for row in connection.execute(query)}


class SqlEpisodes:
    """Attempts at needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, destination: str) -> list[Episode]:
        query = (
            sa.select(EPISODES)
            .where(EPISODES.c.destination == destination)
            .order_by(EPISODES.c.account_id, EPISODES.c.need, EPISODES.c.ordinal, EPISODES.c.key)
        )
        with self._database.read() as connection:
            return [episode_of(row) for row in connection.execute(query)]

    def save(self, destination: str, episodes: Sequence[Episode]) -> None:
        with self._database.write() as connection:
            upsert(connection, EPISODES, [episode_row(destination, episode) for episode in episodes])
