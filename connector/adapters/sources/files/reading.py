"""Opens files: which ones a pattern means, whether they changed, and their rows with line numbers.

Rows are text as written; what a number or a date looks like is the next step's business.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from glob import glob, has_magic
from hashlib import file_digest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connector.domain.billing import FileSet
from connector.domain.errors import SourceDataError

CHUNK = 20_000


@dataclass(frozen=True)
class TextRow:
    """A row as written; `values` is None when it has another number of fields than the header."""

    line: int
    values: Mapping[str, str] | None
    text: str = ""


At = Callable[..., str | None]
"""Where a part of the mapping stands: file:line:column."""


def nowhere(*_loc: str | int) -> None:
    """Say nothing: the mapping is in no file."""


@dataclass(frozen=True)
class Where:
    """One file set of the mapping, to point at what is to blame."""

    at: At
    stream: str
    number: int

    def place(self, *loc: str | int) -> str | None:
        """file:line:column of a part of the file set, or of the nearest part around it that is written."""
        return self.at(self.stream, self.number, *loc)

    def column(self, files: FileSet, theirs: str) -> str | None:
        """Where one of their columns is named."""
        ours = next((ours for ours, column in files.columns.items() if column == theirs), None)
        return self.place("where", theirs) if ours is None else self.place("columns", ours)


def paths(files: FileSet, folder: Path, where: Where) -> Sequence[Path]:
    """Files that the patterns mean, sorted; a named file that is missing is an error, an empty pattern is not."""
    found: list[Path] = []
    for number, pattern in enumerate(files.files):
        full = str(folder / pattern)
        if has_magic(pattern):
            found.extend(Path(path) for path in sorted(glob(full, recursive=True)))
        elif Path(full).is_file():
            found.append(Path(full))
        else:
            raise SourceDataError(
                f"there is no file {full}",
                at=where.place("files", number),
                hint="put the file there, mend `files` in the mapping, or set CONNECTOR_FILES_DIR",
            )
    return list(dict.fromkeys(found))


def fingerprint(path: Path, known: Mapping[str, object] | None) -> Mapping[str, object]:
    """Size, time and content hash; the content is read only when size or time differ from what is known."""
    state = path.stat()
    if known is not None and known.get("size") == state.st_size and known.get("mtime_ns") == state.st_mtime_ns:
        return known
    with path.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "hash": digest}


def check_columns(header: Sequence[str], files: FileSet, path: Path, where: Where) -> None:
    """Raise SourceDataError for the first column that the mapping names and the file lacks."""
    for column in (*files.columns.values(), *files.where):
        if column not in header:
            what = f"{path.name} has no column {column!r}"
            raise SourceDataError(what, at=where.column(files, column), hint=_cure(column, header))


def _cure(column: str, header: Sequence[str]) -> str:
    if not any(header):
        return "the file is empty: it has not even a header"
    if len(header) == 1 and re.search(r"[,;\t|]", header[0]):
        return f"its first line reads as one column, {header[0]!r}: set `delimiter`"
    close = get_close_matches(column, header, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"mend the mapping; the file has: {', '.join(header)}"


def wrong_encoding(path: Path, files: FileSet, where: Where) -> SourceDataError:
    """What to say when bytes are no text in the encoding that the mapping names."""
    return SourceDataError(
        f"{path.name} is not written in {files.encoding}",
        at=where.place("encoding"),
        hint="set `encoding` in the mapping (Excel in western Europe writes cp1252); a workbook is saved as CSV first",
    )


def open_parquet(path: Path, files: FileSet, where: Where) -> pq.ParquetFile:
    """Open a Parquet file that has the mapped columns."""
    try:
        opened = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise SourceDataError(
            f"{path.name} is no Parquet file",
            at=where.place("format"),
            hint="write it anew if it was cut off, or mend `format` in the mapping",
        ) from None
    check_columns(opened.schema_arrow.names, files, path, where)
    return opened


def text_rows(path: Path, files: FileSet, where: Where) -> Iterator[TextRow]:
    """Rows of a file, in order, in bounded memory."""
    match files.format:
        case "csv":
            yield from _csv(path, files, where)
        case "jsonl":
            yield from _jsonl(path, files, where)
        case "parquet":
            line = 0
            for batch in open_parquet(path, files, where).iter_batches(CHUNK):
                for row in batch.to_pylist():
                    line += 1
                    yield TextRow(line, {name: _text(value) for name, value in row.items()})


def kept(row: TextRow, files: FileSet) -> bool:
    """Tell whether the mapping's `where` reads this row."""
    values = row.values
    return values is None or all(values.get(column, "").strip() in allowed for column, allowed in files.where.items())


def _csv(path: Path, files: FileSet, where: Where) -> Iterator[TextRow]:
    try:
        with path.open(encoding=signed(files.encoding), newline="") as opened:
            reader = csv.reader(opened, delimiter=files.delimiter)
            header = [name.strip() for name in next(reader, [])]
            check_columns(header, files, path, where)
            for fields in reader:
                if not fields:
                    continue
                fits = len(fields) == len(header)
                yield TextRow(
                    reader.line_num,
                    dict(zip(header, fields, strict=True)) if fits else None,
                    files.delimiter.join(fields),
                )
    except UnicodeDecodeError:
        raise wrong_encoding(path, files, where) from None
    except csv.Error as broken:
        raise SourceDataError(
            f"{path.name} cannot be read as CSV: {broken}",
            at=where.place("files"),
            hint="is it text? A workbook is saved as CSV first; a quote that never ends swallows the rest of a file",
        ) from None


def _jsonl(path: Path, files: FileSet, where: Where) -> Iterator[TextRow]:
    # Rows of JSON may lack a column that has no value, so a missing one is empty, not an error.
    wanted = {*files.columns.values(), *files.where}
    try:
        with path.open(encoding=signed(files.encoding)) as opened:
            for number, text in enumerate(opened, 1):
                if text.strip():
                    yield _json_row(number, text, wanted)
    except UnicodeDecodeError:
        raise wrong_encoding(path, files, where) from None


def _json_row(number: int, text: str, wanted: set[str]) -> TextRow:
    try:
        row = json.loads(text)
        return TextRow(number, {name: _text(row.get(name)) for name in {*wanted, *row}})
    except (ValueError, AttributeError, TypeError):
        return TextRow(number, None, text.strip())


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def signed(encoding: str) -> str:
    """Name the encoding to read with."""
    # Excel starts its UTF-8 files with a byte order mark.
    return "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
