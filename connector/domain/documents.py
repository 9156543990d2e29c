"""Marks the values that people write as YAML.

A YAML document is validated straight into a frozen dataclass of this package, so that a thing has one definition,
not a pydantic model and a twin. The decorator only sets an attribute that the validator in `connector.config`
reads; this package stays free of imports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def document(cls: type[T]) -> type[T]:
    """Make a frozen, keyword-only dataclass whose YAML form refuses unknown keys."""
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # type: ignore[attr-defined]
    return made
