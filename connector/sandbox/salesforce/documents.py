"""Files as Salesforce keeps them: a version holds the bytes, a document is what its versions have in common.

A version without a ContentDocumentId makes a new document, which its owner and the place of its first publication are
linked to; one with it becomes the document's latest. Only the latest is shown as such, and only its title can still be
changed. A query gives the address of the bytes, never the bytes. Nothing is published on a record that the user may
not edit (in the real service a library or a feed may say otherwise).

Source: Object Reference, "ContentVersion", "ContentDocument", "ContentDocumentLink", "Note".
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from hashlib import md5
from typing import TYPE_CHECKING

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.schema import types_by_prefix

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org
    from connector.sandbox.salesforce.records import Caller

_ON_A_RECORD = {
    "Note": "ParentId",
    "ContentVersion": "FirstPublishLocationId",
    "ContentDocumentLink": "LinkedEntityId",
}
_MOST_BYTES = 37_500_000


def check(caller: Caller, kind: str, row: Row, before: Row | None) -> None:
    """Refuse what is put on a record that the user may not edit, and a version that is none."""
    place = row.get(_ON_A_RECORD.get(kind, "")) if before is None else None
    target = types_by_prefix().get(place[:3], "") if place else ""
    if target not in ("", "User"):
        seen = caller.type(target)
        if seen is None or "edit" not in seen.allowed:
            raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", f"insufficient access rights on object id: {place}", [])
    if kind != "ContentVersion":
        return
    if before is None and row.get("ContentDocumentId") and place:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION",
            "First Publish Location ID: cannot be set for another version of a document",
            ["FirstPublishLocationId"],
        )
    if before is not None and before["VersionData"] != row["VersionData"]:
        raise Refusal(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: VersionData. Insert a new version of the document instead.",
            ["VersionData"],
        )
    if before is None and len(_bytes(row)) > _MOST_BYTES:
        raise Refusal("STRING_TOO_LONG", "Version Data: data value too large", ["VersionData"])


def derived(org: Org, row: Row, before: Row | None, user_id: str) -> Row:
    """Compute what a version tells of its bytes, and give it a document."""
    if before is not None or not row.get("VersionData"):
        return {}
    content, name = _bytes(row), str(row["PathOnClient"])
    extension = name.rpartition(".")[2].lower() if "." in name else None
    title = row["Title"] or name.rpartition("/")[2].removesuffix(f".{extension}")
    out: Row = {
        "Checksum": md5(content, usedforsecurity=False).hexdigest(),
        "ContentSize": len(content),
        "FileExtension": extension,
        "FileType": (extension or "unknown").upper(),
        "Title": title,
        "IsLatest": True,
        "VersionNumber": "1",
    }
    known = row.get("ContentDocumentId")
    if known:
        older = [one for one in org.alive("ContentVersion") if one["ContentDocumentId"] == known]
        return out | {"VersionNumber": str(len(older) + 1)}
    document = org.blank("ContentDocument", user_id)
    org.put("ContentDocument", document | {"Title": title})
    return out | {"ContentDocumentId": document["Id"]}


def aftermath(org: Org, row: Row, before: Row | None, user_id: str) -> None:
    """Let a document follow its latest version, and link a new one to its owner and its place."""
    document = org.get("ContentDocument", row["ContentDocumentId"] or "")
    if document is None:
        return
    org.put(
        "ContentDocument",
        document | {"Title": row["Title"], "LatestPublishedVersionId": row["Id"], "SystemModstamp": org.now()},
    )
    if before is not None:
        return
    for other in [one for one in org.alive("ContentVersion") if one["ContentDocumentId"] == document["Id"]]:
        if other["Id"] != row["Id"] and other["IsLatest"]:
            org.put("ContentVersion", other | {"IsLatest": False})
    if row["VersionNumber"] == "1":
        places = {"I": user_id, "V": row["FirstPublishLocationId"]}
        for share, place in places.items():
            if place:
                link = org.blank("ContentDocumentLink", user_id)
                told = {"ContentDocumentId": document["Id"], "LinkedEntityId": place, "ShareType": share}
                org.put("ContentDocumentLink", link | told | {"Visibility": "AllUsers"})


def content(row: Row) -> str:
    """Give what a version holds as text."""
    return _bytes(row).decode()


def _bytes(row: Row) -> bytes:
    try:
        return b64decode(row["VersionData"], validate=True)
    except (Error, TypeError, ValueError):
        raise Refusal("JSON_PARSER_ERROR", "Version Data: value not of required type: not base64") from None
