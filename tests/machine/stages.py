"""Stage moves and time: a person moves one opportunity about, does and edits its tasks, days pass, processes die.

What is wanted comes from the product's own `track` and `project`; what must be true is told by people's deeds alone: a
task of each entry and step that is asked for, once, whatever died in between; none where it went back or was done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connector.domain.change import Plan
from connector.domain.episode import Episode
from connector.domain.errors import LaterError, PlanRefusedError
from connector.domain.intent import Contribution, Intent, Moment, brief_of
from connector.domain.keys import episode_key, task_key
from connector.domain.money import Money
from connector.domain.play import NEGOTIATION, STAGES
from connector.domain.project import Project
from connector.domain.run import RunStatus
from connector.services.project import project
from connector.services.track import track
from tests.e2e.sides import Record
from tests.machine.life import Life, new_ledger, rules_of
from tests.machine.machine import NOTHING_IS_ON_ITS_WAY, QUIET_RUNS
from tests.machine.place import Place
from tests.machine.storms import of_every_kind, storm
from tests.machine.wanted import done

OWNER = "ana@example.com"
DAY = 24 * 3600


@dataclass
class Told:
    """What people did, as they remember it."""

    visits: list[str] = field(default_factory=lambda: ["proposed"])
    done: set[str] = field(default_factory=set)
    """Keys of tasks that they finished."""
    edited: set[str] = field(default_factory=set)
    closed: bool = False

    @property
    def here(self) -> tuple[str, int]:
        stage = self.visits[-1]
        return stage, self.visits.count(stage)


class Negotiations(RuleBasedStateMachine):
    """One opportunity, in any order of moves, work, days, storms and deaths."""

    place: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.place.reset()
        self.life = Life(self.place, new_ledger())
        self.told = Told()
        plain = rules_of(self.place.flavour.crm)
        assert plain.mapping is not None
        mapping = replace(plain.mapping, owners=replace(plain.mapping.owners, default=OWNER))
        self.rules: Project = replace(plain, mapping=mapping)
        self.key = episode_key(mapping.namespace, self.place.accounts[0], "reporting", 1)
        self.life.memory.episodes.save(self.place.org, [self._episode()])
        self._settled_run()

    @rule(
        stage=st.sampled_from([*STAGES, *STAGES, "won"]),
        work=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=2),
        days=st.sampled_from([0, 1, 3, 10]),
        dies=st.none() | st.tuples(st.integers(1, 30), st.booleans()),
        weather=st.none() | st.integers(0, 20),
    )
    def day(
        self,
        stage: str,
        work: list[tuple[int, bool]],
        days: int,
        dies: tuple[int, bool] | None,
        weather: int | None,
    ) -> None:
        """People work and move it, days pass, and a process follows: to its end, or until it dies."""
        for number, is_done in work:
            self._work(number, is_done)
        self._move(stage)
        self.place.clock.sleep(600 + days * DAY)
        self.place.faults[:] = storm(of_every_kind(self.place.flavour.crm), weather) if weather is not None else ()
        plan = self._lenient(self._plan)
        if plan is not None and dies is not None:
            self._lenient(lambda: self.life.dies(plan, *dies))
        elif plan is not None:
            self._lenient(lambda: self.life.apply(plan))

    @invariant()
    def no_task_is_there_twice(self) -> None:
        """One key, one record, whatever died."""
        keys = self.place.keys()
        assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)

    def settle(self) -> None:
        """When all is quiet, what people's deeds ask for is there, and one run more writes nothing."""
        self.place.faults.clear()
        for _ in range(QUIET_RUNS):
            self._settled_run()
        before = self.place.calls()
        self._settled_run(pause=600)
        writes = [one for one in self.place.side.control.requests[before:] if one in self.place.side.writes()]
        assert not writes, writes
        self.no_task_is_there_twice()
        self._nothing_is_missing()
        self._nothing_is_left_open()

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.life.close()
            Path(self.life.url.removeprefix("sqlite:///")).unlink()

    # What must be true

    def _nothing_is_missing(self) -> None:
        stage, entry = self.told.here
        if self.told.closed:
            return
        for step in self.rules.negotiation.stages[stage]:  # type: ignore[index]
            visits = [task_key(self.key, NEGOTIATION, stage, n, step.id) for n in range(1, entry + 1)]
            is_settled = any(key in self.told.done | self.told.edited for key in visits[:-1])
            waits = any(not self._was_done(stage, other) for other in step.after) or bool(step.answered)
            if not is_settled and not waits:
                assert self.place.alive("task", visits[-1]) is not None, (stage, entry, step.id)

    def _was_done(self, stage: str, step: str) -> bool:
        count = self.told.visits.count(stage)
        return any(task_key(self.key, NEGOTIATION, stage, n, step) in self.told.done for n in range(1, count + 1))

    def _nothing_is_left_open(self) -> None:
        for number, stage in enumerate(self.told.visits):
            entry = self.told.visits[: number + 1].count(stage)
            later = [STAGES.index(one) for one in self.told.visits[number:]]  # type: ignore[arg-type]
            is_on = all(after > before for before, after in pairwise(later)) and len(later) <= 2
            for step in self.rules.negotiation.stages[stage]:  # type: ignore[index]
                key = task_key(self.key, NEGOTIATION, stage, entry, step.id)
                if (self.told.closed or not is_on) and key not in self.told.done | self.told.edited:
                    one = self.place.alive("task", key)
                    assert one is None or not self._is_open(one), (stage, entry, step.id, self.told.visits)

    def _is_open(self, one: Record) -> bool:
        return one["status"] == self.place.mapping.task.open

    # Its parts

    def _move(self, stage: str) -> None:
        one = self.place.alive("opportunity", self.key)
        if one is None or self.told.closed or stage == self.told.visits[-1]:
            return
        self.place.side.write("opportunity", {"stage": self.place.stages[stage]}, one.id)  # type: ignore[index]
        if stage == "won":
            self.told.closed = True
        else:
            self.told.visits.append(stage)

    def _work(self, number: int, is_done: bool) -> None:
        """A person finishes one of the open tasks, or puts it on another day."""
        some = sorted(self.place.side.all("task"), key=lambda one: self.place.key_of(one) or "")
        ours = [one for one in some if not one.gone and self.place.key_of(one) and self._is_open(one)]
        if not ours:
            return
        one = ours[number % len(ours)]
        key = self.place.key_of(one) or ""
        if is_done:
            self.place.side.write("task", {"status": done(self.place)}, one.id)
            self.told.done.add(key)
        else:
            day = "2027-03-01" if self.place.flavour.crm == "salesforce" else "2027-03-01T12:00:00Z"
            self.place.side.write("task", {"due": day}, one.id)
            self.told.edited.add(key)

    def _settled_run(self, pause: float = NOTHING_IS_ON_ITS_WAY + 600) -> None:
        self.place.clock.sleep(pause)
        plan = self._plan()
        delivered = self.life.apply(plan)
        assert delivered.status in (RunStatus.SUCCESS, RunStatus.PARTIAL), delivered

    def _plan(self) -> Plan:
        memory, crm = self.life.memory, self.life.crm
        world = track(crm.feed, crm.reader, memory, self.rules, self.place.org, self.life.now)
        return self.life.plan(project((), (), {}, world, self.rules, self.life.now).desired)

    def _lenient(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (LaterError, PlanRefusedError):
            return None

    def _episode(self) -> Episode:
        now = self.life.now
        intent = Intent(
            play=NEGOTIATION,
            account_id=self.place.accounts[0],
            billing_ids=("b1",),
            need="reporting",
            offer="analytics",
            kind="cross_sell",
            lever="scope",
            quantity=1,
            p=0.31,
            delta_mrr=Money(9900, "EUR"),
            reported=Money(9900, "EUR"),
            value=3069,
            base=-3.5,
            contributions=(Contribution("reports_by_hand", 1.5, {"en": "80 reports by hand", "fr": "80 rapports"}),),
            moment=Moment("none", date(2027, 1, 4), {}),
            data_to=datetime.fromtimestamp(self.place.clock.now(), UTC).date(),
        )
        return Episode(
            self.key,
            self.place.accounts[0],
            "reporting",
            1,
            now,
            offer="analytics",
            play=NEGOTIATION,
            brief=brief_of(intent),
        )
