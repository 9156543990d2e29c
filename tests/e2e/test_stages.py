"""A stage's tasks come when the owner moves the opportunity there, once for each entry, and never before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from connector.domain.workdays import add_workdays
from connector.sandbox.company.identity import hubspot_id, salesforce_id
from connector.services.calendar import holidays_of
from tests.e2e.sides import Record
from tests.e2e.world import World


@pytest.fixture
def listening(synced: World) -> World:
    """A service whose only job follows stages."""
    job = {"stages": {"run": "stages", "every_minutes": 10}}
    synced.edit_yaml("playbooks/schedule.yaml", lambda document: document.update(jobs=job))
    return synced


def french_and_english(world: World) -> tuple[Record, Record]:
    """An opportunity whose owner reads French, and one whose owner reads English."""
    french = [one for one in world.side.ours("opportunity") if language(world, one) == "fr"]
    english = [one for one in world.side.ours("opportunity") if language(world, one) == "en"]
    return french[0], english[0]


def language(world: World, one: Record) -> str:
    """The language of a record's owner."""
    return next(owner.locale for owner in world.company.crm.owners if owner_id(world, owner.key) == one["owner"])


def owner_id(world: World, key: str) -> str:
    """The CRM's id of an owner of the demo company."""
    return (hubspot_id if world.side.crm == "hubspot" else salesforce_id)("owner", key)


def reread(world: World) -> Callable[[Record], Record]:
    """An opportunity as it is now."""
    return lambda one: world.side.get("opportunity", one.id)


def subjects(world: World, stage: str, language: str) -> list[str]:
    """How the subjects of a stage's steps begin that wait for nothing, as the playbook words them."""
    book = yaml.safe_load((world.home / "playbooks" / "negotiation.yaml").read_text("utf-8"))
    return sorted(step["subject"][language].split(" {{")[0] for step in book["stages"][stage] if not step.get("after"))


def tasks_of(world: World, opportunity: Record) -> dict[str, Record]:
    """Tasks on an opportunity, by key."""
    return {task.key or "": task for task in world.side.ours("task") if opportunity.id in world.side.parents_of(task)}


def moved(world: World, opportunity: Record, stage: str) -> dict[str, Record]:
    """Move an opportunity, run the job, and give the tasks that are new on it."""
    before = tasks_of(world, opportunity)
    world.side.move(opportunity, stage)
    world.stages()
    return {key: task for key, task in tasks_of(world, opportunity).items() if key not in before}


def is_begun_by(tasks: dict[str, Record], beginnings: list[str]) -> bool:
    """Each task's subject begins as one of the steps does, each step once."""
    told = sorted(task["subject"] for task in tasks.values())
    return len(told) == len(beginnings) and all(a.startswith(b) for a, b in zip(told, beginnings, strict=True))


def test_a_stage_brings_its_own_tasks_once_and_in_the_owners_language(listening: World) -> None:
    """Entering consult brings the steps of consult in the language of their reader; another run brings nothing."""
    for one, spoken in zip(french_and_english(listening), ("fr", "en"), strict=True):
        new = moved(listening, one, "consult")

        assert is_begun_by(new, subjects(listening, "consult", spoken)), [task["subject"] for task in new.values()]
        assert {task["owner"] for task in new.values()} == {one["owner"]}
        assert all(listening.side.account_of(task, "task") for task in new.values())
    listening.stages()
    assert not listening.side.writes()
    assert listening.sync()["delivered"]["ok"] == 0


def test_the_tasks_of_a_stage_are_due_on_business_days_after_it_was_entered(listening: World) -> None:
    """A stage entered before a weekend has its tasks due so many working days later, as the playbook says."""
    listening.later(days=2)  # a Friday
    one = listening.side.ours("opportunity")[0]
    owner = next(owner for owner in listening.company.crm.owners if owner_id(listening, owner.key) == one["owner"])
    country = {"Europe/Paris": "FR", "Europe/London": "GB", "Europe/Berlin": "DE", "Europe/Madrid": "ES"}
    country |= {"America/New_York": "US", "Europe/Brussels": "BE"}
    # HubSpot does not tell in which time zone an owner works.
    free = holidays_of(country[owner.time_zone] if listening.side.crm == "salesforce" else None)

    new = moved(listening, one, "consult")

    book = yaml.safe_load((listening.home / "playbooks" / "negotiation.yaml").read_text("utf-8"))
    entered = listening.now.date()
    (step,) = [step for step in book["stages"]["consult"] if not step.get("after")]
    carried = {task["due"][:10] for key, task in tasks_of(listening, one).items() if key not in new}
    wanted = add_workdays(entered, step["due"], free)
    while wanted.isoformat() in carried:  # a task of the stage before is due on that day
        wanted = add_workdays(wanted, 1, free)
    assert entered.strftime("%A") == "Friday"
    assert [task["due"][:10] for task in new.values()] == [wanted.isoformat()]
    assert wanted.weekday() < 5


def test_each_entry_into_a_stage_asks_anew(listening: World) -> None:
    """Moving on brings the next stage's tasks; a second entry into a stage asks again, under other keys."""
    one = french_and_english(listening)[1]

    first = moved(listening, one, "consult")
    confronted = moved(listening, one, "confront")
    second = moved(listening, one, "consult")

    assert is_begun_by(confronted, subjects(listening, "confront", "en"))
    assert is_begun_by(second, subjects(listening, "consult", "en"))
    assert not set(first) & set(second)
    assert len(tasks_of(listening, one)) == 1 + len(first) + len(confronted) + len(second)
    listening.stages()
    assert not listening.side.writes()


def test_a_stage_passed_through_between_two_runs_still_counts_as_an_entry(listening: World) -> None:
    """Consult entered, left and entered again before anybody looked is the second entry: its tasks come once."""
    one = listening.side.ours("opportunity")[0]
    listening.side.move(one, "consult")
    listening.side.move(one, "confront")

    new = moved(listening, one, "consult")

    assert is_begun_by(new, subjects(listening, "consult", language(listening, one)))
    assert listening.sync()["delivered"]["ok"] == 0


def test_following_stages_never_opens_the_warehouse(listening: World) -> None:
    """The job works without the warehouse and does not make one: it has to be quick, and run beside a sync."""
    for file in listening.state.glob("warehouse*"):
        file.unlink()

    new = moved(listening, listening.side.ours("opportunity")[0], "consult")

    assert new
    assert not list(listening.state.glob("warehouse*"))


def test_nothing_is_asked_once_an_opportunity_is_closed(listening: World) -> None:
    """Won and lost opportunities get no stage's tasks; their open ones are cancelled, and a sale is followed up."""
    won, lost = listening.side.ours("opportunity")[:2]
    listening.side.move(won, "won")
    listening.side.move(lost, "lost")

    before = {one.key for one in listening.side.ours("task")}

    listening.stages()

    assert {one.key for one in listening.side.ours("task")} == before
    assert listening.side.writes(), "their open tasks are taken back"
    listening.edit_yaml("playbooks/policy.yaml", lambda policy: policy["caps"].update(per_person_week=50))
    listening.sync()
    new = [one for one in listening.side.ours("task") if one.key not in before]
    account = listening.side.account_of(won, "opportunity")
    after = [
        one for one in new if listening.side.account_of(one, "task") == account and "sold on" in str(one["subject"])
    ]
    assert len(after) == 1, "the start; the look after a week comes once it is done"
    assert not any(listening.side.parents_of(task) for task in after)
    assert listening.sync()["delivered"]["ok"] == 0
    assert len(listening.side.ours("opportunity")) == len(
        {one.key for one in listening.side.all("opportunity")} - {None, ""}
    )
