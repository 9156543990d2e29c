"""What the CRM's schema lost since the mapping was written holds only what needs it; everything else goes on.

Decided here: of a record that exists, a lost field is left out and its other fields are kept current. A new record
that a lost field belongs to, or that lacks a field which the CRM has come to require, waits whole: half a record would
be shown to people, and a field of policy `create` could never be made up for. What hangs on a waiting record waits with
it. The next run makes up for all of it, once the schema or the mapping is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.domain.change import Change, Desired, Schema, Why
from connector.services.check_live import unfilled


def missing_for_new(one: Desired, schema: Schema) -> list[str]:
    """Say in words what keeps a new record from being made whole."""
    lost = {
        name: f" ({wanted.at})" if wanted.at else ""
        for name, wanted in one.fields.items()
        if wanted.value is not None and not _takes(schema, name)
    }
    asked = [spec.name for spec in unfilled({*one.fields, *(link.name for link in one.links)}, schema)]
    gone, closed = "the CRM has no field {!r}, or hides it from us{}", "{!r} cannot be set{}"
    return [
        *((closed if name in schema.fields else gone).format(name, at) for name, at in lost.items()),
        *(f"{name!r} is required, and no rule fills it" for name in asked),
    ]


def _takes(schema: Schema, name: str) -> bool:
    spec = schema.fields.get(name)
    return spec is not None and spec.createable


def without_lost(one: Desired, schema: Schema) -> Desired:
    """Leave out of a record the fields that the CRM does not have."""
    if all(name in schema.fields for name in one.fields):
        return one
    return replace(one, fields={name: wanted for name, wanted in one.fields.items() if name in schema.fields})


def with_children(changes: list[Change]) -> list[Change]:
    """Let what hangs on a record that waits for the schema wait with it."""
    waiting = {change.key for change in changes if change.why == Why.SCHEMA}
    if not waiting:
        return changes
    kept = []
    for change in changes:
        parents = {link.to.key for link in change.links} & waiting
        if change.action == "create" and parents:
            waiting.add(change.key)
            held = replace(change, action="held", why=Why.SCHEMA, fields=(), links=())
            kept.append(replace(held, reason="what it hangs on waits for the schema"))
        elif change.action != "associate" or not (parents or change.key in waiting):
            kept.append(change)
    return kept


def held_for_schema(changes: Sequence[Change]) -> int:
    """Count the records that wait for the schema."""
    return sum(change.why == Why.SCHEMA for change in changes)
