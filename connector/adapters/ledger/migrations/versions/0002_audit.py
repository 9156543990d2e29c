"""Audit, holds, and outbox entries found by account, code and time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RUNS = sa.table("runs", sa.column("id"), sa.column("started_at"))
OUTBOX = sa.table(
    "outbox",
    sa.column("run_id"),
    sa.column("tried_in"),
    sa.column("change", sa.JSON),
    sa.column("refusal", sa.JSON),
    sa.column("account_id"),
    sa.column("code"),
    sa.column("changed_at"),
)


def upgrade() -> None:
    """Widen what is there, fill it from what is known, and make the new tables."""
    op.add_column("receipts", sa.Column("rule", sa.Text(), server_default="", nullable=False))
    _outbox()
    _holds()
    _audit()


def _outbox() -> None:
    op.add_column("outbox", sa.Column("ticket", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("account_id", sa.Text(), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("code", sa.Text(), server_default="", nullable=False))
    # Nothing tells when an entry came into its state; the run that last touched it began shortly before.
    last_run = sa.func.coalesce(OUTBOX.c.tried_in, OUTBOX.c.run_id)
    op.execute(
        sa.update(OUTBOX).values(
            account_id=sa.func.coalesce(OUTBOX.c.change["account_id"].as_string(), ""),
            code=sa.func.coalesce(OUTBOX.c.refusal["code"].as_string(), ""),
            changed_at=sa.select(RUNS.c.started_at).where(RUNS.c.id == last_run).scalar_subquery(),
        )
    )
    op.create_index("outbox_by_run", "outbox", ["run_id"])
    op.create_index("outbox_by_account", "outbox", ["destination", "account_id"])


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("destination", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("destination", "key"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("destination", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("crm_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "number"),
    )
    op.create_index("audit_by_run", "audit", ["destination", "run_id"])
    op.create_index("audit_by_account", "audit", ["destination", "account_id"])
    op.create_table(
        "audit_values",
        sa.Column("destination", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "number"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("destination", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination"),
    )
