"""Association endpoints, v4 and date-versioned.

v4 answers carry record ids as numbers, date-versioned ones as strings: the guide and the specification disagree,
and a client should read both. Source: "Associations v4", developers.hubspot.com.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.batches import inputs
from connector.sandbox.hubspot.catalogue import BY_NAME
from connector.sandbox.hubspot.errors import (
    ApiError,
    bad_json,
    fields_missing,
    invalid,
    no_such_end,
    not_found,
    wrong_end,
)
from connector.sandbox.hubspot.links import DEFAULT_TYPE, LINK_TYPES, End, shown_types
from connector.sandbox.hubspot.portal import Call, Portal, Routes, fields, object_type, page
from connector.sandbox.hubspot.writing import link_type

Row = dict[str, Any]
MOST_WRITTEN = 2_000


def _kinds(call: Call) -> tuple[str, str]:
    """Return the two object types of the path; HubSpot must define an association between them."""
    kinds = object_type(call.path["from"]).name, object_type(call.path["to"]).name
    if kinds not in DEFAULT_TYPE:
        raise invalid(f"No association types are defined from {kinds[0]} to {kinds[1]}")
    return kinds


def _live(portal: Portal, kind: str, record_id: str) -> str | None:
    """Return the id under which a record lives now."""
    record = portal.store.find(kind, record_id)
    return None if record is None or record.archived else record.id


def _id(call: Call, record_id: str) -> str | int:
    return record_id if call.dated else int(record_id)


def _wanted(call: Call, types: Sequence[Any]) -> list[int]:
    """Return the type ids posted for a pair, or raise: each belongs to one direction between two types."""
    from_kind, to_kind = _kinds(call)
    if not types:
        raise fields_missing(["types"])
    found = [link_type(one) for one in types]
    for link in found:
        if link.from_kind != from_kind:
            raise wrong_end("from", BY_NAME[from_kind].type_id, BY_NAME[link.from_kind].type_id, link.id)
        if link.to_kind != to_kind:
            raise wrong_end("to", BY_NAME[to_kind].type_id, BY_NAME[link.to_kind].type_id, link.id)
    return [link.id for link in found]


def _pairs(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the pairs of a batch, or raise if one comes twice."""
    pairs = [(fields(row["from"], {"id": str})["id"], fields(row["to"], {"id": str})["id"]) for row in rows]
    twice = [pair for pair, times in Counter(pairs).items() if times > 1]
    if twice:
        named = ", ".join(f"{a} to {b}" for a, b in twice)
        raise invalid(f"Duplicate associations found in batch input: [{named}]. Associations must be unique")
    return pairs


def _ends(portal: Portal, kinds: tuple[str, str], pair: tuple[str, str]) -> tuple[End, End]:
    """Return the two records of a pair, or raise: both must be there."""
    return _end(portal, kinds[0], pair[0]), _end(portal, kinds[1], pair[1])


def _end(portal: Portal, kind: str, record_id: str) -> End:
    live = _live(portal, kind, record_id)
    if live is None:
        raise no_such_end(BY_NAME[kind].singular, record_id)
    return kind, live


def _batch_create(portal: Portal, call: Call) -> Response:
    kinds = _kinds(call)
    rows = inputs(call.body, {"from": dict, "to": dict, "types": list}, {}, MOST_WRITTEN)
    pairs, wanted = _pairs(rows), [_wanted(call, row["types"]) for row in rows]
    results, errors = [], []
    for pair, type_ids in zip(pairs, wanted, strict=True):
        try:
            end, to = _ends(portal, kinds, pair)
        except ApiError as refusal:
            errors.append(_pair_error(portal, refusal, pair))
            continue
        portal.store.associate(end, to, type_ids, exactly=True)
        results.append(_labels(call, end, to, type_ids))
    status = portal.switch("associations_created") or (200 if call.version == "2026-09" else 201)
    return portal.completed(results, errors, status)


def _pair_error(portal: Portal, refusal: ApiError, pair: tuple[str, str]) -> Row:
    return portal.error_item(refusal, fromObjectId=[pair[0]], toObjectId=[pair[1]])


def _labels(call: Call, end: End, to: End, type_ids: Sequence[int]) -> Row:
    return {
        "fromObjectTypeId": BY_NAME[end[0]].type_id,
        "fromObjectId": _id(call, end[1]),
        "toObjectTypeId": BY_NAME[to[0]].type_id,
        "toObjectId": _id(call, to[1]),
        "labels": [label for one in type_ids if (label := LINK_TYPES[one].label)],
    }


def _batch_default(portal: Portal, call: Call) -> Response:
    kinds = _kinds(call)
    pairs = _pairs(inputs(call.body, {"from": dict, "to": dict}, {}, MOST_WRITTEN))
    results, errors = [], []
    for pair in pairs:
        try:
            end, to = _ends(portal, kinds, pair)
        except ApiError as refusal:
            errors.append(_pair_error(portal, refusal, pair))
            continue
        portal.store.associate(end, to, [DEFAULT_TYPE[kinds]])
        results.append(_default_shown(kinds, pair))
    return portal.completed(results, errors)


def _default_shown(kinds: tuple[str, str], pair: tuple[str, str]) -> Row:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": DEFAULT_TYPE[kinds]}
    return {"from": {"id": pair[0]}, "to": {"id": pair[1]}, "associationSpec": spec}


def _batch_read(portal: Portal, call: Call) -> Response:
    from_kind, to_kind = _kinds(call)
    rows = inputs(call.body, {"id": str}, {"after": str}, portal.switch("associations_read"))
    results, errors = [], []
    for row in rows:
        others = _others(portal, call, (from_kind, row["id"]), to_kind)
        if others:
            shown = page(others, row.get("after", ""), 500)
            results.append({"from": {"id": row["id"]}, "to": shown.pop("results"), **shown})
        else:
            errors.append(portal.error_item(_none(from_kind, to_kind, row["id"])))
    return portal.completed(results, errors)


def _none(from_kind: str, to_kind: str, record_id: str) -> ApiError:
    message = f"No {BY_NAME[to_kind].singular} is associated with {BY_NAME[from_kind].singular} {record_id}."
    context: Mapping[str, Sequence[str]] = {
        "fromObjectId": [record_id],
        "fromObjectType": [BY_NAME[from_kind].singular],
        "toObjectType": [BY_NAME[to_kind].singular],
    }
    none = "crm.associations.NO_ASSOCIATIONS_FOUND"
    return ApiError(404, message, "OBJECT_NOT_FOUND", context=context, sub_category=none)


def _others(portal: Portal, call: Call, end: End, to_kind: str) -> list[Row]:
    """Return the live records of a type that a record is associated with."""
    record = portal.store.find(*end)
    found = portal.store.links.of((end[0], record.id), to_kind) if record is not None else {}
    live = [(other, portal.store.find(to_kind, other)) for other in sorted(found)]
    return [
        {"toObjectId": _id(call, other), "associationTypes": shown_types(found[other])}
        for other, there in live
        if there is not None and not there.archived
    ]


def _batch_archive(portal: Portal, call: Call) -> Response:
    from_kind, to_kind = _kinds(call)
    for row in inputs(call.body, {"from": dict, "to": list}, {}, MOST_WRITTEN):
        end = from_kind, fields(row["from"], {"id": str})["id"]
        for to in row["to"]:
            portal.store.dissociate(end, (to_kind, fields(to, {"id": str})["id"]))
    return Response(status_code=204)


def _list(portal: Portal, call: Call) -> Response:
    from_kind, to_kind = _kinds(call)
    live = _live(portal, from_kind, call.path["id"])
    if live is None:
        raise not_found(call.path["id"])
    others = _others(portal, call, (from_kind, live), to_kind)
    return JSONResponse(page(others, call.query.get("after", ""), call.whole("limit", 500, 500)))


def _put(portal: Portal, call: Call) -> Response:
    if not isinstance(call.body, list):
        raise bad_json("expected an array of association types")
    type_ids = _wanted(call, call.body)
    end, to = _ends(portal, _kinds(call), (call.path["id"], call.path["to_id"]))
    portal.store.associate(end, to, type_ids, exactly=True)
    return JSONResponse(_labels(call, end, to, type_ids), 200 if call.version == "2026-09" else 201)


def _put_default(portal: Portal, call: Call) -> Response:
    kinds, pair = _kinds(call), (call.path["id"], call.path["to_id"])
    end, to = _ends(portal, kinds, pair)
    portal.store.associate(end, to, [DEFAULT_TYPE[kinds]])
    back = _default_shown((kinds[1], kinds[0]), (pair[1], pair[0]))
    return portal.completed([_default_shown(kinds, pair), back])


def _archive(portal: Portal, call: Call) -> Response:
    from_kind, to_kind = _kinds(call)
    portal.store.dissociate((from_kind, call.path["id"]), (to_kind, call.path["to_id"]))
    return Response(status_code=204)


def _types(_: Portal, call: Call) -> Response:
    kinds = _kinds(call)
    ids = [one.id for one in LINK_TYPES.values() if (one.from_kind, one.to_kind) == kinds]
    return JSONResponse({"results": shown_types(ids)})


_PAIR = "/crm/v4/associations/{from}/{to}"
_RECORD = "/crm/v4/objects/{from}/{id}/associations"
ROUTES: Routes = (
    ("GET", f"{_PAIR}/labels", _types),
    ("POST", f"{_PAIR}/batch/create", _batch_create),
    ("POST", f"{_PAIR}/batch/associate/default", _batch_default),
    ("POST", f"{_PAIR}/batch/read", _batch_read),
    ("POST", f"{_PAIR}/batch/archive", _batch_archive),
    ("PUT", f"{_RECORD}/default/{{to}}/{{to_id}}", _put_default),
    ("GET", f"{_RECORD}/{{to}}", _list),
    ("PUT", f"{_RECORD}/{{to}}/{{to_id}}", _put),
    ("DELETE", f"{_RECORD}/{{to}}/{{to_id}}", _archive),
)
