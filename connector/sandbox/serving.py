"""Runs stand-ins on loopback: one uvicorn server a stand-in, each in a thread, stopped together.

An answer leaves in one socket write (see `connection`). One that does not fit the socket's buffer leaves in parts;
with Nagle's algorithm a keep-alive client would then wait for a delayed ACK, 40 ms a call. asyncio sets TCP_NODELAY
only on sockets made with an explicit protocol, so the listener sets it and accepted sockets inherit it. h11 is used
so that tests meet the same server everywhere. Requests held by a fault do not hold up the end: they are dropped.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from connector.sandbox.connection import StandInProtocol

SECONDS_TO_FINISH = 1


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an app on 127.0.0.1 (port 0: a free one) and yield its base URL; stop it at the end."""
    listener = socket.create_server(("127.0.0.1", port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="critical",
            lifespan="off",
            http=StandInProtocol,
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=SECONDS_TO_FINISH,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError(f"the stand-in on port {listener.getsockname()[1]} did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
