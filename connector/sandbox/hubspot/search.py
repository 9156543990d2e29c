"""Search, with its limits and its lag: a write made moments ago is not known yet, an archived record never found.

A new record is missed; a changed one is found, and shown, as it was.

Values compare without case, but for enumerations; in IN and NOT_IN on text the filter's own values must be lower
case to match. NEQ, NOT_IN and NOT_CONTAINS_TOKEN also find records whose property is empty.
Source: "CRM search", developers.hubspot.com.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.catalogue import BY_NAME, ObjectType
from connector.sandbox.hubspot.errors import invalid
from connector.sandbox.hubspot.objects import shown
from connector.sandbox.hubspot.portal import TEXTS, Call, Portal, Routes, Walk, fields, object_type, page
from connector.sandbox.hubspot.records import Record
from connector.sandbox.hubspot.values import NUMBER, milliseconds

Row = dict[str, Any]
Comparable = Decimal | str
Matches = Callable[[Record], bool]
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL, MOST_RESULTS, MOST_PER_PAGE, LONGEST_QUERY = 5, 6, 18, 10_000, 200, 3_000
_BODY = {"filterGroups": list, "sorts": list, "query": str, "properties": TEXTS, "limit": int, "after": str}
_FILTER = {"value": str, "values": TEXTS, "highValue": str}


@dataclass(frozen=True)
class Filter:
    """One condition on a property, read and checked."""

    name: str
    operator: str
    value: str
    values: tuple[str, ...]
    high: str
    type: str

    def comparable(self, text: str) -> Comparable:
        """Return a filter's value in the form stored values are compared in."""
        match self.type:
            case "number":
                return _decimal(text)
            case "date" | "datetime":
                if not text.lstrip("-").isdigit():
                    raise invalid(f"{self.name}: {text} is not a time in milliseconds", "INVALID_LONG")
                return Decimal(text)
            case "enumeration":
                return text
            case _:
                return text.lower()

    def stored(self, text: str) -> Comparable:
        """Return a stored value in the same form."""
        return Decimal(milliseconds(text)) if self.type in {"date", "datetime"} else self.comparable(text)


def _search(portal: Portal, call: Call) -> Response:
    kind = object_type(call.path["type"])
    asked = fields(call.body, {}, _BODY)
    limit = asked.get("limit", 10)
    if not 0 < limit <= MOST_PER_PAGE:
        raise invalid(f"limit must be from 1 to {MOST_PER_PAGE}, not {limit}")
    if len(asked.get("query", "")) > LONGEST_QUERY:
        raise invalid(f"query has more than {LONGEST_QUERY} characters")
    seen = portal.now() - timedelta(seconds=portal.switch("search_lag"))
    found = _found(portal, kind, asked, seen)
    window = page(found, asked.get("after", ""), limit, MOST_RESULTS)
    rows = [shown(portal, record, asked.get("properties", [])) for record in window["results"]]
    return JSONResponse({"total": len(found), **window, "results": rows})


def _found(portal: Portal, kind: ObjectType, asked: Row, seen: datetime) -> list[Record]:
    """Return every record that fits, in order; the pages of one walk through them share the work."""
    groups = _groups(portal, kind.name, asked.get("filterGroups", []))
    order = _order(portal, kind.name, asked.get("sorts", []))
    words = asked.get("query", "").lower()
    question = repr((kind.name, asked.get("filterGroups"), asked.get("sorts"), words))
    if portal.walk is not None and portal.walk.goes_on(question, portal.store, seen):
        return portal.walk.found
    found = [
        record
        for record in portal.store.indexed(kind.name, seen)
        if (not groups or any(all(matches(record) for matches in group) for group in groups))
        and (not words or any(words in record.properties.get(name, "").lower() for name in kind.searched_text))
    ]
    portal.walk = Walk(question, portal.store.revision, seen, order(found))
    return portal.walk.found


def _groups(portal: Portal, kind: str, given: Sequence[Any]) -> list[list[Matches]]:
    groups = [fields(group, {"filters": list})["filters"] for group in given]
    if len(groups) > MOST_GROUPS:
        raise invalid(f"Too many filter groups: {len(groups)}, at most {MOST_GROUPS}")
    if any(len(group) > MOST_FILTERS for group in groups) or sum(map(len, groups)) > MOST_IN_ALL:
        raise invalid(f"Too many filters: at most {MOST_FILTERS} in a group and {MOST_IN_ALL} in all")
    return [[_condition(portal, kind, one) for one in group] for group in groups]


def _condition(portal: Portal, kind: str, given: Any) -> Matches:
    row = fields(given, {"propertyName": str, "operator": str}, _FILTER)
    name, operator = row["propertyName"], row["operator"]
    to_kind = object_type(name.removeprefix("associations.")).name if name.startswith("associations.") else None
    definition = portal.defined(kind, name)
    if to_kind is None and definition is None:
        raise invalid(f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST", propertyName=[name])
    type_ = definition["type"] if definition else "enumeration"
    condition = Filter(
        name, operator, row.get("value", ""), tuple(row.get("values", ())), row.get("highValue", ""), type_
    )
    _check_operands(condition, row)
    test = _test(condition)

    def matches(record: Record) -> bool:
        if to_kind is None:
            return test([record.properties[name]] if record.properties.get(name) else [])
        return test(list(portal.store.links.of((kind, record.id), to_kind)))

    return matches


def _check_operands(condition: Filter, row: Row) -> None:
    needed = {"IN": ("values",), "NOT_IN": ("values",), "BETWEEN": ("value", "highValue")}
    without = {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}
    for operand in needed.get(condition.operator, () if condition.operator in without else ("value",)):
        if not row.get(operand):
            raise invalid(f"operator {condition.operator} on {condition.name} needs {operand}")


def _test(condition: Filter) -> Callable[[list[str]], bool]:
    """Return what a record's values (none, one, or the ids it is associated with) must fulfil."""
    wanted = [condition.comparable(one) for one in (condition.value,) if one]
    if condition.operator == "BETWEEN":
        wanted.append(condition.comparable(condition.high))
    listed = (
        set(condition.values) if condition.type == "string" else {condition.comparable(v) for v in condition.values}
    )

    def some(holds: Callable[[Any], bool]) -> Callable[[list[str]], bool]:
        return lambda values: any(holds(condition.stored(one)) for one in values)

    def none(holds: Callable[[Any], bool]) -> Callable[[list[str]], bool]:
        return lambda values: not any(holds(condition.stored(one)) for one in values)

    tests: dict[str, Callable[[], Callable[[list[str]], bool]]] = {
        "EQ": lambda: some(lambda value: value == wanted[0]),
        "NEQ": lambda: none(lambda value: value == wanted[0]),
        "LT": lambda: some(lambda value: value < wanted[0]),
        "LTE": lambda: some(lambda value: value <= wanted[0]),
        "GT": lambda: some(lambda value: value > wanted[0]),
        "GTE": lambda: some(lambda value: value >= wanted[0]),
        "BETWEEN": lambda: some(lambda value: wanted[0] <= value <= wanted[1]),
        "IN": lambda: some(lambda value: value in listed),
        "NOT_IN": lambda: none(lambda value: value in listed),
        "HAS_PROPERTY": lambda: bool,
        "NOT_HAS_PROPERTY": lambda: lambda values: not values,
        "CONTAINS_TOKEN": lambda: some(_token(condition.value)),
        "NOT_CONTAINS_TOKEN": lambda: none(_token(condition.value)),
    }
    if condition.operator not in tests:
        raise invalid(f"unknown operator {condition.operator} on {condition.name}")
    return tests[condition.operator]()


def _token(wanted: str) -> Callable[[Any], bool]:
    """Return a test for a whole word; `*` stands for any run of characters in it."""
    pattern = re.compile(".*".join(map(re.escape, wanted.lower().split("*"))))
    return lambda value: any(
        pattern.fullmatch(word) for word in [str(value).lower(), *re.findall(r"[\w.-]+", str(value).lower())]
    )


def _order(portal: Portal, kind: str, sorts: Sequence[Any]) -> Callable[[list[Record]], list[Record]]:
    if len(sorts) > 1:
        raise invalid(f"Only one sort is supported, not {len(sorts)}")
    if not sorts:
        return lambda records: sorted(records, key=lambda record: (record.created_at, int(record.id)))
    sort = _named_sort(sorts[0]) if isinstance(sorts[0], str) else sorts[0]
    sort = fields(sort, {"propertyName": str}, {"direction": str})
    name, direction = sort["propertyName"], sort.get("direction", "ASCENDING")
    definition = portal.store.properties[kind].get(name)
    if definition is None or direction not in {"ASCENDING", "DESCENDING"}:
        raise invalid(f"Cannot sort {BY_NAME[kind].name} by {name} {direction}")
    by = Filter(name, "EQ", "", (), "", definition["type"])

    def ordered(records: list[Record]) -> list[Record]:
        """Sort those that have a value; those without come last."""
        having = [record for record in records if record.properties.get(name)]
        having.sort(key=lambda one: int(one.id))
        having.sort(key=lambda one: by.stored(one.properties[name]), reverse=direction == "DESCENDING")
        return having + [record for record in records if not record.properties.get(name)]

    return ordered


def _named_sort(text: str) -> Row:
    """Return the long form of a sort given as a name, with a minus sign for descending."""
    direction = "DESCENDING" if text.startswith("-") else "ASCENDING"
    return {"propertyName": text.removeprefix("-"), "direction": direction}


def _decimal(text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise invalid(f"{text} is not a number", "INVALID_INTEGER")
    return Decimal(text)


ROUTES: Routes = (("POST", "/crm/v3/objects/{type}/search", _search),)
