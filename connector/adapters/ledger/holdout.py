"""The arms that were drawn for customers, kept for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.bulk import insert
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.schema import ARMS
from connector.domain.holdout import Arm, Assignment


class SqlArms:
    """Who is held out, of every holdout there ever was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, salt: str) -> dict[str, Assignment]:
        query = sa.select(ARMS).where(ARMS.c.salt == salt).order_by(ARMS.c.billing_id)
        with self._database.read() as connection:
            return {row.billing_id: _assignment(row) for row in connection.execute(query)}

    def add(self, assignments: Sequence[Assignment]) -> None:
        if not assignments:
            return
        salts = {one.salt for one in assignments}
        with self._database.write() as connection:
            standing = sa.select(ARMS.c.salt, ARMS.c.billing_id).where(ARMS.c.salt.in_(salts))
            known = {tuple(row) for row in connection.execute(standing)}
            rows = {(one.salt, one.billing_id): asdict(one) | {"arm": one.arm.value} for one in assignments}
            insert(connection, ARMS, [row for key, row in rows.items() if key not in known])


def _assignment(row: sa.Row[Any]) -> Assignment:
    return Assignment(
        billing_id=row.billing_id,
        salt=row.salt,
        parent=row.parent,
        stratum=row.stratum,
        share=row.share,
        arm=Arm(row.arm),
        run_id=row.run_id,
        at=row.at,
    )
