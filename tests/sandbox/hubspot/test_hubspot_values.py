"""Property values the API refuses, and the form it stores the others in."""

from __future__ import annotations

import pytest
from hubspot_portal import FORMER_OWNER, OWNER, USER_ID, Sandbox, codes

DEAL = {"dealname": "d", "dealstage": "qualifiedtobuy"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("no_such_property", "x", "PROPERTY_DOESNT_EXIST"),
        ("dealtype", "upsell", "INVALID_OPTION"),
        ("dealstage", "negotiation", "INVALID_OPTION"),
        ("pipeline", "other", "INVALID_OPTION"),
        ("amount", "12,50", "INVALID_INTEGER"),
        ("amount", "NaN", "INVALID_INTEGER"),
        ("amount", "1_000", "INVALID_INTEGER"),
        ("closedate", "999999999999999", "INVALID_LONG"),
        ("closedate", "0001-01-01T00:00:00+14:00", "INVALID_LONG"),
        ("closedate", "01/07/2026", "INVALID_LONG"),
        ("closedate", "2026-13-01T00:00:00Z", "INVALID_LONG"),
        ("hs_is_closed_won", "true", "READ_ONLY_VALUE"),
        ("hs_object_id", "5", "READ_ONLY_VALUE"),
        ("hubspot_owner_id", str(USER_ID), "INVALID_OWNER_ID"),
        ("hubspot_owner_id", FORMER_OWNER, "INVALID_OWNER_ID"),
        ("dealname", "x" * 65_537, "INVALID_LENGTH"),
    ],
)
def test_a_bad_value_is_refused_by_name(portal: Sandbox, name: str, value: str, code: str) -> None:
    """Each bad value answers 400 VALIDATION_ERROR, names the property and its code, and writes nothing."""
    answer = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, name: value}})

    body = answer.json()
    assert (answer.status_code, body["category"]) == (400, "VALIDATION_ERROR")
    assert body["message"].startswith("Property values were not valid: [")
    assert [(one["code"], one["context"]["propertyName"]) for one in body["errors"]] == [(code, [name])]
    assert portal.stored("deals") == []


@pytest.mark.parametrize("value", [12, 1.5, True, None, ["a"], {"a": "b"}])
def test_a_value_that_is_no_string_is_refused(portal: Sandbox, value: object) -> None:
    """Property values are strings, numbers and booleans included."""
    answer = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "amount": value}})

    assert answer.status_code == 400
    assert portal.stored("deals") == []


@pytest.mark.parametrize(
    ("kind", "properties", "missing"),
    [
        ("deals", {"dealname": "d"}, ["dealstage"]),
        ("deals", {}, ["dealname", "dealstage"]),
        ("tasks", {"hs_task_subject": "Call"}, ["hs_timestamp"]),
        ("companies", {"phone": "1"}, ["domain", "name"]),
    ],
)
def test_a_create_needs_its_required_properties(
    portal: Sandbox, kind: str, properties: dict[str, str], missing: list[str]
) -> None:
    """A create without what HubSpot requires is refused and says what is missing."""
    answer = portal.post(f"/crm/v3/objects/{kind}", {"properties": properties})

    assert (answer.status_code, answer.json()["context"]["properties"]) == (400, missing)


def test_an_administrator_may_require_more(portal: Sandbox) -> None:
    """A portal's own required properties refuse an otherwise correct create, and leave updates alone."""
    deal = portal.deal()
    portal.switch(required={"deals": ["hs_next_step"]})

    created = portal.post("/crm/v3/objects/deals", {"properties": DEAL})
    updated = portal.patch(f"/crm/v3/objects/deals/{deal['id']}", {"properties": {"amount": "1"}})

    assert created.json()["context"]["properties"] == ["hs_next_step"]
    assert updated.status_code == 200


def test_the_pipeline_must_be_named_once_there_are_two(portal: Sandbox) -> None:
    """With several deal pipelines a create names one, and the stage must be one of its stages."""
    stages = [{"id": "s1", "label": "Proposed", "metadata": {"probability": "0.1"}}]
    portal.load("pipelines", {"id": "upsell", "label": "Upsell", "stages": stages})

    unnamed = portal.post("/crm/v3/objects/deals", {"properties": DEAL})
    foreign = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "pipeline": "upsell"}})
    right = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "pipeline": "upsell", "dealstage": "s1"}})

    assert unnamed.json()["context"]["properties"] == ["pipeline"]
    assert codes(foreign) == ["INVALID_OPTION"]
    assert right.status_code == 201


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2026-07-01T10:30:00Z", "2026-07-01T10:30:00Z"),
        ("2026-07-01T10:30:00.250+02:00", "2026-07-01T08:30:00.250Z"),
        ("1782864000000", "2026-07-01T00:00:00Z"),
    ],
)
def test_a_datetime_is_stored_as_iso(portal: Sandbox, value: str, stored: str) -> None:
    """ISO and milliseconds come back as ISO in UTC."""
    deal = portal.deal(closedate=value)

    row = portal.get(f"/crm/v3/objects/deals/{deal['id']}").json()
    assert row["properties"]["closedate"] == stored


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("2026-07-01", "2026-07-01"),
        ("1782864000000", "2026-07-01"),
        ("1782864000001", "INVALID_DATE"),
        ("x", "INVALID_LONG"),
    ],
)
def test_a_date_is_a_day_in_utc(portal: Sandbox, value: str, outcome: str) -> None:
    """A date is YYYY-MM-DD or midnight UTC in milliseconds."""
    portal.load("properties", {"objectType": "deals", "name": "renewal", "type": "date", "fieldType": "date"})

    answer = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "renewal": value}})

    assert (answer.json()["properties"]["renewal"] if answer.ok else codes(answer)[0]) == outcome


def test_several_choices_replace_or_append(portal: Sandbox) -> None:
    """`A;B` replaces a multi-checkbox, a leading semicolon appends to it."""
    contact = portal.create("contacts", email="Ann@Acme.example", hs_buying_role="CHAMPION")
    path = f"/crm/v3/objects/contacts/{contact['id']}"

    appended = portal.patch(path, {"properties": {"hs_buying_role": ";END_USER"}}).json()["properties"]
    replaced = portal.patch(path, {"properties": {"hs_buying_role": "OTHER;BLOCKER"}}).json()["properties"]
    refused = portal.patch(path, {"properties": {"hs_buying_role": "OTHER;KING"}})

    assert appended["hs_buying_role"] == "CHAMPION;END_USER"
    assert replaced["hs_buying_role"] == "OTHER;BLOCKER"
    assert codes(refused) == ["INVALID_OPTION"]
    assert contact["properties"]["email"] == "ann@acme.example"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>Call <b>Acme</b><br/>now</p>", "<p>Call <b>Acme</b><br/>now</p>"),
        ("<p onclick='x()'>a</p><script>alert(1)</script>", "<p>a</p>"),
        ('<a href="javascript:x()">l</a><iframe src="//evil"></iframe>', "<a>l</a>"),
        ("<style>p{}</style>1 &lt; 2 &amp; 3", "1 &lt; 2 &amp; 3"),
        ('<a href="https://a.example/?x=1&amp;y=2">l</a>', '<a href="https://a.example/?x=1&amp;y=2">l</a>'),
    ],
)
def test_rich_text_is_sanitised(portal: Sandbox, sent: str, kept: str) -> None:
    """A task body keeps its markup and loses whatever could run."""
    portal.create("tasks", hs_timestamp="2026-06-02T08:00:00Z", hs_task_body=sent)

    assert portal.stored("tasks")[0]["properties"]["hs_task_body"] == kept


def test_reminders_are_milliseconds(portal: Sandbox) -> None:
    """A task reminder takes a timestamp in milliseconds, nothing else."""
    properties = {"hs_timestamp": "2026-06-02T08:00:00Z", "hs_task_reminders": "2026-06-02T08:00:00Z"}

    assert codes(portal.post("/crm/v3/objects/tasks", {"properties": properties})) == ["INVALID_LONG"]


def test_an_owner_is_named_by_owner_id(portal: Sandbox) -> None:
    """An active owner's id is stored."""
    assert portal.deal(hubspot_owner_id=OWNER)["properties"]["hubspot_owner_id"] == OWNER


def test_a_unique_value_belongs_to_one_record(portal: Sandbox) -> None:
    """A second record with a unique value is refused: 400 in general, 409 for a contact's email."""
    key = portal.keyed("deals")
    portal.deal(**{key: "k1"})
    portal.create("contacts", email="ann@acme.example")

    deal = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, key: "k1"}})
    contact = portal.post("/crm/v3/objects/contacts", {"properties": {"email": "ANN@acme.example"}})

    assert (deal.status_code, codes(deal)) == (400, ["CONFLICTING_UNIQUE_VALUE"])
    assert (contact.status_code, contact.json()["category"]) == (409, "CONFLICT")
    assert "Existing ID: " in contact.json()["message"]
