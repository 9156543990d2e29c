"""The control surface every stand-in carries: state, clock, faults and the log of requests.

A stand-in is one Starlette app around one `State`. Handlers are `async` and never await between reading and
writing state, so one event loop serialises them and no lock is needed. Faults act around a handler: before it
(nothing was done) or after it (done, but the caller never learns), which is what a lost answer looks like.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Row = dict[str, Any]


class State(Protocol):
    """What a stand-in remembers; `/__state` reads and seeds it without going through the vendor's rules."""

    def dump(self, kind: str) -> list[Row]:
        """Return every stored row of a type, deleted ones included and marked; raise KeyError for no such type."""
        ...

    def load(self, kind: str, rows: Sequence[Row]) -> None:
        """Put rows there as if they had always been; each keeps the id and timestamps it carries.

        KeyError says there is no such type, ValueError that a row cannot be one of it.
        """
        ...

    def reset(self) -> None:
        """Forget everything but switches and credentials."""
        ...


@dataclass
class SandboxClock:
    """Time as the stand-in tells it: real, or fixed and moved by hand."""

    fixed: datetime | None = None

    def now(self) -> datetime:
        return self.fixed or datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move a fixed clock on; a real one becomes fixed at the new moment."""
        self.fixed = self.now() + timedelta(seconds=seconds)


@dataclass
class Fault:
    """One planned misbehaviour: which requests it meets, and what happens to them."""

    path: str = ".*"
    method: str = ".*"
    body_contains: str = ""
    skip: int = 0
    times: int = 1
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: str | None = None  # "before": connection ends, nothing done; "after": done, answer lost
    delay: float = 0.0

    def meets(self, method: str, path: str, body: bytes) -> bool:
        """Say whether this request is hit, and count it."""
        if self.times <= 0 or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.body_contains and self.body_contains.encode() not in body:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Control:
    """Clock, faults, request log and switches of one stand-in."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    switches: dict[str, Any] = field(default_factory=dict)


def stand_in(state: State, control: Control, routes: Iterable[Route], middleware: Sequence[Any] = ()) -> Starlette:
    """Build the app: the vendor's routes and, beside them, the control surface."""
    app = Starlette(routes=[*_control_routes(state, control), *routes], middleware=list(middleware))
    app.add_middleware(FaultsAndLog, control=control)
    app.state.control = control
    app.state.store = state
    return app


def _control_routes(state: State, control: Control) -> list[Route]:
    async def read_state(request: Request) -> Response:
        try:
            return JSONResponse(state.dump(request.path_params["kind"]))
        except KeyError as unknown:
            return JSONResponse({"error": f"no such type: {unknown}"}, status_code=404)

    async def write_state(request: Request) -> Response:
        rows = await request.json()
        try:
            state.load(request.path_params["kind"], rows)
        except KeyError as unknown:
            return JSONResponse({"error": f"no such type: {unknown}"}, status_code=404)
        except ValueError as wrong:
            return JSONResponse({"error": str(wrong)}, status_code=400)
        return JSONResponse({"loaded": len(rows)})

    async def reset(_: Request) -> Response:
        state.reset()
        control.faults.clear()
        control.requests.clear()
        return JSONResponse({"reset": True})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            asked = await request.json()
            if "now" in asked:
                control.clock.fixed = datetime.fromisoformat(asked["now"]) if asked["now"] else None
            control.clock.advance(asked["advance"]) if asked.get("advance") else None
        return JSONResponse({"now": control.clock.now().isoformat()})

    async def faults(request: Request) -> Response:
        match request.method:
            case "POST":
                asked = await request.json()
                control.faults.extend(Fault(**one) for one in (asked if isinstance(asked, list) else [asked]))
            case "DELETE":
                control.faults.clear()
        return JSONResponse([vars(one) for one in control.faults])

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            control.requests.clear()
        return JSONResponse(control.requests)

    async def switches(request: Request) -> Response:
        if request.method == "POST":
            control.switches.update(await request.json())
        return JSONResponse(control.switches)

    return [
        Route("/__state/{kind}", read_state, methods=["GET"]),
        Route("/__state/{kind}", write_state, methods=["POST"]),
        Route("/__reset", reset, methods=["POST"]),
        Route("/__clock", clock, methods=["GET", "POST"]),
        Route("/__faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/__requests", requests, methods=["GET", "DELETE"]),
        Route("/__switches", switches, methods=["GET", "POST"]),
    ]


class FaultsAndLog:
    """Logs each vendor request (never its credentials) and applies the first fault that meets it."""

    def __init__(self, app: ASGIApp, control: Control) -> None:
        self.app = app
        self.control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/__"):
            await self.app(scope, receive, send)
            return
        body = await _read_body(receive)
        entry = _log_entry(scope, body)
        self.control.requests.append(entry)
        path = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        fault = next((f for f in self.control.faults if f.meets(scope["method"], path, body)), None)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.cut == "before":
            entry["status"] = "cut"
            await _cut(send)
            return
        if fault is not None and fault.status is not None and fault.cut is None:
            entry["status"] = fault.status
            await _fault_response(fault)(scope, _replay(body), send)
            return
        swallow = fault is not None and fault.cut == "after"

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            if not swallow:
                await send(message)

        await self.app(scope, _replay(body), out)
        if swallow:
            entry["status"] = f"cut after {entry['status']}"
            await _cut(send)


def _fault_response(fault: Fault) -> Response:
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status or 500, fault.headers, media_type="text/html")
    return JSONResponse(fault.body, fault.status or 500, fault.headers)


async def _cut(send: Callable[[Message], Awaitable[None]]) -> None:
    """End the connection inside the answer: the client sees a broken read, not a status it could trust."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9999")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": False})


async def _read_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _log_entry(scope: Scope, body: bytes) -> Row:
    headers: Mapping[str, str] = {
        name.decode().lower(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() not in {b"authorization", b"cookie"}
    }
    try:
        parsed = json.loads(body) if body and "grant_type" not in body.decode(errors="ignore") else None
    except ValueError:
        parsed = f"{len(body)} bytes"
    return {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": dict(headers),
        "body": parsed,
        "status": None,
    }
