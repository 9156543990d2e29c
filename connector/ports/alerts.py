"""Where alerts go, and what is remembered of those that were sent."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Channel(Protocol):
    """Takes messages to people."""

    name: str

    def send(self, subject: str, body: str) -> None:
        """Deliver a message, or raise MendError or LaterError."""
        ...


class AlertBook(Protocol):
    """Remembers conditions and owed messages over restarts, apart from the ledger, which may be what fails."""

    def changing(self) -> AbstractContextManager[dict[str, Any]]:
        """Give what is remembered to be changed; it is stored at the end, and nobody else changes it meanwhile."""
        ...

    def read(self) -> dict[str, Any]:
        """Give what is remembered."""
        ...
