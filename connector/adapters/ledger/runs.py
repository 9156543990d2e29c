"""Destinations, runs, plans and decisions: what was asked and what was made of it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.bulk import upsert
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.rows import ChangeTexts, decision_of, destination_of, run_of, run_row
from connector.adapters.ledger.schema import AUDIT_HEADS, DECISIONS, DESTINATIONS, LIFE, LINKS, MIRROR, PLANS, RUNS
from connector.domain.change import Destination, Plan
from connector.domain.errors import MendError
from connector.domain.intent import Held
from connector.domain.plan_json import plan_from_json, plan_to_json
from connector.domain.run import Decision, Run, RunStatus
from connector.ports.ledger import PlanStatus, StoredPlan

STANDING = (PlanStatus.WAITING.value, PlanStatus.APPROVED.value)


def seen_destinations(connection: sa.Connection) -> list[str]:
    """Name every destination that anything is kept of, agreed to or not."""
    columns = (DESTINATIONS.c.id, *(table.c.destination for table in (RUNS, MIRROR, LINKS, AUDIT_HEADS)))
    return sorted(connection.scalars(sa.union(*(sa.select(column) for column in columns))))


class SqlDestinations:
    """Destinations that were agreed to, and the ledger's own identity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Destination]:
        with self._database.read() as connection:
            return [
                destination_of(row) for row in connection.execute(sa.select(DESTINATIONS).order_by(DESTINATIONS.c.id))
            ]

    def seen(self) -> list[str]:
        with self._database.read() as connection:
            return seen_destinations(connection)

    def remember(self, destination: Destination) -> None:
        row = {
            "id": destination.id,
            "crm": destination.crm,
            "org": destination.org,
            "label": destination.label,
        }
        with self._database.write() as connection:
            upsert(connection, DESTINATIONS, [row])

    def epoch(self) -> str:
        with self._database.write() as connection:
            epoch = connection.scalar(sa.select(LIFE.c.epoch))
            return epoch if epoch is not None else self._begin(connection)

    def renew_epoch(self) -> str:
        with self._database.write() as connection:
            return self._begin(connection)

    def _begin(self, connection: sa.Connection) -> str:
        epoch = secrets.token_hex(8)
        upsert(connection, LIFE, [{"id": 1, "epoch": epoch}])
        return epoch


class SqlRuns:
    """The runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, run: Run) -> None:
        with self._database.write() as connection:
            connection.execute(sa.insert(RUNS).values(run_row(run)))

    def close(self, run_id: str, status: RunStatus, ended_at: datetime, summary: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(RUNS)
                .where(RUNS.c.id == run_id)
                .values(status=status.value, ended_at=ended_at, summary=dict(summary))
            )

    def get(self, run_id: str) -> Run | None:
        return self._first(sa.select(RUNS).where(RUNS.c.id == run_id))

    def last(self, destination: str, job: str) -> Run | None:
        mine = sa.select(RUNS).where(RUNS.c.destination == destination, RUNS.c.job == job)
        return self._first(mine.order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(1))

    def list(self, limit: int = 20) -> list[Run]:
        newest = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [run_of(row) for row in connection.execute(newest)]

    def _first(self, query: sa.Select[Any]) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return run_of(row) if row is not None else None


class SqlPlans:
    """Plans, by the run that made them."""

    def __init__(self, database: Database, texts: ChangeTexts) -> None:
        self._database = database
        self._texts = texts

    def save(self, plan: Plan, status: PlanStatus = PlanStatus.WAITING) -> None:
        began = sa.select(RUNS.c.started_at).where(RUNS.c.id == plan.run_id).scalar_subquery()
        older = sa.update(PLANS).where(
            PLANS.c.destination == plan.destination,
            PLANS.c.job == plan.job,
            PLANS.c.status.in_(STANDING),
            PLANS.c.run_id.not_in(sa.select(RUNS.c.id).where(RUNS.c.started_at > began)),
        )
        row = {
            "run_id": plan.run_id,
            "destination": plan.destination,
            "job": plan.job,
            "status": status.value,
            "approved_by": None,
            "created_at": plan.created_at,
            "document": plan_to_json(plan, changes=self._texts.of_plan(plan)),
        }
        with self._database.write() as connection:
            connection.execute(older.values(status=PlanStatus.SUPERSEDED.value))
            upsert(connection, PLANS, [row])

    def get(self, run_id: str) -> StoredPlan | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(PLANS).where(PLANS.c.run_id == run_id)).first()
        return _stored(row) if row is not None else None

    def approve(self, run_id: str, by: str) -> None:
        waiting = sa.update(PLANS).where(PLANS.c.run_id == run_id, PLANS.c.status == PlanStatus.WAITING.value)
        with self._database.write() as connection:
            approved = connection.execute(waiting.values(status=PlanStatus.APPROVED.value, approved_by=by)).rowcount
        if not approved:
            raise MendError(
                f"no plan of run {run_id} waits for approval",
                hint="a newer plan may have taken its place: make a plan and approve that one",
            )

    def applied(self, run_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(PLANS).where(PLANS.c.run_id == run_id).values(status=PlanStatus.APPLIED.value))

    def list(self, destination: str, statuses: Collection[PlanStatus]) -> list[StoredPlan]:
        query = (
            sa.select(PLANS)
            .where(PLANS.c.destination == destination, PLANS.c.status.in_([status.value for status in statuses]))
            .order_by(PLANS.c.created_at.desc(), PLANS.c.run_id.desc())
        )
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]


def _stored(row: sa.Row[Any]) -> StoredPlan:
    return StoredPlan(plan_from_json(row.document), PlanStatus(row.status), row.approved_by)


class SqlDecisions:
    """Why accounts got no proposal, and since when."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, destination: str, run: Run, held: Sequence[Held]) -> None:
        mine = DECISIONS.c.destination == destination
        with self._database.write() as connection:
            standing = {
                (row.account_id, row.subject): row for row in connection.execute(sa.select(DECISIONS).where(mine))
            }
            rows = {}
            for one in held:
                before = standing.get((one.account_id, one.subject))
                is_same = before is not None and before.reason == one.reason
                rows[one.account_id, one.subject] = {
                    "destination": destination,
                    "account_id": one.account_id,
                    "subject": one.subject,
                    "reason": one.reason,
                    "detail": one.detail,
                    "p": one.p,
                    "value": one.value,
                    "since_run": before.since_run if before is not None and is_same else run.id,
                    "since": before.since if before is not None and is_same else run.now,
                }
            connection.execute(sa.delete(DECISIONS).where(mine))
            upsert(connection, DECISIONS, list(rows.values()))

    def current(self, destination: str) -> list[Decision]:
        query = (
            sa.select(DECISIONS)
            .where(DECISIONS.c.destination == destination)
            .order_by(DECISIONS.c.account_id, DECISIONS.c.subject)
        )
        with self._database.read() as connection:
            return [decision_of(row) for row in connection.execute(query)]
