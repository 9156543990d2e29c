"""Batches: their limits, partial success, and an order no client may rely on."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot.crm.deals import BatchInputSimplePublicObjectBatchInputUpsert
from hubspot_portal import COMPANY, Sandbox

Row = dict[str, Any]


def deals(n: int, **more: str) -> list[Row]:
    """Return create inputs that are good."""
    return [{"properties": {"dealname": f"d{i}", "dealstage": "qualifiedtobuy", **more}} for i in range(n)]


def keyed_deals(key: str, *values: str) -> list[Row]:
    """Return upsert inputs that are good."""
    return [
        {"id": one, "idProperty": key, "properties": row["properties"]}
        for one, row in zip(values, deals(9), strict=False)
    ]


def traced(inputs: list[Row]) -> list[Row]:
    """Give every input its own trace id."""
    return [row | {"objectWriteTraceId": f"t{n}"} for n, row in enumerate(inputs)]


@pytest.mark.parametrize("action", ["read", "create", "update", "upsert", "archive"])
def test_a_batch_holds_at_most_100_inputs(portal: Sandbox, action: str) -> None:
    """101 inputs are refused whole, whatever they are for."""
    properties = {} if action in {"read", "archive"} else {"properties": {}}
    ids = {} if action == "create" else {"id": ""}
    rows = [{**properties, **{name: str(n) for name in ids}} for n in range(101)]

    answer = portal.batch("deals", action, rows)

    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert "maximum number of inputs" in answer.json()["message"]


def test_a_read_of_histories_holds_half_as_many(portal: Sandbox) -> None:
    """51 inputs are too many once a history is asked for."""
    rows = [{"id": str(n)} for n in range(51)]

    without = portal.batch("deals", "read", rows)
    answer = portal.batch("deals", "read", rows, propertiesWithHistory=["dealstage"])

    assert (without.status_code, answer.status_code) == (207, 400)
    assert answer.json()["message"].endswith("for property histories is 50")


@pytest.mark.parametrize("action", ["read", "update", "upsert", "archive"])
def test_an_id_comes_once_in_a_batch(portal: Sandbox, action: str) -> None:
    """Duplicate ids are refused and named."""
    row: Row = {"id": COMPANY} if action in {"read", "archive"} else {"id": COMPANY, "properties": {}}

    answer = portal.batch("companies", action, [row, row])

    assert answer.status_code == 400
    assert answer.json()["message"] == f"Duplicate IDs found in batch input: [{COMPANY}]. IDs must be unique"


@pytest.mark.parametrize("size", [2, 3, 10, 100])
def test_results_are_never_in_input_order(portal: Sandbox, size: int) -> None:
    """A client that matches results by index writes the wrong ids down."""
    answer = portal.batch("deals", "create", deals(size))

    names = [row["properties"]["dealname"] for row in answer.json()["results"]]
    assert answer.status_code == 201
    assert names != [f"d{n}" for n in range(size)]
    assert sorted(names) == sorted(f"d{n}" for n in range(size))


def test_without_trace_ids_a_batch_is_all_or_nothing(portal: Sandbox) -> None:
    """One bad input refuses the batch, and only the first is named."""
    inputs = [*deals(2), *deals(2, amount="many")]

    answer = portal.batch("deals", "create", inputs)

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1
    assert portal.stored("deals") == []


def test_a_refused_batch_leaves_no_trace_of_its_good_inputs(portal: Sandbox) -> None:
    """An update undone by a later refusal restores values, history and unique keys."""
    key = portal.keyed("deals")
    first = portal.deal(**{key: "k1"})
    before = portal.stored("deals")
    inputs = [{"id": first["id"], "properties": {key: "k2"}}, {"id": "999", "properties": {}}]

    answer = portal.batch("deals", "update", inputs)

    assert (answer.status_code, answer.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert portal.stored("deals") == before
    assert portal.get("/crm/v3/objects/deals/k1", idProperty=key).ok


def test_with_trace_ids_the_good_inputs_succeed(portal: Sandbox) -> None:
    """207 carries results and errors, each with its input's trace id."""
    inputs = traced([*deals(1), *deals(1, amount="many"), *deals(1, dealtype="upsell")])

    answer = portal.batch("deals", "create", inputs)

    body = answer.json()
    assert (answer.status_code, body["numErrors"]) == (207, 2)
    assert [row["objectWriteTraceId"] for row in body["results"]] == ["t0"]
    assert [one["context"]["objectWriteTraceId"] for one in body["errors"]] == [["t1"], ["t2"]]
    assert len(portal.stored("deals")) == 1


@pytest.mark.parametrize(
    ("mode", "with_traces", "status"),
    [("trace", True, 207), ("trace", False, 400), ("always", False, 207), ("never", True, 400)],
)
@pytest.mark.parametrize("action", ["create", "update", "upsert"])
def test_partial_success_is_a_switch(portal: Sandbox, mode: str, with_traces: bool, status: int, action: str) -> None:
    """Both readings of the documentation can be played, on every writing batch."""
    portal.switch(multi_status=mode)
    key = portal.keyed("deals")
    ids = [portal.deal(**{key: value})["id"] for value in ("k1", "k2")]
    inputs = {
        "create": deals(2),
        "update": [{"id": one, "properties": {"amount": "1"}} for one in ids],
        "upsert": keyed_deals(key, "k1", "k3"),
    }[action]
    inputs[1]["properties"]["amount"] = "many"

    answer = portal.batch("deals", action, traced(inputs) if with_traces else inputs)

    assert answer.status_code == status


def test_error_items_can_be_full(portal: Sandbox) -> None:
    """Error items lack `errors` and `links` unless a switch adds them, as the specification has it."""
    bad = traced(deals(1, amount="many"))

    bare = portal.batch("deals", "create", bad).json()["errors"][0]
    portal.switch(bare_errors=False)
    full = portal.batch("deals", "create", bad).json()["errors"][0]

    assert full.keys() - bare.keys() == {"errors", "links"}


def test_an_upsert_creates_then_updates(portal: Sandbox, client: HubSpot) -> None:
    """`new` tells a created record from an updated one; the same key twice leaves one record."""
    key = portal.keyed("deals")
    batch = BatchInputSimplePublicObjectBatchInputUpsert(
        inputs=[{"id": "k1", "idProperty": key, "properties": deals(1)[0]["properties"]}]
    )

    first = client.crm.deals.batch_api.upsert(batch).results[0]
    second = client.crm.deals.batch_api.upsert(batch).results[0]

    assert (first.new, second.new) == (True, False)
    assert first.id == second.id
    assert portal.stored("deals")[0]["properties"][key] == "k1"


@pytest.mark.parametrize("id_property", ["domain", "hs_object_id", None])
def test_an_upsert_needs_a_unique_property(portal: Sandbox, id_property: str | None) -> None:
    """A company's domain is not unique, `hs_object_id` is no unique property, and none is none."""
    row: Row = {"id": "acme.example", "properties": {"name": "Acme"}}

    answer = portal.batch("companies", "upsert", [row | ({"idProperty": id_property} if id_property else {})])

    assert answer.status_code == 400
    assert "Unable to perform update/upsert by non-unique 0-2 property" in answer.json()["message"]


def test_an_upsert_takes_no_associations(portal: Sandbox) -> None:
    """Associations travel with a create only."""
    key = portal.keyed("deals")
    row = keyed_deals(key, "k1")[0] | {"associations": []}

    answer = portal.batch("deals", "upsert", [row])

    assert answer.status_code == 400
    assert '"associations"' in answer.json()["message"]


def test_two_new_records_cannot_share_a_key(portal: Sandbox) -> None:
    """A unique value clashes inside one batch as well."""
    key = portal.keyed("deals")
    inputs = traced([{"properties": row["properties"] | {key: "k1"}} for row in deals(2)])

    answer = portal.batch("deals", "create", inputs)

    assert answer.status_code == 207
    assert "CONFLICTING_UNIQUE_VALUE" in answer.json()["errors"][0]["message"]
    assert len(portal.stored("deals")) == 1


def test_an_update_of_what_is_not_there_names_input_and_id(portal: Sandbox) -> None:
    """A missing record's error carries both the trace id and the record's."""
    inputs = traced([{"id": COMPANY, "properties": {"phone": "1"}}, {"id": "999", "properties": {"phone": "1"}}])

    answer = portal.batch("companies", "update", inputs)

    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"] == {"ids": ["999"], "objectWriteTraceId": ["t1"]}


@pytest.mark.parametrize(("mode", "answered", "phone"), [("survivor", [COMPANY], "1"), ("omitted", [], None)])
def test_an_update_of_a_merged_record_is_a_switch(
    portal: Sandbox, mode: str, answered: list[str], phone: str | None
) -> None:
    """A merged record's id is in no result: its survivor answers, or nobody, and no error tells."""
    portal.switch(merged_update=mode)
    portal.load("companies", {"id": "77", "properties": {"name": "Acme Ltd"}})
    portal.load("companies", {"id": COMPANY, "properties": {"hs_merged_object_ids": "77"}})

    answer = portal.batch("companies", "update", traced([{"id": "77", "properties": {"phone": "1"}}]))

    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["results"]] == answered
    assert portal.stored("companies")[0]["properties"].get("phone") == phone


def test_reading_misses_answers_207_and_names_them(portal: Sandbox, client: HubSpot) -> None:
    """Ids that are not there, or in the recycle bin, are listed in one error beside the records found."""
    gone = portal.deal()
    portal.delete(f"/crm/v3/objects/deals/{gone['id']}")
    kept = portal.deal()
    ask = {"inputs": [{"id": one} for one in (gone["id"], kept["id"], "999")], "properties": ["dealname"]}

    raw = portal.post("/crm/v3/objects/deals/batch/read", ask)
    parsed = client.crm.deals.batch_api.read({**ask, "propertiesWithHistory": []})
    archived = portal.session.post(f"{portal.url}/crm/v3/objects/deals/batch/read?archived=true", json=ask).json()

    assert raw.status_code == 207
    assert raw.json()["errors"][0]["context"]["ids"] == [gone["id"], "999"]
    assert [row.id for row in parsed.results] == [kept["id"]]
    assert [row["id"] for row in archived["results"]] == [gone["id"]]


def test_a_read_by_key_sees_a_write_at_once(portal: Sandbox) -> None:
    """Reading by a unique property does not lag as search does."""
    key = portal.keyed("deals")
    portal.batch("deals", "upsert", keyed_deals(key, "k1", "k2"))

    answer = portal.batch("deals", "read", [{"id": "k1"}, {"id": "k3"}], idProperty=key, properties=[key])

    assert [row["properties"][key] for row in answer.json()["results"]] == ["k1"]
    assert answer.json()["errors"][0]["context"]["ids"] == ["k3"]


def test_the_recycle_bin_is_not_read_by_key(portal: Sandbox) -> None:
    """`archived=true` with a unique property finds nothing: only live records hold their keys."""
    key = portal.keyed("deals")
    portal.deal(**{key: "k1"})

    answer = portal.get("/crm/v3/objects/deals/k1", idProperty=key, archived="true")

    assert answer.status_code == 404


def test_a_lost_answer_hides_a_create_that_happened(portal: Sandbox) -> None:
    """After a cut connection, sending a bare create again makes a second record."""
    portal.post("/__faults", {"path": "/batch/create", "cut": "after"})

    with pytest.raises(requests.RequestException):
        portal.batch("deals", "create", deals(1))
    portal.batch("deals", "create", deals(1))

    assert len(portal.stored("deals")) == 2


def test_archiving_a_batch_answers_nothing(portal: Sandbox) -> None:
    """Archive answers 204 without a body and frees the unique values."""
    key = portal.keyed("deals")
    deal = portal.deal(**{key: "k1"})

    answer = portal.batch("deals", "archive", [{"id": deal["id"]}, {"id": "999"}])

    assert (answer.status_code, answer.content) == (204, b"")
    assert portal.deal(**{key: "k1"})["id"] != deal["id"]


@pytest.mark.parametrize("body", [{}, [], {"inputs": {}}, {"inputs": [], "more": 1}, {"inputs": [{"id": 5}]}, "x"])
def test_a_body_of_another_shape_is_refused(portal: Sandbox, body: Any) -> None:
    """Bodies are checked against the schema: fields, their types, nothing unknown."""
    answer = portal.post("/crm/v3/objects/deals/batch/read", body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid input JSON")
