"""Reads billing from files, by a mapping that says how they are written.

A file is read when its content differs from what the cursor remembers, and then whole: rows that did not change land
nothing. Each file set keeps its own place, so one file may feed several streams. Rows of usage never become Python
objects (see `usage`).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from connector.adapters.sources.files.audit import raw_mrr
from connector.adapters.sources.files.reading import At, Where, fingerprint, kept, nowhere, paths, text_rows
from connector.adapters.sources.files.translate import Translator
from connector.adapters.sources.files.usage import usage_pages
from connector.adapters.sources.files.values import Values
from connector.adapters.sources.unfit import UnfitError
from connector.domain.billing import FileSet, FilesMapping, FileStream
from connector.domain.billing import QuarantineReason as Reason
from connector.domain.errors import SourceDataError
from connector.ports.billing import Cursor, Landing, Page, RawMrr, RawStore, Rejected, Translated

IDS: Mapping[str, str] = {
    "accounts": "account_id",
    "prices": "price_id",
    "subscriptions": "subscription_id",
    "invoices": "invoice_id",
    "events": "event_id",
}
PER_PAGE = 5_000


class FilesSource:
    """A folder of files as a billing source."""

    name = "files"
    reference = ("prices",)

    def __init__(self, mapping: FilesMapping, folder: Path, at: At = nowhere, mapping_hash: str = "") -> None:
        self._mapping = mapping
        self._folder = folder
        self._at = at
        self.name = mapping.name
        self.mapping_hash = mapping_hash or hashlib.sha256(repr(mapping).encode()).hexdigest()

    def streams(self) -> Mapping[str, str | None]:
        """Name the streams that the mapping feeds, each with the stream of its parents."""
        return {stream: None for stream in get_args(FileStream) if self._mapping.sets(stream)}

    def pages(
        self,
        raw: RawStore,  # noqa: ARG002 - the port passes it; files need nothing that was landed before
        stream: str,
        cursor: Cursor | None,
        now: datetime,
    ) -> Iterator[Page]:
        """Yield the rows of files that are new or changed."""
        known: dict[str, Any] = dict(cursor or {})
        is_same = known.get("mapping") == self.mapping_hash
        before: dict[str, Any] = known.get("files", {}) if is_same else {}
        found = self._found(stream)
        files = {key: mark for key, mark in before.items() if key in found}
        if absent := self._absent(stream, found, before):
            # A file that is gone is forgotten here, so it is told once.
            yield Page(stream, warnings=absent, cursor={**known, "files": files} if before else None)
        for key, (where, each, path) in found.items():
            mark = fingerprint(path, files.get(key))
            unchanged = files.get(key, {}).get("hash") == mark["hash"]
            files[key] = mark
            if unchanged:
                continue
            done = {**known, "mapping": self.mapping_hash, "files": dict(files)}
            if stream == "usage":
                origin = f"{path.name}#{where.number}"
                lag = self._mapping.usage_lag_hours
                # Another mapping reads the past of the same files anew, and what it says was there all along.
                was = known.get("files", {}).get(key, mark)["hash"]
                initial = not known.get("complete") or (not is_same and was == mark["hash"])
                yield from usage_pages(path, each, origin, where, now, lag, initial)
            else:
                yield from self._rows(where, each, path, initial=not known.get("complete"))
            yield Page(stream, cursor=done)
        if files and not known.get("complete"):
            # From here on a new row is news, not history.
            yield Page(stream, cursor={"mapping": self.mapping_hash, "files": files, "complete": True})

    def translate(self, raw: RawStore, stream: str, ids: Sequence[str], now: datetime) -> Iterator[Translated]:
        """Turn what is known of each unit into canonical rows, or set it aside."""
        return Translator(self.name, self._mapping, raw, now).units(stream, ids)

    def recurring(self, raw: RawStore, as_of: datetime) -> RawMrr:
        """Compute MRR from raw rows alone."""
        return raw_mrr(raw, self._mapping, as_of)

    def account_of(self, stream: str, row: Landing) -> str | None:
        """Name the account that a row is about, as its file set's mapping reads it."""
        if stream in ("accounts", "prices"):
            return row.id if stream == "accounts" else None
        files = self._mapping.sets(cast(FileStream, stream))[row.payload["set"]]
        try:
            return Values(files, row.payload["rows"][0]).text("account_id")
        except UnfitError:
            return None

    def calls(self) -> int:
        """Files cost no API call."""
        return 0

    def _found(self, stream: str) -> Mapping[str, tuple[Where, FileSet, Path]]:
        """Every file of a stream under its key in the cursor."""
        if not self._folder.is_dir():
            raise SourceDataError(
                f"there is no folder {self._folder}",
                at="CONNECTOR_FILES_DIR",
                hint="set it to the folder that holds the billing files",
            )
        sets = enumerate(self._mapping.sets(cast(FileStream, stream)))
        places = [(Where(self._at, stream, number), files) for number, files in sets]
        return {
            f"{where.number}:{path}": (where, files, path)
            for where, files in places
            for path in paths(files, self._folder, where)
        }

    def _absent(self, stream: str, found: Collection[str], before: Collection[str]) -> list[str]:
        """What to say of files that should be there and are not."""
        warnings = []
        if not found:
            patterns = [pattern for files in self._mapping.sets(cast(FileStream, stream)) for pattern in files.files]
            named = ", ".join(dict.fromkeys(patterns))
            warnings.append(f"{self.name}: no file matches {named} in {self._folder}: nothing new of {stream}")
        # A folder that moved is no loss: only names count.
        there = {Path(key).name for key in found}
        if gone := sorted({Path(key).name for key in before} - there):
            warnings.append(f"{self.name}: {', '.join(gone)} is gone; the {stream} read from there still count")
        return warnings

    def _rows(self, where: Where, files: FileSet, path: Path, initial: bool) -> Iterator[Page]:
        stream = where.stream
        yield Page(stream, anew=f"{path.name}:")
        rejected: list[Rejected] = []
        landings: list[Landing] = []
        for landing in self._landings(where, files, path, rejected):
            landings.append(landing)
            if len(landings) == PER_PAGE:
                yield Page(stream, landings, initial=initial)
                landings = []
        yield Page(stream, landings, initial=initial, rejected=rejected)

    def _landings(self, where: Where, files: FileSet, path: Path, rejected: list[Rejected]) -> Iterator[Landing]:
        """One landing per id; rows without a usable id go to `rejected`."""
        stream, at = where.stream, where.number
        lines: dict[str, int] = {}
        items: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in text_rows(path, files, where):
            if not kept(row, files):
                continue
            id = "" if row.values is None else self._id(stream, files, row.values)
            place = f"{path.name}:{row.line}"
            if row.values is None:
                what = "wrong number of fields"
                rejected.append(_rejected(stream, place, Reason.MALFORMED_ROW, what, {"text": row.text}))
            elif not id:
                rejected.append(_rejected(stream, place, Reason.MISSING_ID, f"{IDS[stream]} is empty", row.values))
            elif stream == "subscriptions" and "item_id" in files.columns:
                # A subscription is its items together, wherever in the file they are.
                lines.setdefault(id, row.line)
                items[id].append(row.values)
            elif id in lines:
                what = f"its id is on line {lines[id]} too"
                rejected.append(_rejected(stream, place, Reason.DUPLICATE_ID, what, row.values))
            else:
                lines[id] = row.line
                yield Landing(id, {"set": at, "rows": [row.values]}, at=place)
        for id, rows in items.items():
            yield Landing(id, {"set": at, "rows": rows}, at=f"{path.name}:{lines[id]}")

    def _id(self, stream: str, files: FileSet, values: Mapping[str, str]) -> str:
        column = files.columns.get(IDS[stream])
        if column is not None:
            return values.get(column, "").strip()
        if stream == "events":
            # Nothing tells events apart but their content, which stays the same when lines move.
            return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
        return ""


def _rejected(stream: str, place: str, reason: Reason, what: str, payload: Mapping[str, Any]) -> Rejected:
    return Rejected(stream, place, reason, f"{what}; {reason.cure}", payload)
