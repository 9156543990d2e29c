"""Installing into an org: what is made, by whom, what stands in the way, what is left to a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from crm_worlds import SalesforceWorld
from installed_places import foreign, told, wanted, writes
from installed_places import org_schema as schema

from connector.domain.change import RecordType
from connector.domain.errors import ConfigError, CredentialError, LaterError, MappingError
from connector.domain.installation import Doing
from connector.sandbox.control import Fault

OPPORTUNITY = RecordType.OPPORTUNITY
New = Callable[..., SalesforceWorld]


def test_the_plan_is_what_is_done_and_then_nothing_is(new_salesforce: New) -> None:
    """What `survey` says to create is what `install` tells it did; then both have nothing left, and nothing is sent."""
    world = new_salesforce()

    planned = told(world.crm.setup.survey(wanted(world)), Doing.CREATE)
    done = told(world.crm.setup.install(wanted(world)), Doing.CREATE)
    sent = len(world.control.requests)

    assert done == planned
    assert len(planned) == 37
    assert told(world.crm.setup.survey(wanted(world)), Doing.CREATE) == []
    assert world.crm.setup.install(wanted(world)) == []
    assert writes(world, sent) == []


def test_fields_and_permissions_come_in_one_checked_deployment(new_salesforce: New) -> None:
    """Fields and permission sets are deployed together, checked first, list views after them; none goes by itself."""
    world = new_salesforce()

    world.crm.setup.install(wanted(world))

    assert [one for one in writes(world) if one != "PATCH sobjects/Task"][:5] == [
        *["POST metadata/deployRequest"] * 2,
        "POST sobjects/PermissionSetAssignment/",
        *["POST metadata/deployRequest"] * 2,
    ]
    assert not [one for one in writes(world) if "tooling" in one]
    assert {row["SobjectType"] for row in world.store.dump("ListView")} == {"Opportunity", "Task"}


def test_a_later_call_is_not_harmed_by_a_deployment(new_salesforce: New) -> None:
    """After a deployment the same session reads and writes rows as before."""
    world = new_salesforce()

    world.crm.setup.install(wanted(world))

    assert world.crm.reader.destination().crm == "salesforce"
    assert world.crm.setup.missing(wanted(world)) == {}


def test_who_may_not_deploy_makes_fields_one_by_one(new_salesforce: New) -> None:
    """Without the deployment permission fields come through Tooling; what needs a deployment is left to a person."""
    world = new_salesforce(modify_metadata=False)

    done = world.crm.setup.install(wanted(world))

    assert world.crm.setup.missing(wanted(world)) == {}
    assert len(told(done, Doing.BY_HAND)) == 4
    assert all("--out DIR" in str(step.hint) for step in done if step.doing is Doing.BY_HAND)
    assert len([one for one in writes(world) if one == "POST tooling/sobjects/CustomField/"]) == 29
    assert len(world.store.dump("ObjectPermissions")) == 3


def test_who_may_not_customize_is_told_what_to_do(new_salesforce: New) -> None:
    """A user who may neither deploy nor customize changes nothing, and is told both ways out."""
    world = new_salesforce(customize_application=False)
    before = schema(world)

    with pytest.raises(CredentialError, match="Customize Application") as refused:
        world.crm.setup.install(wanted(world))

    assert "--out DIR" in str(refused.value)
    assert schema(world) == before


def test_what_an_org_does_not_take_is_told_by_component(new_salesforce: New) -> None:
    """Every component that the check refuses is named with the org's words and a cure, and nothing is there."""
    world = new_salesforce(deploy_failures={"Opportunity.Expansion_Key__c": "Custom field limit exceeded"})
    before = schema(world)

    with pytest.raises(ConfigError) as refused:
        world.crm.setup.install(wanted(world))

    (problem,) = refused.value.problems
    assert (problem.at, problem.message) == ("Opportunity.Expansion_Key__c", "Custom field limit exceeded")
    assert "delete one in Setup" in str(problem.hint)
    assert schema(world) == before


def test_a_list_view_that_an_org_refuses_stops_nothing_else(new_salesforce: New) -> None:
    """What people see cannot fail the rest: what fits is made, and the refused one is told with its clicks."""
    world = new_salesforce(deploy_failures={"Task.Expansion_This_Week": "Could not resolve list view column: DUE_DATE"})

    done = world.crm.setup.install(wanted(world))

    (view,) = [step for step in done if step.doing is Doing.BY_HAND]
    assert (view.name, view.detail) == ("Task.Expansion_This_Week", "Could not resolve list view column: DUE_DATE")
    assert "New" in str(view.hint)
    assert [row["SobjectType"] for row in world.store.dump("ListView")] == ["Opportunity"]
    assert len(world.store.dump("QuickActionDefinition")) == 2


def test_an_org_without_keys_on_tasks_gets_a_plain_field(new_salesforce: New) -> None:
    """Where Activity refuses a key the deployment goes on without it, says so, and the answer is noted in the org."""
    world = new_salesforce(keyed_tasks=False)

    done = world.crm.setup.install(wanted(world))

    assert any(step.name == "Activity.Expansion_Key__c" and "without uniqueness" in step.detail for step in done)
    assert world.crm.setup.install(wanted(world)) == []
    (ours,) = [row for row in world.store.dump("PermissionSet") if row["Name"] == "Expansion_Connector"]
    assert ours["Description"].endswith("Task key: refused by this org.")


def test_the_probe_is_cleaned_up_and_noted(new_salesforce: New) -> None:
    """The throw-away task is deleted, and the answer stands where an admin reads it."""
    world = new_salesforce()

    world.crm.setup.install(wanted(world))

    assert [row["IsDeleted"] for row in world.store.dump("Task")] == [True]
    (ours,) = [row for row in world.store.dump("PermissionSet") if row["Name"] == "Expansion_Connector"]
    assert ours["Description"].endswith("Task key: one key makes one task.")


def test_an_interrupted_probe_is_made_up_for(new_salesforce: New) -> None:
    """An installation that ended before its answer was noted tries again the next time, and only that."""
    world = new_salesforce()
    world.control.faults.append(Fault(path="/sobjects/Task/Expansion_Key__c", method="PATCH", skip=1, status=503))
    with pytest.raises(LaterError):
        world.crm.setup.install(wanted(world))
    assert all(row["IsDeleted"] for row in world.store.dump("Task"))

    done = world.crm.setup.install(wanted(world))

    assert told(done, Doing.CREATE) == ["probe Task.Expansion_Key__c"]
    assert all(row["IsDeleted"] for row in world.store.dump("Task"))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"type": "Number", "precision": 18, "scale": 0}, "a number field of that name exists"),
        ({"length": 20, "unique": True, "externalId": True}, "it holds 20 characters, not 64"),
        ({}, "without being a unique external id"),
        ({"unique": True}, "without being a unique external id"),
    ],
)
def test_a_field_that_is_there_otherwise_stands_in_the_way(
    new_salesforce: New, metadata: dict[str, Any], said: str
) -> None:
    """A field with another type, length or uniqueness is refused with reason and cure before anything is made."""
    world = new_salesforce()
    foreign(world, "Expansion_Key__c", **metadata)
    before = schema(world)

    (step,) = [one for one in world.crm.setup.survey(wanted(world)) if one.doing is Doing.REFUSED]
    with pytest.raises(MappingError, match="cannot be used as wanted"):
        world.crm.setup.install(wanted(world))

    assert said in step.detail
    assert step.hint
    assert step.place == ("opportunity", "Expansion_Key__c")
    assert schema(world) == before


def test_a_longer_field_than_wanted_will_do(new_salesforce: New) -> None:
    """A field that holds more than is wanted is left as it is."""
    world = new_salesforce()
    foreign(world, "Expansion_Need__c", length=200)

    world.crm.setup.install(wanted(world))

    assert world.crm.setup.missing(wanted(world)) == {}
    assert world.store.custom_fields("Opportunity")["Expansion_Need__c"].length == 200


def test_a_permission_set_that_is_not_ours_is_not_used(new_salesforce: New) -> None:
    """A permission set that somebody else made under our name gets nothing: whoever has it would see our fields."""
    world = new_salesforce()
    world.store.load("PermissionSet", [{"Name": "Expansion_Connector", "Label": "Mine", "Description": "mine"}])

    with pytest.raises(MappingError, match="somebody else made it"):
        world.crm.setup.install(wanted(world))

    assert world.store.dump("FieldPermissions") == []


def test_what_an_admin_added_to_our_permission_set_stays(new_salesforce: New) -> None:
    """A field that comes later is opened in the set that is there; the set itself is not deployed again."""
    world = new_salesforce()
    early = {type: dict(fields) for type, fields in wanted(world).items()}
    late = early[OPPORTUNITY].pop("Expansion_Play__c")
    world.crm.setup.install(early)
    foreign(world)
    ours = next(row for row in world.store.dump("PermissionSet") if row["Name"] == "Expansion_Connector")
    grant = {"ParentId": ours["Id"], "SobjectType": "Opportunity", "Field": "Opportunity.Expansion_Own__c"}
    world.store.load("FieldPermissions", [{**grant, "PermissionsRead": True, "PermissionsEdit": False}])

    done = world.crm.setup.install({**early, OPPORTUNITY: {**early[OPPORTUNITY], "Expansion_Play__c": late}})

    assert told(done, Doing.CREATE) == ["field Opportunity.Expansion_Play__c"]
    assert told(done, Doing.CHANGE) == ["permission set Expansion_Connector", "permission set Expansion_Sales"]
    assert any(row["Field"] == "Opportunity.Expansion_Own__c" for row in world.store.dump("FieldPermissions"))


def test_a_field_hidden_from_us_is_opened_not_made(new_salesforce: New) -> None:
    """A field that is there and that our user cannot see is opened; it is not created a second time."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    for row in [one for one in world.store.dump("FieldPermissions") if one["Field"] == "Task.Expansion_Managed__c"]:
        world.store.take("FieldPermissions", row["Id"])

    plan = world.crm.setup.survey(wanted(world))
    done = world.crm.setup.install(wanted(world))

    assert told(plan, Doing.CREATE) == []
    assert any("hidden from this user" in step.detail for step in plan)
    assert told(done, Doing.CHANGE) == ["permission set Expansion_Connector", "permission set Expansion_Sales"]
    assert world.crm.setup.missing(wanted(world)) == {}


def test_a_field_that_was_closed_to_us_is_opened_again(new_salesforce: New) -> None:
    """Where an admin left our permission set only the reading of a field, installing gives the writing back."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    ours = next(row["Id"] for row in world.store.dump("PermissionSet") if row["Name"] == "Expansion_Connector")
    for row in world.store.dump("FieldPermissions"):
        if (row["ParentId"], row["Field"]) == (ours, "Opportunity.Expansion_Score__c"):
            world.store.load("FieldPermissions", [row | {"PermissionsEdit": False}])
    lacking = world.crm.setup.missing(wanted(world))

    done = world.crm.setup.install(wanted(world))

    assert lacking == {OPPORTUNITY: ["Expansion_Score__c"]}
    assert [str(step) for step in done] == ["permission set Expansion_Connector: opens Opportunity.Expansion_Score__c"]
    assert world.crm.setup.missing(wanted(world)) == {}


def test_a_stage_that_is_missing_is_told_with_its_clicks(new_salesforce: New) -> None:
    """Stages are a list of the customer's: a missing one is a person's to make, and stops nothing."""
    world = new_salesforce()
    stages = {**world.mapping.opportunity.stages, "consult": "Expansion Nowhere"}
    world.mapping = replace(world.mapping, opportunity=replace(world.mapping.opportunity, stages=stages))
    crm = world.connect()

    (step,) = [one for one in crm.setup.survey(wanted(world)) if one.doing is Doing.BY_HAND]
    crm.setup.install(wanted(world))

    assert (step.what, step.name) == ("stage", "Expansion Nowhere")
    assert "Setup > Object Manager > Opportunity" in str(step.hint)


def test_a_deployment_that_does_not_end_is_for_later(new_salesforce: New) -> None:
    """A deployment that the org works on for too long is named, and no wait costs real time."""
    world = new_salesforce(deploy_polls=10_000)

    with pytest.raises(LaterError, match="still works on deployment 0Af"):
        world.crm.setup.install(wanted(world))


def test_the_advice_names_the_filter(salesforce: SalesforceWorld) -> None:
    """Admins are told by which field and value to keep automations off our records."""
    advice = " ".join(salesforce.crm.setup.advice(wanted(salesforce)))

    assert "created by connector" in advice
    assert "Expansion_Managed__c Equals False" in advice
    assert "Expansion_Sales" in advice


def test_a_user_who_may_only_run_the_connector_installs_nothing_and_is_content(new_salesforce: New) -> None:
    """Once an administrator has installed, a user without a view of the setup finds everything and writes nothing."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    before, sent = schema(world), len(world.control.requests)
    world.control.switches.update(view_setup=False, customize_application=False, modify_metadata=False)

    steps = world.crm.setup.survey(wanted(world))
    done = world.crm.setup.install(wanted(world))

    assert done == []
    assert told(steps, Doing.BY_HAND) == ["permission set Expansion_Connector"]
    assert not [step for step in steps if step.changes]
    assert writes(world, sent) == []
    assert schema(world) == before


def test_a_user_who_may_only_run_the_connector_cannot_make_fields(new_salesforce: New) -> None:
    """Without our fields such a user is told to let an administrator deploy them; nothing is made."""
    world = new_salesforce(view_setup=False, customize_application=False, modify_metadata=False)
    before = schema(world)

    with pytest.raises(CredentialError, match="--out DIR"):
        world.crm.setup.install(wanted(world))

    assert schema(world) == before


def test_an_answer_that_cannot_be_noted_is_told(new_salesforce: New) -> None:
    """Who may try a task and not change a permission set is told the answer, and where to write it."""
    world = new_salesforce()
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient access rights on object id"}]
    world.control.faults.append(Fault(path="/sobjects/PermissionSet/", method="PATCH", status=403, body=refusal))

    done = world.crm.setup.install(wanted(world))

    (probe,) = [step for step in done if step.what == "probe"]
    assert probe.doing is Doing.BY_HAND
    assert "one key makes one task" in probe.detail
    assert "Expansion_Connector" in str(probe.hint)
