"""The texts a new project starts from: the shipped documents that its choice needs, each with its JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence

from connector.config.comments import comments_in
from connector.config.project import documents_of
from connector.config.schemas import schema_files, schema_path
from connector.config.settings import shipped


def template(sources: Sequence[str], crm: str, language: str = "en") -> dict[str, str]:
    """Map path in the project → text, its comments in a language; raise ConfigError for an unknown source."""
    documents = documents_of(sources, crm)
    schemas = schema_files()
    texts = {name: comments_in((shipped() / name).read_text(encoding="utf-8"), language) for name in documents}
    return texts | {path: schemas[path] for path in map(schema_path, documents)}
