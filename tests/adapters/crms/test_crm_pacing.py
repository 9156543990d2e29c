"""Pace and meter: calls stay under a vendor's window, and the day's floor is never touched."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.crms.pacing import Meter, Pace
from connector.domain.change import Allowance
from connector.testing.clock import SimulatedClock


def meter_at(used: int, allowed: int, floor: float) -> tuple[Meter, SimulatedClock]:
    clock = SimulatedClock()
    meter = Meter(clock, floor)
    meter.note(used, allowed)
    return meter, clock


def test_a_meter_that_was_told_nothing_lets_every_call_pass() -> None:
    """A vendor that tells nothing of its day has no allowance, and no call is refused for it."""
    meter = Meter(SimulatedClock(), 0.5)
    meter.count()

    assert (meter.calls(), meter.allowance(), meter.why_not()) == (1, None, None)


@pytest.mark.parametrize(
    ("used", "floor", "passes"),
    [(89, 0.1, True), (90, 0.1, False), (95, 0.1, False), (99, 0.0, True), (100, 0.0, False), (0, 1.0, False)],
)
def test_the_floor_is_never_touched(used: int, floor: float, passes: bool) -> None:
    """A call that would go below the floor is refused; the last one above it passes."""
    meter, _ = meter_at(used, 100, floor)

    assert (meter.why_not() is None) == passes
    assert meter.allowance() == Allowance(used, 100)


@given(used=st.integers(0, 10_000), allowed=st.integers(1, 10_000), floor=st.floats(0, 1))
def test_a_call_that_passes_leaves_the_floor_whole(used: int, allowed: int, floor: float) -> None:
    """Whatever a vendor tells, after a call that passes at least the floor is left."""
    meter, _ = meter_at(used, allowed, floor)

    if meter.why_not() is None:
        assert allowed - used - 1 >= round(floor * allowed)


def test_a_spent_day_says_what_to_turn() -> None:
    """The reason tells what is left, what is kept, and which setting keeps it."""
    meter, _ = meter_at(95, 100, 0.1)

    assert str(meter.why_not()) == (
        "5 of the day's 100 API calls are left, and `api_budget.floor` of the mapping leaves 10 to others"
    )


def test_what_was_told_long_ago_is_asked_again() -> None:
    """A quarter of an hour later one call may find out how the day stands."""
    meter, clock = meter_at(100, 100, 0.1)
    clock.sleep(899)
    before = meter.why_not()
    clock.sleep(1)

    assert before is not None
    assert meter.why_not() is None


@given(st.lists(st.tuples(*[st.floats(0, 3)] * 3), min_size=1, max_size=60), st.integers(1, 5))
def test_no_window_holds_more_calls_than_it_may(calls: list[tuple[float, float, float]], most: int) -> None:
    """Whenever calls come and however long they are on their way, the vendor sees no more of them in two seconds."""
    clock = SimulatedClock()
    pace = Pace(clock, most, 2.0)
    reached = []
    for pause, there, back in calls:
        clock.sleep(pause)
        with pace.turn():
            clock.sleep(there)
            reached.append(clock.now())
            clock.sleep(back)

    assert all(later - first >= 2.0 - 1e-5 for first, later in zip(reached, reached[most:], strict=False))


def test_a_call_that_fails_counts() -> None:
    """The vendor counts what it does not answer."""
    clock = SimulatedClock()
    pace = Pace(clock, 1, 2.0)
    with suppress(ConnectionError), pace.turn():
        raise ConnectionError
    before = clock.now()

    with pace.turn():
        assert clock.now() - before >= 2.0 - 1e-5


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 5))
def test_calls_of_others_take_their_part_of_the_window(whose: list[bool], most: int) -> None:
    """Once an answer has told that others call with our credentials, the vendor's window never overflows by ours."""
    clock = SimulatedClock()
    pace = Pace(clock, most, 2.0)
    seen: list[float] = []
    for is_ours in whose:
        clock.sleep(0.1)
        if not is_ours and not _in_window(seen, clock.now()) < most - 1:
            continue  # they leave us one
        if not is_ours:
            seen.append(clock.now())
            with pace.turn():  # our next call finds out
                seen.append(clock.now())
        else:
            with pace.turn():
                seen.append(clock.now())
        assert _in_window(seen, clock.now()) <= most
        pace.allow(most, 2.0, most - _in_window(seen, clock.now()))


def _in_window(seen: list[float], now: float) -> int:
    return sum(one > now - 2.0 for one in seen)
