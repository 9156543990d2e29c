"""A plan says exactly what delivery would do, and making one writes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.change import Change, Desired, DesiredField, Plan, Policy, Why
from connector.domain.errors import ConnectorError
from connector.services.plan import counts
from connector.testing.memory_crm import MemoryCrm
from tests.services.delivery_world import (
    ACCOUNT,
    OPPORTUNITY,
    SCHEMAS,
    TASK,
    World,
    abilities,
    opportunity,
    task,
    with_fields,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def the(plan: Plan, key: str, action: str | None = None) -> Change:
    (found,) = (
        change
        for change in plan.changes
        if change.key == key and (change.action == action if action else change.action != "associate")
    )
    return found


def test_a_new_record_is_created_with_its_association_apart(world: World) -> None:
    """Where links do not travel with creation, each is a change of its own; where they do, none is."""
    plan = world.plan([opportunity(1), task(1)])

    assert [(change.type, change.action) for change in plan.changes] == [
        (OPPORTUNITY, "create"),
        (OPPORTUNITY, "associate"),
        (TASK, "create"),
    ]


def test_planning_writes_nothing(world: World) -> None:
    """A plan leaves the CRM and the outbox as they were."""
    world.plan([opportunity(1), task(1)])

    assert world.crm.written == []
    assert world.ledger.outbox.entries("memory:org") == []


def test_the_same_world_gives_the_same_plan(world: World) -> None:
    """The order of what is desired does not show in the plan."""
    desired = [opportunity(number) for number in range(5)] + [task(number) for number in range(5)]

    first, second = world.plan(desired), world.plan(desired[::-1])

    assert first.changes == second.changes


def test_only_changed_fields_are_planned(world: World) -> None:
    """An update names what the CRM shows and what it will show, for changed fields only."""
    world.sync([opportunity(1, "100")])

    change = the(world.plan([opportunity(1, "120")]), opportunity(1).key)

    assert change.action == "update"
    assert [(field.name, field.before, field.after) for field in change.fields] == [("amount", "100", "120")]


def test_a_deleted_record_is_never_made_again(world: World) -> None:
    """A person's deletion is a result: the change is held, then and for ever."""
    world.sync([opportunity(1)])
    world.crm.delete(world.crm.keys[opportunity(1).key])

    plan = world.plan([opportunity(1)])
    world.deliver(plan)

    assert the(plan, opportunity(1).key).why == Why.DELETED
    assert the(world.plan([opportunity(1)]), opportunity(1).key).why == Why.DELETED
    assert world.crm.created[opportunity(1).key] == 1


def test_a_lost_ledger_doubles_nothing(world: World, tmp_path: Path) -> None:
    """Records found again by their key are adopted: nothing is written, and later changes go through."""
    world.sync([opportunity(1, "100")])
    world.lose_ledger(tmp_path)
    before = len(world.crm.written)

    plan = world.plan([opportunity(1, "100")])
    world.deliver(plan)
    world.sync([opportunity(1, "130")])

    assert the(plan, opportunity(1).key).action == "unchanged"
    assert [write.fields for write in world.crm.written[before:] if write.verb != "associate"] == [{"amount": "130"}]
    assert world.crm.created[opportunity(1).key] == 1


def test_a_record_deleted_while_the_ledger_was_lost_stays_deleted(world: World, tmp_path: Path) -> None:
    """A key found on a deleted record holds the change."""
    world.sync([opportunity(1)])
    world.crm.delete(world.crm.keys[opportunity(1).key])
    world.lose_ledger(tmp_path)

    assert the(world.plan([opportunity(1)]), opportunity(1).key).why == Why.DELETED


def closing(number: int) -> list:  # type: ignore[type-arg]
    return [
        replace(
            with_fields(opportunity(number), stage=("Withdrawn", Policy.MERGE)),
            close=True,
        )
    ]


def test_an_untouched_record_of_ours_is_closed(world: World) -> None:
    """A withdrawal closes what nobody touched."""
    first = with_fields(opportunity(1), stage=("Proposed", Policy.MERGE))
    world.sync([first])

    world.sync(closing(1))

    record = world.crm.by_key(first.key)
    assert record is not None
    assert record.fields["stage"] == "Withdrawn"


def test_a_record_that_a_person_touched_is_not_closed(world: World) -> None:
    """An edit of any field that we wrote makes the record theirs to close, whatever the close would write."""
    world.sync([opportunity(1)])
    world.crm.edit(world.crm.keys[opportunity(1).key], "amount", "95")

    change = the(world.plan(closing(1)), opportunity(1).key)

    assert (change.action, change.why) == ("held", Why.PERSON)


def test_closing_what_is_not_there_makes_nothing(world: World) -> None:
    """A withdrawal of a record that never came to be creates none."""
    change = the(world.plan(closing(1)), opportunity(1).key)

    assert (change.action, change.why) == ("held", Why.NOTHING_TO_CLOSE)


def account_fields(crm_id: str):  # type: ignore[no-untyped-def]
    return replace(
        opportunity(1),
        type=ACCOUNT,
        key=f"account:{crm_id}",
        crm_id=crm_id,
        fields={"score": DesiredField("7", Policy.OWN)},
        links=(),
    )


def test_a_merged_account_is_followed_to_its_survivor(world: World) -> None:
    """Fields of an account that was merged are written to the one that lives on."""
    world.crm.stored["account-1"] = replace(world.crm.stored["account-1"], archived=True, merged_into="account-2")

    world.sync([account_fields("account-1")])

    assert world.crm.stored["account-2"].fields["score"] == "7"


def test_an_account_is_never_created(world: World) -> None:
    """A record that is not ours and that the CRM does not have is held."""
    change = the(world.plan([account_fields("nobody")]), "account:nobody")

    assert (change.action, change.why) == ("held", Why.DISAPPEARED)


def test_an_unknown_field_names_its_line(world: World) -> None:
    """A new record with a field that the CRM hides is held, and says which line asked for it."""
    wanted = replace(opportunity(1), fields={"Amout": DesiredField("1", Policy.MERGE, at="mappings/crm.yaml:14")})

    change = the(world.plan([wanted]), wanted.key)

    assert (change.action, change.why) == ("held", Why.SCHEMA)
    assert change.reason == "the CRM has no field 'Amout', or hides it from us (mappings/crm.yaml:14)"


def test_two_records_with_one_key_are_refused(world: World) -> None:
    """A key stands for one record."""
    with pytest.raises(ConnectorError, match="share the key"):
        world.plan([opportunity(1), opportunity(1)])


def test_counts_name_every_action(world: World) -> None:
    """A plan counts its changes by action."""
    world.sync([opportunity(1)])

    assert counts(world.plan([opportunity(1), opportunity(2, "5")])) == {
        "create": 1,
        "update": 0,
        "close": 0,
        "associate": 1,
        "unchanged": 1,
        "held": 0,
    }


@settings(max_examples=15, deadline=None)
@given(
    number=st.integers(1, 9),
    size=st.integers(1, 4),
    shows=st.booleans(),
    inline=st.sampled_from([(), (TASK,), (TASK, OPPORTUNITY)]),
)
def test_the_estimate_is_exact(
    tmp_path_factory: pytest.TempPathFactory, number: int, size: int, shows: bool, inline: tuple[()]
) -> None:
    """When nothing fails, delivery makes the calls that the plan announced."""
    world = World(tmp_path_factory.mktemp("world"), MemoryCrm(SCHEMAS, abilities(inline, shows), size))
    plan = world.plan([*map(opportunity, range(number)), *map(task, range(number))])
    before = world.crm.calls

    delivered = world.deliver(plan)

    assert delivered.calls == plan.calls == world.crm.calls - before
    world.ledger.close()


def closing_all(*desired: Desired) -> list[Desired]:
    """What closes records of one episode: all of them, or none."""
    lost = {"stage": DesiredField("Lost", Policy.MERGE)}
    return [replace(one, fields=lost, links=(), close=True, together="episode") for one in desired]


def test_what_belongs_together_is_closed_whole(world: World) -> None:
    """Nobody touched the opportunity and its task: both go."""
    ours = [opportunity(1), with_fields(task(1), stage=("Open", Policy.MERGE))]
    world.sync(ours)

    plan = world.plan(closing_all(*ours))

    assert {change.action for change in plan.changes} == {"close"}
    assert all(not change.handed_over for change in plan.changes)


def test_one_record_that_a_person_works_on_keeps_all_that_belong_to_it(world: World) -> None:
    """An edited task keeps its opportunity open, whichever field was edited; another episode's goes."""
    ours = [opportunity(1), with_fields(task(1), stage=("Open", Policy.MERGE)), opportunity(2)]
    world.sync(ours)
    world.crm.edit(world.crm.keys[task(1).key], "name", "They asked for a quote")

    wanted = closing_all(*ours)
    plan = world.plan([*wanted[:2], replace(wanted[2], together="another")])

    found = {change.key: (change.action, change.why) for change in plan.changes}
    assert found == {
        opportunity(1).key: ("held", Why.PERSON),
        task(1).key: ("held", Why.PERSON),
        opportunity(2).key: ("close", None),
    }
