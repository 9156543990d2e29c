"""An admin's Friday afternoon: rename a field, derive one, break it, mend it, and take it from sandbox to production.

The session runs against the Salesforce stand-in and writes a transcript, which the README shows, shortened.
"""

from __future__ import annotations

import pytest

from connector.sandbox.salesforce.schema import Field
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

    def run(self, *args: str) -> tuple[int, str]:
        """Type a command; give its exit code and everything it said."""
        ran = self.world.run(*args, fresh=True)
        told = (ran.out + ran.err).rstrip()
        typed = " ".join(f'"{one}"' if " " in one else one for one in args)
        env = f"CONNECTOR_ENV={self.world.env['CONNECTOR_ENV']} " if "CONNECTOR_ENV" in self.world.env else ""
        self.lines += [f"$ {env}connector {typed}", *(line.rstrip() for line in told.splitlines())]
        return ran.code, told


@pytest.mark.parametrize("crm", ["salesforce"])
def test_an_admin_session(installed: World) -> None:
    """Each mistake is refused with its line and cure before anything is written, and each mend is accepted."""
    session = Session(installed)
    installed.side.store.add_custom_field("Opportunity", _text_field("Next_Action__c", "Next action"))
    installed.side.store.open_fields.add(("Opportunity", "Next_Action__c"))

    assert session.run("check", "--live")[0] == 0
    _rename(session)
    _derive(session)
    _break_and_mend(session)
    _promote(session)

    assert installed.side.ours("opportunity")
    assert all(one["Expansion_Heat__c"] in ("hot", "warm", "cold") for one in installed.side.ours("opportunity"))
    assert all(one["Next_Action__c"] for one in installed.side.ours("opportunity"))
    readme = Transcript()
    (shown,) = (block for block in blocks(readme.text) if block.mark == "admin session")
    readme.came(shown, "\n".join(session.lines))
    readme.settle()


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
    """The sandbox calls a stage otherwise; production needs no other mapping than the one that was tried."""
    world = session.world
    session.edit(OVERRIDE, "", "opportunity:\n  stages: {concretise: Signature}\n")
    world.env["CONNECTOR_ENV"] = "sandbox"
    code, told = session.run("check")
    assert code == 2
    assert f"{OVERRIDE}:2:12" in told
    session.edit(OVERRIDE, "concretise: Signature", "concretize: Expansion Sign")
    assert session.run("check", "--live")[0] == 0
    del world.env["CONNECTOR_ENV"]
    assert session.run("check", "--live")[0] == 0
    code, told = session.run("preview", "Steinbach Werke AG")
    assert code == 0
    assert "Expansion_Heat__c: hot" in told
    assert session.run("sync", "--yes")[0] == 0


def _text_field(name: str, label: str) -> Field:
    return Field(name, "string", label, length=255, createable=True, updateable=True, nillable=True, custom=True)
