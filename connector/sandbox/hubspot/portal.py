"""What every handler is given: the portal, and the call it answers.

Locks and the time a new property takes run on real elapsed time, as the limits do: a client waits for them in
earnest, whatever the portal's clock says.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from connector.sandbox.control import Control
from connector.sandbox.hubspot.catalogue import TYPES, ObjectType
from connector.sandbox.hubspot.errors import ApiError, bad_json, fields_missing, invalid, locked
from connector.sandbox.hubspot.limits import Limits
from connector.sandbox.hubspot.records import Record, iso
from connector.sandbox.hubspot.store import Store
from connector.sandbox.hubspot.switches import SWITCHES

Row = dict[str, Any]
T = TypeVar("T")
TEXTS = list[str]
Fields = Mapping[str, Any]  # name → the type of its value, `TEXTS` included


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


@dataclass(frozen=True)
class Walk:
    """What a search found, kept for the next page of the same question."""

    question: str
    revision: int
    at: datetime
    found: list[Record]

    def goes_on(self, question: str, store: Store, at: datetime) -> bool:
        """Say whether the same records would be found now: nothing changed, and no change has come into sight."""
        unchanged = (question, store.revision) == (self.question, self.revision)
        return unchanged and (at == self.at or at > self.at >= store.last_change)


@dataclass
class Portal:
    """One HubSpot account: its control surface, what it stores and what it has counted."""

    control: Control
    store: Store
    limits: Limits
    monotonic: Callable[[], float] = time.monotonic
    walk: Walk | None = None
    _shuffles: int = 0
    _visible_from: dict[tuple[str, str], float] = field(default_factory=dict)
    _locked_until: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, default in SWITCHES.items():
            self.control.switches.setdefault(name, default)

    def now(self) -> datetime:
        """Return the portal's time."""
        return self.control.clock.now()

    def switch(self, name: str) -> Any:
        """Return a switch's setting."""
        return self.control.switches.get(name, SWITCHES[name])

    def defined(self, kind: str, name: str) -> Row | None:
        """Return a property's definition, unless it is archived or too new to be seen."""
        row = self.store.properties[kind].get(name)
        return row if row is not None and not row["archived"] and self.is_visible(kind, name) else None

    def is_visible(self, kind: str, name: str) -> bool:
        """Say whether a property has been there long enough to be seen."""
        return self.monotonic() >= self._visible_from.get((kind, name), -math.inf)

    def define(self, kind: str, row: Row) -> None:
        """Add a property; it is seen after a while."""
        self.store.properties[kind][row["name"]] = row
        self._visible_from[kind, row["name"]] = self.monotonic() + self.switch("property_lag")

    def keys(self, kind: str) -> list[str]:
        """Return the properties by whose value a record can be named."""
        return [name for name in self.store.unique_names(kind) if self.defined(kind, name) is not None]

    def refuse_locked(self, record: Record) -> None:
        """Raise if a record was written a moment ago."""
        if self.monotonic() < self._locked_until.get((record.kind, record.id), -math.inf):
            raise locked(record.id)

    def lock(self, record: Record) -> None:
        """Keep a record that has just been written from being written again at once."""
        if seconds := self.switch("record_lock"):
            self._locked_until[record.kind, record.id] = self.monotonic() + seconds

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
            return {key: value for key, value in item.items() if key not in {"errors", "links"}}
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
    if missing := [name for name in required if row.get(name) is None]:
        raise fields_missing(missing)
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


def page(rows: Sequence[Any], after: str, limit: int, most: int | None = None) -> Row:
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
