"""Flaws of a CRM, each found by `doctor` or `check --live` before any write, and told with its cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from connector.sandbox.hubspot.catalogue import property_row
from connector.sandbox.salesforce.schema import Field
from tests.e2e.crm_admin import hide_field, rename_stage, require_field, second_pipeline
from tests.e2e.test_doctor import DAYS_CALLS, SCOPES, TOKEN, writes
from tests.e2e.test_routes import route
from tests.e2e.world import World

FOUND, LATER, WARNED = 2, 75, 0
"""Exit codes: to be mended, to be tried later, to be known."""


@dataclass(frozen=True)
class Flaw:
    """What an admin did, which command finds it and how that ends, and what it says: the fact, and the cure."""

    done: Callable[[World], object]
    command: str
    ends: int
    said: Mapping[str, tuple[str, str]]


def lacks_permission(world: World) -> None:
    switches = world.side.control.switches
    switches["object_permissions"] = {"Opportunity": ["read", "edit"]}
    switches["tokens"] = {world.env[TOKEN]: [one for one in SCOPES if one != "crm.objects.deals.write"]}


def requires_a_field(world: World) -> None:
    require_field(world.side, "opportunity", "Budget_Code__c" if world.side.crm == "salesforce" else "budget_code")


def renames_a_stage(world: World) -> None:
    rename_stage(world.side, "Expansion Sign" if world.side.crm == "salesforce" else "Sign", "Signature")


def has_two_places(world: World) -> None:
    """HubSpot: a copy of our pipeline, none named in the mapping. Salesforce: a second record type, closed to us."""
    if world.side.crm == "hubspot":
        second_pipeline(world.side)
        world.edit_yaml("mappings/hubspot.yaml", lambda document: document["opportunity"].update(pipeline=None))
        return
    row = {"SobjectType": "Opportunity", "IsActive": True}
    names = ("Expansion", "Volume")
    world.side.store.load("RecordType", [{"DeveloperName": name, "Name": name, **row} for name in names])
    world.side.control.switches["unavailable_record_types"] = ["Volume"]

    def typed(document: dict[str, Any]) -> None:
        document["opportunity"].update(record_type="Expansion", routes=[route("salesforce", need=["more_seats"])])
        document["opportunity"]["fields"]["RecordTypeId"] = {"value": "{{ record_type }}", "policy": "create"}

    world.edit_yaml("mappings/salesforce.yaml", typed)


def has_record_types(world: World) -> None:
    """Two record types, and a mapping that names none."""
    row = {"SobjectType": "Opportunity", "IsActive": True}
    names = ("New Business", "Volume")
    world.side.store.load("RecordType", [{"DeveloperName": name, "Name": name, **row} for name in names])


def hides_a_field(world: World) -> None:
    """And there is one with almost the same name, which may be what was meant."""
    hide_field(world.side, "opportunity", "NextStep" if world.side.crm == "salesforce" else "hs_next_step")
    if world.side.crm == "salesforce":
        near = Field("Next_Step__c", "string", "Next", createable=True, updateable=True, nillable=True, custom=True)
        world.side.store.add_custom_field("Opportunity", near)
        world.side.store.open_fields.add(("Opportunity", near.name))
    else:
        rows = world.side.store.properties["deals"]
        rows["hs_next_step_2"] = property_row("hs_next_step_2", label="Next", groupName="dealinformation")


def spent_the_day(world: World) -> None:
    side = world.side
    side.control.switches[DAYS_CALLS[side.crm]] = 100
    if side.crm == "hubspot":
        side.control.switches["daily_elsewhere"] = {world.now.date().isoformat(): 100}
    else:
        side.store.load("api_requests", [{"count": 100}])


def refuses_duplicates(world: World) -> None:
    world.side.control.switches["duplicate_rules"] = {"Opportunity": {"match": ["Name"], "name": "Same_name"}}


LIVE = "check --live"
FLAWS = {
    "a missing permission": Flaw(
        lacks_permission,
        "doctor",
        FOUND,
        {
            "hubspot": ("lacks crm.objects.deals.write", "Integrations"),
            "salesforce": ("lacks Opportunity: Create", "Permission Sets"),
        },
    ),
    "a required custom field": Flaw(
        requires_a_field,
        LIVE,
        FOUND,
        {
            "hubspot": ("opportunity.budget_code", "`budget_code: {value: …, policy: create}`"),
            "salesforce": ("opportunity.Budget_Code__c", "`Budget_Code__c: {value: …, policy: create}`"),
        },
    ),
    "a renamed stage": Flaw(
        renames_a_stage,
        LIVE,
        FOUND,
        {"hubspot": ("no stage 'Sign'", "Signature"), "salesforce": ("no stage 'Expansion Sign'", "Signature")},
    ),
    "two pipelines": Flaw(
        has_two_places,
        LIVE,
        FOUND,
        {
            "hubspot": ("several pipelines have a stage 'Proposed'", "set `opportunity.pipeline` to one of"),
            "salesforce": ("no record type 'Volume' that is active and open", "assign it to this user's profile"),
        },
    ),
    "record types, and none named": Flaw(
        has_record_types,
        "doctor",
        WARNED,
        {"salesforce": ("open to our user: Master, New Business, Volume", "name one as `record_type`")},
    ),
    "a hidden field": Flaw(
        hides_a_field,
        LIVE,
        FOUND,
        {
            "hubspot": ("unknown field 'hs_next_step'", "grant read and edit"),
            "salesforce": ("unknown field 'NextStep'", "grant read and edit"),
        },
    ),
    "a full quota": Flaw(
        spent_the_day,
        "doctor",
        LATER,
        {"hubspot": ("none for us", "wait until"), "salesforce": ("none for us", "wait until")},
    ),
    "a duplicate rule": Flaw(
        refuses_duplicates, "doctor", WARNED, {"salesforce": ("1 duplicate rule on", "let our user bypass it")}
    ),
}


def told(printed: Mapping[str, Any]) -> str:
    """Everything that a command found fault with, and the cure of each."""
    checks = [one for one in printed.get("checks", ()) if one["outcome"] in ("fail", "warn")]
    errors: list[Mapping[str, Any]] = list(printed.get("errors", ()))
    return "\n".join(str(sorted(one.items())) for one in [*checks, *errors])


@pytest.mark.parametrize(("name", "crm"), [(name, crm) for name, flaw in FLAWS.items() for crm in flaw.said])
def test_a_flaw_is_found_before_any_write(installed: World, name: str) -> None:
    """The command that finds it says what and how to mend it; neither it nor the other one wrote anything."""
    flaw = FLAWS[name]
    flaw.done(installed)

    ran, sent = {}, {}
    for command in ("doctor", LIVE):
        ran[command] = installed.run(*command.split(), "--json", fresh=True)
        sent[command] = writes(installed)

    fact, cure = flaw.said[installed.side.crm]
    assert ran[flaw.command].code == flaw.ends, told(ran[flaw.command].json)
    assert fact in told(ran[flaw.command].json)
    assert cure in told(ran[flaw.command].json)
    assert sent == {"doctor": [], LIVE: []}
    assert installed.side.ours("opportunity") == []
