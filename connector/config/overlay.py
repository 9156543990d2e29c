"""What one environment has otherwise: `mappings/salesforce.sandbox.yaml` beside `mappings/salesforce.yaml`.

Decided here: mappings merge key by key, anything else (a text, a list) is replaced whole, and null takes a key away. An
override changes what the document has; it adds nothing under a name that the document does not know, because a
misspelt key would do nothing, in silence. A `version`, `name` and `crm` may stand in it, to be checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from connector.config.yamldoc import keys_of
from connector.config.yamltree import Loc, Tree
from connector.domain.errors import ConfigError, Problem

FREE = frozenset({"roles", "languages", "rates", "values", "constants", "metadata", "meters"})
"""Mappings that an override may add names to: what stands in them differs by environment."""


def override_of(document: str, env: str) -> str:
    """Name a document's override: `mappings/hubspot.yaml` → `mappings/hubspot.sandbox.yaml`."""
    path = PurePosixPath(document)
    return str(path.with_name(f"{path.stem}.{env}.yaml"))


def check_env(home: Path, env: str, documents: Mapping[str, object], used: list[str]) -> None:
    """Refuse an environment that no document has an override for, and an override of a document that is none."""
    known = {override_of(name, env): name for name in documents}
    found = sorted(
        str(PurePosixPath(path.relative_to(home)))
        for folder in ("mappings", "playbooks")
        for path in (home / folder).rglob(f"*.{env}.yaml")
    )
    for stray in (name for name in found if name not in known):
        near = difflib.get_close_matches(stray, list(known), 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else "it is named after the document it overrides"
        raise ConfigError("overrides no document", at=stray, hint=hint)
    if any((home / override_of(name, env)).is_file() for name in used):
        return
    others = {path.name.split(".")[-2] for path in home.glob("*/**/*.*.yaml")}
    near = difflib.get_close_matches(env, sorted(others), 1)
    example = next((name for name in used if name.startswith(("mappings/sales", "mappings/hub"))), used[0])
    hint = f"did you mean {near[0]}?" if near else f"make {override_of(example, env)}, or unset CONNECTOR_ENV"
    raise ConfigError(f"CONNECTOR_ENV is {env!r}, and no document has an override for it", at="environment", hint=hint)


def merged(base: Tree, over: Tree, kind: type[Any]) -> Tree:
    """Lay an override over a document; raise ConfigError with every path in it that leads nowhere."""
    if not isinstance(base.data, dict) or not isinstance(over.data, dict):
        raise ConfigError("an override is a mapping", at=str(over.places.get((), "")), hint="write `key: value` lines")
    problems = list(_unknown(base.data, over, kind))
    if problems:
        raise ConfigError(problems)
    places = dict(base.places)
    data = _laid(base.data, over.data, (), over, places)
    return Tree(data, places, {**base.lines, **over.lines})


def _unknown(base: Any, over: Tree, kind: type[Any]) -> Iterator[Problem]:
    yield from _leads_nowhere(base, over.data, (), over, kind)
    for key in ("version", "name", "crm"):
        if key in over.data and over.data[key] != base.get(key):
            shown = f"{key} {over.data[key]!r} is not the document's, {base.get(key)!r}"
            yield Problem(shown, str(over.places[(key,)]), f"{key}: {base.get(key)}, or leave it out")


def _leads_nowhere(base: Any, part: Any, loc: Loc, over: Tree, kind: type[Any]) -> Iterator[Problem]:
    allowed = keys_of(kind, loc)
    for key, value in part.items():
        here = (*loc, str(key))
        if key not in base and str(key) not in allowed and not (loc and loc[-1] in FREE):
            options = sorted({*map(str, base), *allowed})
            near = difflib.get_close_matches(str(key), options, 1)
            cure = f"did you mean {near[0]}?" if near else f"known: {', '.join(options[:40])}"
            shown = f"override of an unknown path: {'.'.join(map(str, here))}"
            yield Problem(shown, str(over.places[here]), f"{cure} An override changes what the document has")
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            yield from _leads_nowhere(base[key], value, here, over, kind)


def _laid(base: Any, part: Any, loc: Loc, over: Tree, places: dict[Loc, Any]) -> Any:
    made = dict(base)
    for key, value in part.items():
        here = (*loc, str(key))
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = _laid(made[key], value, here, over, places)
            places[here] = over.places[here]
            continue
        for old in [one for one in places if one[: len(here)] == here]:
            del places[old]
        places.update({one: spot for one, spot in over.places.items() if one[: len(here)] == here})
        if value is None and isinstance(made.get(key), dict):
            made.pop(key)
        else:
            made[key] = value
    return made
