"""Tells what changed in HubSpot.

Decided here: search by modification date, restarted from the last date seen wherever its window of 10,000 ends, with
an overlap because its index lags; archived records are listed, since search never shows them. Search is used for
nothing else. Who moved a stage is told by comparing its source with the source that created the record.

Source: developers.hubspot.com, "CRM search", "Owners", "Pipelines", "Using object APIs" (property history).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.adapters.crms.batches import chunks
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.read import HubspotReader
from connector.adapters.crms.hubspot.translate import (
    MODIFIED,
    OBJECTS,
    SOURCE,
    SOURCE_ID,
    merged_away,
    merged_ids,
    milliseconds,
    moment,
)
from connector.domain.account import Owner
from connector.domain.change import CrmRecord, RecordType, Stage, StageEntry
from connector.domain.mapping import CrmMapping

_INDEX_LAG = timedelta(minutes=2)
_SEARCH_PAGE, _SEARCH_WINDOW = 200, 10_000
_MOST_IN_ONE_CALL = 100
_MOST_WITH_HISTORY = 50
Row = dict[str, Any]


class HubspotFeed:
    """Changes since a cursor, owners, stages and stage history."""

    def __init__(self, client: HubspotClient, reader: HubspotReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        """Yield every record modified at or after a server time, and a mark for each that was merged away."""
        rows = self._reader.every(type, names) if since is None else self._modified(type, names, since - _INDEX_LAG)
        for chunk in chunks(rows, _MOST_IN_ONE_CALL):
            for row, one in zip(chunk, self._reader.records(type, chunk, names), strict=True):
                yield one
                yield from (merged_away(one, gone) for gone in merged_ids(row))
        for chunk in chunks(self._reader.every(type, names, archived="true"), _MOST_IN_ONE_CALL):
            for one in self._reader.records(type, chunk, names):
                if since is None or one.modified_at is None or one.modified_at >= since:
                    yield one

    def owners(self) -> list[Owner]:
        """List owners, archived ones as inactive."""
        return [_owner(row, archived) for archived in (False, True) for row in self._owner_rows(archived)]

    def stages(self) -> list[Stage]:
        """List the stages of every pipeline, each with its pipeline's label."""
        return list(self._reader.pipelines().stages)

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        """Give each deal's entries into stages, oldest first."""
        name, key = self._mapping.opportunity.stage, self._mapping.opportunity.key
        known = self._reader.schema(RecordType.OPPORTUNITY).fields
        properties = [one for one in (key, SOURCE, SOURCE_ID) if one in known]
        found: dict[str, tuple[StageEntry, ...]] = {}
        for chunk in chunks(dict.fromkeys(ids), _MOST_WITH_HISTORY):
            body = {
                "properties": properties,
                "propertiesWithHistory": [name],
                "inputs": [{"id": one} for one in chunk],
            }
            rows = self._client.read(self._client.object_batches.read, OBJECTS[RecordType.OPPORTUNITY], body)["results"]
            found |= {str(row["id"]): _entries(row, name, key) for row in rows}
        return found

    def _owner_rows(self, archived: bool) -> Iterator[Row]:
        after: str | None = None
        while True:
            options = {"limit": 100, "archived": str(archived).lower()} | ({"after": after} if after else {})
            page = self._client.read(self._client.owners.get_page, **options)
            yield from page["results"]
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return

    def _modified(self, type: RecordType, names: Sequence[str], since: datetime) -> Iterator[Row]:
        """Search in windows; a record met at the edge of two is given once."""
        name = MODIFIED.get(type, "hs_lastmodifieddate")
        asked = [*self._reader.needed(type, names), name]
        start, seen = since, set[tuple[str, str]]()
        while True:
            rows = list(self._window(type, asked, name, start))
            yield from (row for row in rows if (str(row["id"]), row["updatedAt"]) not in seen)
            if len(rows) < _SEARCH_WINDOW:
                return
            last = moment(rows[-1]["properties"][name])
            if last <= start:
                # More records changed in one millisecond than search can show: read them all.
                yield from self._reader.every(type, names)
                return
            seen, start = {(str(row["id"]), row["updatedAt"]) for row in rows}, last

    def _window(self, type: RecordType, asked: Iterable[str], name: str, start: datetime) -> Iterator[Row]:
        condition = {"propertyName": name, "operator": "GTE", "value": milliseconds(start)}
        body: Row = {
            "filterGroups": [{"filters": [condition]}],
            "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
            "properties": list(asked),
            "limit": _SEARCH_PAGE,
        }
        for _ in range(_SEARCH_WINDOW // _SEARCH_PAGE):
            page = self._client.read(self._client.object_search.do_search, OBJECTS[type], body)
            yield from page["results"]
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return
            body = {**body, "after": after}


def _owner(row: Mapping[str, Any], archived: bool) -> Owner:
    name = " ".join(part for part in (row.get("firstName"), row.get("lastName")) if part)
    email = str(row.get("email") or "").lower()
    return Owner(id=str(row["id"]), name=name or email, email=email, active=not archived)


def _entries(row: Mapping[str, Any], name: str, key: str) -> tuple[StageEntry, ...]:
    properties = row["properties"]
    ours = (properties.get(SOURCE), properties.get(SOURCE_ID)) if properties.get(key) else None
    history = sorted((row.get("propertiesWithHistory") or {}).get(name) or (), key=lambda one: moment(one["timestamp"]))
    entries: list[StageEntry] = []
    for one in history:
        if one["value"] and (not entries or entries[-1].stage != one["value"]):
            by_us = ours is not None and (one.get("sourceType"), one.get("sourceId")) == ours
            entries.append(StageEntry(str(row["id"]), one["value"], moment(one["timestamp"]), by_us))
    return tuple(entries)
