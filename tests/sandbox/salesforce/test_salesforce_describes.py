"""The stand-in's schema against describes recorded from a real org."""

from __future__ import annotations

from pathlib import Path

import pytest
import salesforce_recordings
from salesforce_served import StandIn

from connector.sandbox.salesforce.schema import standard_objects

KINDS = ("Account", "Contact", "Opportunity", "OpportunityContactRole", "Event")
NOT_COMPARED = {
    "aggregatable": "the stand-in's SOQL counts, and aggregates nothing else",
    "compoundFieldName": "the parts of a name or an address are fields of their own here",
    "defaultValue": "defaults are given on create, where tests of their own see them",
    "extraTypeInfo": "says how to draw a field",
    "groupable": "the stand-in's SOQL has no GROUP BY",
    "permissionable": "standard fields are open to everybody here",
    "picklistValues": "an org's own; restricted ones are compared by the next test",
    "queryByDistance": "the stand-in's SOQL has no distances",
    "referenceTo": "the stand-in has fewer types; they are compared by the next test",
    "searchPrefilterable": "there is no full-text search here",
}
"""Properties of fields in which the stand-in is not like the recorded org, and why."""
OTHER_RELEASE = {("Fiscal", "byteLength")}
"""The one value at odds with the byteLength of every other recorded text."""


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_those_of_a_real_describe(salesforce: StandIn, evidence: Path, kind: str) -> None:
    """Each field the stand-in has of a type has the properties Salesforce described."""
    recorded = {field["name"]: field for field in salesforce_recordings.describe(evidence, kind)["fields"]}
    ours = salesforce.call("GET", f"sobjects/{kind}/describe").json()["fields"]

    wrong = [
        (field["name"], name, value, field[name])
        for field in ours
        for name, value in recorded[field["name"]].items()
        if name not in NOT_COMPARED and (field["name"], name) not in OTHER_RELEASE and value != field[name]
    ]
    assert not wrong
    assert len(ours) >= 10
    assert all(field.keys() == recorded[field["name"]].keys() for field in ours)


@pytest.mark.parametrize("kind", KINDS)
def test_restricted_values_and_parents_are_those_of_a_real_describe(
    salesforce: StandIn, evidence: Path, kind: str
) -> None:
    """A restricted picklist takes exactly the recorded values; a reference leads to recorded types only."""
    recorded = {field["name"]: field for field in salesforce_recordings.describe(evidence, kind)["fields"]}
    ours = salesforce.call("GET", f"sobjects/{kind}/describe").json()["fields"]

    for field in ours:
        real = recorded[field["name"]]
        if field["restrictedPicklist"]:
            assert [one["value"] for one in field["picklistValues"]] == [one["value"] for one in real["picklistValues"]]
        assert set(field["referenceTo"]) <= set(real["referenceTo"])


@pytest.mark.parametrize("kind", KINDS)
def test_describe_has_the_keys_of_a_real_one(salesforce: StandIn, evidence: Path, kind: str) -> None:
    """The describe of a type has the recorded keys, and says the same of what can be done with it."""
    recorded = salesforce_recordings.describe(evidence, kind)
    ours = salesforce.call("GET", f"sobjects/{kind}/describe").json()

    assert recorded.keys() - ours.keys() == set()
    flags = (
        "createable",
        "updateable",
        "deletable",
        "queryable",
        "mergeable",
        "undeletable",
        "keyPrefix",
        "replicateable",
    )
    assert {name: ours[name] for name in flags} == {name: recorded[name] for name in flags}


def test_required_fields_are_those_of_a_real_describe(evidence: Path) -> None:
    """What a create needs is what Salesforce says: createable, not nillable, not defaulted."""
    for kind in KINDS:
        recorded = salesforce_recordings.describe(evidence, kind)["fields"]
        required = {
            field["name"]
            for field in recorded
            if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
        }
        ours = {name for name, field in standard_objects()[kind].fields.items() if field.is_required}
        assert ours == {name for name in required if not name.endswith("__c")}
