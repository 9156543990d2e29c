"""The README's first hour is typed word for word into two shells, and what comes back is what the README shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import Shown, Transcript, blocks, steps

VENV = Path(sys.executable).parent.parent
ACTIVATE = "scripts/install && . .venv/bin/activate"
"""How it begins in a checkout; what the first half of it does is tested by CI itself."""
MARKS = {"first terminal", "second terminal", "admin session"}
"""Whose a console block may be: the first two are typed here, the third by `test_admin_session`."""
WAITS_FOR_APPROVAL = 4


class Terminal:
    """A shell in a folder, whose user has a home of their own and knows nothing of the connector."""

    def __init__(self, folder: Path, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONNECTOR_", "VIRTUAL_ENV"))}
        path = ":".join(part for part in kept["PATH"].split(":") if Path(part) != VENV / "bin")
        # On a terminal a line is shown when it is written; on a pipe Python would keep it back.
        env = kept | {"HOME": str(home), "PATH": path, "PYTHONUNBUFFERED": "1"}
        self.shell = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def type(self, line: str, until: str | None = None) -> tuple[int, str]:
        """Type a line; give how it ended and what came back, or what came until a line of a command that stays."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{{ {line}\n}} </dev/null\nset -- $?; echo; echo ended $1\n")
        self.shell.stdin.flush()
        came: list[str] = []
        for said in self.shell.stdout:
            if found := re.fullmatch(r"ended (\d+)\n", said):
                return int(found[1]), "".join(came)
            came.append(said)
            if until is not None and said.rstrip("\n") == until:
                return 0, "".join(came)
        raise AssertionError(f"the shell ended: {''.join(came)}")

    def interrupt(self) -> None:
        """Ctrl-C, and the window is closed."""
        os.killpg(self.shell.pid, signal.SIGINT)
        self.shell.communicate(timeout=30)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder as `scripts/install` leaves a checkout, as far as somebody who uses it looks."""
    folder = tmp_path / "checkout"
    folder.mkdir(mode=0o700)
    (folder / ".venv").symlink_to(VENV)
    return folder


def edit(project: Path, typed: str) -> str:
    """Type a line into a file, over the one with the same key; no answer."""
    path, line = typed.removeprefix("# ").split(": ", 1)
    file = project / path
    text, times = re.subn(rf"(?m)^{line.split(':')[0]}:.*$", line, file.read_text("utf-8"))
    assert times == 1, f"{path} has {times} lines like {line!r}"
    file.write_text(text, encoding="utf-8")
    return ""


def test_the_first_hour_goes_as_the_readme_shows(checkout: Path, tmp_path: Path) -> None:
    """From an empty folder to a first approved run in both CRMs and back; every answer is the one that is shown."""
    readme = Transcript()
    assert f"`{ACTIVATE}`" in readme.text
    assert {block.mark for block in blocks(readme.text)} == MARKS
    session = [step for block in blocks(readme.text) for step in steps(block) if step.mark.endswith("terminal")]
    home = tmp_path / "home"
    home.mkdir()
    first = Terminal(checkout, home)
    first.type(". .venv/bin/activate")
    project, second = checkout / "demo", None
    ready = project / ".connector" / "sandbox.json"
    try:
        for step in session:
            if step.typed.startswith("# "):
                readme.came(step, edit(project, step.typed))
            elif step.mark == "first terminal":
                follow(first, step, readme)
            else:
                second = second or Terminal(project, home)
                follow(second, step, readme)
        assert ready.exists()
    finally:
        first.interrupt()
        if second is not None:
            second.interrupt()

    assert not ready.exists()
    readme.settle()


def follow(terminal: Terminal, step: Shown, readme: Transcript) -> None:
    """Type a command of the README; it has to end well, or to wait for the approval that comes next."""
    stays = "connector sandbox" in step.typed
    code, answer = terminal.type(readme.today(step.typed.removeprefix("$ ")), step.lines[-1] if stays else None)
    assert code == (WAITS_FOR_APPROVAL if "approve it with" in answer else 0), f"{step.typed}: exit {code}\n{answer}"
    readme.came(step, answer)


README = """
<!-- first terminal -->
```console
$ connector sync
Run 20261126T124426-7cc5a3 waits
…
create 114, update 0; about 5 calls
$ connector approve 20261126T124426-7cc5a3 --by "Ana Ruiz"
Run 20261126T124442-6ca260 approves 20261126T124426-7cc5a3
  first seats, …
```
"""
PLANNED, OTHER = "20270101T000000-aaaaaa", "20270101T000009-bbbbbb"
ANSWERS = (
    f"Run {PLANNED} waits\n  one\n  two\ncreate 114, update 0; about 5 calls\n",
    f"Run {OTHER} approves {PLANNED}\n  first seats, then the rest\n",
)


def held(answers: tuple[str, ...], text: str = README) -> Transcript:
    """Hold answers against a README of one block."""
    readme = Transcript(text)
    (block,) = blocks(text)
    for step, answer in zip(steps(block), answers, strict=True):
        readme.came(step, answer)
    return readme


def test_what_is_shown_is_about_the_runs_that_were_made() -> None:
    """A README's run is this session's run, wherever it is named again."""
    readme = held(ANSWERS)

    assert readme.stale == []
    assert readme.today("connector undo 20261126T124426-7cc5a3") == f"connector undo {PLANNED}"


@pytest.mark.parametrize(
    ("step", "was", "now"),
    [
        (0, "create 114", "create 115"),
        (0, "about 5 calls\n", "about 5 calls\n  and a line that is new\n"),
        (0, "  one\n  two\n", ""),
        (0, "Run ", "A line before\nRun "),
        (1, f"approves {PLANNED}", f"approves {OTHER}"),
        (1, "first seats", "first plans"),
        (1, "first seats, then the rest", "and nothing like what it was"),
        (1, "  first seats, then the rest\n", ""),
    ],
)
def test_an_answer_that_changed_is_told_and_written(
    step: int, was: str, now: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number, a line more, a line less, another run: stale; and what is written in its place is not."""
    monkeypatch.setattr("tests.readme.WRITE", False)
    assert was in ANSWERS[step]
    answers = tuple(answer.replace(was, now) if at == step else answer for at, answer in enumerate(ANSWERS))

    readme = held(answers)

    assert [shown.typed.split()[2] for shown, _ in readme.stale] == [("sync", "approve")[step]]
    with pytest.raises(AssertionError, match="scripts/transcripts"):
        readme.settle()
    renewed = readme.rewritten()
    assert held(answers, renewed).stale == []
    assert renewed.count("\n") <= README.count("\n") + 1
