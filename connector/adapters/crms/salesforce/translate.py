"""Salesforce's words and our words: type names, link lookups, and field values on the wire.

Decided here: canonical text on our side, JSON on theirs; a task that cannot carry a key ends its body with a `ref:`
line that readers of this adapter never show, so that a body compares the same with and without keys. A note is a `Note`
and not a `ContentNote`: it is one row that hangs on its parent from the start and is written two hundred at a time,
where the other is a file whose link is a second call, and a kill between the two would leave a note on nothing. Neither
is it a task that is done already, which would count as activity on the account. Its body cannot be filtered by.

Source: REST API Developer Guide, "Valid Date and DateTime Formats"; Object Reference, "Field Types", "Note".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.adapters.crms.values import datetime_text, number_text, with_reference, without_reference
from connector.domain.change import CrmRecord, FieldSpec, FieldType, Link, RecordType, Scalar, Stage, Write
from connector.domain.mapping import CrmMapping

SOBJECTS = {
    RecordType.ACCOUNT: "Account",
    RecordType.CONTACT: "Contact",
    RecordType.OPPORTUNITY: "Opportunity",
    RecordType.TASK: "Task",
    RecordType.NOTE: "Note",
    RecordType.FILE: "ContentVersion",
    RecordType.OWNER: "User",
}
_PREFIXES = {"001": "account", "003": "contact", "006": "opportunity", "00T": "task", "005": "owner"}
_TYPES = {
    "boolean": FieldType.BOOL,
    "int": FieldType.NUMBER,
    "long": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "picklist": FieldType.PICKLIST,
    "multipicklist": FieldType.MULTI_PICKLIST,
    "reference": FieldType.REFERENCE,
    "id": FieldType.REFERENCE,
}
ALWAYS_READ = ("Id", "CreatedDate", "SystemModstamp", "IsDeleted")
CURRENCY = "CurrencyIsoCode"
"""In orgs with several currencies, and only there."""
OUT_OF_FORECAST = "Omitted"


def field_spec(described: Mapping[str, Any]) -> FieldSpec:
    """Read one field of a describe."""
    kind = _TYPES.get(described["type"], FieldType.TEXT)
    if described.get("htmlFormatted") and described["type"] == "textarea":
        kind = FieldType.HTML
    options = None
    if described.get("restrictedPicklist"):
        options = tuple(one["value"] for one in described["picklistValues"] if one["active"])
    createable = bool(described["createable"])
    return FieldSpec(
        name=described["name"],
        type=kind,
        label=described["label"],
        length=described.get("length") or None,
        createable=createable,
        updateable=bool(described["updateable"]),
        required=createable and not described["nillable"] and not described["defaultedOnCreate"],
        unique=bool(described.get("unique") and described.get("externalId")),
        options=options,
        is_currency=described["name"] == CURRENCY,
    )


def record_types(infos: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Name the record types of a describe that this user may use; the master stands for none at all."""
    return {
        row["recordTypeId"]: (row["developerName"], row["name"])
        for row in infos
        if row["active"] and row["available"] and not row["master"]
    }


def to_wire(spec: FieldSpec, value: Scalar) -> Any:
    """Write a canonical value as JSON; raise ValueError when it is none of the field's type."""
    if value is None:
        # A checkbox has no null; unchecked is as empty as it gets.
        return False if spec.type is FieldType.BOOL else None
    match spec.type:
        case FieldType.NUMBER:
            try:
                number = Decimal(value)
            except InvalidOperation as error:
                raise ValueError(f"{value!r} is not a number") from error
            return int(number) if number == number.to_integral_value() else float(number)
        case FieldType.BOOL:
            if value not in ("true", "false"):
                raise ValueError(f"{value!r} is neither true nor false")
            return value == "true"
        case FieldType.DATE:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
        case FieldType.DATETIME:
            return datetime_text(moment(value)).replace("Z", ".000+0000")
        case _:
            return value


def from_wire(spec: FieldSpec, value: Any) -> Scalar:
    """Read a JSON value as canonical text."""
    if value is None or value == "":
        return None
    match spec.type:
        case FieldType.NUMBER:
            return number_text(value)
        case FieldType.BOOL:
            return "true" if value else "false"
        case FieldType.DATETIME:
            return datetime_text(moment(str(value)))
        case FieldType.MULTI_PICKLIST:
            return ";".join(sorted(str(value).split(";")))
        case _:
            return str(value)


def moment(text: str) -> datetime:
    """Read a datetime as Salesforce writes it, or canonical text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def lookups(mapping: CrmMapping, type: RecordType) -> Mapping[str, str]:
    """Name the lookup field of each link role of a type."""
    match type:
        case RecordType.OPPORTUNITY:
            return mapping.opportunity.links
        case RecordType.TASK:
            return mapping.task.links
        case RecordType.CONTACT:
            return {"account": mapping.contact.account}
        case RecordType.NOTE:
            return mapping.note.links if mapping.note is not None else {}
        case _:
            return {}


def referring(mapping: CrmMapping, type: RecordType, keyed: bool) -> str | None:
    """Name the field whose last line is `ref: KEY`, where a type carries no key of its own."""
    if type is RecordType.NOTE and mapping.note is not None:
        return mapping.note.body
    return mapping.task.body if type is RecordType.TASK and not keyed else None


def link_fields(links: Iterable[Link]) -> dict[str, str]:
    """Turn resolved links into lookup values.

    A task has one lookup for account and opportunity: the opportunity wins, since Salesforce derives its account.
    """
    ordered = sorted(links, key=lambda link: link.role != "account")
    return {link.name: link.to.id for link in ordered if link.to.id is not None}


def links_of(row: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Read the links of a row; a lookup that may point to several types tells which by the id's first letters."""
    found: dict[str, tuple[str, ...]] = {}
    for role, name in named.items():
        target = row.get(name)
        if target and _PREFIXES.get(target[:3], role) == role:
            found[role] = (target,)
    if "account" not in found and row.get("AccountId"):
        found["account"] = (row["AccountId"],)
    return found


def key_field(mapping: CrmMapping, type: RecordType) -> str | None:
    """Name the field that carries our key."""
    match type:
        case RecordType.OPPORTUNITY:
            return mapping.opportunity.key
        case RecordType.TASK:
            return mapping.task.key
        case _:
            return None


def fields_of(write: Write, specs: Mapping[str, FieldSpec], mapping: CrmMapping, keyed: bool) -> dict[str, Scalar]:
    """Complete a write's fields with its links, its key and its `ref:` line."""
    fields = {**write.fields, **link_fields(write.links)}
    if write.key is None:
        return fields
    name, body, is_new = key_field(mapping, write.type), referring(mapping, write.type, keyed), write.verb == "create"
    if is_new and name is not None and name in specs:
        fields[name] = write.key
    if body is not None and (is_new or body in fields):
        fields[body] = with_reference(fields.get(body), write.key, specs[body].length)
    return fields


def record(
    type: RecordType,
    row: Mapping[str, Any],
    specs: Mapping[str, FieldSpec],
    names: Sequence[str],
    mapping: CrmMapping,
    keyed: bool,
) -> CrmRecord:
    """Read one row of a query."""
    fields = {name: from_wire(specs[name], row.get(name)) if name in specs else None for name in names}
    if (named := referring(mapping, type, keyed)) is not None:
        body, key = without_reference(from_wire(specs[named], row.get(named)))
        if named in fields:
            fields[named] = body
        if type is RecordType.TASK and mapping.task.key in names:
            fields[str(mapping.task.key)] = key
    return CrmRecord(
        type=type,
        id=row["Id"],
        fields=fields,
        links=links_of(row, lookups(mapping, type)),
        created_at=moment(row["CreatedDate"]),
        modified_at=moment(row["SystemModstamp"]),
        archived=bool(row.get("IsDeleted")),
        merged_into=row.get("MasterRecordId"),
    )


def stage(row: Mapping[str, Any]) -> Stage:
    """Read one row of OpportunityStage."""
    return Stage(
        id=row["ApiName"] or row["MasterLabel"],
        label=row["MasterLabel"],
        closed=row["IsClosed"],
        won=row["IsWon"],
        in_forecast=row["ForecastCategoryName"] != OUT_OF_FORECAST,
    )
