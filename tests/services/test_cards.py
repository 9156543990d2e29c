"""The account card: one note per account, in place, and only when something moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.domain.account import CrmAccount
from connector.domain.change import CrmRecord, Desired, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import AccountFeatures
from connector.domain.intent import ReviewIntent
from connector.domain.keys import review_key, task_key
from connector.domain.play import PLAY_NEED, REVIEW, SAVE
from connector.domain.project import Project
from connector.domain.receipt import KnownRecord
from connector.services.cards import Told, cards
from connector.services.desk import Desk
from connector.services.measure import Measured
from connector.services.world import World
from tests.services.test_briefs import LUC, NOW, PROJECTS, TODAY, account, intent, kept, metric, world

SPACE = {"a1": {"pro": "owned", "analytics": "gap", "automation": "pipeline: ours, consult since 2026-09-01"}}
OPEN = Episode("e" * 32, "a1", "reporting", 1, NOW, offer="analytics", play="negotiation")


def told(features: AccountFeatures | None = None, *, level: float = 47.0, days: int = 0, **more: Any) -> Told:
    data_to = TODAY + timedelta(days=days)
    one = features or replace(account(renewal_on=date(2027, 1, 31), term_start=date(2026, 1, 31)), data_to=data_to)
    usage = {"b1": {"active_seats": metric(pace=level, level_28=level)}}
    measured = Measured(NOW + timedelta(days=days), {"b1": one}, usage, {}, (), (), data_to)
    given = {"white_space": SPACE, "intents": (), "reviews": ()}
    return Told(measured, {"b1": "a1"}, **{**given, **more})


def made(here: World, what: Told, crm: str = "salesforce", cards_for: Any = "active") -> list[Desired]:
    plain = PROJECTS[crm]
    rules: Project = replace(plain, policy=replace(plain.policy, cards=cards_for))
    return cards(Desk(here, rules, what.measured.as_of), what)


def body(one: Desired) -> str:
    return str(next(field.value for name, field in one.fields.items() if name in ("Body", "hs_note_body")))


def test_a_card_tells_how_the_account_stands() -> None:
    """Owned, pipeline, gap, use against limits, renewal, reviews and what not to raise, in ten lines at most."""
    late = account(overdue_invoices=1, days_overdue=21, renewal_on=date(2027, 1, 31))
    review = ReviewIntent("a1", ("b1",), date(2026, 10, 20), date(2026, 1, 31), 0, None)

    [card] = made(world(episodes=(OPEN,)), told(late, reviews=(review,)))

    text = body(card)
    for line in (
        "Has: Pro plan",
        "Could have: Analytics",
        "In the pipeline: Automation",
        "Use against limits: seats 47 of 50",
        "Renews: 31 January 2027",
        "Business review: last none known, next 20 October 2026",
        "Not to raise: One invoice overdue for 21 days",
        "Data to 30 September 2026.",
    ):
        assert line in text
    assert len([line for line in text.splitlines() if line]) <= 10
    assert [(link.role, link.to) for link in card.links] == [("account", Ref(RecordType.ACCOUNT, id="a1"))]


def test_a_card_is_in_its_readers_language() -> None:
    """A French account executive reads French, with its typography."""
    here = world(accounts={"a1": CrmAccount("a1", "Acme", owner_id=LUC.id)}, episodes=(OPEN,))

    [card] = made(here, told())

    assert card.title == "Fiche du compte\u00a0: Acme"
    assert "Renouvellement\u00a0: 31 janvier 2027" in body(card)


def test_what_was_declined_rests_on_the_card() -> None:
    """An offer they said no to is not to be raised while the policy lets it rest, and then it is forgotten."""
    closed = replace(OPEN, state=EpisodeState.NO, closed_at=NOW - timedelta(days=30))
    old = replace(closed, ordinal=0, key="d" * 32, offer="automation", closed_at=NOW - timedelta(days=400))

    [card] = made(world(episodes=(closed, old)), told(intents=(intent(),)))

    assert "Analytics (declined 31 Aug)" in body(card)
    assert "Automation (declined" not in body(card)


def test_what_is_proposed_today_is_in_the_pipeline_already() -> None:
    """The card of the run that proposes says what the next run will see, so that the next day writes nothing."""
    [card] = made(world(), told(intents=(intent(),)))

    assert "In the pipeline: Analytics, Automation" in body(card)
    assert "Could have" not in body(card)


def test_the_last_review_is_the_day_somebody_did_its_task() -> None:
    """A done task of a review of this term tells when the last review was."""
    mapping = PROJECTS["salesforce"].mapping
    assert mapping is not None
    key = review_key(mapping.namespace, "a1", date(2026, 1, 31), 1)
    step = PROJECTS["salesforce"].review.steps[0].id
    task = task_key(key, REVIEW, "none", 1, step)
    done = CrmRecord(RecordType.TASK, "t1", {"Status": "Completed"}, modified_at=datetime(2026, 5, 4, tzinfo=UTC))
    here = world(episodes=(OPEN,), tasks=(done,), known={task: KnownRecord(task, RecordType.TASK, "t1", "a1")})

    [card] = made(here, told())

    assert "last 4 May 2026" in body(card)


@pytest.mark.parametrize(
    ("cards_for", "open_now", "count"),
    [("none", True, 0), ("active", True, 1), ("active", False, 0), ("all", False, 1)],
)
def test_the_policy_says_who_gets_a_card(cards_for: str, open_now: bool, count: int) -> None:
    """None, those with something of ours going on, or every customer."""
    here = world(episodes=(OPEN,) if open_now else ())

    assert len(made(here, told(), cards_for=cards_for)) == count


@pytest.mark.parametrize("need", [SAVE, PLAY_NEED + "trial"])
def test_help_and_follow_ups_bring_no_card(need: str) -> None:
    """Whoever helps or follows up has the reason in the task, and whoever prepares a review has its brief."""
    review = ReviewIntent("a1", ("b1",), NOW.date(), NOW.date(), 0, None)
    going = replace(OPEN, need=need)

    assert made(world(episodes=(going,)), told(reviews=(review,))) == []


def test_a_card_stays_when_nothing_is_open_any_more() -> None:
    """An account that has a card keeps it up to date after our last proposal closed."""
    [card] = made(world(episodes=(OPEN,)), told())

    again = made(world(known={card.key: kept(card)}), told())

    assert [one.key for one in again] == [card.key]


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize(
    ("level", "days", "is_written_anew"),
    [(47.0, 1, False), (47.0, 40, False), (49.0, 40, False), (90.0, 40, True), (90.0, 6, False)],
    ids=["next day", "forty days on", "hardly moved", "moved", "moved, but written six days ago"],
)
def test_a_card_is_written_anew_only_when_something_moved(
    crm: str, level: float, days: int, is_written_anew: bool
) -> None:
    """An unchanged world writes nothing, however many days pass; a number that moved does, a week apart at least."""
    [card] = made(world(crm, episodes=(OPEN,)), told(), crm)
    known = {card.key: kept(card)}

    [again] = made(world(crm, episodes=(OPEN,), known=known), told(level=level, days=days), crm)

    changed = {name for name, field in again.fields.items() if field.value != known[card.key].receipts[name].sent}
    assert bool(changed) is is_written_anew


def test_a_card_survives_a_merge() -> None:
    """When the account is merged into another its card goes on, and no second one is made."""
    [card] = made(world(episodes=(OPEN,)), told())
    survivor = {"a2": CrmAccount("a2", "Acme Group", owner_id="u1")}
    here = world(accounts=survivor, known={card.key: kept(card)}, survivors={"a1": "a2"})
    moved = replace(told(), links={"b1": "a2"}, white_space={"a2": SPACE["a1"]})

    [again] = made(here, moved)

    assert (again.key, again.account_id) == (card.key, "a2")
