"""Conditions made into one function each, because rules ask them millions of times a run.

`Condition.holds` says what a condition means, and every answer here is the same as there. Most customers fail the
first comparison of a rule, which needs no features put together: `necessary` finds it, and where it asks for a number
within `bounds`, a row can be asked alone or a whole column at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from operator import attrgetter
from typing import Any, NamedTuple

from connector.domain.features import Feature
from connector.domain.signal import Condition

Test = Callable[[Mapping[str, Feature]], bool]


def compiled(condition: Condition) -> Test:
    """Make a function that answers as `condition.holds` does."""
    tests = [] if condition.feature is None else [_comparison(condition)]
    tests += map(compiled, condition.all)
    if condition.any:
        tests.append(_some(tuple(map(compiled, condition.any))))
    tests += (_not(compiled(part)) for part in condition.none)
    return tests[0] if len(tests) == 1 else _every(tuple(tests))


def _every(tests: tuple[Test, ...]) -> Test:
    def every(features: Mapping[str, Feature]) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(features):
                return False
        return True

    return every


def _some(tests: tuple[Test, ...]) -> Test:
    def some(features: Mapping[str, Feature]) -> bool:
        for test in tests:  # noqa: SIM110
            if test(features):
                return True
        return False

    return some


def _not(test: Test) -> Test:
    return lambda features: not test(features)


def _comparison(condition: Condition) -> Test:
    name = condition.feature or ""
    if _is_number_within(condition):
        within = _within(condition)
        return lambda features: within(features.get(name))
    return lambda features: condition._compares(features.get(name), features)


def _is_number_within(condition: Condition) -> bool:
    """Most comparisons: a number within bounds, and nothing else."""
    asks_more = condition.one_of or condition.is_true is not None or condition.absent_for is not None
    return condition.is_bounded and not asks_more and condition.changed_from is None and condition.known is not False


def _within(condition: Condition) -> Callable[[Feature], bool]:
    infinite = float("inf")
    least = -infinite if condition.at_least is None else condition.at_least
    most = infinite if condition.at_most is None else condition.at_most
    above, below = condition.above, condition.below

    def bounded(value: Feature) -> bool:
        # Neither a flag is a number here, nor a day or a text; NaN is within no bounds.
        if value is None or value.__class__ not in _NUMBERS:
            return False
        number = float(value)  # type: ignore[arg-type] # a number, by its class
        return least <= number <= most and (above is None or number > above) and (below is None or number < below)

    return bounded


def necessary(condition: Condition, names: Set[str]) -> Iterator[Condition]:
    """Parts that must hold for the whole to hold, and that read nothing but these names."""
    if condition.feature is None and not condition.any and not condition.none:
        for part in condition.all:
            yield from necessary(part, names)
    elif set(condition.names()) <= names and not any(leaf.absent_for is not None for leaf in condition.leaves()):
        yield condition


class Bounds(NamedTuple):
    """A number of a row that must lie within bounds for a condition to hold."""

    feature: str
    within: Condition


def bounds(condition: Condition, names: Set[str]) -> list[Bounds]:
    """Every number among these names that must lie within bounds for the condition to hold."""
    parts = [part for part in necessary(condition, names) if _is_number_within(part)]
    return [Bounds(part.feature, part) for part in parts if part.feature and not (part.all or part.any or part.none)]


def on_row(some: Sequence[Bounds]) -> Callable[[Any], bool]:
    """Make a function that says of a row whether its numbers lie within all of some bounds."""
    tests = [(attrgetter(one.feature), _within(one.within)) for one in some]

    if len(tests) == 1:
        ((only, within_its),) = tests
        return lambda row: within_its(only(row))

    def may_hold(row: Any) -> bool:
        for read, within in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not within(read(row)):
                return False
        return True

    return may_hold


_NUMBERS = frozenset({int, float})
