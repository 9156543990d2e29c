"""Reads usage in bulk: Arrow batches parsed by SQL, so that a million rows take seconds and bounded memory.

The rules for numbers, dates and words are those of `values`, written in SQL; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from connector.adapters.sources.files.reading import (
    Where,
    check_columns,
    open_parquet,
    signed,
    text_rows,
    wrong_encoding,
)
from connector.adapters.sources.files.values import SPACES
from connector.domain.billing import FileSet
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.errors import SourceDataError
from connector.ports.billing import Page, Rejected, UsagePart

BLOCK_BYTES = 16 << 20
CHUNK = 200_000
ENDS = timedelta(days=1)


def usage_pages(
    path: Path, files: FileSet, origin: str, where: Where, now: datetime, lag_hours: int, initial: bool
) -> Iterator[Page]:
    """Pages of one file; the first takes the place of what the file gave before."""
    parser = _Parser(files, path, now, lag_hours)
    fresh = True
    yield Page("usage", anew=f"{path.name}:")
    for batch, broken in _batches(path, files, where):
        table, rejected = parser.parse(batch)
        part = UsagePart(origin, table, files.combine, files.outside_subscription, fresh)
        yield Page("usage", usage=part, rejected=[*broken, *rejected], initial=initial)
        fresh = False


def _batches(path: Path, files: FileSet, where: Where) -> Iterator[tuple[pa.Table, list[Rejected]]]:
    """Tables of text, with `line` as the number of each row's line."""
    match files.format:
        case "csv":
            try:
                yield from _csv_batches(path, files, where)
            except (UnicodeDecodeError, pa.ArrowInvalid) as wrong:
                raise _unreadable(wrong, path, files, where) from None
        case "parquet":
            first = 1
            for batch in open_parquet(path, files, where).iter_batches(CHUNK):
                yield _numbered(pa.table(batch), list(range(first, first + batch.num_rows))), []
                first += batch.num_rows
        case "jsonl":
            yield from _jsonl_batches(path, files, where)


def _csv_batches(path: Path, files: FileSet, where: Where) -> Iterator[tuple[pa.Table, list[Rejected]]]:
    broken: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        broken.append((row.number, row.text))
        return "skip"

    with path.open(encoding=signed(files.encoding), newline="") as opened:
        header = opened.readline().rstrip("\r\n")
    names = [name.strip().strip('"') for name in header.split(files.delimiter)]
    check_columns(names, files, path, where)
    try:
        reader = _open(path, files, names, skip)
    except pa.ArrowInvalid as invalid:
        if "Empty" in str(invalid):  # a header and nothing else
            return
        raise
    line, told = 2, 0
    for batch in reader:
        # A broken row was skipped where it stood; later rows stand one line further down. pyarrow reads ahead, so
        # rows of the next batch may be among the broken already.
        skipped = {number for number, _ in broken}
        ahead = sum(number >= line for number in skipped)
        span = range(line, line + batch.num_rows + ahead)
        lines = [number for number in span if number not in skipped][: batch.num_rows]
        line = lines[-1] + 1 if lines else line
        aside = [_broken(path, number, text) for number, text in broken[told:]]
        told = len(broken)
        yield _numbered(pa.table(batch), lines), aside
    if broken[told:]:
        aside = [_broken(path, number, text) for number, text in broken[told:]]
        yield _numbered(reader.schema.empty_table(), []), aside


def _open(path: Path, files: FileSet, names: list[str], skip: Callable[[Any], str]) -> Any:
    return pacsv.open_csv(
        path,
        # One thread, so that pyarrow knows the line of a row it cannot read.
        read_options=pacsv.ReadOptions(
            block_size=BLOCK_BYTES, encoding=files.encoding, use_threads=False, column_names=names, skip_rows=1
        ),
        parse_options=pacsv.ParseOptions(delimiter=files.delimiter, invalid_row_handler=skip),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _unreadable(wrong: Exception, path: Path, files: FileSet, where: Where) -> SourceDataError:
    if isinstance(wrong, UnicodeDecodeError) or "UTF8" in str(wrong):
        return wrong_encoding(path, files, where)
    return SourceDataError(
        f"{path.name} cannot be read as CSV: {str(wrong).splitlines()[0]}",
        at=where.place("files"),
        hint="is it text? A workbook is saved as CSV first",
    )


def _jsonl_batches(path: Path, files: FileSet, where: Where) -> Iterator[tuple[pa.Table, list[Rejected]]]:
    wanted = sorted({*files.columns.values(), *files.where})
    rows: list[dict[str, Any]] = []
    broken: list[Rejected] = []

    def table() -> pa.Table:
        kinds = pa.schema([("line", pa.int64()), *((name, pa.string()) for name in wanted)])
        return pa.Table.from_pylist(rows, schema=kinds)

    for row in text_rows(path, files, where):
        if row.values is None:
            broken.append(_broken(path, row.line, row.text))
            continue
        rows.append({"line": row.line, **{name: row.values.get(name, "") for name in wanted}})
        if len(rows) == CHUNK:
            yield table(), broken
            rows, broken = [], []
    yield table(), broken


def _numbered(table: pa.Table, lines: list[int]) -> pa.Table:
    return table.append_column("line", pa.array(lines, pa.int64()))


def _broken(path: Path, line: int, text: str) -> Rejected:
    place = f"{path.name}:{line}"
    reason = Reason.MALFORMED_ROW
    return Rejected("usage", place, reason, f"{place}: it cannot be read as a row; {reason.cure}", {"text": text})


class _Parser:
    """Turns text into usage with one SQL statement per batch."""

    def __init__(self, files: FileSet, path: Path, now: datetime, lag_hours: int) -> None:
        self._files = files
        self._path = path
        self._lag = lag_hours
        self._latest_day = (now + ENDS).date()
        self._kinds: Mapping[str, pa.DataType] = {}
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
        self._connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")

    def parse(self, batch: pa.Table) -> tuple[pa.Table, list[Rejected]]:
        """Usage rows, and those that are set aside with the reason why."""
        self._kinds = dict(zip(batch.schema.names, batch.schema.types, strict=True))
        self._connection.register("batch", _encoded(batch))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE parsed AS {self._parsing()}")
        broken = self._connection.execute(
            "SELECT line, reason, payload FROM parsed WHERE reason IS NOT NULL"
        ).fetchall()
        good = self._connection.execute(self._usage()).to_arrow_table()
        return good, [self._rejected(*row) for row in broken]

    def _rejected(self, line: int, reason: str, payload: str) -> Rejected:
        place = f"{self._path.name}:{line}"
        why = Reason(reason)
        return Rejected("usage", place, why, f"{place}: {why.value.replace('_', ' ')}; {why.cure}", json.loads(payload))

    def _parsing(self) -> str:
        files = self._files
        value = self._number("value") if "value" in {*files.columns, *files.constants} else "1.0"
        wheres = [
            f"trim({_name(column)}) IN ({', '.join(_quote(one) for one in allowed)})"
            for column, allowed in files.where.items()
        ]
        wanted = sorted({*files.columns.values()})
        # Their columns travel under names of their own: one of them may be called like one of ours.
        theirs = ", ".join(f"{_name(column)} AS their_{at}" for at, column in enumerate(wanted))
        payload = ", ".join(f"{_quote(column)}, their_{at}" for at, column in enumerate(wanted))
        return f"""
            WITH told AS (
                SELECT line, {self._text("account_id")} AS account_id,
                    {self._text("subscription_id")} AS subscription_id,
                    {self._text("metric")} AS metric, {self._told_day()} AS told_day, {value} AS value,
                    {theirs}
                FROM batch WHERE {" AND ".join(wheres) or "true"}
            ), dated AS (SELECT *, {self._day()} AS day FROM told), judged AS (SELECT *, CASE
                WHEN account_id IS NULL AND subscription_id IS NULL THEN '{Reason.MISSING_ID}'
                WHEN metric IS NULL THEN '{Reason.BAD_VALUE}'
                WHEN day IS NULL THEN '{Reason.BAD_DATE}'
                WHEN value IS NULL THEN '{Reason.BAD_NUMBER}'
                WHEN value < 0 THEN '{Reason.NEGATIVE_QUANTITY}'
                WHEN day > DATE '{self._latest_day.isoformat()}' THEN '{Reason.FUTURE_DATE}'
            END AS reason FROM dated)
            SELECT line, account_id, subscription_id, metric, value, day, reason,
                CASE WHEN reason IS NOT NULL THEN json_object({payload}) END AS payload
            FROM judged"""  # noqa: S608 - names and words of the operator's own mapping, quoted

    def _usage(self) -> str:
        """Good rows; a month's number is spread over its days."""
        month = self._files.grain == "month"
        share = "/ day(last_day(parsed.day))" if month and self._files.combine == "sum" else ""
        days = ", LATERAL (SELECT unnest(generate_series(date_trunc('month', parsed.day), last_day(parsed.day), "
        days = f"{days} INTERVAL 1 DAY)) AS day) AS each_day" if month else ""
        known = "last_day(parsed.day)" if month else "parsed.day"
        return f"""
            SELECT {_quote(self._path.name + ":")} || line AS "at", account_id, subscription_id,
                CAST({"each_day" if month else "parsed"}.day AS DATE) AS day, metric,
                CAST(value AS DOUBLE) {share} AS value,
                CAST({known} AS TIMESTAMPTZ) + INTERVAL {24 + self._lag} HOUR AS known_at
            FROM parsed{days}
            WHERE reason IS NULL"""  # noqa: S608

    def _text(self, column: str) -> str:
        files = self._files
        theirs, constant = files.columns.get(column), files.constants.get(column)
        if theirs is None:
            return "NULL" if constant is None else _quote(constant)
        given = f"nullif(trim(CAST({_name(theirs)} AS VARCHAR), {_quote(SPACES)}), '')"
        given = given if constant is None else f"coalesce({given}, {_quote(constant)})"
        words = files.values.get(column)
        if words is None:
            return given
        cases = " ".join(f"WHEN {_quote(old)} THEN {_quote(new)}" for old, new in words.items() if old != "*")
        rest = given if words.get("*") == "*" else _quote(words["*"]) if "*" in words else "NULL"
        return f"CASE {given} {cases} ELSE {rest} END" if cases else rest

    def _typed(self, column: str, *kinds: Callable[[pa.DataType], bool]) -> str | None:
        """The name of their column, if the file itself gives it a type and the mapping adds nothing to it."""
        files = self._files
        theirs = files.columns.get(column)
        if theirs is None or column in files.constants or column in files.values:
            return None
        return _name(theirs) if any(kind(self._kinds[theirs]) for kind in kinds) else None

    def _number(self, column: str) -> str:
        typed = self._typed(column, pa.types.is_floating, pa.types.is_integer)
        if typed is not None:
            return f"CASE WHEN isfinite(CAST({typed} AS DOUBLE)) THEN CAST({typed} AS DOUBLE) END"
        marks = set(SPACES if set(self._files.thousands) & set(SPACES) else "") | set(self._files.thousands)
        plain = f"trim(regexp_replace({self._text(column)}, '[€$£¥]', '', 'g'), {_quote(SPACES)})"
        for mark in sorted(marks):
            plain = f"replace({plain}, {_quote(mark)}, '')"
        plain = f"replace({plain}, {_quote(self._files.decimal)}, '.')"
        # TRY_CAST alone would take "1e5", "nan" and "1_000".
        return f"CASE WHEN regexp_full_match({plain}, '[+-]?\\d+(\\.\\d+)?') THEN TRY_CAST({plain} AS DOUBLE) END"

    def _told_day(self) -> str:
        return self._typed("day", pa.types.is_date) or self._text("day")

    def _day(self) -> str:
        if self._typed("day", pa.types.is_date):
            return "CAST(told_day AS DATE)"
        zoned = [form for form in self._files.dates if "%z" in form.lower()]
        plain = [form for form in self._files.dates if form not in zoned]
        tries = [f"CAST(try_strptime(told_day, [{', '.join(map(_quote, plain))}]) AS DATE)"] if plain else []
        if zoned:
            forms = ", ".join(map(_quote, zoned))
            tries.append(f"CAST(try_strptime(told_day, [{forms}]) AS DATE)")
        return f"coalesce({', '.join(tries)}, NULL)"


def _encoded(batch: pa.Table) -> pa.Table:
    """The same table with texts as dictionaries: DuckDB then trims and parses each distinct text once."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_string(field.type):
            batch = batch.set_column(place, field.name, batch.column(place).dictionary_encode())
    return batch


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
