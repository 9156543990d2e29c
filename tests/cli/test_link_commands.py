"""`connector link` on the command line, over a real ledger and the shipped project."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from connector.bootstrap import open_ledger
from connector.cli.boundary import guarded
from connector.cli.link import list_, set_, unset
from connector.cli.link_file import import_, suggest
from connector.config.settings import load_settings, shipped
from connector.domain.change import CrmRecord, Destination, RecordType
from connector.domain.link import LinkDecision, LinkMethod, LinkState, Weighed

NOW = datetime(2026, 9, 30, tzinfo=UTC)
Run = Callable[..., int]
COMMANDS = {"list": list_, "suggest": suggest, "set": set_, "unset": unset, "import": import_}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a link command on a ledger that knows one org and two billing accounts."""
    monkeypatch.setenv("CONNECTOR_HOME", str(shipped()))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_CRM", "salesforce")
    with open_ledger(load_settings()) as memory:
        memory.destinations.remember(Destination("salesforce", "00D1"))
        memory.mirror.save(
            "salesforce:00D1", RecordType.ACCOUNT, [CrmRecord(RecordType.ACCOUNT, "001A", {"Name": "Acme"})]
        )
        some = [
            LinkDecision("cus_1", LinkState.LINKED, NOW, "001A", LinkMethod.DOMAIN),
            LinkDecision("cus_2", LinkState.UNMATCHED, NOW),
        ]
        memory.links.settle("salesforce:00D1", some)
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    for name, command in COMMANDS.items():
        app.command(name)(command)

    def started(*args: str) -> int:
        monkeypatch.setattr("sys.argv", ["link", *args])
        return guarded(app)

    return started


def test_list_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The list is one object, and a state selects."""
    assert run("list", "--json", "--state", "linked") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["destination"] == "salesforce:00D1"
    assert [(one["billing_id"], one["crm"]["name"], one["method"]) for one in told["links"]] == [
        ("cus_1", "Acme", "domain")
    ]


def test_list_as_csv_and_table(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The list is a table for people, and lines for a spreadsheet."""
    assert run("list", "--csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("cus_1,,linked,domain,001A,Acme,")
    assert len(lines) == 3

    assert run("list") == 0
    assert "Acme (001A)" in capsys.readouterr().out


def test_set_then_unset(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A link set by hand is listed with who said so, until it is taken back."""
    assert run("set", "cus_2", "001A", "--by", "Ana") == 0
    assert "cus_2 belongs to Acme (001A), says Ana" in capsys.readouterr().out

    run("list", "--json", "--state", "linked")
    assert "Ana" in {one["decided_by"] for one in json.loads(capsys.readouterr().out)["links"]}

    assert run("unset", "cus_2", "--by", "Ana") == 0
    assert run("unset", "cus_1", "--by", "Ana", "--again") == 0
    capsys.readouterr()
    run("list", "--json")
    assert [(one["billing_id"], one["state"]) for one in json.loads(capsys.readouterr().out)["links"]] == [
        ("cus_2", "unset")
    ]


@pytest.mark.parametrize(
    ("args", "cure"),
    [
        (("set", "cus_2", "001A"), "--by"),
        (("set", "cus_2", "001Z", "--by", "Ana"), "001A"),
        (("list", "--state", "lost"), "linked, ambiguous"),
        (("list", "--destination", "salesforce:00D2"), "CONNECTOR_SALESFORCE__CONSUMER_KEY"),
        (("list", "--crm", "hubspot"), "CONNECTOR_HUBSPOT__ACCESS_TOKEN"),
    ],
)
def test_refuses(run: Run, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], cure: str) -> None:
    """What leads nowhere ends with exit code 2 and its cure."""
    assert run(*args) == 2
    assert cure in capsys.readouterr().err


def test_several_destinations(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With two orgs known, one has to be named."""
    with open_ledger(load_settings()) as memory:
        memory.destinations.remember(Destination("salesforce", "00D2"))
        memory.links.settle("salesforce:00D2", [LinkDecision("cus_9", LinkState.UNMATCHED, NOW)])

    assert run("list") == 2
    assert "--destination" in capsys.readouterr().err
    assert run("list", "--destination", "salesforce:00D2", "--json") == 0


@pytest.fixture
def waiting(run: Run) -> Run:
    """A third account waits, with a candidate and why."""
    with open_ledger(load_settings()) as memory:
        why = (Weighed("001A", 0.8, ("same name",), ("country DE ≠ FR",)),)
        one = LinkDecision(
            "cus_3", LinkState.UNMATCHED, NOW, candidates=("001A",), billing_name="[bold]Acme", evidence=why
        )
        memory.links.settle("salesforce:00D1", [one])
    return run


def test_suggest_says_why(waiting: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Who waits is shown with each candidate's score and what speaks for and against it."""
    assert waiting("suggest") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("[bold]Acme (cus_3)", "Acme (001A)", "0.80", "same name", "country DE ≠ FR"))
    assert "cus_2" not in shown

    assert waiting("suggest", "--all", "--json") == 0
    told = json.loads(capsys.readouterr().out)["suggestions"]
    assert [(one["billing_id"], [each["score"] for each in one["weighed"]]) for one in told] == [
        ("cus_3", [0.8]),
        ("cus_2", []),
    ]


def test_suggest_fill_in_import(waiting: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The file is written, filled in, tried, imported, and imported again without any change."""
    assert waiting("suggest", "--csv", "--all") == 0
    file = tmp_path / "links.csv"
    file.write_text(capsys.readouterr().out.replace("cus_3,,,", "cus_3,001A,Ana,sure"), encoding="utf-8")

    assert waiting("import", str(file), "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out) | {"destination": ""} == {
        "destination": "",
        "linked": 1,
        "none": 0,
        "unchanged": 0,
        "left_open": 1,
        "followed": [],
        "stored": False,
    }
    assert waiting("import", str(file), "--json") == 4
    assert waiting("import", str(file), "--yes") == 0
    assert "Stored" in capsys.readouterr().out
    assert waiting("import", str(file)) == 0
    assert "1 stand so already" in capsys.readouterr().out
    assert waiting("list", "--json", "--state", "linked") == 0
    told = {one["billing_id"]: one for one in json.loads(capsys.readouterr().out)["links"]}
    assert (told["cus_3"]["decided_by"], told["cus_3"]["note"]) == ("Ana", "sure")


def test_import_refuses_whole(waiting: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One bad row keeps the whole file out, told with its line and cure; a file that is not there is told, too."""
    file = tmp_path / "links.csv"
    file.write_text("billing_id,crm_id,by\ncus_3,001A,Ana\ncus_2,001Z,Ana\n", encoding="utf-8")

    assert waiting("import", str(file), "--yes") == 2
    said = capsys.readouterr().err
    assert "links.csv:3" in said
    assert "001A" in said
    assert waiting("import", str(tmp_path / "nothing.csv")) == 2
    assert "nothing.csv" in capsys.readouterr().err
    waiting("list", "--json", "--state", "linked")
    assert [one["billing_id"] for one in json.loads(capsys.readouterr().out)["links"]] == ["cus_1"]


def test_list_says_why(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A link is listed with its score and the signals that made it, or the note of who decided."""
    with open_ledger(load_settings()) as memory:
        why = (Weighed("001A", 0.97, ("same name", "domain acme.com")),)
        one = LinkDecision("cus_1", LinkState.LINKED, NOW, "001A", LinkMethod.DOMAIN, evidence=why)
        memory.links.settle("salesforce:00D1", [one])
    run("set", "cus_2", "001A", "--by", "Ana", "--note", "asked them")
    capsys.readouterr()

    assert run("list", "--csv") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith('"0.97: same name, domain acme.com"')
    assert lines[2].endswith("asked them")
