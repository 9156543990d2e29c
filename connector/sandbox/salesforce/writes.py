"""One record of a batch: the writes that sObject Collections and Bulk API 2.0 have in common.

A row is a body with its id or its key among the fields. Two rows with one key in one transaction are both refused,
because Salesforce cannot tell which of them is meant.

Source: REST API Developer Guide, "sObject Collections"; SOAP API Developer Guide, "upsert()".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce import records
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import Field, ObjectType


def update_by_id(caller: Caller, kind: ObjectType, row: Row) -> str:
    """Change the record whose id stands in the row."""
    record_id = _value(row, "Id")
    if not record_id:
        raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call")
    records.update(caller, kind, str(record_id), _without(row, "Id"))
    return str(records.existing(caller.org, kind, str(record_id))["Id"])


def upsert_by_key(caller: Caller, kind: ObjectType, field: Field, row: Row) -> tuple[str, bool]:
    """Change the record that carries the row's key, or create it; say which of the two."""
    body, value = _without(row, field.name), _value(row, field.name)
    if field.name == "Id":
        if value is None:
            return records.insert(caller, kind, body), True
        return update_by_id(caller, kind, row), False
    if value is None or value == "":
        raise Refusal("MISSING_ARGUMENT", f"{field.name} not specified")
    found = records.matches(caller, kind, field, value)
    if len(found) > 1:
        ids = ", ".join(one["Id"] for one in found)
        raise Refusal(
            "DUPLICATE_EXTERNAL_ID", f"{field.name}: more than one record found for external id field: [{ids}]"
        )
    if found:
        records.update(caller, kind, found[0]["Id"], body)
        return str(found[0]["Id"]), False
    return records.insert(caller, kind, {**body, field.name: value}), True


def keys_sent_twice(rows: Iterable[Row], field: Field) -> frozenset[str]:
    """Find the keys that several rows carry."""
    counts = Counter(key for row in rows if (key := _key(row, field)) is not None)
    return frozenset(key for key, count in counts.items() if count > 1)


def refuse_key_sent_twice(row: Row, field: Field, twice: frozenset[str]) -> None:
    """Refuse a row whose key another row of the same call carries."""
    if _key(row, field) in twice:
        raise Refusal("DUPLICATE_VALUE", f"Duplicate external id specified: {_value(row, field.name)}", [field.name])


def _key(row: Row, field: Field) -> str | None:
    value = _value(row, field.name)
    if value is None:
        return None
    return str(value) if field.case_sensitive else str(value).casefold()


def _value(row: Row, name: str) -> Any:
    return next((value for one, value in row.items() if one.casefold() == name.casefold()), None)


def _without(row: Row, name: str) -> Row:
    return {one: value for one, value in row.items() if one.casefold() != name.casefold()}
