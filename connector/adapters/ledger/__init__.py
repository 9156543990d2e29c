"""The ledger on SQLAlchemy 2 Core: SQLite by default, PostgreSQL by URL; its schema follows Alembic migrations."""

from connector.adapters.ledger.care import LedgerCare
from connector.adapters.ledger.holder import this_process
from connector.adapters.ledger.ledger import Ledger

__all__ = ["Ledger", "LedgerCare", "this_process"]
