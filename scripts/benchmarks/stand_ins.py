"""Stand-ins in a process of their own, so that serving a call never counts as the client's work."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

STARTS_WITHIN_SECONDS = 60


@contextmanager
def stand_ins() -> Iterator[dict[str, Any]]:
    """Serve empty stand-ins; give what `connector sandbox` tells."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [str(Path(sys.executable).with_name("connector")), "sandbox", "--empty", "--ready-file", str(ready)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        try:
            yield _when_ready(server, ready)
        finally:
            server.terminate()
            server.wait(timeout=30)


def _when_ready(server: subprocess.Popen[bytes], ready: Path) -> dict[str, Any]:
    patience = time.monotonic() + STARTS_WITHIN_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > patience:
            raise SystemExit("the stand-ins did not start: try `connector sandbox --empty`")
        time.sleep(0.05)
    told: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    return told


def calls(base_url: str) -> int:
    """Count the calls that a stand-in has answered since the last count, and forget them."""
    log = requests.get(f"{base_url}/__requests", timeout=60).json()
    requests.delete(f"{base_url}/__requests", timeout=60)
    return len(log)
