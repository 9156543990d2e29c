"""Looks at what an org has of ours, and says what an installation would do about the rest.

Decided here: a field that our user cannot see may be there all the same, so Tooling is asked too; what exists with
other settings is never changed, because somebody else's records may stand in it; stages are a list that belongs to the
customer and would be replaced whole, so missing ones are named with the clicks that make them.

Source: Tooling API Developer Guide, "CustomField", "QuickActionDefinition"; Object Reference, "FieldPermissions",
"ListView", "OpportunityStage".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simple_salesforce.format import format_soql

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce import components
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.errors import EXPIRED, QUOTA
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.translate import SOBJECTS, key_field
from connector.domain.change import FieldSpec, FieldType, RecordType
from connector.domain.installation import Doing, SetupStep, Wanted, mark
from connector.domain.mapping import CrmMapping, NewField
from connector.domain.routing import routes_of

Row = Mapping[str, Any]
PROVEN, REFUSED_KEYS = "Task key: one key makes one task.", "Task key: refused by this org."
_TEXTS = (FieldType.TEXT, FieldType.HTML)


@dataclass(frozen=True)
class Org:
    """What stands in an org under our names."""

    fields: Mapping[str, str] | None
    """Owner.Name of custom fields → id; None where Tooling is not for us."""
    sets: Mapping[str, Row]
    grants: Mapping[str, Mapping[str, Row]]
    """Permission set → field → its row."""
    assigned: frozenset[str]
    """Permission sets that our user has."""
    views: frozenset[str]
    sections: frozenset[str] | None
    sees_setup: bool = True
    """Whether our user may look at permission sets: one that only runs the connector need not."""

    def has(self, one: components.Component) -> bool:
        match one.type:
            case "ListView":
                return one.name in self.views
            case "QuickAction":
                return one.name in (self.sections or ())
            case _:
                return one.name in self.sets


class Surveyor:
    """Compares one org with a mapping."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def org(self, wanted: Wanted) -> Org:
        """Look; raise what a reading step raises."""
        both = (components.connector_set(self._mapping), components.sales_set(self._mapping))
        asked = f"SELECT Id, Name, Description, {', '.join(components.user_grants())} FROM PermissionSet"  # noqa: S608
        rows = self._told(self._rows, asked, "Name", both)
        sets = {row["Name"]: row for row in rows or ()}
        names = {row["Id"]: name for name, row in sets.items()}
        grants: dict[str, dict[str, Row]] = {name: {} for name in sets}
        asked = "SELECT Id, ParentId, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions"
        for row in self._rows(asked, "ParentId", names):
            grants[names[row["ParentId"]]][row["Field"]] = row
        user = self._client.who_am_i()["user_id"]
        asked = "SELECT PermissionSetId, AssigneeId FROM PermissionSetAssignment"
        mine = [row for row in self._rows(asked, "PermissionSetId", names) if row["AssigneeId"] == user]
        views = self._rows(
            "SELECT SobjectType, DeveloperName FROM ListView", "DeveloperName", [components.view_name(self._mapping)]
        )
        return Org(
            fields=self.fields([name for fields in wanted.values() for name in fields]),
            sets=sets,
            grants=grants,
            assigned=frozenset(names[row["PermissionSetId"]] for row in mine),
            views=frozenset(f"{row['SobjectType']}.{row['DeveloperName']}" for row in views),
            sections=self._sections(),
            sees_setup=rows is not None,
        )

    def fields(self, names: list[str]) -> dict[str, str] | None:
        """Find custom fields with these names or with our prefix, those hidden from us included."""
        stems = [name.removesuffix("__c") for name in names]
        like = format_soql("DeveloperName LIKE '{:like}%'", self._mapping.own_prefix)
        named = format_soql("DeveloperName IN {} OR ", stems) if stems else ""
        asked = "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField"
        rows = self._tooling(f"{asked} WHERE NamespacePrefix = null AND ({named}{like})")
        if rows is None:
            return None
        return {f"{row['TableEnumOrId']}.{row['DeveloperName']}__c": row["Id"] for row in rows}

    def _sections(self) -> frozenset[str] | None:
        asked = "SELECT DeveloperName, SobjectType FROM QuickActionDefinition"
        named = format_soql(" WHERE DeveloperName = {}", components.section_name(self._mapping))
        rows = self._tooling(asked + named)
        return None if rows is None else frozenset(f"{row['SobjectType']}.{row['DeveloperName']}" for row in rows)

    def _rows(self, asked: str, name: str, values: Any) -> list[Row]:
        if not values:
            return []
        return self._read("queryAll/", asked + format_soql(f" WHERE {name} IN {{}}", list(values)))

    def _tooling(self, soql: str) -> list[Row] | None:
        return self._told(self._read, "tooling/query/", soql)

    def _read(self, path: str, soql: str) -> list[Row]:
        page = self._client.read(path, {"q": soql})
        rows: list[Row] = list(page["records"])
        while not page["done"]:
            page = self._client.read("query" + page["nextRecordsUrl"].partition("/query")[2])
            rows += page["records"]
        return rows

    def _told(self, look: Callable[..., list[Row]], *args: Any) -> list[Row] | None:
        """Look at the setup; None where our user may not, which Salesforce tells as if there were no such thing."""
        try:
            return look(*args)
        except RefusedError as error:
            if error.code not in (QUOTA, EXPIRED) and (error.status in (403, 404) or error.code == "INVALID_TYPE"):
                return None
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error

    # what would be done

    def steps(self, wanted: Wanted, org: Org) -> Iterator[SetupStep]:
        """Say what an installation would do, in the order it would."""
        for type, fields in wanted.items():
            specs = self._reader.schema(type).fields
            for name, new in fields.items():
                known = org.fields is not None and f"{components.owner(type)}.{name}" in org.fields
                yield self._field(type, name, new, specs.get(name), known)
        yield from self._permission_sets(wanted, org)
        if org.sees_setup:
            for one in [*components.list_views(self._mapping, wanted), *components.sections(self._mapping, wanted)]:
                yield self._shown(one, wanted, org)
        yield from self._stages()
        yield from self._record_types()
        yield from self._probe(wanted, org)

    def _field(self, type: RecordType, name: str, new: NewField, spec: FieldSpec | None, known: bool) -> SetupStep:
        full, place = f"{components.owner(type)}.{name}", (type.value, name)
        if spec is None:
            if known:
                return SetupStep(Doing.EXISTS, "field", full, "hidden from this user", place=place)
            return SetupStep(Doing.CREATE, "field", full, described(new), place=place)
        against = _conflict(type, new, spec)
        if against is not None:
            detail, hint = against
            return SetupStep(Doing.REFUSED, "field", full, f"cannot be used as wanted: {detail}", hint, place)
        plain = new.unique and not spec.unique
        detail = "without uniqueness: a `ref:` line replaces the key" if plain else described(new)
        return SetupStep(Doing.EXISTS, "field", full, detail, place=place)

    def _permission_sets(self, wanted: Wanted, org: Org) -> Iterator[SetupStep]:
        if not org.sees_setup:
            ours = components.connector_set(self._mapping)
            hint = (
                f"let an administrator look whether {ours} is assigned to our user; see `connector install --out DIR`"
            )
            yield SetupStep(Doing.BY_HAND, "permission set", ours, "this user may not look at permission sets", hint)
            return
        for one in components.permission_sets(self._mapping, wanted):
            row = org.sets.get(one.name)
            names = self.lacking(one.name, wanted, org)
            lacking = ", ".join([*self.closed(one.name, org), *names])
            if row is None:
                yield SetupStep(Doing.CREATE, "permission set", one.name, _opened(one, names))
            elif mark(self._mapping) not in str(row.get("Description")):
                hint = f"rename it in Setup > Permission Sets; or write {mark(self._mapping)!r} into its description"
                yield SetupStep(Doing.REFUSED, "permission set", one.name, "somebody else made it", hint)
            elif lacking:
                yield SetupStep(Doing.CHANGE, "permission set", one.name, f"also opens {lacking}")
            else:
                yield SetupStep(Doing.EXISTS, "permission set", one.name)
        ours = components.connector_set(self._mapping)
        if ours not in org.assigned:
            yield SetupStep(Doing.CREATE, "assignment", f"{ours} to our user")

    def lacking(self, permission_set: str, wanted: Wanted, org: Org) -> list[str]:
        """Name the fields that a permission set should open and does not."""
        granted = org.grants.get(permission_set, {})
        return [
            name
            for name, edit in components.grants(self._mapping, wanted, permission_set).items()
            if not is_open(granted.get(name), edit)
        ]

    def closed(self, permission_set: str, org: Org) -> list[str]:
        """Name what a permission set of ours should open beside records and fields, and does not."""
        row = org.sets.get(permission_set)
        if row is None or permission_set != components.connector_set(self._mapping):
            return []
        return [shown for name, shown in components.USER_PERMISSIONS.items() if not row[f"Permissions{name}"]]

    def _shown(self, one: components.Component, wanted: Wanted, org: Org) -> SetupStep:
        what = "list view" if one.type == "ListView" else "quick action"
        if org.has(one):
            return SetupStep(Doing.EXISTS, what, one.name)
        names = [name for fields in wanted.values() for name in fields]
        inside = dict.fromkeys(str(part) for part in _leaves(one.content) if str(part) in names)
        return SetupStep(Doing.CREATE, what, one.name, f"shows {', '.join(inside)}")

    def _stages(self) -> Iterator[SetupStep]:
        rows = list(self._client.query("SELECT MasterLabel, ApiName, IsActive FROM OpportunityStage"))
        known = {row[name] for row in rows if row["IsActive"] for name in ("MasterLabel", "ApiName")}
        routes = routes_of(self._mapping.opportunity)
        wanted = dict.fromkeys(label for route in reversed(routes) for label in route.stages.values())
        lacking = [label for label in wanted if label not in known]
        if lacking:
            hint = (
                "Setup > Object Manager > Opportunity > Fields & Relationships > Stage > New; the `proposed` one in "
                "forecast category Omitted; then Setup > Sales Processes: add them where your record types need them"
            )
            yield SetupStep(Doing.BY_HAND, "stage", ", ".join(lacking), "not in this org", hint, ("stages",))
        else:
            yield SetupStep(Doing.EXISTS, "stage", ", ".join(wanted))

    def _record_types(self) -> Iterator[SetupStep]:
        """Name the record types of the mapping that our user may not give: an admin makes and assigns those."""
        named = {one.record_type: one for one in routes_of(self._mapping.opportunity) if one.record_type}
        kinds = self._reader.record_types() if named else {}
        usable = {name: id for id, names in kinds.items() for name in names}
        for name, route in named.items():
            if name in usable:
                offered = self._reader.offered_stages(usable[name])
                wanted = dict.fromkeys(route.stages.values())
                lacking = [one for one in wanted if offered is not None and one not in offered]
                yield _sales_process(name, lacking)
                continue
            told = ", ".join(dict.fromkeys(route.stages.values()))
            hint = (
                f"Setup > Sales Processes > New, with stages {told}; Object Manager > Opportunity > Record Types > New "
                "with that process; then assign it to our user's profile or permission set"
            )
            detail = "not in this org, or not open to our user"
            yield SetupStep(Doing.BY_HAND, "record type", name, detail, hint, ("routes",))

    def _probe(self, wanted: Wanted, org: Org) -> Iterator[SetupStep]:
        name = key_field(self._mapping, RecordType.TASK)
        if name is None or not wanted.get(RecordType.TASK, {}).get(name, _PLAIN).unique:
            return
        if not org.sees_setup:
            return
        row = org.sets.get(components.connector_set(self._mapping))
        told = str(row.get("Description")) if row else ""
        answer = next((one for one in (PROVEN, REFUSED_KEYS) if one in told), None)
        if answer is not None:
            yield SetupStep(Doing.EXISTS, "probe", f"Task.{name}", answer)
        else:
            detail = "does one key make one task? tried on a throw-away task, noted on the permission set"
            yield SetupStep(Doing.CREATE, "probe", f"Task.{name}", detail)


_PLAIN = NewField(label="")


def _sales_process(record_type: str, lacking: Sequence[str]) -> SetupStep:
    if not lacking:
        return SetupStep(Doing.EXISTS, "record type", record_type)
    hint = "Setup > Sales Processes: add them to the process of this record type, or name stages in the mapping it has"
    return SetupStep(
        Doing.BY_HAND, "record type", record_type, f"does not offer {', '.join(lacking)}", hint, ("routes",)
    )


def _opened(one: components.Component, names: list[str]) -> str:
    """Tell in a few words what a new permission set opens."""
    objects = [dict(value) for name, value in one.content if name == "objectPermissions"]
    told = [f"{row['object']} (read{', create, edit' if row['allowEdit'] else ''})" for row in objects]
    told += [
        components.USER_PERMISSIONS[dict(value)["name"]] for name, value in one.content if name == "userPermissions"
    ]
    return ", ".join([f"opens {len(names)} fields", *told])


def is_open(row: Row | None, edit: bool) -> bool:
    """Say whether a permission opens its field as far as wanted."""
    return row is not None and bool(row["PermissionsRead"]) and (bool(row["PermissionsEdit"]) or not edit)


def described(new: NewField) -> str:
    """Tell a field's settings in a few words."""
    is_text = new.type in _TEXTS or new.type is FieldType.PICKLIST
    kind = f"{new.type} ({new.length})" if is_text else str(new.type)
    return f"{kind}, unique external id" if new.unique else kind


def _conflict(type: RecordType, new: NewField, spec: FieldSpec) -> tuple[str, str] | None:
    """Say why a field that is there cannot be ours, and the cure."""
    other = "rename it in the mapping's `install:` and where the mapping uses it"
    expected = new.type if new.type in (FieldType.BOOL, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME) else None
    if new.type is FieldType.PICKLIST and spec.type is FieldType.PICKLIST:
        lacking = sorted(set(new.options) - set(spec.options or new.options))
        return (f"its picklist lacks {', '.join(lacking)}", "add them in Setup, or " + other) if lacking else None
    if (spec.type is not expected) if expected else (spec.type not in _TEXTS):
        return f"a {spec.type} field of that name exists, not {described(new)}", other
    if expected is None and spec.length is not None and spec.length < new.length:
        longer = f"lengthen it in Setup to {new.length}, or set `length: {spec.length}` in the mapping"
        return f"it holds {spec.length} characters, not {new.length}", longer
    if new.unique and not spec.unique and type is not RecordType.TASK:
        tick = "tick External ID and Unique on it in Setup if it is yours to change, or " + other
        return "it exists without being a unique external id", tick
    return None


def _leaves(content: Any) -> Iterator[Any]:
    for _, value in content:
        if isinstance(value, str | bool | int):
            yield value
        else:
            yield from _leaves(value)


def sobject(full_name: str) -> str:
    """Name the object a field is read on: one of Activity on tasks."""
    parent = full_name.partition(".")[0]
    return SOBJECTS[RecordType.TASK] if parent == "Activity" else parent
