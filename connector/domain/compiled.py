"""Conditions made into one function each, because rules ask them millions of times a run.

`Condition.holds` says what a condition means, and every answer here is the same as there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    asks_more = condition.one_of or condition.is_true is not None or condition.absent_for is not None
    if condition.is_bounded and not asks_more and condition.changed_from is None and condition.known is not False:
        return _bounded(condition)
    return lambda features: condition._compares(features.get(condition.feature or ""), features)


def _bounded(condition: Condition) -> Test:
    """Most comparisons: a number within bounds."""
    name, infinite = condition.feature or "", float("inf")
    least = -infinite if condition.at_least is None else condition.at_least
    most = infinite if condition.at_most is None else condition.at_most
    above, below = condition.above, condition.below

    def bounded(features: Mapping[str, Feature]) -> bool:
        value = features.get(name)
        # Neither a flag is a number here, nor a day or a text; NaN is within no bounds.
        if value is None or value.__class__ not in _NUMBERS:
            return False
        number = float(value)  # type: ignore[arg-type] # a number, by its class
        return least <= number <= most and (above is None or number > above) and (below is None or number < below)

    return bounded


_NUMBERS = frozenset({int, float})
