"""Answers a parsed query from the rows of an org, under the caller's field-level security.

Text compares without regard to letter case; null is unequal to everything, and smaller or larger than nothing. A
parent that can be of several types shows the fields of Salesforce's pseudo-object Name.

Source: SOQL and SOSL Reference, "WHERE", "Comparison Operators", "Relationship Queries".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from connector.sandbox.control import Row
from connector.sandbox.salesforce.ids import long_form
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.render import relative_url, shown_value
from connector.sandbox.salesforce.schema import NUMERIC, TEXTUAL, Field, ObjectType, types_by_prefix
from connector.sandbox.salesforce.soql import (
    Comparison,
    Condition,
    Junction,
    Membership,
    Negation,
    Path,
    Query,
    Value,
    fault,
)
from connector.sandbox.salesforce.values import read_date, read_datetime

Test = Callable[[Row], bool]
Purpose = Literal["filtered", "sorted", "counted"]
_ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SEE = "Please reference your WSDL or the describe call for the appropriate names."
_NAME_FIELDS = (
    "Id",
    "Name",
    "Type",
    "Email",
    "Phone",
    "Title",
    "FirstName",
    "LastName",
    "Username",
    "Alias",
    "IsActive",
)
_NAME = ObjectType(
    "Name",
    "",
    "Name",
    "Names",
    {
        name: Field(name, "boolean" if name == "IsActive" else "id" if name == "Id" else "string", name, length=255)
        for name in _NAME_FIELDS
    },
)


@dataclass(frozen=True)
class Evaluation:
    """One query on its way: the text for error places, the caller for visibility."""

    caller: Caller
    query: Query

    def rows(self, include_deleted: bool) -> tuple[ObjectType, list[Row]]:
        """Find the matching rows, in order."""
        query, org = self.query, self.caller.org
        kind = self.caller.type(query.kind.parts[0])
        if kind is None or len(query.kind.parts) > 1:
            raise self._fault(
                query.kind,
                "INVALID_TYPE",
                f"sObject type '{'.'.join(query.kind.parts)}' is not supported. If you are attempting to use a custom "
                f"object, be sure to append the '__c' after the entity name. {_SEE}",
            )
        test = self._test(kind, query.where) if query.where else None
        orderings = [(self._getter(kind, one.path, "sorted"), one) for one in query.order]
        source: Iterable[Row] = org.rows(kind.name)
        if not include_deleted:
            source = (row for row in org.alive(kind.name) if not row.get("IsArchived"))
        found = [row for row in source if test is None or test(row)]
        for getter, one in reversed(orderings):
            found.sort(key=lambda row, get=getter: _sort_key(get(row)), reverse=one.descending)  # type: ignore[misc]
            found.sort(key=lambda row, get=getter, last=one.nulls_last: (get(row) is None) is last)  # type: ignore[misc]
        end = None if query.limit is None else query.offset + query.limit
        return kind, found[query.offset : end]

    def record(self, kind: ObjectType, row: Row) -> Row:
        """Render the selected fields of one row, parents nested."""
        out: Row = {"attributes": {"type": kind.name, "url": relative_url(self.caller.version, row)}}
        for path in self.query.select:
            self._render(kind, row, path, path.parts, out)
        return out

    def value(self, kind: ObjectType, row: Row, path: Path) -> Any:
        """Give one field of a row, a parent's included."""
        return self._getter(kind, path, "counted")(row)

    def check_selection(self, kind: ObjectType) -> None:
        """Refuse unknown and doubled fields, whether or not there is a row to show."""
        seen: set[str] = set()
        for path in self.query.select:
            self._resolve(kind, path, path.parts)
            name = ".".join(path.parts).casefold()
            if name in seen:
                raise self._fault(path, "INVALID_FIELD", f"duplicate field selected: {'.'.join(path.parts)}")
            seen.add(name)

    def _render(self, kind: ObjectType, row: Row, path: Path, parts: tuple[str, ...], out: Row) -> None:
        if len(parts) == 1:
            field = kind.field(parts[0])
            assert field is not None
            out[field.name] = _name_value(row, field.name) if kind is _NAME else shown_value(field, row)
            return
        relation = kind.relation(parts[0])
        assert relation is not None
        assert relation.relationship is not None
        parent = self._parent(relation, row)
        if parent is None:
            out[relation.relationship] = None
            return
        target = _NAME if relation.is_polymorphic else self._target(relation)
        attributes = {"type": target.name, "url": relative_url(self.caller.version, parent)}
        self._render(target, parent, path, parts[1:], out.setdefault(relation.relationship, {"attributes": attributes}))

    def _test(self, kind: ObjectType, condition: Condition) -> Test:
        match condition:
            case Junction("AND", terms):
                tests = [self._test(kind, one) for one in terms]
                return lambda row: all(test(row) for test in tests)
            case Junction(_, terms):
                tests = [self._test(kind, one) for one in terms]
                return lambda row: any(test(row) for test in tests)
            case Negation(term):
                inner = self._test(kind, term)
                return lambda row: not inner(row)
            case Membership():
                return self._membership(kind, condition)
            case Comparison():
                return self._comparison(kind, condition)
            case never:
                assert_never(never)

    def _membership(self, kind: ObjectType, condition: Membership) -> Test:
        field = self._resolve(kind, condition.path, condition.path.parts)
        get = self._getter(kind, condition.path, "filtered")
        wanted = {self._comparable(field, condition.path, one) for one in condition.values}
        if condition.negated:
            return lambda row: _folded(get(row)) not in wanted
        return lambda row: _folded(get(row)) in wanted

    def _comparison(self, kind: ObjectType, condition: Comparison) -> Test:
        field = self._resolve(kind, condition.path, condition.path.parts)
        get = self._getter(kind, condition.path, "filtered")
        if condition.op == "LIKE":
            if field.type not in TEXTUAL or condition.value.kind != "string":
                raise self._fault(
                    condition.path, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on this field: LIKE"
                )
            pattern = _like(condition.value.raw)
            return lambda row: bool(pattern.fullmatch(get(row) or ""))
        wanted = self._comparable(field, condition.path, condition.value)
        match condition.op:
            case "=":
                return lambda row: _folded(get(row)) == wanted
            case "!=":
                return lambda row: _folded(get(row)) != wanted
            case op:
                compare = _ORDERED[op]
                return lambda row: get(row) is not None and wanted is not None and compare(_folded(get(row)), wanted)

    def _comparable(self, field: Field, path: Path, value: Value) -> Any:
        """Bring a literal into the form stored values compare in, or refuse its type."""
        if value.kind == "null":
            return False if field.type == "boolean" else None
        try:
            match field.type:
                case "id" | "reference" if value.kind == "string":
                    return long_form(value.value).casefold() if value.value else None
                case "datetime" if value.kind == "datetime":
                    return read_datetime(value.value).casefold()
                case "date" if value.kind == "date":
                    return read_date(value.value)
                case "boolean" if value.kind == "boolean":
                    return value.value
                case number if number in NUMERIC and value.kind == "number":
                    return value.value
                case text if text in TEXTUAL and value.kind == "string":
                    return value.value.casefold() or None
        except ValueError:
            code = "INVALID_QUERY_FILTER_OPERATOR" if field.type in ("id", "reference") else "MALFORMED_QUERY"
            raise self._fault(path, code, f"invalid {field.type} value: {value.raw}") from None
        quoting = "should be enclosed in quotes" if field.type in TEXTUAL else "should not be enclosed in quotes"
        raise self._fault(
            path,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quoting}",
        )

    def _getter(self, kind: ObjectType, path: Path, purpose: Purpose) -> Callable[[Row], Any]:
        field = self._resolve(kind, path, path.parts)
        allowed = {"filtered": field.is_filterable, "sorted": field.is_sortable, "counted": field.is_sortable}
        if not allowed[purpose]:
            raise self._fault(path, "INVALID_FIELD", f"field '{field.name}' can not be {purpose} in a query call")
        if len(path.parts) == 1:
            return lambda row: row.get(field.name)
        relation = kind.relation(path.parts[0])
        assert relation is not None
        if relation.is_polymorphic:
            return lambda row: _name_value(self._parent(relation, row), field.name)
        inner = self._getter(self._target(relation), Path(path.parts[1:], path.at), purpose)
        return lambda row: None if (parent := self._parent(relation, row)) is None else inner(parent)

    def _resolve(self, kind: ObjectType, path: Path, parts: tuple[str, ...]) -> Field:
        """Follow a path to its field, or refuse it with its place."""
        if len(parts) == 1:
            field = kind.field(parts[0])
            if field is None:
                raise self._fault(
                    path,
                    "INVALID_FIELD",
                    f"No such column '{parts[0]}' on entity '{kind.name}'. If you are attempting to use a custom "
                    f"field, be sure to append the '__c' after the custom field name. {_SEE}",
                )
            return field
        relation = kind.relation(parts[0])
        if relation is None:
            raise self._fault(
                path,
                "INVALID_FIELD",
                f"Didn't understand relationship '{parts[0]}' in field path. If you are attempting to use a custom "
                f"relationship, be sure to append the '__r' after the custom relationship name. {_SEE}",
            )
        return self._resolve(_NAME if relation.is_polymorphic else self._target(relation), path, parts[1:])

    def _target(self, relation: Field) -> ObjectType:
        target = self.caller.type(relation.refers_to[0])
        return target or ObjectType(relation.refers_to[0], "", "", "", {})

    def _parent(self, relation: Field, row: Row) -> Row | None:
        wanted = row.get(relation.name)
        kind = _type_of(wanted) if wanted else None
        return self.caller.org.get(kind, str(wanted)) if kind else None

    def _fault(self, path: Path, code: str, message: str) -> Exception:
        return fault(self.query.text, path.at, code, message)


def _type_of(record_id: str) -> str | None:
    return types_by_prefix().get(record_id[:3])


def _name_value(row: Row | None, name: str) -> Any:
    if row is None:
        return None
    match name:
        case "Type":
            return _type_of(row["Id"])
        case "Name":
            return row.get("Name", row.get("Subject"))
        case _:
            return row.get(name)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, _folded(value) if value is not None else "")


def _like(raw: str) -> re.Pattern[str]:
    """Turn a LIKE pattern into a regular expression: % any text, _ one character, backslash escapes."""
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", raw, flags=re.DOTALL)
    pattern = "".join(re.escape(one[1]) if one[0] == "\\" else wild.get(one, re.escape(one)) for one in parts)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)
