"""Batch endpoints: up to 100 records a call, and what happens when some of them are refused.

Without trace ids a batch is all or nothing and names only the first refusal; with one on each input the answer is
207 and every refusal carries its trace id. Whether that holds beyond create is not documented: a switch decides.
Source: "Using object APIs", batch actions and multi-status errors, developers.hubspot.com.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from connector.sandbox.hubspot.errors import ApiError, invalid, some_not_found
from connector.sandbox.hubspot.objects import located, non_unique, shown, shown_after_write
from connector.sandbox.hubspot.portal import TEXTS, Call, Fields, Portal, Routes, fields, object_type
from connector.sandbox.hubspot.records import Record
from connector.sandbox.hubspot.writing import create, update

Row = dict[str, Any]
MOST_INPUTS, MOST_HISTORIES, LOCKED = 100, 50, 423
Write = Callable[[Row], Row | None]


def inputs(body: Any, required: Fields, optional: Fields, most: int = MOST_INPUTS) -> list[Row]:
    """Return the inputs of a batch that holds nothing but inputs."""
    given = fields(body, {"inputs": list})
    return within(given["inputs"], required, optional, most)


def within(rows: Sequence[Any], required: Fields, optional: Fields | None = None, most: int = MOST_INPUTS) -> list[Row]:
    """Return inputs of which there are not too many, each with the fields it needs."""
    if len(rows) > most:
        what = " for property histories" if most == MOST_HISTORIES else ""
        raise invalid(f"The maximum number of inputs supported in a batch request{what} is {most}")
    return [fields(row, required, optional) for row in rows]


def refuse_duplicates(ids: Sequence[str]) -> None:
    """Refuse a batch that names one id twice."""
    twice = [one for one, times in Counter(ids).items() if times > 1]
    if twice:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique", ids=twice)


def _read(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"])
    options = {"properties": TEXTS, "propertiesWithHistory": TEXTS, "idProperty": str}
    given = fields(call.body, {"inputs": list}, options)
    history = given.get("propertiesWithHistory", [])
    ids = [row["id"] for row in within(given["inputs"], {"id": str}, {}, MOST_HISTORIES if history else MOST_INPUTS)]
    refuse_duplicates(ids)
    archived = call.flag("archived")
    found = {one: located(portal, kind.name, one, given.get("idProperty"), archived=archived) for one in ids}
    rows = {
        record.id: shown(portal, record, given.get("properties", []), history) for record in found.values() if record
    }
    missing = [one for one, record in found.items() if record is None]
    errors = [portal.error_item(some_not_found(kind.singular, missing))] if missing else []
    return portal.completed(list(rows.values()), errors)


def _create(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"]).name
    rows = inputs(call.body, {"properties": dict}, {"associations": list, "objectWriteTraceId": str})

    def write(row: Row) -> Row:
        record = create(portal, kind, row["properties"], row.get("associations", ()))
        return shown_after_write(record, row["properties"])

    return _each(portal, kind, rows, write, portal.switch("batch_created"))


def _update(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"])
    rows = inputs(call.body, {"id": str, "properties": dict}, {"idProperty": str, "objectWriteTraceId": str})
    refuse_duplicates([row["id"] for row in rows])

    def write(row: Row) -> Row | None:
        current = located(portal, kind.name, row["id"], row.get("idProperty"))
        if current is None:
            raise some_not_found(kind.singular, [row["id"]])
        if (kind.name, row["id"]) in portal.store.merged and portal.switch("merged_update") == "omitted":
            return None
        return shown_after_write(update(portal, current, row["properties"]), list(row["properties"]))

    return _each(portal, kind.name, rows, write, 200)


def _upsert(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"]).name
    rows = inputs(call.body, {"id": str, "properties": dict}, {"idProperty": str, "objectWriteTraceId": str})
    refuse_duplicates([row["id"] for row in rows])
    for row in rows:
        if row.get("idProperty") not in portal.keys(kind):
            raise non_unique(kind, row.get("idProperty", "hs_object_id"))

    def write(row: Row) -> Row:
        current = portal.store.by_key(kind, row["idProperty"], row["id"])
        properties = {row["idProperty"]: row["id"], **row["properties"]}
        record = update(portal, current, properties) if current else create(portal, kind, properties)
        return shown_after_write(record, list(properties)) | {"new": current is None}

    return _each(portal, kind, rows, write, 200)


def _archive(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"]).name
    ids = [row["id"] for row in inputs(call.body, {"id": str}, {})]
    refuse_duplicates(ids)
    for record in (portal.store.find(kind, one) for one in ids):
        if record is not None:
            portal.store.archive(record)
    return Response(status_code=204)


def _each(portal: Portal, kind: str, rows: Sequence[Row], write: Write, status: int) -> Response:
    """Write each input; one refusal undoes the others unless this batch may partly succeed. A lock stops every one."""
    traces = [row["objectWriteTraceId"] for row in rows if "objectWriteTraceId" in row]
    mode = portal.switch("multi_status")
    partly = mode == "always" or (mode == "trace" and len(set(traces)) == len(rows))
    before: dict[str, Record] = dict(portal.store.records[kind])
    results, errors = [], []
    for row in rows:
        try:
            result = write(row)
        except ApiError as refusal:
            if not partly or refusal.status == LOCKED:
                _undo(portal, kind, before)
                raise
            errors.append(portal.error_item(refusal, **_named(row)))
            continue
        if result is None:
            continue
        trace = row.get("objectWriteTraceId")
        results.append(result | {"objectWriteTraceId": trace} if trace else result)
    return portal.completed(results, errors, status)


def _named(row: Row) -> dict[str, list[str]]:
    if "objectWriteTraceId" in row:
        return {"objectWriteTraceId": [row["objectWriteTraceId"]]}
    return {"ids": [row["id"]]} if "id" in row else {}


def _undo(portal: Portal, kind: str, before: Mapping[str, Record]) -> None:
    """Put the records back as they were."""
    for record in list(portal.store.records[kind].values()):
        old = before.get(record.id)
        if old is None:
            portal.store.dissociate_all((kind, record.id))
            portal.store.forget(record)
        elif old is not record:
            portal.store.put(old)


ROUTES: Routes = tuple(
    ("POST", f"/crm/v3/objects/{{type}}/batch/{action}", handler)
    for action, handler in (
        ("read", _read),
        ("create", _create),
        ("update", _update),
        ("upsert", _upsert),
        ("archive", _archive),
    )
)
