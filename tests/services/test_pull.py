"""Pull and stage: several sources, one warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.adapters.sources.files import FilesSource
from connector.adapters.warehouse import DuckWarehouse
from connector.domain.billing import FileSet, FilesMapping
from connector.domain.errors import SourceDataError
from connector.services.pull import pull_and_stage

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def source(folder: Path, name: str) -> FilesSource:
    files = FileSet(files=[f"{name}.csv"], columns={"account_id": "id", "currency": "currency"})
    return FilesSource(FilesMapping(name=name, accounts=[files]), folder)


def test_sources_stand_side_by_side(tmp_path: Path) -> None:
    """Rows of two sources share the tables and not their ids; counts and progress cover both."""
    (tmp_path / "one.csv").write_text("id,currency\na,EUR\nb,XXL\n")
    (tmp_path / "two.csv").write_text("id,currency\na,USD\n")
    warehouse, told = DuckWarehouse(), []

    pulled = pull_and_stage(
        [source(tmp_path, "one"), source(tmp_path, "two")], warehouse, NOW, lambda what, rows: told.append((what, rows))
    )

    held = warehouse.execute(warehouse.tables()["accounts"]).to_pylist()
    assert {(row["source"], row["account_id"], row["currency"]) for row in held} == {
        ("one", "a", "EUR"),
        ("two", "a", "USD"),
    }
    assert (pulled.rows["accounts"], pulled.quarantined, pulled.changed) == (
        2,
        {"unknown_currency": 1},
        {"accounts": 2},
    )
    assert pulled.api_calls == {"one": 0, "two": 0}
    assert ("one accounts", 2) in told


def test_a_failing_source_keeps_what_landed_before(tmp_path: Path) -> None:
    """When the second source cannot be read, the first is landed and staged, and the error comes through."""
    (tmp_path / "one.csv").write_text("id,currency\na,EUR\n")
    warehouse = DuckWarehouse()

    with pytest.raises(SourceDataError, match=r"two\.csv"):
        pull_and_stage([source(tmp_path, "one"), source(tmp_path, "two")], warehouse, NOW)

    assert warehouse.counts()[0]["accounts"] == 1


def test_one_source_may_tell_of_anothers_accounts(tmp_path: Path) -> None:
    """Usage and events in files find accounts that another source brought; unknown accounts are set aside."""
    (tmp_path / "one.csv").write_text("id,currency\na,EUR\n")
    (tmp_path / "usage.csv").write_text("id,day,value\na,2026-05-01,3\nghost,2026-05-01,4\n")
    (tmp_path / "events.csv").write_text("id,day\na,2026-05-01\nghost,2026-05-01\n")
    usage = FileSet(
        files=["usage.csv"],
        columns={"account_id": "id", "day": "day", "value": "value"},
        constants={"metric": "seats"},
    )
    events = FileSet(
        files=["events.csv"], columns={"account_id": "id", "occurred_at": "day"}, constants={"event": "docs_read"}
    )
    told = FilesSource(FilesMapping(name="told", usage=[usage], events=[events]), tmp_path)
    warehouse = DuckWarehouse()

    pulled = pull_and_stage([source(tmp_path, "one"), told], warehouse, NOW)

    assert (pulled.rows["usage"], pulled.rows["events"]) == (1, 1)
    assert pulled.quarantined == {"orphan_event": 1, "orphan_usage": 1}


@pytest.mark.parametrize(
    ("days", "now", "told"),
    [
        (["2026-05-25"], NOW, []),
        (["2026-05-24"], NOW, ["usage ends 2026-05-24, 8 days before 2026-06-01: signals speak of then, not of now"]),
        ([], NOW, ["no usage was told"]),
        (["2026-05-25"], datetime(2024, 1, 1, tzinfo=UTC), ["the data begins after 2024-01-01, the run's day"]),
    ],
)
def test_data_of_another_time_is_told(tmp_path: Path, days: list[str], now: datetime, told: list[str]) -> None:
    """Usage that ended more than a week before the run, none at all, and a run before all data are warnings."""
    (tmp_path / "one.csv").write_text("id,currency\na,EUR\n")

    pulled = pull_and_stage([source(tmp_path, "one"), usage_source(tmp_path, days)], DuckWarehouse(), now)

    assert list(pulled.warnings) == told


def test_a_run_of_the_past_measures_by_its_own_day(tmp_path: Path) -> None:
    """What was told of later days is no usage of then; before the first day the run is told where the data begins."""
    (tmp_path / "one.csv").write_text("id,currency\na,EUR\n")
    sources = [source(tmp_path, "one"), usage_source(tmp_path, ["2026-02-01", "2026-05-30"])]
    warehouse = DuckWarehouse()
    pull_and_stage(sources, warehouse, NOW)

    between = pull_and_stage(sources, warehouse, datetime(2026, 3, 1, tzinfo=UTC)).warnings
    before = pull_and_stage(sources, warehouse, datetime(2026, 1, 1, tzinfo=UTC)).warnings

    assert between == ("usage ends 2026-02-01, 28 days before 2026-03-01: signals speak of then, not of now",)
    assert before == ("the data begins 2026-02-01, after 2026-01-01, the run's day",)


def usage_source(folder: Path, days: list[str]) -> FilesSource:
    (folder / "usage.csv").write_text("\n".join(["id,day,value", *(f"a,{day},3" for day in days)]) + "\n")
    usage = FileSet(
        files=["usage.csv"],
        columns={"account_id": "id", "day": "day", "value": "value"},
        constants={"metric": "seats"},
    )
    return FilesSource(FilesMapping(name="told", usage=[usage]), folder)
