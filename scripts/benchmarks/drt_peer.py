"""drt-core, the reverse ETL tool on PyPI, as a peer: its own environment, a project of its own, its own command.

Its HubSpot destination writes contacts, companies and deals, a call a record; it knows neither tasks nor associations,
so only deals are compared. Settings are the quickest it has: its pacing is off, since it allows nine calls a second at
most where the portal allows nineteen, and it repeats a refused call every second. `id_property` is our unique property
or, as its documentation shows for deals, the deal's name.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from crm_place import Place
from plain_loops import Values

RELEASE = "drt-core==1.2.1"
ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "peers" / RELEASE
INSTALLS_WITHIN_SECONDS = 300
_SYNC = """\
name: deals
model: "SELECT * FROM deals"
destination:
  type: hubspot
  object_type: deals
  id_property: {id_property}
  properties_template: |
    {template}
  auth: {{type: bearer, token_env: HUBSPOT_TOKEN}}
  rate_limit: {{requests_per_second: 0}}
  retry: {{max_attempts: 30, initial_backoff: 1.0, backoff_multiplier: 1.0}}
sync: {{mode: full, batch_size: 100, on_error: skip}}
"""


def install() -> str | None:
    """Put it into an environment of its own, once; say why when that fails."""
    if (ENVIRONMENT / "bin" / "drt").exists():
        return None
    pip = str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", RELEASE
    for command in ((sys.executable, "-m", "venv", str(ENVIRONMENT)), pip):
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command, capture_output=True, text=True, timeout=INSTALLS_WITHIN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{RELEASE} was not installed within {INSTALLS_WITHIN_SECONDS} s"
        if done.returncode:
            return f"{RELEASE} cannot be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    return None


def project(folder: Path, rows: Sequence[Values], id_property: str) -> None:
    """Write a project that syncs these deals from an SQLite file."""
    (folder / "syncs").mkdir(parents=True)
    (folder / ".drt").mkdir()
    (folder / "drt_project.yml").write_text('name: bench\nversion: "0.1"\nprofile: local\n', encoding="utf-8")
    profile = f"local: {{type: sqlite, database: {folder / 'rows.db'}}}\n"
    (folder / ".drt" / "profiles.yml").write_text(profile, encoding="utf-8")
    names = list(rows[0])
    template = "{" + ", ".join(f'"{name}": {{{{ row.{name} | tojson }}}}' for name in names) + "}"
    sync = _SYNC.format(id_property=id_property, template=template)
    (folder / "syncs" / "deals.yml").write_text(sync, encoding="utf-8")
    with sqlite3.connect(folder / "rows.db") as database:
        database.execute(f"CREATE TABLE deals ({', '.join(names)})")
        marks = ", ".join("?" for _ in names)
        database.executemany(f"INSERT INTO deals VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608


def command() -> Sequence[str]:
    """Name the command that runs the sync."""
    return str(ENVIRONMENT / "bin" / "drt"), "run", "--select", "deals", "--output", "json"


def environment(place: Place, folder: Path) -> Mapping[str, str]:
    """Let it find its profile, the stand-in and the benchmark's clock, and nothing that reports home."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).with_name("peer_site")),
        "DO_NOT_TRACK": "1",
        "HUBSPOT_TOKEN": str(place.told["access_token"]),
        "BENCH_TIME_FILE": str(place.folder / "time"),
        "BENCH_HUBSPOT_URL": place.url,
    }
