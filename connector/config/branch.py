"""A branch of a project: a copy aside with some documents replaced or single values set, read like any project."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from connector.config.project import DOCUMENTS
from connector.config.yamltree import read_tree
from connector.domain.errors import ConfigError

PARTS = ("mappings", "playbooks")


@contextmanager
def branch(home: Path, overlays: Sequence[Path], values: Sequence[str]) -> Iterator[Path]:
    """Give a folder with the project as it would be; the project itself stays as it is."""
    with tempfile.TemporaryDirectory(prefix="connector-whatif-") as folder:
        to = Path(folder)
        for part in PARTS:
            if (home / part).is_dir():
                shutil.copytree(home / part, to / part)
        for path in overlays:
            for name, file in _documents(path):
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to / name)
        for value in values:
            _set(to, value)
        yield to


def _documents(path: Path) -> Iterator[tuple[str, Path]]:
    """Each document that a folder or a file stands for, by its name in a project."""
    if path.is_dir():
        found = [(name, path / name) for name in _names(path) if (path / name).is_file()]
        if not found:
            known = "a project's: mappings/… and playbooks/…"
            raise ConfigError(f"{path} holds no document of a project", at="--with", hint=f"lay them out like {known}")
        yield from found
        return
    if not path.is_file():
        raise ConfigError(f"there is no {path}", at="--with", hint="name a folder or a YAML file")
    fitting = [name for name in DOCUMENTS if _is_of(path, name)]
    if len(fitting) != 1:
        raise ConfigError(
            f"{path.name} is no document of a project", at="--with", hint=f"documents: {', '.join(sorted(DOCUMENTS))}"
        )
    yield _as_named(path, fitting[0]), path


def _names(path: Path) -> Iterator[str]:
    for part in PARTS:
        yield from (str(file.relative_to(path)) for file in sorted((path / part).rglob("*.yaml")))


def _is_of(path: Path, name: str) -> bool:
    """Overrides of an environment (`policy.sandbox.yaml`) are of their document."""
    return path.name.split(".")[0] == Path(name).stem


def _as_named(path: Path, name: str) -> str:
    return str(Path(name).with_name(path.name))


def _set(home: Path, value: str) -> None:
    """Set one value: `playbooks/policy.yaml:caps.per_owner_week=3`."""
    place, equals, text = value.partition("=")
    name, colon, path = place.partition(":")
    if not equals or not colon or name not in DOCUMENTS or not path:
        cure = "write it like --set playbooks/policy.yaml:caps.per_owner_week=3"
        raise ConfigError(f"cannot read {value!r}", at="--set", hint=cure)
    read_tree(home / name, name)  # says what is wrong with the document before it is written anew
    document: Any = yaml.safe_load((home / name).read_text(encoding="utf-8"))
    at = document
    *parents, last = path.split(".")
    for part in parents:
        at = _inside(at, part, value)
    _inside(at, last, value, must_be=False)
    at[int(last) if isinstance(at, list) else last] = yaml.safe_load(text)
    (home / name).write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _inside(at: Any, part: str, value: str, must_be: bool = True) -> Any:
    if isinstance(at, Mapping) and (part in at or not must_be):
        return at.get(part)
    if isinstance(at, list) and part.isdecimal() and int(part) < len(at):
        return at[int(part)]
    known = ", ".join(map(str, at)) if isinstance(at, Mapping) else "a list of numbered entries"
    raise ConfigError(f"{value}: there is no {part!r}", at="--set", hint=f"known there: {known}")
