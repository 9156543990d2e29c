"""Keeps forgotten customers out: their billing rows never land again, and their CRM records are never seen.

Sources and the CRM's feed are handed on with a filter around them, so that no step below has to know. What is not in
the mirror is matched to nobody, proposed nothing and never written. A row that is left out is remembered by its own
id, because others hang on it: usage of a new subscription names only the subscription.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.domain.account import Owner
from connector.domain.change import CrmRecord, Plan, RecordType, Stage, StageEntry
from connector.domain.customer import ACCOUNT, SHORT, Suppressed, Suppression, records_kind, suppression_of, token_of
from connector.ports.billing import BillingSource, Cursor, Landing, Page, RawMrr, RawStore, Rejected, Translated
from connector.ports.crm import CrmFeed
from connector.ports.ledger_notes import Suppressions

BETWEEN = re.compile(r"[\s;,|\"'/]+")
ACCOUNTS = ("accounts", "customers")
"""Streams whose rows are accounts: another account that names a forgotten one only loses the name."""


@dataclass
class Spared:
    """What is left out, and the ids learned on the way."""

    suppressions: Suppressions
    known: Suppression

    def learn(self, kind: str, ids: Collection[str]) -> None:
        """Remember ids that belong to forgotten customers."""
        new = [id for id in ids if not self.known.holds(kind, id)]
        if not new:
            return
        secret, at = self.suppressions.secret(), datetime.now(UTC)
        hashes = [Suppressed(token_of(secret, kind, id), secret, "", "connector", at) for id in new]
        self.suppressions.add(hashes)
        self.known = suppression_of(self.suppressions.all())


def spared_by(suppressions: Suppressions) -> Spared | None:
    """Say what is to be left out; None while nobody was forgotten."""
    known = suppression_of(suppressions.all())
    return Spared(suppressions, known) if known else None


def without_forgotten(sources: Sequence[BillingSource], spared: Spared | None) -> Sequence[BillingSource]:
    """Hand sources on, less what is to be left out."""
    return sources if spared is None else [_SparingSource(source, spared) for source in sources]


def feed_without_forgotten(feed: CrmFeed, destination: str, spared: Spared | None) -> CrmFeed:
    """Hand the CRM's feed on, less what is to be left out."""
    return feed if spared is None else _SparingFeed(feed, destination, spared.known)


def plan_without_forgotten(plan: Plan, suppressions: Suppressions) -> Plan:
    """Leave out what a plan from before wants of a customer that was forgotten meanwhile."""
    spared = spared_by(suppressions)
    if spared is None:
        return plan

    def is_kept(account_id: str) -> bool:
        return not (spared.known.holds(plan.destination, account_id) or spared.known.holds(ACCOUNT, account_id))

    kept = replace(
        plan,
        changes=tuple(one for one in plan.changes if is_kept(one.account_id)),
        episodes=tuple(one for one in plan.episodes if is_kept(one.account_id)),
    )
    return plan if kept == plan else kept


class _SparingSource:
    """A billing source without forgotten customers."""

    def __init__(self, source: BillingSource, spared: Spared) -> None:
        self._source = source
        self._spared = spared
        self.name = source.name
        self.mapping_hash = source.mapping_hash

    @property
    def reference(self) -> Collection[str]:
        """Streams whose rows many units are read with."""
        return self._source.reference

    def streams(self) -> Mapping[str, str | None]:
        """Name the streams."""
        return self._source.streams()

    def account_of(self, stream: str, row: Landing) -> str | None:
        """Name the account that a row is about."""
        return self._source.account_of(stream, row)

    def pages(self, raw: RawStore, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Yield what is new, less the rows of forgotten customers."""
        for page in self._source.pages(raw, stream, cursor, now):
            yield self._page(page)

    def translate(self, raw: RawStore, stream: str, ids: Sequence[str], now: datetime) -> Iterator[Translated]:
        """Turn what is known of each unit into canonical rows."""
        return self._source.translate(raw, stream, ids, now)

    def recurring(self, raw: RawStore, as_of: datetime) -> RawMrr:
        """Compute MRR from raw rows alone."""
        return self._source.recurring(raw, as_of)

    def calls(self) -> int:
        """Count the API calls made."""
        return self._source.calls()

    def _page(self, page: Page) -> Page:
        kind = f"{self.name}/{page.stream}"
        gone = [row for row in page.rows if self._is_about(kind, page.stream, row)]
        self._spared.learn(kind, [row.id for row in gone])
        ids = {row.id for row in gone}
        rows = [self._blanked(row) for row in page.rows if row.id not in ids]
        rejected = [one for one in page.rejected if not self._names(one)]
        return replace(page, rows=rows, rejected=rejected, usage=self._usage(page))

    def _is_about(self, kind: str, stream: str, row: Landing) -> bool:
        holds = self._spared.known.holds
        if holds(kind, row.id) or holds(ACCOUNT, self._source.account_of(stream, row)):
            return True
        parent = self.streams().get(stream)
        return parent is not None and holds(f"{self.name}/{parent}", row.parent)

    def _blanked(self, row: Landing) -> Landing:
        """Leave out of a row what names a forgotten customer: a subsidiary its parent."""
        payload = _mapped(row.payload, self._blank)
        return row if payload == row.payload else replace(row, payload=payload)

    def _blank(self, text: str) -> str:
        return "" if len(text) >= SHORT and self._spared.known.holds(ACCOUNT, text) else text

    def _names(self, rejected: Rejected) -> bool:
        found: list[str] = []

        def note(text: str) -> str:
            found.extend((text, *BETWEEN.split(text)))
            return text

        _mapped(rejected.payload or {}, note)
        return any(self._spared.known.holds(ACCOUNT, text) for text in found)

    def _usage(self, page: Page) -> Any:
        part = page.usage
        if part is None:
            return None
        table, kept = part.rows, None
        for column, kind in (("account_id", ACCOUNT), ("subscription_id", f"{self.name}/subscriptions")):
            named = table.column(column).unique().to_pylist()
            gone = {id for id in named if self._spared.known.holds(kind, id)}
            if gone:
                kept = [id not in gone for id in table.column(column).to_pylist()]
                table = table.filter(kept)
        return part if kept is None else replace(part, rows=table)


class _SparingFeed:
    """A CRM's feed without forgotten customers: not their account, nor what hangs on it."""

    def __init__(self, feed: CrmFeed, destination: str, known: Suppression) -> None:
        self._feed = feed
        self._destination = destination
        self._known = known

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        """Yield every record that changed, less those of forgotten customers."""
        for record in self._feed.changed(type, names, since):
            if (kept := self._kept(record)) is not None:
                yield kept

    def owners(self) -> list[Owner]:
        """List the people who can own records."""
        return self._feed.owners()

    def stages(self) -> list[Stage]:
        """List the stages of every pipeline."""
        return self._feed.stages()

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        """Give each opportunity's entries into stages."""
        return self._feed.stage_history(ids)

    def _kept(self, record: CrmRecord) -> CrmRecord | None:
        def is_gone(id: str | None) -> bool:
            return self._known.holds(self._destination, id)

        if record.type is RecordType.ACCOUNT:
            if is_gone(record.id):
                return None
            fields = {name: None if is_gone(value) else value for name, value in record.fields.items()}
            survivor = None if is_gone(record.merged_into) else record.merged_into
            return replace(record, fields=fields, merged_into=survivor)
        named = [*record.fields.values(), *(id for ids in record.links.values() for id in ids)]
        if any(map(is_gone, named)) or self._known.holds(records_kind(self._destination), record.id):
            return None
        return record


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text of a row."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _mapped(part, change) for key, part in value.items()}
        case list():
            return [_mapped(part, change) for part in value]
        case _:
            return value
