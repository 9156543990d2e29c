"""On which days nothing spoke for an open episode: what was open before has not been silent yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty everywhere."""
    op.add_column("episodes", sa.Column("silent_on", sa.Text(), server_default="", nullable=False))
