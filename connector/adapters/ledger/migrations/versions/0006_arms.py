"""Who is held out, so that what proposals cause can be measured: nobody was before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "arms",
        sa.Column("salt", sa.String(length=255), nullable=False),
        sa.Column("billing_id", sa.String(length=255), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(precision=53), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("salt", "billing_id"),
    )
