"""The values that a record type offers of a picklist, as User Interface API tells them.

An opportunity's record type offers the stages of its sales process. The switch `sales_processes` (`{developer name:
[stages]}`) is an admin who chose them; a record type that it does not name offers every active one, as the master does.
Describes and `OpportunityStage` show all of them, and a write of any is taken: the process guides people, not the API.

Source: User Interface API Developer Guide, "Get Values for a Picklist Field", "Picklist Values"; Apex Reference,
"ConnectApi.OpportunityStagePicklistValueAttributes".
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce.access import record_types
from connector.sandbox.salesforce.errors import not_found
from connector.sandbox.salesforce.http import answer, known_type
from connector.sandbox.salesforce.ids import long_form
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.render import MASTER, choices
from connector.sandbox.salesforce.schema import ObjectType

_STAGE = ("Opportunity", "StageName")


async def values(caller: Caller, request: Request) -> Response:
    """List what one record type offers of one picklist."""
    kind = known_type(caller, request)
    field = kind.field(request.path_params["field"])
    if field is None or field.type != "picklist":
        raise not_found()
    try:
        record_type = long_form(request.path_params["record_type"])
    except ValueError:
        raise not_found() from None
    offered = _process(caller.org, kind, record_type)
    is_stage = (kind.name, field.name) == _STAGE
    stages = {row["ApiName"]: row for row in caller.org.alive("OpportunityStage")} if is_stage else {}
    shown = [
        {
            "attributes": _attributes(stages.get(one["value"])),
            "label": one["label"],
            "validFor": [],
            "value": one["value"],
        }
        for one in choices(caller.org, kind, field)
        if not is_stage or offered is None or one["value"] in offered
    ]
    url = f"/services/data/{caller.version}/ui-api/object-info/{kind.name}/picklist-values/{record_type}/{field.name}"
    return answer({"controllerValues": {}, "defaultValue": None, "url": url, "values": shown})


def _process(org: Org, kind: ObjectType, record_type: str) -> list[str] | None:
    """Give the stages of a record type's sales process; None where an admin left nothing out."""
    if record_type == MASTER:
        return None
    row = next((one for one in record_types(org, kind.name) if one["Id"] == record_type), None)
    if row is None:
        raise not_found()
    chosen: list[str] | None = org.switch("sales_processes", {}).get(row["DeveloperName"])
    return chosen


def _attributes(stage: Row | None) -> Row | None:
    if stage is None:
        return None
    return {
        "closed": stage["IsClosed"],
        "defaultProbability": stage["DefaultProbability"],
        "forecastCategoryName": stage["ForecastCategoryName"],
        "won": stage["IsWon"],
    }
