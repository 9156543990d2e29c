"""What must be there, and what an administrator allows: rules over a whole record, beyond those of each value.

An API write is held to the account's own rules as a person is: properties required on create, properties required
once another has a certain value, and validation rules of a property. Which words a refusal uses is not documented;
category and status are. Source: "Using object APIs", required properties; "CRM API write validation enforcement",
changelog; "Property validations API", developers.hubspot.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from connector.sandbox.hubspot.catalogue import BY_NAME
from connector.sandbox.hubspot.errors import ValueProblem, required_missing
from connector.sandbox.hubspot.portal import Portal

_REQUIRED = {
    "deals": ("dealname", "dealstage", "pipeline"),
    "tasks": ("hs_timestamp",),
    "notes": ("hs_timestamp",),
}
_ANY_OF = {"companies": ("domain", "name"), "contacts": ("email", "firstname", "lastname")}


def required_names(portal: Portal, kind: str) -> tuple[str, ...]:
    """Name what HubSpot and the administrator require of a new record."""
    return (*_REQUIRED.get(kind, ()), *portal.switch("required").get(kind, ()))


def require_for_create(portal: Portal, kind: str, values: Mapping[str, str]) -> None:
    """Raise unless a new record has what HubSpot and the administrator require."""
    names = required_names(portal, kind)
    missing = [name for name in names if not values.get(name)]
    if not any(values.get(name) for name in _ANY_OF.get(kind, ())):
        missing += _ANY_OF.get(kind, ())
    if missing:
        raise required_missing(BY_NAME[kind].singular, missing)


def require_by_condition(
    portal: Portal, kind: str, sent: Mapping[str, str], whole: Mapping[str, str], *, new: bool
) -> None:
    """Raise if a write meets a condition, or takes away what one requires; records it does not concern stay."""
    missing = [
        name
        for rule in portal.switch("conditional").get(kind, ())
        if sent.keys() & {*rule["when"], *rule["require"]}
        and all(whole.get(name, "") == value for name, value in rule["when"].items())
        for name in rule["require"]
        if not whole.get(name)
    ]
    if missing:
        raise required_missing(BY_NAME[kind].singular, missing, "creating" if new else "updating")


def violations(portal: Portal, kind: str, values: Mapping[str, str]) -> Iterator[ValueProblem]:
    """Yield what a property's validation rules hold against the values written; an empty one clears, and may."""
    rules: Mapping[str, Mapping[str, Any]] = portal.switch("validations").get(kind, {})
    for name in values.keys() & rules.keys():
        for rule, argument in rules[name].items():
            if values[name] and not _holds(rule, str(argument), values[name]):
                message = f"{values[name]} does not meet the validation rule {rule} [{argument}]"
                yield ValueProblem(name, "FAILED_VALIDATION", message)


def _holds(rule: str, argument: str, value: str) -> bool:
    match rule:
        case "MIN_LENGTH":
            return len(value) >= int(argument)
        case "MAX_LENGTH":
            return len(value) <= int(argument)
        case "MIN_NUMBER":
            return Decimal(value) >= Decimal(argument)
        case "MAX_NUMBER":
            return Decimal(value) <= Decimal(argument)
        case "REGEX":
            return re.fullmatch(argument, value) is not None
        case _:
            raise ValueError(f"switch validations: no rule {rule}")
