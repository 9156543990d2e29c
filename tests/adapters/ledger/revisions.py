"""Ledgers as earlier connectors left them: a database at an old revision, with rows as that revision wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from connector.adapters.ledger.database import MIGRATIONS, Database

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
CRM = "hubspot:1"
CHANGE = {
    "id": "task:k",
    "action": "create",
    "type": "task",
    "key": "k",
    "account_id": "account",
    "title": "Call Ana",
    "reason": "usage rose",
    "fields": [{"name": "subject", "before": None, "after": "Call", "policy": "create"}],
    "links": [{"role": "account", "name": "companies", "to": {"type": "account", "id": "9"}}],
    "read_at": "2026-03-02T09:30:00+00:00",
}
REFUSAL = {"code": "REQUIRED", "message": "lacks a field", "field": "amount", "hint": "map it"}
PLAN = (
    '{"changes": [], "config_hash": "c", "created_at": "2026-03-02T09:30:15+00:00", "destination": "hubspot:1", '
    '"job": "sync", "ledger_epoch": "e", "run_id": "run-1", "schema_hash": "s", "version": 1}'
)


def outbox_row(key: str, state: str, **rest: Any) -> dict[str, Any]:
    """Make a row of the outbox as revision 0001 knows it."""
    return {
        "id": f"run-1/task:{key}",
        "destination": CRM,
        "run_id": "run-1",
        "job": "sync",
        "subject": key,
        "state": state,
        "sequence": 0,
        "attempts": 1,
        "tried_in": None,
        "crm_id": None,
        "reason": None,
        "refusal": None,
        "change": {**CHANGE, "id": f"task:{key}", "key": key},
    } | rest


AT_0001: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "life": [{"id": 1, "epoch": "e"}],
    "destinations": [{"id": CRM, "crm": "hubspot", "org": "1", "label": "Portal"}],
    "runs": [
        {
            "id": "run-1",
            "job": "sync",
            "destination": CRM,
            "now": NOW,
            "started_at": NOW,
            "status": "partial",
            "ended_at": NOW,
            "summary": {"delivered": {"task": 1}},
        }
    ],
    "plans": [
        {
            "run_id": "run-1",
            "destination": CRM,
            "job": "sync",
            "status": "applied",
            "approved_by": "Ana",
            "created_at": NOW,
            "document": PLAN,
        }
    ],
    "decisions": [
        {
            "destination": CRM,
            "account_id": "account",
            "subject": "x",
            "reason": "cap",
            "detail": "",
            "p": 0.5,
            "value": 9,
            "since_run": "run-1",
            "since": NOW,
        }
    ],
    "cursors": [{"destination": CRM, "type": "task", "cursor": NOW}],
    "mirror": [
        {
            "destination": CRM,
            "type": "task",
            "crm_id": "00T1",
            "fields": {"subject": "Call"},
            "links": {"account": ["9"]},
            "created_at": NOW,
            "modified_at": None,
            "archived": False,
            "merged_into": None,
        }
    ],
    "stage_entries": [
        {"destination": CRM, "opportunity_id": "006", "stage": "proposed", "entered_at": NOW, "by_us": True}
    ],
    "links": [
        {
            "destination": CRM,
            "billing_id": "b",
            "state": "linked",
            "crm_id": "9",
            "method": "person",
            "decided_by": "Ana",
            "decided_at": NOW,
            "candidates": ["9", "8"],
            "billing_name": "Café",
        }
    ],
    "episodes": [
        {
            "destination": CRM,
            "key": "k",
            "account_id": "account",
            "need": "analytics",
            "ordinal": 1,
            "state": "open",
            "opened_at": NOW,
            "closed_at": None,
            "offer": None,
            "play": None,
            "brief": {"p": 0.5},
        }
    ],
    "records": [
        {
            "destination": CRM,
            "key": "k",
            "type": "task",
            "crm_id": "00T1",
            "account_id": "account",
            "tombstone": None,
            "gone_at": None,
        }
    ],
    "receipts": [
        {
            "destination": CRM,
            "key": "k",
            "field": "subject",
            "sent": "Call",
            "shown": "Call",
            "handed_over": False,
            "run_id": "run-1",
        }
    ],
    "associations": [{"destination": CRM, "key": "k", "role": "account", "name": "companies", "target": "account:9"}],
    "outbox": [
        outbox_row("k", "delivered", crm_id="00T1"),
        outbox_row("p", "parked", refusal=REFUSAL, tried_in="run-1"),
        outbox_row("w", "pending", attempts=0),
    ],
    "leases": [{"destination": CRM, "holder": "me", "token": 7, "expires": 1.5}],
}


def make_at_0001(url: str) -> None:
    """Make a ledger of revision 0001 with a row in every table."""
    database = Database(url, migrate=False)
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        tables = sa.MetaData()
        tables.reflect(connection)
        assert set(tables.tables) - {"alembic_version"} == set(AT_0001)
        for name, rows in AT_0001.items():
            table = tables.tables[name]
            moments = [column.name for column in table.columns if isinstance(column.type, sa.DateTime)]
            for column in moments if connection.dialect.name == "sqlite" else []:
                table.c[column].type = sa.DateTime()  # what SQLite keeps: UTC without saying so
            connection.execute(sa.insert(table), [_without_zone(row, connection.dialect.name) for row in rows])
    database.close()


def _without_zone(row: Mapping[str, Any], dialect: str) -> dict[str, Any]:
    if dialect != "sqlite":
        return dict(row)
    return {name: value.replace(tzinfo=None) if isinstance(value, datetime) else value for name, value in row.items()}
