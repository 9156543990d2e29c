"""How an answer leaves a stand-in: one socket write each, and ends no HTTP server offers by itself.

uvicorn's h11 protocol writes the head and the body of an answer in two calls, and asyncio hands each to the socket
at once: two segments, and a client that wakes twice. A real front end sends a small answer whole, so here what is
written in one turn of the event loop is gathered and leaves together. TCP_NODELAY (see `serving`) stays necessary:
an answer larger than the socket's buffer still leaves in parts.

The connection is handed to the app in the ASGI scope, because a fault may need to end it: closed without an answer,
or reset.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION = "sandbox.connection"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, no seconds to wait


class Connection(asyncio.Transport):
    """A client's connection; what is written in one turn of the event loop leaves in one socket write."""

    def __init__(self, wire: asyncio.Transport) -> None:
        super().__init__()
        self._wire = wire
        self._gathered: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep data for the one write at the end of this turn."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self.flush)
        self._gathered.append(bytes(data))

    def flush(self) -> None:
        """Send what was gathered."""
        gathered, self._gathered = b"".join(self._gathered), []
        if gathered and not self._wire.is_closing():
            self._wire.write(gathered)

    def close(self) -> None:
        """Send what was gathered and close."""
        self.flush()
        self._wire.close()

    def abort(self) -> None:
        """Close at once; what was gathered is lost."""
        self._gathered = []
        self._wire.abort()

    def reset(self) -> None:
        """Send what was gathered, then end with a TCP reset instead of an orderly close."""
        self.flush()
        self._wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._wire.abort()

    def is_closing(self) -> bool:
        """Say whether the connection is closing or closed."""
        return self._wire.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket's own transport knows."""
        return self._wire.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the socket to another protocol."""
        self._wire.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that reads from the socket."""
        return self._wire.get_protocol()

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._wire.resume_reading()


class StandInProtocol(H11Protocol):
    """uvicorn's h11 protocol over a `Connection`, which the app finds in its scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve the app with the connection in its scope."""
        connection, app = Connection(transport), self.app

        async def connected(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "extensions": {**scope.get("extensions", {}), _EXTENSION: connection}}, receive, send)

        self.app = connected
        super().connection_made(connection)


def connection_of(scope: Scope) -> Connection:
    """Return the connection that a request came by."""
    try:
        connection: Connection = scope["extensions"][_EXTENSION]
    except KeyError:
        raise RuntimeError("this fault ends a connection: serve the stand-in with `serving`") from None
    return connection


async def until_gone(receive: Receive) -> None:
    """Wait until the client has left or the connection has been closed; the request must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def held(scope: Scope, receive: Receive, seconds: float) -> None:
    """Give no answer until the client leaves, or for so many seconds and then close; 0 waits for the client."""
    try:
        await asyncio.wait_for(until_gone(receive), seconds or None)
    except TimeoutError:
        await closed(scope, receive)


async def closed(scope: Scope, receive: Receive) -> None:
    """Close the connection in good order, whatever has been sent."""
    connection_of(scope).close()
    await until_gone(receive)


async def broken(scope: Scope, receive: Receive) -> None:
    """Reset the connection, whatever has been sent."""
    connection_of(scope).reset()
    await until_gone(receive)
