"""D15: a save task's life in the CRM: written once, renewed by another reason, over when it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from connector.domain.change import CrmRecord, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import SaveIntent
from connector.domain.keys import episode_key
from connector.domain.link import LinkDecision, LinkState
from connector.domain.money import Money
from connector.domain.occupied import SaveTask
from connector.domain.play import SAVE
from connector.domain.project import mapping_of
from connector.domain.receipt import KnownRecord
from connector.services.customers import crm_side
from connector.services.project import Projected, project
from connector.services.save_task import save_task_key
from connector.services.track import ended_mentions
from connector.services.withdraw import withdrawn
from connector.services.world import World
from tests.services import test_recover as crm
from tests.services.test_project import NOW, RULES, value, world

OVERDUE = ("unhealthy_overdue", {"en": "An invoice is 21 days overdue", "fr": "…"}, {"en": "Ask", "fr": "…"})
NPS = ("unhealthy_nps", {"en": "They gave 3 of 10", "fr": "…"}, {"en": "Thank them", "fr": "…"})
INTENT = SaveIntent("a1", ("b1",), (OVERDUE,), Money(42_000, "EUR"), date(2026, 9, 28))
KEY = episode_key(mapping_of(RULES).namespace, "a1", SAVE, 1)
TASK = save_task_key(KEY)
OPEN = Episode(KEY, "a1", SAVE, 1, NOW - timedelta(days=3), play=SAVE, brief=INTENT.brief())


def helped(here: World, *intents: SaveIntent) -> Projected:
    return project((), (), {}, here, RULES, NOW, saves=intents)


def with_task(status: str, **more: Any) -> World:
    known = {TASK: KnownRecord(TASK, RecordType.TASK, "t1", "a1")}
    task = CrmRecord(RecordType.TASK, "t1", {"Status": status})
    return world(**{"episodes": (OPEN,), "known": known, "tasks": (task,), **more})


def test_d15_a_save_play_is_one_task_on_the_account() -> None:
    """D15: no opportunity; the task names what is wrong, what is at stake and the day of the data."""
    made = helped(world(), INTENT)

    (task,) = made.desired
    assert (task.type, task.key, str(task.links[0].to)) == (RecordType.TASK, TASK, "account:a1")
    assert value(task, "Subject") == "Look after Acme: an invoice is 21 days overdue"
    assert "At stake: €420 a month." in value(task, "Description")
    assert value(task, "Description").endswith("Data to 28 September 2026.")
    assert [(one.need, one.play) for one in made.episodes] == [(SAVE, SAVE)]


@pytest.mark.parametrize(("reasons", "is_news"), [((OVERDUE,), False), ((OVERDUE, NPS), True), ((), False)])
def test_d15_the_next_day_asks_for_the_same_task(reasons: tuple[Any, ...], is_news: bool) -> None:
    """D15: one key as long as it is open, healthy again or not; only another reason renews what it says."""
    made = helped(with_task("Not Started"), *([replace(INTENT, reasons=reasons)] if reasons else []))

    assert [one.key for one in made.desired] == [TASK]
    assert bool(made.episodes) is is_news
    assert ("They gave 3 of 10" in value(made.desired[0], "Description")) is is_news


@pytest.mark.parametrize(("status", "state"), [("Completed", EpisodeState.LOST), ("Not Started", None)])
def test_d15_it_is_over_when_it_is_done(status: str, state: EpisodeState | None) -> None:
    """D15: then it is quiet on the account for a while, and after that the next one has a key of its own."""
    ended = ended_mentions(RULES)(with_task(status), NOW)

    assert [one.state for one in ended] == ([state] if state else [])
    (task,) = helped(world(episodes=tuple(ended) or (replace(OPEN, state=EpisodeState.LOST),)), INTENT).desired
    assert task.key == save_task_key(episode_key(mapping_of(RULES).namespace, "a1", SAVE, 2))


def test_d15_one_that_was_taken_back_is_cancelled_unless_somebody_began() -> None:
    """D15: undoing the run that asked for it takes it along."""
    undone = replace(OPEN, state=EpisodeState.WITHDRAWN, closed_at=NOW)

    (cancelled,) = withdrawn(with_task("Not Started", episodes=(undone,)), (), (), (), RULES)

    assert (cancelled.key, cancelled.close) == (TASK, True)
    assert withdrawn(with_task("In Progress", episodes=(undone,)), (), (), (), RULES) == []


def test_d15_it_counts_for_no_cap_of_proposals() -> None:
    """D15: a save play is told to the gates as what it is, and not as an open or closed proposal."""
    link = LinkDecision("b1", LinkState.LINKED, NOW, "a1")
    closed = replace(OPEN, key="k", ordinal=2, state=EpisodeState.LOST, closed_at=NOW)

    context = crm_side(world(episodes=(OPEN, closed), links=(link,)), NOW).contexts["a1"]

    assert context.saves == (SaveTask(OPEN.opened_at.date()), SaveTask(OPEN.opened_at.date(), NOW.date()))
    assert context.open_episodes == context.closed_episodes == ()


def test_d15_a_lost_ledger_finds_it_again_by_its_key() -> None:
    """D15: its task alone tells whose save play it was, and so the next run makes no second one."""
    key = save_task_key(crm.key_of(need=SAVE))

    found = crm.recovered(crm.task("t1", key))

    assert [(one.need, one.play, one.state) for one in found.episodes] == [(SAVE, SAVE, EpisodeState.OPEN)]
