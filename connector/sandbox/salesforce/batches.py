"""sObject Collections: up to 200 records a call, each with its own outcome, in the order sent.

A well-formed call is answered 200 whatever happens to its records; a refused record has no `id`. With `allOrNone`
one refused record takes the others back, which inside Composite has another code.

Source: REST API Developer Guide, "sObject Collections".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce import records, writes
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.http import answer, json_body, known_type
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import ObjectType, types_by_prefix

_MOST_RECORDS = 200
_MOST_RUNS = 10


async def create(caller: Caller, request: Request) -> Response:
    """Create records."""
    rows, all_or_none = await _batch(request)
    _check_runs(rows)

    def one(row: Row) -> Row:
        return {"id": records.insert(caller, _type(caller, row), row)}

    return _answered(caller, rows, all_or_none, one)


async def update(caller: Caller, request: Request) -> Response:
    """Change records by id."""
    rows, all_or_none = await _batch(request)
    _check_runs(rows)

    def one(row: Row) -> Row:
        return {"id": writes.update_by_id(caller, _type(caller, row), row)}

    return _answered(caller, rows, all_or_none, one)


async def upsert(caller: Caller, request: Request) -> Response:
    """Change the records that carry a key, create those that are not there."""
    kind = known_type(caller, request)
    field = records.key_field(kind, request.path_params["field"])
    rows, all_or_none = await _batch(request)
    if any(row["attributes"]["type"].casefold() != kind.name.casefold() for row in rows):
        raise Refusal("INVALID_INPUT", f"every record must be of type {kind.name}")
    twice = writes.keys_sent_twice(rows, field)

    def one(row: Row) -> Row:
        writes.refuse_key_sent_twice(row, field, twice)
        record_id, created = writes.upsert_by_key(caller, kind, field, row)
        return {"id": record_id, "created": created}

    return _answered(caller, rows, all_or_none, one)


async def delete(caller: Caller, request: Request) -> Response:
    """Delete records by id."""
    ids = [one for one in request.query_params.get("ids", "").split(",") if one]
    if not ids:
        raise Refusal("MISSING_ARGUMENT", "The ids parameter is required")
    _check_size(len(ids))
    all_or_none = request.query_params.get("allOrNone", "false").lower() == "true"

    def one(row: Row) -> Row:
        kind = caller.type(types_by_prefix().get(row["Id"][:3], ""))
        if kind is None:
            raise Refusal("MALFORMED_ID", f"malformed id {row['Id']}", ["Id"])
        records.delete(caller, kind, row["Id"])
        return {"id": row["Id"]}

    return _answered(caller, [{"Id": one} for one in ids], all_or_none, one)


async def _batch(request: Request) -> tuple[list[Row], bool]:
    body = await json_body(request)
    rows = body.get("records")
    if not isinstance(rows, list) or not rows:
        raise Refusal("MISSING_ARGUMENT", "records is required")
    _check_size(len(rows))
    for row in rows:
        attributes = row.get("attributes") if isinstance(row, dict) else None
        if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
            raise Refusal("INVALID_INPUT", "each record needs attributes with its type")
    return rows, body.get("allOrNone", False) is True


def _check_size(count: int) -> None:
    if count > _MOST_RECORDS:
        raise Refusal(
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {_MOST_RECORDS} records into this call",
        )


def _check_runs(rows: list[Row]) -> None:
    if len(list(groupby(rows, key=lambda row: row["attributes"]["type"].casefold()))) > _MOST_RUNS:
        raise Refusal(
            "LIMIT_EXCEEDED",
            f"Cannot have more than {_MOST_RUNS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking.",
        )


def _type(caller: Caller, row: Row) -> ObjectType:
    name = row["attributes"]["type"]
    kind = caller.type(name)
    if kind is None:
        raise Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _answered(caller: Caller, rows: list[Row], all_or_none: bool, act: Callable[[Row], Row]) -> Response:
    with caller.org.undoable() as journal:
        results = [_outcome(act, row) for row in rows]
        if all_or_none and not all(one["success"] for one in results):
            caller.org.undo(journal)
            results = [one if not one["success"] else _rolled_back(caller) for one in results]
    return answer(results)


def _outcome(act: Callable[[Row], Row], row: Row) -> dict[str, Any]:
    try:
        done = act(row)
    except Refusal as refusal:
        return {"success": False, "errors": [refusal.as_record_error()]}
    created = {"created": done["created"]} if "created" in done else {}
    return {"id": done["id"], "success": True, "errors": [], **created}


def _rolled_back(caller: Caller) -> dict[str, Any]:
    refusal = Refusal(
        "PROCESSING_HALTED" if caller.is_inside else "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )
    return {"success": False, "errors": [refusal.as_record_error()]}
