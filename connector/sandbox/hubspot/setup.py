"""What an administrator made act on records: workflows, as the API lists them.

They are shown and do nothing: what a customer's workflow does is not for the stand-in to guess. Only the list is there,
in the v4 form; a workflow's content is not. Switch `flows`: `[{"id", "name", "objectTypeId", "isEnabled"}]`.

Source: "Workflows" (Automation API v4), developers.hubspot.com.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.catalogue import EPOCH
from connector.sandbox.hubspot.portal import Call, Portal, Routes, page

_MOST = 100


def _flows(portal: Portal, call: Call) -> Response:
    rows = [
        {
            "createdAt": EPOCH,
            "flowType": "WORKFLOW",
            "id": str(one["id"]),
            "isEnabled": one.get("isEnabled", True),
            "objectTypeId": one["objectTypeId"],
            "revisionId": "1",
            "updatedAt": EPOCH,
            **({"name": one["name"]} if "name" in one else {}),
        }
        for one in portal.switch("flows")
    ]
    return JSONResponse(page(rows, call.query.get("after", ""), call.whole("limit", _MOST, _MOST)))


ROUTES: Routes = (("GET", "/automation/v4/flows", _flows),)
