"""Facts about the image's recipe that can be told without an engine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE.replace("\\\n", " "), flags=re.MULTILINE)


def _copied() -> list[str]:
    return [source.rstrip("/") for line in _instructions("COPY") for source in line.split()[:-1]]


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
    """It runs as a user of its own, who owns the folder for state."""
    [user] = _instructions("USER")

    assert user != "root"
    assert f"-o {user}" in DOCKERFILE
    assert _instructions("ENTRYPOINT") == ['["connector"]']
    assert _instructions("CMD")[-1] == '["run"]'
