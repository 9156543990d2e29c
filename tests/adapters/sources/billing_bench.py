"""What tests of the sources share: a warehouse in memory, and pulls at a given time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.warehouse import DuckWarehouse
from connector.ports.billing import BillingSource
from connector.services.pull import Pulled, pull_and_stage

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class Bench:
    """A warehouse with the words tests use."""

    warehouse: DuckWarehouse

    def pull(self, source: BillingSource, now: datetime = NOW) -> Pulled:
        return pull_and_stage([source], self.warehouse, now)

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """What is believed now."""
        return [row for row in self.versions(table, **equal) if row.get("known_to") is None]

    def versions(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """What is and was believed."""
        found = self.warehouse.execute(self.warehouse.tables()[table]).to_pylist()
        return [row for row in found if all(row[name] == value for name, value in equal.items())]

    def reasons(self) -> dict[str, int]:
        return dict(self.warehouse.counts()[1])


@pytest.fixture
def bench() -> Iterator[Bench]:
    warehouse = DuckWarehouse()
    yield Bench(warehouse)
    warehouse.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@dataclass
class FakeClock:
    """Elapsed time that passes only by sleeping."""

    at: float = 1_000.0
    slept: float = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of lines into the folder of billing files."""

    def written(name: str, *lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
        return path

    return written
