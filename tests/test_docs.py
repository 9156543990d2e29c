"""README and help hold: what they show is what the product takes, and a mistake in them would be caught."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer

from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.cli.reference import commands

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lint() -> ModuleType:
    """The linter, which is a script and no part of the package."""
    found = importlib.util.spec_from_file_location("docs_lint", ROOT / "scripts" / "lint" / "docs.py")
    assert found is not None
    assert found.loader is not None
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def test_the_readme_and_the_help_hold(lint: ModuleType) -> None:
    """Every command, example and YAML block of today's README and help is sound."""
    assert list(lint.readme_problems(README)) == []
    assert list(lint.help_problems()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("connector snyc", "there is no command connector snyc"),
        ("connector ledger polish", "there is no command connector ledger polish"),
        ("connector sync --fast", "--fast"),
        ("connector undo", "Missing argument"),
        ("connector approve r-1", "--by"),
        ("connector runs --limit many", "many"),
        ("connector check extra words", "extra"),
        ("A=1 connector sync --fast && connector plan", "--fast"),
        ("connector check; connector plan --nope | tee x", "--nope"),
        ("scripts/nothing", "scripts/nothing is not there"),
    ],
)
def test_a_line_that_a_command_would_refuse_is_caught(lint: ModuleType, line: str, said: str) -> None:
    """Names, arguments, options, values: each as the command itself reads it, in any place of a shell line."""
    problems = list(lint.readme_problems(f"{README}\n```bash\n{line}\n```\n"))

    assert len(problems) == 1
    assert said in problems[0]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("mode: shadow\n", "begins with no"),
        ("# playbooks/polciy.yaml\nmode: shadow\n", "is no document of a project"),
        ("# playbooks/policy.yaml\nmode: shadowy\n", "mode"),
        ("# playbooks/policy.yaml\nscope: {owner: [a@example.com]}\n", "unknown key 'owner'"),
        ("# playbooks/policy.yaml\nreporting_currency: EURO\n", "EURO"),
        ("# mappings/hubspot.yaml\nopportunity: {stages: {proposed: 5}}\n", "proposed"),
        ("# playbooks/policy.yaml\nmode: [\n", "policy.yaml"),
        ("# compose.yaml\nservices: [\n", "compose.yaml"),
    ],
)
def test_a_yaml_block_that_a_project_would_refuse_is_caught(lint: ModuleType, block: str, said: str) -> None:
    """Keys, values and references between documents, with the block in the place of the shipped keys."""
    problems = list(lint.readme_problems(f"{README}\n```yaml\n{block}```\n"))

    assert problems
    assert said in problems[0]


def test_a_command_that_the_table_forgets_is_caught(lint: ModuleType) -> None:
    """A row taken out of the README's table is missed."""
    without = re.sub(r"^\| `connector pilot.*\n", "", README, flags=re.M)

    assert "README's table of commands does not name connector pilot report" in list(lint.readme_problems(without))


def test_the_reference_tells_every_command_and_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markdown with a heading, an example and every option of every command; the same as one JSON object."""
    monkeypatch.setattr("sys.argv", ["connector", "reference"])
    assert guarded(app) == 0
    shown = capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["connector", "reference", "--json"])
    assert guarded(app) == 0
    told = json.loads(capsys.readouterr().out)["commands"]

    headings = re.findall(r"^## connector (.+)$", shown, re.M)
    assert headings == [one["command"] for one in told] == [one["command"] for one in commands()]
    for one in told:
        part = shown.split(f"## connector {one['command']}\n")[1].split("\n## ")[0]
        assert one["example"] in part
        assert all(f"`{row['name']}" in part for row in (*one["arguments"], *one["options"]))
    root = typer.main.get_command(app)
    assert {heading.split()[0] for heading in headings} == set(root.commands)  # type: ignore[attr-defined]
