"""Account details, owners and pipelines: what a client looks up before it writes.

Source: "Account information", "Owners" and "Pipelines", developers.hubspot.com.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.access import PORTAL_ID
from connector.sandbox.hubspot.catalogue import deal_stage_metadata, stage_row
from connector.sandbox.hubspot.errors import ApiError, invalid, nothing_named
from connector.sandbox.hubspot.portal import Call, Portal, Routes, fields, object_type, page
from connector.sandbox.hubspot.records import iso, utc_offset

Row = dict[str, Any]
MOST_STAGES = 100
_ACCOUNT = {
    "portalId": PORTAL_ID,
    "accountType": "DEVELOPER_TEST",
    "timeZone": "Europe/Paris",
    "companyCurrency": "EUR",
    "additionalCurrencies": ["GBP", "USD"],
    "uiDomain": "app.hubspot.com",
    "dataHostingLocation": "eu1",
}
_STAGE = {"label": str, "displayOrder": int, "metadata": dict}
_PIPELINE = {"label": str, "displayOrder": int, "stages": list}
_REFUSES_STAGES_IN_USE = "2026-09"


def local_day(portal: Portal) -> date:
    """Return today in the portal's time zone: daily limits start anew at its midnight."""
    return portal.now().astimezone(_zone(portal)).date()


def _zone(portal: Portal) -> ZoneInfo:
    return ZoneInfo(_details(portal)["timeZone"])


def _details(portal: Portal) -> Row:
    return {**_ACCOUNT, **portal.switch("account")}


def _account(portal: Portal, _: Call) -> Response:
    account = _details(portal)
    text, milliseconds = utc_offset(account["timeZone"], portal.now())
    return JSONResponse(account | {"utcOffset": text, "utcOffsetMilliseconds": milliseconds})


def _daily_usage(portal: Portal, _: Call) -> Response:
    """Tell what the account has used of its day, other apps' calls included."""
    day, most = local_day(portal), portal.switch("limit_daily")
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), _zone(portal))
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": most,
        "currentUsage": most - portal.limits.left(portal.control.switches, day),
        "collectedAt": iso(portal.now()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(midnight),
    }
    return JSONResponse({"results": [usage]})


def _owners(portal: Portal, call: Call) -> Response:
    email, archived = call.query.get("email"), call.flag("archived")
    rows = [
        row
        for row in portal.store.owners.values()
        if row["archived"] == archived and (not email or row.get("email", "").lower() == email.lower())
    ]
    return JSONResponse(page(rows, call.query.get("after", ""), call.whole("limit", 100, 500)))


def _owner(portal: Portal, call: Call) -> Response:
    name = "userIdIncludingInactive" if call.query.get("idProperty") == "userId" else "id"
    for row in portal.store.owners.values():
        if str(row[name]) == call.path["id"] and row["archived"] == call.flag("archived"):
            return JSONResponse(row)
    raise nothing_named("Owner", call.path["id"])


def _of(portal: Portal, call: Call) -> dict[str, Row]:
    return portal.store.pipelines[object_type(call.path["type"]).name]


def _pipelines(portal: Portal, call: Call) -> Response:
    return JSONResponse({"results": [row for row in _of(portal, call).values() if not row["archived"]]})


def _one(portal: Portal, call: Call) -> Row:
    row = _of(portal, call).get(call.path["pipeline"])
    if row is None or row["archived"]:
        raise nothing_named("Pipeline", call.path["pipeline"])
    return row


def _pipeline(portal: Portal, call: Call) -> Response:
    return JSONResponse(_one(portal, call))


def _create_pipeline(portal: Portal, call: Call) -> Response:
    given = fields(call.body, _PIPELINE, {"pipelineId": str})
    if any(row["label"] == given["label"] for row in _of(portal, call).values()):
        raise ApiError(409, f"A pipeline with the label '{given['label']}' already exists.", "CONFLICT")
    now, pipeline_id = iso(portal.now()), given.pop("pipelineId", None) or portal.store.new_id()
    stages = [_new_stage(portal, row) for row in given["stages"]]
    row = {"id": pipeline_id, **given, "stages": stages, "archived": False, "createdAt": now, "updatedAt": now}
    portal.store.put_pipeline(object_type(call.path["type"]).name, row)
    return JSONResponse(row, 201)


def _delete_pipeline(portal: Portal, call: Call) -> Response:
    """Delete a pipeline; with deals in it only if nobody asked for a look at them."""
    pipeline, kind = _one(portal, call), object_type(call.path["type"]).name
    live = [one.properties for one in portal.store.records["deals"].values() if not one.archived]
    used = any(one.get("pipeline") == pipeline["id"] for one in live)
    asked = call.flag("validateReferencesBeforeDelete") or call.flag("validateDealStageUsagesBeforeDelete")
    if used and (asked or call.version == _REFUSES_STAGES_IN_USE):
        raise invalid(f"Pipeline {pipeline['id']} still has deals and cannot be deleted", "PIPELINE_ID_IN_USE")
    portal.store.drop_pipeline(kind, pipeline["id"])
    return Response(status_code=204)


def _stages(portal: Portal, call: Call) -> Response:
    return JSONResponse({"results": _one(portal, call)["stages"]})


def _stage(portal: Portal, call: Call) -> Response:
    return JSONResponse(_one_stage(portal, call))


def _one_stage(portal: Portal, call: Call) -> Row:
    for row in _one(portal, call)["stages"]:
        if row["id"] == call.path["stage"] and not row["archived"]:
            found: Row = row
            return found
    raise nothing_named("Pipeline stage", call.path["stage"])


def _update_stage(portal: Portal, call: Call) -> Response:
    row, given = _one_stage(portal, call), fields(call.body, {}, {**_STAGE, "archived": bool})
    if "metadata" in given:
        given["metadata"] = _checked_metadata(given["metadata"])
    row.update(given, updatedAt=iso(portal.now()))
    return JSONResponse(row)


def _delete_stage(portal: Portal, call: Call) -> Response:
    pipeline, stage = _one(portal, call), _one_stage(portal, call)
    live = [one.properties for one in portal.store.records["deals"].values() if not one.archived]
    used = any((one.get("pipeline"), one.get("dealstage")) == (pipeline["id"], stage["id"]) for one in live)
    if used and call.version == _REFUSES_STAGES_IN_USE:
        raise invalid(f"Stage {stage['id']} still has deals and cannot be deleted", "STAGE_ID_IN_USE")
    pipeline["stages"] = [one for one in pipeline["stages"] if one is not stage]
    return Response(status_code=204)


def _create_stage(portal: Portal, call: Call) -> Response:
    pipeline = _one(portal, call)
    stages = pipeline["stages"]
    stage = _new_stage(portal, call.body)
    if len(stages) >= MOST_STAGES:
        raise invalid(f"A deal pipeline has at most {MOST_STAGES} stages")
    if any(row["label"] == stage["label"] for row in stages):
        raise ApiError(409, f"A stage with the label '{stage['label']}' already exists.", "CONFLICT")
    stages.append(stage)
    portal.store.put_pipeline(object_type(call.path["type"]).name, pipeline)
    return JSONResponse(stage, 201)


def _new_stage(portal: Portal, given: Any) -> Row:
    row = fields(given, _STAGE, {"stageId": str})
    stage_id, metadata = row.get("stageId") or portal.store.new_id(), _checked_metadata(row["metadata"])
    return stage_row(stage_id, row["label"], row["displayOrder"], metadata, iso(portal.now()))


def _checked_metadata(given: Row) -> Row:
    probability = given.get("probability")
    try:
        fits = isinstance(probability, str) and 0.0 <= float(probability) <= 1.0
    except ValueError:
        fits = False
    if not fits:
        raise invalid("A deal stage needs metadata.probability, a string from 0.0 to 1.0")
    return deal_stage_metadata(str(probability)) | given


ROUTES: Routes = (
    ("GET", "/account-info/v3/details", _account),
    ("GET", "/account-info/v3/api-usage/daily/private-apps", _daily_usage),
    ("GET", "/crm/v3/owners", _owners),
    ("GET", "/crm/v3/owners/{id}", _owner),
    ("GET", "/crm/v3/pipelines/{type}", _pipelines),
    ("POST", "/crm/v3/pipelines/{type}", _create_pipeline),
    ("GET", "/crm/v3/pipelines/{type}/{pipeline}", _pipeline),
    ("DELETE", "/crm/v3/pipelines/{type}/{pipeline}", _delete_pipeline),
    ("GET", "/crm/v3/pipelines/{type}/{pipeline}/stages", _stages),
    ("POST", "/crm/v3/pipelines/{type}/{pipeline}/stages", _create_stage),
    ("GET", "/crm/v3/pipelines/{type}/{pipeline}/stages/{stage}", _stage),
    ("PATCH", "/crm/v3/pipelines/{type}/{pipeline}/stages/{stage}", _update_stage),
    ("DELETE", "/crm/v3/pipelines/{type}/{pipeline}/stages/{stage}", _delete_stage),
)
