"""Tells what changed in Salesforce.

Decided here: SystemModstamp is the cursor, since automation moves it too, and rows in the recycle bin are asked for,
since a deletion is news. OpportunityHistory gives every stage that was entered, also those left again between two
runs.

Source: Object Reference, "System Fields", "OpportunityHistory".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from simple_salesforce.format import format_soql

from connector.adapters.crms.batches import chunks
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.translate import moment, stage
from connector.adapters.crms.values import datetime_text
from connector.domain.account import Owner
from connector.domain.change import CrmRecord, RecordType, Stage, StageEntry
from connector.domain.mapping import CrmMapping
from connector.domain.routing import routes_of

_EVER = "CreatedDate != null"
_IDS_IN_ONE_QUERY = 200


class SalesforceFeed:
    """Changes since a cursor, owners, stages and stage history."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        """Yield every record modified at or after a server time."""
        where = f"SystemModstamp >= {datetime_text(since)}" if since else _EVER
        return self._reader.select(type, names, where)

    def owners(self) -> list[Owner]:
        """List users who may own records; a licence for portals may not."""
        rows = self._client.query(
            "SELECT Id, Name, Email, IsActive, LanguageLocaleKey, TimeZoneSidKey FROM User "
            "WHERE UserType = 'Standard' ORDER BY Id"
        )
        return [
            Owner(
                id=row["Id"],
                name=row["Name"] or "",
                email=(row["Email"] or "").lower(),
                active=row["IsActive"],
                language=(row["LanguageLocaleKey"] or "")[:2] or None,
                time_zone=row["TimeZoneSidKey"],
            )
            for row in rows
        ]

    def stages(self) -> list[Stage]:
        """List the active stages in their order; then those that each record type of the mapping offers, for it."""
        rows = self._client.query(
            "SELECT ApiName, MasterLabel, IsClosed, IsWon, ForecastCategoryName FROM OpportunityStage "
            "WHERE IsActive = true ORDER BY SortOrder"
        )
        every = [stage(row) for row in rows]
        named = {route.record_type for route in routes_of(self._mapping.opportunity) if route.record_type}
        found = list(every)
        for id, names in self._reader.record_types().items() if named else ():
            offered = self._reader.offered_stages(id) if named & {id, *names} else None
            found += [
                replace(one, pipeline=id, pipeline_names=names)
                for one in every
                if offered is None or {one.id, one.label} & offered
            ]
        return found

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        """Give each opportunity's entries into stages, oldest first."""
        found: dict[str, list[StageEntry]] = {}
        me = self._client.who_am_i()["user_id"]
        for chunk in chunks(dict.fromkeys(ids), _IDS_IN_ONE_QUERY):
            soql = format_soql(
                "SELECT OpportunityId, StageName, CreatedDate, CreatedById FROM OpportunityHistory "
                "WHERE OpportunityId IN {} ORDER BY OpportunityId, CreatedDate, Id",
                chunk,
            )
            for row in self._client.query(soql):
                entries = found.setdefault(row["OpportunityId"], [])
                # A row is written for a new amount or close date too: only another stage is an entry.
                if not entries or entries[-1].stage != row["StageName"]:
                    at = moment(row["CreatedDate"])
                    entries.append(StageEntry(row["OpportunityId"], row["StageName"], at, row["CreatedById"] == me))
        return {one: tuple(entries) for one, entries in found.items()}
