"""Composite and Composite Graph: several requests in one call, later ones naming results of earlier ones.

Composite: the call is answered 200 whatever happens inside; a subrequest that needs the result of a failed one is
halted, the others go on. With allOrNone, and in each graph always, one failure takes everything back: the culprit
keeps its own answer, every other says it was halted. A call costs one of the daily allowance. References may name
earlier subrequests only.

Source: REST API Developer Guide, "Composite", "Composite Subrequest Result", "Composite Graph", "Composite Graph
Limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.http import Gate, Handler, answer, json_body
from connector.sandbox.salesforce.records import Caller

MOST_SUBREQUESTS = 25
MOST_QUERIES_AND_COLLECTIONS = 5
MOST_GRAPHS, MOST_NODES, MOST_KINDS, MOST_FAILED_GRAPHS, DEEPEST = 75, 500, 15, 14, 15
_DATA = re.compile(r"/services/data/v\d+\.0/(.*)")
_ALLOWED = re.compile(r"(sobjects|query|queryAll|composite/sobjects)(/|\?|$)")
_ALLOWED_IN_GRAPHS = re.compile(r"sobjects/(\w+)/?(\?|$|[^/?]+/?(\?|$)|\w+/[^?]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"@\{([^}]*)\}")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_NOT_ONES_OWN = {"accept", "authorization", "content-type"}
_SHOWN_HEADERS = {"location": "Location", "etag": "ETag", "last-modified": "Last-Modified"}
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."


@dataclass(frozen=True)
class Subrequest:
    """One request inside the call."""

    method: str
    url: str
    reference: str
    body: Any
    headers: dict[str, str]

    def depends_on(self) -> set[str]:
        """Name the subrequests whose results this one uses."""
        text = json.dumps([self.url, self.body])
        return {re.split(r"[.\[]", found)[0] for found in _REFERENCE.findall(text)}


class _NoValueError(Exception):
    """A reference leads to nothing."""


def composite(gate: Gate) -> Handler:
    """Build the handler of `POST composite`."""

    async def run(caller: Caller, request: Request) -> Response:
        body = await json_body(request)
        subrequests = _subrequests(body)
        if len(subrequests) > MOST_SUBREQUESTS:
            raise _too_many(f"{len(subrequests)} subrequests", MOST_SUBREQUESTS)
        heavy = sum(_resource(one.url).startswith(("query", "composite/")) for one in subrequests)
        if heavy > MOST_QUERIES_AND_COLLECTIONS:
            raise _too_many("queries and collections", MOST_QUERIES_AND_COLLECTIONS)
        whole = body.get("allOrNone", False) is True
        return answer({"compositeResponse": await _together(gate, caller, request, subrequests, whole=whole)})

    return run


def graphs(gate: Gate) -> Handler:
    """Build the handler of `POST composite/graph`."""

    async def run(caller: Caller, request: Request) -> Response:
        asked = (await json_body(request)).get("graphs")
        if not isinstance(asked, list) or not asked or not all(isinstance(one, dict) for one in asked):
            raise Refusal("MISSING_ARGUMENT", "graphs is required")
        parsed = [(str(one.get("graphId")), _subrequests(one)) for one in asked]
        _check_graphs(parsed)
        failures, results = 0, []
        for graph_id, subrequests in parsed:
            if failures > MOST_FAILED_GRAPHS:
                told = [_halted(one, "the request had too many failed graphs") for one in subrequests]
            else:
                told = await _together(gate, caller, request, subrequests, whole=True)
            good = not any(_failed(one) for one in told)
            failures += not good
            results.append({"graphId": graph_id, "graphResponse": {"compositeResponse": told}, "isSuccessful": good})
        return answer({"graphs": results})

    return run


async def _together(
    gate: Gate, caller: Caller, outer: Request, subrequests: Sequence[Subrequest], *, whole: bool
) -> list[Row]:
    """Carry out subrequests in order; as a whole or not at all if so asked."""
    told: dict[str, Row] = {}
    with caller.org.undoable() as journal:
        for one in subrequests:
            told[one.reference] = await _answered(gate, caller, outer, one, told, whole=whole)
            if whole and _failed(told[one.reference]):
                caller.org.undo(journal)
                culprit = {one.reference: told[one.reference]}
                return [culprit.get(other.reference) or _halted(other, _HALTED) for other in subrequests]
    return list(told.values())


async def _answered(
    gate: Gate, caller: Caller, outer: Request, one: Subrequest, told: dict[str, Row], *, whole: bool
) -> Row:
    results = {reference: answered["body"] for reference, answered in told.items()}
    try:
        url, body = _filled(one.url, results), _filled(one.body, results)
    except _NoValueError as missing:
        return _halted(one, str(missing))
    resource = _resource(str(url))
    if whole and resource.startswith("composite/sobjects") and isinstance(body, dict):
        body = {**body, "allOrNone": True}
    try:
        if not _ALLOWED.match(resource):
            raise not_found()
        response = await gate.inside(caller, outer, one.method, str(url), body, one.headers)
    except Refusal as refusal:
        return _told(one, refusal.status, refusal.as_body())
    content = bytes(response.body)
    shown = {name: response.headers[key] for key, name in _SHOWN_HEADERS.items() if key in response.headers}
    return _told(one, response.status_code, json.loads(content) if content else None, shown)


def _filled(value: Any, results: dict[str, Any]) -> Any:
    """Put the values in that references name; one that stands alone keeps its type."""
    match value:
        case dict():
            return {name: _filled(one, results) for name, one in value.items()}
        case list():
            return [_filled(one, results) for one in value]
        case str():
            alone = _REFERENCE.fullmatch(value)
            if alone is not None:
                return _value(alone[1], results)
            return _REFERENCE.sub(lambda found: str(_value(found[1], results)), value)
        case _:
            return value


def _value(path: str, results: dict[str, Any]) -> Any:
    name, *steps = [name or int(index) for name, index in _STEP.findall(path)] or [""]
    value: Any = results.get(str(name))
    try:
        for step in steps:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        value = None
    if value is None or not steps or isinstance(value, dict | list):
        raise _NoValueError(
            f"Invalid reference specified. No value for {path} found in {name}. Provided referenceId ('{path}') must "
            "start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
        )
    return value


def _subrequests(body: Row) -> list[Subrequest]:
    asked = body.get("compositeRequest")
    if not isinstance(asked, list) or not asked:
        raise Refusal("MISSING_ARGUMENT", "compositeRequest is required")
    found = [_subrequest(one) for one in asked]
    references = [one.reference for one in found]
    if len(set(references)) < len(references):
        raise Refusal("INVALID_INPUT", "every referenceId must be another")
    return found


def _subrequest(asked: Any) -> Subrequest:
    texts = [asked.get(name) if isinstance(asked, dict) else None for name in ("method", "url", "referenceId")]
    if not all(isinstance(one, str) for one in texts):
        raise Refusal("JSON_PARSER_ERROR", "each subrequest needs method, url and referenceId")
    method, url, reference = map(str, texts)
    headers = {str(name): str(value) for name, value in (asked.get("httpHeaders") or {}).items()}
    own = sorted(name for name in headers if name.lower() in _NOT_ONES_OWN)
    if own:
        raise Refusal("INVALID_INPUT", f"a subrequest inherits {own[0]} and must not give it")
    if not _NAME.fullmatch(reference):
        raise Refusal(
            "INVALID_INPUT",
            f"Provided referenceId ('{reference}') must start with a letter or a number, and it can contain only "
            "letters, numbers and underscores ('_').",
        )
    return Subrequest(method, url, reference, asked.get("body"), headers)


def _check_graphs(parsed: Sequence[tuple[str, Sequence[Subrequest]]]) -> None:
    """Refuse a call of too many or too deep graphs, or of resources that graphs do not have."""
    nodes = [one for _, subrequests in parsed for one in subrequests]
    if len({graph_id for graph_id, _ in parsed}) < len(parsed):
        raise Refusal("INVALID_INPUT", "every graphId must be another")
    kinds = set()
    for one in nodes:
        found = _ALLOWED_IN_GRAPHS.fullmatch(_resource(one.url))
        if found is None:
            raise Refusal("INVALID_INPUT", f"{one.url} is not supported in a graph")
        kinds.add((one.method, one.url.split("/")[3], found[1].casefold()))
    depth = max(_depth(subrequests) for _, subrequests in parsed)
    for what, count, most in (
        ("graphs", len(parsed), MOST_GRAPHS),
        ("nodes", len(nodes), MOST_NODES),
        ("different nodes", len(kinds), MOST_KINDS),
        ("levels", depth, DEEPEST),
    ):
        if count > most:
            raise _too_many(f"{count} {what}", most)


def _depth(subrequests: Sequence[Subrequest]) -> int:
    depths: dict[str, int] = {}
    for one in subrequests:
        depths[one.reference] = 1 + max((depths.get(name, 0) for name in one.depends_on()), default=0)
    return max(depths.values())


def _resource(url: str) -> str:
    found = _DATA.fullmatch(url)
    return found[1] if found else ""


def _failed(told: Row) -> bool:
    """Say whether a subrequest failed, or one record of its collection."""
    body = told["body"]
    records = body if isinstance(body, list) else []
    status = told["httpStatusCode"]
    return bool(status >= 400 or status == 300) or any(one.get("success") is False for one in records)


def _halted(one: Subrequest, message: str) -> Row:
    return _told(one, 400, Refusal("PROCESSING_HALTED", message).as_body())


def _told(one: Subrequest, status: int, body: Any, headers: Row | None = None) -> Row:
    return {"body": body, "httpHeaders": headers or {}, "httpStatusCode": status, "referenceId": one.reference}


def _too_many(what: str, most: int) -> Refusal:
    return Refusal("LIMIT_EXCEEDED", f"The call has too many {what}; the limit is {most}.")
