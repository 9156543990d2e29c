"""What the installed command shows before it does anything: help, examples, exit codes, and one JSON object."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from input_bench import Cli, Home, Portal, company

from connector.cli.app import app
from connector.domain.change import Action, Change, Plan, RecordType
from connector.services.plan_file import write_plan

HEAVY = ("ibis", "duckdb", "sqlalchemy", "hubspot", "pyarrow", "pandas", "numpy", "requests", "simple_salesforce")
LOOK = """
import sys
sys.argv = ["connector", "--help"]
from connector.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print([name for name in {heavy!r} if name in sys.modules], code)
"""


def commands() -> list[str]:
    """Every command, those of groups with the group's name before them."""
    found = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"{name} {one}" for one in inner] if inner else [name]
    return found


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    command = Path(sys.executable).with_name("connector")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return subprocess.run([command, *arguments], env=clean | env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_with_an_example_that_parses(cli: Cli, command: str) -> None:
    """Help says what the command does and gives an example whose options and arguments the command really takes."""
    shown = cli(*command.split(), "--help")

    assert shown.code == 0
    flat = " ".join(shown.out.split())
    (example,) = re.findall(rf"Example: connector ({command}\b.*?) (?:Options|Arguments):", flat)
    words = shlex.split(example)
    assert words[: len(command.split())] == command.split()
    for option in (word for word in words if word.startswith("--")):
        assert f"{option} " in shown.out
    assert cli(*words, "--help").code == 0


def test_help_is_light() -> None:
    """`connector --help` imports none of the heavy libraries and takes less than a second of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    looked = subprocess.run(
        [sys.executable, "-c", LOOK.format(heavy=HEAVY)], capture_output=True, text=True, check=True
    )

    assert shown.returncode == 0
    assert all(command.split()[0] in shown.stdout for command in commands())
    assert looked.stdout.strip().splitlines()[-1] == "[] 0"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_installed_command_ends_with_the_documented_codes(tmp_path: Path) -> None:
    """Success is 0 and what an operator mends is 2, as the shell sees it; the message goes to standard error."""
    version, unknown, lost = run("--version"), run("plann"), run("check", CONNECTOR_HOME=str(tmp_path))

    assert (version.returncode, unknown.returncode, lost.returncode) == (0, 2, 2)
    assert version.stdout.startswith("connector ")
    assert "Did you mean 'plan'" in unknown.stderr
    assert lost.stderr.startswith("error: environment: no project in")
    assert lost.stdout == ""


def test_a_destination_never_written_to_waits_for_a_person(
    cli: Cli, home: Home, portal: Portal, tmp_path: Path
) -> None:
    """Fields that somebody else installed are no consent: `sync` ends with 4 and writes nothing, as JSON too."""
    cli.ok("install", "--yes")
    portal.writes()

    answer = cli("sync", "--json", STATE_DIR=str(tmp_path / "another"))

    assert (answer.code, answer.json["exit_code"]) == (4, 4)
    assert "never wrote to hubspot:" in answer.only_error["message"]
    assert portal.writes() == []


def test_every_answer_is_one_json_object(cli: Cli, home: Home, portal: Portal, tmp_path: Path) -> None:
    """Each command that takes --json prints one object and nothing else, when it works and when it does not."""
    home.write(
        "mappings/billing/files.yaml",
        "version: 1\nname: files\naccounts:\n  - {files: [a.csv], columns: {account_id: id, name: name}}\n",
    )
    home.billing("a.csv", "id,name", "C-1,Acme")
    portal.load("companies", [company("101", "Acme")])
    plan = str(tmp_path / "plan.json")
    working = [
        ("init", str(tmp_path / "new"), "--crm", "hubspot"),
        ("install", "--dry-run"),
        ("install", "--yes"),
        ("check",),
        ("check", "--live"),
        ("plan", "--out", plan, "--as-of", "2026-10-02"),
        ("apply", plan),
        ("sync", "--as-of", "2026-10-02"),
        ("explain", "Acme"),
        ("link", "list"),
        ("link", "unset", "C-1", "--by", "Ana"),
    ]
    failing = [
        ("explain", "Nobody"),
        ("apply", str(tmp_path / "no.json")),
        ("approve", "20260101T000000-abcdef", "--by", "Ana"),
        ("link", "set", "C-1"),
        ("init", str(tmp_path / "other"), "--crm", "pipedrive"),
    ]

    answers = {words: cli(*words, "--json") for words in [*working, *failing]}

    for words in working:
        assert isinstance(answers[words].json, dict), words
        assert answers[words].code == 0, (words, answers[words])
    for words in failing:
        told = answers[words].json
        assert (told["status"], told["exit_code"], answers[words].code) == ("error", 2, 2), words
        assert all(error["message"] for error in told["errors"])


def test_a_plan_file_holds_values_and_is_ours_alone(cli: Cli, portal: Portal, home: Home, tmp_path: Path) -> None:
    """`plan --out` writes a file that only its owner reads, whole JSON, and nothing to the CRM."""
    home.write(
        "mappings/billing/files.yaml",
        "version: 1\nname: files\naccounts:\n  - {files: [a.csv], columns: {account_id: id, name: name}}\n",
    )
    home.billing("a.csv", "id,name", "C-1,Acme")
    cli.ok("install", "--yes")
    portal.writes()

    cli.ok("plan", "--out", str(tmp_path / "plan.json"))

    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "plan.json").read_text())["destination"].startswith("hubspot:")
    assert portal.writes() == []


def test_what_a_run_keeps_is_its_owners_alone(cli: Cli, portal: Portal, home: Home) -> None:
    """The state folder, the ledger and the warehouse hold people's names: nobody else may read them."""
    home.write(
        "mappings/billing/files.yaml",
        "version: 1\nname: files\naccounts:\n  - {files: [a.csv], columns: {account_id: id, name: name}}\n",
    )
    home.billing("a.csv", "id,name", "C-1,Acme")
    cli.ok("install", "--yes")
    cli.ok("plan")

    kept = [cli.state, cli.state / "ledger.db", cli.state / "warehouse.duckdb"]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o700, 0o600, 0o600]


def test_apply_asks_about_what_is_written(
    cli: Cli, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question counts writes, not what is held or stays as it is; `no` says that nothing was done."""
    cli.ok("install", "--yes")
    portal.writes()
    actions: tuple[Action, ...] = ("create", "associate", "unchanged", "unchanged", "held")
    changes = tuple(
        Change(str(i), action, RecordType.TASK, f"k{i}", "1", f"Title {i}", "") for i, action in enumerate(actions)
    )
    plan = Plan("r", "sync", "hubspot:1", datetime(2026, 9, 30, tzinfo=UTC), "", "", "", changes)
    write_plan(tmp_path / "plan.json", plan)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    answer = cli("apply", str(tmp_path / "plan.json"))

    assert "Apply 2 changes to hubspot:1?" in answer.out
    assert (answer.code, answer.err) == (75, "nothing was done\n")
    assert portal.writes() == []


def test_a_misspelt_variable_is_noticed(cli: Cli, home: Home) -> None:
    """A variable that no setting reads is a warning on standard error; the answer stays one object."""
    answer = cli("check", "--json", HUBSPOTT__ACCESS_TOKEN="x")

    assert answer.json["status"] == "ok"
    assert "CONNECTOR_HUBSPOTT__ACCESS_TOKEN is no setting" in answer.err
    assert "did you mean CONNECTOR_HUBSPOT__ACCESS_TOKEN?" in answer.err
