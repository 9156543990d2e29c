"""Builds the stand-in for Stripe and adds to the control surface the way the world changes under a reader.

`POST /__touch/{kind}` takes a list of changes: each is laid over the object of its `id` (which it makes if there is
none), and appends the event that Stripe would have sent. `POST /__state/{kind}` stays silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.sandbox.control import Control, stand_in
from connector.sandbox.stripe.endpoints import Api
from connector.sandbox.stripe.guard import SWITCHES, Guard
from connector.sandbox.stripe.store import StripeStore


def create_app(control: Control | None = None, tick: Callable[[], float] = time.monotonic) -> Starlette:
    """Build the stand-in; `tick` is the clock that rate limits are counted on."""
    control = control or Control()
    for name, default in SWITCHES.items():
        control.switches.setdefault(name, default)
    store = StripeStore()
    api = Api(store, control, Guard(control, tick))
    return stand_in(store, control, [_touch(store, control), *api.routes()])


def _touch(store: StripeStore, control: Control) -> Route:
    async def touch(request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            events = [store.touch(kind, row, control.clock.now()) for row in await request.json()]
        except KeyError as missing:
            return JSONResponse({"error": f"cannot touch {kind}: {missing} is missing"}, status_code=404)
        return JSONResponse(events)

    return Route("/__touch/{kind}", touch, methods=["POST"])
