"""Taking out of a portal what an installation made: only that, all of it, and what stays with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from crm_worlds import HubspotWorld
from installed_places import portal_schema as schema
from installed_places import removal, told, wanted, without_pipeline

from connector.domain.change import RecordType
from connector.domain.installation import Doing

New = Callable[..., HubspotWorld]


@pytest.mark.parametrize("switches", [{}, {"keyed_tasks": False}, {"property_lag": 0.4}], ids=str)
def test_uninstalling_leaves_the_schema_as_it_was(new_hubspot: New, switches: dict[str, Any]) -> None:
    """Properties, groups and the pipeline we made are gone, and nothing else; twice is nothing."""
    world = without_pipeline(new_hubspot(**switches))
    before = schema(world)
    world.crm.setup.install(wanted(world), with_pipeline=True)
    world.later(60)

    planned = told(removal(world).survey(wanted(world)), Doing.REMOVE)
    done = told(removal(world).remove(wanted(world)), Doing.REMOVE)

    assert done == planned
    assert schema(world) == before
    assert removal(world).survey(wanted(world)) == []
    assert removal(world).remove(wanted(world)) == []


def test_only_what_bears_our_mark_is_removed(new_hubspot: New) -> None:
    """A property of somebody else under our prefix or in our group stays, and with it the group."""
    world = new_hubspot()
    world.crm.setup.install(wanted(world))
    own = {"objectType": "deals", "label": "Own"}
    world.store.load("properties", [own | {"name": "expansion_own"}, own | {"name": "other", "groupName": "expansion"}])

    left = told(removal(world).survey(wanted(world)), Doing.LEAVE)
    removal(world).remove(wanted(world))

    assert left == ["property deals.expansion_own", "property group deals.expansion"]
    assert "expansion" in world.store.groups["deals"]
    assert "expansion" not in world.store.groups["companies"]
    assert not world.store.properties["deals"]["expansion_own"]["archived"]
    assert not world.store.properties["deals"]["other"]["archived"]


def test_a_group_of_the_customer_s_with_our_name_stays(new_hubspot: New) -> None:
    """A group `expansion` that was there before us is used, and is not taken away."""
    world = new_hubspot()
    world.store.add_group("deals", "expansion", "Our own expansion")

    world.crm.setup.install(wanted(world))
    removal(world).remove(wanted(world))

    assert world.store.groups["deals"]["expansion"]["label"] == "Our own expansion"


def test_another_connector_s_properties_are_not_ours(new_hubspot: New) -> None:
    """Two connectors on one portal use two namespaces; neither takes out what the other made."""
    world = new_hubspot()
    world.crm.setup.install(wanted(world))
    world.mapping = replace(world.mapping, namespace="second")
    other = world.connect()
    assert other.removal is not None

    steps = other.removal.survey(wanted(world))

    assert [step for step in steps if step.doing is Doing.REMOVE and step.what == "property"] == []


def test_a_pipeline_with_deals_stays(new_hubspot: New) -> None:
    """A pipeline that we made and that holds deals is left, and says so; once it is empty it goes."""
    world = without_pipeline(new_hubspot())
    world.crm.setup.install(wanted(world), with_pipeline=True)
    deal = world.put("deals", {"dealname": "Own", "pipeline": "connector_expansion"})
    world.later(60)

    removal(world).remove(wanted(world))
    kept = "connector_expansion" in world.store.pipelines["deals"]
    world.store.archive(world.store.find("deals", deal))
    world.later(60)
    removal(world).remove(wanted(world))

    assert kept
    assert "connector_expansion" not in world.store.pipelines["deals"]


def test_what_a_property_holds_is_counted(new_hubspot: New) -> None:
    """Before anything is removed every property tells how many records hold a value."""
    world = new_hubspot()
    world.crm.setup.install(wanted(world))
    for key in ("a", "b"):
        world.put("deals", {"dealname": key, "expansion_key": key})
    world.later(60)

    held = {step.name: step.holds for step in removal(world).survey(wanted(world)) if step.holds}

    assert held == {"deals.expansion_key": 2}


def test_a_property_in_use_stays_with_its_group_and_the_reason(new_hubspot: New) -> None:
    """What the portal refuses is told in its words with a cure; the others go, and the next time the rest."""
    world = new_hubspot()
    before = schema(world)
    world.crm.setup.install(wanted(world))
    world.control.switches["properties_in_use"] = {"deals.expansion_score": ["Workflow 7"]}

    (stays,) = [step for step in removal(world).remove(wanted(world)) if step.doing is Doing.REFUSED]
    world.control.switches["properties_in_use"] = {}
    rest = told(removal(world).remove(wanted(world)), Doing.REMOVE)

    assert stays.name == "deals.expansion_score"
    assert "Workflow 7" in stays.detail
    assert "Used in" in str(stays.hint)
    assert rest == ["property deals.expansion_score", "property group deals.expansion"]
    assert schema(world) == before


def test_installing_again_brings_the_values_back(new_hubspot: New) -> None:
    """An archived property's name is taken up again, and with it what it held."""
    world = new_hubspot()
    world.crm.setup.install(wanted(world))
    deal = world.put("deals", {"dealname": "a", "expansion_need": "seats"})
    removal(world).remove(wanted(world))

    world.crm.setup.install(wanted(world))

    read = world.crm.reader.read(RecordType.OPPORTUNITY, [deal], ["expansion_need"])
    assert read[deal].fields == {"expansion_need": "seats"}
