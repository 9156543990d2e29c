"""The documents we ship, and warehouses of a few rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tiny import Row, TinyWarehouse

from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue
from connector.domain.money import FxTable
from connector.domain.policy import GatesPolicy
from connector.domain.signal import Signals

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny() -> Callable[..., TinyWarehouse]:
    """Build a warehouse from rows by table."""

    def build(**rows: Sequence[Row]) -> TinyWarehouse:
        return TinyWarehouse(rows)

    return build


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue we ship."""
    return load(ROOT / "mappings" / "catalog.yaml", Catalogue).value


@pytest.fixture(scope="session")
def rules() -> Signals:
    """The signal rules we ship."""
    return load(ROOT / "playbooks" / "signals.yaml", Signals).value


@pytest.fixture(scope="session")
def policy() -> GatesPolicy:
    """The policy we ship."""
    return load(ROOT / "playbooks" / "policy.yaml", GatesPolicy).value


@pytest.fixture(scope="session")
def fx() -> FxTable:
    """The exchange rates we ship."""
    return load(ROOT / "mappings" / "fx.yaml", FxTable).value
