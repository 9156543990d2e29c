"""What was told, as a small JSON file of the state folder.

Not in the ledger: an unreachable database is one of the things that people have to hear of, once.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OWNER_ONLY = 0o600


class FileBook:
    """A JSON file, replaced whole under a lock."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, Any]:
        """Give what is remembered; a file that is missing or damaged remembers nothing."""
        try:
            held = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return held if isinstance(held, dict) else {}

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Give it to be changed; two processes take turns."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = self.read()
            yield held
            self._store(held)
        finally:
            os.close(lock)

    def _store(self, held: dict[str, Any]) -> None:
        part = self._file.with_suffix(".part")
        part.touch(mode=OWNER_ONLY)
        part.write_text(json.dumps(held, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        part.replace(self._file)
