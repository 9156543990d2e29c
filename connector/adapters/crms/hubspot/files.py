"""Files in HubSpot: one folder a key, private, replaced in place; a note of ours carries each to the records it is for.

Decided here: HubSpot attaches a file to a record only through an engagement, so a file is a record of its own here and
its note another, which waits for it. A file has no property for a key: its folder bears it (`/NAMESPACE/KEY`), so that
its name can be what people like to read. A folder is found by its path at once, what is in it by an index that may lag;
should an upload be sent twice all the same, `overwrite` puts the second in the first one's place. What it holds is
compared by the MD5 that HubSpot keeps, never downloaded. Access is PRIVATE: it takes a user of the portal to see it.

HubSpot serves HTML as plain text: the browser saves it, and it opens from there; what matters stands in the note, too.

Source: developers.hubspot.com, "Files" (upload, replace, update, search, folder by path; access levels), "Notes"
(hs_attachment_ids), "File manager" (HTML is served as text/plain).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connector.adapters.crms.batches import carry_out, chunks
from connector.adapters.crms.http import CallError, LostAnswerError, RefusedError
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.errors import judge
from connector.adapters.crms.hubspot.translate import moment
from connector.adapters.crms.writable import prepare
from connector.domain.change import CrmRecord, FieldSpec, FieldType, Outcome, RecordType, Scalar, Schema, Verdict, Write
from connector.domain.mapping import CrmMapping
from connector.domain.normalise import DIGEST

_FILES, _FOLDERS = "/files/v3/files", "/files/v3/folders"
_NAME, _CONTENT = "name", "content"
_LONGEST_NAME = 200
_OPTIONS = json.dumps({"access": "PRIVATE", "overwrite": True})
_MOST_FOLDERS = 50
SCHEMA = Schema(
    RecordType.FILE,
    {
        _NAME: FieldSpec(_NAME, FieldType.TEXT, "File name", _LONGEST_NAME, required=True),
        _CONTENT: FieldSpec(_CONTENT, FieldType.FILE, "What it holds", required=True),
    },
)
Row = Mapping[str, Any]


class HubspotFiles:
    """Reads and writes files."""

    def __init__(self, client: HubspotClient, mapping: CrmMapping) -> None:
        self._client = client
        self._root = f"/{mapping.namespace}"

    def read(self, ids: Sequence[str], names: Sequence[str]) -> dict[str, CrmRecord]:
        """Read files by id; one that is not there any more is shown as deleted."""
        return {id: self._read(id, names) for id in dict.fromkeys(ids)}

    def find(self, keys: Sequence[str], names: Sequence[str]) -> dict[str, CrmRecord]:
        """Find files by their folder; of two in one folder, the first that was there."""
        folders = {folder: key for key in dict.fromkeys(keys) if (folder := self._folder(key)) is not None}
        found: dict[str, CrmRecord] = {}
        for chunk in chunks(folders, _MOST_FOLDERS):
            after: str | None = None
            while True:
                asked = [*(("parentFolderIds", one) for one in chunk), ("limit", "100")]
                page = self._asked(f"{_FILES}/search", [*asked, *([("after", after)] if after else [])])
                for row in sorted(page["results"], key=lambda row: int(row["id"])):
                    found.setdefault(folders[str(row["parentFolderId"])], _record(row, names))
                after = ((page.get("paging") or {}).get("next") or {}).get("after")
                if not after:
                    break
        return found

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Upload, replace and rename, a file a call."""
        bodies, refused = prepare(batch, SCHEMA.fields, lambda one: one.fields, lambda _spec, value: value or "")
        sendable = [write for write in batch if write.entry in bodies]
        return refused + carry_out(
            sendable, 1, lambda some: [self._send(one, bodies[one.entry]) for one in some], judge
        )

    def _send(self, write: Write, body: Row) -> Outcome:
        if write.verb == "create":
            form = [("fileName", f"{_plain(body[_NAME])}.html"), ("folderPath", f"{self._root}/{write.key}")]
            row = self._client.request("POST", _FILES, form=[*form, *_parts(body)])
            return _done(write, row, created=True)
        path, row, is_half_done = f"{_FILES}/{write.crm_id}", {}, False
        if _CONTENT in body:
            row = self._client.request("PUT", path, form=_parts(body))
            is_half_done = True
        if _NAME in body:
            try:
                row = self._client.request("PATCH", path, body={"name": _plain(body[_NAME]), "clearExpires": False})
            except CallError as error:
                if is_half_done:
                    raise LostAnswerError(f"replaced, and not renamed: {error}") from error
                raise
        return _done(write, row)

    def _read(self, id: str, names: Sequence[str]) -> CrmRecord:
        try:
            return _record(self._client.request("GET", f"{_FILES}/{id}"), names)
        except RefusedError as error:
            if error.status == 404:
                return CrmRecord(RecordType.FILE, id, dict.fromkeys(names), archived=True)
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error

    def _folder(self, key: str) -> str | None:
        try:
            told = self._client.request("GET", f"{_FOLDERS}/{quote(f'{self._root}/{key}'.strip('/'), safe='')}")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error
        return str(told["id"])

    def _asked(self, path: str, query: Sequence[tuple[str, str]]) -> Row:
        try:
            return self._client.request("GET", path, query)
        except CallError as error:
            raise self._client.for_reader(error) from error


def _parts(body: Row) -> list[tuple[str, Any]]:
    content = str(body[_CONTENT]).encode()
    return [("options", _OPTIONS), ("charsetHunch", "utf-8"), ("file", ("document.html", content, "text/html"))]


def _plain(name: str) -> str:
    """A name that a path can hold."""
    kept = "".join(" " if one in '/\\:*?"<>|#%&{}' or not one.isprintable() else one for one in name)
    return " ".join(kept.split()).strip(".") or "document"


def _record(row: Row, names: Sequence[str]) -> CrmRecord:
    shown = {_NAME: row.get("name"), _CONTENT: f"{DIGEST}{row['fileMd5']}" if row.get("fileMd5") else None}
    fields: dict[str, Scalar] = {name: shown.get(name) for name in names}
    return CrmRecord(
        type=RecordType.FILE,
        id=str(row["id"]),
        fields=fields,
        created_at=moment(row["createdAt"]),
        modified_at=moment(row["updatedAt"]),
        archived=bool(row.get("archived")),
    )


def _done(write: Write, row: Row, created: bool = False) -> Outcome:
    shown = _record(row, list(write.fields)).fields
    return Outcome(write.entry, Verdict.OK, str(row["id"]), created=created, shown=shown)
