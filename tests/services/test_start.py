"""`init` writes a complete project, never over what exists, and no secret."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

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
    """Every line names a setting that exists and explains it; what is filled in is the choice, never a secret."""
    text = env_example(choice)

    names = re.findall(r"^#?(CONNECTOR_\w+)=(.*)$", text, re.M)
    assert {value for name, value in names if re.search("KEY|SECRET|TOKEN|USERNAME|FILE", name)} <= {""}
    filled = {"CONNECTOR_SOURCE": ",".join(choice.sources), "CONNECTOR_CRM": choice.crm}
    assert filled.items() <= dict(names).items()
    assert set(dict(names).values()) - set(filled.values()) <= {"", "jwt", "login"}
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


@pytest.mark.parametrize(
    ("choice", "clicks"),
    [
        (CHOICES[0], ["API keys → Create restricted key", "Settings → Integrations → Service keys", "deals.write"]),
        (CHOICES[1], ["Configuration → Gestionnaire d’applications", "ensemble d’autorisations", "openssl req"]),
    ],
)
def test_each_key_says_what_to_click(choice: Choice, clicks: list[str]) -> None:
    """Where a key is made, and what it must be allowed, in the language of the project."""
    text = " ".join(env_example(choice).replace("#", "").split())

    assert [click for click in clicks if click not in text] == []


def test_steps_come_in_the_order_of_work() -> None:
    """Look before, then install, then look again, then plan, then apply."""
    commands = [found[0] for step in next_steps(CHOICES[0]) if (found := re.findall(r"^connector [^:]+", step))]

    assert commands == [
        "connector doctor",
        "connector check",
        "connector install --dry-run",
        "connector install",
        "connector check --live",
        "connector plan --out plan.json",
        "connector holdout",
        "connector apply plan.json",
    ]


def test_a_project_in_french_is_french_where_people_read(tmp_path: Path) -> None:
    """Comments, settings and README are French; keys and values are those of the English project."""
    english, french = (Choice(("stripe", "files"), "salesforce", one) for one in ("en", "fr"))
    for choice in (english, french):
        start(tmp_path / choice.language, template(choice.sources, choice.crm, choice.language), choice)

    mapping = (tmp_path / "fr/mappings/salesforce.yaml").read_text("utf-8")
    assert "# À quoi ressemblent nos enregistrements dans Salesforce." in mapping
    assert "fait partie de chaque clé" in mapping
    assert "Configuration →" in (tmp_path / "fr/.env.example").read_text("utf-8")
    assert "# Projet d’expansion" in (tmp_path / "fr/README.md").read_text("utf-8")
    for path in (tmp_path / "fr").rglob("*.yaml"):
        twin = tmp_path / "en" / path.relative_to(tmp_path / "fr")
        told, meant = (yaml.safe_load(one.read_text("utf-8")) for one in (path, twin))
        assert {**told, "default_language": ""} == {**meant, "default_language": ""}, path


def test_the_time_zone_is_that_of_the_people(tmp_path: Path) -> None:
    """It changes one line of the schedule."""
    choice = Choice(("stripe",), "hubspot", timezone="America/New_York")

    start(tmp_path, template(choice.sources, choice.crm), choice)

    assert load_project(tmp_path, choice.sources, choice.crm).schedule.timezone == "America/New_York"


def test_settings_of_a_demo_are_its_owners_alone(tmp_path: Path) -> None:
    """`.env` is written for a demo only, 0600, and never over one that exists."""
    choice = CHOICES[2]
    start(tmp_path, template(choice.sources, choice.crm), choice)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/.env").write_text("SECRET=1\n", encoding="utf-8")

    again = start(tmp_path / "mine", template(choice.sources, choice.crm), choice)
    plain = start(tmp_path / "plain", template(choice.sources, choice.crm), replace(choice, demo=False))

    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert ".env" in again.left
    assert (tmp_path / "mine/.env").read_text(encoding="utf-8") == "SECRET=1\n"
    assert ".env" not in plain.written


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
