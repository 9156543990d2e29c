"""Endpoints for one record, and lists; how a record looks in an answer.

Source: "Using object APIs", developers.hubspot.com.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.access import PORTAL_ID
from connector.sandbox.hubspot.catalogue import BY_NAME
from connector.sandbox.hubspot.errors import invalid, not_found
from connector.sandbox.hubspot.portal import Call, Portal, Routes, fields, object_type
from connector.sandbox.hubspot.records import Record, iso
from connector.sandbox.hubspot.writing import create, update

Row = dict[str, Any]


def shown(portal: Portal, record: Record, names: Sequence[str], history: Sequence[str] = ()) -> Row:
    """Return a record as reads show it: what was asked for, else the defaults; empty is null, unknown left out."""
    kind = BY_NAME[record.kind]
    rows = portal.store.properties[record.kind]
    asked = [*(names or history or kind.default_properties), kind.created, kind.modified, "hs_object_id"]
    # A value without a definition was loaded, and is shown; an archived definition hides it.
    present = [
        name for name in asked if (rows[name]["archived"] is False if name in rows else name in record.properties)
    ]
    row = _bare(record) | {"properties": {name: record.properties.get(name) for name in sorted(set(present))}}
    if history:
        step = 1 if portal.switch("history_order") == "newest" else -1
        told = {name: list(record.history.get(name, ()))[::step] for name in history if name in rows}
        row["propertiesWithHistory"] = told
    return row


def shown_after_write(record: Record, sent: Sequence[str]) -> Row:
    """Return a record as write answers show it: what was sent and what HubSpot derived."""
    kind = BY_NAME[record.kind]
    read_only = {"createdate", "website", "hs_createdate", kind.modified, "hs_object_id"}
    names = sorted(name for name in {*sent, *read_only} if name in record.properties)
    return _bare(record) | {"properties": {name: record.properties[name] for name in names}}


def _bare(record: Record) -> Row:
    row = {
        "id": record.id,
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived,
        "url": f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{BY_NAME[record.kind].type_id}/{record.id}",
    }
    return row | {"archivedAt": iso(record.archived_at)} if record.archived_at else row


def located(portal: Portal, kind: str, value: str, id_property: str | None, *, archived: bool = False) -> Record | None:
    """Return the record that an id, or a value of a unique property, names."""
    if id_property is None:
        record = portal.store.find(kind, value)
        return record if record is not None and record.archived == archived else None
    if id_property not in portal.keys(kind):
        raise non_unique(kind, id_property)
    return None if archived else portal.store.by_key(kind, id_property, value)


def non_unique(kind: str, name: str) -> Exception:
    """Refuse a property as an identifier: only those that hold each value once can be."""
    type_id = BY_NAME[kind].type_id
    return invalid(f"Unable to perform update/upsert by non-unique {type_id} property {name} in portal ID {PORTAL_ID}")


def associated(portal: Portal, record: Record, names: Sequence[str]) -> Row:
    """Return the `associations` part of a read: only the types that have any."""
    found = {}
    for name in names:
        kind = object_type(name)
        word = f"{BY_NAME[record.kind].singular}_to_{kind.singular}"
        ids = [
            one for one in portal.store.links.of((record.kind, record.id), kind.name) if _live(portal, kind.name, one)
        ]
        if ids:
            found[kind.name] = {"results": [{"id": one, "type": word} for one in ids]}
    return {"associations": found} if found else {}


def _live(portal: Portal, kind: str, record_id: str) -> bool:
    record = portal.store.find(kind, record_id)
    return record is not None and not record.archived


def _get(portal: Portal, call: Call) -> Response:
    record = _one(portal, call, archived=call.flag("archived"))
    row = shown(portal, record, call.listed("properties"), call.listed("propertiesWithHistory"))
    return JSONResponse(row | associated(portal, record, call.listed("associations")))


def _one(portal: Portal, call: Call, *, archived: bool = False) -> Record:
    kind = object_type(call.path["type"]).name
    record = located(portal, kind, call.path["id"], call.query.get("idProperty"), archived=archived)
    if record is None:
        raise not_found(call.path["id"])
    return record


def _list(portal: Portal, call: Call) -> Response:
    kind, history = object_type(call.path["type"]).name, call.listed("propertiesWithHistory")
    records = [one for one in portal.store.records[kind].values() if one.archived == call.flag("archived")]
    records.sort(key=lambda record: int(record.id))
    # The cursor is the last id seen, so that a record archived between two pages shifts nothing.
    after = call.query.get("after", "") or "0"
    if not after.isdigit():
        raise invalid(f"after must be the cursor of an earlier page, not {after!r}")
    limit = call.whole("limit", 10, 50 if history else 100)
    rest = [record for record in records if int(record.id) > int(after)]
    rows = [
        shown(portal, one, call.listed("properties"), history) | associated(portal, one, call.listed("associations"))
        for one in rest[:limit]
    ]
    answer: Row = {"results": rows}
    if len(rest) > limit:
        answer["paging"] = {"next": {"after": rows[-1]["id"], "link": f"?after={rows[-1]['id']}"}}
    return JSONResponse(answer)


def _create(portal: Portal, call: Call) -> Response:
    given = fields(call.body, {"properties": dict}, {"associations": list, "objectWriteTraceId": str})
    record = create(portal, object_type(call.path["type"]).name, given["properties"], given.get("associations", ()))
    return JSONResponse(shown_after_write(record, given["properties"]), 201)


def _update(portal: Portal, call: Call) -> Response:
    given = fields(call.body, {"properties": dict}, {"objectWriteTraceId": str})
    record = update(portal, _one(portal, call), given["properties"])
    return JSONResponse(shown_after_write(record, given["properties"]))


def _archive(portal: Portal, call: Call) -> Response:
    record = portal.store.find(object_type(call.path["type"]).name, call.path["id"])
    if record is not None:
        portal.store.archive(record)
    return Response(status_code=204)  # Also for an id that never was: afterwards it is not there.


def _merge(portal: Portal, call: Call) -> Response:
    given = fields(call.body, {"primaryObjectId": str, "objectIdToMerge": str})
    kind = object_type(call.path["type"]).name
    survivor, loser = (located(portal, kind, given[name], None) for name in ("primaryObjectId", "objectIdToMerge"))
    if survivor is None or loser is None or survivor.id == loser.id:
        raise not_found(given["objectIdToMerge"])
    return JSONResponse(shown(portal, portal.store.merge(survivor, loser), ()))


ROUTES: Routes = (
    ("GET", "/crm/v3/objects/{type}", _list),
    ("POST", "/crm/v3/objects/{type}", _create),
    ("POST", "/crm/v3/objects/{type}/merge", _merge),
    ("GET", "/crm/v3/objects/{type}/{id}", _get),
    ("PATCH", "/crm/v3/objects/{type}/{id}", _update),
    ("DELETE", "/crm/v3/objects/{type}/{id}", _archive),
)
