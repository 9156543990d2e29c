"""Takes the values of one account out of what is kept for the record only.

The shape of a change stays (which record, which fields), so that a run can still be counted and explained; what the
fields held does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from connector.adapters.ledger.schema import OUTBOX, PLANS
from connector.domain.change import Change, FieldChange, Plan
from connector.domain.outbox import OPEN
from connector.domain.plan_json import change_from_dict, change_to_dict, plan_from_json, plan_to_json
from connector.ports.ledger import PlanStatus

DONE = (PlanStatus.APPLIED.value, PlanStatus.SUPERSEDED.value, PlanStatus.SHADOW.value)


def erase_sent(connection: sa.Connection, destination: str, account_id: str) -> None:
    """Blank the values of an account in outbox entries that are closed."""
    closed = sa.select(OUTBOX.c.id, OUTBOX.c.change).where(
        OUTBOX.c.destination == destination,
        OUTBOX.c.account_id == account_id,
        OUTBOX.c.state.not_in([state.value for state in OPEN]),
    )
    blanked = [
        {"entry": row.id, "blank": change_to_dict(_blank(change_from_dict(row.change)))}
        for row in connection.execute(closed)
    ]
    if blanked:
        one = sa.update(OUTBOX).where(OUTBOX.c.id == sa.bindparam("entry")).values(change=sa.bindparam("blank"))
        connection.execute(one, blanked)


def erase_plans(connection: sa.Connection, destination: str, account_id: str) -> None:
    """Blank the values of an account in plans that were applied, superseded or never meant to be."""
    named = json.dumps(account_id, ensure_ascii=False)
    about = sa.select(PLANS.c.run_id).where(
        PLANS.c.destination == destination,
        PLANS.c.status.in_(DONE),
        PLANS.c.document.contains(named, autoescape=True),
    )
    for run_id in list(connection.scalars(about)):  # one at a time: a plan may hold thousands of changes
        this = PLANS.c.run_id == run_id
        plan = plan_from_json(connection.scalars(sa.select(PLANS.c.document).where(this)).one())
        connection.execute(sa.update(PLANS).where(this).values(document=plan_to_json(_without(plan, account_id))))


def _without(plan: Plan, account_id: str) -> Plan:
    return replace(
        plan,
        changes=tuple(_blank(one) if one.account_id == account_id else one for one in plan.changes),
        episodes=tuple(replace(one, brief={}) if one.account_id == account_id else one for one in plan.episodes),
    )


def _blank(change: Change) -> Change:
    return replace(
        change,
        title="",
        reason="",
        fields=_empty(change.fields),
        agreed=_empty(change.agreed),
        handed_over=_empty(change.handed_over),
        theirs=_empty(change.theirs),
    )


def _empty(fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    return tuple(replace(field, before=None, after=None) for field in fields)
