"""One CSV settles many links: read as spreadsheets write it, checked whole, stored whole or not at all.

Decided here: a row decides something only if it names a CRM account or a person; a row with neither is one that nobody
has filled in yet, and stays open. So the file that `link suggest --csv` writes can be imported at any time. A person
who is named beside no CRM account says that there is none. Two rows that contradict each other are both refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.account import CrmAccount
from connector.domain.cells import STARTS, cell
from connector.domain.change import RecordType
from connector.domain.errors import ConfigError, Problem
from connector.domain.link import LinkDecision
from connector.domain.mapping import CrmMapping
from connector.ports.ledger import Links, Mirror
from connector.services.links import Candidate, LinkRow, decided_by_person, near
from connector.services.world import crm_accounts, survivors

COLUMNS = ("billing_id", "crm_id", "by", "note")
NEEDED = ("billing_id", "crm_id")
TO_READ = ("billing_name", "state", "candidates")
"""What a person needs to fill the file in; an import passes over it."""
NONE = frozenset({"none", "null", "-", "–", "aucun"})
"""What people write for "belongs to no CRM account"."""
MOST_BYTES = 50_000_000
MOST_PROBLEMS = 50


@dataclass(frozen=True)
class Settled:
    """What a file decides: what it changes, what stands so already, and the rows nobody filled in."""

    changed: tuple[LinkDecision, ...]
    unchanged: int
    left_open: int
    followed: tuple[str, ...] = ()
    """CRM accounts the file names that were merged since: `old → survivor`."""


@dataclass(frozen=True)
class _Row:
    line: int
    billing_id: str
    crm_id: str | None
    by: str
    note: str


def read_file(
    content: bytes,
    name: str,
    links: Links,
    mirror: Mirror,
    destination: str,
    mapping: CrmMapping,
    now: datetime,
    by: str = "",
) -> Settled:
    """Check a file against the ledger, and give what it decides; raise ConfigError with every bad row."""
    reader = _Reader(name, by)
    rows, left_open = reader.rows(content)
    known = {decision.billing_id: decision for decision in links.all(destination)}
    records = mirror.records(destination, RecordType.ACCOUNT)
    accounts, merged = crm_accounts(records, mapping), survivors(records)
    decided: dict[str, tuple[_Row, LinkDecision]] = {}
    for row in rows:
        reader.check(row, known, accounts, merged)
        if row.billing_id in known and row.by:
            crm_id = merged.get(row.crm_id or "", row.crm_id)
            new = decided_by_person(known[row.billing_id], crm_id, row.by, now, row.note)
            reader.check_twice(row, new, decided.get(row.billing_id))
            decided.setdefault(row.billing_id, (row, new))
    reader.refuse()
    changed = [new for _, new in decided.values() if not _stands(new, known[new.billing_id])]
    followed = sorted({f"{row.crm_id} → {merged[row.crm_id]}" for row in rows if row.crm_id in merged})
    return Settled(tuple(changed), len(decided) - len(changed), left_open, tuple(followed))


def rows_to_fill_in(rows: list[LinkRow]) -> Iterator[tuple[str, ...]]:
    """Give the lines of a file for a person to fill in, its heading first."""
    yield (*COLUMNS, *TO_READ)
    for row in rows:
        candidates = " | ".join(map(why, row.weighed)) or " | ".join(one.id for one in row.candidates)
        yield tuple(str(cell(one)) for one in (row.billing_id, "", "", "", row.billing_name, row.state, candidates))


def why(one: Candidate) -> str:
    """Say in a line how likely a candidate is, and what speaks for and against it."""
    said = ", ".join(one.agrees) or "nothing agrees"
    but = f"; but {', '.join(one.differs)}" if one.differs else ""
    return f"{one.id} {one.name} ({one.score:.2f}: {said}{but})"


def _stands(new: LinkDecision, old: LinkDecision) -> bool:
    return old == replace(new, decided_at=old.decided_at)


class _Reader:
    """Reads one file and gathers what is wrong with it."""

    def __init__(self, name: str, by: str) -> None:
        self.name, self.by, self.problems = name, by.strip(), list[Problem]()

    def rows(self, content: bytes) -> tuple[list[_Row], int]:
        """Give the rows that decide something, and count those that nobody filled in."""
        lines = self._lines(content)
        _, heading = next(lines, (1, []))
        places = self._places(heading)
        found, left_open = [], 0
        for line, cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(heading):
                self._tell(
                    line, f"{len(cells)} cells under {len(heading)} headings", 'put "…" around a cell with a comma'
                )
                continue
            row = self._row(line, cells, places)
            if row is None:
                left_open += 1
            else:
                found.append(row)
        return found, left_open

    def check(
        self,
        row: _Row,
        known: Mapping[str, LinkDecision],
        accounts: Mapping[str, CrmAccount],
        merged: Mapping[str, str],
    ) -> None:
        """Note what is wrong with one row."""
        if not row.billing_id:
            self._tell(row.line, "no billing_id", "`connector link suggest --csv` writes them")
        elif row.billing_id not in known:
            hint = near(row.billing_id, list(known)[:20_000]) or "`connector link list` shows those that are known"
            self._tell(row.line, f"no billing account {row.billing_id}", hint)
        if row.crm_id is not None and merged.get(row.crm_id, row.crm_id) not in accounts:
            hint = (
                near(row.crm_id, list(accounts)[:20_000]) or "give the account's id, as the CRM's address bar shows it"
            )
            self._tell(row.line, f"no CRM account {row.crm_id}", hint)
        if not row.by:
            self._tell(row.line, "nobody named", 'fill in the column by, or give --by "Ana Ruiz" for the whole file')

    def check_twice(self, row: _Row, new: LinkDecision, before: tuple[_Row, LinkDecision] | None) -> None:
        """Refuse two rows that decide one account differently."""
        if before is not None and before[1].crm_id != new.crm_id:
            said = before[1].crm_id or "none"
            self._tell(row.line, f"{row.billing_id} is {said} in line {before[0].line}", "leave one of the two")

    def refuse(self) -> None:
        """Raise what was found, if anything was: then nothing of the file is stored."""
        if len(self.problems) > MOST_PROBLEMS:
            more = Problem(f"and {len(self.problems) - MOST_PROBLEMS} more", self.name, "mend these first")
            raise ConfigError([*self.problems[:MOST_PROBLEMS], more])
        if self.problems:
            raise ConfigError(self.problems)

    def _row(self, line: int, cells: list[str], places: Mapping[str, int]) -> _Row | None:
        def cell(column: str) -> str:
            place = places.get(column)
            text = cells[place].strip() if place is not None and place < len(cells) else ""
            return text[1:] if text.startswith("'") and text[1:].startswith(STARTS) else text

        crm_id, by = cell("crm_id"), cell("by")
        if not crm_id and not by:
            return None
        is_none = not crm_id or crm_id.casefold() in NONE
        return _Row(line, cell("billing_id"), None if is_none else crm_id, by or self.by, cell("note"))

    def _lines(self, content: bytes) -> Iterator[tuple[int, list[str]]]:
        text = self._text(content)
        heading = text.partition("\n")[0]
        delimiter = max(",;\t", key=heading.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            said = f"{error}"
            raise ConfigError(f"not CSV: {said}", f"{self.name}:{line}", "close every quotation mark") from error

    def _text(self, content: bytes) -> str:
        cure = "save it as CSV UTF-8"
        if len(content) > MOST_BYTES:
            raise ConfigError("larger than 50 MB", self.name, "split it")
        if content.startswith(b"PK\x03\x04"):
            raise ConfigError("an Excel workbook, not CSV", self.name, cure)
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise ConfigError(f"not {encoding.removesuffix('-sig').upper()}", f"{self.name}:{line}", cure) from error
        if "\0" in text:
            raise ConfigError("not text", f"{self.name}:{text[: text.index(chr(0))].count(chr(10)) + 1}", cure)
        return text

    def _places(self, heading: list[str]) -> dict[str, int]:
        names = [cell.strip().casefold() for cell in heading]
        for column in NEEDED:
            if names.count(column) != 1:
                said = f"no column {column}" if column not in names else f"two columns {column}"
                hint = f"the first line names the columns: {','.join(COLUMNS)}"
                raise ConfigError(said, f"{self.name}:1", hint)
        return {column: names.index(column) for column in COLUMNS if column in names}

    def _tell(self, line: int, message: str, hint: str) -> None:
        self.problems.append(Problem(message, f"{self.name}:{line}", hint))
