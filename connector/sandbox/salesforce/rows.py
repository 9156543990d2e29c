"""Resources of one record: create, read, change, delete, upsert by key; describes; what changed since.

Source: REST API Developer Guide, "sObject Basic Information", "sObject Rows", "sObject Rows by External ID",
"sObject Get Updated", "sObject Get Deleted".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce import records
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.http import answer, if_changed, json_body, known_type
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.render import describe, describe_global, shown_row
from connector.sandbox.salesforce.schema import ObjectType
from connector.sandbox.salesforce.values import read_datetime, stamp

_UPDATED_DAYS = 30
_DELETED_DAYS = 15
_SLASHES_BEFORE_A_KEY = "/services/data/v1.0/sobjects/Type/Field/".count("/")


async def types(caller: Caller, request: Request) -> Response:
    """List object types."""
    return if_changed(request, describe_global(caller.version, caller.view), caller.org.schema_changed)


async def described(caller: Caller, request: Request) -> Response:
    """Describe one object type."""
    told = describe(caller.version, caller.org, known_type(caller, request))
    return if_changed(request, told, caller.org.schema_changed)


async def basic(caller: Caller, request: Request) -> Response:
    """Show a type's own summary."""
    whole = describe(caller.version, caller.org, known_type(caller, request))
    summary = {name: whole[name] for name in describe_global(caller.version, caller.view)["sobjects"][0]}
    return answer({"objectDescribe": summary, "recentItems": []})


async def create(caller: Caller, request: Request) -> Response:
    """Create a record."""
    kind = known_type(caller, request)
    return _created(caller, kind, _saved(records.insert(caller, kind, await json_body(request))))


async def read(caller: Caller, request: Request) -> Response:
    """Show a record."""
    kind = known_type(caller, request)
    row = _addressed(caller, kind, request)
    asked = [name for name in request.query_params.get("fields", "").split(",") if name]
    unknown = [name for name in asked if kind.field(name) is None]
    if unknown:
        raise Refusal("INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type {kind.name}")
    return answer(shown_row(caller.version, kind, row, asked))


async def change(caller: Caller, request: Request) -> Response:
    """Change a record."""
    kind = known_type(caller, request)
    row = _addressed(caller, kind, request, deleted_counts=True)
    records.update(caller, kind, row["Id"], _without(await json_body(request), "Id"))
    return answer(None, 204)


async def remove(caller: Caller, request: Request) -> Response:
    """Delete a record."""
    kind = known_type(caller, request)
    records.delete(caller, kind, _addressed(caller, kind, request, deleted_counts=True)["Id"])
    return answer(None, 204)


async def read_by_key(caller: Caller, request: Request) -> Response:
    """Show the record that carries a key."""
    kind = known_type(caller, request)
    found = _keyed(caller, kind, request)
    if len(found) == 1:
        return answer(shown_row(caller.version, kind, found[0]))
    if not found:
        raise not_found()
    return _several(caller, kind, found)


async def upsert(caller: Caller, request: Request) -> Response:
    """Change the record that carries a key, or create it with that key."""
    kind = known_type(caller, request)
    field = records.key_field(kind, request.path_params["field"])
    body = _without(_without(await json_body(request), "Id"), field.name)
    found = _keyed(caller, kind, request)
    if len(found) > 1:
        return _several(caller, kind, found)
    if found:
        records.update(caller, kind, found[0]["Id"], body)
        return answer({**_saved(found[0]["Id"]), "created": False}, 200)
    if request.query_params.get("updateOnly", "").lower() == "true":
        raise not_found()
    new = records.insert(caller, kind, {field.name: request.path_params["value"], **body})
    return _created(caller, kind, {**_saved(new), "created": True})


async def remove_by_key(caller: Caller, request: Request) -> Response:
    """Delete the record that carries a key."""
    kind = known_type(caller, request)
    found = _keyed(caller, kind, request)
    if not found:
        raise not_found()
    if len(found) > 1:
        return _several(caller, kind, found)
    records.delete(caller, kind, found[0]["Id"])
    return answer(None, 204)


async def updated(caller: Caller, request: Request) -> Response:
    """List the ids of living records changed in a span."""
    kind = known_type(caller, request)
    start, end = _span(caller, request, _UPDATED_DAYS)
    ids = [row["Id"] for row in caller.org.alive(kind.name) if start <= row["SystemModstamp"] < end]
    return answer({"ids": ids, "latestDateCovered": min(end, caller.org.now())})


async def deleted(caller: Caller, request: Request) -> Response:
    """List the records deleted in a span."""
    kind = known_type(caller, request)
    start, end = _span(caller, request, _DELETED_DAYS)
    gone = [row for row in caller.org.rows(kind.name) if row.get("IsDeleted") and start <= row["SystemModstamp"] < end]
    return answer(
        {
            "deletedRecords": [{"id": row["Id"], "deletedDate": row["SystemModstamp"]} for row in gone],
            "earliestDateAvailable": stamp(caller.org.control.clock.now() - timedelta(days=_DELETED_DAYS)),
            "latestDateCovered": min(end, caller.org.now()),
        }
    )


def _created(caller: Caller, kind: ObjectType, saved: Row) -> Response:
    response = answer(saved, 201)
    response.headers["Location"] = f"/services/data/{caller.version}/sobjects/{kind.name}/{saved['id']}"
    return response


def _saved(record_id: str) -> Row:
    return {"id": record_id, "success": True, "errors": []}


def _without(body: Row, name: str) -> Row:
    """Refuse a body that repeats what the address already says."""
    if name in body:
        raise Refusal("INVALID_FIELD", f"The {name} field should not be specified in the sobject data.")
    return body


def _addressed(caller: Caller, kind: ObjectType, request: Request, *, deleted_counts: bool = False) -> Row:
    """Find the record of the path; one that is deleted can be told from one that never was only when writing."""
    try:
        return records.existing(caller.org, kind, request.path_params["id"])
    except Refusal as refusal:
        if refusal.code == "MALFORMED_ID":
            raise Refusal(
                "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {kind.name}"
            ) from None
        if refusal.code == "ENTITY_IS_DELETED" and deleted_counts:
            raise
        raise not_found() from None


def _keyed(caller: Caller, kind: ObjectType, request: Request) -> list[Row]:
    field = records.key_field(kind, request.path_params["field"])
    # A slash in a key that is not written as %2F makes another path.
    if request.scope.get("raw_path", b"").decode().rstrip("/").count("/") > _SLASHES_BEFORE_A_KEY:
        raise not_found()
    return records.matches(caller, kind, field, request.path_params["value"])


def _several(caller: Caller, kind: ObjectType, found: list[Row]) -> Response:
    return answer([f"/services/data/{caller.version}/sobjects/{kind.name}/{row['Id']}" for row in found], 300)


def _span(caller: Caller, request: Request, days: int) -> tuple[str, str]:
    try:
        start, end = (read_datetime(request.query_params[name].replace(" ", "+")) for name in ("start", "end"))
    except (KeyError, ValueError):
        raise Refusal("INVALID_REPLICATION_DATE", "start and end must be datetimes with an offset") from None
    if start >= end:
        raise Refusal("INVALID_REPLICATION_DATE", "startDate cannot be after or equal to endDate")
    now = caller.org.control.clock.now()
    if datetime.fromisoformat(start) < now - timedelta(days=days):
        raise Refusal("INVALID_REPLICATION_DATE", f"startDate before {days} days ago: {start}")
    return start, end
