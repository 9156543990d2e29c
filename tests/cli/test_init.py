"""`connector init` on the command line: asks only a person, and says what to do next."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import typer

from connector.cli.boundary import guarded
from connector.cli.start import init
from connector.config.project import load_project


class Terminal(io.StringIO):
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run `init` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(init)

    def started(*args: str, answers: str | None = None) -> int:
        monkeypatch.setattr("sys.argv", ["init", *args])
        monkeypatch.setattr("sys.stdin", io.StringIO() if answers is None else Terminal(answers))
        return guarded(app)

    return started


def test_json(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    """With --json one object tells what was written, left, and comes next; the project loads."""
    assert run("acme", "--source", "stripe,files", "--crm", "salesforce", "--language", "fr", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["home"] == "acme"
    assert "mappings/billing/files.yaml" in told["written"]
    assert told["left"] == []
    assert load_project(tmp_path / "acme", ["stripe", "files"], "salesforce").mapping is not None


def test_asks_a_person(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    """On a terminal it asks for what is not given, in the language that was answered first."""
    assert run(answers="fr\nfiles\nhubspot\nEurope/Lisbon\n\n") == 0

    project = load_project(tmp_path, ["files"], "hubspot")
    assert project.mapping is not None
    assert (project.mapping.default_language, project.schedule.timezone) == ("fr", "Europe/Lisbon")
    shown = capsys.readouterr().out
    assert "D’où vient la facturation" in shown
    assert "What next" in shown


def test_asks_again_where_an_answer_does_not_do(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """An answer that is none of the choices is asked for once more; an empty one takes what is offered."""
    assert run(answers="\nchargebee\n\ndynamics\nsalesforce\nEurope/Paris\n\n") == 0

    assert load_project(tmp_path, ["stripe"], "salesforce").mapping is not None


@pytest.mark.parametrize(("language", "told"), [("en", "usage comes from files"), ("fr", "l’usage vient")])
def test_says_where_usage_comes_from(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, told: str
) -> None:
    """Whoever bills in Stripe learns, when asked and in the file that is written, that usage comes from files."""
    assert run("--language", language, answers="stripe\nsalesforce\nEurope/Paris\n\n") == 0

    assert told in " ".join(capsys.readouterr().out.split())
    head = (tmp_path / "mappings/billing/stripe.yaml").read_text("utf-8").partition("version:")[0]
    assert "Parquet" in head


def test_asks_nothing_that_was_given(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """With every flag a person at a terminal is asked nothing."""
    flags = [
        "--source",
        "stripe",
        "--crm",
        "hubspot",
        "--language",
        "en",
        "--timezone",
        "Europe/Paris",
        "--holdout",
        "0",
    ]

    assert run(*flags, answers="") == 0


def test_second_time(run, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    """The second time everything is left as it was, and said so."""
    run("--crm", "hubspot")
    capsys.readouterr()

    assert run("--crm", "hubspot") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("0 files written")
    assert "mappings/catalog.yaml" in shown


@pytest.mark.parametrize(
    ("args", "cure"),
    [
        ([], "salesforce or hubspot"),
        (["--crm", "dynamics"], "salesforce or hubspot"),
        (["--crm", "hubspot", "--source", "chargebee"], "stripe, files"),
        (["--crm", "hubspot", "--language", "de"], "en or fr"),
        (["--crm", "hubspot", "--timezone", "Europe/Pari"], "did you mean Europe/Paris?"),
        (["--crm", "hubspot", "--demo", "--source", "stripe"], "leave it out"),
        (["--crm", "hubspot", "--holdout", "0.5"], "write it like 0.1"),
    ],
)
def test_refuses(run, tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], cure: str) -> None:  # type: ignore[no-untyped-def]
    """A choice that is missing or unknown ends with exit code 2, its cure, and nothing written."""
    assert run(*args) == 2
    assert cure in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "400 customers get no proposal, 3,600 do. If 5 % buy more in 90 days without one, the smallest rise"),
        ("fr", "400 clients sans proposition, 3600 avec. Si 5 % achètent davantage en 90 jours sans proposition"),
    ],
)
def test_offers_a_holdout(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, told: str
) -> None:
    """Who says how many customers pay is told the smallest rise each share could find, and asked; then it is on."""
    flags = ["--source", "stripe", "--crm", "hubspot", "--language", language, "--timezone", "Europe/Paris"]

    assert run(*flags, answers="4000\n0.2\n") == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert told in shown
    assert ("+3.3 points" if language == "en" else "+3,3 points") in shown
    holdout = load_project(tmp_path, ["stripe"], "hubspot").policy.holdout
    assert holdout is not None
    assert holdout.share == 0.2
    assert len(holdout.salt) >= 8


def test_a_holdout_is_off_unless_it_is_chosen(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked and declined, not asked, or asked with a number alone: off, and the next steps name what could be found."""
    flags = ["--source", "stripe", "--crm", "hubspot", "--language", "en", "--timezone", "Europe/Paris"]
    assert run("a", *flags, answers="2000\n\n") == 0
    assert run("b", *flags, "--customers", "8") == 0
    few = " ".join(capsys.readouterr().out.split())
    assert run("c", *flags, "--customers", "2000", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert run("d", *flags, "--holdout", "0.1") == 0

    assert [load_project(tmp_path / one, ["stripe"], "hubspot").policy.holdout for one in "abc"] == [None] * 3
    assert "1 customers get no proposal, 7 do: too few" in few
    assert "connector holdout" in few
    assert [one["held_out"] for one in told["holdout"]] == [200, 400]
    assert load_project(tmp_path / "d", ["stripe"], "hubspot").policy.holdout is not None
    assert "connector holdout" not in capsys.readouterr().out


def test_demo_reads_both_sources(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    """A demo project reads what the sandbox serves: Stripe and files."""
    assert run("--demo", "--crm", "hubspot") == 0
    assert set(load_project(tmp_path, ["stripe", "files"], "hubspot").billing) == {"stripe", "files"}
    assert "connector sandbox" in capsys.readouterr().out
