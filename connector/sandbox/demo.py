"""The demo: a whole day of the connector on this machine, through the real commands and over real HTTP.

Starts the stand-ins, copies the shipped project aside, and runs `install`, `sync` and `sync` again against each CRM.
Nothing is written outside a temporary folder, and nothing is left running.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from connector.config.settings import shipped
from connector.sandbox.serve import World, sandbox, scratch

CRMS = ("hubspot", "salesforce")
NEXT = """
Your turn
  1. connector init my-project --source stripe --crm hubspot   writes a commented project, names the settings it needs
  2. connector check --live                                    finds every mistake, with file, line and cure
  3. connector install, then connector plan                    shows what would be written, and writes nothing
  4. connector sync, and later connector run                   does it, every morning
"""


def main() -> int:
    """Run the demo; the last line is JSON: what was created in each CRM, and what the second run wrote."""
    folder = scratch()
    try:
        with sandbox(World(), folder / "files", say=_say) as told:
            _let_something_happen(told["stripe"]["base_url"])
            home = _project(folder / "project", told)
            env = {
                **os.environ,
                **told["env"],
                "CONNECTOR_HOME": str(home),
                "CONNECTOR_STATE_DIR": str(folder / "state"),
            }
            results = {crm: _one_crm(crm, env, told) for crm in CRMS}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(NEXT + json.dumps(results) + "\n")
    ok = all(result["created"] > 0 and result["second_run_writes"] == 0 for result in results.values())
    return 0 if ok else 1


def _let_something_happen(stripe: str) -> None:
    """Append an event, as every account in use has some: from then on a run reads what changed and lists nothing."""
    product = requests.get(f"{stripe}/__state/products", timeout=30).json()[0]
    requests.post(f"{stripe}/__touch/products", json=[{"id": product["id"]}], timeout=30).raise_for_status()


def _one_crm(crm: str, env: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, int]:
    _say(f"\n━━━ {crm} ━━━")
    _connector(env, "install", "--crm", crm, "--yes")
    _connector(env, "sync", "--crm", crm)
    _say(f"\nWhat an account executive finds in {crm}:")
    _show_one(crm, told[crm]["base_url"])
    first = _count_ours(crm, told[crm]["base_url"])
    _say("\nThe same again, with nothing changed:")
    second = json.loads(_connector(env, "sync", "--crm", crm, "--json", capture=True))
    _say(f"  plan {second['plan']}, written {second['delivered']['ok']}")
    writes = sum(second["plan"][action] for action in ("create", "update", "close", "associate"))
    return {"created": first, "second_run_writes": writes + second["delivered"]["ok"]}


def _connector(env: Mapping[str, str], *words: str, capture: bool = False) -> str:
    """Run a command as a user would; stop the demo when it fails."""
    _say(f"$ connector {' '.join(words)}")
    command = [str(Path(sys.executable).with_name("connector")), *words]
    done = subprocess.run(  # noqa: S603 our own command
        command, env=dict(env), check=False, text=True, stdout=subprocess.PIPE if capture else None
    )
    if done.returncode != 0:
        raise SystemExit(f"connector {words[0]} ended with {done.returncode}")
    return done.stdout or ""


def _project(home: Path, told: Mapping[str, Any]) -> Path:
    """Copy the shipped project, and say which language each owner reads, as HubSpot cannot."""
    for name in ("mappings", "playbooks"):
        shutil.copytree(shipped() / name, home / name)
    owners = requests.get(f"{told['salesforce']['base_url']}/__state/User", timeout=30).json()
    french = [owner["Email"] for owner in owners if (owner.get("LanguageLocaleKey") or "").startswith("fr")]
    languages = ", ".join(f"{email}: fr" for email in sorted(french))
    mapping = home / "mappings" / "hubspot.yaml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(re.sub(r"languages: \{\}", f"languages: {{{languages}}}", text), encoding="utf-8")
    return home


def _show_one(crm: str, url: str) -> None:
    """Print the task that comes with the first opportunity, in its owner's language."""
    if crm == "salesforce":
        subject, body, key = "Subject", "Description", "Expansion_Key__c"
        tasks = requests.get(f"{url}/__state/Task", timeout=30).json()
    else:
        subject, body, key = "hs_task_subject", "hs_task_body", "expansion_key"
        tasks = [row["properties"] for row in requests.get(f"{url}/__state/tasks", timeout=30).json()]
    ours = [task for task in tasks if task.get(key) and re.match(r"(Call|Appeler) ", task[subject])]
    for opening in ("Call", "Appeler"):
        task = next((task for task in ours if task[subject].startswith(opening)), None)
        if task is not None:
            _say(f"  ☐ {task[subject]}")
            plain = re.sub(r"<br ?/?>|</p><p>", "\n", task[body])
            for line in re.sub(r"<[^>]+>", "", plain).splitlines():
                _say(f"      {line}")


def _count_ours(crm: str, url: str) -> int:
    """Count the records with our key that the CRM now holds."""
    if crm == "salesforce":
        rows = [
            row for kind in ("Opportunity", "Task") for row in requests.get(f"{url}/__state/{kind}", timeout=30).json()
        ]
        return sum(bool(row.get("Expansion_Key__c")) and not row.get("IsDeleted") for row in rows)
    rows = [row for kind in ("deals", "tasks") for row in requests.get(f"{url}/__state/{kind}", timeout=30).json()]
    return sum(bool(row["properties"].get("expansion_key")) for row in rows)


def _say(message: str) -> None:
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
