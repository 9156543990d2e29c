"""What the files source says when files, folders or columns are not there, gone, moved, or written otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing_bench import Bench
from files_bench import ACCOUNTS, SUBSCRIPTIONS, USAGE, Write, source, two_accounts

from connector.adapters.sources.files import FilesSource
from connector.config.yamldoc import load
from connector.domain.billing import FilesMapping
from connector.domain.errors import SourceDataError


def test_a_column_that_is_not_there_names_the_mapping_line(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A mapped column that the file lacks is an error with the mapping's line and the nearest name."""
    write("accounts.csv", "id,name,email,curency", "a1,Alpha,,EUR")
    mapping = write("files.yaml", "accounts:", "  - files: [accounts.csv]", "    columns: {currency: currency}")
    document = load(mapping, FilesMapping)
    files = FilesSource(document.value, tmp_path, document.at)

    with pytest.raises(SourceDataError, match=r"files\.yaml:3:15: accounts\.csv has no column 'currency'[^$]*curency"):
        bench.pull(files)


def test_a_missing_file_says_so(bench: Bench, tmp_path: Path) -> None:
    """A file named without a wildcard has to be there."""
    with pytest.raises(SourceDataError, match=r"no file .*accounts\.csv"):
        bench.pull(source(tmp_path, accounts=ACCOUNTS))


def test_a_folder_that_is_not_there_is_an_error(bench: Bench, tmp_path: Path) -> None:
    """Wildcards would match nothing in it, and nothing would be told: the variable that names it is."""
    with pytest.raises(SourceDataError, match=r"CONNECTOR_FILES_DIR: there is no folder .*wrong[^$]*set it"):
        bench.pull(source(tmp_path / "wrong", accounts=replace(ACCOUNTS, files=["acc*.csv"])))


def test_a_stream_without_any_file_is_told_once(bench: Bench, write: Write, tmp_path: Path) -> None:
    """Its patterns are named in one warning; a stream of which one set matches is complete as it is."""
    two_accounts(write)
    archive = replace(ACCOUNTS, files=["old*.csv"])
    sets = [replace(USAGE, files=["usage*.csv"]), replace(USAGE, files=["usage*.csv", "use/*.csv"])]
    files = FilesSource(FilesMapping(accounts=[archive, ACCOUNTS], usage=sets), tmp_path)

    first, second = bench.pull(files).warnings, bench.pull(files).warnings

    assert first == second
    assert [one for one in first if "no file" in one] == [
        f"files: no file matches usage*.csv, use/*.csv in {tmp_path}: nothing new of usage"
    ]


def test_a_file_that_is_gone_is_told_once(bench: Bench, write: Write, tmp_path: Path) -> None:
    """What it told stays; when it comes back it is read again, and that changes nothing."""
    two_accounts(write)
    usage = [write(f"usage-{at}.csv", "account,day,metric,value", f"a1,2026-05-0{at},docs,7") for at in (1, 2)]
    files = source(tmp_path, accounts=ACCOUNTS, usage=USAGE)
    bench.pull(files)
    usage[0].rename(tmp_path / "away.csv")

    gone, still_gone = bench.pull(files).warnings, bench.pull(files).warnings
    (tmp_path / "away.csv").rename(usage[0])
    back = bench.pull(files).warnings

    told = "files: usage-1.csv is gone; the usage read from there still count"
    assert (told in gone, told in still_gone, told in back) == (True, False, False)
    assert [row["value"] for row in bench.rows("usage")] == [7, 7]


def test_a_folder_that_moved_has_lost_nothing(bench: Bench, write: Write, tmp_path: Path) -> None:
    """Files are told as gone by their names, wherever the folder is."""
    two_accounts(write)
    bench.pull(source(tmp_path, accounts=ACCOUNTS))
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "accounts.csv").rename(moved / "accounts.csv")

    assert bench.pull(source(moved, accounts=ACCOUNTS)).warnings == ()


def test_a_wrong_encoding_says_which(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A file in another encoding is an error that names the setting, not a row of odd letters."""
    write("accounts.csv", "id,name,email,currency", "a1,Crêperie,,EUR", encoding="cp1252")

    with pytest.raises(SourceDataError, match=r"not written in utf-8[^$]*cp1252"):
        bench.pull(source(tmp_path, accounts=ACCOUNTS))


def test_a_mended_mapping_rebuilds(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A changed mapping is applied to what was landed before."""
    two_accounts(write)
    write("subscriptions.csv", "id,account,seats,mrr,start,end", "s1,a1,5,50,01.02.2026,")
    bench.pull(source(tmp_path, accounts=ACCOUNTS, subscriptions=SUBSCRIPTIONS))
    assert bench.reasons() == {"bad_date": 1}

    bench.pull(source(tmp_path, accounts=ACCOUNTS, subscriptions=replace(SUBSCRIPTIONS, dates=["%d.%m.%Y"])))

    assert bench.reasons() == {}
    assert bench.rows("subscriptions")[0]["started_at"] == datetime(2026, 2, 1, tzinfo=UTC)
