"""Every fact of the adapter is proven on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from filled_ledger import fresh_file
from postgres import fresh_database, fresh_ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger."""
    return fresh_ledger() if request.param == "postgresql" else fresh_file(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def untouched(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: nothing has opened it yet."""
    return fresh_database() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'ledger.db'}"
