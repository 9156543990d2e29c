"""Draws the README's pictures from real runs in a sandbox, their colours kept.

`sync.svg` is a first `connector sync`. For `plan.svg` three people then work in the CRM (one changes an amount, one
deletes a deal, one moves a deal on): what is drawn is the next day's `connector plan`, and what an undo would do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH = 160
LINES = 28
"""Lines of one command that fit a picture."""


def main(ready_file: str) -> int:
    """Run the commands as a user would, and save what they printed."""
    told = json.loads(Path(ready_file).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as state:
        env = {**os.environ, **told["env"], "CONNECTOR_STATE_DIR": state, "CONNECTOR_HOME": str(ROOT)}
        env |= {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "CONNECTOR_CRM": "hubspot"}
        _connector(env, "install", "--yes")
        _save("sync", {"connector sync": _connector(env, "sync")})
        _people_work(told["hubspot"])
        plan = _connector(env, "plan")
        run = json.loads(_connector(env, "runs", "--json"))["runs"][-1]["run_id"]
        undo = _connector(env, "undo", run, "--dry-run")
        _save("plan", {"connector plan": plan, f"connector undo {run} --dry-run": undo})
    return 0


def _people_work(hubspot: Mapping[str, Any]) -> None:
    """An amount is negotiated, a deal thrown away, a deal moved to the next stage."""
    # Otherwise the portal's search would show the next plan what stood before, for some seconds.
    requests.post(f"{hubspot['base_url']}/__switches", json={"search_lag": 0}, timeout=30).raise_for_status()
    api = f"{hubspot['base_url']}/crm/v3"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {hubspot['access_token']}"
    edited, deleted, moved = islice((deal for deal in _deals(session, api) if deal["properties"]["expansion_key"]), 3)
    pipelines = session.get(f"{api}/pipelines/deals").json()["results"]
    ours = next(one for one in pipelines if one["id"] == moved["properties"]["pipeline"])
    consult = sorted(ours["stages"], key=lambda stage: stage["displayOrder"])[1]["id"]
    session.patch(f"{api}/objects/deals/{edited['id']}", json={"properties": {"amount": "9000"}}).raise_for_status()
    session.delete(f"{api}/objects/deals/{deleted['id']}").raise_for_status()
    session.patch(f"{api}/objects/deals/{moved['id']}", json={"properties": {"dealstage": consult}}).raise_for_status()


def _deals(session: requests.Session, api: str) -> Iterator[dict[str, Any]]:
    asked = {"limit": "100", "properties": "expansion_key,pipeline"}
    while asked:
        page = session.get(f"{api}/objects/deals", params=asked, timeout=30).json()
        yield from page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")
        asked = {**asked, "after": after} if after else {}


def _save(name: str, shown: Mapping[str, str]) -> None:
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 ends with us
    for command, printed in shown.items():
        console.print(
            Text(f"$ {command}\n", style="bold") + Text.from_ansi(_cut(printed) if len(shown) > 1 else printed)
        )
    (ROOT / ".github").mkdir(exist_ok=True)
    console.save_svg(str(ROOT / ".github" / f"{name}.svg"), title=f"connector {name}", clear=False)


def _cut(printed: str) -> str:
    """Leave out what was decided against, and the middle of what is long."""
    lines = printed.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    held = next((at for at, line in enumerate(plain) if line.startswith("! held")), None)
    lines = lines if held is None else [*lines[:held], "      …", *lines[-2:]]
    return "\n".join(lines if len(lines) <= LINES else [*lines[: LINES - 3], "      …", *lines[-2:]]) + "\n"


def _connector(env: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 our own command
        [str(ROOT / ".venv" / "bin" / "connector"), *words], env=dict(env), check=True, text=True, capture_output=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
