"""Facts about the image's recipe that can be told without an engine."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE.replace("\\\n", " "), flags=re.MULTILINE)


def _copied() -> list[str]:
    lines = [line for line in _instructions("COPY") if "--from=" not in line]
    return [source.rstrip("/") for line in lines for source in line.split()[:-1]]


def _pip_installs(text: str) -> list[frozenset[str]]:
    """The words of each `pip install`, as a set; the editable install of a checkout is the plain one of an image."""
    lines = re.findall(r"-m pip install (.+)$", text, flags=re.MULTILINE)
    installs = [set(shlex.split(line.replace("$lock", "requirements.lock"))) for line in lines]
    return [frozenset(words - {"-e"}) for words in installs]


def test_everything_that_is_copied_exists() -> None:
    """Each COPY names a file or folder of the checkout."""
    copied = _copied()

    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_everything_that_is_copied_reaches_the_engine() -> None:
    """`.dockerignore` leaves out everything but what is copied."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]

    assert "*" in lines
    assert sorted(let_in) == sorted(_copied())


def test_the_wheel_finds_what_it_is_built_from() -> None:
    """The build's inputs that pyproject.toml names are copied before the package is installed."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before = DOCKERFILE[: DOCKERFILE.index("--no-deps")]
    named = re.findall(r'^"(mappings|playbooks)" = "connector/defaults/', project, flags=re.MULTILINE)

    assert sorted(named) == ["mappings", "playbooks"]
    assert all(f"COPY {name} " in before for name in ("connector", *named))


def test_the_image_installs_as_a_checkout_does() -> None:
    """The pip commands are those of scripts/install: the same lock with hashes, then the package without deps."""
    script = (ROOT / "scripts" / "install").read_text(encoding="utf-8")

    assert _pip_installs(DOCKERFILE) == _pip_installs(script)


def test_the_image_runs_as_nobody_special() -> None:
    """It runs as a numbered user of its own, who owns the folder for state and nothing else."""
    [user] = _instructions("USER")
    uid, _, gid = user.partition(":")

    assert uid.isdigit()
    assert int(uid) >= 10_000
    assert re.findall(r"-o (\S+) -g (\S+) (\S+)", DOCKERFILE) == [(uid, gid, "/state")]
    assert _instructions("ENTRYPOINT") == ['["connector"]']
    assert _instructions("CMD")[-1] == '["run"]'
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]


def test_the_base_is_one_exact_version() -> None:
    """Both stages stand on the same slim base, pinned to its patch version and Debian's name."""
    bases = {line.split()[0] for line in _instructions("FROM")}

    assert len(_instructions("FROM")) == 2
    [base] = bases
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base)


def test_nothing_but_state_has_to_be_written() -> None:
    """Home and temporary files lie in the state's folder, which is the one volume."""
    env = dict(pair.split("=", 1) for line in _instructions("ENV")[1:] for pair in line.split())

    assert {env[name] for name in ("CONNECTOR_STATE_DIR", "TMPDIR", "HOME")} == {"/state"}
    assert _instructions("VOLUME") == ['["/state"]']
    assert env["PYTHONDONTWRITEBYTECODE"] == "1"


def test_hadolint_finds_nothing() -> None:
    """The linter for recipes has nothing to say, not even as advice."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, "--no-color", "--failure-threshold", "style", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 0)
