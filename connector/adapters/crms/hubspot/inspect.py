"""Looks at what HubSpot grants our token, and at which workflows act on our records. It writes nothing.

Decided here: scopes are asked for where HubSpot tells them (a private app's token information; the answer that renewed
an OAuth token). Where it does not, each is tried: a read of one record, and for writes a batch update of *no* record,
which HubSpot refuses for a missing scope before it looks at the batch, and which changes nothing in any case.

Workflows are read by their v4 path: their dated one is in beta. No list tells which properties a portal requires or
validates on write, so an admin is asked to look.

Source: developers.hubspot.com, "Scopes", "Private apps", "Workflows", "API versioning".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Literal

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.hubspot.client import VERSION, HubspotClient
from connector.domain.change import RecordType
from connector.domain.errors import MendError
from connector.domain.inspection import ApiVersion, Right, Rights, Rule, RuleKind, Rules
from connector.domain.mapping import CrmMapping

_MONTHS_SUPPORTED = 18
_FLOWS = "/automation/v4/flows"
_PAGES = 20
"""Pages of workflows that are read at most: 2,000 workflows."""
_NEEDED: tuple[tuple[str, str, Literal["run", "install"], str], ...] = (
    ("crm.objects.companies.read", "finds your customers' companies", "run", "companies"),
    ("crm.objects.contacts.read", "says who to call, and reads tasks", "run", "contacts"),
    ("crm.objects.contacts.write", "writes tasks and notes, which have no scope of their own", "run", "tasks"),
    ("crm.objects.deals.read", "sees what is being sold already", "run", "deals"),
    ("crm.objects.deals.write", "proposes", "run", "deals"),
    ("files", "uploads briefs and options pages", "run", "files"),
    ("crm.objects.owners.read", "knows whose a record is", "run", "owners"),
    ("crm.schemas.companies.write", "creates our company properties", "install", ""),
    ("crm.schemas.contacts.write", "creates our task properties", "install", ""),
    ("crm.schemas.deals.write", "creates our deal properties", "install", ""),
)
_HARMLESS = frozenset({"oauth", "automation", "crm.objects.owners.read"})
_WHERE = "HubSpot → Settings → Integrations → the connector's service key or app → Scopes"
_FIELDS = "HubSpot → Settings → Properties → the property → Access"
_UNSEEN: Mapping[RuleKind, str] = {
    "flow": "HubSpot → Automation → Workflows (or grant the scope `automation`)",
    "validation rule": "HubSpot → Settings → Objects → Deals, and Tasks → required and validated properties",
}


class HubspotInspector:
    """Asks, and writes nothing."""

    def __init__(self, client: HubspotClient, mapping: CrmMapping) -> None:
        self._client = client
        self._needed = tuple(one for one in _NEEDED if one[0] != "files" or mapping.file is not None)

    def api_version(self) -> ApiVersion:
        """Name our dated version and the month its support ends; HubSpot lists none."""
        year, month = (int(part) for part in VERSION.split("-"))
        years, month = divmod(month - 1 + _MONTHS_SUPPORTED, 12)
        return ApiVersion(VERSION, ends=date(year + years, month + 1, 1))

    def server_time(self) -> datetime | None:
        """Tell the clock of the last answer."""
        return self._client.server_time

    def rights(self) -> Rights:
        """Hold our list against the token's scopes, told or tried."""
        told = self._told()
        needed = [
            Right(scope, why, _WHERE, scope in told if told is not None else self._tried(scope, kind), by)
            for scope, why, by, kind in self._needed
        ]
        wanted = {scope for scope, *_ in self._needed} | _HARMLESS
        return Rights(tuple(needed), tuple(sorted(set(told or ()) - wanted)), _FIELDS)

    def choices(self) -> tuple[str, ...]:
        """Name none: a stage belongs to one pipeline, so HubSpot chooses nothing."""
        return ()

    def rules(self) -> Rules:
        """List enabled workflows on deals and tasks."""
        unseen: list[tuple[RuleKind, str]] = [("validation rule", _UNSEEN["validation rule"])]
        try:
            return Rules(tuple(self._flows()), tuple(unseen))
        except MendError:
            return Rules((), (("flow", _UNSEEN["flow"]), *unseen))

    def _flows(self) -> Iterator[Rule]:
        types = {"0-3": RecordType.OPPORTUNITY, "0-27": RecordType.TASK}
        query: dict[str, str] = {"limit": "100"}
        for _ in range(_PAGES):
            answer = self._client.get(_FLOWS, query)
            for row in answer.get("results") or ():
                if row.get("isEnabled") and row.get("objectTypeId") in types:
                    yield Rule("flow", str(row.get("name") or row.get("id")), types[row["objectTypeId"]])
            after = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return
            query["after"] = str(after)

    def _told(self) -> frozenset[str] | None:
        """Give the token's scopes where HubSpot tells them."""
        try:
            return self._client.scopes()
        except CallError as error:
            if not isinstance(error, RefusedError) or error.status in (401, 429, 477):
                raise self._client.for_reader(error) from error
            return None

    def _tried(self, scope: str, kind: str) -> bool | None:
        """Try a scope; None where only a real write would show it."""
        try:
            match kind, scope.rpartition(".")[2]:
                case "", _:
                    return None
                case "files", _:
                    self._client.request("GET", "/files/v3/files/search", [("limit", "1")])
                case "owners", _:
                    self._client.call(self._client.owners.get_page, limit=1)
                case _, "read":
                    self._client.call(self._client.objects.get_page, kind, limit=1)
                case _:
                    self._client.call(self._client.object_batches.update, kind, {"inputs": []})
        except CallError as error:
            if not isinstance(error, RefusedError) or error.status in (401, 429, 477):
                raise self._client.for_reader(error) from error
            return error.code != "MISSING_SCOPES"  # any other refusal comes after the scope was found
        return True
