"""What people see and do with files in the stand-ins."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import md5
from typing import Any

from connector.sandbox.hubspot.files import content as stored_text
from connector.sandbox.salesforce.documents import content
from connector.sandbox.salesforce.records import Caller, insert


class SalesforceFiles:
    """Documents of an org, in their latest version."""

    store: Any
    as_person: Callable[[], Caller]

    def person_replaces(self, file_id: str, text: str) -> None:
        caller = self.as_person()
        kind = caller.type("ContentVersion")
        assert kind is not None
        body = {
            "ContentDocumentId": file_id,
            "PathOnClient": "mine.html",
            "VersionData": b64encode(text.encode()).decode(),
        }
        insert(caller, kind, body)

    def held_by(self, file_id: str) -> str:
        [row] = [one for one in self._versions() if one["ContentDocumentId"] == file_id and one["IsLatest"]]
        return content(row)

    def attached_to(self, account_id: str) -> list[str]:
        links = [one for one in self.store.dump("ContentDocumentLink") if one["LinkedEntityId"] == account_id]
        return [self.held_by(one["ContentDocumentId"]) for one in links]

    def _versions(self) -> list[dict[str, Any]]:
        return [row for row in self.store.dump("ContentVersion") if not row["IsDeleted"]]

    def files_of(self, key: str) -> int:
        ours = [row for row in self._versions() if key in str(row["Description"])]
        return len({row["ContentDocumentId"] for row in ours})


class HubspotFiles:
    """Files of a portal, and the notes that carry them."""

    store: Any
    now: Callable[[], datetime]

    def person_replaces(self, file_id: str, text: str) -> None:
        given = {"content": b64encode(text.encode()).decode(), "fileMd5": md5(text.encode()).hexdigest()}
        self.store.load("files", [{"id": file_id, **given, "updatedAt": self.now().isoformat()}])

    def held_by(self, file_id: str) -> str:
        [row] = [row for row in self.store.dump("files") if row["id"] == file_id]
        return stored_text(row)

    def attached_to(self, account_id: str) -> list[str]:
        notes = self.store.links.of(("companies", account_id), "notes")
        ids = [self.store.find("notes", one).properties.get("hs_attachment_ids", "") for one in notes]
        return [self.held_by(one) for some in ids for one in some.split(";") if one]

    def files_of(self, key: str) -> int:
        return sum(f"/{key}/" in row["path"] and not row["archived"] for row in self.store.dump("files"))
