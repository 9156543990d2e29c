"""A simulated week: missed ticks, restarts, wrong clocks and summer time; each night once a working day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.play import Job, Schedule
from tests.simulated_week import Machine, Paris

SCHEDULE = Schedule(jobs={"nightly": Job(cron="30 5 * * 1-5"), "stages": Job(run="stages", every_minutes=10)})


@pytest.fixture
def light() -> Iterator[Path]:
    """A folder in memory where there is one: a simulated week writes thousands of times."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, light: Path) -> Iterator[Machine]:
    """A machine whose clock the test sets, on Monday 2 November 2026 at midnight in Paris."""
    with Machine(monkeypatch, light, Paris(2026, 11, 2)) as made:
        yield made


def nights(machine: Machine, *days: int, hour: str = "05:30") -> None:
    """The nightly job began once on each of these days of the month, at that hour where it tells one."""
    began = machine.began("sync")
    assert [moment.day for moment in began] == list(days)
    assert {f"{moment:%H:%M}" for moment in began} == {hour}


def test_a_week_has_five_nights(machine: Machine) -> None:
    """Undisturbed, the nightly job runs once a working day, and stages are followed every ten minutes of the week."""
    machine.start(SCHEDULE)

    machine.run(days=7)

    nights(machine, 2, 3, 4, 5, 6)
    stages = machine.began("stages")
    assert len(stages) == 7 * 24 * 6 - 1
    assert {later - earlier for earlier, later in pairwise(stages)} == {timedelta(minutes=10)}


@pytest.mark.parametrize(
    ("first", "nights_of"),
    [(Paris(2026, 3, 27), [27, 30, 31, 1, 2]), (Paris(2026, 10, 23), [23, 26, 27, 28, 29])],
    ids=["spring", "autumn"],
)
def test_summer_time_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch, light: Path, first: datetime, nights_of: list[int]
) -> None:
    """Over both changes the night begins at half past five of the wall's clock, and no ten minutes are left out."""
    with Machine(monkeypatch, light, first) as machine:
        machine.start(SCHEDULE)
        machine.run(days=7)

    nights(machine, *nights_of)
    stages = [moment.astimezone(UTC) for moment in machine.began("stages")]
    assert {later - earlier for earlier, later in pairwise(stages)} == {timedelta(minutes=10)}


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (Paris(2026, 10, 24), ["24 02:30", "25 02:30", "26 02:30"]),
        (Paris(2026, 3, 28), ["28 02:30", "29 03:30", "30 02:30"]),
    ],
    ids=["autumn", "spring"],
)
def test_an_hour_that_comes_twice_or_never_is_one_turn(
    monkeypatch: pytest.MonkeyPatch, light: Path, first: datetime, expected: list[str]
) -> None:
    """A job at half past two runs once on the day when that comes twice, and once on the day when it does not come."""
    with Machine(monkeypatch, light, first) as machine:
        machine.start(Schedule(jobs={"nightly": Job(cron="30 2 * * *")}))
        machine.run(days=2, hours=20)

    assert [f"{moment:%d %H:%M}" for moment in machine.began("sync")] == expected


def test_a_machine_that_slept_through_its_hour_makes_up_for_it_once(machine: Machine) -> None:
    """Asleep from Monday evening to Wednesday noon: two nights were missed, one run makes up for both."""
    machine.start(SCHEDULE)
    machine.run(hours=20)

    machine.sleep(hours=40)
    machine.run(days=2)

    began = [f"{moment:%a %H:%M}" for moment in machine.began("sync")]
    assert began == ["Mon 05:30", "Wed 12:00", "Thu 05:30", "Fri 05:30"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_service_that_was_down_makes_up_for_the_night_it_missed(machine: Machine, end: str) -> None:
    """Stopped or killed before the hour and started after it, it runs the night then, and the next one on time."""
    machine.start(SCHEDULE)
    machine.run(hours=20)
    getattr(machine, end)()
    machine.sleep(hours=14)

    machine.start(SCHEDULE)
    machine.run(days=1)

    assert [f"{moment:%a %H:%M}" for moment in machine.began("sync")] == ["Mon 05:30", "Tue 10:00", "Wed 05:30"]


def test_a_restart_after_the_night_does_not_run_it_again(machine: Machine) -> None:
    """Restarted ten times on one day, the night still ran once."""
    machine.start(SCHEDULE)
    machine.run(hours=6)
    for _ in range(10):
        machine.stop()
        machine.start(SCHEDULE)
        machine.run(hours=1)

    machine.run(hours=20)

    nights(machine, 2, 3)


def test_a_service_that_never_ran_waits_for_its_hour(machine: Machine) -> None:
    """On an empty state folder nothing was missed."""
    machine.run(hours=10)

    machine.start(SCHEDULE)
    machine.run(hours=10)

    assert machine.began("sync") == []


def test_a_night_that_a_kill_cut_off_is_begun_once_more(machine: Machine) -> None:
    """Killed in the middle, it runs again at the next start; killed again, it waits for tomorrow instead of looping."""
    machine.start(SCHEDULE)
    machine.kill_in = 2

    for _ in range(2):
        machine.run(hours=6, minutes=1)
        machine.start(SCHEDULE)
    machine.run(hours=18)

    assert [f"{moment:%a %H:%M}" for moment in machine.began("sync")] == ["Mon 05:30", "Mon 06:01", "Tue 05:30"]


@pytest.mark.parametrize(
    ("when", "jump"),
    [
        ({"hours": 6}, timedelta(minutes=-50)),
        ({"hours": 6}, timedelta(hours=-5)),
        ({"hours": 5, "minutes": 31}, timedelta(minutes=-2)),
        ({"hours": 3}, timedelta(hours=-2)),
        ({"hours": 3}, timedelta(hours=4)),
        ({"hours": 12}, timedelta(minutes=7)),
    ],
)
def test_a_jump_of_the_clock_neither_doubles_nor_loses_a_night(
    machine: Machine, when: dict[str, int], jump: timedelta
) -> None:
    """Set back over the hour or forward over it, each day's night runs once, and stages go on within ten minutes."""
    machine.start(SCHEDULE)
    machine.run(**when)
    before = len(machine.began("stages"))

    machine.jump(jump)
    machine.run(minutes=11)
    soon = len(machine.began("stages"))
    machine.run(days=2)

    days = [moment.day for moment in machine.began("sync")]
    assert days == sorted(set(days))
    assert {2, 3} <= set(days)
    assert soon > before


@pytest.mark.parametrize("days", [1, 3, 400])
def test_a_clock_that_was_wrong_for_an_hour_does_not_cost_the_days_it_skipped(machine: Machine, days: int) -> None:
    """Days ahead for an hour and then set right: what was put off under the wrong clock is due again."""
    machine.start(SCHEDULE)
    machine.run(hours=10)
    machine.jump(timedelta(days=days))
    machine.run(hours=1)

    machine.jump(timedelta(days=-days))
    before = len(machine.log)
    machine.run(days=4)

    right = [moment for kind, moment in machine.log[before:] if kind == "sync"]
    assert [f"{moment:%a %H:%M}" for moment in right] == ["Tue 05:30", "Wed 05:30", "Thu 05:30", "Fri 05:30"]


def test_a_long_night_overlaps_nothing_of_its_own(machine: Machine) -> None:
    """A run of thirty hours takes the next night's turn along, and the one after is on time."""
    machine.start(SCHEDULE)
    machine.lasts = {0: timedelta(hours=30)}

    machine.run(days=3)

    assert [f"{moment:%a %H:%M}" for moment in machine.began("sync")] == ["Mon 05:30", "Tue 11:31", "Wed 05:30"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.integers(1, 30 * 60)),
            st.tuples(st.just("sleep"), st.integers(1, 30 * 60)),
            st.tuples(st.just("restart"), st.integers(0, 10 * 60)),
            st.tuples(st.just("jump"), st.integers(-120, 120)),
        ),
        max_size=8,
    )
)
def test_whatever_happens_in_a_week_no_working_day_has_two_nights(events: list[tuple[str, int]]) -> None:
    """Sleeps, restarts and jumps of up to two hours in any order: a turn is never run twice, and none that was awake
    an hour after it is lost."""
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
        Machine(patch, Path(folder), Paris(2026, 11, 2)) as machine,
    ):
        machine.step = timedelta(minutes=5)
        machine.start(SCHEDULE)
        for name, minutes in events:
            if name == "restart":
                machine.stop()
                machine.sleep(minutes=minutes)
                machine.start(SCHEDULE)
            elif name == "jump":
                machine.jump(timedelta(minutes=minutes))
            else:
                getattr(machine, name)(minutes=minutes)
            machine.run(minutes=60)
        turns = [machine.turn_of(moment) for moment in machine.began("sync")]
        wanted = machine.turns_until(machine.here() - timedelta(hours=3))

    assert turns == sorted(set(turns))
    assert not wanted or turns[-1] >= wanted[-1]


def test_a_cron_line_for_every_ten_minutes_goes_on_through_the_hour_that_comes_twice(
    monkeypatch: pytest.MonkeyPatch, light: Path
) -> None:
    """A line with a wildcard follows the time that passes: neither doubled nor silent for an hour in autumn."""
    with Machine(monkeypatch, light, Paris(2026, 10, 25)) as machine:
        machine.start(Schedule(jobs={"stages": Job(run="stages", cron="*/10 * * * *")}))
        machine.run(hours=6)

    began = [moment.astimezone(UTC) for moment in machine.began("stages")]
    assert {later - earlier for earlier, later in pairwise(began)} == {timedelta(minutes=10)}
