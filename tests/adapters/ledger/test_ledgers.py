"""The ledger contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from filled_ledger import fresh_file
from postgres import fresh_ledger

from connector.bootstrap import open_ledger
from connector.config.settings import Settings
from connector.services.memory import Memory
from connector.testing.contracts.ledger import LedgerContract
from connector.testing.contracts.ledger_world import Opens


@pytest.fixture
def opens(ledger_url: str, tmp_path: Path) -> Iterator[Opens]:
    """Opens the ledger at the URL that the class gives; all are closed at the end."""
    settings = Settings(state_dir=tmp_path, ledger_url=ledger_url)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(open_ledger(settings))


@pytest.fixture
def memory(opens: Opens) -> Memory:
    """The ledger, opened once."""
    return opens()


class TestSqlite(LedgerContract):
    """A file."""

    @pytest.fixture
    def ledger_url(self, tmp_path: Path) -> str:
        return fresh_file(tmp_path)


class TestPostgresql(LedgerContract):
    """A server."""

    @pytest.fixture
    def ledger_url(self) -> str:
        return fresh_ledger()
