"""Checks that the JSON Schemas beside the shipped YAML are current and that every document names its own.

`--write` mends both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from connector.config.project import DOCUMENTS
from connector.config.schemas import HEADER, header, schema_files

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """Compare every generated text with what lies there; print or mend what differs."""
    wanted = schema_files() | {name: _with_header(name) for name in DOCUMENTS if (ROOT / name).exists()}
    stale = [name for name, text in wanted.items() if not (ROOT / name).exists() or _read(name) != text]
    left = [str(path.relative_to(ROOT)) for path in ROOT.glob("*/schemas/*.json")]
    unknown = [name for name in left if name.startswith(("mappings/", "playbooks/")) and name not in wanted]
    if "--write" in sys.argv:
        for name in stale:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(wanted[name], encoding="utf-8")
        for name in unknown:
            (ROOT / name).unlink()
        return 0
    sys.stdout.writelines(f"{name}: not current; run scripts/lint/schemas.py --write\n" for name in stale + unknown)
    return 1 if stale or unknown else 0


def _with_header(name: str) -> str:
    lines = _read(name).splitlines(keepends=True)
    rest = lines[1:] if lines and lines[0].startswith(HEADER) else lines
    return "".join([f"{header(name)}\n", *rest])


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
