"""What a CRM's admin takes away between two runs holds only what needs it; the run says so and makes up for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.alert import Ended
from connector.domain.errors import Exit
from connector.services.alerts import summary_of
from tests.e2e.crm_admin import close_field, empty_field, hide_field, rename_stage, require_field, show_field
from tests.e2e.world import World


def score_field(world: World) -> str:
    return "Expansion_Score__c" if world.side.crm == "salesforce" else "expansion_score"


def next_step(world: World) -> str:
    return "NextStep" if world.side.crm == "salesforce" else "hs_next_step"


@pytest.mark.parametrize("field", [score_field, next_step])
def test_a_field_that_vanished_holds_new_records_only(installed: World, field: object) -> None:
    """New opportunities wait with the reason `schema`, and their tasks with them; tasks on accounts are delivered."""
    assert callable(field)
    name = field(installed)
    whole = installed.run("plan", "--json").json
    hide_field(installed.side, "opportunity", name)

    ran = installed.run("sync", "--json")

    told = ran.json
    assert (ran.code, told["status"]) == (3, "partial")
    assert installed.side.ours("opportunity") == []
    assert installed.side.ours("task") != []
    assert all(not installed.side.parents_of(task) for task in installed.side.ours("task"))
    assert told["schema"]["held"] == whole["plan"]["create"] - told["plan"]["create"]
    assert any(name in problem["message"] and problem["hint"] for problem in told["schema"]["problems"])


def test_the_next_run_makes_up_for_it(installed: World) -> None:
    """Once the field is back, everything that waited is there, and a further run writes nothing."""
    name, kind = score_field(installed), installed.side.kinds["opportunity"]
    row = installed.side.store.properties[kind][name] if installed.side.crm == "hubspot" else None
    whole = installed.run("plan", "--json").json["plan"]["create"]
    hide_field(installed.side, "opportunity", name)
    installed.run("sync", "--json")
    show_field(installed.side, "opportunity", name, row)

    installed.sync()
    again = installed.run("sync", "--json").json

    documents = sum(len(installed.side.store.dump(installed.side.kinds[type])) for type in ("note", "file"))
    assert len(installed.side.ours("opportunity")) + len(installed.side.ours("task")) + documents == whole
    assert (again["status"], again["plan"]["create"], again["schema"]["problems"]) == ("success", 0, [])
    assert installed.side.writes() == []


def test_of_a_record_that_exists_only_the_field_waits(synced: World) -> None:
    """Its other fields are kept current."""
    ours = synced.side.ours("opportunity")[0]
    need = synced.side.names["need"]
    synced.side.write("opportunity", {"need": "something else"}, ours.id)
    hide_field(synced.side, "opportunity", next_step(synced))

    ran = synced.run("sync", "--json")

    assert ran.json["schema"]["held"] == 0
    assert ran.json["status"] == "partial"
    assert synced.side.get("opportunity", ours.id)[need] == ours[need]


def test_a_field_closed_to_us_holds_as_a_lost_one(installed: World) -> None:
    """What may not be written any more is told with its line and cure."""
    close_field(installed.side, "opportunity", next_step(installed))

    told = installed.run("sync", "--json").json

    (problem,) = told["schema"]["problems"]
    assert "cannot be written" in problem["message"]
    assert installed.side.ours("opportunity") == []


def test_a_field_that_became_required_holds_new_records(installed: World) -> None:
    """Nothing is sent that the CRM would refuse: no record is parked."""
    name = "Budget_Code__c" if installed.side.crm == "salesforce" else "budget_code"
    require_field(installed.side, "opportunity", name)

    told = installed.run("sync", "--json").json

    assert (told["status"], told["delivered"]["parked"]) == ("partial", 0)
    assert told["schema"]["held"] > 0
    assert f"opportunity.{name}" in told["schema"]["problems"][0]["message"]
    assert installed.side.ours("opportunity") == []


def test_a_fact_that_vanished_holds_nothing(installed: World) -> None:
    """What is only read to be shown is done without; the run says so and delivers the rest."""
    fact = "Expansion_Goals__c" if installed.side.crm == "salesforce" else "expansion_goals"
    whole = installed.run("plan", "--json").json["plan"]["create"]
    hide_field(installed.side, "account", fact)

    told = installed.run("sync", "--json").json

    assert told["schema"]["held"] == 0
    assert told["delivered"]["ok"] >= whole
    assert fact in told["schema"]["problems"][0]["message"]


def test_a_renamed_later_stage_is_told_and_the_rest_goes_on(synced: World) -> None:
    """Whoever is in it gets no task and loses none; the report names the stage, and the cure the stages there are."""
    label = "Expansion Consult" if synced.side.crm == "salesforce" else "Consult"
    synced.side.move(synced.side.ours("opportunity")[0], "consult")
    rename_stage(synced.side, label, "Discovery")

    ran = synced.run("sync", "--json")

    told = ran.json
    assert (ran.code, told["status"]) == (3, "partial")
    (problem,) = told["schema"]["problems"]
    assert f"no stage {label!r}" in problem["message"]
    assert "Discovery" in problem["hint"]
    assert synced.side.writes() == []


def test_a_renamed_first_stage_stops_the_run(synced: World) -> None:
    """Nothing could be proposed without it: nothing is written, and the cure names the stages there are."""
    label = "Expansion Proposed" if synced.side.crm == "salesforce" else "Proposed"
    rename_stage(synced.side, label, "Discovery")

    ran = synced.run("sync", "--json")

    assert ran.code == 2
    assert f"no stage {label!r}" in ran.json["errors"][0]["message"]
    assert "Discovery" in ran.json["errors"][0]["hint"]
    assert synced.side.writes() == []


def test_a_lost_key_stops_the_run(synced: World) -> None:
    """By its key a record is known: without it nothing is written."""
    hide_field(synced.side, "opportunity", synced.side.names["key"])

    ran = synced.run("sync", "--json")

    assert (ran.code, synced.side.writes()) == (2, [])
    assert "connector install" in ran.json["errors"][0]["hint"]


def test_the_job_that_follows_stages_says_so_too(synced: World) -> None:
    """Its line in the log names what waits."""
    hide_field(synced.side, "opportunity", next_step(synced))

    ran = synced.run("run", "--once")

    assert "the CRM and the mapping differ" in ran.out
    assert ran.code == 3


def test_people_see_what_waits(installed: World) -> None:
    """`sync` and `plan` print the field, its line and its cure."""
    hide_field(installed.side, "opportunity", next_step(installed))

    out = installed.run("plan").out

    assert "the CRM and the mapping differ" in out
    assert next_step(installed) in out
    assert "[schema]" in out


@pytest.mark.parametrize(
    ("change", "fact"), [(hide_field, "unknown field {name!r} on opportunity"), (close_field, "cannot be written")]
)
def test_the_alert_names_the_field_what_waits_and_the_cure(installed: World, change: Any, fact: str) -> None:
    """Whoever is woken reads which field of which object it is, how many records wait for it, and what to do."""
    name = next_step(installed)
    change(installed.side, "opportunity", name)
    told = installed.run("sync", "--json").json
    ended = Ended("sync", installed.side.crm, datetime.now(UTC), Exit.PARTIAL, "run-1", told["destination"], told)

    message = summary_of(ended, "UTC")

    (problem,) = told["schema"]["problems"]
    why, _, what_next = message.body.partition("\nWhy\n")[2].partition("What to do next\n")
    assert message.subject.endswith("is partial: its schema changed")
    assert fact.format(name=name) in why.splitlines()[0]
    assert name in why.splitlines()[0]
    assert f"({problem['at']})" in why.splitlines()[0]
    assert f"  {told['schema']['held']} new records wait for it; the rest goes on" in why
    assert problem["hint"] in what_next
    assert "outbox" not in message.body


def test_what_people_emptied_in_a_field_that_was_hidden_stays_empty(synced: World) -> None:
    """On every record of ours, so that nothing of ours is left by which a hidden field is told from one made anew."""
    side, name = synced.side, next_step(synced)
    row = side.store.properties[side.kinds["opportunity"]][name] if side.crm == "hubspot" else None
    hide_field(side, "opportunity", name)
    synced.run("sync", "--json")
    show_field(side, "opportunity", name, row)
    for one in side.ours("opportunity"):
        side.write("opportunity", {name: None}, one.id)

    told = synced.sync()

    assert (told["plan"]["update"], side.writes()) == (0, [])
    assert {one[name] or "" for one in side.ours("opportunity")} == {""}


@pytest.mark.parametrize("is_made_anew", [True, False])
def test_what_is_empty_in_a_field_made_anew_is_no_persons(synced: World, is_made_anew: bool) -> None:
    """It is written again, once; what a person typed into it stays. A field that was only hidden lost nothing."""
    side, name = synced.side, next_step(synced)
    row = side.store.properties[side.kinds["opportunity"]][name] if side.crm == "hubspot" else None
    before = {one.id: one[name] for one in side.ours("opportunity")}
    typed, emptied, *_ = before
    hide_field(side, "opportunity", name)
    synced.run("sync", "--json")
    show_field(side, "opportunity", name, row)
    for one in before if is_made_anew else ():
        if one == typed:
            side.write("opportunity", {name: "Ask Ana"}, one)
        else:
            empty_field(side, "opportunity", name, one)

    told = synced.sync()
    again = synced.sync()
    unchanged = (again["plan"]["update"], side.writes())
    side.write("opportunity", {name: None}, emptied)
    last = synced.sync()

    assert all(before.values())
    assert told["plan"]["update"] == (len(before) - 1 if is_made_anew else 0)
    assert unchanged == (0, [])
    assert (last["plan"]["update"], last["left_to_people"]["fields"]) == (0, 2 if is_made_anew else 1)
    theirs = {emptied: ""} | ({typed: "Ask Ana"} if is_made_anew else {})
    assert {one.id: one[name] for one in side.ours("opportunity")} == before | theirs
