"""Restraint: which days count as silent, and what becomes of an episode that nothing speaks for any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.change import RecordType
from connector.domain.episode import SILENT_DAYS, Episode, EpisodeState
from connector.domain.features import AccountFeatures, EventFeatures
from connector.domain.feed import Feed
from connector.domain.play import SAVE
from connector.domain.policy import Reason
from connector.domain.receipt import KnownRecord, Receipt
from connector.domain.signal import Signal
from connector.services.measure import Measured
from connector.services.project import Projected, project
from connector.services.save_task import save_task_key
from connector.services.score import Scores
from connector.services.silence import KEPT_DAYS, Heard, are_events_told, hear
from connector.services.world import World
from tests.services.test_project import INTENT, NOW, RULES, opened
from tests.services.test_save_task import INTENT as SAVING
from tests.services.test_save_task import TASK
from tests.services.test_save_task import with_task as with_save
from tests.services.test_withdraw import KEY, STAGES, key_of, moved, standing

TODAY = RULES.day(NOW)
USUAL = dict.fromkeys(range(12), 100)
METRICS = tuple(sorted(RULES.catalogue.metrics))
GOOD, POOR = Feed("files", TODAY, USUAL, METRICS), Feed("other", TODAY, {**USUAL, 0: 30})
STALE = Feed("files", TODAY - timedelta(days=9), USUAL, METRICS)
YOUNG = Feed("meters", TODAY, {0: 5}, METRICS)
OTHERS = Feed("files", TODAY, USUAL, ("sms_sent",))
PROPOSED = opened(INTENT)
LINKS = {"b1": "a1"}
CALL = key_of("proposed", "check_and_call")
DAYS = tuple(TODAY - timedelta(days=back) for back in (4, 3, 2))


def measured(
    *signals: Signal, feeds: Sequence[Feed] = (GOOD,), events: Sequence[EventFeatures] = (), **of_account: Any
) -> Measured:
    account = AccountFeatures("b1", **{"subscribed": True, **of_account})
    return Measured(NOW, {"b1": account}, {}, {"b1": events}, [], signals, TODAY, tuple(feeds))


def signal(kind: str, *needs: str) -> Signal:
    return Signal("s", "row", kind, "b1", needs, 1.0, 1.0, {"en": "s"}, TODAY)  # type: ignore[arg-type]


def heard(of: Measured, *episodes: Episode, links: Mapping[str, str] = LINKS) -> tuple[bool, bool]:
    """Whether the episode is spoken for, and whether its silence counts."""
    told = hear(episodes or (PROPOSED,), of, Scores(NOW, ()), links, RULES, TODAY)
    return bool(told.spoken_for), bool(told.silent)


def test_a_signal_for_its_need_speaks_for_it_whatever_a_gate_says() -> None:
    """What points to the need is heard even if no proposal would be made today; what only supports, is not."""
    assert heard(measured(signal("cross_sell", "reporting"))) == (True, False)
    assert heard(measured(signal("cross_sell", "signing"))) == (False, True)
    assert heard(measured(signal("context", "reporting"))) == (False, True)
    assert heard(measured(signal("context"))) == (False, True)
    assert heard(measured(feeds=(GOOD, YOUNG))) == (False, True)


@pytest.mark.parametrize(
    "feeds",
    [(POOR,), (STALE,), (GOOD, POOR), (), (YOUNG,), (OTHERS, YOUNG)],
    ids=["30 %", "stale", "one of two", "none", "young", "its own is young"],
)
def test_a_feed_at_30_percent_or_stale_counts_no_silence(feeds: Sequence[Feed]) -> None:
    """Silence is believed only where every stream of usage is as usual; what still speaks is heard all the same."""
    assert heard(measured(feeds=feeds)) == (False, False)
    assert heard(measured(signal("cross_sell", "reporting"), feeds=feeds)) == (True, False)


def test_of_a_customer_that_was_not_measured_nothing_is_known() -> None:
    """Unlinked, or not told by billing at all: no silence."""
    assert heard(measured(), links={}) == (False, False)
    assert heard(measured(), links={"b1": "another"}) == (False, False)


def test_silence_of_events_counts_while_events_come_as_usual() -> None:
    """A proposal that cites an event is silent only while events are told, and no rarer than before."""
    cited = replace(INTENT, contributions=(replace(INTENT.contributions[0], name="explored"),))
    episode = opened(cited)
    usual = [EventFeatures("b1", "docs_read", "", 9, 29, TODAY)]

    assert heard(measured(events=usual), episode) == (False, True)
    assert heard(measured(events=[replace(usual[0], last_on=TODAY - timedelta(days=9))]), episode) == (False, False)
    assert heard(measured(), episode) == (False, False)


@pytest.mark.parametrize(
    ("recent", "before", "good"), [(28, 62, True), (14, 62, True), (13, 62, False), (43, 62, False), (5, 0, False)]
)
def test_the_norm_of_events_is_what_four_weeks_brought_before(recent: int, before: int, good: bool) -> None:
    """Within half of it they are believed; without a past nothing is known."""
    told = {"b1": [EventFeatures("b1", "docs_read", "", recent, recent + before, TODAY)]}

    assert are_events_told(told, TODAY) is good


@pytest.mark.parametrize(("days_overdue", "spoken_for"), [(21, True), (0, False)])
def test_d15_a_save_play_is_spoken_for_while_its_customer_is_unwell(days_overdue: int, spoken_for: bool) -> None:
    """D15: once nothing is wrong any more, its silence counts."""
    play = Episode(KEY, "a1", SAVE, 1, NOW, play=SAVE, brief=SAVING.brief())

    assert heard(measured(days_overdue=days_overdue), play) == (spoken_for, not spoken_for)


Day = st.tuples(st.integers(0, 6), st.sampled_from(["spoken", "silent", "unknown"]))


@given(st.lists(Day, max_size=14))
def test_only_silence_on_different_days_adds_up(told: list[tuple[int, str]]) -> None:
    """The days kept are exactly those of good silence since it was last spoken for, each once, and never too many."""
    episode, expected = PROPOSED, list[date]()
    for offset, what in sorted(told, key=lambda one: one[0]):
        today = date(2026, 11, 20) + timedelta(days=offset)
        key = frozenset({episode.key})
        episode = Heard(
            today, key if what == "spoken" else frozenset(), key if what == "silent" else frozenset()
        ).noted(episode)
        if what == "spoken":
            expected = []
        elif what == "silent" and today not in expected:
            expected = [*expected, today][:KEPT_DAYS]

    assert list(episode.silent_on) == expected
    assert episode.is_over is (len(expected) >= SILENT_DAYS)


# What becomes of it -------------------------------------------------------------------------------------------------


def silent(days: int = 2, *, stage: str = "proposed", status: str = "Not Started", **rest: Any) -> World:
    """An opportunity with its one task, of which nothing has spoken for some days."""
    here = standing(CALL, status=status, **moved("proposed", *([stage] if stage != "proposed" else [])), **rest)
    receipt = {"StageName": Receipt("Expansion Proposed", "Expansion Proposed", run_id="r")}
    known = {**here.known, KEY: KnownRecord(KEY, RecordType.OPPORTUNITY, "o1", "a1", receipts=receipt)}
    episode = replace(here.episodes[0], silent_on=DAYS[:days])
    return replace(here, known=known, episodes=(episode,), stages=STAGES)


def still_silent(here: World, today: date = TODAY) -> Projected:
    keys = frozenset(one.key for one in here.episodes)
    return project((), (), {}, here, RULES, NOW, heard=Heard(today, silent=keys))


def test_on_the_third_day_everything_of_it_is_closed_together() -> None:
    """The opportunity goes to the stage of withdrawn ones and its task is cancelled, all or nothing."""
    made = still_silent(silent())

    assert {(one.type, one.close, one.together) for one in made.desired} == {
        (RecordType.OPPORTUNITY, True, KEY),
        (RecordType.TASK, True, KEY),
    }
    assert made.desired[0].fields["StageName"].value == RULES.mapping.opportunity.stages["withdrawn"]  # type: ignore[union-attr]
    assert made.episodes[0].silent_on == (*DAYS[:2], TODAY)
    assert made.episodes[0].state is EpisodeState.OPEN, "until the CRM shows it closed"


def test_before_the_third_day_it_stands_as_it_is() -> None:
    """A second day is counted and changes no record."""
    made = still_silent(silent(days=1))

    assert not any(one.close for one in made.desired)
    assert [len(one.silent_on) for one in made.episodes] == [2]


def test_the_job_that_follows_stages_counts_nothing_and_keeps_to_it() -> None:
    """It asks no signals: the days stay, and what is over is still closed."""
    made = project((), (), {}, silent(days=3), RULES, NOW)

    assert made.episodes == ()
    assert all(one.close for one in made.desired)


def test_a_proposal_of_today_speaks_for_its_episode() -> None:
    """The count ends with the intent, and nothing is closed."""
    here = silent(days=3)
    made = project((INTENT,), (), {}, here, RULES, NOW, heard=Heard(TODAY, spoken_for=frozenset({KEY})))

    assert not any(one.close for one in made.desired)
    assert [one.silent_on for one in made.episodes] == [()]


@pytest.mark.parametrize(
    "touched",
    [{"stage": "consult"}, {"status": "Completed"}, {"status": "In Progress"}],
    ids=["moved", "done", "begun"],
)
def test_what_somebody_works_on_is_reported_and_goes_on(touched: Mapping[str, str]) -> None:
    """An opportunity that its owner moved, or whose task was begun or done, is theirs to close: it is only told."""
    made = still_silent(silent(**touched))  # type: ignore[arg-type]

    assert not any(one.close for one in made.desired)
    assert RecordType.OPPORTUNITY in {one.type for one in made.desired}
    assert [(one.subject, one.reason) for one in made.held] == [("analytics", Reason.SIGNALS_GONE)]


def test_a_moved_one_that_was_put_back_is_still_somebodys() -> None:
    """The CRM's history tells that its owner worked on it."""
    here = silent()
    back = moved("proposed", "consult", "proposed")

    closed = [one.type for one in still_silent(replace(here, **back)).desired if one.close]
    assert RecordType.OPPORTUNITY not in closed


def test_a_bought_offer_is_told_and_not_taken_back() -> None:
    """Silence after the purchase is no reason to close a sale that the owner has to win."""
    made = project((), (), {}, silent(days=3), RULES, NOW, {"a1": {"analytics"}})

    assert RecordType.OPPORTUNITY not in {one.type for one in made.desired}


def test_what_never_came_to_stand_ends_a_day_later() -> None:
    """With no record in the CRM nothing is closed: the third day gives up what waits, the fourth ends the episode."""
    here = replace(silent(days=2), known={}, opportunities=(), tasks=(), entries={})
    third = still_silent(here)
    fourth = still_silent(replace(here, episodes=third.episodes), TODAY + timedelta(days=1))

    assert third.desired == fourth.desired == ()
    assert [one.state for one in third.episodes] == [EpisodeState.OPEN]
    assert [(one.state, one.closed_at) for one in fourth.episodes] == [(EpisodeState.WITHDRAWN, NOW)]


def test_d15_a_save_task_goes_with_its_reason() -> None:
    """D15: untouched it is cancelled; begun it stays, and that is told."""

    def after(status: str) -> Projected:
        here = with_save(status)
        receipts = {"Status": Receipt("Not Started", "Not Started", run_id="r")}
        known = {key: replace(one, receipts=receipts) for key, one in here.known.items()}
        days = tuple(replace(one, silent_on=DAYS[:2]) for one in here.episodes)
        return still_silent(replace(here, episodes=days, known=known))

    assert [(one.key, one.close) for one in after("Not Started").desired] == [(TASK, True)]
    assert save_task_key(after("Not Started").desired[0].together) == TASK
    assert [one.close for one in after("In Progress").desired] == [False]
    assert [one.reason for one in after("In Progress").held] == [Reason.SIGNALS_GONE]
