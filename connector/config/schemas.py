"""JSON Schemas of every document, so that an editor completes keys and explains them while somebody writes YAML.

They are generated from the types that load the documents, never written by hand; the committed files are checked
against this module. An editor finds a document's schema by its first line, `# yaml-language-server: $schema=…`.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from connector.config.project import DOCUMENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEADER = "# yaml-language-server: $schema="


def schema_path(document: str) -> str:
    """Where a document's schema lies: `mappings/billing/stripe.yaml` → `mappings/schemas/billing_stripe.json`."""
    folder, *rest = PurePosixPath(document).with_suffix("").parts
    return f"{folder}/schemas/{'_'.join(rest)}.json"


def header(document: str) -> str:
    """The first line of a document, which leads an editor to its schema."""
    return HEADER + os.path.relpath(schema_path(document), PurePosixPath(document).parent)


def schema_files() -> dict[str, str]:
    """Map each schema's path in a project → its text."""
    return {schema_path(document): _text(document, kind) for document, kind in DOCUMENTS.items()}


def _text(document: str, kind: type[Any]) -> str:
    schema = TypeAdapter(kind).json_schema()
    schema["properties"]["version"] = {"const": 1, "description": "Version of this document's form."}
    schema["properties"]["name"] = {"const": PurePosixPath(document).stem, "description": "The file's name."}
    described = {"$schema": DIALECT, **schema, "title": document}
    return json.dumps(_without_titles(described), indent=2, ensure_ascii=False) + "\n"


def _without_titles(part: Any, named: bool = False) -> Any:
    """Drop the titles that only repeat a key (`every_minutes` → `Every Minutes`); a document keeps its own."""
    match part:
        case dict():
            kept = {key: value for key, value in part.items() if named or key != "title" or "$schema" in part}
            return {
                key: _without_titles(value, key in ("properties", "$defs") and not named) for key, value in kept.items()
            }
        case list():
            return [_without_titles(one) for one in part]
        case _:
            return part
