"""The administrator's rules over a record, and what the documentation leaves open."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot_portal import COMPANY, Sandbox, codes

DEAL = {"dealname": "d", "dealstage": "qualifiedtobuy"}
WON_NEEDS_REASON = {"deals": [{"when": {"dealstage": "closedwon"}, "require": ["closed_won_reason"]}]}
Row = dict[str, Any]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"dealstage": "closedwon"}, 400),
        ({"dealstage": "closedwon", "closed_won_reason": "price"}, 200),
        ({"dealstage": "contractsent"}, 200),
        ({"amount": "5"}, 200),
    ],
)
def test_a_property_is_required_once_another_has_a_value(portal: Sandbox, sent: Row, status: int) -> None:
    """Meeting a condition without what it requires answers 400 and names what is missing."""
    portal.switch(conditional=WON_NEEDS_REASON)
    deal = portal.deal()["id"]

    answer = portal.patch(f"/crm/v3/objects/deals/{deal}", {"properties": sent})

    assert answer.status_code == status
    assert status == 200 or answer.json()["context"]["properties"] == ["closed_won_reason"]


def test_a_condition_holds_for_creates_and_against_clearing(portal: Sandbox) -> None:
    """A create that meets the condition needs the property; clearing it later is refused; the rest stays free."""
    portal.switch(conditional=WON_NEEDS_REASON)

    bare = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "dealstage": "closedwon"}})
    won = portal.deal(dealstage="closedwon", closed_won_reason="price")["id"]
    cleared = portal.patch(f"/crm/v3/objects/deals/{won}", {"properties": {"closed_won_reason": ""}})
    beside = portal.patch(f"/crm/v3/objects/deals/{won}", {"properties": {"amount": "5"}})

    assert [one.status_code for one in (bare, cleared, beside)] == [400, 400, 200]


@pytest.mark.parametrize(
    ("rule", "value", "status"),
    [
        ({"MAX_NUMBER": "100"}, "100", 201),
        ({"MAX_NUMBER": "100"}, "100.01", 400),
        ({"MIN_NUMBER": "0"}, "-1", 400),
        ({"MAX_LENGTH": "3"}, "1000", 400),
        ({"MIN_LENGTH": "3"}, "10", 400),
        ({"REGEX": r"\d+0"}, "15", 400),
        ({"REGEX": r"\d+0"}, "20", 201),
        ({"MIN_NUMBER": "10"}, "", 201),
    ],
)
def test_a_validation_rule_is_held_against_the_value(portal: Sandbox, rule: Row, value: str, status: int) -> None:
    """A value that breaks the administrator's rule answers 400 and names the property; an empty one breaks none."""
    portal.switch(validations={"deals": {"amount": rule}})

    answer = portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, "amount": value}})

    assert answer.status_code == status
    assert status == 201 or codes(answer) == ["FAILED_VALIDATION"]


def test_one_record_that_breaks_a_rule_is_told_from_the_others(portal: Sandbox) -> None:
    """With trace ids the others are written."""
    portal.switch(validations={"deals": {"amount": {"MAX_NUMBER": "100"}}})
    inputs = [{"properties": {**DEAL, "amount": n}, "objectWriteTraceId": n} for n in ("50", "500")]

    answer = portal.batch("deals", "create", inputs)

    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"]["objectWriteTraceId"] == ["500"]
    assert len(portal.stored("deals")) == 1


def test_a_new_property_is_seen_after_a_while(portal: Sandbox) -> None:
    """Until then it cannot be read, written or named as a key, and cannot be made again."""
    portal.switch(property_lag=0.5)
    key = portal.keyed("deals")
    upsert = [{"id": "k1", "idProperty": key, "properties": DEAL}]

    def attempts() -> list[int]:
        answers = (
            portal.get(f"/crm/v3/properties/deals/{key}"),
            portal.post("/crm/v3/objects/deals", {"properties": {**DEAL, key: "k0"}}),
            portal.batch("deals", "upsert", upsert),
        )
        return [answer.status_code for answer in answers]

    at_once = attempts()
    listed = {row["name"] for row in portal.get("/crm/v3/properties/deals").json()["results"]}
    body = {"name": key, "label": "Key", "type": "string", "fieldType": "text", "groupName": "dealinformation"}
    again = portal.post("/crm/v3/properties/deals", body)
    portal.ticks.now += 0.5

    assert at_once == [404, 400, 400]
    assert (key in listed, again.status_code) == (False, 409)
    assert attempts() == [200, 201, 200]


@pytest.mark.parametrize(("order", "values"), [("newest", ["2", "1"]), ("oldest", ["1", "2"])])
def test_the_order_of_a_history_is_a_switch(portal: Sandbox, order: str, values: list[str]) -> None:
    """A client reads timestamps, not places."""
    portal.switch(history_order=order)
    path = f"/crm/v3/objects/deals/{portal.deal(amount='1')['id']}"
    portal.post("/__clock", {"advance": 60})
    portal.patch(path, {"properties": {"amount": "2"}})

    row = portal.get(path, propertiesWithHistory="amount").json()

    assert [entry["value"] for entry in row["propertiesWithHistory"]["amount"]] == values


def test_rich_text_may_come_back_rewritten(portal: Sandbox) -> None:
    """With the switch on, line breaks and void tags are not what was sent; plain text is."""
    portal.switch(html_rewritten=True)

    task = portal.create("tasks", hs_timestamp="1780387200000", hs_task_body="<p>a<br/>b</p>\n<p>c</p>")
    deal = portal.deal(description="a\nb")

    assert task["properties"]["hs_task_body"] == "<p>a<br>b</p> <p>c</p>"
    assert deal["properties"]["description"] == "a\nb"


@pytest.mark.parametrize("status", [200, 201])
def test_the_status_of_a_batch_create_is_a_switch(portal: Sandbox, status: int) -> None:
    """A client takes either for success."""
    portal.switch(batch_created=status)

    assert portal.batch("deals", "create", [{"properties": DEAL}]).status_code == status


def test_the_size_of_an_associations_read_is_a_switch(portal: Sandbox) -> None:
    """A client that asks for 100 at a time fits both published limits."""
    path, inputs = "/crm/v4/associations/deals/companies/batch/read", [{"id": str(n)} for n in range(101)]

    wide = portal.post(path, {"inputs": inputs}).status_code
    portal.switch(associations_read=100)
    narrow = portal.post(path, {"inputs": inputs}).status_code

    assert (wide, narrow) == (207, 400)


def test_products_are_keyed_by_their_sku(portal: Sandbox) -> None:
    """`hs_sku` is unique, and can be upserted by."""
    rows = [{"id": "PRO", "idProperty": "hs_sku", "properties": {"name": "Pro", "price": "10"}}]

    first, second = (portal.batch("products", "upsert", rows).json()["results"][0] for _ in range(2))

    assert (first["new"], second["new"]) == (True, False)
    assert portal.get("/crm/v3/objects/0-7/PRO", idProperty="hs_sku").json()["properties"]["name"] == "Pro"


@pytest.mark.parametrize(("path", "status"), [("/crm/v3", 204), ("/crm/pipelines/2026-09", 400)])
def test_a_stage_in_use_is_kept_by_the_newest_version(portal: Sandbox, path: str, status: int) -> None:
    """Older paths delete a stage from under its deals, 2026-09 refuses; an unused one goes."""
    portal.deal(dealstage="contractsent")
    stages = "/crm/v3/pipelines/deals/default/stages" if path == "/crm/v3" else f"{path}/deals/default/stages"

    used, unused = portal.delete(f"{stages}/contractsent"), portal.delete(f"{stages}/presentationscheduled")

    assert (used.status_code, unused.status_code) == (status, 204)


def test_a_made_up_cursor_is_refused(portal: Sandbox) -> None:
    """`after` is what an earlier page gave."""
    answer = portal.get("/crm/v3/objects/companies", after="next")

    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert portal.get("/crm/v3/objects/companies", after=COMPANY).json()["results"] == []
