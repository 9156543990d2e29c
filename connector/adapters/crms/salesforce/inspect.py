"""Looks at what Salesforce grants our user, and at what admins made act on our records. Only GET requests.

Decided here: object permissions are read from describes, because they show the sum of profile and permission sets; what
the user may not see (flows, rules: *View Setup and Configuration*) is told as unseen with where an admin looks, because
an integration user should not have that right only for us. Process Builder processes do not tell their object in a
query, so they are named without one.

Source: Object Reference, "FlowDefinitionView", "DuplicateRule", "UserPermissionAccess"; Tooling API Developer Guide,
"ValidationRule", "WorkflowRule", "ApexTrigger"; REST API Developer Guide, "Versions".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from simple_salesforce.format import format_soql

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce.client import API_VERSION, SalesforceClient
from connector.adapters.crms.salesforce.errors import API_ENABLED, QUOTA
from connector.adapters.crms.salesforce.translate import SOBJECTS
from connector.domain.change import RecordType
from connector.domain.inspection import ApiVersion, Right, Rights, Rule, RuleKind, Rules
from connector.domain.mapping import CrmMapping

OURS = (RecordType.OPPORTUNITY, RecordType.TASK)
"""Types that we write."""
_NEEDED: tuple[tuple[RecordType, str, str, str], ...] = (
    (RecordType.ACCOUNT, "Read", "queryable", "finds your customers' accounts"),
    (RecordType.CONTACT, "Read", "queryable", "says who to call"),
    (RecordType.OPPORTUNITY, "Read", "queryable", "sees what is being sold already"),
    (RecordType.OPPORTUNITY, "Create", "createable", "proposes"),
    (RecordType.OPPORTUNITY, "Edit", "updateable", "keeps its proposals up to date"),
    (RecordType.TASK, "Read", "queryable", "sees what was done"),
    (RecordType.TASK, "Create", "createable", "gives the next step"),
    (RecordType.TASK, "Edit", "updateable", "withdraws what nobody touched"),
)
_ON_ACCOUNTS = (RecordType.ACCOUNT, "Edit", "updateable", "puts notes and files on it; no field of it is opened to us")
_NEEDED_FOR_NOTES = (_ON_ACCOUNTS, (RecordType.NOTE, "Create", "createable", "puts the account card on an account"))
_NEEDED_FOR_FILES = (_ON_ACCOUNTS, (RecordType.FILE, "Create", "createable", "attaches briefs and options pages"))
_OBJECTS = "Setup → Permission Sets → the connector's set → Object Settings → {}"
_FIELDS = "Setup → Permission Sets → the connector's set → Object Settings → the object → Field Permissions"
_ACTIVITIES = "Setup → Permission Sets → the connector's set → System Permissions → Access Activities, Edit Tasks"
_SYSTEM = "Setup → Permission Sets → the installing user's set → System Permissions"
_MIGHTY = {"PermissionsModifyAllData": "Modify All Data", "PermissionsViewAllData": "View All Data"}
_UNSEEN: Mapping[RuleKind, str] = {
    "flow": "Setup → Flows, and Process Automation → Workflow Rules",
    "workflow": "Setup → Process Automation → Workflow Rules",
    "trigger": "Setup → Apex Triggers",
    "validation rule": "Setup → Object Manager → Opportunity, and Activity → Validation Rules",
    "duplicate rule": "Setup → Duplicate Rules",
}
Row = Mapping[str, Any]


class SalesforceInspector:
    """Asks, and writes nothing."""

    def __init__(self, client: SalesforceClient, mapping: CrmMapping) -> None:
        self._client = client
        notes = _NEEDED_FOR_NOTES if mapping.note is not None else ()
        files = _NEEDED_FOR_FILES if mapping.file is not None else ()
        self._needed = tuple(dict.fromkeys((*_NEEDED, *notes, *files)))

    def api_version(self) -> ApiVersion:
        """Ask the org which versions it answers; anybody may."""
        offered = [str(one.get("version")) for one in self._client.without_login("services/data/")]
        return ApiVersion(API_VERSION, tuple(sorted(offered, key=_number)))

    def server_time(self) -> datetime | None:
        """Tell the clock of the last answer."""
        return self._client.server_time

    def rights(self) -> Rights:
        """Describe the types of our work, and read our user's own permissions."""
        described = {type: self._described(type) for type in dict.fromkeys(one[0] for one in self._needed)}
        needed = [
            Right(f"{SOBJECTS[type]}: {what}", why, _where(type), bool(described[type].get(flag)))
            for type, what, flag, why in self._needed
        ]
        system = self._system()
        calls = system.get("PermissionsApiEnabled", True)  # whoever is answered may call
        needed.append(Right("API Enabled", "asks and writes anything at all", API_ENABLED, calls))
        install = system.get("PermissionsCustomizeApplication")
        needed.append(Right("Customize Application", "creates our fields", _SYSTEM, install, "install"))
        beyond = [shown for name, shown in _MIGHTY.items() if system.get(name)]
        return Rights(tuple(needed), tuple(beyond), _FIELDS)

    def choices(self) -> tuple[str, ...]:
        """Name the record types of opportunities that our user may give: the default of its profile is taken."""
        infos = self._described(RecordType.OPPORTUNITY).get("recordTypeInfos", ())
        open_to_us = [one for one in infos if one["active"] and one["available"]]
        if all(one["master"] for one in open_to_us):
            return ()
        first = sorted(open_to_us, key=lambda one: not one["defaultRecordTypeMapping"])
        return tuple(str(one["name"]) for one in first)

    def rules(self) -> Rules:
        """List what acts on, or refuses, opportunities and tasks."""
        types = {SOBJECTS[type]: type for type in OURS}
        seen: list[Rule] = []
        unseen: list[tuple[RuleKind, str]] = []
        for kind, path, soql in _queries(list(types)):
            rows = self._asked(path, soql)
            if rows is None:
                unseen.append((kind, _UNSEEN[kind]))
            else:
                seen += (_rule(kind, row, types) for row in rows)
        return Rules(tuple(seen), tuple(unseen))

    def _described(self, type: RecordType) -> Row:
        """Describe a type; one that our user may not see is described by nothing."""
        try:
            found: Row = self._client.read(f"sobjects/{SOBJECTS[type]}/describe")
            return found
        except RefusedError as error:
            if error.status == 404:
                return {}
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error

    def _system(self) -> Row:
        columns = ", ".join(("PermissionsApiEnabled", "PermissionsCustomizeApplication", *_MIGHTY))
        rows = self._asked("query/", f"SELECT {columns} FROM UserPermissionAccess LIMIT 1")  # noqa: S608 - our own names
        return rows[0] if rows else {}

    def _asked(self, path: str, soql: str) -> Sequence[Row] | None:
        """Run a query of one page; None where the user may not see the type or a column of it."""
        try:
            rows: Sequence[Row] = self._client.read(path, {"q": soql})["records"]
            return rows
        except RefusedError as error:
            if error.status not in (400, 403, 404) or error.code == QUOTA:
                raise self._client.for_reader(error) from error
            return None
        except CallError as error:
            raise self._client.for_reader(error) from error


def _queries(types: Sequence[str]) -> Iterator[tuple[RuleKind, str, str]]:
    flows = (
        "SELECT ApiName, Label, ProcessType, TriggerType, RecordTriggerType, TriggerObjectOrEventId "
        "FROM FlowDefinitionView WHERE IsActive = true "
        "AND (TriggerObjectOrEventId IN {} OR ProcessType = 'Workflow')"
    )
    yield "flow", "query/", format_soql(flows, types)
    workflows = "SELECT Name, TableEnumOrId FROM WorkflowRule WHERE TableEnumOrId IN {}"
    yield "workflow", "tooling/query/", format_soql(workflows, types)
    triggers = "SELECT Name, TableEnumOrId FROM ApexTrigger WHERE Status = 'Active' AND TableEnumOrId IN {}"
    yield "trigger", "tooling/query/", format_soql(triggers, types)
    validations = (
        "SELECT ValidationName, ErrorMessage, EntityDefinition.QualifiedApiName FROM ValidationRule "
        "WHERE Active = true AND EntityDefinition.QualifiedApiName IN {}"
    )
    yield "validation rule", "tooling/query/", format_soql(validations, types)
    duplicates = (
        "SELECT DeveloperName, MasterLabel, SobjectType FROM DuplicateRule WHERE IsActive = true AND SobjectType IN {}"
    )
    yield "duplicate rule", "query/", format_soql(duplicates, types)


def _rule(kind: RuleKind, row: Row, types: Mapping[str, RecordType]) -> Rule:
    match kind:
        case "flow" if row.get("ProcessType") == "Workflow":
            return Rule(kind, str(row["Label"]), None, "Process Builder; the API does not tell on which object")
        case "flow":
            effect = f"{row.get('TriggerType') or ''} {row.get('RecordTriggerType') or ''}".strip()
            return Rule(kind, str(row["Label"]), types.get(str(row["TriggerObjectOrEventId"])), effect)
        case "workflow":
            return Rule(kind, str(row["Name"]), types.get(str(row["TableEnumOrId"])), "the list does not say if active")
        case "trigger":
            return Rule(kind, str(row["Name"]), types.get(str(row["TableEnumOrId"])))
        case "validation rule":
            on = (row.get("EntityDefinition") or {}).get("QualifiedApiName")
            return Rule(kind, str(row["ValidationName"]), types.get(str(on)), str(row.get("ErrorMessage") or ""))
        case "duplicate rule":
            return Rule(kind, str(row["MasterLabel"]), types.get(str(row["SobjectType"])))


def _where(type: RecordType) -> str:
    return _ACTIVITIES if type is RecordType.TASK else _OBJECTS.format(SOBJECTS[type])


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0
