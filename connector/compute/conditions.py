"""Conditions of signal rules as Ibis expressions: the engine answers them as `Condition.holds` does.

SQL knows three answers and a rule two, so every comparison ends in true or false before it is combined. What a table
has no column for is unknown.
"""

from __future__ import annotations

from typing import Any

from connector.domain.signal import TOLD_TO, Condition


def satisfied(condition: Condition, table: Any) -> Any:
    """Whether the condition is met, for each row of a table with a column per feature; never null."""
    import ibis

    met = ibis.literal(True) if condition.feature is None else _compares(condition, table)
    for part in condition.all:
        met = met & satisfied(part, table)
    if condition.any:
        met = met & ibis.or_(*(satisfied(part, table) for part in condition.any))
    for part in condition.none:
        met = met & ~satisfied(part, table)
    return met


def _compares(condition: Condition, table: Any) -> Any:
    import ibis

    value = _known(table, condition.feature)
    if value is None:
        return ibis.literal(condition.known is False)
    if condition.known is False:
        return value.isnull()
    met = value.notnull()
    if condition.one_of:
        met = met & (value.isin(list(condition.one_of)) if value.type().is_string() else False)
    if condition.is_true is not None:
        met = met & (value == condition.is_true if value.type().is_boolean() else False)
    if condition.absent_for is not None:
        met = met & _is_absent(condition.absent_for, value, _known(table, TOLD_TO))
    if condition.is_bounded:
        met = met & _within(condition, _compared(condition, value, table))
    return met.fill_null(False)


def _known(table: Any, name: str | None) -> Any:
    """A column; None where there is no such column."""
    if name not in table.columns:
        return None
    return _real(table[name])


def _real(value: Any) -> Any:
    """The engine takes NaN for the largest number; a rule takes it for unknown."""
    import ibis

    return ibis.ifelse(value.isnan(), ibis.null(value.type()), value) if value.type().is_floating() else value


def _is_absent(days: int, last: Any, told_to: Any) -> Any:
    if told_to is None or not last.type().is_date():
        return False
    return told_to.delta(last, unit="day") >= days


def _compared(condition: Condition, value: Any, table: Any) -> Any:
    if condition.changed_from is None or not value.type().is_numeric():
        return value
    before = _known(table, condition.changed_from)
    if before is None or not before.type().is_numeric():
        return None
    before = before.cast("float64")
    return _real((value.cast("float64") - before) / before.abs().nullif(0.0))


def _within(condition: Condition, number: Any) -> Any:
    import ibis

    if number is None or not number.type().is_numeric() or number.type().is_boolean():
        return False
    number = number.cast("float64")
    bounds = {
        "at_least": number.__ge__,
        "above": number.__gt__,
        "at_most": number.__le__,
        "below": number.__lt__,
    }
    told = {key: getattr(condition, key) for key in bounds}
    return ibis.and_(*(bounds[key](bound) for key, bound in told.items() if bound is not None))
