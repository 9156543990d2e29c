"""What every resource shares: version, session, daily quota, methods, errors, headers.

The state `api_requests` (`[{at, count}]`) holds the calls of the last 24 hours; loading it adds calls of other tools.

Switches: `daily_api_requests` (calls a rolling day, 100,000), `page_size` (rows a query page, 2,000),
`connected_app_name` (adds that app's own usage to the header), `view_setup` (false: `limits` is forbidden),
`api_versions` (the oldest and the newest that the org answers, `[59, 67]`).

Source: REST API Developer Guide, "Headers", "Status Codes and Error Responses", "API Request Limits".
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message

from connector.sandbox.control import Row
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.auth import Sessions
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import ObjectType

Handler = Callable[[Caller, Request], Awaitable[Response]]
OLDEST_VERSION, NEWEST_VERSION = 59, 67
_SEASONS = ("Winter", "Spring", "Summer")
_VERSION_OF_WINTER_26 = 65
LONGEST_URL = 16_384
_DUPLICATES = "sforce-duplicate-rule-header"
_MEDIA_TYPE = "application/json;charset=UTF-8"
_NO_STORE = {"Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private"}


def answer(body: Any, status: int = 200) -> Response:
    """Answer with JSON as Salesforce labels it; None is an empty answer."""
    if body is None:
        return Response(status_code=status)
    return Response(json.dumps(body, ensure_ascii=False), status, media_type=_MEDIA_TYPE)


def if_changed(request: Request, body: Row, changed: datetime) -> Response:
    """Answer with a body that seldom changes, or 304 to whoever says they have it since then."""
    changed = changed.replace(microsecond=0)
    try:
        known = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        known = None
    response = answer(None, 304) if known is not None and known >= changed else answer(body)
    response.headers["ETag"] = f'"{zlib.crc32(json.dumps(body).encode()):08x}"'
    response.headers["Last-Modified"] = format_datetime(changed, usegmt=True)
    return response


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
        self._resources: list[tuple[Route, Mapping[str, Handler]]] = []

    def resource(self, path: str, handlers: Mapping[str, Handler]) -> list[Route]:
        """Route a path below `/services/data/vNN.0`, with and without a trailing slash."""

        async def endpoint(request: Request) -> Response:
            return await self._guarded(handlers, request)

        paths = (path,) if path.endswith(":path}") else (path, path + "/")
        routes = [
            Route("/services/data/{version}" + one, endpoint, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
            for one in paths
        ]
        self._resources += [(route, handlers) for route in routes]
        return routes

    async def inside(
        self, caller: Caller, outer: Request, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> Response:
        """Carry out a request that came inside another one: same user, no call of its own."""
        inner = _inner_request(outer, method, url, body, headers)
        for route, handlers in self._resources:
            match, found = route.matches(inner.scope)
            if match is Match.FULL:
                inner.scope.update(found)
                caller = replace(self._caller_of(inner, caller.user_id), is_inside=True)
                return await _handler(handlers, method)(caller, inner)
        raise not_found()

    async def limits(self, _caller: Caller, _request: Request) -> Response:
        """Show what is left of the daily allowance, to those who may view the setup."""
        if not self._org.switch("view_setup", True):
            raise Refusal("INSUFFICIENT_ACCESS", "You don't have the View Setup and Configuration permission.")
        used, allowed = self.used(), self.allowed()
        return answer(
            {
                "DailyApiRequests": {"Max": allowed, "Remaining": max(allowed - used, 0)},
                "DataStorageMB": {"Max": 10_000, "Remaining": 9_990},
                "FileStorageMB": {"Max": 10_000, "Remaining": 10_000},
            }
        )

    async def versions(self, request: Request) -> Response:
        """List the API versions, to anybody."""
        if request.method != "GET":
            refusal = Refusal("METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed. Allowed are GET")
            return answer(refusal.as_body(), refusal.status)
        oldest, newest = _versions(self._org)
        return answer(
            [
                {"label": _release(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
                for number in range(oldest, newest + 1)
            ]
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
            self._org.settle()
            response = await _handler(handlers, request.method)(caller, request)
        except Refusal as refusal:
            response = answer(refusal.as_body(), refusal.status)
        response.headers.update(_NO_STORE)
        response.headers["Sforce-Limit-Info"] = self._usage()
        return response

    def _usage(self) -> str:
        usage, app = f"{self.used()}/{self.allowed()}", self._org.switch("connected_app_name", None)
        return f"api-usage={usage}" + (f"; per-app-api-usage={usage}(appName={app})" if app else "")

    def _caller(self, request: Request) -> Caller:
        _version(request, self._org)
        user_id = self._sessions.user_of(request)
        if not self._org.switch("user_permissions", {}).get("PermissionsApiEnabled", True):
            raise Refusal("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        if self.used() >= self.allowed():
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._org.calls.append(self._org.control.clock.now())
        return self._caller_of(request, user_id)

    def _caller_of(self, request: Request, user_id: str) -> Caller:
        return Caller(
            self._org,
            user_id,
            View(self._org, user_id),
            _version(request, self._org),
            may_save_duplicates=_option(request, _DUPLICATES, "allowSave") == "true",
            wants_duplicate_details=_option(request, _DUPLICATES, "includeRecordDetails") == "true",
            batch_size=_batch_size(request),
        )

    def used(self) -> int:
        """Count the calls of the last 24 hours."""
        return len(self._org.calls_of_the_day())

    def allowed(self) -> int:
        return int(self._org.switch("daily_api_requests", 100_000))


def _handler(handlers: Mapping[str, Handler], method: str) -> Handler:
    handler = handlers.get(method)
    if handler is None:
        allowed = ",".join(handlers)
        raise Refusal("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}")
    return handler


def _version(request: Request, org: Org) -> str:
    version: str = request.path_params["version"]
    digits = re.fullmatch(r"v(\d+)\.0", version)
    oldest, newest = _versions(org)
    if digits is None or not oldest <= int(digits[1]) <= newest:
        raise not_found()
    return version


def _versions(org: Org) -> tuple[int, int]:
    oldest, newest = org.switch("api_versions", (OLDEST_VERSION, NEWEST_VERSION))
    return int(oldest), int(newest)


def _release(number: int) -> str:
    """Name the release of a version: three a year, and 65 is Winter '26."""
    since = number - _VERSION_OF_WINTER_26
    return f"{_SEASONS[since % len(_SEASONS)]} '{26 + since // len(_SEASONS)}"


def _inner_request(outer: Request, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Request:
    """Build the request that a subrequest stands for; it inherits nothing but what it says itself."""
    parts = urlsplit(url)
    content = b"" if body is None else json.dumps(body).encode()
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    # Unlike in an address of its own, a query string may stand here as it was typed: the plus of an offset is one.
    query = parts.query.replace("+", "%2B").encode() if " " in parts.query else parts.query.encode()
    scope = {key: outer.scope[key] for key in ("type", "http_version", "scheme", "server", "client", "root_path")}
    scope |= {"method": method, "path": unquote(parts.path), "query_string": query, "headers": sent}
    return Request(scope, receive)


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
