"""A plan as JSON: what waits for approval, what is shared, and what an outbox entry carries.

Keys are the values' own names; a field at its default is left out, so that a plan of thousands stays readable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import date, datetime
from functools import cache
from typing import Any, cast

from connector.domain.change import Cause, Change, FieldChange, Link, Plan, Policy, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import SourceDataError
from connector.domain.hold import Hold

VERSION = 1
POLICIES = {policy.value: policy for policy in Policy}
CAUSES = {cause.value: cause for cause in Cause}
FIELD_PARTS = ("fields", "agreed", "handed_over", "theirs")
"""Parts of a change that are fields with their values."""
COMPACT = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
PLACE = "the changes"
"""Stands where they go: no other part of a plan is a list of this text."""
CUT = "•••"
"""Stands for a value in a redacted plan."""


def plan_to_json(plan: Plan, indent: int | None = None, changes: Iterable[str] | None = None) -> str:
    """Write a plan; the same plan always gives the same text.

    `indent` lets people read it, and takes longer. `changes`: their texts, where they are written already.
    """
    if indent is not None:
        return json.dumps(_written(plan) | {"version": VERSION}, ensure_ascii=False, sort_keys=True, indent=indent)
    texts = map(change_to_json, plan.changes) if changes is None else changes
    around = COMPACT.encode(_written(replace(plan, changes=cast(Any, (PLACE,)))) | {"version": VERSION})
    return around.replace(f'["{PLACE}"]', f"[{', '.join(texts)}]", 1)


def redacted_to_json(plan: Plan) -> str:
    """Write a plan to be shown to others: what it does to which fields, without values, titles, reasons or briefs."""
    document = _written(replace(plan, changes=tuple(map(_redacted, plan.changes)), episodes=(), holds=()))
    return json.dumps(document | {"version": VERSION, "redacted": True}, ensure_ascii=False, sort_keys=True, indent=1)


def _redacted(change: Change) -> Change:
    def cut(field: FieldChange) -> FieldChange:
        return replace(field, before=field.before and CUT, after=field.after and CUT)

    parts: dict[str, Any] = {name: tuple(map(cut, getattr(change, name))) for name in FIELD_PARTS}
    return replace(change, title="", reason="", **parts)


def plan_from_json(text: str) -> Plan:
    """Read a plan back; raise SourceDataError for what is none."""
    try:
        document = json.loads(text)
        version = document.pop("version")
        if document.pop("redacted", False):
            raise SourceDataError("a redacted plan cannot be applied", hint="make the plan again without --redact")
        if version != VERSION:
            raise SourceDataError(
                f"the plan is of version {version}, this connector reads {VERSION}", hint="make the plan again"
            )
        changes = tuple(change_from_dict(change) for change in document.pop("changes"))
        episodes = tuple(episode_from_dict(episode) for episode in document.pop("episodes", ()))
        holds = tuple(hold_from_dict(hold) for hold in document.pop("holds", ()))
        hashed = tuple(document.pop("schema_fields", ()))
        created = datetime.fromisoformat(document.pop("created_at"))
        return Plan(
            **document, created_at=created, changes=changes, episodes=episodes, holds=holds, schema_fields=hashed
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceDataError("this is no plan, or a damaged one", hint="make the plan again") from error


def change_to_dict(change: Change) -> dict[str, Any]:
    """Write one change as JSON-ready values."""
    return _written(change)


def change_to_json(change: Change) -> str:
    """Write one change."""
    return COMPACT.encode(_written(change))


def change_from_dict(document: Mapping[str, Any]) -> Change:
    """Read one change back."""
    read = dict(document)
    read["type"] = RecordType(read["type"])
    for name in FIELD_PARTS:
        read[name] = tuple(_field(field) for field in read.get(name, ()))
    read["links"] = tuple(_link(link) for link in read.get("links", ()))
    if read.get("read_at") is not None:
        read["read_at"] = datetime.fromisoformat(read["read_at"])
    return Change(**read)


def hold_from_dict(document: Mapping[str, Any]) -> Hold:
    """Read one hold back."""
    return Hold(**dict(document) | {"at": datetime.fromisoformat(document["at"])})


def episode_from_dict(document: Mapping[str, Any]) -> Episode:
    """Read one episode back."""
    read = dict(document) | {"opened_at": datetime.fromisoformat(document["opened_at"])}
    if read.get("closed_at") is not None:
        read["closed_at"] = datetime.fromisoformat(read["closed_at"])
    silent_on = tuple(map(date.fromisoformat, read.get("silent_on", ())))
    return Episode(**read | {"state": EpisodeState(read.get("state", EpisodeState.OPEN)), "silent_on": silent_on})


def _field(document: Mapping[str, Any]) -> FieldChange:
    return FieldChange(
        document["name"],
        document["before"],
        document["after"],
        POLICIES[document["policy"]],
        CAUSES[document.get("cause", Cause.NEWS)],
        document.get("rule", ""),
    )


def _link(document: Mapping[str, Any]) -> Link:
    to = document["to"]
    return Link(document["role"], document["name"], Ref(RecordType(to["type"]), to.get("id"), to.get("key")))


def _written(value: Any) -> dict[str, Any]:
    written = {}
    for name, default in _parts(value.__class__):
        part = getattr(value, name)
        # Most fields of most changes stand at their default: these are the quick way out.
        if part is not default and (default is MISSING or part != default):
            write = WRITERS.get(part.__class__)
            written[name] = part if write is None else write(part)
    return written


@cache
def _parts(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


def _each(parts: tuple[Any, ...]) -> list[Any]:
    return [part if (write := WRITERS.get(part.__class__)) is None else write(part) for part in parts]


WRITERS: Mapping[type[Any], Callable[[Any], Any]] = {
    tuple: _each,
    date: date.isoformat,
    datetime: datetime.isoformat,
    **dict.fromkeys((Change, Episode, FieldChange, Hold, Link, Ref), _written),
}
"""How a value of a kind is written; any other is JSON already. A plan has a million of them, hence no `match`."""
