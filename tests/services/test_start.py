"""`init` writes a complete project, never over what exists, and no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.config.project import load_project
from connector.config.settings import Settings
from connector.config.template import template
from connector.domain.catalogue import Language
from connector.domain.errors import ConfigError
from connector.services.start import Choice, env_example, next_steps, start

CHOICES = [
    Choice(("stripe",), "hubspot"),
    Choice(("files",), "salesforce", "fr"),
    Choice(("stripe", "files"), "salesforce", "en", demo=True),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_written_project_loads(tmp_path: Path, choice: Choice) -> None:
    """What `init` writes loads without a mistake, in the language that was chosen."""
    started = start(tmp_path, template(choice.sources, choice.crm), choice)

    project = load_project(tmp_path, choice.sources, choice.crm)
    assert project.mapping is not None
    assert (project.mapping.crm, project.mapping.default_language) == (choice.crm, choice.language)
    assert started.left == ()
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} == set(started.written)


def test_each_document_finds_its_schema(tmp_path: Path) -> None:
    """The schema that a document's first line names is written beside it."""
    start(tmp_path, template(CHOICES[2].sources, CHOICES[2].crm), CHOICES[2])

    for path in tmp_path.rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert (path.parent / first.split("$schema=")[1]).resolve().is_file()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second `init` adds what is missing and leaves what people wrote."""
    first, second = Choice(("stripe",), "hubspot"), Choice(("stripe",), "salesforce", "fr")
    start(tmp_path, template(first.sources, first.crm), first)
    (tmp_path / "mappings/catalog.yaml").write_text("mine", encoding="utf-8")

    started = start(tmp_path, template(second.sources, second.crm), second)

    assert set(started.written) == {"mappings/salesforce.yaml", "mappings/schemas/salesforce.json"}
    assert "mappings/catalog.yaml" in started.left
    assert (tmp_path / "mappings/catalog.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("choice", CHOICES)
def test_env_example(choice: Choice) -> None:
    """Every line names a setting that exists, explains it, and holds no value."""
    text = env_example(choice)

    names = re.findall(r"^#?(CONNECTOR_\w+)=(.*)$", text, re.M)
    assert {value for _, value in names} == {""}
    for name, _ in names:
        outer, _, inner = name.removeprefix("CONNECTOR_").lower().partition("__")
        field = Settings.model_fields[outer]
        is_channel = outer == "alerts" and bool(inner)  # channels are called as people like
        assert is_channel or not inner or inner in type(field.default).model_fields
    assert {"CONNECTOR_SOURCE", "CONNECTOR_CRM"} <= {name for name, _ in names}
    other = "HUBSPOT" if choice.crm == "salesforce" else "SALESFORCE"
    assert other not in text


def test_git_ignores_secrets_and_state(tmp_path: Path) -> None:
    """`.env` and the state folder are ignored; an existing .gitignore that misses them is told of."""
    choice = CHOICES[0]
    (tmp_path / ".gitignore").write_text("*.pyc\n.connector\n", encoding="utf-8")

    started = start(tmp_path, template(choice.sources, choice.crm), choice)

    assert started.next_steps[0].startswith("add .env to your .gitignore")
    start(tmp_path / "new", template(choice.sources, choice.crm), choice)
    assert (tmp_path / "new/.gitignore").read_text(encoding="utf-8") == ".connector/\n.env\n"


def test_demo_points_at_the_sandbox(tmp_path: Path) -> None:
    """With --demo the README says how to start the sandbox and use it; else how to fill in settings."""
    start(tmp_path, template(CHOICES[2].sources, CHOICES[2].crm), CHOICES[2])

    assert "connector sandbox --ready-file" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert not any("sandbox" in step for step in next_steps(CHOICES[0]))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_only_the_language_line_changes(tmp_path: Path, language: Language) -> None:
    """The chosen language changes one line of the CRM's mapping, comments stay."""
    choice = Choice(("stripe",), "hubspot", language)
    texts = template(choice.sources, choice.crm)

    start(tmp_path, texts, choice)

    before = texts["mappings/hubspot.yaml"].splitlines()
    after = (tmp_path / "mappings/hubspot.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == ([] if language == "en" else ["default_language: fr"])


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A file where the folder should be is the operator's to mend."""
    (tmp_path / "acme").write_text("", encoding="utf-8")
    choice = CHOICES[0]

    with pytest.raises(ConfigError):
        start(tmp_path / "acme", template(choice.sources, choice.crm), choice)
