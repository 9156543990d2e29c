"""Serves one CRM's stand-in in a process of its own, counts its calls by what they do, and kills a client when told to.

Serving a call must not count as the client's work, hence the process. The kill comes when the stand-in has done what
the n-th write asked and has not yet answered: the moment at which a client knows least.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests
from shared_clock import SERVER, SharedClock
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.sandbox import hubspot, salesforce
from connector.sandbox.admin import hubspot_pipeline, salesforce_stages
from connector.sandbox.serving import serving

TOO_MANY = 429


def kind_of(method: str, path: str) -> str:
    """Say what a call is for: writes and reads are counted apart, and a bulk job's calls apart from both."""
    if "/oauth" in path:
        return "login"
    if "/jobs/ingest" in path:
        return "job read" if method == "GET" else "job write"
    if path.endswith("/search"):
        return "search"
    if method == "GET" or path.endswith("/batch/read"):
        return "read"
    return "write"


class Meter:
    """Counts calls and the time they take; /__bench tells both (GET), forgets both (DELETE), arms the kill (POST)."""

    def __init__(self, app: ASGIApp, now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0
        self._first = self._last = now()
        self._writes = 0
        self._victim: tuple[int, int] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/__bench":
            await (await self._told(Request(scope, receive)))(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"].startswith("/__"):
            await self._app(scope, receive, send)
            return
        kind = kind_of(scope["method"], scope["path"])

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count("refused" if message["status"] == TOO_MANY else kind)
            await send(message)

        began = self._now()
        self._first = self._first if self._counts else began
        await self._app(scope, receive, out)
        self._last = self._now()
        self._seconds += self._last - began

    def _count(self, kind: str) -> None:
        self._counts[kind] += 1
        self._writes += kind in ("write", "job write")
        if self._victim is not None and self._writes >= self._victim[1]:
            os.kill(self._victim[0], signal.SIGKILL)
            self._victim = None

    async def _told(self, request: Request) -> JSONResponse:
        if request.method == "POST":
            asked = await request.json()
            self._writes, self._victim = 0, (asked["pid"], asked["after_writes"])
            return JSONResponse({})
        if request.method == "DELETE":
            self._counts.clear()
            self._seconds = 0.0
        span = self._last - self._first
        return JSONResponse({"calls": dict(self._counts), "seconds": self._seconds, "span": span})


def main() -> None:
    """Serve until the process is ended: `crm_server.py salesforce|hubspot FOLDER`."""
    crm, folder, parent = sys.argv[1], Path(sys.argv[2]), os.getppid()
    clock = SharedClock(folder / "time", SERVER)
    keys = salesforce.make_credentials()
    is_salesforce = crm == "salesforce"
    app = salesforce.create_app(credentials=keys) if is_salesforce else hubspot.create_app(monotonic=clock.monotonic)
    with serving(Meter(app, clock.monotonic)) as url:
        told = {"base_url": url}
        if is_salesforce:
            key_file = folder / "salesforce.pem"
            key_file.write_text(keys.private_key, encoding="utf-8")
            told |= {"username": keys.username, "consumer_key": keys.consumer_key}
            told |= {"consumer_secret": keys.consumer_secret, "private_key_file": str(key_file)}
            _seed(url, "OpportunityStage", salesforce_stages())
        else:
            told["access_token"] = hubspot.credentials().access_token
            _seed(url, "pipelines", [hubspot_pipeline("2026-01-01T00:00:00.000Z")])
        part = folder / "ready.part"
        part.write_text(json.dumps(told), encoding="utf-8")
        part.rename(folder / "ready.json")
        while os.getppid() == parent:  # a benchmark that was killed leaves nobody behind
            time.sleep(1)


def _seed(url: str, kind: str, rows: list[dict[str, object]]) -> None:
    requests.post(f"{url}/__state/{kind}", json=rows, timeout=60).raise_for_status()


if __name__ == "__main__":
    main()
