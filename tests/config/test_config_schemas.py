"""JSON Schemas say the same as the loader: what an editor accepts, `connector check` accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from config_home import Home

from connector.config.project import DOCUMENTS
from connector.config.schemas import header, schema_files, schema_path
from connector.config.settings import shipped

ROOT = Path(__file__).resolve().parent.parent.parent


def errors(document: str, data: Any) -> list[str]:
    schema = json.loads(schema_files()[schema_path(document)])
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def read(document: str) -> Any:
    # Dates stay text in an editor, and in our loader.
    loader = type("Loader", (yaml.SafeLoader,), {"yaml_constructors": dict(yaml.SafeLoader.yaml_constructors)})
    loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
    return yaml.load((shipped() / document).read_text(encoding="utf-8"), loader)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shipped_document_fits_its_schema(document: str) -> None:
    """Every shipped document is valid by the schema an editor holds it against."""
    assert errors(document, read(document)) == []


def test_unknown_key_and_wrong_word() -> None:
    """An editor underlines an unknown key and a word outside a fixed list."""
    data = {"jobs": {"night": {"run": "synk", "cronn": "0 5 * * *"}}}

    found = errors("playbooks/schedule.yaml", data)

    assert len(found) == 2


def test_keys_are_explained() -> None:
    """What a type's docstrings say of its fields is what an editor shows."""
    schema = json.loads(schema_files()["playbooks/schemas/schedule.json"])

    assert schema["properties"]["timezone"]["description"].startswith("IANA time zone")
    assert schema["$defs"]["Job"]["description"].startswith("One scheduled job")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_first_line_leads_to_the_schema(document: str) -> None:
    """The first line of each shipped document is the relative path of a schema that exists."""
    first = (shipped() / document).read_text(encoding="utf-8").splitlines()[0]

    assert first == header(document)
    assert (shipped() / document).parent.joinpath(first.split("$schema=")[1]).resolve().is_file()


def test_committed_schemas_are_current() -> None:
    """The schemas beside the shipped documents are those generated from the types."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/lint/schemas.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_key_that_the_schema_refuses_is_refused_by_the_loader(home: Home) -> None:
    """Schema and loader agree on an unknown key."""
    from connector.config.project import load_project
    from connector.domain.errors import ConfigError

    home.change("playbooks/schedule.yaml", "timezone:", "timezon:")

    with pytest.raises(ConfigError, match="did you mean timezone"):
        load_project(home.folder, ["stripe"], None)
