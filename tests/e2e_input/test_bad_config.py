"""Documents, settings and files that cannot be used: exit 2, where it is wrong, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from input_bench import Cli, Home, Portal, company, environment, new_home

FILES = "mappings/billing/files.yaml"
HUBSPOT = "mappings/hubspot.yaml"
MAPPING = """\
version: 1
name: files
accounts:
  - files: [accounts.csv]
    encoding: utf-8
    columns: {account_id: id, name: name, domain: domain}
subscriptions:
  - files: [subscriptions.csv]
    delimiter: ","
    columns: {subscription_id: id, account_id: account, offer_id: offer, quantity: seats, mrr: mrr,
              currency: currency, started_at: start}
    values: {offer_id: {pro: pro, starter: starter}}
usage:
  - files: [usage.csv]
    format: csv
    columns: {account_id: account, day: day, metric: metric, value: value}
"""
PLAN = ("plan", "--as-of", "2026-10-02")
BINARY = bytes(range(1, 256)) * 40


def fill(home: Home) -> None:
    """A mapping and files that are right."""
    home.write(FILES, MAPPING)
    home.billing("accounts.csv", "id,name,domain", "C-1,Acme,acme.example", "C-2,Beta,beta.example")
    home.billing(
        "subscriptions.csv",
        "id,account,offer,seats,mrr,currency,start",
        "S-1,C-1,pro,50,1950.00,EUR,2025-01-15",
        "S-2,C-2,starter,5,95.00,EUR,2025-01-15",
    )
    home.billing("usage.csv", "account,day,metric,value", "C-1,2026-09-01,documents,100")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = new_home(tmp_path / "project")
    fill(made)
    return made


@pytest.fixture(scope="module")
def installed(stand_ins: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """A portal with two companies and our fields; these tests only read it."""
    folder = tmp_path_factory.mktemp("installed")
    portal = Portal(stand_ins["hubspot"]["base_url"], stand_ins["hubspot"]["access_token"])
    portal.reset()
    portal.load("companies", [company("101", "Acme", "acme.example"), company("102", "Beta", "beta.example")])
    Cli(environment(new_home(folder / "project"), stand_ins, folder / "state", SOURCE="files")).ok("install", "--yes")
    portal.writes()
    return portal


@pytest.mark.parametrize(
    ("document", "old", "new", "column", "message", "cure"),
    [
        ("playbooks/policy.yaml", "base_rate: 0.03", "base_rat: 0.03", 1, "unknown key 'base_rat'", "base_rate?"),
        ("playbooks/policy.yaml", "0.03", "three", 1, "base_rate: input should be a valid number", None),
        ("playbooks/policy.yaml", "paying_only: true", "paying_only: {a: b: c}", 19, "not valid YAML", "quotes"),
        ("playbooks/policy.yaml", "trial: hold", "trial: held", 1, "got 'held'", "did you mean hold?"),
        (HUBSPOT, "need: automation}", "need: automatisation}", 74, "unknown need", "did you mean automation?"),
        (FILES, "quantity: seats", "quantite: seats", 74, "unknown column 'quantite'", "did you mean quantity?"),
        (FILES, "day: day, ", "", 5, "no column says day", "add `day: THEIR COLUMN`"),
        (FILES, "{pro: pro,", "{pro: por,", 25, "unknown offer 'por'", "did you mean pro?"),
        (FILES, 'delimiter: ","', 'delimiter: ";;"', 5, "delimiter is one character", "write it like"),
        (FILES, "encoding: utf-8", "encoding: klingon", 5, "unknown encoding 'klingon'", "cp1252"),
        (FILES, "format: csv", "format: xlsx", 5, "got 'xlsx'", None),
        (FILES, "format: csv", "time_zone: Europe/Pari", 5, "unknown time zone", "did you mean Europe/Paris?"),
    ],
)
def test_a_wrong_document_is_refused(
    cli: Cli, home: Home, document: str, old: str, new: str, column: int, message: str, cure: str | None
) -> None:
    """`check` says file, line and column, what is wrong, and what mends it; `plan` says the same."""
    line = home.edit(document, old, new)

    answers = [cli("check", "--json"), cli("plan", "--json")]

    for answer in answers:
        error = answer.only_error
        assert answer.code == 2
        assert error["at"] == f"{document}:{line}:{column}"
        assert message in error["message"]
        assert cure is None or cure in error["hint"]


def test_a_missing_document_is_named(cli: Cli, home: Home) -> None:
    """A document that is not there is named, with the command that writes it."""
    (home.path / "playbooks" / "policy.yaml").unlink()

    answer = cli("check")

    assert answer.code == 2
    assert answer.err.startswith("error: playbooks/policy.yaml: file not found\n    → `connector init`")


def test_every_mistake_is_told_at_once(cli: Cli, home: Home) -> None:
    """Two mistakes in two documents are two errors of one run."""
    home.edit("playbooks/policy.yaml", "base_rate: 0.03", "base_rat: 0.03")
    home.edit(HUBSPOT, "  name: name\n  domain", "  nam: name\n  domain")

    told = cli("check", "--json").json

    assert {error["at"].split(":")[0] for error in told["errors"]} == {"playbooks/policy.yaml", HUBSPOT}


@pytest.mark.parametrize(
    ("arguments", "changed", "at", "message", "cure"),
    [
        (("plan", "--as-of", "soon"), {}, "--as-of", "'soon' is no date", "write it like 2026-09-30"),
        (("sync", "--as-of", "2026-13-45"), {}, "--as-of", "'2026-13-45' is no date", "write it like"),
        (("plan",), {"SOURCE": "strip"}, "environment", "unknown source strip", "stripe, files"),
        (("plan", "--crm", "pipedrive"), {}, "--crm", "unknown CRM 'pipedrive'", "salesforce or hubspot"),
        (("plan",), {"CRM": "pipedrive"}, "environment", "CONNECTOR_CRM", "export CONNECTOR_CRM="),
        (("plan",), {"CRM": None}, "environment", "no CRM named", "CONNECTOR_CRM=salesforce or hubspot"),
        (("plan",), {"NOW": "yesterday"}, "environment", "CONNECTOR_NOW", "export CONNECTOR_NOW="),
        (("plan",), {"HOME": "/nonexistent"}, "environment", "no project in /nonexistent", "connector init"),
        (("plan",), {"HUBSPOT__ACCESS_TOKEN": None}, "environment", "is not set", "export CONNECTOR_HUBSPOT__"),
        (("plan",), {"STATE_DIR": "/dev/null/state"}, "CONNECTOR_STATE_DIR", "/dev/null/state: Not a", "may write"),
        (
            ("plan",),
            {"LEDGER_URL": "sqlite:////nowhere/ledger.db"},
            "CONNECTOR_LEDGER_URL",
            "/nowhere/ledger.db: No such file",
            "let CONNECTOR_LEDGER_URL name a place that exists",
        ),
        (
            ("plan", "--crm", "salesforce"),
            {"SALESFORCE__PRIVATE_KEY_FILE": "/nowhere.pem"},
            "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE",
            "there is no file /nowhere.pem",
            "PEM file",
        ),
        (("plan", "--asof", "2026-09-30"), {}, "command line", "No such option", "see `--help`"),
        (("plann",), {}, "command line", "No such command 'plann'", "see `--help`"),
    ],
)
def test_a_wrong_setting_is_refused(
    cli: Cli, arguments: tuple[str, ...], changed: dict[str, str | None], at: str, message: str, cure: str
) -> None:
    """An argument or variable that makes no sense ends with 2, its name and its cure, also as JSON."""
    answer = cli(*arguments, "--json", **changed)

    error = answer.only_error
    assert (answer.code, answer.json["exit_code"], error["at"]) == (2, 2, at)
    assert message in error["message"]
    assert cure in error["hint"]


def lose(name: str) -> Callable[[Home], object]:
    return lambda home: (home.files / name).unlink()


def become(name: str, content: bytes) -> Callable[[Home], object]:
    return lambda home: (home.files / name).write_bytes(content)


def say(old: str, new: str) -> Callable[[Home], object]:
    return lambda home: home.edit(FILES, old, new)


ACCENTED = "account,day,metric,value\r\nC-é,2026-09-01,documents,1\r\n".encode("cp1252")
LATE = ACCENTED.replace(b"C-\xe9", b"C-1") + b"C-1,2026-09-01,documents,1\r\n" * 9_000 + ACCENTED[26:]


@pytest.mark.parametrize(
    ("spoil", "place", "message", "cure"),
    [
        (lose("usage.csv"), "14:13", "there is no file", "CONNECTOR_FILES_DIR"),
        (lose("accounts.csv"), "4:13", "there is no file", "mend `files` in the mapping"),
        (become("subscriptions.csv", b""), "10:15", "subscriptions.csv has no column 'id'", "the file is empty"),
        (become("usage.csv", b""), "16:15", "usage.csv has no column 'account'", "the file is empty"),
        (become("accounts.csv", b"PK\x03\x04" + BINARY), "5:5", "accounts.csv is not written in utf-8", "saved as CSV"),
        (become("usage.csv", BINARY), "14:5", "usage.csv is not written in utf-8", "saved as CSV"),
        (become("usage.csv", ACCENTED), "14:5", "usage.csv is not written in utf-8", "cp1252"),
        (become("usage.csv", LATE), "14:5", "usage.csv is not written in utf-8", "cp1252"),
        (say("format: csv", "format: parquet"), "15:5", "usage.csv is no Parquet file", "`format`"),
        (say('delimiter: ","', "format: parquet"), "9:5", "subscriptions.csv is no Parquet file", "`format`"),
        (say('delimiter: ","', 'delimiter: ";"'), "10:15", "has no column 'id'", "set `delimiter`"),
        (say("mrr: mrr", "mrr: mrrr"), "10:91", "has no column 'mrrr'", "did you mean 'mrr'?"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    cli: Cli,
    home: Home,
    installed: Portal,
    spoil: Callable[[Home], object],
    place: str,
    message: str,
    cure: str,
) -> None:
    """It is no bug of ours: exit 2, the line of the mapping that asks for it, and what mends it. Nothing is written."""
    spoil(home)

    answer = cli(*PLAN, "--json")

    error = answer.only_error
    assert answer.code == 2
    assert message in error["message"]
    assert cure in error["hint"]
    assert error["at"] == f"{FILES}:{place}"
    assert installed.writes() == []


def test_a_file_that_comes_back_loses_nothing(cli: Cli, home: Home, installed: Portal) -> None:
    """A run that could not read one file keeps what it read of the others, and the next one goes on."""
    usage = (home.files / "usage.csv").read_bytes()
    (home.files / "usage.csv").unlink()
    assert cli(*PLAN).code == 2

    home.files.joinpath("usage.csv").write_bytes(usage)
    told = cli.ok(*PLAN)

    assert {name: told["pulled"][name] for name in ("accounts", "subscriptions", "usage")} == {
        "accounts": 2,
        "subscriptions": 2,
        "usage": 1,
    }


def test_two_currencies_need_rates(cli: Cli, home: Home, installed: Portal) -> None:
    """Two currencies without fx.yaml are refused by name; with a rate the same data goes through, each in its own."""
    text = (home.path / "mappings" / "fx.yaml").read_text(encoding="utf-8")
    (home.path / "mappings" / "fx.yaml").unlink()
    rows = (home.files / "subscriptions.csv").read_text(encoding="utf-8")
    (home.files / "subscriptions.csv").write_text(rows.replace("1950.00,EUR", "1950.00,USD"), encoding="utf-8")

    refused = cli(*PLAN, "--json")
    home.write("mappings/fx.yaml", text)
    told = cli.ok(*PLAN)

    error = refused.only_error
    assert (refused.code, error["at"]) == (2, "mappings/fx.yaml")
    assert "no exchange rate for USD" in error["message"]
    assert "add `- {currency: USD, since: 2026-10-02" in error["hint"]
    assert told["mrr"]["ours"] == {"USD": 195_000, "EUR": 9_500}


def test_a_field_that_the_crm_lacks_stops_every_command(cli: Cli, home: Home, installed: Portal) -> None:
    """`check --live`, `plan` and `sync` refuse unknown fields and stages, all at once."""
    field = home.edit(HUBSPOT, "    hs_next_step: {", "    hs_nxt_step: {")
    stage = home.edit(HUBSPOT, "proposed: Proposed", "proposed: Propsed")
    home.edit(HUBSPOT, "  country: country", "  country: land")

    answers = [cli("check", "--live", "--json"), cli(*PLAN, "--json"), cli("sync", "--yes", "--json")]

    for answer in answers:
        told = {error["at"]: f"{error['message']} {error['hint']}" for error in answer.json["errors"]}
        assert answer.code == 2
        assert told[f"{HUBSPOT}:{field}:5"].startswith(
            "unknown field 'hs_nxt_step' on opportunity did you mean hs_next_step? Or, if the CRM has it, it is hidden"
        )
        assert "did you mean Proposed?" in told[f"{HUBSPOT}:{stage}:5"]
        assert any("unknown field 'land' on account" in text for text in told.values())
    assert installed.writes() == []


def test_a_wrong_pipeline_is_one_mistake(cli: Cli, home: Home, installed: Portal) -> None:
    """Its stages are not told as missing too; the message says what the portal has."""
    line = home.edit(HUBSPOT, "  pipeline: Expansion\n", "  pipeline: Expnsion\n")

    error = cli("check", "--live", "--json").only_error

    assert error["at"] == f"{HUBSPOT}:{line}:3"
    assert error["message"] == "the CRM has no pipeline 'Expnsion'"
    assert error["hint"].startswith("did you mean Expansion?")


def test_an_unknown_fact_is_told_where_it_stands(cli: Cli, home: Home, installed: Portal) -> None:
    """A field of an account's fact is wrong in the fact's own line, not somewhere in the section."""
    line = home.edit(HUBSPOT, "    goals: expansion_goals", "    goals: expansion_goal")

    error = cli("check", "--live", "--json").only_error

    assert error["at"].startswith(f"{HUBSPOT}:{line}:")
    assert error["hint"].startswith("did you mean expansion_goals?")


def test_what_install_would_make_is_one_mistake_a_type(cli: Cli, portal: Portal) -> None:
    """Before `install`, `check --live` tells once for each type which of our fields are not there."""
    errors = cli("check", "--live", "--json").json["errors"]

    assert [error["message"].split(":")[0] for error in errors] == [
        "account lacks 17 fields of ours",
        "opportunity lacks 9 fields of ours",
        "task lacks 3 fields of ours",
    ]
    assert {error["hint"] for error in errors} == {"run `connector install`"}


@pytest.mark.parametrize("command", ["plan", "sync"])
def test_a_missing_install_is_refused(cli: Cli, portal: Portal, command: str) -> None:
    """Without our fields in the CRM nothing is planned or written, and the message names them and the command."""
    answer = cli(command, "--json")

    error = answer.only_error
    assert answer.code == 2
    assert "opportunity: expansion_key" in error["message"]
    assert "run `connector install`" in error["hint"]
    assert portal.writes() == []
