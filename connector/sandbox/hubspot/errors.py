"""Refusals in HubSpot's own words: one exception, one builder per kind.

A builder's message and codes are what public recordings of the API show; where none was found, the message says
what is wrong and the category is the documented one. Source: "Error handling", developers.hubspot.com.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
_ASSOCIATIONS = "One or more associations are invalid"


@dataclass
class ApiError(Exception):
    """An answer other than success: what a handler raises and the app renders."""

    status: int
    message: str
    category: str | None = None
    errors: Sequence[Row] = ()
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    sub_category: str | None = None
    more: Row = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> Row:
        """Return the error envelope; keys that would be empty are absent, as in recorded answers."""
        optional = {
            "category": self.category,
            "subCategory": self.sub_category,
            "errors": list(self.errors),
            "context": {key: list(values) for key, values in self.context.items()},
            "links": dict(self.links),
        }
        return {
            "status": "error",
            "message": self.message,
            **{key: value for key, value in optional.items() if value},
            **self.more,
        }


@dataclass(frozen=True)
class ValueProblem:
    """One property value that HubSpot refuses."""

    name: str
    code: str
    message: str


def values_not_valid(problems: Sequence[ValueProblem]) -> ApiError:
    """Refuse a record: the message repeats the problems as JSON, `errors` lists them."""
    listed = [{"isValid": False, "message": p.message, "error": p.code, "name": p.name} for p in problems]
    details = [{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in problems]
    message = f"Property values were not valid: {json.dumps(listed)}"
    return ApiError(400, message, "VALIDATION_ERROR", errors=details)


def required_missing(singular: str, names: Sequence[str], doing: str = "creating") -> ApiError:
    """Refuse a record that lacks properties HubSpot or the administrator requires."""
    details = [
        {"message": f"{name} is required", "code": "REQUIRED_FIELD", "context": {"propertyName": [name]}}
        for name in names
    ]
    message = f"Error {doing} {singular.upper()}. Some required properties were not set."
    return ApiError(400, message, "VALIDATION_ERROR", errors=details, context={"properties": list(names)})


def invalid(message: str, code: str | None = None, **context: Sequence[str]) -> ApiError:
    """Refuse a request that is well formed and wrong."""
    details = [{"message": message, "code": code, "context": context}] if code else []
    return ApiError(400, message, "VALIDATION_ERROR", errors=details, context=context)


def bad_json(problem: str) -> ApiError:
    """Refuse a body whose parts have other types than the endpoint's schema; recorded without a category."""
    return ApiError(400, f"Invalid input JSON on line 1, column 2: {problem}")


def fields_missing(names: Sequence[str]) -> ApiError:
    """Refuse a body that lacks fields the endpoint's schema requires."""
    message = f"Invalid input JSON on line 1, column 2. Some required fields were not set: [{', '.join(names)}]"
    return ApiError(400, message, "VALIDATION_ERROR")


def not_found(record_id: str) -> ApiError:
    """Say that a record is not there; without a category when the id at least looks like one."""
    if record_id.isdigit():
        return ApiError(404, "resource not found")
    return ApiError(
        404, "Object not found.  objectId are usually numeric.", "OBJECT_NOT_FOUND", context={"id": [record_id]}
    )


def no_such_end(singular: str, record_id: str) -> ApiError:
    """Refuse an association with a record that is not there."""
    context = {"INVALID_OBJECT_IDS": [f"{singular.upper()}={record_id} is not valid"]}
    return ApiError(400, _ASSOCIATIONS, "VALIDATION_ERROR", context=context)


def no_such_link(category: str, type_id: int) -> ApiError:
    """Refuse an association of a type that is not defined."""
    spec = f"{category}={type_id}"
    context = {
        "associationSpec": [spec],
        "INVALID_ASSOCIATION_TYPE_ID": [f"{spec} is not a valid association definition id"],
    }
    return ApiError(400, _ASSOCIATIONS, "VALIDATION_ERROR", context=context)


def wrong_end(end: str, given: str, expected: str, type_id: int) -> ApiError:
    """Refuse an association whose type belongs to another direction or other object types."""
    return invalid(
        f"invalid {end} object type {given} for associations to be created. expected: {expected}. "
        f"For definition 0-{type_id}"
    )


def some_not_found(singular: str, ids: Iterable[str]) -> ApiError:
    """Say which ids of a batch are not there."""
    message = (
        f"Could not get some {singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return ApiError(404, message, "OBJECT_NOT_FOUND", context={"ids": list(ids)})


def locked(record_id: str) -> ApiError:
    """Refuse a write to a record that another write holds: it passes two seconds later."""
    return ApiError(423, f"Object {record_id} is currently locked. Please retry later.")


def migrating(seconds: int) -> ApiError:
    """Refuse any call while the account moves between data centres."""
    message = "This account is being migrated between data hosting locations. Please retry later."
    return ApiError(477, message, headers={"Retry-After": str(seconds)})


def nothing_named(kind: str, name: str) -> ApiError:
    """Say that a property, group, pipeline, stage or owner does not exist."""
    return ApiError(404, f"{kind} {name!r} does not exist", "OBJECT_NOT_FOUND", context={"name": [name]})
