"""Usage from files whose columns have types: a Parquet number or day needs no marks and no formats to be read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from billing_bench import Bench

from connector.adapters.sources.files import FilesSource
from connector.domain.billing import FileSet, FilesMapping

ACCOUNTS = FileSet(files=["accounts.csv"], columns={"account_id": "id"})
USAGE = FileSet(
    files=["usage.parquet"],
    format="parquet",
    columns={"account_id": "account", "day": "day", "metric": "metric", "value": "value"},
    decimal=",",
    thousands=".",
    dates=["%d/%m/%Y"],
)


def _files(folder: Path, days: pa.Array, values: pa.Array) -> FilesSource:
    (folder / "accounts.csv").write_text("id\na1\n", encoding="utf-8")
    same = {"account": ["a1"] * len(values), "metric": ["seats"] * len(values)}
    pq.write_table(pa.table({**same, "day": days, "value": values}), folder / "usage.parquet")
    return FilesSource(FilesMapping(accounts=[ACCOUNTS], usage=[USAGE]), folder)


def test_typed_columns_need_no_marks_or_formats(bench: Bench, tmp_path: Path) -> None:
    """The mapping's marks and date formats are for text: they change no number and refuse no day that has a type."""
    days = pa.array([date(2026, 5, 1), date(2026, 5, 2)])

    pulled = bench.pull(_files(tmp_path, days, pa.array([1234.5, 1e16])))

    assert pulled.quarantined == {}
    assert {row["day"]: row["value"] for row in bench.rows("usage")} == {
        date(2026, 5, 1): 1234.5,
        date(2026, 5, 2): 1e16,
    }


def test_typed_columns_are_judged_like_text(bench: Bench, tmp_path: Path) -> None:
    """A number that is none, a negative one and an empty day are set aside, each with its reason."""
    days = pa.array([date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 3), None], pa.date32())

    pulled = bench.pull(_files(tmp_path, days, pa.array([float("nan"), -1.0, None, 4.0])))

    assert pulled.quarantined == {"bad_number": 2, "negative_quantity": 1, "bad_date": 1}
    assert bench.rows("usage") == []


def test_text_columns_keep_the_mapping(bench: Bench, tmp_path: Path) -> None:
    """Text in a Parquet file is still read with the mapping's marks and formats."""
    pulled = bench.pull(_files(tmp_path, pa.array(["01/05/2026"]), pa.array(["1.234,5"])))

    assert pulled.quarantined == {}
    assert [(row["day"], row["value"]) for row in bench.rows("usage")] == [(date(2026, 5, 1), 1234.5)]
