"""Draws the README's picture from a real run: `connector sync` in a sandbox, its colours kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH = 160


def main(ready_file: str) -> int:
    """Run install and sync as a user would, and save what sync printed."""
    told = json.loads(Path(ready_file).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as state:
        env = {**os.environ, **told["env"], "CONNECTOR_STATE_DIR": state, "CONNECTOR_HOME": str(ROOT)}
        env |= {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
        _connector(env, "install", "--crm", "hubspot", "--yes")
        shown = _connector(env, "sync", "--crm", "hubspot")
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 ends with us
    console.print(Text("$ connector sync --crm hubspot\n", style="bold") + Text.from_ansi(shown))
    (ROOT / ".github").mkdir(exist_ok=True)
    console.save_svg(str(ROOT / ".github" / "sync.svg"), title="connector sync", clear=False)
    return 0


def _connector(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 our own command
        [str(ROOT / ".venv" / "bin" / "connector"), *words], env=env, check=True, text=True, capture_output=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
