r"""CSV as Bulk API 2.0 reads and writes it: strict, where Python's reader forgives.

A space beside a quote spoils its row; cells are not trimmed; every line must end as the job says. That last check
looks inside quotes too: public reports tell of multi-line values with another line break than the job's that failed
the whole job, so a value may hold only the job's own line break (and a lone `\r` under CRLF).

Source: Bulk API 2.0 Developer Guide, "Prepare CSV Files", "Valid CSV Record Rows".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


def ends_lines_with(text: str, line_ending: str) -> bool:
    """Say whether no line break of a text is another than the job's."""
    wrong = r"\r" if line_ending == "LF" else r"(?<!\r)\n"
    return re.search(wrong, text) is None


def read(text: str, delimiter: str, line_ending: str) -> Iterator[tuple[str, ...] | str]:
    """Give the cells of each row; of a row that cannot be read, its text up to the next line break."""
    row, bare_line = _row_pattern(delimiter, line_ending), re.compile(rf"[^\n]*?(?:{LINE_ENDINGS[line_ending]}|\Z)")
    cell = re.compile(rf'"([^"]*(?:""[^"]*)*)"|([^"{re.escape(DELIMITERS[delimiter])}\n]*)')
    at = 0
    while at < len(text):
        found = row.match(text, at)
        if found is not None:
            yield tuple(_cells(cell, found[1]))
        else:
            found = bare_line.match(text, at)
            assert found is not None
            yield found[0].removesuffix(LINE_ENDINGS[line_ending])
        at = found.end()


@cache
def _row_pattern(delimiter: str, line_ending: str) -> re.Pattern[str]:
    split = re.escape(DELIMITERS[delimiter])
    cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"{split}\n]*?)'
    return re.compile(rf"({cell}(?:{split}{cell})*)(?:{LINE_ENDINGS[line_ending]}|\Z)")


def _cells(cell: re.Pattern[str], row: str) -> Iterator[str]:
    at = 0
    while True:
        found = cell.match(row, at)
        assert found is not None
        quoted, plain = found.groups()
        yield plain if quoted is None else quoted.replace('""', '"')
        if found.end() >= len(row):
            return
        at = found.end() + 1


def write(
    own: Sequence[str], header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, line_ending: str
) -> str:
    """Write a result file: Salesforce's own columns first, then those sent, every value in quotes."""
    split, end = DELIMITERS[delimiter], LINE_ENDINGS[line_ending]
    lines = [split.join([*map(_quoted, own), *header]), *(split.join(map(_quoted, row)) for row in rows)]
    return "".join(line + end for line in lines)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
