"""Takes one customer out of the whole ledger, and looks whether anything of it is left.

One transaction: a killed process leaves all of it or nothing. Rows about the customer are deleted. Where a row about
something else names it (a plan, a run's summary, another customer's candidates), only the name goes. Audit records
stay, without saying whom they were about; the deed of the forgetting seals them as they then stand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.audit import append
from connector.adapters.ledger.database import Database, chunks
from connector.adapters.ledger.rows import audit_of, link_of, link_row
from connector.adapters.ledger.runs import seen_destinations
from connector.adapters.ledger.schema import (
    ARMS,
    ASSOCIATIONS,
    AUDIT,
    AUDIT_VALUES,
    DECISIONS,
    EPISODES,
    HOLDS,
    LINKS,
    METADATA,
    MIRROR,
    NOTES,
    OUTBOX,
    PLANS,
    RECEIPTS,
    RECORDS,
    RUNS,
    STAGE_ENTRIES,
    SUPPRESSED,
)
from connector.domain.audit import SEALED, Act, Deed, forgotten, seal_of
from connector.domain.customer import FORGOTTEN, Customer
from connector.domain.plan_json import plan_from_json, plan_to_json

PAGE = 2000
OURS = frozenset({NOTES.name, SUPPRESSED.name})
"""Tables that hold what the forgetting itself needs: nothing of a customer stays in them when it is done."""


class SqlForgetting:
    """Erases a customer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erase(self, customer: Customer, by: str, at: datetime) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        with self._database.write() as connection:
            for destination in seen_destinations(connection):
                sealed = _Eraser(connection, destination, customer, counts).erase()
                about = (
                    sa.select(sa.func.count())
                    .select_from(AUDIT)
                    .where(
                        AUDIT.c.destination == destination,
                        AUDIT.c.subject == customer.id,
                        AUDIT.c.act == Act.FORGET.value,
                    )
                )
                if sealed or not connection.scalar(about):
                    deed = Deed(at, by, Act.FORGET, "", customer.id, values={SEALED: sealed})
                    append(connection, destination, [deed])
            _erase_arms(connection, customer, counts)
            _blank_summaries(connection, customer, counts)
        return dict(counts)

    def left(self, customer: Customer) -> Mapping[str, int]:
        """Count the rows of each table that still name a customer, its note aside."""
        found: Counter[str] = Counter()
        with self._database.read() as connection:
            for table in METADATA.sorted_tables:
                for row in connection.execute(sa.select(table)).yield_per(PAGE) if table.name not in OURS else ():
                    if customer.named_in(_text(row)) or _is_about(row, customer):
                        found[table.name] += 1
        return dict(found)

    def compact(self) -> None:
        """Give freed pages back, so that what was deleted does not lie in the file any more."""
        raw = self._database.engine.raw_connection()  # neither command may stand in a transaction
        try:
            driver: Any = raw.driver_connection
            if self._database.engine.dialect.name == "sqlite":
                driver.execute("VACUUM")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            else:
                driver.rollback()  # the pool asked whether it is alive
                driver.autocommit = True
                driver.cursor().execute("SET statement_timeout = 0")
                driver.cursor().execute(f"VACUUM FULL {', '.join(METADATA.tables)}")
        finally:
            raw.invalidate()  # its settings are not those of the others


class _Eraser:
    """Erases a customer's rows of one destination."""

    def __init__(self, connection: sa.Connection, destination: str, customer: Customer, counts: Counter[str]) -> None:
        self._connection = connection
        self._destination = destination
        self._customer = customer
        self._counts = counts
        self._accounts = customer.accounts(destination)

    def erase(self) -> dict[str, str]:
        """Erase them, and give the seals of the audit records, by number."""
        records = self._mirrored() | self._customer.records.get(self._destination, frozenset())
        keys = self._keys(records)
        sealed = self._seal(keys, records)
        self._delete(MIRROR, MIRROR.c.crm_id, records | self._accounts)
        self._delete(STAGE_ENTRIES, STAGE_ENTRIES.c.opportunity_id, records)
        for table in (RECEIPTS, ASSOCIATIONS, RECORDS, EPISODES, HOLDS):
            self._delete(table, table.c.key, keys)
        for table in (RECORDS, EPISODES, HOLDS, DECISIONS, OUTBOX):
            self._delete(table, table.c.account_id, self._accounts)
        self._delete(OUTBOX, OUTBOX.c.subject, keys)
        self._delete(LINKS, LINKS.c.billing_id, self._customer.billing)
        self._delete(LINKS, LINKS.c.crm_id, self._accounts)
        self._blank_candidates()
        self._cut_plans()
        return sealed

    def _delete(self, table: sa.Table, column: sa.Column[Any], wanted: Collection[str]) -> None:
        for some in chunks(sorted(wanted)):
            gone = sa.delete(table).where(table.c.destination == self._destination, column.in_(some))
            self._counts[table.name] += self._connection.execute(gone).rowcount

    def _mine(self, table: sa.Table) -> Iterator[sa.Row[Any]]:
        mine = sa.select(table).where(table.c.destination == self._destination).order_by(*table.primary_key)
        yield from self._connection.execute(mine).fetchall()

    def _mirrored(self) -> frozenset[str]:
        """The CRM records that hang on the customer; an account that names it as its parent only loses that."""
        accounts = self._customer.crm.get(self._destination, frozenset())
        found = set()
        for row in self._mine(MIRROR):
            named = {id for ids in row.links.values() for id in ids} | set(row.fields.values()) | {row.merged_into}
            if not accounts & named or row.crm_id in accounts:
                continue
            if row.type != "account":
                found.add(row.crm_id)
                continue
            cut = {
                "fields": {name: None if value in accounts else value for name, value in row.fields.items()},
                "links": {role: [id for id in ids if id not in accounts] for role, ids in row.links.items()},
                "merged_into": None if row.merged_into in accounts else row.merged_into,
            }
            this = (MIRROR.c.destination == self._destination) & (MIRROR.c.crm_id == row.crm_id)
            self._connection.execute(sa.update(MIRROR).where(this, MIRROR.c.type == row.type).values(cut))
        return frozenset(found)

    def _keys(self, records: Collection[str]) -> set[str]:
        """The keys of what we ever wrote or meant to write for the customer."""
        found: set[str] = set()
        for some in chunks(sorted(records)):
            by_id = (RECORDS.c.destination == self._destination) & RECORDS.c.crm_id.in_(some)
            found.update(self._connection.scalars(sa.select(RECORDS.c.key).where(by_id)))
        for table, key in ((RECORDS, "key"), (EPISODES, "key"), (HOLDS, "key"), (OUTBOX, "subject")):
            for some in chunks(sorted(self._accounts)):
                about = (table.c.destination == self._destination) & table.c.account_id.in_(some)
                found.update(self._connection.scalars(sa.select(table.c[key]).where(about)))
        return found

    def _seal(self, keys: Collection[str], records: Collection[str]) -> dict[str, str]:
        about = {*keys, *records, *self._accounts}
        sealed = {}
        erased = []
        bare = sa.select(AUDIT, sa.null().label("content"), sa.null().label("salt"))
        for row in self._connection.execute(bare.where(AUDIT.c.destination == self._destination)).fetchall():
            if row.act == Act.FORGET.value or row.account_id.startswith(FORGOTTEN):
                continue
            is_about = bool({row.account_id, row.subject, row.crm_id} & about) or bool(
                self._customer.named_in(row.subject)
            )
            if is_about:
                record = forgotten(audit_of(row), self._customer.id)
                sealed[str(row.number)] = seal_of(record)
                erased.append({"n": row.number, "whom": self._customer.id})
        self._rewrite_audit(erased)
        self._erase_values({int(number) for number in sealed})
        return sealed

    def _rewrite_audit(self, erased: list[dict[str, Any]]) -> None:
        if not erased:
            return
        whom: sa.BindParameter[str] = sa.bindparam("whom")
        this = (AUDIT.c.destination == self._destination) & (AUDIT.c.number == sa.bindparam("n"))
        self._connection.execute(
            sa.update(AUDIT).where(this).values(account_id=whom, subject=whom, crm_id=None), erased
        )
        self._counts[AUDIT.name] += len(erased)

    def _erase_values(self, numbers: Collection[int]) -> None:
        for some in chunks([str(number) for number in sorted(numbers)]):
            values = sa.delete(AUDIT_VALUES).where(
                AUDIT_VALUES.c.destination == self._destination, AUDIT_VALUES.c.number.in_([int(one) for one in some])
            )
            self._counts[AUDIT_VALUES.name] += self._connection.execute(values).rowcount

    def _blank_candidates(self) -> None:
        """Another customer that might have been this one is no more in doubt about it."""
        for row in self._mine(LINKS):
            decision = link_of(row)
            cut = replace(
                decision,
                candidates=tuple(id for id in decision.candidates if id not in self._accounts),
                evidence=tuple(one for one in decision.evidence if one.crm_id not in self._accounts),
            )
            if cut != decision:
                left = link_row(self._destination, cut)["candidates"]
                this = (LINKS.c.destination == self._destination) & (LINKS.c.billing_id == row.billing_id)
                self._connection.execute(sa.update(LINKS).where(this).values(candidates=left))

    def _cut_plans(self) -> None:
        """Take what concerns the customer out of every plan: one that waits goes on without it."""
        about = sa.select(PLANS.c.run_id).where(PLANS.c.destination == self._destination)
        for run_id in list(self._connection.scalars(about)):  # one at a time: a plan may hold thousands of changes
            this = PLANS.c.run_id == run_id
            text = self._connection.scalars(sa.select(PLANS.c.document).where(this)).one()
            if not self._customer.named_in(text) and not any(f'"{id}"' in text for id in self._accounts):
                continue
            plan = plan_from_json(text)
            cut = replace(
                plan,
                changes=tuple(one for one in plan.changes if one.account_id not in self._accounts),
                episodes=tuple(one for one in plan.episodes if one.account_id not in self._accounts),
                holds=tuple(one for one in plan.holds if one.account_id not in self._accounts),
            )
            if cut != plan:
                self._connection.execute(sa.update(PLANS).where(this).values(document=plan_to_json(cut)))
                self._counts[PLANS.name] += 1


def _erase_arms(connection: sa.Connection, customer: Customer, counts: Counter[str]) -> None:
    """Take a customer out of every holdout; companies of its group stay one, under a name that tells nothing."""
    parents = frozenset[str]().union(*customer.crm.values())
    for some in chunks(sorted(customer.billing)):
        counts[ARMS.name] += connection.execute(sa.delete(ARMS).where(ARMS.c.billing_id.in_(some))).rowcount
    for some in chunks(sorted(parents)):
        renamed = sa.update(ARMS).where(ARMS.c.parent.in_(some)).values(parent=customer.id)
        counts[ARMS.name] += connection.execute(renamed).rowcount


def _blank_summaries(connection: sa.Connection, customer: Customer, counts: Counter[str]) -> None:
    for row in connection.execute(sa.select(RUNS.c.id, RUNS.c.summary)).fetchall():
        text = json.dumps(row.summary, ensure_ascii=False)
        if customer.named_in(text):
            blanked = json.loads(customer.blanked(text))
            connection.execute(sa.update(RUNS).where(RUNS.c.id == row.id).values(summary=blanked))
            counts[RUNS.name] += 1


def _text(row: sa.Row[Any]) -> str:
    """All that a row says."""
    parts = (json.dumps(part, ensure_ascii=False) if isinstance(part, dict | list) else str(part) for part in row)
    return "\n".join(parts)


def _is_about(row: sa.Row[Any], customer: Customer) -> bool:
    """An id stands where ids stand, however short it is."""
    columns = row._mapping
    named = {columns.get(name) for name in ("account_id", "billing_id")}
    return bool(named & customer.billing) or any(
        columns.get("destination") == destination and columns.get("account_id") in ids
        for destination, ids in customer.crm.items()
    )
