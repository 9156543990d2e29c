"""A copy of the shipped project that a test may spoil."""

from __future__ import annotations

from pathlib import Path


class Home:
    """A project folder, with a way to change one thing in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def change(self, document: str, old: str, new: str) -> str:
        """Replace one text and give the place (`file:line`) where it begins."""
        path = self.folder / document
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{document} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        line = text[: text.index(old)].count("\n") + 1
        return f"{document}:{line}"
