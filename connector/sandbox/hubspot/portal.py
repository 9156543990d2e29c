"""What every handler is given: the portal, and the call it answers.

Open questions about the real API are switches, so that a client can be tried against each answer; the defaults are
the documented behaviour.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from connector.sandbox.control import Control
from connector.sandbox.hubspot.catalogue import TYPES, ObjectType
from connector.sandbox.hubspot.errors import ApiError, bad_json, invalid
from connector.sandbox.hubspot.records import iso
from connector.sandbox.hubspot.store import Store

Row = dict[str, Any]
T = TypeVar("T")
TEXTS = list[str]
Fields = Mapping[str, Any]  # name → the type of its value, `TEXTS` included

SWITCHES: Mapping[str, Any] = {
    # "trace": 207 only when each input has its own objectWriteTraceId; "always": 207 whenever one fails;
    # "never": one bad input refuses the batch and only the first is named.
    "multi_status": "trace",
    # Error items of a 207 without `errors` and `links`, as the guide shows them, or with, as the spec requires.
    "bare_errors": False,
    "shuffle_seed": 1,
    "search_lag": 10.0,
    # Whether tasks take a property with hasUniqueValue.
    "keyed_tasks": True,
    # Properties an administrator requires on create, over HubSpot's own: {"deals": ["hs_next_step"]}.
    "required": {},
    # Status of an associations batch/create; None: 200 on 2026-09, 201 before.
    "associations_created": None,
    # Counted on real elapsed time, whatever the clock says.
    "limits": True,
    "limit_ten_seconds": 190,
    "limit_search": 5,
    "limit_daily": 625_000,
    # Further access tokens and what each may do: {"narrow": ["crm.objects.deals.read"]}. None: everything.
    "tokens": {},
    # Scopes of tokens got through OAuth; None: everything.
    "oauth_scopes": None,
    # What account-info says, over the defaults: {"timeZone": "America/New_York"}.
    "account": {},
}


@dataclass(frozen=True)
class Call:
    """One request, read."""

    path: Mapping[str, str]
    query: QueryParams
    body: Any
    version: str

    @property
    def dated(self) -> bool:
        """Say whether it came by a date-versioned path."""
        return self.version[0] != "v"

    def listed(self, name: str) -> list[str]:
        """Return a query parameter that is repeated or comma-separated."""
        return [one for given in self.query.getlist(name) for one in given.split(",") if one]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter."""
        return self.query.get(name, "false").lower() == "true"

    def whole(self, name: str, default: int, most: int) -> int:
        """Return a whole-number query parameter within its limit."""
        text = self.query.get(name, str(default))
        if not text.isdigit() or not 0 < int(text) <= most:
            raise invalid(f"{name} must be a number from 1 to {most}, not {text!r}")
        return int(text)


@dataclass
class Portal:
    """One HubSpot account: its control surface and what it stores."""

    control: Control
    store: Store
    _shuffles: int = 0

    def __post_init__(self) -> None:
        for name, default in SWITCHES.items():
            self.control.switches.setdefault(name, default)

    def now(self) -> datetime:
        """Return the portal's time."""
        return self.control.clock.now()

    def switch(self, name: str) -> Any:
        """Return a switch's setting."""
        return self.control.switches.get(name, SWITCHES[name])

    def shuffled(self, results: Sequence[T]) -> list[T]:
        """Return batch results in an order that is never the input's, as the real API's mostly is not."""
        order = list(results)
        self._shuffles += 1
        # Deterministic on purpose, and no secret.
        random.Random(f"{self.switch('shuffle_seed')}:{self._shuffles}").shuffle(order)  # noqa: S311
        return order if order != list(results) else order[1:] + order[:1]

    def completed(self, results: Sequence[Row], errors: Sequence[Row] = (), status: int = 200) -> Response:
        """Answer a batch: 207 and the errors when there are any."""
        now = iso(self.now())
        body: Row = {"status": "COMPLETE", "results": self.shuffled(results), "startedAt": now, "completedAt": now}
        if errors:
            body |= {"numErrors": len(errors), "errors": list(errors)}
        return JSONResponse(body, 207 if errors else status)

    def error_item(self, error: ApiError, **context: Sequence[str]) -> Row:
        """Return an error as a 207 lists it."""
        item = {"category": "VALIDATION_ERROR", **error.body()}
        item["context"] = {**item.get("context", {}), **{key: list(values) for key, values in context.items()}}
        if self.switch("bare_errors"):
            return {key: item[key] for key in ("status", "category", "message", "context")}
        return {"errors": [], "links": {}, **item}


Handler = Callable[[Portal, Call], Response]
Routes = Sequence[tuple[str, str, Handler]]


def object_type(name: str) -> ObjectType:
    """Return the type a path segment names."""
    for kind in TYPES:
        if kind.answers_to(name):
            return kind
    raise invalid(f"Unable to infer object type from: {name}")


def fields(row: Any, required: Fields, optional: Fields | None = None) -> Row:
    """Return a JSON object that has the fields an endpoint requires, each of its type, and no unknown one."""
    if not isinstance(row, dict):
        raise bad_json(f"Cannot deserialize value of type object from {type(row).__name__}")
    allowed = {**required, **(optional or {})}
    for name, value in row.items():
        if name not in allowed:
            raise bad_json(f'Unrecognized field "{name}", not marked as ignorable')
        if value is None and name not in required:
            continue
        if not _fits(value, allowed[name]):
            raise bad_json(f'Cannot deserialize "{name}": expected {allowed[name]}')
    for name in required:
        if row.get(name) is None:
            raise bad_json(f'Some required fields were not set: "{name}"')
    return {name: value for name, value in row.items() if value is not None}


def _fits(value: Any, expected: Any) -> bool:
    if expected == TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))


def strings(row: Any) -> dict[str, str]:
    """Return a JSON object whose values are all strings."""
    given = fields(row, {}, dict.fromkeys(row, str) if isinstance(row, dict) else {})
    if len(given) != len(row):
        raise bad_json("Cannot deserialize value of type String from null")
    return given


def page(rows: Sequence[Row], after: str, limit: int, most: int | None = None) -> Row:
    """Return one page of rows; the cursor is an offset."""
    if after and not after.isdigit():
        raise invalid(f"after must be an integer string, not {after!r}")
    start = int(after or 0)
    if most is not None and start + limit > most:
        raise invalid(f"Only the first {most} results can be paged through: narrow the filters")
    answer: Row = {"results": list(rows[start : start + limit])}
    if start + limit < len(rows):
        answer["paging"] = {"next": {"after": str(start + limit), "link": f"?after={start + limit}"}}
    return answer
