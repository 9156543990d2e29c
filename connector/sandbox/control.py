"""The control surface every stand-in carries: state, clock, faults and the log of requests.

A stand-in is one Starlette app around one `State`. Handlers are `async` and never await between reading and
writing state, so one event loop serialises them and no lock is needed. Faults act around a handler: before it
(nothing was done) or after it (done, but the caller never learns), which is what a lost answer looks like; module
`faults` lists their kinds.

The log keeps every request, body included. Where thousands of batches are sent and nobody reads them, POST
`{"log_bodies": false}` to `/__switches`: an entry then tells the body's size only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.sandbox.faults import Exchange, Fault, misbehave

__all__ = ["Control", "Fault", "Row", "SandboxClock", "State", "stand_in"]

Row = dict[str, Any]
LOG_BODIES = "log_bodies"


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
class Control:
    """Clock, faults, request log and switches of one stand-in."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    switches: dict[str, Any] = field(default_factory=lambda: {LOG_BODIES: True})


def stand_in(state: State, control: Control, routes: Iterable[Route], middleware: Sequence[Any] = ()) -> Starlette:
    """Build the app: the vendor's routes and, beside them, the control surface."""
    own = [*_state_routes(state, control), *_control_routes(control)]
    app = Starlette(routes=[*own, *routes], middleware=list(middleware))
    app.add_middleware(FaultsAndLog, control=control)
    app.state.control = control
    app.state.store = state
    return app


def _state_routes(state: State, control: Control) -> list[Route]:
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

    return [
        Route("/__state/{kind}", read_state, methods=["GET"]),
        Route("/__state/{kind}", write_state, methods=["POST"]),
        Route("/__reset", reset, methods=["POST"]),
    ]


def _control_routes(control: Control) -> list[Route]:
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
                try:
                    planned = [Fault.read(one) for one in (asked if isinstance(asked, list) else [asked])]
                except (TypeError, ValueError) as wrong:
                    return JSONResponse({"error": str(wrong)}, status_code=400)
                control.faults.extend(planned)
            case "DELETE":
                control.faults.clear()
        return JSONResponse([one.shown() for one in control.faults])

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            control.requests.clear()
        return JSONResponse(control.requests)

    async def switches(request: Request) -> Response:
        if request.method == "POST":
            control.switches.update(await request.json())
        return JSONResponse(control.switches)

    return [
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
        entry = _log_entry(scope, body, with_body=self.control.switches.get(LOG_BODIES, True))
        self.control.requests.append(entry)
        path = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        fault = next((f for f in self.control.faults if f.meets(scope["method"], path, body)), None)
        exchange = Exchange(self.app, scope, receive, send, entry, partial(_replay, body))
        await (exchange.pass_on() if fault is None else misbehave(fault, exchange))


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


def _log_entry(scope: Scope, body: bytes, *, with_body: bool) -> Row:
    headers: Mapping[str, str] = {
        name.decode().lower(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() not in {b"authorization", b"cookie"}
    }
    return {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": dict(headers),
        "body": _logged_body(body) if with_body else f"{len(body)} bytes",
        "status": None,
    }


def _logged_body(body: bytes) -> Any:
    """Return a request's body as JSON, its size if it is none; nothing where it holds a key."""
    if not body or b"grant_type" in body or b"tokenKey" in body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return f"{len(body)} bytes"
