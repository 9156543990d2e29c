"""Draws the README's documents from real runs in a sandbox: three briefs, two options pages, a quarter's calendar,
and what a backtest shows.

A first sync uploads the briefs; deals that we proposed are then moved to *Compare options*, and the stages job attaches
their options pages. Each page is shown by a headless chromium as wide as an A4 sheet, English ones first and the last
one of each kind in French, and drawn with few colours, which keeps the files small.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from few_colours import few_colours
from picture import _connector, _deals

from connector.sandbox.demo import _project

ROOT = Path(__file__).resolve().parent.parent.parent
SHEET, BACKTEST = "800,1700", "900,940"
BRIEFS, OPTIONS = 3, 2
MOVED = 12
COMPARE = 2
"""Place of *Compare options* among the stages."""


def main(ready_file: str) -> int:
    """Run the commands as a user would, and draw what they uploaded."""
    told = json.loads(Path(ready_file).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as state:
        home = _project(Path(state) / "project", told)
        env = {**os.environ, **told["env"], "CONNECTOR_STATE_DIR": f"{state}/state", "CONNECTOR_HOME": str(home)}
        env |= {"CONNECTOR_CRM": "hubspot"}
        _connector(env, "install", "--yes")
        _connector(env, "sync")
        quarter = ("--from", "2026-07-01", "--days", "91", "--plot", str(ROOT / ".github" / "calendar.svg"))
        _connector(env, "simulate", *quarter)
        backtest = Path(state) / "judged.html"
        _connector(env, "backtest", "--out", str(backtest))
        _draw(Path(state), "backtest", backtest.read_bytes(), BACKTEST)
        briefs = _files(told["hubspot"], set())
        _compare(told["hubspot"])
        _connector(env, "run", "--once")
        options = _files(told["hubspot"], {one["id"] for one in briefs})
        for kind, pages, count in (("brief", briefs, BRIEFS), ("options", options, OPTIONS)):
            for number, page in enumerate(_in_both(pages, count), 1):
                _draw(Path(state), f"{kind}-{number}", page)
    return 0


def _files(hubspot: Mapping[str, Any], known: set[str]) -> list[dict[str, Any]]:
    rows = requests.get(f"{hubspot['base_url']}/__state/files", timeout=30).json()
    return [row for row in sorted(rows, key=lambda row: row["name"]) if row["id"] not in known]


def _in_both(files: list[dict[str, Any]], count: int) -> list[bytes]:
    """So many pages: English ones, and the longest French one."""
    pages = [b64decode(one["content"]) for one in files]
    french = sorted((page for page in pages if b'lang="fr"' in page), key=len)[-1:]
    english = sorted((page for page in pages if b'lang="en"' in page), key=len, reverse=True)
    some = [*english[: count - len(french)], *french]
    return [*some, *(page for page in pages if page not in some)][:count]


def _compare(hubspot: Mapping[str, Any]) -> None:
    """Their owners move deals of ours to where options are compared."""
    requests.post(f"{hubspot['base_url']}/__switches", json={"search_lag": 0}, timeout=30).raise_for_status()
    api = f"{hubspot['base_url']}/crm/v3"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {hubspot['access_token']}"
    ours = (deal for deal in _deals(session, api) if deal["properties"]["expansion_key"])
    pipelines = session.get(f"{api}/pipelines/deals").json()["results"]
    for deal in islice(ours, MOVED):
        pipeline = next(one for one in pipelines if one["id"] == deal["properties"]["pipeline"])
        stage = sorted(pipeline["stages"], key=lambda one: one["displayOrder"])[COMPARE]["id"]
        moved = {"properties": {"dealstage": stage}}
        session.patch(f"{api}/objects/deals/{deal['id']}", json=moved).raise_for_status()


def _draw(folder: Path, name: str, content: bytes, sheet: str = SHEET) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium: apt-get install chromium")
    page = folder / f"{name}.html"
    page.write_bytes(content)
    shown = ROOT / ".github" / f"{name}.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={sheet}"]
    subprocess.run(  # noqa: S603 our own page
        [chromium, *options, f"--screenshot={page}.png", page.as_uri()], check=True, capture_output=True
    )
    few_colours(Path(f"{page}.png"), shown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
