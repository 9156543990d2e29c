"""The public RavenStack set, which nobody here shaped, read by a mapping of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing_bench import Bench

from connector.adapters.sources.files import FilesSource
from connector.adapters.warehouse import DuckWarehouse
from connector.compute.mrr import tie
from connector.config.yamldoc import load
from connector.domain.billing import FilesMapping
from connector.services.pull import Pulled

MAPPING = Path(__file__).resolve().parents[2] / "data" / "ravenstack" / "files.yaml"
AS_OF = datetime(2024, 12, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def mapping() -> FilesMapping:
    return load(MAPPING, FilesMapping).value


@pytest.fixture(scope="module")
def loaded(public_data: Path, mapping: FilesMapping) -> Iterator[tuple[Bench, FilesSource, Pulled]]:
    bench = Bench(DuckWarehouse())
    source = FilesSource(mapping, public_data)
    yield bench, source, bench.pull(source, AS_OF)
    bench.warehouse.close()


def test_ravenstack_loads_whole(loaded: tuple[Bench, FilesSource, Pulled]) -> None:
    """Accounts, subscriptions, usage and events all arrive; usage of one account, day and metric is one number."""
    _, _, pulled = loaded

    rows = {table: count for table, count in pulled.rows.items() if count}
    # 13 subscriptions start the day they end, and so have no version.
    assert rows == {
        "accounts": 500,
        "subscriptions": 5000,
        "subscription_item_versions": 4987,
        "usage": 24981,
        "events": 695,
    }
    assert pulled.quarantined == {}


def test_ravenstack_usage_outside_its_subscription_is_told(loaded: tuple[Bench, FilesSource, Pulled]) -> None:
    """78 % of the usage lies outside its subscription's dates, and the run says so."""
    _, _, pulled = loaded

    assert pulled.warnings == (
        "files: 19432 of 25000 usage rows lie outside their subscription's dates; they are kept",
    )


def test_ravenstack_usage_outside_its_subscription_can_be_set_aside(public_data: Path, mapping: FilesMapping) -> None:
    """The mapping may ask to set such rows aside; each is counted with its reason and its line."""
    strict = replace(mapping, usage=[replace(mapping.usage[0], outside_subscription="quarantine")], events=())
    bench = Bench(DuckWarehouse())

    pulled = bench.pull(FilesSource(strict, public_data), AS_OF)

    assert pulled.quarantined == {"outside_subscription": 19432}
    assert pulled.changed["usage"] == 25000 - 19432
    assert bench.rows("quarantine")[0]["row"].startswith("ravenstack_feature_usage.csv:")


def test_ravenstack_overlapping_plans_all_count(loaded: tuple[Bench, FilesSource, Pulled]) -> None:
    """An account with several plans at once keeps every one of them, and MRR ties to the raw column."""
    bench, source, _ = loaded

    tied = tie(bench.warehouse, [source], AS_OF)

    assert tied.ours == tied.source == {"USD": 1_015_960_800}
    assert tied.difference == {}
    assert tied.unmapped == {}


def test_ravenstack_read_again_changes_nothing(loaded: tuple[Bench, FilesSource, Pulled]) -> None:
    """Unchanged files are not read a second time."""
    bench, source, _ = loaded

    again = bench.pull(source, AS_OF)

    assert again.changed == {}
    assert again.rows["usage"] == 24981
