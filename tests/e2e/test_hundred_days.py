"""Show 1: a negotiation from its proposal to the follow-ups after the sale, and one that falls silent, in both CRMs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from connector.domain.keys import episode_key, task_key
from connector.domain.play import NEGOTIATION, PLAY_NEED
from tests.e2e.sides import Record
from tests.e2e.world import World

OPEN, DONE, CANCELLED = ("notstarted", "completed", "deferred")
MINUTES = 15


@dataclass
class Deal:
    """One of our opportunities, and its tasks by stage, step and entry."""

    world: World
    opportunity: Record

    def task(self, stage: str, step: str, entry: int = 1) -> Record | None:
        key = task_key(self.opportunity.key or "", NEGOTIATION, stage, entry, step)
        return next((one for one in self.world.side.ours("task") if one.key == key), None)

    def status(self, stage: str, step: str, entry: int = 1) -> str:
        """How a task stands; empty for one that was never made."""
        found = self.task(stage, step, entry)
        return found["status"].lower().replace("_", "").replace(" ", "") if found else ""

    def due(self, stage: str, step: str, entry: int = 1) -> date:
        found = self.task(stage, step, entry)
        assert found is not None, (stage, step, entry)
        return date.fromisoformat(found["due"][:10])

    def move(self, stage: str) -> None:
        """A person moves it; the job that follows stages runs within a quarter of an hour."""
        before = self.world.side.control.clock.now()
        self.world.side.move(self.opportunity, stage)
        self.world.stages()
        waited = self.world.side.control.clock.now() - before
        assert waited.total_seconds() <= MINUTES * 60

    def do(self, stage: str, step: str, entry: int = 1) -> None:
        """A person finishes a task; the job runs."""
        found = self.task(stage, step, entry)
        assert found is not None, (stage, step, entry)
        done = "Completed" if self.world.side.crm == "salesforce" else "COMPLETED"
        self.world.side.write("task", {"status": done}, found.id)
        self.world.stages()


@pytest.fixture
def deals(synced: World) -> tuple[Deal, Deal]:
    """Two opportunities of ours, and a service that follows stages."""
    job = {"stages": {"run": "stages", "every_minutes": 10}}
    synced.edit_yaml("playbooks/schedule.yaml", lambda document: document.update(jobs=job))
    first, second = synced.side.ours("opportunity")[:2]
    return Deal(synced, first), Deal(synced, second)


def quiet(world: World) -> None:
    """One more run writes nothing."""
    world.stages()
    assert not world.side.writes()


def test_d27_from_the_proposal_to_sixty_days_after_the_sale(deals: tuple[Deal, Deal]) -> None:
    """D27, D29: Once an entry and uncompleted step, carried or cancelled as told; then 7, 30 and 60 days after."""
    deal, _ = deals
    began = deal.world.now.date()

    listened_to(deal)
    back_and_forth(deal)
    signed(deal)
    followed_up(deal, began)


def listened_to(deal: Deal) -> None:
    """Consult: its first task, what came along, and what waits; a person moves a day."""
    world = deal.world
    deal.move("consult")
    assert deal.status("consult", "listen") == OPEN
    assert deal.status("consult", "meet") == "", "it waits for the call"
    carried = deal.task("proposed", "check_and_call")
    assert carried is not None
    assert "(from " in carried["subject"] or "(depuis " in carried["subject"]
    assert deal.due("consult", "listen") != deal.due("proposed", "check_and_call")
    quiet(world)

    world.later(days=2)
    edited = "2026-12-24" if world.side.crm == "salesforce" else "2026-12-24T12:00:00Z"
    world.side.write("task", {"due": edited}, carried.id)
    deal.do("consult", "listen")
    assert deal.status("consult", "meet") == OPEN


def back_and_forth(deal: Deal) -> None:
    """Confront, back to consult, and confront again."""
    world = deal.world
    world.later(days=3)
    deal.move("confront")
    assert deal.status("proposed", "check_and_call") == OPEN, "somebody moved its day: it is theirs"
    assert deal.status("confront", "options") == OPEN
    assert deal.due("confront", "options") != deal.due("consult", "meet")
    quiet(world)

    world.later(days=1)
    deal.move("consult")
    assert deal.status("confront", "options") == CANCELLED
    assert deal.status("consult", "listen", 2) == "", "they were listened to"
    assert deal.status("consult", "meet", 2) == OPEN
    assert deal.status("consult", "meet") == CANCELLED

    world.later(days=1)
    deal.do("consult", "meet", 2)
    deal.move("confront")
    assert deal.status("confront", "options", 2) == OPEN
    deal.do("confront", "options", 2)
    assert deal.status("confront", "compare", 2) == OPEN
    quiet(world)


def signed(deal: Deal) -> None:
    """Concretize, and won."""
    world = deal.world
    world.later(days=4)
    deal.move("concretize")
    assert (deal.status("concretize", "summary"), deal.status("concretize", "paper")) == (OPEN, OPEN)
    deal.do("concretize", "summary")
    assert deal.status("concretize", "sign") == "", "it waits for the paper process, too"
    deal.do("concretize", "paper")
    assert deal.status("concretize", "sign") == OPEN

    world.later(days=3)
    deal.move("won")
    assert deal.status("concretize", "sign") == CANCELLED
    assert deal.status("proposed", "check_and_call") == OPEN, "an edited one stays"


def followed_up(deal: Deal, began: date) -> None:
    """A good start, and a look after 7, 30 and 60 days: nobody uses it."""
    world = deal.world
    won = world.now.date()
    account = next(iter(world.side.account_of(deal.opportunity, "opportunity")))
    world.sync()
    came: dict[str, int] = {}
    while (world.now.date() - began).days < 120:
        for step in ("activate", "week", "month", "two_months"):
            key = task_key(
                episode_key("expansion", account, PLAY_NEED + "activation", 1), "activation", "none", 1, step
            )
            found = [one for one in world.side.ours("task") if one.key == key]
            if found:
                came.setdefault(step, (date.fromisoformat(found[0]["due"][:10]) - won).days)
        world.later(days=6)
        world.stages()
    assert list(came) == ["activate", "week", "month", "two_months"]
    assert came["week"] - 7 in (0, 1, 2)
    assert came["month"] - 30 in range(5)
    assert came["two_months"] - 60 in range(5)
    quiet(world)


def test_d28_a_silent_negotiation_gets_two_follow_ups_and_one_escalation(deals: tuple[Deal, Deal]) -> None:
    """D28: Nothing moves for months: two follow-ups, one escalation, and then nothing more is asked."""
    _, deal = deals
    world = deal.world
    deal.move("consult")
    days: dict[str, int] = {}
    for week in range(1, 17):
        world.later(days=7)
        world.stages()
        for step in ("follow_up", "follow_up_again", "escalate"):
            if deal.status("consult", step):
                days.setdefault(step, week)

    assert list(days) == ["follow_up", "follow_up_again", "escalate"]
    assert len(set(days.values())) == 3
    assert max(days.values()) <= 8
    asked = [one for one in world.side.ours("task") if deal.opportunity.id in world.side.parents_of(one)]
    assert len(asked) == 5, "check and call, listen, and the three of the silence"
    quiet(world)
