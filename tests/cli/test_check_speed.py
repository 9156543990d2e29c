"""`connector check` answers at once: an admin runs it after every line."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from connector.config.settings import shipped

FIELDS, SECONDS, TRIES = 200, 1.0, 4


def test_two_hundred_fields_take_a_second(tmp_path: Path) -> None:
    """A mapping with two hundred derived fields is checked in at most one second of CPU, Python's start included."""
    for part in ("mappings", "playbooks"):
        shutil.copytree(shipped() / part, tmp_path / part)
    path = tmp_path / "mappings/salesforce.yaml"
    rules = "".join(
        f"    Expansion_X{i}__c: {{value: '{{{{ name | truncate({i + 10}) }}}}', policy: own}}\n" for i in range(FIELDS)
    )
    path.write_text(path.read_text("utf-8").replace("\ntask:\n", rules + "\ntask:\n", 1), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    env |= {"CONNECTOR_HOME": str(tmp_path), "CONNECTOR_CRM": "salesforce"}

    # Other processes share the machine's caches: the best of a few tries is what the command itself needs.
    command = [sys.executable, "-c", "from connector.cli import main; main()", "check"]
    spent = min(_cpu_seconds(command, env) for _ in range(TRIES))

    assert spent <= SECONDS


def _cpu_seconds(command: list[str], env: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
