"""sObject Collections: many records a call, each with its own outcome."""

from __future__ import annotations

from salesforce_served import StandIn

CREATE = "composite/sobjects"
UPSERT = "composite/sobjects/Task/Key__c"


def test_results_come_in_the_order_sent(salesforce: StandIn) -> None:
    """Successes and failures stand where their records stood; a failure has no id."""
    rows = [{"type": "Account", "Name": name} for name in ("A", "", "C")]
    results = salesforce.batch("POST", CREATE, *rows)

    assert [sorted(one) for one in results] == [
        ["errors", "id", "success"],
        ["errors", "success"],
        ["errors", "id", "success"],
    ]
    assert [row["Name"] for row in salesforce.query("SELECT Name FROM Account ORDER BY Id")] == ["A", "C"]


def test_upsert_says_what_it_created(salesforce: StandIn) -> None:
    """Known keys are changed, others created, and `created` tells which."""
    salesforce.keyed_field()
    known = salesforce.create("Task", Key__c="k1", Subject="old")
    rows = [{"type": "Task", "Key__c": key, "Subject": "new"} for key in ("k1", "k2")]

    changed, created = salesforce.batch("PATCH", UPSERT, *rows)

    assert changed == {"id": known, "success": True, "errors": [], "created": False}
    assert created == {"id": created["id"], "success": True, "errors": [], "created": True}
    assert [row["Subject"] for row in salesforce.query("SELECT Subject FROM Task")] == ["new", "new"]


def test_key_sent_twice_fails_both(salesforce: StandIn) -> None:
    """Two records with one key in one call are both refused, and neither is written."""
    salesforce.keyed_field()
    rows = [{"type": "Task", "Key__c": key} for key in ("k1", "k2", "K1")]

    results = salesforce.batch("PATCH", UPSERT, *rows)

    assert [one["success"] for one in results] == [False, True, False]
    assert results[0]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert salesforce.query("SELECT Key__c FROM Task") == [{"Key__c": "k2"}]


def test_upsert_needs_a_key_in_each_record(salesforce: StandIn) -> None:
    """A record without its key is refused; with an empty Id it is created."""
    salesforce.keyed_field()

    (missing,) = salesforce.batch("PATCH", UPSERT, {"type": "Task", "Subject": "x"})
    (made,) = salesforce.batch("PATCH", "composite/sobjects/Task/Id", {"type": "Task", "Id": None})

    assert missing["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    assert made["created"] is True


def test_key_of_several_records_is_refused(salesforce: StandIn) -> None:
    """A lookup value that several records carry fails that record."""
    for name in ("A", "B"):
        salesforce.create("Contact", LastName=name, Email="same@example.com")

    row = {"type": "Contact", "Email": "same@example.com", "LastName": "C"}
    (result,) = salesforce.batch("PATCH", "composite/sobjects/Contact/Email", row)

    assert result["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_update_tells_missing_deleted_and_malformed_apart(salesforce: StandIn) -> None:
    """Each record that cannot be found fails with its own reason."""
    gone = salesforce.create("Account", Name="A")
    salesforce.call("DELETE", f"sobjects/Account/{gone}")
    ids = {"Id": gone}, {"Id": "001000000000001"}, {"Id": "acme"}, {"Id": "003000000000001"}, {}

    results = salesforce.batch("PATCH", CREATE, *({"type": "Account", "Name": "B", **one} for one in ids))

    assert [one["errors"][0]["statusCode"] for one in results] == [
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
    ]


def test_all_or_none_takes_everything_back(salesforce: StandIn) -> None:
    """With allOrNone the culprit keeps its error, the others say they were rolled back, and nothing stays."""
    salesforce.keyed_field()
    salesforce.create("Task", Key__c="k1", Subject="old")
    rows = [{"type": "Task", "Key__c": "k1", "Subject": "new"}, {"type": "Task", "Key__c": "k2", "Status": "x" * 300}]

    results = salesforce.batch("PATCH", UPSERT, *rows, allOrNone=True)

    codes = [one["errors"][0]["statusCode"] for one in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    assert salesforce.query("SELECT Subject FROM Task") == [{"Subject": "old"}]
    created = salesforce.batch(
        "POST", CREATE, {"type": "Account", "Name": "A"}, {"type": "Account", "Name": ""}, allOrNone=True
    )
    assert [one["success"] for one in created] == [False, False]
    assert salesforce.query("SELECT Id FROM Account") == []
    assert salesforce.call("PATCH", "sobjects/Task/Key__c/k2", {}).status_code == 201


def test_delete_reports_each_id(salesforce: StandIn) -> None:
    """Several ids are deleted in one call; one that is gone already fails alone."""
    first, second = (salesforce.create("Account", Name=name) for name in ("A", "B"))

    done = salesforce.call("DELETE", f"{CREATE}?ids={first},{second}").json()
    again = salesforce.call("DELETE", f"{CREATE}?ids={first}&allOrNone=false").json()

    assert [one["success"] for one in done] == [True, True]
    stray = salesforce.call("DELETE", f"{CREATE}?ids=999000000000001").json()

    assert again[0]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    assert stray[0]["errors"][0]["statusCode"] == "MALFORMED_ID"
    assert salesforce.refused("DELETE", CREATE)[:2] == (400, "MISSING_ARGUMENT")


def test_more_than_200_records_are_refused(salesforce: StandIn) -> None:
    """201 records, or ids, are too many for one call."""
    rows = [{"attributes": {"type": "Account"}, "Name": str(n)} for n in range(201)]

    assert salesforce.refused("POST", CREATE, {"records": rows})[:2] == (400, "EXCEEDED_ID_LIMIT")
    assert salesforce.refused("DELETE", f"{CREATE}?ids={','.join(['001000000000001'] * 201)}")[1] == "EXCEEDED_ID_LIMIT"
    assert salesforce.query("SELECT Id FROM Account") == []
    assert salesforce.call("POST", CREATE, {"records": rows[:200]}).status_code == 200


def test_more_than_ten_runs_of_types_are_refused(salesforce: StandIn) -> None:
    """Types may mix, in at most ten runs of equal ones."""
    mixed = [{"type": kind, "Name": "x", "LastName": "y"} for kind in ("Account", "Contact") * 6]
    typed = [{"attributes": {"type": one["type"]}, "Name": "x"} for one in mixed]

    assert salesforce.refused("POST", CREATE, {"records": typed})[:2] == (400, "LIMIT_EXCEEDED")
    assert salesforce.call("POST", CREATE, {"records": typed[:10]}).status_code == 200


def test_unknown_type_fails_its_record(salesforce: StandIn) -> None:
    """A record of a type nobody has fails alone; an upsert of mixed types, or without types, is malformed."""
    salesforce.keyed_field()
    (result,) = salesforce.batch("POST", CREATE, {"type": "Foo"})

    assert result["errors"][0]["statusCode"] == "INVALID_TYPE"
    stray = {"records": [{"attributes": {"type": "Account"}, "Key__c": "k"}]}
    assert salesforce.refused("PATCH", UPSERT, stray)[0] == 400
    assert salesforce.refused("POST", CREATE, {"records": [{"Name": "x"}]})[0] == 400
    assert salesforce.refused("POST", CREATE, {"records": []})[0] == 400
