"""Object types and fields: what a record may hold, as describe calls tell it and writes are checked against.

The tables of the standard objects are data (`objects/*.yaml`): a type or a field is added there, not in code. Custom
fields are the same `Field` values, made at run time by Tooling.

Source: Salesforce Object Reference; REST API Developer Guide, "sObject Describe".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import yaml

TEXTUAL = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url", "multipicklist"})
NUMERIC = frozenset({"int", "double", "currency", "percent"})
READING = frozenset({"read"})
EVERYTHING = READING | {"create", "edit", "delete"}
ACTIVITIES = ("Task", "Event")
_LONGEST_FILTERABLE = 255


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object type."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = False
    defaulted: bool = False
    id_lookup: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    restricted: bool = False
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    values: tuple[str, ...] = ()
    custom: bool = False
    only_shown: bool = False
    filterable: bool = False
    """A long text that can be searched by all the same."""

    @property
    def is_required(self) -> bool:
        """Creating a record needs a value here."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def is_filterable(self) -> bool:
        """A long text can be read, never searched by."""
        is_long = self.type == "textarea" and self.length > _LONGEST_FILTERABLE and not self.filterable
        return not self.only_shown and not is_long

    @property
    def is_sortable(self) -> bool:
        return self.is_filterable and self.type != "address"

    @property
    def is_polymorphic(self) -> bool:
        return len(self.refers_to) > 1


@dataclass(frozen=True)
class ObjectType:
    """One object type and the fields somebody sees of it."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: Mapping[str, Field]
    allowed: frozenset[str] = EVERYTHING
    """What somebody may do with records of the type."""
    tooling: bool = False
    """Shown by Tooling queries alone."""
    from_switches: bool = False
    """Its rows follow what an admin switched, see `setup`."""

    @cached_property
    def _by_folded_name(self) -> dict[str, Field]:
        return {name.casefold(): field for name, field in self.fields.items()}

    @cached_property
    def _by_relationship(self) -> dict[str, Field]:
        return {field.relationship.casefold(): field for field in self.fields.values() if field.relationship}

    def field(self, name: str) -> Field | None:
        """Find a field; letter case does not matter to Salesforce."""
        return self._by_folded_name.get(name.casefold())

    def relation(self, name: str) -> Field | None:
        """Find the reference field behind a relationship name such as `Account`."""
        return self._by_relationship.get(name.casefold())


@cache
def standard_objects() -> Mapping[str, ObjectType]:
    """Read every standard object type the stand-in knows."""
    found: dict[str, ObjectType] = {}
    for file in sorted(resources.files(__package__).joinpath("objects").iterdir(), key=lambda one: one.name):
        for name, table in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            fields = {one: _field(one, spec) for one, spec in table["fields"].items()}
            allowed = READING if table.get("read_only", False) else EVERYTHING
            of_setup = table.get("tooling", False), table.get("from_switches", False)
            found[name] = ObjectType(name, table["prefix"], table["label"], table["plural"], fields, allowed, *of_setup)
    return found


@cache
def types_by_prefix() -> Mapping[str, str]:
    """Map the three characters an id begins with to its object type."""
    return {kind.prefix: name for name, kind in standard_objects().items()}


def _field(name: str, spec: dict[str, Any]) -> Field:
    letters = spec.get("is", "")
    precision, scale = spec.get("digits", (0, 0))
    kind = spec["type"]
    return Field(
        name=name,
        type=kind,
        label=spec.get("label", name),
        length=18 if kind in ("id", "reference") else spec.get("length", 0),
        precision=precision,
        scale=scale,
        createable="c" in letters,
        updateable="u" in letters,
        nillable="n" in letters,
        defaulted="d" in letters,
        id_lookup="i" in letters,
        external_id="x" in letters,
        unique="q" in letters,
        restricted="r" in letters,
        refers_to=tuple(spec.get("to", ())),
        relationship=spec.get("as"),
        only_shown="s" in letters,
        filterable="f" in letters,
        values=tuple(str(value) for value in spec.get("values", ())),
    )
