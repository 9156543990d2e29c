"""Replaying recorded calls: the state an answer implies, what of an answer can be compared, and what is not replayed.

Answers are compared as a whole where they follow from that state. Masked is what no two orgs share: ids of new
records, columns one side lacks, and of describes everything but what is said of types (fields have tests of their own).
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from salesforce_recordings import Call, inner_calls
from salesforce_served import StandIn

from connector.sandbox.control import Row
from connector.sandbox.salesforce import soql
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.schema import standard_objects

NOT_REPLAYED = {
    "tooling": "the Tooling API is there to make custom fields; tests of Apex code and its queries are not",
    "connect": "Chatter and communities are no resource of the stand-in",
    "other types": "Lead, Case, Campaign and custom objects are not among the stand-in's types",
    "other SOQL": "TYPEOF and queries for children inside a query are answered NOT_IMPLEMENTED, which says so itself",
    "edited by hand": "an answer without a body that its authors wrote to look like a broken network",
    "unknown request": "the request was not recorded as one JSON text",
}
"""Why a recorded call whose answer would differ is left out; every other difference fails."""
TOLD_OTHERWISE = {
    ("Event", "keyPrefix"): "the recorded describe of Event itself says 00U",
    ("Event", "mergeable"): "the recorded describe of Event itself says false",
    ("Event", "feedEnabled"): "the recorded describe of Event itself says false",
    ("Organization", "updateable"): "nobody changes the stand-in's organization",
}
"""What the list of types, which its authors put together by a script, says otherwise of a type, and why."""


def why_not(call: Call) -> str | None:
    """Say which of the reasons keeps a call from being replayed, if one does."""
    if call.answer is None and call.status >= 500:
        return "edited by hand"
    match call.path.strip("/").split("/"):
        case ["tooling" | "connect" as head, *_]:
            return head
        case ["composite"]:
            return "unknown request" if call.body is None else next(filter(None, map(why_not, inner_calls(call))), None)
        case ["composite", "sobjects", *_]:
            return (
                None if {row["attributes"]["type"] for row in call.body["records"]} <= _known_types() else "other types"
            )
        case ["sobjects", kind, *_]:
            return None if kind in _known_types() or call.status == 404 else "other types"
        case ["query"]:
            return _why_not_query(call)
        case ["limits", "recordCount"]:
            return None if call.query["sObjects"] in _known_types() else "other types"
        case _:
            return None


def _why_not_query(call: Call) -> str | None:
    try:
        kind = soql.parse(call.query["q"]).kind.parts[0]
    except Refusal as refusal:
        return "other SOQL" if refusal.code == "NOT_IMPLEMENTED" else None
    return None if kind in _known_types() or call.status == 400 else "other types"


def _known_types() -> set[str]:
    return set(standard_objects())


def prepare(salesforce: StandIn, call: Call) -> None:
    """Bring the org into the state the recorded answer implies."""
    org = salesforce.org
    match call.path.strip("/").split("/"):
        case ["query"]:
            _prepare_query(salesforce, call)
        case ["limits", _]:
            for one in call.answer["sObjects"]:
                org.load(one["name"], [{} for _ in range(one["count"])])
        case ["composite"]:
            _prepare_composite(salesforce, call)
        case ["composite", *upserted]:
            _prepare_parents(salesforce, call.body["records"])
            key = upserted[2] if len(upserted) == 3 else "Id"
            for row, outcome in zip(call.body["records"], call.answer, strict=True):
                if call.method == "PATCH" and not outcome.get("created"):
                    stored = row[key].lower() if key == "Email" else row[key]
                    org.load(row["attributes"]["type"], [{"Id": outcome["id"], key: stored}])
        case ["sobjects", kind, record_id] if call.status == 200 and record_id != "describe":
            org.load(kind, [known_columns(kind, call.answer) | {"Id": record_id}])


def _prepare_composite(salesforce: StandIn, call: Call) -> None:
    """Prepare each subrequest once, and let the schema have changed when the answers say it did."""
    for one in call.answer["compositeResponse"]:
        if "Last-Modified" in one["httpHeaders"]:
            salesforce.org.schema_changed = parsedate_to_datetime(one["httpHeaders"]["Last-Modified"])
    prepared: set[str] = set()
    for inner in inner_calls(call):
        # Two queries for the same record show different columns of it.
        identity = str(inner.query.get("q", inner)).partition(" FROM ")[2] or str(inner)
        if identity not in prepared:
            prepare(salesforce, inner)
        else:
            _add_columns(salesforce, inner)
        prepared.add(identity)


def _add_columns(salesforce: StandIn, call: Call) -> None:
    for row in call.answer["records"]:
        kind, _, record_id = row["attributes"]["url"].rpartition("/sobjects/")[2].partition("/")
        salesforce.org.load(kind, [known_columns(kind, row) | {"Id": record_id}])


def _prepare_query(salesforce: StandIn, call: Call) -> None:
    """Load the rows the recorded answer holds, with what the query's conditions ask of them."""
    if call.status != 200:
        return
    parsed = soql.parse(call.query["q"])
    kind = parsed.kind.parts[0]
    asked = {one.path.parts[0]: one.value.value for one in _equalities(parsed.where)}
    asked = {field.name: value for name, value in asked.items() if (field := standard_objects()[kind].field(name))}
    rows = call.answer["records"]
    if parsed.counts == "rows":
        own_user = [salesforce.org.user_id] if kind == "User" else []
        ids = own_user or [row["attributes"]["url"].rpartition("/")[2] for row in rows]
        rows = [known_columns(kind, row) | asked | {"Id": one} for row, one in zip(rows, ids, strict=True)]
        salesforce.org.load(kind, rows)
    else:
        count = rows[0]["expr0"] if rows else call.answer["totalSize"]
        salesforce.org.load(kind, [asked for _ in range(count)])


def _equalities(condition: soql.Condition | None) -> Iterator[soql.Comparison]:
    match condition:
        case soql.Comparison(_, "=", _):
            yield condition
        case soql.Junction("AND", terms):
            for term in terms:
                yield from _equalities(term)


def _prepare_parents(salesforce: StandIn, records: list[Row]) -> None:
    """Load the records that others refer to."""
    prefixes = {kind.prefix: name for name, kind in standard_objects().items()}
    for row in records:
        for name, value in row.items():
            if name.endswith("Id") and name != "Id" and value:
                salesforce.org.load(prefixes[value[:3]], [{"Id": value}])


def known_columns(kind: str, row: Row) -> Row:
    """Give the columns of a recorded row that the stand-in has."""
    fields = standard_objects()[kind].fields
    return {name: value for name, value in row.items() if name in fields and fields[name].type != "address"}


def both_comparable(call: Call, answer: Any) -> tuple[Any, Any]:
    """Give the recorded and the given answer without what no two orgs share."""
    return _comparable(call, call.answer, answer), _comparable(call, answer, call.answer)


def _comparable(call: Call, answer: Any, other: Any) -> Any:
    match call.path.strip("/").split("/"):
        case ["limits", _]:
            # Recordings show an empty type sometimes with 0, more often not at all.
            return {"sObjects": [one for one in answer["sObjects"] if one["count"]]}
        case ["query"] if call.status == 200 and "attributes" in (answer["records"] or [{}])[0]:
            return {**answer, "records": [_with_its_own_id(row) for row in answer["records"]]}
        case ["composite"]:
            return _comparable_composite(call, answer, other)
        case ["composite", *_] if call.method == "POST":
            return [{**one, "id": "new"} for one in answer]
        case ["composite", *_]:
            return [{**one, "id": "new"} if one.get("created") else one for one in answer]
        case ["sobjects"] if answer is not None:
            return {**answer, "sobjects": _types_of_both(answer["sobjects"], other["sobjects"])}
        case ["sobjects", _, "describe"] if call.status == 200:
            return _said_of_type(answer, other)
        case ["sobjects", _] if call.status == 201:
            return {**answer, "id": "new"}
        case ["sobjects", kind, _] if call.status == 200:
            names = known_columns(kind, answer).keys() & other.keys()
            return {"attributes": answer["attributes"]} | {name: answer[name] for name in sorted(names)}
        case _:
            return answer


def _comparable_composite(call: Call, answer: Any, other: Any) -> list[Row]:
    """Compare each subrequest as if it were a call of its own; an ETag is any org's own."""
    inner = {one.cassette.rpartition("#")[2]: one for one in inner_calls(call)}
    others = {one["referenceId"]: one["body"] for one in other["compositeResponse"]}
    return [
        {
            **one,
            "body": _comparable(inner[one["referenceId"]], one["body"], others[one["referenceId"]]),
            "httpHeaders": {**one["httpHeaders"], **({"ETag": "any"} if "ETag" in one["httpHeaders"] else {})},
        }
        for one in answer["compositeResponse"]
    ]


def _types_of_both(types: list[Row], others: list[Row]) -> dict[str, Row]:
    known = {one["name"]: one for one in others}
    both = {one["name"]: _said_of_type(one, known[one["name"]]) for one in types if one["name"] in known}
    for kind, name in TOLD_OTHERWISE:
        both[kind].pop(name, None)
    return both


def _said_of_type(described: Row, other: Row) -> Row:
    """Give what is said of a type itself; versions of the API differ in what they say, hosts in their addresses."""
    own = {name: value for name, value in described.items() if name in other and not isinstance(value, list)}
    urls = own.get("urls", {})
    return own | {"urls": {name: url for name, url in urls.items() if name in other.get("urls", {})}}


def _with_its_own_id(row: Row) -> Row:
    """Take a row's id from its address: some recordings repeat one id by hand. Each org has users of its own."""
    url = row["attributes"].get("url", "")
    if row["attributes"]["type"] == "User":
        return {**row, "attributes": {"type": "User"}}
    return {**row, "Id": url.rpartition("/")[2]} if "Id" in row and url else row
