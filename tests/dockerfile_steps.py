"""Carries out a Dockerfile's steps in order, in an empty folder that stands for the image's root.

Each stage has an empty root of its own, at one and the same place, as an engine gives it: absolute paths in the steps
mean that root. Of the base image only `python` is taken from the machine; making users is left out, because it would
change the machine.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONTEXT = re.compile(r"^([A-Z]+)\s+(.*)$", re.S)
ABSOLUTE = re.compile(r"(?<![\w./$-])/(?!usr/|bin/|dev/|etc/)(?=[a-z])")
"""Begins a path of the image; what the base image brings is the machine's."""
NOT_HERE = ("useradd", "groupadd")


@dataclass
class Image:
    """What the steps made: the root folder, the environment and how it starts."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "root"
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a container."""
        own = {name: self.inside(value) for name, value in self.env.items()}
        path = os.pathsep.join([own.get("PATH", ""), "/usr/bin", "/bin"])
        return {**own, "PATH": path, **more}

    def inside(self, text: str) -> str:
        """Let a step's absolute paths mean the image's root."""
        return ABSOLUTE.sub(f"{self.root}/", text)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield every instruction with its arguments; comments are dropped and lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        found = CONTEXT.match(line.strip())
        if found:
            yield found[1], found[2].strip()


def built(dockerfile: Path, context: Path, place: Path, tools: Path) -> Image:
    """Carry out every step of every stage; give the last stage's image."""
    stages: dict[str, Path] = {}
    _make_tools(tools)
    image = Image(place)
    name = ""
    for word, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        if word == "FROM":
            if name:
                stages[name] = _put_aside(place, tools.parent / f"stage-{name}")
            parts = rest.split()
            name = parts[2] if len(parts) == 3 else "last"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            image = Image(place)
        else:
            _step(word, rest, image, context, stages, tools)
    return image


def _step(word: str, rest: str, image: Image, context: Path, stages: Mapping[str, Path], tools: Path) -> None:
    match word:
        case "ENV":
            for pair in shlex.split(rest):
                key, _, value = pair.partition("=")
                image.env[key] = value.replace(f":${key}", "").replace(f"${key}:", "")
        case "WORKDIR":
            image.folder = rest
            Path(image.inside(rest)).mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(rest, image, context, stages)
        case "RUN":
            _run(rest, image, tools)
        case "USER":
            image.user = rest
        case "VOLUME":
            image.volumes = json.loads(rest)
        case "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        case "CMD":
            image.cmd = json.loads(rest)
        case "HEALTHCHECK":
            image.healthcheck = json.loads(rest[rest.index("CMD") + 3 :])
        case "STOPSIGNAL":
            pass
        case other:
            raise AssertionError(f"no test knows the instruction {other}")


def _copy(rest: str, image: Image, context: Path, stages: Mapping[str, Path]) -> None:
    words = shlex.split(rest)
    options = [word for word in words if word.startswith("--")]
    *sources, to = [word for word in words if not word.startswith("--")]
    start = next((stages[one.removeprefix("--from=")] for one in options if one.startswith("--from=")), context)
    target = Path(image.inside(to)) if to.startswith("/") else Path(image.inside(image.folder)) / to
    for source in sources:
        what = start / source.lstrip("/")
        if what.is_dir():
            shutil.copytree(what, target, symlinks=True, dirs_exist_ok=True, ignore=_ignored)
        else:
            into = target / what.name if to.endswith("/") or len(sources) > 1 else target
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(what, into)


def _ignored(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" and ".venv" not in _folder and "/opt/" not in _folder]


def _run(rest: str, image: Image, tools: Path) -> None:
    env = {name: image.inside(value) for name, value in image.env.items() if name not in ("PATH", "PIP_NO_CACHE_DIR")}
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HOME", "LANG"))}
    path = os.pathsep.join([str(tools), "/usr/bin", "/bin"])
    done = subprocess.run(
        ["sh", "-ec", image.inside(rest)],
        cwd=image.inside(image.folder),
        env={**kept, **env, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"RUN {rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def _make_tools(tools: Path) -> None:
    """`python` as the base image has it, and stand-ins for what would change the machine."""
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    for name in NOT_HERE:
        (tools / name).write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    if os.geteuid() != 0:  # only root gives folders away
        (tools / "install").write_text('#!/bin/sh\nfor last; do :; done\nexec mkdir -p "$last"\n', encoding="utf-8")
        (tools / "install").chmod(0o755)


def _put_aside(place: Path, to: Path) -> Path:
    place.rename(to)
    return to
