"""A served Salesforce stand-in as the tests of this folder talk to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from starlette.applications import Starlette

from connector.sandbox.control import Control
from connector.sandbox.salesforce import Credentials
from connector.sandbox.salesforce.org import Org

VERSION = "v62.0"


class RewriteAdapter(HTTPAdapter):
    """Sends every request to one base URL, saying which host was meant."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        host = urlsplit(request.url or "").netloc
        request.headers["X-Orig-Host"] = host
        request.url = self.base + (request.url or "").split(host, 1)[1]
        return super().send(request, **kwargs)


@dataclass
class StandIn:
    """A served stand-in, and a plain HTTP client with a session of its own."""

    app: Starlette
    base: str
    http: requests.Session

    @property
    def control(self) -> Control:
        return self.app.state.control  # type: ignore[no-any-return]

    @property
    def org(self) -> Org:
        return self.app.state.store  # type: ignore[no-any-return]

    @property
    def credentials(self) -> Credentials:
        return self.app.state.credentials  # type: ignore[no-any-return]

    def session(self) -> requests.Session:
        """Open a session whose https goes to the stand-in."""
        session = requests.Session()
        session.mount("https://", RewriteAdapter(self.base))
        return session

    def log_in(self) -> None:
        """Open a new session for the plain client, as long as `token_seconds` says by now."""
        held = self.credentials
        answer = requests.post(
            f"{self.base}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(held.consumer_key, held.consumer_secret),
            timeout=5,
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        """Call a data resource with the client's token."""
        return self.http.request(method, f"{self.base}/services/data/{VERSION}/{path}", json=body, **kwargs)

    def create(self, kind: str, **fields: Any) -> str:
        """Create a record and return its id."""
        answer = self.call("POST", f"sobjects/{kind}", fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def query(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        """Run a query and return its rows without their attributes."""
        answer = self.call("GET", resource, params={"q": soql})
        assert answer.status_code == 200, answer.text
        return [{k: v for k, v in row.items() if k != "attributes"} for row in answer.json()["records"]]

    def refused(self, method: str, path: str, body: Any = None, **kwargs: Any) -> tuple[int, str, Any]:
        """Call, and return status, error code and fields of the refusal."""
        answer = self.call(method, path, body, **kwargs)
        assert answer.status_code >= 400, answer.text
        (error,) = answer.json()
        return answer.status_code, error["errorCode"], error.get("fields")

    def batch(self, method: str, path: str, *records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        """Send a collection, each record naming its type under `type`, and return the results."""
        typed = [{"attributes": {"type": one.pop("type")}, **one} for one in map(dict, records)]
        answer = self.call(method, path, {"records": typed, **options})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def keyed_field(self, owner: str = "Activity", shown_on: str = "Task", **metadata: Any) -> None:
        """Make the unique external-id field `Key__c`, and let the calling user write it."""
        field = {"label": "Key", "type": "Text", "length": 80, "externalId": True, "unique": True, **metadata}
        made = self.call("POST", "tooling/sobjects/CustomField", {"FullName": f"{owner}.Key__c", "Metadata": field})
        assert made.status_code == 201, made.text
        self.grant(f"{shown_on}.Key__c")

    def grant(self, field: str, *, edit: bool = True) -> None:
        """Give the calling user a permission set that opens a field."""
        permission_set = self.create("PermissionSet", Name=field.replace(".", "_"), Label=field)
        self.create("PermissionSetAssignment", PermissionSetId=permission_set, AssigneeId=self.org.user_id)
        grant = {"ParentId": permission_set, "SobjectType": field.split(".", maxsplit=1)[0], "Field": field}
        self.create("FieldPermissions", **grant, PermissionsRead=True, PermissionsEdit=edit)
