"""Reading and seeding the portal from outside its rules."""

from __future__ import annotations

from hubspot_portal import COMPANY, Sandbox


def test_loaded_rows_keep_their_ids_and_times(portal: Sandbox) -> None:
    """A loaded record has the id, times and values it came with, and what HubSpot derives."""
    row = {
        "id": "55",
        "properties": {"dealname": "Old", "dealstage": "closedlost", "pipeline": "default"},
        "createdAt": "2025-01-02T03:04:05Z",
        "updatedAt": "2025-06-07T08:09:10Z",
    }

    portal.load("deals", row)
    read = portal.get("/crm/v3/objects/deals/55", properties="hs_is_closed,createdate").json()

    assert (read["createdAt"], read["updatedAt"]) == (row["createdAt"], row["updatedAt"])
    assert read["properties"]["hs_is_closed"] == "true"
    assert read["properties"]["createdate"] == row["createdAt"]


def test_unknown_properties_are_defined_on_the_way(portal: Sandbox) -> None:
    """A loaded row may have properties the portal did not know; they become text."""
    portal.load("companies", {"id": "56", "properties": {"name": "B", "billing_id": "cus_1"}})

    assert portal.get("/crm/v3/properties/companies/billing_id").json()["type"] == "string"
    assert portal.patch("/crm/v3/objects/companies/56", {"properties": {"billing_id": "cus_2"}}).ok


def test_loading_a_known_id_is_a_persons_edit(portal: Sandbox) -> None:
    """Values are merged into the record, now, and the history says a person did it."""
    portal.post("/__clock", {"advance": 3600})

    portal.load("companies", {"id": COMPANY, "properties": {"phone": "1"}})
    row = portal.get(
        f"/crm/v3/objects/companies/{COMPANY}", properties="name,phone", propertiesWithHistory="phone"
    ).json()

    assert (row["properties"]["name"], row["properties"]["phone"]) == ("Acme", "1")
    assert row["updatedAt"] == "2026-06-01T10:00:00Z"
    assert row["propertiesWithHistory"]["phone"][0]["sourceType"] == "CRM_UI"


def test_a_person_archives_and_restores(portal: Sandbox) -> None:
    """`archived` moves a record into the recycle bin and out of it."""
    portal.load("companies", {"id": COMPANY, "archived": True})
    gone = portal.get(f"/crm/v3/objects/companies/{COMPANY}").status_code
    portal.load("companies", {"id": COMPANY, "archived": False})

    assert (gone, portal.get(f"/crm/v3/objects/companies/{COMPANY}").status_code) == (404, 200)


def test_a_dump_can_be_loaded_into_a_new_portal(portal: Sandbox) -> None:
    """What is dumped comes back the same after a reset."""
    portal.keyed("deals")
    portal.deal(upsell_key="k1")
    kinds = ["owners", "properties", "pipelines", "companies", "deals", "associations"]
    portal.load(
        "associations", {"from": "deals", "fromId": "20000000003", "to": "companies", "toId": COMPANY, "typeId": 5}
    )
    before = {kind: portal.stored(kind) for kind in kinds}

    portal.post("/__reset", None)
    for kind in kinds:
        portal.load(kind, *before[kind])

    assert {kind: portal.stored(kind) for kind in kinds} == before


def test_a_loaded_survivor_takes_its_losers_in(portal: Sandbox) -> None:
    """`hs_merged_object_ids` on a loaded record redirects those ids to it."""
    portal.load("companies", {"id": "77", "properties": {"name": "Acme Ltd"}})

    portal.load("companies", {"id": COMPANY, "properties": {"hs_merged_object_ids": "77"}})

    assert portal.get("/crm/v3/objects/companies/77").json()["id"] == COMPANY
    assert [row["id"] for row in portal.stored("companies")] == [COMPANY]


def test_an_unknown_state_is_not_there(portal: Sandbox) -> None:
    """Only the portal's own types can be dumped."""
    assert portal.get("/__state/opportunities").status_code == 404


def test_tokens_never_reach_the_request_log(portal: Sandbox) -> None:
    """The log tells method, path and body, not who called."""
    portal.deal(dealname="Logged")

    entry = portal.get("/__requests").json()[-1]

    assert (entry["path"], entry["body"]["properties"]["dealname"]) == ("/crm/v3/objects/deals", "Logged")
    assert "authorization" not in entry["headers"]
