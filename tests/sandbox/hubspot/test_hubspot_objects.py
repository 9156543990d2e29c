"""Single records: reading, writing, archiving, merging; what HubSpot derives and remembers."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.crm.deals import SimplePublicObjectInput, SimplePublicObjectInputForCreate
from hubspot_portal import COMPANY, OWNER, Sandbox


def test_the_official_client_creates_reads_updates_and_archives(portal: Sandbox, client: HubSpot) -> None:
    """A deal lives its life through the vendor's client."""
    deals = client.crm.deals.basic_api
    asked = {"dealname": "Acme: Pro", "dealstage": "qualifiedtobuy", "pipeline": "default", "amount": "1200"}

    made = deals.create(SimplePublicObjectInputForCreate(properties=asked, associations=[]))
    deals.update(made.id, SimplePublicObjectInput(properties={"amount": "1500"}))
    read = deals.get_by_id(made.id, properties=["amount", "pipeline"])
    deals.archive(made.id)

    assert (read.properties["amount"], read.properties["pipeline"]) == ("1500", "default")
    assert portal.get(f"/crm/v3/objects/deals/{made.id}").status_code == 404
    assert portal.get(f"/crm/v3/objects/deals/{made.id}", archived="true").json()["archivedAt"]


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/companies", "/crm/v3/objects/0-2", "/crm/objects/2026-09/company", "/crm/objects/2026-03/0-2"],
)
def test_a_record_is_the_same_by_every_path(portal: Sandbox, path: str) -> None:
    """v3 and date-versioned paths, names and type ids reach the same record."""
    assert portal.get(f"{path}/{COMPANY}").json()["properties"]["name"] == "Acme"


def test_an_unknown_object_type_is_refused(portal: Sandbox) -> None:
    """A type HubSpot cannot infer answers 400."""
    answer = portal.get("/crm/v3/objects/opportunities/1")

    assert answer.status_code == 400
    assert "infer object type" in answer.json()["message"]


def test_asked_but_empty_is_null_and_unknown_is_left_out(portal: Sandbox) -> None:
    """A read answers what was asked: null for empty, nothing for names that do not exist."""
    row = portal.get(f"/crm/v3/objects/companies/{COMPANY}", properties="phone,nope").json()["properties"]

    assert row["phone"] is None
    assert row.keys() == {"phone", "createdate", "hs_lastmodifieddate", "hs_object_id"}


@pytest.mark.parametrize(("record_id", "category"), [("999", None), ("abc", "OBJECT_NOT_FOUND")])
def test_a_missing_record_answers_404(portal: Sandbox, record_id: str, category: str | None) -> None:
    """A numeric id that is not there answers without a category, another one with."""
    answer = portal.get(f"/crm/v3/objects/deals/{record_id}")

    assert (answer.status_code, answer.json().get("category")) == (404, category)


def test_a_record_is_read_by_a_unique_property_only(portal: Sandbox) -> None:
    """`idProperty` takes a unique property; a company's domain is none."""
    key = portal.keyed("companies")
    portal.load("companies", {"id": COMPANY, "properties": {key: "k1"}})

    by_key = portal.get("/crm/v3/objects/companies/k1", idProperty=key)
    by_domain = portal.get("/crm/v3/objects/companies/acme.example", idProperty="domain")

    assert by_key.json()["id"] == COMPANY
    assert by_domain.status_code == 400
    assert "non-unique 0-2 property domain" in by_domain.json()["message"]


def test_lists_are_paged_by_an_opaque_cursor(portal: Sandbox) -> None:
    """A list walks through every record once, at most 100 a page."""
    portal.load("deals", *({"id": str(2000 + n), "properties": {"dealname": f"d{n}"}} for n in range(25)))

    seen, after = [], "0"
    while after:
        page = portal.get("/crm/v3/objects/deals", after=after).json()
        seen += [row["id"] for row in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")

    assert seen == [str(2000 + n) for n in range(25)]
    assert portal.get("/crm/v3/objects/deals", limit=101).status_code == 400


def test_a_write_answer_echoes_what_was_sent_and_derived(portal: Sandbox) -> None:
    """A create answers sent properties, dates, the id, and a website derived from the domain."""
    row = portal.create("companies", name="Beta", domain="beta.example")["properties"]

    assert row.keys() >= {"name", "domain", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert row["website"] == "beta.example"


def test_an_empty_string_clears_a_value(portal: Sandbox) -> None:
    """PATCH with an empty string leaves the property empty."""
    deal = portal.deal(description="x")

    portal.patch(f"/crm/v3/objects/deals/{deal['id']}", {"properties": {"description": ""}})
    row = portal.get(f"/crm/v3/objects/deals/{deal['id']}", properties="description").json()

    assert row["properties"]["description"] is None


def test_closing_a_deal_derives_its_flags(portal: Sandbox) -> None:
    """Stage decides probability and the closed flags, none of which can be written."""
    deal = portal.deal(amount="100")
    names = "hs_is_closed,hs_is_closed_won,hs_deal_stage_probability,hs_projected_amount"

    before = portal.get(f"/crm/v3/objects/deals/{deal['id']}", properties=names).json()["properties"]
    portal.patch(f"/crm/v3/objects/deals/{deal['id']}", {"properties": {"dealstage": "closedwon"}})
    after = portal.get(f"/crm/v3/objects/deals/{deal['id']}", properties=names).json()["properties"]

    assert [before[name] for name in names.split(",")] == ["false", "false", "0.4", "40.0"]
    assert [after[name] for name in names.split(",")] == ["true", "true", "1.0", "100.0"]


def test_history_tells_a_persons_change_from_ours(portal: Sandbox) -> None:
    """History lists each change, newest first, with who made it."""
    deal = portal.deal()

    portal.post("/__clock", {"advance": 60})
    portal.load("deals", {"id": deal["id"], "properties": {"dealstage": "contractsent"}})
    row = portal.get(f"/crm/v3/objects/deals/{deal['id']}", propertiesWithHistory="dealstage").json()
    history = row["propertiesWithHistory"]["dealstage"]

    assert [entry["value"] for entry in history] == ["contractsent", "qualifiedtobuy"]
    assert [entry["sourceType"] for entry in history] == ["CRM_UI", "INTEGRATION"]


def test_every_write_moves_the_last_modified_date(portal: Sandbox) -> None:
    """Our own writes bump `hs_lastmodifieddate`."""
    deal = portal.deal()

    portal.post("/__clock", {"advance": 60})
    changed = portal.patch(f"/crm/v3/objects/deals/{deal['id']}", {"properties": {"amount": "5"}}).json()

    assert changed["properties"]["hs_lastmodifieddate"] == "2026-06-01T09:01:00Z"
    assert changed["createdAt"] == "2026-06-01T09:00:00Z"


def test_a_merged_company_answers_as_its_survivor(portal: Sandbox) -> None:
    """After a merge the loser's id reads the survivor, which keeps both sets of associations."""
    other = portal.create("companies", name="Acme Ltd", phone="1")
    link = {"to": {"id": other["id"]}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 341}]}
    deal = portal.create("deals", [link], dealname="d", dealstage="qualifiedtobuy")

    portal.post("/crm/v3/objects/companies/merge", {"primaryObjectId": COMPANY, "objectIdToMerge": other["id"]})
    read = portal.get(f"/crm/v3/objects/companies/{other['id']}", properties="phone,hs_merged_object_ids").json()
    linked = portal.get(f"/crm/v4/objects/deals/{deal['id']}/associations/companies").json()["results"]

    assert (read["id"], read["properties"]["phone"]) == (COMPANY, "1")
    assert read["properties"]["hs_merged_object_ids"] == other["id"]
    assert [row["toObjectId"] for row in linked] == [int(COMPANY)]


def test_a_create_brings_its_associations(portal: Sandbox) -> None:
    """Inline associations exist once the record does, and a bad one means no record."""
    good = {"to": {"id": COMPANY}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}
    bad = {"to": {"id": "999"}, "types": good["types"]}
    properties = {"hs_timestamp": "2026-06-02T08:00:00Z", "hubspot_owner_id": OWNER}

    task = portal.create("tasks", [good], **properties)
    refused = portal.post("/crm/v3/objects/tasks", {"properties": properties, "associations": [bad]})
    read = portal.get(f"/crm/v3/objects/tasks/{task['id']}", associations="companies").json()

    assert read["associations"]["companies"]["results"] == [{"id": COMPANY, "type": "task_to_company"}]
    assert (refused.status_code, refused.json()["message"]) == (400, "One or more associations are invalid")
    assert refused.json()["context"] == {"INVALID_OBJECT_IDS": ["COMPANY=999 is not valid"]}
    assert len(portal.stored("tasks")) == 1


def test_archiving_what_is_not_there_succeeds(portal: Sandbox) -> None:
    """DELETE answers 204 whether or not the record was there."""
    assert portal.delete("/crm/v3/objects/deals/999").status_code == 204


def test_a_completed_task_has_its_completion_date(portal: Sandbox) -> None:
    """Completing a task derives when, reopening it clears that."""
    task = portal.create("tasks", hs_timestamp="1780387200000", hs_task_status="NOT_STARTED")

    portal.patch(f"/crm/v3/objects/tasks/{task['id']}", {"properties": {"hs_task_status": "COMPLETED"}})

    stored = portal.stored("tasks")[0]["properties"]
    assert stored["hs_task_completion_date"] == "2026-06-01T09:00:00Z"
    assert stored["hs_timestamp"] == "2026-06-02T08:00:00Z"
