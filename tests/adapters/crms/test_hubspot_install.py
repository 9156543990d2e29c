"""Installing into a portal: what is made, by whom, what stands in the way, what is left to a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from crm_worlds import HubspotWorld
from installed_places import portal_schema as schema
from installed_places import told, wanted, without_pipeline

from connector.adapters.crms.hubspot import package
from connector.domain.errors import CredentialError, LaterError, MappingError
from connector.domain.installation import Doing
from connector.sandbox.control import Fault

New = Callable[..., HubspotWorld]


def test_the_plan_is_what_is_done_and_then_nothing_is(new_hubspot: New) -> None:
    """What `survey` says to create is what `install` tells it did; then both have nothing left, and nothing is sent."""
    world = new_hubspot()

    planned = told(world.crm.setup.survey(wanted(world)), Doing.CREATE)
    done = told(world.crm.setup.install(wanted(world)), Doing.CREATE)
    sent = len(world.control.requests)

    assert done == planned
    assert len(planned) == 33
    assert told(world.crm.setup.survey(wanted(world)), Doing.CREATE) == []
    assert world.crm.setup.install(wanted(world)) == []
    assert {one["method"] for one in world.control.requests[sent:]} == {"GET"}


def test_every_property_is_in_our_group_and_says_whose_it_is(new_hubspot: New) -> None:
    """Properties lie in group `expansion` of their object, described as ours, keys with unique values."""
    world = new_hubspot()

    world.crm.setup.install(wanted(world))

    rows = [row for row in world.store.dump("properties") if row["groupName"] == "expansion"]
    assert len(rows) == 29
    assert all("Created by the expansion connector (namespace expansion)." in row["description"] for row in rows)
    assert [row["objectType"] for row in rows if row["hasUniqueValue"]] == ["deals", "tasks"]


def test_a_pipeline_is_made_only_when_asked_for(new_hubspot: New) -> None:
    """Without `--with-pipeline` a missing one is told with its clicks; with it, it is made with its stages."""
    world = without_pipeline(new_hubspot())

    (asked,) = [step for step in world.crm.setup.survey(wanted(world)) if step.doing is Doing.BY_HAND]
    world.crm.setup.install(wanted(world))
    without = [row["label"] for row in world.store.pipelines["deals"].values()]
    done = world.crm.setup.install(wanted(world), with_pipeline=True)

    assert "--with-pipeline" in str(asked.hint)
    assert "Settings > Objects > Deals > Pipelines" in str(asked.hint)
    assert "Expansion" not in without
    assert told(done, Doing.CREATE) == ["pipeline Expansion"]
    (made,) = [row for row in world.store.pipelines["deals"].values() if row["label"] == "Expansion"]
    assert [(one["label"], one["metadata"]["isClosed"]) for one in made["stages"]] == [
        ("Proposed", "false"),
        ("Consult", "false"),
        ("Compare options", "false"),
        ("Sign", "false"),
        ("Won", "true"),
        ("Lost", "true"),
    ]
    stages = {stage.label: stage for stage in world.connect().feed.stages() if stage.pipeline == "Expansion"}
    assert not stages["Proposed"].in_forecast
    assert stages["Won"].won
    assert world.crm.setup.install(wanted(world), with_pipeline=True) == []


def test_a_pipeline_of_the_customer_s_is_left_as_it_is(new_hubspot: New) -> None:
    """One that stands there without our stages is told which; it is not changed, whatever is asked for."""
    world = without_pipeline(new_hubspot())
    stage = {"id": "9", "label": "Proposed", "displayOrder": 0, "metadata": {"probability": "0.05"}}
    world.store.load("pipelines", [{"id": "8", "label": "Expansion", "stages": [stage]}])

    (step,) = [one for one in world.crm.setup.survey(wanted(world), with_pipeline=True) if one.doing is Doing.BY_HAND]
    world.crm.setup.install(wanted(world), with_pipeline=True)

    assert step.detail == "lacks stages Consult, Compare options, Sign, Won, Lost"
    assert [one["label"] for one in world.store.pipelines["deals"]["8"]["stages"]] == ["Proposed"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "number", "fieldType": "number"}, "a number property of that name exists"),
        ({}, "HubSpot lets nobody add them later"),
        (
            {
                "hasUniqueValue": True,
                "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": True},
            },
            "its values are read only",
        ),
    ],
)
def test_a_property_that_is_there_otherwise_stands_in_the_way(
    new_hubspot: New, given: dict[str, Any], said: str
) -> None:
    """A property with another type, without uniqueness or read only is refused before anything is made."""
    world = new_hubspot()
    world.store.load("properties", [{"objectType": "deals", "name": "expansion_key", "label": "Key", **given}])
    before = schema(world)

    (step,) = [one for one in world.crm.setup.survey(wanted(world)) if one.doing is Doing.REFUSED]
    with pytest.raises(MappingError, match="cannot be used as wanted"):
        world.crm.setup.install(wanted(world))

    assert said in step.detail
    assert step.place == ("opportunity", "expansion_key")
    assert schema(world) == before


def test_an_eleventh_key_is_told_before_anything_is_made(new_hubspot: New) -> None:
    """Where an object has its ten unique properties already, the plan says so; archived ones do not count."""
    world = new_hubspot()
    keys = [{"objectType": "deals", "name": f"k{i}", "label": "K", "hasUniqueValue": True} for i in range(10)]
    world.store.load("properties", keys)
    before = schema(world)

    (step,) = [one for one in world.crm.setup.survey(wanted(world)) if one.doing is Doing.REFUSED]
    with pytest.raises(MappingError, match="10 unique properties"):
        world.crm.setup.install(wanted(world))

    assert "archive one in Settings" in str(step.hint)
    assert schema(world) == before
    world.store.properties["deals"]["k0"]["archived"] = True
    assert world.crm.setup.install(wanted(world))


def test_a_missing_scope_is_named(new_hubspot: New) -> None:
    """A token that may not write property definitions is told which scope it lacks."""
    world = new_hubspot(tokens={"narrow": ["crm.objects.deals.read", "crm.objects.companies.read"]})
    scopes = ["crm.objects.deals.read", "crm.objects.companies.read", "crm.objects.contacts.read"]
    world.control.switches["tokens"] = {"sandbox-hubspot-access-token": scopes}

    with pytest.raises(CredentialError, match=r"crm\.schemas\.deals\.write"):
        world.crm.setup.install(wanted(world))


@pytest.mark.parametrize("what", ["deals/groups$", "deals$"])
def test_what_was_made_meanwhile_is_no_failure(new_hubspot: New, what: str) -> None:
    """A creation that is answered "exists", because somebody was quicker, goes on."""
    world = new_hubspot()
    exists = {"status": "error", "message": "exists", "category": "OBJECT_ALREADY_EXISTS"}
    world.control.faults.append(Fault(path=what, method="POST", status=409, body=exists, after=True))

    world.crm.setup.install(wanted(world))

    assert world.control.faults[0].hits == 1
    assert world.crm.setup.missing(wanted(world)) == {}


def test_a_lost_answer_is_made_up_for_by_the_next_installation(new_hubspot: New) -> None:
    """An installation that lost an answer is for later; the next one goes on from what is there."""
    world = new_hubspot()
    world.control.faults.append(Fault(path="deals$", method="POST", status=503, after=True))
    with pytest.raises(LaterError):
        world.crm.setup.install(wanted(world))

    world.crm.setup.install(wanted(world))

    assert world.crm.setup.missing(wanted(world)) == {}


@pytest.mark.parametrize(
    ("keyed", "answer"),
    [(True, "Tasks: one key makes one task."), (False, "Tasks: this portal keeps no key on them.")],
)
def test_the_answer_of_the_probe_stands_in_the_portal(new_hubspot: New, keyed: bool, answer: str) -> None:
    """Whether one key makes one task is tried once, noted where an admin reads it, and not tried again."""
    world = new_hubspot(keyed_tasks=keyed)

    world.crm.setup.install(wanted(world))

    assert world.store.properties["tasks"]["expansion_key"]["description"].endswith(answer)
    assert all(row["archived"] for row in world.store.dump("tasks"))
    assert world.crm.setup.install(wanted(world)) == []


def test_an_interrupted_probe_is_made_up_for(new_hubspot: New) -> None:
    """A probe that lost its second answer leaves no task behind, and is tried again the next time."""
    world = new_hubspot()
    world.control.faults.append(Fault(path="/tasks/batch/upsert", skip=1, status=503))
    with pytest.raises(LaterError):
        world.crm.setup.install(wanted(world))
    assert all(row["archived"] for row in world.store.dump("tasks"))

    assert told(world.crm.setup.install(wanted(world)), Doing.CREATE) == ["probe tasks.expansion_key"]


def test_the_advice_names_the_filter(hubspot: HubspotWorld) -> None:
    """Admins are told by which property and value to keep automations off our records."""
    advice = " ".join(hubspot.crm.setup.advice(wanted(hubspot)))

    assert "created by connector" in advice
    assert "(expansion_managed) is none of Yes" in advice


def test_the_files_are_what_is_sent(new_hubspot: New) -> None:
    """Each file of the package is the body of the call that creates it."""
    world = without_pipeline(new_hubspot())
    files = {path: json.loads(text) for path, text in package(world.mapping).items()}

    world.crm.setup.install(wanted(world), with_pipeline=True)

    creating = ("/properties/2026-09/", "/pipelines/2026-09/")
    sent = [
        one["body"]
        for one in world.control.requests
        if one["method"] == "POST" and any(part in one["path"] for part in creating)
    ]
    assert sorted(map(str, sent)) == sorted(map(str, files.values()))
    assert package(world.mapping) == package(world.mapping)
