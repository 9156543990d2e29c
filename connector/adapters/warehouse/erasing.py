"""Takes one customer out of the warehouse.

Rows are found by what staging made of them, by their parent, and, where they could not be staged, by the customer's
own words. DuckDB keeps deleted rows in its file until their place is needed, so the whole database is written anew
afterwards and takes the old one's place in one step: a killed process leaves one of them, whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.adapters.warehouse.duck import OWNER_ONLY, DuckWarehouse, connect
from connector.compute.tables import TABLES
from connector.domain.customer import SHORT, Customer
from connector.ports.billing import Told

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
OWNED = [table for table, columns in TABLES.items() if "account_id" in columns]
WORDS = 200
"""Words in one pattern: the engine's memory for one is limited."""
PART = ".forgetting"
ACCOUNTS = ("accounts", "customers")
"""Streams whose rows are accounts, as long as none of theirs is staged."""


class DuckEraser:
    """A DuckDB file from which a customer is taken out; nothing else may have it open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        DuckWarehouse(path).close()  # makes the tables that an older one lacks

    def accounts(self) -> Mapping[str, str]:
        """Name every account that is known, by id."""
        with self._open() as db:
            rows = db.execute("SELECT account_id, coalesce(name, account_id) FROM accounts ORDER BY 1").fetchall()
        return dict(rows)

    def told_of(self, accounts: Collection[str]) -> Told:
        """Tell what else names these accounts."""
        with self._open() as db:
            ids = {"ids": sorted(accounts)}
            units: dict[str, set[str]] = {}
            for kind, id in _units(db, ids):
                units.setdefault(kind, set()).add(id)
            mine = db.execute("SELECT name, domain FROM accounts WHERE list_contains($ids, account_id)", ids).fetchall()
            others = "SELECT lower(name), lower(domain) FROM accounts WHERE NOT list_contains($ids, account_id)"
            shared = {text for row in db.execute(others, ids).fetchall() for text in row}
            names = {text for row in mine for text in row if text}
            names |= set(_own_addresses(db, units))
        kept = frozenset(name for name in names if name.casefold() not in shared)
        return Told({kind: frozenset(some) for kind, some in units.items()}, kept)

    def erase(self, customer: Customer) -> Mapping[str, int]:
        """Delete every row about a customer in one transaction; count them by table."""
        counts: Counter[str] = Counter()
        with self._open() as db:
            db.begin()
            for kind, ids in customer.units.items():
                source, _, stream = kind.partition("/")
                bound = {"source": source, "stream": stream, "ids": sorted(ids)}
                here = "source = $source AND stream = $stream AND list_contains($ids, id)"
                counts["raw"] += _changed(db, f"DELETE FROM raw WHERE {here}", bound)  # noqa: S608 our own words
                mine = {"source": source, "ids": sorted(ids)}
                used = "DELETE FROM raw_usage WHERE source = $source AND list_contains($ids, subscription_id)"
                counts["raw_usage"] += _changed(db, used, mine)
            billed = {"ids": sorted(customer.billing)}
            for table in (*OWNED, "raw_usage"):
                gone = f"DELETE FROM {table} WHERE list_contains($ids, account_id)"  # noqa: S608 own names
                counts[table] += _changed(db, gone, billed)
            db.execute("UPDATE accounts SET parent_id = NULL WHERE list_contains($ids, parent_id)", billed)
            for table, named in (("quarantine", _quarantined(db, customer)), ("cursors", _cursors(db, customer))):
                gone = f"DELETE FROM {table} WHERE list_contains($rows, rowid)"  # noqa: S608 own names
                counts[table] += _changed(db, gone, {"rows": named})
            _blank_payloads(db, customer)
            db.commit()
        return {table: count for table, count in counts.items() if count}

    def left(self, customer: Customer) -> Mapping[str, int]:
        """Count the rows of each table that still name a customer."""
        found: Counter[str] = Counter()
        patterns = list(_patterns(customer))
        with self._open() as db:
            for table, columns in _texts(db):
                joined = "concat_ws(chr(10), " + ", ".join(f'"{name}"' for name in columns) + ")"
                some = " OR ".join(f"regexp_matches(told, ${name})" for name, _ in patterns)
                query = f"SELECT told FROM (SELECT {joined} AS told FROM {table}) WHERE {some}"  # noqa: S608 own names
                reader = db.execute(query, dict(patterns))
                while rows := reader.fetchmany(1000):
                    found[table] += sum(bool(customer.named_in(text)) for (text,) in rows)
                if "account_id" in columns:
                    about = f"SELECT count(*) FROM {table} WHERE list_contains($ids, account_id)"  # noqa: S608 own names
                    found[table] += db.execute(about, {"ids": sorted(_short(customer.billing))}).fetchone()[0]
        return {table: count for table, count in found.items() if count}

    def compact(self) -> None:
        """Write the database anew, so that what was deleted does not lie in the file any more."""
        part = self._path.with_suffix(PART)
        part.unlink(missing_ok=True)
        with self._open() as db:
            db.execute("CHECKPOINT")
            db.execute(f"ATTACH '{_quoted(part)}' AS fresh")
            [(name,)] = db.execute("SELECT current_database()").fetchall()
            db.execute(f'COPY FROM DATABASE "{name}" TO fresh; DETACH fresh')
        part.chmod(OWNER_ONLY)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(self._path)
        self._path.with_name(f"{self._path.name}.wal").unlink(missing_ok=True)

    def _open(self) -> Any:
        return connect(self._path)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _changed(db: Any, statement: str, bound: Mapping[str, Any]) -> int:
    return int(db.execute(statement, bound).fetchone()[0])


def _units(db: Any, ids: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The raw rows that the canonical rows of these accounts came from, and those that hang on them."""
    owned = " UNION ".join(
        f"SELECT DISTINCT source, unit_stream, unit_id FROM {table} WHERE list_contains($ids, account_id)"  # noqa: S608
        for table in OWNED
        if table != "usage"
    )
    units = db.execute(owned, ids).fetchall()
    accounts = db.execute("SELECT DISTINCT source, unit_stream FROM accounts").fetchall()
    # Not staged, or set aside: the row itself names the account, outside of lists within it.
    for id in ids["ids"]:
        named = "SELECT DISTINCT source, stream, id, payload FROM raw WHERE contains(payload, $named)"
        for *row, text in db.execute(named, {"named": json.dumps(id)}).fetchall() if len(id) >= SHORT else ():
            if tuple(row[:2]) not in accounts and id in _said(json.loads(text)):
                units.append(tuple(row))
    rows = db.execute("SELECT DISTINCT source, stream, id FROM raw WHERE list_contains($ids, id)", ids).fetchall()
    units += [row for row in rows if row[:2] in accounts or row[1] in ACCOUNTS]
    children = "SELECT DISTINCT source, stream, id FROM raw WHERE source = $source AND parent = $id"
    for source, _, id in list(units):
        units += db.execute(children, {"source": source, "id": id}).fetchall()
    for source, stream, id in units:
        yield f"{source}/{stream}", id


def _said(payload: Mapping[str, Any]) -> set[str]:
    """What a row says of itself: its values, those of its lines, and the ids of what it shows in full."""
    lines = [payload, *(line for line in payload.get("rows", ()) if isinstance(line, dict))]
    values = [value for line in lines for value in line.values()]
    return {str(one.get("id")) if isinstance(one, dict) else one for one in values if isinstance(one, str | dict)}


def _payloads(db: Any, units: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What raw rows say, in every version."""
    for kind, ids in units.items():
        source, _, stream = kind.partition("/")
        query = "SELECT payload FROM raw WHERE source = $source AND stream = $stream AND list_contains($ids, id)"
        for (text,) in db.execute(query, {"source": source, "stream": stream, "ids": sorted(ids)}).fetchall():
            yield text


def _own_addresses(db: Any, units: Mapping[str, Collection[str]]) -> Iterator[str]:
    """E-mail addresses in these rows that stand in no others: a duplicate customer has the same."""
    found: Counter[str] = Counter()
    for text in _payloads(db, units):
        found.update(set(EMAIL.findall(text)))
    for address, mine in found.items():
        [(every,)] = db.execute("SELECT count(*) FROM raw WHERE contains(payload, $it)", {"it": address}).fetchall()
        if every == mine:
            yield address


def _quarantined(db: Any, customer: Customer) -> list[int]:
    """Set-aside rows that name the customer: in any text, or in the account they are about, however short its id is."""
    short = {json.dumps(id) for id in customer.billing if len(id) < SHORT}
    query = "SELECT rowid, json_extract(payload, '$.account_id')::VARCHAR, COLUMNS(*)::VARCHAR FROM quarantine"
    return [
        number
        for number, account, *texts in db.execute(query).fetchall()
        if account in short or customer.named_in("\n".join(str(part) for part in texts))
    ]


def _cursors(db: Any, customer: Customer) -> list[int]:
    """Places in a listing or a pass that name the customer: what is read from there is read from its start."""
    rows = db.execute("SELECT rowid, cursor FROM cursors").fetchall()
    return [number for number, text in rows if customer.named_in(text)]


def _blank_payloads(db: Any, customer: Customer) -> None:
    """Take the customer's account out of rows about others, such as a subsidiary's: only the mention goes."""
    for id in sorted(customer.billing):
        if len(id) < SHORT:
            continue
        named = "SELECT rowid, payload FROM raw WHERE contains(payload, $named)"
        for number, text in db.execute(named, {"named": json.dumps(id)}).fetchall():
            blanked = text.replace(json.dumps(id), '""')
            bound = {"row": number, "text": blanked, "hash": hashlib.sha256(blanked.encode()).hexdigest()}
            db.execute("UPDATE raw SET payload = $text, hash = $hash WHERE rowid = $row", bound)


def _texts(db: Any) -> Iterator[tuple[str, list[str]]]:
    """Every table with its columns of text."""
    query = (
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND data_type = 'VARCHAR' "
        "AND schema_name = 'main' AND database_name = current_database() ORDER BY table_name, column_index"
    )
    found: dict[str, list[str]] = {}
    for table, column in db.execute(query).fetchall():
        found.setdefault(table, []).append(column)
    yield from found.items()


def _patterns(customer: Customer) -> Iterator[tuple[str, str]]:
    """Patterns that any text naming the customer matches; the text itself is looked at again."""
    words = sorted({form for word in customer.words for form in (word, json.dumps(word)[1:-1])})
    for start in range(0, max(len(words), 1), WORDS):
        some = "|".join(re.escape(word) for word in words[start : start + WORDS])
        yield f"p{start}", f"(?i){some}" if some else "[^\\s\\S]"


def _short(ids: Iterable[str]) -> list[str]:
    return [id for id in ids if len(id) < SHORT]
