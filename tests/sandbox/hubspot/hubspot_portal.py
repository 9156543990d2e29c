"""A served HubSpot portal and few words to talk to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from connector.sandbox.control import Control

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
OWNER, FORMER_OWNER, USER_ID = "71", "72", 5001
COMPANY = "1001"
Row = dict[str, Any]


@dataclass
class Ticks:
    """Elapsed time that a test moves by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Sandbox:
    """A served portal and few words to talk to it; answers below 500 come back as they are."""

    url: str
    control: Control
    ticks: Ticks
    session: requests.Session

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.url + path, params=query)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body)

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.session.patch(self.url + path, json=body)

    def put(self, path: str, body: Any = None) -> requests.Response:
        return self.session.put(self.url + path, json=body)

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(self.url + path)

    def batch(self, kind: str, action: str, inputs: list[Row], **more: Any) -> requests.Response:
        return self.post(f"/crm/v3/objects/{kind}/batch/{action}", {"inputs": inputs, **more})

    def create(self, kind: str, associations: Any = (), **properties: str) -> Row:
        answer = self.post(f"/crm/v3/objects/{kind}", {"properties": properties, "associations": list(associations)})
        assert answer.status_code == 201, answer.text
        made: Row = answer.json()
        return made

    def deal(self, **properties: str) -> Row:
        return self.create("deals", **{"dealname": "Acme: Pro", "dealstage": "qualifiedtobuy", **properties})

    def keyed(self, kind: str, name: str = "upsell_key") -> str:
        """Define a unique property and return its name."""
        body = {"name": name, "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
        group = {"companies": "companyinformation", "deals": "dealinformation", "tasks": "taskinformation"}[kind]
        answer = self.post(f"/crm/v3/properties/{kind}", body | {"groupName": group})
        assert answer.status_code == 201, answer.text
        return name

    def load(self, kind: str, *rows: Row) -> None:
        assert self.post(f"/__state/{kind}", list(rows)).ok

    def stored(self, kind: str) -> list[Row]:
        rows: list[Row] = self.get(f"/__state/{kind}").json()
        return rows

    def switch(self, **settings: Any) -> None:
        self.post("/__switches", settings)


def codes(answer: requests.Response) -> list[str]:
    """Return the codes of a refusal's details."""
    return [one["code"] for one in answer.json().get("errors", [])]
