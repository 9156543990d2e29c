"""A bad night is told once when it begins and once when it is over, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.alert import Alerts, Ended, span_of
from connector.domain.errors import Exit, LaterError
from connector.domain.play import Job, Schedule
from connector.scheduler import due_after
from connector.services.alerts import Bell, job_ended, look_for_silence, summary_of

NIGHT = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUMMARY = {
    "status": "partial",
    "plan": {"create": 4, "update": 2, "close": 1},
    "delivered": {"ok": 5, "parked": 2},
    "held": {"unlikely": 20, "no_owner": 8, "ambiguous": 2, "unmatched": 1},
    "approval": [],
}


class Phone:
    """A channel that can be out of reach."""

    def __init__(self, name: str = "ops") -> None:
        self.name = name
        self.is_down = False
        self.heard: list[tuple[str, str]] = []

    def send(self, subject: str, body: str) -> None:
        """Hear a message."""
        if self.is_down:
            raise LaterError("nobody answers")
        self.heard.append((subject, body))

    @property
    def subjects(self) -> list[str]:
        """What was heard, in short."""
        return [subject for subject, _ in self.heard]


class Book:
    """What is remembered, in memory; it outlives the bell."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Give it."""
        return self.held

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Give it to be changed."""
        yield self.held


def bell(*phones: Phone, book: Book | None = None, **alerts: Any) -> Bell:
    return Bell(Alerts(**alerts), phones, book or Book(), "Europe/Paris", lambda after: after + HOUR, "hubspot")


def ended(exit: Exit, hours: float = 0, **more: Any) -> Ended:
    return Ended("sync", "hubspot", NIGHT + hours * HOUR, exit, "run-1", "hubspot:42", **more)


@pytest.mark.parametrize(
    ("exit", "word"), [(Exit.BUG, "failed"), (Exit.MEND, "failed"), (Exit.PARTIAL, "partial"), (Exit.APPROVAL, "waits")]
)
def test_a_change_is_told_once_and_its_end_once(exit: Exit, word: str) -> None:
    """However often the job runs meanwhile."""
    phone = Phone()
    ops = bell(phone)
    for hour, code in enumerate([Exit.OK, exit, exit, exit, Exit.OK, Exit.OK]):
        job_ended(ops, ended(code, hour))

    assert len(phone.heard) == 2
    assert word in phone.subjects[0]
    assert phone.subjects[1] == "connector: sync to hubspot:42 is well again"


def test_what_changes_from_bad_to_bad_is_told() -> None:
    """A failure that becomes a partial run is news, too."""
    phone = Phone()
    ops = bell(phone)
    for hour, code in enumerate([Exit.MEND, Exit.PARTIAL, Exit.MEND]):
        job_ended(ops, ended(code, hour))

    assert ["failed" in subject for subject in phone.subjects] == [True, False, True]


def test_two_jobs_fail_apart() -> None:
    """One job that is well says nothing about the other."""
    phone = Phone()
    ops = bell(phone)
    job_ended(ops, ended(Exit.MEND))
    job_ended(ops, replace(ended(Exit.OK, 1), job="stages"))
    job_ended(ops, replace(ended(Exit.MEND, 2), job="stages"))
    job_ended(ops, ended(Exit.MEND, 3))

    assert [subject.split()[1] for subject in phone.subjects] == ["sync", "stages"]


def test_without_a_channel_nothing_is_noted() -> None:
    """So that the first one hears of what is wrong then, not only of what comes after."""
    phone, book = Phone(), Book()
    job_ended(bell(book=book), ended(Exit.MEND))
    look_for_silence(bell(book=book, nothing_since="1h"), NIGHT + 9 * HOUR)
    assert book.held == {}

    job_ended(bell(phone, book=book), ended(Exit.MEND, 10))

    assert len(phone.heard) == 1


def test_only_what_was_asked_for_is_told() -> None:
    """Neither the beginning nor the end of anything else."""
    phone = Phone()
    ops = bell(phone, on_failure=False, on_partial=False, on_waiting=False)
    for hour, code in enumerate([Exit.MEND, Exit.OK, Exit.PARTIAL, Exit.OK, Exit.APPROVAL, Exit.OK]):
        job_ended(ops, ended(code, hour))

    assert phone.heard == []


def test_a_vendor_that_is_down_changes_nothing() -> None:
    """It is tried again; when it lasts, silence tells."""
    phone = Phone()
    ops = bell(phone)
    for hour, code in enumerate([Exit.MEND, Exit.LATER, Exit.MEND, Exit.LATER, Exit.OK]):
        job_ended(ops, ended(code, hour))

    assert len(phone.heard) == 2


def test_a_restart_forgets_nothing() -> None:
    """What was told is remembered outside of the process."""
    phone, book = Phone(), Book()
    job_ended(bell(phone, book=book), ended(Exit.MEND))
    job_ended(bell(phone, book=book), ended(Exit.MEND, 1))

    assert len(phone.heard) == 1


def test_a_channel_that_is_down_gets_everything_later_and_holds_nobody_back() -> None:
    """In order, each once, saying that it is late; the other channel hears at once."""
    down, up = Phone("mail"), Phone("chat")
    down.is_down = True
    ops = bell(down, up)
    first = job_ended(ops, ended(Exit.MEND))
    job_ended(ops, ended(Exit.OK, 1))
    down.is_down = False
    last = job_ended(ops, ended(Exit.OK, 2))

    assert (first, last) == ({"mail": "nobody answers"}, {})
    assert down.subjects == up.subjects
    assert [body.startswith("(written 2026-03-02 ") for _, body in down.heard] == [True, True]
    assert not any(body.startswith("(written") for _, body in up.heard)


def test_what_is_owed_is_bounded() -> None:
    """A channel that is down for a year gets the newest messages."""
    phone = Phone()
    phone.is_down = True
    book = Book()
    for hour in range(100):
        job_ended(bell(phone, book=book), ended([Exit.MEND, Exit.OK][hour % 2], hour))
    phone.is_down = False
    look_for_silence(bell(phone, book=book), NIGHT + 100 * HOUR)

    assert len(phone.heard) == 20
    assert "well again" in phone.subjects[-1]


def test_silence_is_told_when_a_run_was_due() -> None:
    """Once, and its end once: with the run that gets through."""
    phone = Phone()
    ops = bell(phone, nothing_since="36h")
    job_ended(ops, ended(Exit.OK))
    for hour in (1, 35, 36, 37, 60):
        look_for_silence(ops, NIGHT + hour * HOUR)
    job_ended(ops, ended(Exit.LATER, 61))
    job_ended(ops, ended(Exit.OK, 62))

    assert phone.subjects == [
        "connector: nothing to hubspot for 36h",
        "connector: sync to hubspot:42 is well again",
    ]


def test_silence_from_the_very_first_day_is_told() -> None:
    """A service that never once got through counts from when it was first looked at."""
    phone = Phone()
    ops = bell(phone, nothing_since="2d")
    for hour in (0, 47, 48):
        look_for_silence(ops, NIGHT + hour * HOUR)

    assert len(phone.heard) == 1


def schedule(cron: str) -> Schedule:
    return Schedule(timezone="Europe/Paris", jobs={"nightly": Job(run="sync", cron=cron)})


def test_a_weekend_without_a_run_is_no_silence() -> None:
    """From Friday's run to Monday's nothing is due, however short the span is."""
    phone = Phone()
    friday = datetime(2026, 3, 27, 4, 31, tzinfo=UTC)
    due = due_after(schedule("30 5 * * 1-5"), "sync", lambda *_: "")
    ops = replace(bell(phone, nothing_since="36h"), due_after=due)
    job_ended(ops, replace(ended(Exit.OK), at=friday))
    told = []
    for hour in range(1, 80):
        look_for_silence(ops, friday + hour * HOUR)
        told.append(len(phone.heard))

    # Clocks go forward on Sunday 29 March: Monday's 05:30 in Paris is 03:30 UTC, 71 hours after Friday's run.
    assert told.index(1) + 1 == 71
    assert "due on Monday 30 March, 05:30" in phone.heard[0][1]


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # 02:30 does not exist
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30 comes twice
    ],
)
def test_a_run_is_due_over_a_change_of_clocks(day: datetime, due: datetime) -> None:
    """At a time that the clock leaves out or shows twice, it is due once, within the hour."""
    found = due_after(schedule("30 2 * * *"), "sync", lambda *_: "")(day)

    assert found is not None
    assert abs(found - due) <= HOUR


def test_a_summary_says_what_was_done_why_and_what_comes_next() -> None:
    """Counts, the CRM's reasons first, and the exact command."""
    told = summary_of(ended(Exit.PARTIAL, summary=SUMMARY, reasons=["refused: REQUIRED 2"]), "Europe/Paris")

    assert told.subject == "connector: sync to hubspot:42 is partial: 2 refused"
    assert told.body == (
        "Run run-1 of sync to hubspot:42, Monday 02 March 2026, 05:30 (Europe/Paris): is partial: 2 refused.\n\n"
        "Wanted: create 4, update 2, close 1. Written: 5.\nNot written: parked 2. Held back: 31.\n\n"
        "Why\n  refused: REQUIRED 2\n\n"
        "What to do next\n  connector outbox list --state parked\n"
        "  connector outbox retry      # when the cause is mended\n"
    )


def test_a_refusal_and_a_lost_field_are_told_together() -> None:
    """The subject says what was refused; the message tells both, first the fields, at most six by name."""
    lost = [{"message": f"unknown field 'f{n}' on task", "at": None, "hint": "grant it"} for n in range(8)]
    both = {**SUMMARY, "schema": {"held": 1, "problems": lost}}

    told = summary_of(ended(Exit.PARTIAL, summary=both, reasons=["refused: REQUIRED 2"]), "UTC")
    other = summary_of(ended(Exit.PARTIAL, summary={**SUMMARY, "delivered": {"unknown": 1}}), "UTC")

    assert told.subject.endswith("is partial: 2 refused")
    why, _, what_next = told.body.partition("Why\n")[2].partition("\nWhat to do next\n")
    assert [line.strip() for line in why.splitlines()[5:]] == [
        "unknown field 'f5' on task",
        "and 2 more: `connector check --live` lists them",
        "1 new record waits for them; the rest goes on",
        "refused: REQUIRED 2",
    ]
    assert [line.split("   ")[0].strip() for line in what_next.splitlines()] == [
        "grant it", "connector check --live", "connector outbox list --state parked", "connector outbox retry"
    ]  # fmt: skip
    assert other.subject.endswith("is partial")


def test_a_plan_that_waits_names_its_approval() -> None:
    """With why it waits, and the command that lets it go on."""
    waits = {**SUMMARY, "status": "waiting", "approval": ["creates 400 (`approval.creates: 200`)"]}
    told = summary_of(ended(Exit.APPROVAL, summary=waits), "UTC")

    assert "creates 400 (`approval.creates: 200`)" in told.body
    assert 'connector approve run-1 --by "YOUR NAME"' in told.body
    assert "Nothing is written yet" in told.body


@given(
    st.sampled_from(list(Exit)),
    st.text(max_size=200),
    st.text(max_size=2000),
    st.dictionaries(st.text(max_size=20), st.integers(0, 10**9), max_size=5),
)
def test_any_end_makes_a_message_with_a_short_subject(exit: Exit, where: str, error: str, held: dict[str, int]) -> None:
    """Whatever a destination is called and an error says."""
    told = summary_of(Ended("sync", where, NIGHT, exit, error=error, summary={"held": held}), "UTC")

    assert 0 < len(told.subject) <= 80
    assert told.subject.isprintable()
    assert "What to do next" in told.body


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("36h", 36 * HOUR),
        ("90m", 1.5 * HOUR),
        (" 2d ", 48 * HOUR),
        ("0h", None),
        ("36", None),
        ("-1h", None),
        ("", None),
    ],
)
def test_a_span_of_time(text: str, span: timedelta | None) -> None:
    """A number and its unit; nothing is guessed."""
    assert span_of(text) == span
