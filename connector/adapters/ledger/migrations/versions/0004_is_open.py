"""Whether an outbox entry is open, apart from its state: the index over open ones is left alone by what stays open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OUTBOX = sa.table("outbox", sa.column("state"), sa.column("is_open", sa.Boolean))
OPEN = ("parked", "pending", "sending", "unknown")
INDEX = "outbox_one_open_entry_per_subject"


def upgrade() -> None:
    """Add the column, fill it, and make the index anew over it."""
    op.add_column("outbox", sa.Column("is_open", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(sa.update(OUTBOX).where(OUTBOX.c.state.in_(OPEN)).values(is_open=True))
    op.drop_index(INDEX, "outbox")
    op.create_index(
        INDEX,
        "outbox",
        ["destination", "subject"],
        unique=True,
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
