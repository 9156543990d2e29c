"""Refuses Python files over 350 lines and functions over 60: past that, ask what second thing it does."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES = 350
FUNCTION_LINES = 60


def main() -> int:
    """Check every tracked or new Python file; print what is too long."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607 git is on every PATH
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wrong = [line for name in listed if Path(name).exists() for line in too_long(Path(name))]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def too_long(path: Path) -> list[str]:
    """Name the file or its functions that are too long."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n") + 1
    found = [f"{path}: {lines} lines (at most {FILE_LINES})"] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno}: {node.name} has {length} lines (at most {FUNCTION_LINES})")
    return found


if __name__ == "__main__":
    sys.exit(main())
