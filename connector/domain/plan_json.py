"""A plan as JSON: what waits for approval, what is shared, and what an outbox entry carries.

Keys are the values' own names; a field at its default is left out, so that a plan of thousands stays readable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from connector.domain.change import Change, FieldChange, Link, Plan, Policy, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import SourceDataError

VERSION = 1


def plan_to_json(plan: Plan) -> str:
    """Write a plan; the same plan always gives the same text."""
    document = _written(plan) | {"version": VERSION}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1)


def plan_from_json(text: str) -> Plan:
    """Read a plan back; raise SourceDataError for what is none."""
    try:
        document = json.loads(text)
        version = document.pop("version")
        if version != VERSION:
            raise SourceDataError(
                f"the plan is of version {version}, this connector reads {VERSION}", hint="make the plan again"
            )
        changes = tuple(change_from_dict(change) for change in document.pop("changes"))
        episodes = tuple(episode_from_dict(episode) for episode in document.pop("episodes", ()))
        created = datetime.fromisoformat(document.pop("created_at"))
        return Plan(**document, created_at=created, changes=changes, episodes=episodes)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceDataError("this is no plan, or a damaged one", hint="make the plan again") from error


def change_to_dict(change: Change) -> dict[str, Any]:
    """Write one change as JSON-ready values."""
    return _written(change)


def change_from_dict(document: Mapping[str, Any]) -> Change:
    """Read one change back."""
    read = dict(document)
    read["type"] = RecordType(read["type"])
    for name in ("fields", "agreed"):
        read[name] = tuple(
            FieldChange(field["name"], field["before"], field["after"], Policy(field["policy"]))
            for field in read.get(name, ())
        )
    read["links"] = tuple(_link(link) for link in read.get("links", ()))
    read["handed_over"] = tuple(read.get("handed_over", ()))
    if read.get("read_at") is not None:
        read["read_at"] = datetime.fromisoformat(read["read_at"])
    return Change(**read)


def episode_from_dict(document: Mapping[str, Any]) -> Episode:
    """Read one episode back."""
    read = dict(document) | {"opened_at": datetime.fromisoformat(document["opened_at"])}
    if read.get("closed_at") is not None:
        read["closed_at"] = datetime.fromisoformat(read["closed_at"])
    return Episode(**read | {"state": EpisodeState(read.get("state", EpisodeState.OPEN))})


def _link(document: Mapping[str, Any]) -> Link:
    to = document["to"]
    return Link(document["role"], document["name"], Ref(RecordType(to["type"]), to.get("id"), to.get("key")))


def _written(value: Any) -> dict[str, Any]:
    return {
        field.name: _scalar(getattr(value, field.name))
        for field in fields(value)
        if field.default is MISSING or getattr(value, field.name) != field.default
    }


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Change | Episode | FieldChange | Link | Ref):
        return _written(value)
    if isinstance(value, tuple):
        return [_scalar(part) for part in value]
    return value
