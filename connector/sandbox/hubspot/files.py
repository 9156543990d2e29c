"""The files tool: uploads in parts, folders made on the way, files found by path or by an index that lags.

A name holds no extension, which stands beside it; a path holds both. A second upload to a path replaces the first with
`overwrite` and gets a name of its own without. Bytes are kept, so that tests can look at what was uploaded.
Source: "Files", developers.hubspot.com (upload, replace, update, search, folders; access levels).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import md5
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.access import PORTAL_ID
from connector.sandbox.hubspot.errors import ApiError, fields_missing, invalid, not_found
from connector.sandbox.hubspot.portal import Call, Portal, Routes, fields
from connector.sandbox.hubspot.records import iso, moment

Row = dict[str, Any]
_ACCESS = (
    "PUBLIC_INDEXABLE",
    "PUBLIC_NOT_INDEXABLE",
    "HIDDEN_INDEXABLE",
    "HIDDEN_NOT_INDEXABLE",
    "HIDDEN_PRIVATE",
    "PRIVATE",
)
_OPTIONS = {"access", "ttl", "overwrite", "duplicateValidationStrategy", "duplicateValidationScope"}
_TYPES = {"html": "DOCUMENT", "pdf": "DOCUMENT", "png": "IMG", "jpg": "IMG"}
_PAGE = 100


def _upload(portal: Portal, call: Call) -> Response:
    form = _form(call)
    if ("folderId" in form) == ("folderPath" in form):
        raise invalid("exactly one of folderId and folderPath is required")
    folder = _folder(portal, form)
    options = _options(form, {"overwrite"})
    name, extension = _name(str(form.get("fileName") or form["file"]["name"]))
    path = f"{folder['path']}/{name}.{extension}"
    there = next((one for one in _alive(portal) if one["path"] == path), None)
    if there is not None and not options.get("overwrite"):
        name, there = f"{name}-1", None
    row = there or {"id": portal.store.new_id(), "createdAt": iso(portal.now()), "parentFolderId": folder["id"]}
    return JSONResponse(_shown(_kept(portal, row, name, extension, folder["path"], form, options)), 201)


def _replace(portal: Portal, call: Call) -> Response:
    row, form = _one(portal, call), _form(call)
    options = _options(form, set())
    folder = row["path"].rpartition("/")[0]
    return JSONResponse(_shown(_kept(portal, row, row["name"], row["extension"], folder, form, options)))


def _kept(portal: Portal, row: Row, name: str, extension: str, folder: str, form: Row, options: Row) -> Row:
    content: bytes = form["file"]["content"]
    row |= {
        "name": name,
        "extension": extension,
        "path": f"{folder}/{name}.{extension}",
        "access": options["access"],
        "archived": False,
        "updatedAt": iso(portal.now()),
        "size": len(content),
        "fileMd5": md5(content, usedforsecurity=False).hexdigest(),
        "type": _TYPES.get(extension, "OTHER"),
        "content": b64encode(content).decode(),
    }
    portal.store.files[row["id"]] = row
    return row


def _rename(portal: Portal, call: Call) -> Response:
    row = _one(portal, call)
    given = fields(call.body, {"clearExpires": bool}, {"name": str, "access": str, "parentFolderId": str})
    name = given.get("name", row["name"])
    folder = row["path"].rpartition("/")[0]
    row |= {"name": name, "path": f"{folder}/{name}.{row['extension']}", "updatedAt": iso(portal.now())}
    return JSONResponse(_shown(row))


def _get(portal: Portal, call: Call) -> Response:
    return JSONResponse(_shown(_one(portal, call)))


def _archive(portal: Portal, call: Call) -> Response:
    row = _one(portal, call)
    row |= {"archived": True, "archivedAt": iso(portal.now())}
    return Response(status_code=204)


def _folder_at(portal: Portal, call: Call) -> Response:
    """Tell what folder stands at a path; the index is not asked."""
    path = "/" + call.path["path"].strip("/")
    for folder in portal.store.folders.values():
        if path in (folder["path"], f"/{folder['id']}"):
            return JSONResponse(folder)
    raise ApiError(404, f"no folder found at path {path}", "OBJECT_NOT_FOUND")


def _search(portal: Portal, call: Call) -> Response:
    """Find files; one that was just written is not seen yet."""
    limit = call.whole("limit", 10, _PAGE)
    newest = portal.now() - timedelta(seconds=portal.switch("search_lag"))
    parents, ids = call.listed("parentFolderIds"), call.listed("ids")
    found = [
        row
        for row in _alive(portal)
        if moment(row["updatedAt"]) <= newest
        and (not parents or row["parentFolderId"] in parents)
        and (not ids or row["id"] in ids)
        and call.query.get("name", row["name"]) == row["name"]
        and int(row["id"]) > int(call.query.get("after", "0"))
    ]
    found.sort(key=lambda row: int(row["id"]))
    answer: Row = {"results": [_shown(row) for row in found[:limit]]}
    if len(found) > limit:
        answer["paging"] = {"next": {"after": found[limit - 1]["id"]}}
    return JSONResponse(answer)


def _form(call: Call) -> Row:
    if not isinstance(call.body, dict) or not isinstance(call.body.get("file"), dict):
        raise fields_missing(["file"])
    return dict(call.body)


def _options(form: Row, flags: set[str]) -> Row:
    try:
        options = json.loads(form.get("options", ""))
    except ValueError:
        raise fields_missing(["options"]) from None
    if not isinstance(options, dict) or options.get("access") not in _ACCESS:
        raise invalid(f"options.access must be one of {', '.join(_ACCESS)}")
    if unknown := sorted(set(options) - _OPTIONS):
        raise invalid(f"options has no {unknown[0]}")
    if flags and not isinstance(options.get("overwrite", False), bool):
        raise invalid("options.overwrite must be true or false")
    return options


def _folder(portal: Portal, form: Row) -> Row:
    if "folderId" in form:
        found = portal.store.folders.get(str(form["folderId"]))
        if found is None:
            raise not_found(str(form["folderId"]))
        return found
    path = "/" + str(form["folderPath"]).strip("/")
    if path == "/":
        raise invalid("files cannot be uploaded to the root folder")
    for folder in portal.store.folders.values():
        if folder["path"] == path:
            return folder
    row: Row = {"id": portal.store.new_id(), "path": path, "name": path.rpartition("/")[2], "archived": False}
    row |= {"createdAt": iso(portal.now()), "updatedAt": iso(portal.now())}
    portal.store.folders[row["id"]] = row
    return row


def _name(given: str) -> tuple[str, str]:
    stem, _, extension = given.rpartition(".")
    if not stem or "/" in given:
        raise invalid(f"{given!r} is no file name with an extension")
    return stem, extension.lower()


def _alive(portal: Portal) -> list[Row]:
    return [row for row in portal.store.files.values() if not row["archived"]]


def _one(portal: Portal, call: Call) -> Row:
    row = portal.store.files.get(call.path["id"])
    if row is None or row["archived"]:
        raise not_found(call.path["id"])
    return row


def _shown(row: Row) -> Row:
    url = f"https://{PORTAL_ID}.fs1.hubspotusercontent-eu1.net/hubfs/{PORTAL_ID}{row['path']}"
    told = {name: value for name, value in row.items() if name != "content"}
    return told | {"url": url, "defaultHostingUrl": url, "isUsableInContent": True, "sourceGroup": "CONTENT"}


def content(row: Row) -> str:
    """Give what a stored file holds as text."""
    return b64decode(row["content"]).decode()


ROUTES: Routes = (
    ("POST", "/files/v3/files", _upload),
    ("GET", "/files/v3/files/search", _search),
    ("GET", "/files/v3/folders/{path:path}", _folder_at),
    ("GET", "/files/v3/files/{id}", _get),
    ("PUT", "/files/v3/files/{id}", _replace),
    ("PATCH", "/files/v3/files/{id}", _rename),
    ("DELETE", "/files/v3/files/{id}", _archive),
)
