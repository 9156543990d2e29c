"""The HubSpot stand-in as an app: paths of every API version, access and limits around the handlers.

Handlers are written once, for v3 and v4 paths; a date-versioned path is read as its v3 or v4 form and the call
remembers the version, for the few answers that differ.
Source: "API versioning" and "Usage guidelines", developers.hubspot.com.
"""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.sandbox.control import Control, stand_in
from connector.sandbox.hubspot import associations, batches, directory, files, objects, properties, search, setup
from connector.sandbox.hubspot.access import Access
from connector.sandbox.hubspot.directory import local_day
from connector.sandbox.hubspot.errors import ApiError, bad_json, migrating
from connector.sandbox.hubspot.forms import parts
from connector.sandbox.hubspot.limits import Caller, Limits
from connector.sandbox.hubspot.portal import Call, Handler, Portal
from connector.sandbox.hubspot.records import moment
from connector.sandbox.hubspot.store import Store

VERSIONS = ("2026-03", "2026-09")
MODULES = (batches, search, objects, associations, properties, directory, files)
UNPUBLISHED = (setup,)
"""Modules whose routes HubSpot's published specifications do not have."""
CORRELATION = "X-HubSpot-Correlation-Id"
_CRM = re.compile(r"/crm/(objects|associations|properties|pipelines|owners)/(\d{4}-\d\d)(/.*)?")
_OTHER = re.compile(r"/(account-info|oauth|crm-object-schemas|files)/(\d{4}-\d\d)(/.*)")


def create_app(control: Control | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> Starlette:
    """Build a HubSpot portal that answers like the real API; `monotonic` times limits and locks."""
    control = control or Control()
    portal = Portal(control, Store(control.clock), Limits(monotonic), monotonic)
    gate = Middleware(Gate, portal=portal, access=Access())
    routes = [
        Route(path, _endpoint(portal, handler), methods=[method])
        for module in (*MODULES, *UNPUBLISHED)
        for method, path, handler in module.ROUTES
    ]
    return stand_in(portal.store, control, routes, [gate])


def _endpoint(portal: Portal, handler: Handler) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            kind = request.headers.get("content-type", "")
            body = parts(kind, raw) if kind.startswith("multipart/") else json.loads(raw) if raw else {}
        except ValueError:
            return _error(bad_json("the body is not JSON"))
        call = Call(request.path_params, request.query_params, body, request.scope["version"])
        try:
            return handler(portal, call)
        except ApiError as refusal:
            return _error(refusal)

    return endpoint


def _error(refusal: ApiError) -> Response:
    correlation = str(uuid.uuid4())
    headers = {**refusal.headers, CORRELATION: correlation}
    return JSONResponse({**refusal.body(), "correlationId": correlation}, refusal.status, headers)


def canonical(path: str) -> tuple[str, str]:
    """Return a path in its v3 or v4 form, and the version it was asked in."""
    if match := _CRM.fullmatch(path):
        family, version, rest = match[1], match[2], match[3] or ""
        old = "v4" if family == "associations" or (family == "objects" and "/associations/" in rest) else "v3"
        return (f"/crm/{old}/{family}{rest}" if version in VERSIONS else path), version
    if match := _OTHER.fullmatch(path):
        return (f"/{match[1]}/v3{match[3]}" if match[2] in VERSIONS else path), match[2]
    named = re.match(r"/[a-z-]+/(v\d)/", path)
    return path, named[1] if named else "v3"


class Gate:
    """What stands before every handler: versions, OAuth's own endpoints, access, limits and their headers."""

    def __init__(self, app: ASGIApp, portal: Portal, access: Access) -> None:
        self.app = app
        self.portal = portal
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/__"):
            await self.app(scope, receive, send)
            return
        path, version = canonical(scope["path"].rstrip("/"))
        inner: dict[str, Any] = {**scope, "path": path, "raw_path": path.encode(), "version": version}
        if path.startswith("/oauth/"):
            await (await self._oauth(Request(inner, receive), path))(inner, receive, send)
            return
        caller = self._caller(inner)
        answer_with = self._with_headers(send, path, caller)
        try:
            self._admit(inner, path, caller)
        except ApiError as refusal:
            await _error(refusal)(inner, receive, answer_with)
            return
        await self.app(inner, receive, answer_with)

    def _caller(self, scope: Scope) -> Caller:
        _, _, token = Request(scope).headers.get("authorization", "").partition(" ")
        return Caller(token, through_oauth=token in self.access.issued)

    def _admit(self, scope: Scope, path: str, caller: Caller) -> None:
        """Count a call that may proceed, or raise."""
        switches, now = self.portal.control.switches, self.portal.now()
        if len(scope["path"]) + len(scope["query_string"]) > switches["longest_url"]:
            raise ApiError(414, "The request URL is too long; send what it lists in a body.")
        until = moment(switches["migrating_until"]) if switches["migrating_until"] else now
        if until > now:
            raise migrating(math.ceil((until - now).total_seconds()))
        header = Request(scope).headers.get("authorization", "")
        self.access.check(header, scope["method"], path, switches, now)
        self.portal.limits.count(path, caller, switches, local_day(self.portal))

    def _with_headers(self, send: Send, path: str, caller: Caller) -> Send:
        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                switches, today = self.portal.control.switches, local_day(self.portal)
                headers = MutableHeaders(scope=message)
                headers.update(self.portal.limits.headers(path, caller, switches, today))
                headers.setdefault(CORRELATION, str(uuid.uuid4()))
            await send(message)

        return out

    async def _oauth(self, request: Request, path: str) -> Response:
        body = (await request.body()).decode()
        form = dict(parse_qsl(body))
        switches, now = self.portal.control.switches, self.portal.now()
        match request.method, path:
            case "POST", "/oauth/v1/token" | "/oauth/v3/token":
                return self.access.exchange(form, switches, now)
            case "POST", "/oauth/v3/token/introspect":
                return self.access.introspect(form, now)
            case "POST", "/oauth/v2/private-apps/get/access-token-info":
                return self._private_app(body)
            case _:
                return Response("Not Found", 404)

    def _private_app(self, body: str) -> Response:
        """Tell what a private app's own token may do; the token is in the body."""
        try:
            named = json.loads(body)["tokenKey"]
            return JSONResponse(self.access.private_app(named, self.portal.control.switches))
        except (ValueError, TypeError, KeyError):
            return _error(bad_json("the body holds no tokenKey"))
        except ApiError as refusal:
            return _error(refusal)
