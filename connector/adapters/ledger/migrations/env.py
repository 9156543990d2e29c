"""Runs the migrations on the connection that the ledger opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from connector.adapters.ledger.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
