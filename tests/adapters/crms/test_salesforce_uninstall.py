"""Taking out of an org what an installation made: only that, all of it, and what stays with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from crm_worlds import SalesforceWorld
from installed_places import foreign, removal, told, wanted
from installed_places import org_schema as schema

from connector.domain.change import RecordType
from connector.domain.errors import CredentialError
from connector.domain.installation import Doing
from connector.domain.mapping import NewField

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK
New = Callable[..., SalesforceWorld]


@pytest.mark.parametrize("switches", [{}, {"modify_metadata": False}, {"keyed_tasks": False}], ids=str)
def test_uninstalling_leaves_the_schema_as_it_was(new_salesforce: New, switches: dict[str, Any]) -> None:
    """Fields, permission sets, assignments, list views and quick actions go, and nothing else; twice is nothing."""
    world = new_salesforce(**switches)
    foreign(world)
    before = schema(world)
    world.crm.setup.install(wanted(world))

    planned = told(removal(world).survey(wanted(world)), Doing.REMOVE)
    done = told(removal(world).remove(wanted(world)), Doing.REMOVE)

    assert sorted(done) == sorted(planned)
    assert schema(world) == before
    assert told(removal(world).survey(wanted(world)), Doing.REMOVE) == []
    assert removal(world).remove(wanted(world)) == []


def test_only_what_bears_our_mark_is_removed(new_salesforce: New) -> None:
    """A field under our prefix or of a name that the mapping wants stays if somebody else made it, and is told."""
    world = new_salesforce()
    foreign(world)
    foreign(world, "Expansion_Key__c", unique=True, externalId=True)
    world.crm.setup.install(wanted(world))

    left = told(removal(world).survey(wanted(world)), Doing.LEAVE)
    removal(world).remove(wanted(world))

    assert left == ["field Opportunity.Expansion_Key__c", "field Opportunity.Expansion_Own__c"]
    assert sorted(world.store.custom_fields("Opportunity")) == ["Expansion_Key__c", "Expansion_Own__c"]


def test_another_connector_s_fields_are_not_ours(new_salesforce: New) -> None:
    """Two connectors on one org use two namespaces; neither takes out what the other made."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    world.mapping = replace(world.mapping, namespace="second")
    other = world.connect()
    assert other.removal is not None

    steps = other.removal.survey(wanted(world))

    assert told(steps, Doing.REMOVE) == []


def test_a_field_that_the_mapping_no_longer_wants_is_removed_too(new_salesforce: New) -> None:
    """What we made is ours by its mark, whatever the mapping says today."""
    world = new_salesforce()
    world.crm.setup.install({OPPORTUNITY: {"Expansion_Old__c": NewField(label="Old")}, TASK: {}})

    assert "field Opportunity.Expansion_Old__c" in told(removal(world).survey(wanted(world)), Doing.REMOVE)


def test_what_a_field_holds_is_counted(new_salesforce: New) -> None:
    """Before anything is removed every field tells how many living records hold a value, long texts included."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    deal = {"StageName": "Prospecting", "CloseDate": "2026-12-01"}
    for name, more in (("a", {"Expansion_Key__c": "k"}), ("b", {"Expansion_Reasons__c": "x" * 300}), ("c", {})):
        world.store.load("Opportunity", [{"Name": name, **deal, **more}])
    world.store.load("Opportunity", [{"Name": "d", **deal, "Expansion_Key__c": "gone", "IsDeleted": True}])

    held = {step.name: step.holds for step in removal(world).survey(wanted(world)) if step.holds}

    assert held == {"Opportunity.Expansion_Key__c": 1, "Opportunity.Expansion_Reasons__c": 1}


def test_a_field_in_use_keeps_everything_where_it_is(new_salesforce: New) -> None:
    """What the org refuses to delete is told in its words with a cure; nothing is half gone, permissions included."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    before = schema(world)
    world.control.switches["fields_in_use"] = {"Opportunity.Expansion_Key__c": ["Flow Notify"]}

    (step,) = removal(world).remove(wanted(world))

    assert (step.doing, step.name) == (Doing.REFUSED, "Opportunity.Expansion_Key__c")
    assert "Flow Notify" in step.detail
    assert step.hint == "take it out of what the message names, then run this again"
    assert schema(world) == before


def test_installing_again_after_an_uninstallation_works(new_salesforce: New) -> None:
    """An org that was left can be come back to."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    removal(world).remove(wanted(world))

    done = world.crm.setup.install(wanted(world))

    assert len(done) == 37
    assert world.crm.setup.missing(wanted(world)) == {}


def test_who_may_not_customize_removes_nothing(new_salesforce: New) -> None:
    """A user without the permission is told so, and everything stays."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    before = schema(world)
    world.control.switches["customize_application"] = False

    with pytest.raises(CredentialError, match="Customize Application"):
        removal(world).remove(wanted(world))

    assert schema(world) == before
