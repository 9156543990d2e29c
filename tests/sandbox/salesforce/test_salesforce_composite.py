"""Composite and Composite Graph: several requests in one call."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_served import VERSION, StandIn

ROOT = f"/services/data/{VERSION}"


def sub(method: str, path: str, reference: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"method": method, "url": f"{ROOT}/{path}", "referenceId": reference, "body": body, **more}


def account(reference: str, name: str = "A") -> dict[str, Any]:
    return sub("POST", "sobjects/Account", reference, {"Name": name})


def contact(reference: str, account: str = "@{a.id}", **fields: Any) -> dict[str, Any]:
    return sub("POST", "sobjects/Contact", reference, {"LastName": "C", "AccountId": account, **fields})


def send(salesforce: StandIn, *subrequests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = salesforce.call("POST", "composite", {"compositeRequest": list(subrequests), **options})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["compositeResponse"])


def told(responses: list[dict[str, Any]]) -> list[tuple[int, str | None]]:
    """Give status and error code of each response."""
    return [
        (one["httpStatusCode"], one["body"][0].get("errorCode") if isinstance(one["body"], list) else None)
        for one in responses
    ]


def test_later_requests_use_earlier_results(salesforce: StandIn) -> None:
    """References are filled in addresses and bodies; the whole is one call of the daily allowance."""
    responses = send(
        salesforce,
        account("a"),
        contact("c", Description="of @{a.id}!"),
        sub("PATCH", "sobjects/Account/@{a.id}", "p", {"Site": "here"}),
        sub("GET", "query?q=SELECT Id, LastName FROM Contact WHERE AccountId = '@{a.id}'", "q"),
        sub("GET", "sobjects/Contact/@{q.records[0].Id}?fields=Description", "g"),
    )

    made, _, patched, queried, got = responses
    made_id = made["body"]["id"]
    assert [one["httpStatusCode"] for one in responses] == [201, 201, 204, 200, 200]
    assert made["httpHeaders"] == {"Location": f"{ROOT}/sobjects/Account/{made_id}"}
    assert (patched["body"], patched["httpHeaders"], patched["referenceId"]) == (None, {}, "p")
    assert queried["body"]["totalSize"] == 1
    assert got["body"]["Description"] == f"of {made_id}!"
    assert salesforce.call("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=2/100000"


def test_failure_halts_only_what_depends_on_it(salesforce: StandIn) -> None:
    """Without allOrNone the requests that need a failed one are halted, the others carried out."""
    responses = send(salesforce, account("a", ""), contact("c"), account("b", "B"))

    assert told(responses) == [(400, "REQUIRED_FIELD_MISSING"), (400, "PROCESSING_HALTED"), (201, None)]
    assert responses[1]["body"][0]["message"].startswith("Invalid reference specified. No value for a.id found in a")
    assert salesforce.query("SELECT Name FROM Account") == [{"Name": "B"}]
    assert salesforce.query("SELECT Id FROM Contact") == []


def test_all_or_none_takes_everything_back(salesforce: StandIn) -> None:
    """With allOrNone the culprit keeps its error, all others are halted, and nothing stays."""
    salesforce.create("Account", Name="old")
    (known,) = salesforce.query("SELECT Id FROM Account")
    responses = send(
        salesforce,
        sub("PATCH", f"sobjects/Account/{known['Id']}", "p", {"Name": "new"}),
        account("a"),
        contact("c", Email="none"),
        account("b", "B"),
        allOrNone=True,
    )

    halted = (400, "PROCESSING_HALTED")
    assert told(responses) == [halted, halted, (400, "INVALID_EMAIL_ADDRESS"), halted]
    assert salesforce.query("SELECT Name FROM Account") == [{"Name": "old"}]


def test_outer_all_or_none_overrides_that_of_a_collection(salesforce: StandIn) -> None:
    """A refused record in a collection takes the whole call back; its neighbours are halted."""
    rows = [{"attributes": {"type": "Account"}, "Name": name} for name in ("B", "")]
    collection = sub("POST", "composite/sobjects", "s", {"allOrNone": False, "records": rows})

    first, second = send(salesforce, account("a"), collection, allOrNone=True)
    assert first["body"][0]["errorCode"] == "PROCESSING_HALTED"
    codes = [one["errors"][0]["statusCode"] for one in second["body"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert salesforce.query("SELECT Id FROM Account") == []
    _, alone = send(salesforce, account("a"), collection)
    assert [one["success"] for one in alone["body"]] == [True, False]


def test_later_failure_takes_a_collection_back(salesforce: StandIn) -> None:
    """Records of a collection that went well are taken back when a later subrequest fails."""
    rows = [{"attributes": {"type": "Account"}, "Name": name} for name in ("B", "C")]
    collection = sub("POST", "composite/sobjects", "s", {"records": rows})

    responses = send(salesforce, collection, account("a", ""), allOrNone=True)
    assert told(responses) == [(400, "PROCESSING_HALTED"), (400, "REQUIRED_FIELD_MISSING")]
    assert salesforce.org.dump("Account") == []


def test_subrequest_has_headers_of_its_own(salesforce: StandIn) -> None:
    """A header of a subrequest holds for it alone."""
    salesforce.control.switches["duplicate_rules"] = {"Account": {"match": ["Name"], "allow_save": True}}
    salesforce.create("Account", Name="A")
    allowed = account("a") | {"httpHeaders": {"Sforce-Duplicate-Rule-Header": "allowSave=true"}}

    assert told(send(salesforce, allowed, account("b"))) == [(201, None), (400, "DUPLICATES_DETECTED")]


@pytest.mark.parametrize("path", ["composite", "jobs/ingest", "limits", "nowhere", "query/a/b", "../oauth2/userinfo"])
def test_resources_outside_records_and_queries_are_not_there(salesforce: StandIn, path: str) -> None:
    """Composite reaches records, describes, queries and collections, nothing else."""
    assert told(send(salesforce, sub("GET", path, "x"))) == [(404, "NOT_FOUND")]


@pytest.mark.parametrize(
    ("subrequests", "code"),
    [
        ([], "MISSING_ARGUMENT"),
        ([account(f"a{n}") for n in range(26)], "LIMIT_EXCEEDED"),
        ([sub("GET", "query?q=SELECT Id FROM Account", f"q{n}") for n in range(6)], "LIMIT_EXCEEDED"),
        ([account("a"), account("a")], "INVALID_INPUT"),
        ([account("a-b")], "INVALID_INPUT"),
        ([account("a") | {"httpHeaders": {"Authorization": "x"}}], "INVALID_INPUT"),
        ([{"method": "GET", "url": ROOT}], "JSON_PARSER_ERROR"),
    ],
)
def test_malformed_call_does_nothing(salesforce: StandIn, subrequests: list[Any], code: str) -> None:
    """Too many subrequests, doubled or unlawful names and missing members refuse the whole call."""
    assert salesforce.refused("POST", "composite", {"compositeRequest": subrequests})[:2] == (400, code)
    assert salesforce.org.dump("Account") == []


def graphs(salesforce: StandIn, *asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {"graphs": [{"graphId": f"g{at}", "compositeRequest": one} for at, one in enumerate(asked)]}
    answer = salesforce.call("POST", "composite/graph", body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["graphs"])


def test_each_graph_is_whole_or_nothing(salesforce: StandIn) -> None:
    """A failed graph leaves nothing, the others stay; each says whether it was successful."""
    good, bad = graphs(salesforce, [account("a"), contact("c")], [account("a", "B"), contact("c", Email="none")])

    assert (good["graphId"], good["isSuccessful"], bad["graphId"], bad["isSuccessful"]) == ("g0", True, "g1", False)
    assert told(bad["graphResponse"]["compositeResponse"]) == [
        (400, "PROCESSING_HALTED"),
        (400, "INVALID_EMAIL_ADDRESS"),
    ]
    assert salesforce.query("SELECT Name FROM Account") == [{"Name": "A"}]


def test_fifteenth_failed_graph_halts_the_rest(salesforce: StandIn) -> None:
    """After more than fourteen failures the remaining graphs are not tried."""
    results = graphs(salesforce, *([account("a", "")] for _ in range(15)), [account("a")])

    codes = [told(one["graphResponse"]["compositeResponse"])[0][1] for one in results]
    assert codes == ["REQUIRED_FIELD_MISSING"] * 15 + ["PROCESSING_HALTED"]
    assert salesforce.query("SELECT Id FROM Account") == []


def test_graphs_have_names_of_their_own(salesforce: StandIn) -> None:
    """Two graphs of one name are refused."""
    asked = [{"graphId": "g", "compositeRequest": [account("a")]}] * 2

    assert salesforce.refused("POST", "composite/graph", {"graphs": asked})[:2] == (400, "INVALID_INPUT")


CHAIN = [account("n0"), *(contact(f"n{n}", f"@{{n{n - 1}.id}}") for n in range(1, 16))]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([[account("a")]] * 76, "LIMIT_EXCEEDED"),
        ([[account(f"a{n}") for n in range(251)]] * 2, "LIMIT_EXCEEDED"),
        ([CHAIN], "LIMIT_EXCEEDED"),
        ([[sub("GET", f"sobjects/Type{n}/x", f"a{n}") for n in range(16)]], "LIMIT_EXCEEDED"),
        ([[sub("GET", "query?q=SELECT Id FROM Account", "q")]], "INVALID_INPUT"),
        ([[]], "MISSING_ARGUMENT"),
        ([], "MISSING_ARGUMENT"),
    ],
)
def test_limits_of_graphs(salesforce: StandIn, asked: list[list[dict[str, Any]]], code: str) -> None:
    """Graphs, nodes, depth and kinds of nodes are limited; only records can be nodes."""
    body = {"graphs": [{"graphId": f"g{at}", "compositeRequest": one} for at, one in enumerate(asked)]}

    assert salesforce.refused("POST", "composite/graph", body)[:2] == (400, code)
    assert salesforce.org.dump("Account") == []


def test_describe_that_did_not_change_is_not_sent(salesforce: StandIn) -> None:
    """A client that has the schema since it changed last gets 304; a new field changes it."""
    first = salesforce.call("GET", "sobjects/Account/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}

    same = salesforce.call("GET", "sobjects/Account/describe", headers=since)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    (inside,) = send(salesforce, sub("GET", "sobjects", "d", httpHeaders=since))
    assert (inside["httpStatusCode"], inside["body"], sorted(inside["httpHeaders"])) == (
        304,
        None,
        ["ETag", "Last-Modified"],
    )
    salesforce.control.clock.advance(2)
    salesforce.keyed_field()
    assert salesforce.call("GET", "sobjects/Account/describe", headers=since).status_code == 200
