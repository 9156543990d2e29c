"""Query resources: SOQL in pages, limits, record counts.

A query keeps its rows as they were when it ran; ten stay open, then the oldest is forgotten, as for one user of the
real service.

Source: REST API Developer Guide, "Query", "QueryAll", "Limits", "Record Count".
"""

from __future__ import annotations

import secrets
import string

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.evaluate import Evaluation
from connector.sandbox.salesforce.http import Handler, answer
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.soql import parse

_OPEN_CURSORS = 10


def query(*, include_deleted: bool) -> Handler:
    """Build the handler of `query` or of `queryAll`."""

    async def run(caller: Caller, request: Request) -> Response:
        text = request.query_params.get("q")
        if not text:
            raise Refusal("MALFORMED_QUERY", "A query string has to be specified")
        parsed = parse(text)
        evaluation = Evaluation(caller, parsed)
        kind, rows = evaluation.rows(include_deleted)
        evaluation.check_selection(kind)
        match parsed.counts:
            case "total":
                return answer({"totalSize": len(rows), "done": True, "records": []})
            case "field":
                counted = sum(evaluation.value(kind, row, parsed.select[0]) is not None for row in rows)
                aggregate = {"attributes": {"type": "AggregateResult"}, "expr0": counted}
                return answer({"totalSize": 1, "done": True, "records": [aggregate]})
            case _:
                return answer(_first_page(caller, [evaluation.record(kind, row) for row in rows]))

    return run


async def more(caller: Caller, request: Request) -> Response:
    """Give a further page of a query."""
    locator, _, start = request.path_params["locator"].rpartition("-")
    rows = caller.org.locators.get(locator)
    if rows is None or not start.isdigit() or int(start) >= len(rows):
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    return answer(_page(caller, rows, int(start), locator))


async def record_count(caller: Caller, request: Request) -> Response:
    """Count the records of types; empty types are left out."""
    asked = [one for one in request.query_params.get("sObjects", "").split(",") if one] or caller.view.names()
    kinds = [kind for name in asked if (kind := caller.type(name))]
    counts = [{"count": sum(1 for _ in caller.org.alive(kind.name)), "name": kind.name} for kind in kinds]
    return answer({"sObjects": [one for one in counts if one["count"]]})


def _first_page(caller: Caller, rows: list[Row]) -> Row:
    locator = "01g5e" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(13))
    if len(rows) > _page_size(caller):
        cursors = caller.org.locators
        cursors[locator] = rows
        while len(cursors) > _OPEN_CURSORS:
            del cursors[next(iter(cursors))]
    return _page(caller, rows, 0, locator)


def _page(caller: Caller, rows: list[Row], start: int, locator: str) -> Row:
    end = start + _page_size(caller)
    page: Row = {"totalSize": len(rows), "done": end >= len(rows)}
    if end < len(rows):
        page["nextRecordsUrl"] = f"/services/data/{caller.version}/query/{locator}-{end}"
    return page | {"records": rows[start:end]}


def _page_size(caller: Caller) -> int:
    return int(caller.org.switch("page_size", caller.batch_size or 2000))
