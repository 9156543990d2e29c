"""Which reviews begin: in time to be prepared, once a person's week has room, and one reminder at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.change import CrmRecord, Desired, RecordType
from connector.domain.intent import ReviewIntent
from connector.domain.money import Money
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.person_week import PersonWeek
from connector.services.project import project
from connector.services.review_start import Started, reviews_begun
from connector.services.reviews import Reviews
from connector.services.world import World

RULES = load_project(shipped(), ["stripe"], "salesforce")
CAPS, HELP = RULES.policy.caps, RULES.save
assert HELP is not None
ROOM = CAPS.per_person_week - CAPS.per_owner_week - HELP.per_owner_week
"""Reviews and plays a week for one who sells and helps."""
ON = date(2026, 11, 18)
PREPARE = date(2026, 11, 4)
SHOWN = date(2026, 10, 28)
"""Ten business days before the review, and five more; no holidays of Germany lie between."""


def world(count: int = 1, tasks: Iterable[CrmRecord] = (), known: Mapping[str, KnownRecord] | None = None) -> World:
    assert RULES.mapping is not None
    accounts = {f"a{n}": CrmAccount(f"a{n}", f"Acme {n}", owner_id="u1") for n in range(count)}
    return World(
        mapping=RULES.mapping,
        accounts=accounts,
        contacts={},
        owners={"u1": Owner("u1", "Ana", "ana@example.com", time_zone="Europe/Berlin")},
        stages=(),
        opportunities=(),
        tasks=tuple(tasks),
        entries={},
        links=(),
        episodes=(),
        known=known or {},
    )


def planned(count: int = 1, on: date = ON) -> Reviews:
    intents = [ReviewIntent(f"a{n}", (f"b{n}",), on, date(2026, 1, 1), 0, None) for n in range(count)]
    briefs = {
        f"a{n}": {"mrr": Money(100000 + n, "EUR"), "evidence": [], "data_to": SHOWN, "segment": None}
        for n in range(count)
    }
    return Reviews(tuple(intents), briefs)


def begun(today: date, here: World, count: int = 1, lately: int = 0) -> Started:
    week = PersonWeek(here, RULES, today)
    for _ in range(lately):
        week.take("u1")
    return reviews_begun(planned(count), here, RULES, today, week)


def written(today: date, here: World, reviews: Reviews) -> list[Desired]:
    now = datetime.combine(today, time(6), UTC)
    made = project((), reviews.intents, reviews.briefs, here, RULES, now)
    return [one for one in made.desired if one.type is RecordType.TASK and one.key not in here.known]


def after(here: World, made: Iterable[Desired], on: date) -> World:
    """The same with new tasks in the CRM."""
    at = datetime.combine(on, time(6), UTC)
    known, tasks = dict(here.known), list(here.tasks)
    for one in made:
        sent = {name: Receipt(field.value, field.value, rule=field.rule) for name, field in one.fields.items()}
        known[one.key] = KnownRecord(one.key, RecordType.TASK, f"t{one.key}", one.account_id, receipts=sent)
        values = {name: field.value for name, field in one.fields.items()}
        tasks.append(CrmRecord(RecordType.TASK, f"t{one.key}", values, {}, at, at))
    return replace(here, known=known, tasks=tuple(tasks))


@pytest.mark.parametrize(
    ("today", "does", "held"),
    [
        (SHOWN - timedelta(days=1), False, []),
        (SHOWN, True, []),
        (PREPARE, True, []),
        (PREPARE + timedelta(days=1), False, ["too_late"]),
        (ON + timedelta(days=1), False, []),
    ],
    ids=["not yet", "near", "last day", "too late", "long over"],
)
def test_a_review_begins_only_while_it_can_be_prepared(today: date, does: bool, held: list[str]) -> None:
    """A review nobody was told of in time is not asked about, and one that is weeks ahead is nobody's task yet."""
    started = begun(today, world())

    assert bool(started.reviews.intents) is does
    assert [one.reason for one in started.held] == held


def test_d25_one_reminder_at_a_time_and_the_outcome_once_it_was_held() -> None:
    """D25: Prepare, then the agenda, then the outcome: each near its day, none of them before its time."""
    here, came = world(), {}
    for n in range(40):
        today = SHOWN + timedelta(days=n)
        made = written(today, here, begun(today, here).reviews)
        came |= {one.reason.split(": ")[1]: today for one in made}
        here = after(here, made, today)

    assert list(came) == ["prepare", "agenda", "outcome"]
    assert came["prepare"] == SHOWN
    assert PREPARE <= came["agenda"] < ON
    assert came["outcome"] == ON


def test_what_a_person_gets_in_a_week_holds_for_reviews_too() -> None:
    """Beside proposals and help there is room for so many; the accounts that pay most come first, the rest waits."""
    assert ROOM >= 2
    here = world(count=5)

    started = begun(SHOWN, here, count=5, lately=ROOM - 2)

    assert [one.account_id for one in started.reviews.intents] == ["a4", "a3"]
    assert [one.reason for one in started.held] == ["play_cap"] * 3

    here = after(here, written(SHOWN, here, started.reviews), SHOWN)
    next_day = begun(SHOWN + timedelta(days=1), here, count=5, lately=ROOM - 2)
    assert {one.account_id for one in next_day.reviews.intents} == {"a4", "a3"}, "what began fills the week"
    assert len(next_day.held) == 3


@pytest.mark.parametrize(("clock", "room"), [(SHOWN, True), (date(2031, 1, 1), False)], ids=["right", "wrong"])
def test_what_began_a_week_ago_leaves_room_again(clock: date, room: bool) -> None:
    """By the CRM's own day of creation; where that says nothing, what is still to be done counts."""
    first = written(SHOWN, world(2), begun(SHOWN, world(2), lately=ROOM - 1).reviews)
    here = after(world(2), first, clock)

    started = begun(SHOWN + timedelta(days=7), here, count=2, lately=ROOM - 1)

    assert (len(started.reviews.intents) == 2) is room
