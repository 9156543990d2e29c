"""Record types on the wire: those that our user may give, their stages, and what the org says of any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connector.domain.change import RecordType, Verdict, Write
from connector.domain.mapping import Route, RouteCase
from connector.ports.crm import Crm
from connector.testing.contracts.crm_world import created, new_key, opportunity

if TYPE_CHECKING:
    from crm_worlds import SalesforceWorld

New = Callable[[], "SalesforceWorld"]
OPPORTUNITY = RecordType.OPPORTUNITY


@pytest.fixture
def org(new_salesforce: New) -> SalesforceWorld:
    """An org with a record type for us, one that is switched off, one for others, and one for accounts."""
    world = new_salesforce()
    rows = (("Ours", "Opportunity", True), ("Old", "Opportunity", False), ("Others", "Opportunity", True))
    world.store.load(
        "RecordType",
        [
            {"DeveloperName": name, "Name": f"{name} business", "SobjectType": kind, "IsActive": active}
            for name, kind, active in (*rows, ("Partner", "Account", True))
        ],
    )
    world.control.switches["unavailable_record_types"] = ["Others"]
    return world


def ids(org: SalesforceWorld) -> dict[str, str]:
    return {row["DeveloperName"]: row["Id"] for row in org.store.dump("RecordType")}


def routed(org: SalesforceWorld) -> Crm:
    """Connect with a mapping that names record types."""
    ours = org.mapping.opportunity
    route = Route(when=RouteCase(kind=("upsell",)), record_type="Ours", stages=ours.stages)
    org.mapping = replace(org.mapping, opportunity=replace(ours, record_type="Ours", routes=(route,)))
    return org.connect()


def of_type(org: SalesforceWorld, id: str) -> Write:
    write = opportunity(org, new_key())
    return replace(write, fields={**write.fields, "RecordTypeId": id})


def test_a_record_gets_the_type_that_is_written(org: SalesforceWorld) -> None:
    """It is created with it in one write, and shows it when it is read."""
    crm_id = created(org, of_type(org, ids(org)["Ours"]))

    assert org.crm.reader.read(OPPORTUNITY, [crm_id], ["RecordTypeId"])[crm_id].fields == {
        "RecordTypeId": ids(org)["Ours"]
    }


@pytest.mark.parametrize("name", ["Old", "Others", "Partner", "nowhere"])
def test_a_type_that_is_not_ours_to_give_is_refused(org: SalesforceWorld, name: str) -> None:
    """One switched off, one not assigned, one of another object and an id of nothing: the record is rejected for it."""
    [outcome] = org.crm.writer.write([of_type(org, ids(org).get(name, "012000000000777AAA"))])

    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "INVALID_CROSS_REFERENCE_KEY")
    assert outcome.field == "RecordTypeId"


def test_stages_are_told_for_each_type_that_is_ours_to_give(org: SalesforceWorld) -> None:
    """Both names of a type are told with its id; without record types in the mapping, stages are the org's alone."""
    plain = org.crm.feed.stages()
    stages = routed(org).feed.stages()

    assert {stage.pipeline for stage in plain} == {""}
    assert stages[: len(plain)] == plain
    assert {(stage.pipeline, stage.pipeline_names) for stage in stages[len(plain) :]} == {
        (ids(org)["Ours"], ("Ours", "Ours business"))
    }
    assert [stage.label for stage in stages[len(plain) :]] == [stage.label for stage in plain]


def test_an_org_without_record_types_has_no_field_for_them(new_salesforce: New) -> None:
    """So nobody asks for it there: the shipped mapping does not, and a record reads as ever."""
    world = new_salesforce()

    assert "RecordTypeId" not in world.crm.reader.schema(OPPORTUNITY).fields
    assert created(world, opportunity(world, new_key()))
