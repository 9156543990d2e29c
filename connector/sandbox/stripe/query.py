"""Reads the query string of a request against what its endpoint takes; anything else is a 400, as Stripe does.

Nested parameters come as `created[gte]=1`, lists as `expand[]=a` or `expand[0]=a`. Which parameters an endpoint takes
is a table of the small types below, so that a test can compare it with the published document.

Source: https://docs.stripe.com/api/pagination and the `parameters` of the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from connector.sandbox.stripe.errors import StripeError, bad_param


@dataclass(frozen=True)
class Text:
    """Any text but the empty one."""

    required: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number between bounds."""

    least: int | None = None
    most: int | None = None
    required: bool = False


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""


@dataclass(frozen=True)
class Choice:
    """One of these words."""

    words: Sequence[str]


@dataclass(frozen=True)
class Moments:
    """A moment, or bounds of one: `created=1` or `created[gte]=1`."""


@dataclass(frozen=True)
class Texts:
    """A list of at most so many texts."""

    most: int | None = None


@dataclass(frozen=True)
class Group:
    """Named parameters inside a parameter."""

    members: Mapping[str, Text | Flag | Choice]


Param = Text | Whole | Flag | Choice | Moments | Texts | Group

PAGE: Mapping[str, Param] = {
    "limit": Whole(1, 100),
    "starting_after": Text(),
    "ending_before": Text(),
    "expand": Texts(),
}


@dataclass(frozen=True)
class Span:
    """Bounds of a moment; a bound that is None does not bind."""

    at_least: int | None = None
    before: int | None = None

    def holds(self, moment: int | None) -> bool:
        """Say whether a moment lies inside; no moment never does."""
        if moment is None:
            return False
        above = self.at_least is None or moment >= self.at_least
        return above and (self.before is None or moment < self.before)


def read(pairs: Iterable[tuple[str, str]], takes: Mapping[str, Param]) -> dict[str, Any]:
    """Turn a query string into typed values, or refuse it."""
    given: dict[str, dict[str, str]] = {}
    for key, value in pairs:
        name, inner = _split(key)
        if name not in takes:
            raise bad_param(name, f"Received unknown parameter: {name}", "parameter_unknown")
        members = given.setdefault(name, {})
        members[str(len(members)) if inner == "" else inner or ""] = value
    for name, param in takes.items():
        if isinstance(param, Text | Whole) and param.required and name not in given:
            raise bad_param(name, f"Missing required param: {name}.", "parameter_missing")
    return {name: _value(name, members, takes[name]) for name, members in given.items()}


def _split(key: str) -> tuple[str, str | None]:
    """Split `created[gte]` into its name and what stands in the brackets; None without brackets."""
    found = re.fullmatch(r"([^\[\]]+)(?:\[([^\[\]]*)\])?", key)
    if found is None:
        raise bad_param(key, f"Received unknown parameter: {key}", "parameter_unknown")
    return found[1], found[2]


def _value(name: str, members: Mapping[str, str], param: Param) -> Any:
    match param:
        case Texts(most):
            return _texts(name, members, most)
        case Moments():
            return _span(name, members)
        case Group(inner):
            return {key: _member(name, key, value, inner) for key, value in members.items()}
        case Text() | Whole() | Flag() | Choice():
            if set(members) != {""}:
                raise bad_param(name, f"Invalid {name}: a single value is expected")
            return _single(name, members[""], param)
        case _:
            assert_never(param)


def _member(name: str, key: str, value: str, inner: Mapping[str, Text | Flag | Choice]) -> Any:
    full = f"{name}[{key}]"
    if key not in inner:
        raise bad_param(full, f"Received unknown parameter: {full}", "parameter_unknown")
    return _single(full, value, inner[key])


def _single(name: str, value: str, param: Text | Whole | Flag | Choice) -> Any:
    if value == "":
        raise bad_param(name, f"You passed an empty string for '{name}'.", "parameter_invalid_empty")
    match param:
        case Text():
            return value
        case Whole():
            return _bounded(name, _whole(name, value), param)
        case Flag():
            if value not in {"true", "false"}:
                raise bad_param(name, f"Invalid boolean: {value}")
            return value == "true"
        case Choice(words):
            if value not in words:
                raise bad_param(name, f"Invalid {name}: must be one of {', '.join(words)}")
            return value
        case _:
            assert_never(param)


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"-?\d+", value):
        raise bad_param(name, f"Invalid integer: {value}", "parameter_invalid_integer")
    return int(value)


def _bounded(name: str, value: int, param: Whole) -> int:
    if param.most is not None and value > param.most:
        raise _out_of_bounds(name, value, f"less than or equal to {param.most}")
    if param.least is not None and value < param.least:
        raise _out_of_bounds(name, value, f"greater than or equal to {param.least}")
    return value


def _out_of_bounds(name: str, value: int, bound: str) -> StripeError:
    message = f"This value must be {bound} (it currently is '{value}')."
    return bad_param(name, message, "parameter_invalid_integer")


def _texts(name: str, members: Mapping[str, str], most: int | None) -> list[str]:
    if not all(key.isdigit() for key in members):
        raise bad_param(name, "Invalid array", "parameter_invalid_array")
    if most is not None and len(members) > most:
        raise bad_param(name, f"Array {name} exceeded maximum {most} allowed elements.")
    return list(members.values())


def _span(name: str, members: Mapping[str, str]) -> Span:
    """Moments are whole seconds: `gt` is one second later than `gte`."""
    span = Span()
    for bound, value in members.items():
        moment = _whole(f"{name}[{bound}]" if bound else name, value)
        match bound:
            case "":
                span = Span(moment, moment + 1)
            case "gte":
                span = Span(moment, span.before)
            case "gt":
                span = Span(moment + 1, span.before)
            case "lt":
                span = Span(span.at_least, moment)
            case "lte":
                span = Span(span.at_least, moment + 1)
            case _:
                full = f"{name}[{bound}]"
                raise bad_param(full, f"Received unknown parameter: {full}", "parameter_unknown")
    return span
