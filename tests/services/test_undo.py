"""Undoing a run restores what it left, closes what it made, and names the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.change import Schema
from connector.domain.normalise import comparable
from tests.services.delivery_world import OPPORTUNITY
from tests.services.undo_world import (
    CANCELLED,
    DONE,
    OPEN,
    SUCCESS,
    UndoWorld,
    key_of,
    left_of,
    opportunity,
    task,
    task_of,
)


@pytest.fixture
def world(tmp_path: Path) -> UndoWorld:
    return UndoWorld(tmp_path)


def test_what_nobody_touched_is_as_before(world: UndoWorld) -> None:
    """Every field that the run changed shows what it showed before; an empty one is empty again."""
    world.run(opportunity(1, "100"), opportunity(2, "200"))
    run = world.run(opportunity(1, "120", "Call before noon"), opportunity(2, "200"))

    told = world.undo(run)

    assert told.status is SUCCESS
    assert told.summary["restored"] == {"fields": 2, "records": 1}
    assert told.summary["left"] == []
    assert {name: world.show(key_of(1))[name] for name in ("amount", "note")} == {"amount": "100", "note": None}


def test_what_a_person_changed_stays_and_is_named(world: UndoWorld) -> None:
    """A person's value stands; the other fields of the same record are restored."""
    world.run(opportunity(1, "100", "old"))
    run = world.run(opportunity(1, "120", "new"))
    world.edit(key_of(1), "amount", "95")

    told = world.undo(run)

    assert (world.show(key_of(1))["amount"], world.show(key_of(1))["note"]) == ("95", "old")
    assert left_of(told) == {("Opportunity 1", "amount", "changed_by_a_person")}
    assert told.summary["left_because"] == {"changed_by_a_person": 1}
    assert told.status is SUCCESS


def test_what_was_handed_over_stays_though_it_shows_our_value(world: UndoWorld) -> None:
    """A field that a person changed and put back is theirs for good."""
    world.run(opportunity(1, "100"))
    run = world.run(opportunity(1, "120"))
    world.edit(key_of(1), "amount", "95")
    world.run(opportunity(1, "120"))
    world.edit(key_of(1), "amount", "120")

    assert left_of(world.undo(run)) == {("Opportunity 1", "amount", "changed_by_a_person")}
    assert world.show(key_of(1))["amount"] == "120"


def test_what_a_later_run_wrote_stays_and_names_that_run(world: UndoWorld) -> None:
    """Only the field that the later run wrote is left to it."""
    world.run(opportunity(1, "100", "old"))
    run = world.run(opportunity(1, "120", "new"))
    later = world.run(opportunity(1, "130", "new"))

    told = world.undo(run)

    assert (world.show(key_of(1))["amount"], world.show(key_of(1))["note"]) == ("130", "old")
    assert [(one["field"], one["why"], one["detail"]) for one in told.summary["left"]] == [
        ("amount", "changed_by_a_later_run", later.id)
    ]


def test_runs_are_taken_back_one_after_the_other(world: UndoWorld) -> None:
    """What undoing the newest run put back is what the run before left: that one can be undone next."""
    world.run(opportunity(1, "100"))
    first = world.run(opportunity(1, "120"))
    second = world.run(opportunity(1, "130"))

    for run in (second, first):
        assert world.undo(run).summary["restored"]["fields"] == 1

    assert world.show(key_of(1))["amount"] == "100"


def test_a_value_that_the_crm_rewrote_is_still_what_the_run_left(world: UndoWorld) -> None:
    """Values are compared as their type means them, with what the CRM showed right after the write."""
    world.crm.rewrites = lambda spec, value: f"{comparable(value, spec)}.00" if spec.name == "amount" else value
    world.run(opportunity(1, "100"))
    run = world.run(opportunity(1, "120.5"))

    told = world.undo(run)

    assert told.summary["restored"]["fields"] == 1
    assert told.summary["left"] == []


def test_what_it_created_is_closed_and_not_deleted(world: UndoWorld) -> None:
    """An opportunity goes to the stage of withdrawn ones, a task is cancelled; their links stay and are counted."""
    run = world.run(opportunity(1), task(1))

    told = world.undo(run)

    assert (world.show(key_of(1))["stage"], world.show(task_of(1))["status"]) == ("s2", CANCELLED)
    assert not world.record(key_of(1)).archived
    assert world.record(key_of(1)).links == {"account": ("account-1",)}
    assert (told.summary["closed"], told.summary["links_kept"]) == (2, 1)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("stage", "s3", "changed_by_a_person"), ("amount", "95", "changed_by_a_person")],
)
def test_a_record_that_a_person_works_on_stays_open(world: UndoWorld, name: str, value: str, why: str) -> None:
    """A moved stage or an edit of any field of ours makes it theirs, and is named."""
    run = world.run(opportunity(1), task(1))
    world.edit(key_of(1), name, value)

    told = world.undo(run)

    assert world.show(key_of(1))["stage"] == ("s3" if name == "stage" else "s1")
    assert left_of(told) == {("Opportunity 1", name, why)}
    assert told.summary["closed"] == 1


def test_a_task_that_was_done_stays_done(world: UndoWorld) -> None:
    """What a person did is not cancelled after the fact."""
    run = world.run(task(1, parent=False))
    world.edit(task_of(1), "status", DONE)

    assert left_of(world.undo(run)) == {("Call account 1", "status", "already_done")}
    assert world.show(task_of(1))["status"] == DONE


def test_a_created_record_that_a_later_run_updated_is_closed_and_says_so(world: UndoWorld) -> None:
    """A later run's value is ours, not a person's touch."""
    run = world.run(opportunity(1, "100"))
    later = world.run(opportunity(1, "120"))

    told = world.undo(run)

    assert world.show(key_of(1))["stage"] == "s2"
    assert [(one["title"], one["run_id"]) for one in told.summary["also_by"]] == [("Opportunity 1", later.id)]


def test_what_it_closed_is_open_again(world: UndoWorld) -> None:
    """A withdrawal is a change like any other: the field shows what it showed before."""
    world.run(task(1, parent=False))
    mine = task(1, parent=False)
    status = replace(mine.fields["status"], value=CANCELLED)
    run = world.run(replace(mine, fields={"status": status}, close=True))
    assert world.show(task_of(1))["status"] == CANCELLED

    world.undo(run)

    assert world.show(task_of(1))["status"] == OPEN


def test_records_that_are_gone_are_named(world: UndoWorld) -> None:
    """Deleted and merged ones are left, each with what became of it."""
    world.run(opportunity(1, "100"), opportunity(2, "200"))
    run = world.run(opportunity(1, "120"), opportunity(2, "220"))
    world.crm.delete(world.record(key_of(1)).id)
    there = world.record(key_of(2))
    world.crm.stored[there.id] = replace(there, archived=True, merged_into="another")

    told = world.undo(run)

    assert {(one["title"], one["why"], one["detail"]) for one in told.summary["left"]} == {
        ("Opportunity 1", "gone", "deleted"),
        ("Opportunity 2", "gone", "merged into another"),
    }


def test_fields_that_are_not_ours_to_write_any_more_are_named(world: UndoWorld) -> None:
    """A field that became read-only, required or hidden is left; nothing is sent that would be refused."""
    world.run(opportunity(1, "100"), opportunity(2, "200"), opportunity(3, "300"))
    run = world.run(opportunity(1, "120"), opportunity(2, "200", "new"), opportunity(3, "330"))
    fields = dict(world.specs)
    fields["amount"] = replace(fields["amount"], updateable=False)
    fields["note"] = replace(fields["note"], required=True)
    world.crm.schemas = {**world.crm.schemas, OPPORTUNITY: Schema(OPPORTUNITY, fields)}

    told = world.undo(run)

    assert left_of(told) == {
        ("Opportunity 1", "amount", "not_writable"),
        ("Opportunity 2", "note", "not_writable"),
        ("Opportunity 3", "amount", "not_writable"),
    }
    assert told.summary["restored"]["fields"] == 0


def test_erased_values_are_not_taken_for_empty_ones(world: UndoWorld) -> None:
    """What a field held before was erased with its customer's values: it is left, and not cleared."""
    world.run(opportunity(1, "100"))
    run = world.run(opportunity(1, "120"))
    world.memory.audit.erase("memory:org", "account-1")

    assert {(one["field"], one["why"]) for one in world.undo(run).summary["left"]} == {("amount", "values_erased")}
    assert world.show(key_of(1))["amount"] == "120"
