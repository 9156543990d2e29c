"""`connector check` on a large mapping, beside `connector --version`: what an admin waits for after every line."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from goals import Figure, Report

from connector.config.settings import shipped

FIELDS, TRIES, SECONDS = 200, 4, 1.0
CONNECTOR = (sys.executable, "-c", "from connector.cli import main; main()")


def bench_check() -> Report:
    """Check a mapping with two hundred derived fields; seconds are of CPU, the best of a few tries."""
    with tempfile.TemporaryDirectory() as folder:
        env = _project(Path(folder))
        checked = min(_cpu_seconds("check", env) for _ in range(TRIES))
        started = min(_cpu_seconds("--version", env) for _ in range(TRIES))
    return Report(
        name="check",
        question="what does a check of a large mapping cost, Python's start included?",
        sizes={"derived_fields": FIELDS},
        figures=(
            Figure("CPU of `connector check`", checked, "s", at_most=SECONDS),
            Figure("over `connector --version`", checked / started, "×", of=f"{started:.2f} s"),
        ),
    )


def _project(folder: Path) -> dict[str, str]:
    for part in ("mappings", "playbooks"):
        shutil.copytree(shipped() / part, folder / part)
    path = folder / "mappings/salesforce.yaml"
    rules = "".join(
        f"    Expansion_X{i}__c: {{value: '{{{{ name | truncate({i + 10}) }}}}', policy: own}}\n" for i in range(FIELDS)
    )
    path.write_text(path.read_text("utf-8").replace("\ntask:\n", rules + "\ntask:\n", 1), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return env | {"CONNECTOR_HOME": str(folder), "CONNECTOR_CRM": "salesforce"}


def _cpu_seconds(command: str, env: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*CONNECTOR, command], env=env, check=True, capture_output=True)  # noqa: S603 - our own command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
