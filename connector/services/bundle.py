"""A file for whoever helps: what the checkup found and what the project says, without secrets or people.

Decided here: nothing is put in because it looks harmless; each part is made of what is known to be harmless. Of runs go
numbers, of crashes the places in our code, of the CRM's schema names and types, of rules their count. What is left is
redacted once more as text, and the file is its owner's alone.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.domain.change import RecordType
from connector.domain.checkup import Finding, as_json
from connector.domain.errors import ConfigError, ConnectorError
from connector.domain.run import Run
from connector.ports.crm import CrmReader

OWNER_ONLY = 0o600
TYPES = (RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK)
CRASHES = 3
"""Newest crashes that are told."""
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)')
_ENDS = re.compile(r"^(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit))(?::|$)")
ABOUT = """What this file holds, for whoever helps:
  doctor.json    what `connector doctor` found; names of rules and messages of others are left out
  versions.json  the connector, Python and the libraries
  settings.json  which settings are set; a value only where it is harmless
  project/       mappings and playbooks, without comments, owners and scope
  schema.json    names and types of the CRM's fields as our user sees them
  runs.json      the newest runs, numbers only
  crashes.txt    where our code broke, without messages
No key, no address, no record and no customer's name is in it. Look yourself before you send it.
"""


def contents(
    findings: Sequence[Finding],
    versions: Mapping[str, Any],
    settings: Mapping[str, str],
    documents: Mapping[str, str],
    schema: Mapping[str, Any],
    runs: Sequence[Run],
    crashes: Sequence[Path],
) -> dict[str, str]:
    """Make the parts of the file: path in it → text."""
    return {
        "ABOUT.txt": ABOUT,
        "doctor.json": _json(as_json(findings, abroad=True)),
        "versions.json": _json(versions),
        "settings.json": _json(settings),
        **{f"project/{name}": text for name, text in documents.items()},
        "schema.json": _json(schema),
        "runs.json": _json([run_shown(run) for run in runs]),
        "crashes.txt": "".join(crash_shown(path) for path in sorted(crashes)[-CRASHES:]),
    }


def write_bundle(file: Path, parts: Mapping[str, str], redact: Callable[[str], str]) -> None:
    """Write the parts, each redacted once more; a file that exists is left alone."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise ConfigError("the file exists", at=str(file), hint="name another") from None
    except OSError as wrong:
        cure = "name a file in a folder that you may write"
        raise ConfigError(f"cannot be written: {wrong.strerror}", at=str(file), hint=cure) from None
    with os.fdopen(descriptor, "wb") as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, redact(text))


def schema_shown(reader: Callable[[], CrmReader]) -> dict[str, Any]:
    """Describe every type of our work: names and types, no label and no value of a list."""
    try:
        schemas = {type: reader().schema(type) for type in TYPES}
    except ConnectorError as wrong:
        return {"not described": type(wrong).__name__}
    return {
        kind.value: {
            name: {
                "type": spec.type.value,
                "length": spec.length,
                "createable": spec.createable,
                "updateable": spec.updateable,
                "required": spec.required,
                "unique": spec.unique,
                "options": None if spec.options is None else len(spec.options),
            }
            for name, spec in schema.fields.items()
        }
        for kind, schema in schemas.items()
    }


def run_shown(run: Run) -> dict[str, Any]:
    """Tell a run by its numbers."""
    return {
        "id": run.id,
        "job": run.job,
        "destination": run.destination,
        "now": run.now.isoformat(),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "status": run.status.value,
        "numbers": _numbers(run.summary),
    }


def crash_shown(path: Path) -> str:
    """Tell a saved traceback by its frames and its kind of error: messages may quote anything."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{path.name}: cannot be read\n\n"
    return "\n".join([path.name, *_places(lines), "", ""])


def _places(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if frame := _FRAME.match(line):
            yield f"  {_inside(frame['file'])}:{frame['line']} {frame['name']}"
        elif ended := _ENDS.match(line):
            yield f"  {ended['error']}"


def _inside(file: str) -> str:
    """Shorten a path to what lies in a package: the rest may name the user."""
    parts = Path(file).parts
    for root in ("site-packages", "dist-packages"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :])
    return "/".join(parts[parts.index("connector") :]) if "connector" in parts else Path(file).name


def _numbers(value: Any) -> Any:
    """Keep numbers, and the keys that lead to them."""
    if isinstance(value, Mapping):
        kept = {key: _numbers(inner) for key, inner in value.items() if _is_word(key)}
        return {key: inner for key, inner in kept.items() if inner not in (None, {})}
    return value if isinstance(value, int | float) else None


def _is_word(key: object) -> bool:
    return isinstance(key, str) and re.fullmatch(r"[a-z_]+|[A-Z]{3}", key) is not None


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
