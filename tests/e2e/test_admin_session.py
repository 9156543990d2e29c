"""An admin's Friday afternoon: rename a field, derive one, break it, mend it, and take it from sandbox to production.

The session runs against two Salesforce stand-ins, a sandbox and production, and writes a transcript, which the README
shows, shortened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connector.sandbox import salesforce
from connector.sandbox.admin import salesforce_stages
from connector.sandbox.control import Control
from connector.sandbox.salesforce.schema import Field
from connector.sandbox.serving import serving
from tests.e2e.crm_admin import rename_stage
from tests.e2e.sides import SalesforceSide
from tests.e2e.world import World
from tests.readme import Transcript, blocks

MAPPING = "mappings/salesforce.yaml"
OVERRIDE = "mappings/salesforce.sandbox.yaml"
DERIVED = "{% if p >= 0.5 %}hot{% elif p >= 0.25 %}warm{% else %}cold{% endif %}"


class Session:
    """A terminal: what was typed, and what came back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lines: list[str] = []

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a text of the project, as an editor does, and note the lines that are new."""
        file = self.world.home / path
        text = file.read_text("utf-8") if file.exists() else ""
        assert old in text
        file.write_text(text.replace(old, new, 1) if old else new, encoding="utf-8")
        self.lines += [f"# {path}: {line.strip()}" for line in new.splitlines() if line.strip() and line not in text]

    def load(self, file: str) -> None:
        """Load the settings of an org, as a shell does."""
        self.lines.append(f"$ set -a; . ./{file}; set +a")
        for line in (self.world.home / file).read_text("utf-8").splitlines():
            name, value = line.split("=", 1)
            self.world.env[name] = value

    def run(self, *args: str) -> tuple[int, str]:
        """Type a command; give its exit code and everything it said."""
        ran = self.world.run(*args, fresh=True)
        told = (ran.out + ran.err).rstrip()
        typed = " ".join(f'"{one}"' if " " in one else one for one in args)
        self.lines += [f"$ connector {typed}", *(line.rstrip() for line in told.splitlines())]
        return ran.code, told


@pytest.fixture
def session(installed: World) -> Iterator[Session]:
    """A terminal in a project with two installed orgs; the sandbox has another name for a stage."""
    production = installed.side.store
    control = Control(clock=installed.side.control.clock)
    app = salesforce.create_app(control, production.credentials)
    sandbox = app.state.store
    _becomes_another_org(sandbox)
    sandbox.load("OpportunityStage", salesforce_stages())
    rename_stage(SalesforceSide(app), "Expansion Sign", "Signature")
    for org in (production, sandbox):
        org.add_custom_field("Opportunity", _text_field("Next_Action__c", "Next action"))
        org.open_fields.add(("Opportunity", "Next_Action__c"))
    url = "CONNECTOR_SALESFORCE__BASE_URL"
    with serving(app) as sandbox_url:
        made = Session(World(**{**vars(installed), "env": dict(installed.env)}))
        _settings(made, "production.env", {url: installed.env[url], "CONNECTOR_ENV": ""})
        _settings(made, "sandbox.env", {url: sandbox_url, "CONNECTOR_ENV": "sandbox"})
        made.world.env[url] = sandbox_url
        assert made.run("install", "--yes")[0] == 0
        made.lines.clear()
        yield made


@pytest.mark.parametrize("crm", ["salesforce"])
def test_an_admin_session(session: Session) -> None:
    """Each mistake is refused with its line and cure before anything is written, and each mend is accepted."""
    _begin_in_the_sandbox(session)
    _rename(session)
    _derive(session)
    _break_and_mend(session)
    _promote(session)

    ours = session.world.side.ours("opportunity")
    assert ours
    assert all(one["Expansion_Heat__c"] in ("hot", "warm", "cold") for one in ours)
    assert all(one["Next_Action__c"] for one in ours)
    readme = Transcript()
    (shown,) = (block for block in blocks(readme.text) if block.mark == "admin session")
    readme.came(shown, "\n".join(session.lines))
    readme.settle()


def _begin_in_the_sandbox(session: Session) -> None:
    """The sandbox calls a stage otherwise, which an override says; misspelt first."""
    session.load("sandbox.env")
    session.edit(OVERRIDE, "", "opportunity:\n  stages: {concretise: Signature}\n")
    code, told = session.run("check")
    assert code == 2
    assert f"{OVERRIDE}:2:12" in told
    session.edit(OVERRIDE, "concretise: Signature", "concretize: Signature")
    assert session.run("check", "--live")[0] == 0


def _rename(session: Session) -> None:
    """The next step moves to a field of the company's own; misspelt first."""
    session.edit(MAPPING, "    NextStep: {value:", "    Next_Acton__c: {value:")
    code, told = session.run("check", "--live")
    assert code == 2
    assert "did you mean Next_Action__c?" in told
    session.edit(MAPPING, "    Next_Acton__c: {value:", "    Next_Action__c: {value:")
    assert session.run("check", "--live")[0] == 0


def _derive(session: Session) -> None:
    """A field that says in a word how likely a deal is, with an example that `check` runs."""
    session.edit(
        MAPPING,
        "    Expansion_Managed__c: {value: 'true', policy: own}\n\ntask:\n",
        "    Expansion_Managed__c: {value: 'true', policy: own}\n"
        f"    Expansion_Heat__c: {{value: '{DERIVED}', policy: own}}\n"
        "  examples:\n"
        "    - {given: {p: 0.3}, expect: {Expansion_Heat__c: warm}}\n\ntask:\n",
    )
    new = "    Expansion_Heat__c: {label: Heat, length: 10}\n"
    session.edit(MAPPING, "install:\n  opportunity:\n", f"install:\n  opportunity:\n{new}")
    assert session.run("check")[0] == 0
    code, told = session.run("check", "--live")
    assert code == 2
    assert "run `connector install`" in told
    assert session.run("install", "--yes")[0] == 0
    assert session.run("check", "--live")[0] == 0


def _break_and_mend(session: Session) -> None:
    """A misspelt name, then a bound that the example catches."""
    session.edit(MAPPING, "p >= 0.25", "prob >= 0.25")
    code, told = session.run("check")
    assert code == 2
    assert "unknown name 'prob'" in told
    session.edit(MAPPING, "prob >= 0.25", "p >= 0.35")
    code, told = session.run("check")
    assert code == 2
    assert "got 'cold', expected 'warm'" in told
    session.edit(MAPPING, "p >= 0.35", "p >= 0.25")
    assert session.run("check", "--live")[0] == 0


def _promote(session: Session) -> None:
    """Production lacks the new field, and needs no other mapping than the one that was tried."""
    session.load("production.env")
    code, told = session.run("check", "--live")
    assert code == 2
    assert "lacks 1 field of ours: Expansion_Heat__c" in told
    assert session.run("install", "--yes")[0] == 0
    assert session.run("check", "--live")[0] == 0
    code, told = session.run("preview", "Steinbach Werke AG")
    assert code == 0
    assert "Expansion_Heat__c: hot" in told
    assert session.run("sync", "--yes")[0] == 0


def _text_field(name: str, label: str) -> Field:
    return Field(name, "string", label, length=255, createable=True, updateable=True, nillable=True, custom=True)


def _settings(session: Session, file: str, settings: Mapping[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    (session.world.home / file).write_text(text, encoding="utf-8")


def _becomes_another_org(store: Any) -> None:
    """Every stand-in is served as the same org; this one is not that one."""
    (row,) = store.dump("Organization")
    store.take("Organization", row["Id"])
    store.id = store.mint("00D")
    store.load("Organization", [{**row, "Id": store.id}])
