"""`check --live`: what a CRM lacks, asks for or would refuse is found before any write, with line and cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.crm_admin import close_field, hide_field, rename_stage, require_field, second_pipeline
from tests.e2e.world import World

Mistake = tuple[str, str, str]
"""Part of the message, of the place, of the cure."""


def answer(world: World) -> list[dict[str, Any]]:
    """What `check --live` tells; nothing is ever written for it."""
    ran = world.run("check", "--live", "--json", fresh=True)
    assert world.side.writes() == []
    assert ran.code == (2 if ran.json["status"] == "error" else 0)
    errors: list[dict[str, Any]] = ran.json.get("errors", [])
    return errors


def told(world: World, *expected: Mistake) -> None:
    errors = answer(world)
    assert len(errors) == len(expected), errors
    for error, (message, at, hint) in zip(errors, expected, strict=True):
        assert message in error["message"], error
        assert at in error["at"], error
        assert hint in error["hint"], error


def place(world: World, text: str) -> str:
    """`mappings/….yaml:line:` of the first line that begins with a text."""
    lines = (world.home / f"mappings/{world.side.crm}.yaml").read_text("utf-8").split("\n")
    line = next(i for i, one in enumerate(lines, 1) if one.strip().startswith(text))
    return f"mappings/{world.side.crm}.yaml:{line}:"


def change(world: World, old: str, new: str) -> None:
    path = world.home / f"mappings/{world.side.crm}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def next_step(crm: str) -> str:
    return "NextStep" if crm == "salesforce" else "hs_next_step"


def test_a_sound_project_has_nothing_to_tell(installed: World) -> None:
    """What ships agrees with a CRM that was set up as the README says."""
    assert answer(installed) == []


def test_a_required_custom_field(installed: World) -> None:
    """A field that an admin requires and no rule fills is named by label and name, with the rule to add."""
    name = "Budget_Code__c" if installed.side.crm == "salesforce" else "budget_code"
    require_field(installed.side, "opportunity", name)

    told(installed, (f"opportunity.{name}", place(installed, "fields:"), f"`{name}: {{value: …, policy: create}}`"))


def test_a_renamed_stage(installed: World) -> None:
    """The stage's line in the mapping, and the stages that there are."""
    label = "Expansion Sign" if installed.side.crm == "salesforce" else "Sign"
    rename_stage(installed.side, label, "Signature")

    told(installed, (f"no stage {label!r}", place(installed, "concretize:"), "Signature"))


@pytest.mark.parametrize("crm", ["hubspot"])
def test_two_pipelines_with_one_label(installed: World) -> None:
    """A label that two pipelines have tells nothing: the pipeline has to be named."""
    second_pipeline(installed.side)
    change(installed, "  pipeline: Expansion\n", "  pipeline: null\n")

    found = [error for error in answer(installed) if "several pipelines have a stage 'Proposed'" in error["message"]]

    assert found[0]["hint"] == "set `opportunity.pipeline` to one of Expansion, Expansion EMEA"
    assert found[0]["at"].startswith(place(installed, "proposed:"))


@pytest.mark.parametrize("crm", ["hubspot"])
def test_a_second_pipeline_is_no_mistake_where_ours_is_named(installed: World) -> None:
    """The mapping says which of the two is meant."""
    second_pipeline(installed.side)

    assert answer(installed) == []


def test_a_hidden_field(installed: World, next_step: str) -> None:
    """A field hidden from the user we run as is told at its rule."""
    hide_field(installed.side, "opportunity", next_step)

    told(installed, (f"unknown field {next_step!r}", place(installed, f"{next_step}:"), ""))


def test_a_read_only_field(installed: World, next_step: str) -> None:
    """A field that this user may only read is told with its label."""
    close_field(installed.side, "opportunity", next_step)

    told(installed, ("cannot be written", place(installed, f"{next_step}:"), "grant edit"))


MISFITS = [
    ("salesforce", "opportunity.fields.Amount", "{{ amount }} {{ currency }}", "no number", "leave units"),
    ("salesforce", "opportunity.fields.CloseDate", "soon", "no date", "{{ close_date }}"),
    ("salesforce", "opportunity.fields.Name", "{{ why }}", "holds 120 characters", "truncate(120)"),
    ("salesforce", "opportunity.fields.OwnerId", "Ana Ruiz", "no id", "{{ owner_id }}"),
    ("salesforce", "opportunity.fields.Expansion_Managed__c", "ours", "neither true nor false", "'true'"),
    (
        "hubspot",
        "opportunity.fields.dealtype",
        "existingbusines",
        "none of its values",
        "did you mean existingbusiness?",
    ),
    ("hubspot", "opportunity.fields.amount", "{{ name }}", "no number", "leave units"),
    ("hubspot", "opportunity.fields.closedate", "soon", "no datetime", "T12:00:00Z"),
    ("hubspot", "task.kinds.call", "PHONE", "would get 'PHONE', which is none of its values", "CALL"),
    ("hubspot", "task.cancelled", "DEFFERED", "has no value 'DEFFERED'", "did you mean DEFERRED?"),
]


@pytest.mark.parametrize(("crm", "where", "value", "message", "hint"), MISFITS)
def test_a_value_that_does_not_fit(installed: World, where: str, value: str, message: str, hint: str) -> None:
    """What a rule makes of an example is held against the field's type, length and options."""
    *path, last = where.split(".")

    def edit(document: dict[str, Any]) -> None:
        part = document
        for key in path:
            part = part[key]
        if isinstance(part[last], dict):
            part[last]["value"] = value
        else:
            part[last] = value

    installed.edit_yaml(f"mappings/{installed.side.crm}.yaml", edit)

    (error,) = answer(installed)

    assert message in error["message"]
    assert hint in error["hint"]
    named = last if path[-1] == "fields" or len(path) == 1 else "hs_task_type"
    line = int(error["at"].split(":")[1])
    text = (installed.home / f"mappings/{installed.side.crm}.yaml").read_text("utf-8").split("\n")
    assert text[line - 1].strip().startswith(f"{named}:")


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ("  default: nobody@example.com", "no user of the CRM has the e-mail", "active user"),
        ("  default: {inactive}", "is not active", "name somebody"),
    ],
)
def test_owners(installed: World, rule: str, message: str, hint: str) -> None:
    """The owner of last resort is in the CRM and works there."""
    gone = next((owner.email for owner in installed.company.crm.owners if not owner.active), None)
    if "{inactive}" in rule and gone is None:
        pytest.skip("the demo company has no owner who left")
    change(installed, "  default: null", rule.replace("{inactive}", gone or ""))

    told(installed, (message, place(installed, "default:"), hint))


@pytest.mark.parametrize("crm", ["hubspot"])
def test_a_currency_that_the_crm_does_not_have(installed: World) -> None:
    """Amounts are written in the reporting currency, so the CRM must have it."""
    row = installed.side.store.properties["deals"]["deal_currency_code"]
    row["options"] = [one for one in row["options"] if one["value"] != "EUR"]

    errors = answer(installed)

    assert any("no currency EUR" in error["message"] and "policy.yaml" in error["at"] for error in errors)


@pytest.mark.parametrize("crm", ["hubspot"])
def test_several_currencies_and_no_rule(installed: World) -> None:
    """A CRM with several currencies is told which one amounts are in."""
    installed.edit_yaml("mappings/hubspot.yaml", lambda one: one["opportunity"]["fields"].pop("deal_currency_code"))

    (error,) = answer(installed)

    assert "13 currencies" in error["message"]
    assert "deal_currency_code: {value: '{{ currency }}', policy: create}" in error["hint"]


def test_every_difference_at_once(installed: World, next_step: str) -> None:
    """A required field, a renamed stage and a hidden field are told in one go."""
    name = "Budget_Code__c" if installed.side.crm == "salesforce" else "budget_code"
    require_field(installed.side, "opportunity", name)
    hide_field(installed.side, "opportunity", next_step)
    rename_stage(installed.side, "Expansion Sign" if installed.side.crm == "salesforce" else "Sign", "Signature")

    messages = " ".join(error["message"] for error in answer(installed))

    assert all(part in messages for part in (name, next_step, "Sign"))


def test_data_after_a_run(synced: World) -> None:
    """`--data` tells how many customers match none or several; test accounts are no customers."""
    ambiguous = synced.run("plan", "--json", fresh=True).json["matched"]["ambiguous"]

    ran = synced.run("check", "--live", "--data", "--json", fresh=True)

    assert ran.code == 0, ran.out
    notes = [note["message"] for note in ran.json["notes"]]
    assert any(note.startswith(f"{ambiguous} (") and "match several CRM accounts" in note for note in notes)
    assert any("match no CRM account" in note for note in notes)


def test_data_names_products_that_nothing_maps(synced: World) -> None:
    """A product that customers pay for and no rule names is told with the rule to add."""
    path = synced.home / "mappings/billing/stripe.yaml"
    text = path.read_text("utf-8").replace("  - {offer: mobile, product: prod_mobile}\n", "")
    path.write_text(text.replace("offer_key: offer\n", ""), encoding="utf-8")
    assert synced.run("plan", "--json", fresh=True).code == 0

    ran = synced.run("check", "--data", "--json", fresh=True)

    (note,) = (one for one in ran.json["notes"] if "prod_mobile" in one["message"])
    assert "is no offer of the catalogue" in note["message"]
    assert "{offer: …, product: prod_mobile}" in note["hint"]
    assert note["at"].startswith("mappings/billing/stripe.yaml:")
    shown = synced.run("check", "--data", fresh=True).out
    # Brackets are no markup, here or in a product's name.
    assert f"note {note['at']}: {note['message']}" in " ".join(shown.split())


def test_data_before_any_run(installed: World) -> None:
    """Before billing was pulled there is nothing to look at, and that is said."""
    ran = installed.run("check", "--data", "--json", fresh=True)

    assert ran.code == 0
    assert "nothing was pulled" in ran.json["notes"][0]["message"]
