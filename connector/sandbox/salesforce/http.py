"""What every resource shares: version, session, daily quota, methods, errors, headers.

Switches: `daily_api_requests` (calls a rolling day, 100,000), `page_size` (rows a query page, 2,000).

Source: REST API Developer Guide, "Headers", "Status Codes and Error Responses", "API Request Limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.sandbox.control import Row
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.auth import Sessions
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import ObjectType

Handler = Callable[[Caller, Request], Awaitable[Response]]
OLDEST_VERSION = 59
LONGEST_URL = 16_384
_MEDIA_TYPE = "application/json;charset=UTF-8"
_NO_STORE = {"Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private"}


def answer(body: Any, status: int = 200) -> Response:
    """Answer with JSON as Salesforce labels it; None is an empty answer."""
    if body is None:
        return Response(status_code=status)
    return Response(json.dumps(body, ensure_ascii=False), status, media_type=_MEDIA_TYPE)


async def json_body(request: Request) -> Row:
    """Read the JSON object a request carries, or refuse it."""
    sent = request.headers.get("content-type", "application/json")
    if not sent.startswith("application/json"):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"Content type {sent} is not supported; use application/json")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal("JSON_PARSER_ERROR", "Unexpected character: an object was expected at [line:1, column:1]")
    return body


class Gate:
    """Lets requests of one org through to their resource."""

    def __init__(self, org: Org, sessions: Sessions) -> None:
        self._org = org
        self._sessions = sessions

    def resource(self, path: str, handlers: Mapping[str, Handler]) -> list[Route]:
        """Route a path below `/services/data/vNN.0`, with and without a trailing slash."""

        async def endpoint(request: Request) -> Response:
            return await self._guarded(handlers, request)

        paths = (path,) if path.endswith(":path}") else (path, path + "/")
        return [
            Route("/services/data/{version}" + one, endpoint, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
            for one in paths
        ]

    async def limits(self, _caller: Caller, _request: Request) -> Response:
        """Show what is left of the daily allowance."""
        used, allowed = self.used(), self.allowed()
        return answer(
            {
                "DailyApiRequests": {"Max": allowed, "Remaining": max(allowed - used, 0)},
                "DataStorageMB": {"Max": 10_000, "Remaining": 9_990},
                "FileStorageMB": {"Max": 10_000, "Remaining": 10_000},
            }
        )

    async def nowhere(self, request: Request) -> Response:
        """Answer a path that no resource has."""
        try:
            self._sessions.user_of(request)
            raise not_found()
        except Refusal as refusal:
            return answer(refusal.as_body(), refusal.status)

    async def _guarded(self, handlers: Mapping[str, Handler], request: Request) -> Response:
        if len(str(request.url)) > LONGEST_URL:
            return Response("<html><body><h1>URI Too Long</h1></body></html>", 414, media_type="text/html")
        try:
            caller = self._caller(request)
            handler = handlers.get(request.method)
            if handler is None:
                allowed = ",".join(handlers)
                raise Refusal(
                    "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
                )
            response = await handler(caller, request)
        except Refusal as refusal:
            response = answer(refusal.as_body(), refusal.status)
        response.headers.update(_NO_STORE)
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.used()}/{self.allowed()}"
        return response

    def _caller(self, request: Request) -> Caller:
        version = request.path_params["version"]
        digits = re.fullmatch(r"v(\d+)\.0", version)
        if digits is None or int(digits[1]) < OLDEST_VERSION:
            raise not_found()
        user_id = self._sessions.user_of(request)
        if self.used() >= self.allowed():
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._org.calls.append(self._org.control.clock.now())
        return Caller(
            self._org,
            user_id,
            View(self._org, user_id),
            version,
            may_save_duplicates=_option(request, "sforce-duplicate-rule-header", "allowSave") == "true",
            batch_size=_batch_size(request),
        )

    def used(self) -> int:
        """Count the calls of the last 24 hours."""
        start = self._org.control.clock.now() - timedelta(hours=24)
        calls = self._org.calls
        while calls and calls[0] < start:
            calls.popleft()
        return len(calls)

    def allowed(self) -> int:
        return int(self._org.switch("daily_api_requests", 100_000))


def known_type(caller: Caller, request: Request) -> ObjectType:
    """Find the object type a path names."""
    kind = caller.type(request.path_params["type"])
    if kind is None:
        raise not_found()
    return kind


def _option(request: Request, header: str, name: str) -> str | None:
    options = (one.partition("=") for one in request.headers.get(header, "").split(";"))
    return next((value.strip() for key, _, value in options if key.strip() == name), None)


def _batch_size(request: Request) -> int | None:
    asked = _option(request, "sforce-query-options", "batchSize")
    return min(max(int(asked), 200), 2000) if asked and asked.isdigit() else None
