r"""Rows of a Bulk API 2.0 job as CSV, and its result files as rows.

Decided here: lines end with `\n`, because canonical texts break theirs so, and another line break inside a quoted cell
fails a whole job; columns come in one order, the identifying one first, so that equal jobs are equal bytes. An empty
cell leaves a field as it is; `#N/A` empties it. A row that these rules cannot carry is None.

Source: Bulk API 2.0 Developer Guide, "Prepare CSV Files", "Valid CSV Record Rows", "Valid Date Format in Records".
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from connector.adapters.crms.values import number_text

NULL = "#N/A"
_LONGEST_CELL = 32_000
_LONGEST_ROW = 400_000
Cells = Mapping[str, str]


def cells(fields: Mapping[str, Any]) -> Cells | None:
    """Write the wire values of one record as cells."""
    row = {name: _cell(value) for name, value in fields.items()}
    is_ambiguous = any(value == NULL for value in fields.values())
    too_long = max(map(len, row.values()), default=0) > _LONGEST_CELL or sum(map(len, row.values())) > _LONGEST_ROW
    return None if is_ambiguous or too_long else row


def _cell(value: Any) -> str:
    if value is None or value == "":
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return str(value).replace("\r\n", "\n").replace("\r", "\n")


def table(records: Sequence[Cells], first: str, room: int) -> tuple[bytes, int]:
    """Write a header and as many records as there is room for, in their order; say how many those are."""
    names = [first, *sorted({name for record in records for name in record} - {first})]
    lines = [_line(names)]
    left = room - len(lines[0])
    for record in records:
        one = _line([record.get(name, "") for name in names])
        left -= len(one)
        if left < 0:
            break
        lines.append(one)
    return b"".join(lines), len(lines) - 1


def _line(values: Sequence[str]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def rows(text: str) -> Iterator[dict[str, str]]:
    """Read a result file; a last line that was cut off lacks cells."""
    for row in csv.DictReader(StringIO(text, newline="")):
        yield {name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
