"""CONNECTOR_LOG: what the libraries underneath say of their work, on stderr, with secrets and addresses cut out."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from connector.cli.boundary import redact


class _Redacting(logging.Formatter):
    """A formatter that shows nothing secret or personal, in messages and in tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def log_at(level: str) -> None:
    """Let the libraries log from a level on; asked again, only the level changes."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    # HubSpot's client silences the logger above this one; each call to any vendor is told here.
    logging.getLogger("urllib3.connectionpool").setLevel(level.upper())
    if not any(isinstance(handler, _Stderr) for handler in root.handlers):
        handler = _Stderr()
        handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
