"""PAIRS and HOLDINGS as files: read, checked, and every mistake told with its place and its cure.

CSV and Parquet are read alike. A file is read as a whole to fit a card and piece by piece to score, so that scoring
half a million accounts takes no more memory than scoring a thousand.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from connector.domain.errors import SourceDataError

KEYS = ("account_id", "offer_id")
ADOPTED, AS_OF, PRIOR, SINCE = "adopted", "as_of", "prior", "since"
OWN = (*KEYS, ADOPTED, AS_OF, PRIOR)
NO_VALUE = ("", " ", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null")
PIECE_BYTES, PIECE_ROWS = 4 << 20, 32_768
FORMATS = "CSV (.csv) or Parquet (.parquet)"


def is_csv(path: Path) -> bool:
    """Tell a CSV from a Parquet file by its name; raise for anything else, or when there is none."""
    if not path.is_file():
        raise SourceDataError("there is no such file", at=str(path), hint="name a file that exists")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".txt", ".tsv"):
        return True
    if suffix in (".parquet", ".pq"):
        return False
    raise SourceDataError(f"{suffix or 'no suffix'} is no format we read", at=str(path), hint=FORMATS)


def read_whole(path: Path, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Read a file at once; types are given where they are known, else found."""
    with told(path, types):
        if is_csv(path):
            parse, convert = _parse(path), _convert({**_texts(path), **types})
            return pacsv.read_csv(path, parse_options=parse, convert_options=convert)
        return pq.read_table(path)


def read_pieces(path: Path, types: Mapping[str, pa.DataType]) -> Iterator[pa.Table]:
    """Read a file in pieces."""
    with told(path, types):
        if is_csv(path):
            reading = pacsv.ReadOptions(block_size=PIECE_BYTES)
            convert = _convert({**_texts(path), **types})
            pieces = pacsv.open_csv(path, reading, parse_options=_parse(path), convert_options=convert)
        else:
            pieces = pq.ParquetFile(path).iter_batches(PIECE_ROWS)
        for piece in pieces:
            yield pa.Table.from_batches([piece])


def header_of(path: Path) -> list[str]:
    """Read the names of the columns."""
    if not is_csv(path):
        with told(path, {}):
            return list(pq.read_schema(path).names)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline().rstrip("\r\n")
    return [name.strip().strip('"') for name in line.split(_delimiter(path))]


def check_columns(path: Path, wanted: Sequence[str], what: str) -> list[str]:
    """Raise when a column is missing or there twice."""
    names = header_of(path)
    for name in wanted:
        if name not in names:
            told_ = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise SourceDataError(
                f"column {name!r} is missing", at=f"{path}:1", hint=f"{what}; the file has {told_ or 'no columns'}"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceDataError(f"column {twice[0]!r} is there twice", at=f"{path}:1", hint="rename or drop one of them")
    return names


def place(path: Path, row: int) -> str:
    """Name the place of a row: its line in a CSV, its number in a Parquet file."""
    return f"{path}:{row + 2}" if is_csv(path) else f"{path}:row {row + 1}"


def _texts(path: Path) -> dict[str, pa.DataType]:
    """Ids are texts, even where they look like numbers; outcomes are checked by us."""
    return {name: pa.string() for name in (*KEYS, ADOPTED, AS_OF, SINCE) if name in header_of(path)}


def _convert(types: Mapping[str, pa.DataType]) -> pacsv.ConvertOptions:
    return pacsv.ConvertOptions(column_types=dict(types), null_values=list(NO_VALUE), strings_can_be_null=True)


def _parse(path: Path) -> pacsv.ParseOptions:
    return pacsv.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True)


def _delimiter(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
    return max((",", ";", "\t"), key=line.count)


@contextmanager
def told(path: Path, types: Mapping[str, pa.DataType]) -> Iterator[None]:
    """Turn what a reader complains about into an error with its place."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeDecodeError) as error:
        at, message = _where(path, types, str(error))
        hint = "mend the value, or leave it empty" if at != str(path) else f"is this really {FORMATS}?"
        raise SourceDataError(message, at=at, hint=hint) from error


def _where(path: Path, types: Mapping[str, pa.DataType], message: str) -> tuple[str, str]:
    """Find the first row of another length, or value that is not of its column's type."""
    if is_csv(path):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file, delimiter=_delimiter(path))
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    return f"{path}:{rows.line_num}", f"{len(row)} values, where the header names {len(header)} columns"
                for name, value in zip(header, row, strict=False):
                    if pa.types.is_floating(types.get(name, pa.null())) and not _is_number(value):
                        return f"{path}:{rows.line_num}", f"column {name!r} holds numbers, not {value!r}"
    return str(path), message.splitlines()[0][:200]


def _is_number(value: str) -> bool:
    if value in NO_VALUE:
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True


def first_where(mask: pa.ChunkedArray | pa.Array) -> int | None:
    """Number of the first row for which a mask is true."""
    found = pc.index(mask, True).as_py()
    return None if found < 0 else int(found)
