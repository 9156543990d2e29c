"""From an empty folder to applied proposals by what `init --demo` says, word for word, in a shell."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
CUSTOMERS = "40"
"""As few as the demo company can have."""


def clean() -> dict[str, str]:
    """An environment in which `connector` is on the PATH and nothing of ours is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return kept | {"PATH": f"{BIN}:{kept.get('PATH', '')}"}


def shell(home: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Type a line into a new terminal, in the project, its settings loaded."""
    command = f"set -a; . ./.env; set +a\n{line}"
    return subprocess.run(["sh", "-c", command], cwd=home, env=clean(), capture_output=True, text=True, check=False)


@pytest.fixture
def begun(crm: str, tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A project as `init --demo` leaves it, its sandbox running, and the commands it says come next."""
    home = tmp_path / "demo"
    told = subprocess.run(
        ["connector", "init", str(home), "--demo", "--crm", crm, "--json"], env=clean(), capture_output=True, check=True
    )
    steps: list[str] = json.loads(told.stdout)["next"]
    (serve,) = [step.split(": ", 1)[1] for step in steps if "connector sandbox" in step]
    sandbox = subprocess.Popen(
        [*serve.split(), "--customers", CUSTOMERS], cwd=home, env=clean(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert sandbox.stdout is not None
        while not (line := sandbox.stdout.readline()).startswith("ready"):
            assert line, "the sandbox ended"
        yield home, steps
    finally:
        sandbox.terminate()
        sandbox.wait(timeout=30)


def test_a_demo_runs_right_away(begun: tuple[Path, list[str]]) -> None:
    """Every command of the list, in its order: each ends well, and the last writes what the one before showed."""
    home, steps = begun
    commands = [found[0] for step in steps if (found := re.findall(r"^connector [^:]+", step))]

    ran = {
        line: shell(home, f"{line}{' --yes' if line.split()[1] in ('install', 'apply') else ''}") for line in commands
    }

    assert commands[0] == "connector doctor"
    assert commands[-1] == "connector apply plan.json"
    assert {line: (one.returncode, one.stderr[-800:]) for line, one in ran.items() if one.returncode} == {}
    assert "fail" not in ran["connector doctor"].stdout
    assert "Who may read our files   ours alone" in ran["connector doctor"].stdout
    written = shell(home, "connector runs --json")
    assert max(run["created"] for run in json.loads(written.stdout)["runs"]) > 0


def test_without_its_sandbox_a_demo_says_what_is_missing(crm: str, tmp_path: Path) -> None:
    """Nobody listens: loading the settings says what to start, the doctor what no setting gives; no wall of text."""
    home = tmp_path / "demo"
    subprocess.run(
        ["connector", "init", str(home), "--demo", "--crm", crm], env=clean(), check=True, capture_output=True
    )

    ran = shell(home, "connector doctor --json")

    found = {one["id"]: one for one in json.loads(ran.stdout.splitlines()[-1])["checks"]}
    assert ran.returncode == 2
    assert found["crm.settings"]["outcome"] == "fail"
    assert "CONNECTOR_" in found["crm.settings"]["seen"]
    assert "connector sandbox --ready-file" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_sandbox_begun_anew_says_that_the_ledger_knows_another(tmp_path: Path) -> None:
    """What was written to the stopped one is gone, and a plan would make none of it again: said before it is ready."""
    ready = tmp_path / "sandbox.json"
    (tmp_path / "ledger.db").touch()

    sandbox = subprocess.Popen(
        ["connector", "sandbox", "--empty", "--ready-file", str(ready)],
        env=clean() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert sandbox.stdout is not None
    said = ""
    while not (line := sandbox.stdout.readline()).startswith("ready"):
        assert line, f"the sandbox ended: {said}"
        said += line
    sandbox.send_signal(signal.SIGINT)

    assert sandbox.wait(timeout=30) == 0
    assert "begin again in a new folder" in said
    assert not ready.exists()
