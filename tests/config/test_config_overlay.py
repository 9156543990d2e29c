"""What one environment has otherwise: merged by key, told at its own file, never under a name that leads nowhere."""

from __future__ import annotations

import pytest
from config_home import Home

from connector.config.project import load_project
from connector.domain.errors import ConfigError, Problem
from connector.domain.project import Project

OVER = "mappings/salesforce.sandbox.yaml"


def opened(home: Home, text: str, env: str = "sandbox") -> Project:
    (home.folder / OVER).write_text(text, encoding="utf-8")
    return load_project(home.folder, ["stripe"], "salesforce", env)


def refused(home: Home, text: str, env: str = "sandbox") -> Problem:
    with pytest.raises(ConfigError) as error:
        opened(home, text, env)
    (problem,) = error.value.problems
    return problem


def test_an_override_changes_what_it_names_and_nothing_else(home: Home) -> None:
    """Mappings merge key by key; texts and lists are replaced."""
    base = load_project(home.folder, ["stripe"], "salesforce").mapping
    assert base is not None

    text = "opportunity:\n  stages: {proposed: Prospecting}\n  people: []\nowners: {default: ana@acme.invalid}\n"
    over = opened(home, text).mapping

    assert over is not None
    assert over.opportunity.stages == {**base.opportunity.stages, "proposed": "Prospecting"}
    assert (over.opportunity.people, over.owners.default) == ([], "ana@acme.invalid")
    assert over.opportunity.fields == base.opportunity.fields


def test_null_takes_a_rule_away(home: Home) -> None:
    """A field that the sandbox lacks is left out there."""
    mapping = opened(home, "opportunity: {fields: {NextStep: null}}\n").mapping

    assert mapping is not None
    assert "NextStep" not in mapping.opportunity.fields
    assert "Amount" in mapping.opportunity.fields


@pytest.mark.parametrize(
    ("text", "at", "message", "cure"),
    [
        (
            "opportunity:\n  stages: {proposd: X}\n",
            "2:12",
            "unknown path: opportunity.stages.proposd",
            "mean proposed?",
        ),
        ("opportunity:\n  fields:\n    Amout: {value: x}\n", "3:5", "opportunity.fields.Amout", "mean Amount?"),
        ("oportunity: {}\n", "1:1", "unknown path: oportunity", "mean opportunity?"),
        ("install:\n  task:\n    Expansion_Kye__c: {length: 9}\n", "3:5", "Expansion_Kye__c", "mean Expansion_Key__c?"),
        ("name: hubspot\n", "1:1", "is not the document's", "name: salesforce"),
        ("crm: hubspot\n", "1:1", "is not the document's", "crm: salesforce"),
        ("[a, b]\n", "1:1", "an override is a mapping", "key: value"),
    ],
)
def test_a_path_that_leads_nowhere(home: Home, text: str, at: str, message: str, cure: str) -> None:
    """It is refused at the override's own line, with what was probably meant."""
    problem = refused(home, text)

    assert problem.at == f"{OVER}:{at}"
    assert message in problem.message
    assert cure in (problem.hint or "")


def test_people_and_roles_may_differ(home: Home) -> None:
    """Who works there is the environment's own: owners may be added."""
    mapping = opened(home, "owners: {roles: {csm: maria@example.com}, languages: {paul@example.com: fr}}\n").mapping

    assert mapping is not None
    assert (mapping.owners.roles, mapping.owners.languages) == (
        {"csm": "maria@example.com"},
        {"paul@example.com": "fr"},
    )


def test_an_error_in_the_merged_document_stands_where_it_was_written(home: Home) -> None:
    """A wrong value of the override is told there; one of the document stays there."""
    over = refused(home, "opportunity:\n  fields:\n    Amount: {value: '{{ amout }}'}\n")
    line = home.change("mappings/salesforce.yaml", "'{{ close_date }}'", "'{{ close_dat }}'")
    base = refused(home, "opportunity: {amount_basis: mrr}\n")

    assert over.at == f"{OVER}:3:25"
    assert (base.at or "").startswith(f"{line}:")


def test_an_environment_without_overrides_is_a_typo(home: Home) -> None:
    """Production's values are never used because a name was misspelt."""
    problem = refused(home, "owners: {default: null}\n", env="sandbx")

    assert "CONNECTOR_ENV is 'sandbx'" in problem.message
    assert problem.hint == "did you mean sandbox?"


def test_an_override_of_no_document_is_a_typo(home: Home) -> None:
    """A file that nothing would read is named, with the document it was probably meant for."""
    (home.folder / "mappings/saleforce.sandbox.yaml").write_text("owners: {default: null}\n", encoding="utf-8")

    problem = refused(home, "owners: {default: null}\n")

    assert (problem.message, problem.at) == ("overrides no document", "mappings/saleforce.sandbox.yaml")
    assert problem.hint == f"did you mean {OVER}?"


def test_every_document_may_have_one(home: Home) -> None:
    """A billing system's test products have other ids."""
    (home.folder / "mappings/billing/stripe.sandbox.yaml").write_text("usage_days: 30\n", encoding="utf-8")

    project = opened(home, "{}\n")

    assert project.billing["stripe"].usage_days == 30  # type: ignore[union-attr]


def test_another_environment_is_another_configuration(home: Home) -> None:
    """A plan made with one override is refused under another: the hash tells them apart."""
    without = load_project(home.folder, ["stripe"], "salesforce").hash

    first = opened(home, "opportunity: {amount_basis: mrr}\n").hash
    second = opened(home, "opportunity: {amount_basis: arr}\n").hash

    assert len({without, first, second}) == 3


def test_without_an_environment_overrides_are_not_read(home: Home) -> None:
    """Nothing of a sandbox reaches production by lying there."""
    (home.folder / OVER).write_text("nonsense: [", encoding="utf-8")

    assert load_project(home.folder, ["stripe"], "salesforce").mapping is not None
