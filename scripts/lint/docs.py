"""Holds the README against the product: every `connector …` and `scripts/…` it shows must exist, with its options."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"```(?:bash|console|sh)\n(.*?)```", re.S)


def main() -> int:
    """Check the README; print each command that does not exist, and each link that leads nowhere."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = [problem for line in _commands(text) for problem in _check(line)]
    wrong += [f"README links to {name}, which is not there" for name in _links(text) if not (ROOT / name).exists()]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def _commands(text: str) -> list[str]:
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ").split(" #")[0].strip() for line in lines if line.strip()]


def _links(text: str) -> list[str]:
    return [link.split("#")[0] for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)]


def _check(line: str) -> list[str]:
    words = shlex.split(line)
    words = words[next((i for i, word in enumerate(words) if "=" not in word), 0) :]
    match words:
        case [first, *rest] if first.endswith("connector"):
            return _check_connector(rest, line)
        case [first, *_] if first.startswith("scripts/") and not (ROOT / first).exists():
            return [f"README names {first}, which is not there"]
        case _:
            return []


def _check_connector(words: list[str], line: str) -> list[str]:
    path: list[str] = []
    for word in words:
        if word.startswith("-") or not _help((*path, word)):
            break
        path.append(word)
    shown = _help(tuple(path))
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    unknown = [option for option in options if option not in shown]
    if words and not words[0].startswith("-") and not path:
        return [f"README shows an unknown command: {line}"]
    return [f"README shows an unknown option {option}: {line}" for option in unknown]


@lru_cache(maxsize=128)
def _help(path: tuple[str, ...]) -> str:
    done = subprocess.run(  # noqa: S603 our own command, words from our own README
        [str(ROOT / ".venv/bin/connector"), *path, "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": "/usr/bin:/bin", "TERM": "dumb"},
    )
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
