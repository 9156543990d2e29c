"""The calendar of what each person would get: who, when, and never more than the cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from connector.domain.account import CrmAccount
from connector.domain.occupied import CrmContext, OpenEpisode, SaveTask
from connector.services import simulate
from connector.services.simulate import Calendar, Span, plot
from tests.services.test_briefs import PROJECTS, intent, world

MONDAY = date(2026, 9, 7)
RULES = PROJECTS["salesforce"]


def told(*counts: int) -> dict[str, object]:
    weeks = [
        {"monday": f"2026-09-{7 + 7 * n:02}", "proposals": count, "tasks": 0, "reviews": 0, "saves": 0}
        for n, count in enumerate(counts)
    ]
    return {
        "since": "2026-09-07",
        "days": 21,
        "answered_after": 30,
        "cap": 5,
        "most_proposals_in_a_week": max(counts),
        "people": [{"person": "<Ana>", "weeks": weeks}],
    }


def test_a_proposal_counts_once_and_its_task_in_the_week_it_is_due() -> None:
    """What is open already brings nobody anything; a new one is its owner's, its task due after the weekend."""
    calendar, contexts = Calendar(), {"a1": CrmContext("a1")}
    friday = date(2026, 9, 11)

    for _ in range(3):
        simulate._propose(intent(), contexts, friday, world(), RULES, calendar)

    assert calendar.counts["Ana", MONDAY, "proposals"] == 1
    assert sum(count for (_, _, kind), count in calendar.counts.items() if kind == "tasks") >= 1
    assert calendar.counts["Ana", date(2026, 9, 14), "tasks"] >= 1
    assert [one.need for one in contexts["a1"].open_episodes] == ["reporting"]


def test_what_nobody_answers_is_declined_after_a_while() -> None:
    """An open proposal is closed as a no, a save task is done; younger ones stay."""
    old, young = OpenEpisode("a", MONDAY), OpenEpisode("b", date(2026, 9, 20))
    here = CrmContext("a1", open_episodes=(old, young), saves=(SaveTask(MONDAY),), open_tasks=2)

    after = simulate._answered(here, date(2026, 10, 7), 30)

    assert after.open_episodes == (young,)
    assert [(one.need, one.outcome) for one in after.closed_episodes] == [("a", "no")]
    assert after.saves[0].closed_on == date(2026, 10, 7)
    assert after.open_tasks == 1


def test_an_account_without_an_owner_gives_nobody_anything() -> None:
    """Nobody is counted for what nobody would get."""
    calendar, contexts = Calendar(), {"a1": CrmContext("a1")}
    here = replace(world(), accounts={"a1": CrmAccount("a1", "Acme")})

    simulate._propose(intent(), contexts, MONDAY, here, RULES, calendar)

    assert calendar.people() == []


@pytest.mark.parametrize(("since", "days", "weeks"), [(MONDAY, 7, 1), (date(2026, 9, 9), 7, 2), (MONDAY, 91, 13)])
def test_a_span_is_told_by_whole_weeks(since: date, days: int, weeks: int) -> None:
    """Every week that the span touches is in the calendar, by its Monday; nothing is decided at weekends."""
    span = Span(since, days)

    assert len(span.weeks()) == weeks
    assert all(day.weekday() < 5 for day in span.workdays())
    assert all(week.weekday() == 0 for week in span.weeks())


def test_the_plot_draws_every_week_under_the_cap() -> None:
    """One bar a week, the cap as a line, and a person's name as it is."""
    drawn = plot(told(3, 5, 0))

    assert drawn.count("<rect") == 3
    assert drawn.count("<line") == 1
    assert "&lt;Ana&gt;" in drawn
    assert "at most 5 a week; cap 5" in drawn
