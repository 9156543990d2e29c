"""The promises of delivery over real HTTP, under everything at once, in any order.

Billing tells news, an admin rewords the mapping, people edit, move, finish, delete and merge, a fifth of all calls goes
wrong, plans wait, processes die at any request or commit. After every event the truths of `truths` must hold; when all
is quiet again everything wanted is there, and one run more writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, assert_never

from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connector.adapters.crms.values import with_reference
from connector.domain.change import Desired, Plan, Policy
from connector.domain.errors import LaterError, MendError, PlanRefusedError
from connector.domain.outbox import OPEN
from connector.domain.run import Delivered, RunStatus
from connector.services.deliver import DEFAULT_LIMITS
from tests.machine.events import (
    OF_TASKS,
    POISON,
    AppliesOld,
    Bought,
    Deed,
    Deleted,
    Dies,
    Ending,
    Merged,
    News,
    Plans,
    Restarts,
    Reworded,
    Runs,
    Told,
    Typed,
    Undoes,
    deeds,
    endings,
    news,
    pauses,
    weathers,
)
from tests.machine.life import Life, new_ledger
from tests.machine.place import ACCOUNTS, Place
from tests.machine.storms import of_every_kind, storm
from tests.machine.truths import EVERY_TRUTH, People, everything_is_there, look, status_is_true
from tests.machine.wanted import Customer, account, done, key_of, opportunity, task

STAGES = ("consult", "confront", "concretize", "won", "lost")
"""Where people move an opportunity to."""
QUIET_RUNS = 3
NOTHING_IS_ON_ITS_WAY = DEFAULT_LIMITS.landing_seconds + 1
"""Seconds after which a creation whose answer was lost has landed or never will."""


class Delivery(RuleBasedStateMachine):
    """Runs, people and accidents in any order."""

    place: ClassVar[Place]
    storms: ClassVar[Sequence[dict[str, Any]]] = ()
    """Kinds of faults; none named: all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.place.reset()
        refuse_poison(self.place)
        self.life = Life(self.place, new_ledger())
        self.people = People()
        self.customers = {0: Customer(0), 1: Customer(1, 200)}
        self.account_of = dict(enumerate(self.place.accounts))
        """Customer → its account, as far as the connector has noticed."""
        self.wording = 1
        self.typing = 0
        self.waiting: list[Plan] = []

    # What is wanted

    def desired(self) -> list[Desired]:
        """What the customers ask for: nothing more under a record that a person threw away or took back."""
        gone = {key for key, known in self.life.known.items() if known.tombstone} | self.life.held
        wanted: list[Desired] = []
        taken: set[str] = set()
        for number, one in sorted(self.customers.items()):
            one = replace(one, wording=self.wording)
            at = self.account_of[number]
            if not one.bought:
                wanted.append(opportunity(self.place, one, at))
            if one.key not in gone and (not one.bought or one.task_key in self.life.known):
                wanted.append(task(self.place, one, at))
            if self.people.survivor(at) not in taken:
                taken.add(self.people.survivor(at))
                wanted.append(account(self.place, one, at))
        return wanted

    @rule(weather=weathers, pause=pauses, news=news, deeds=deeds, ending=endings)
    def day(self, weather: int | None, pause: float, news: list[News], deeds: list[Deed], ending: Ending) -> None:
        """Something is new, people do something, and the connector runs."""
        self.weather(weather)
        self.place.clock.sleep(pause * 3600)
        for one in news:
            self.hear(one)
        for deed in deeds:
            self.act(deed)
        self.run(ending)

    def weather(self, seed: int | None) -> None:
        """From now on a fifth of all calls goes wrong; or the CRM answers as it should again."""
        kinds = self.storms or of_every_kind(self.place.flavour.crm)
        self.place.faults[:] = storm(kinds, seed) if seed is not None else ()

    def hear(self, news: News) -> None:
        """What is wanted changes."""
        match news:
            case Told(number, amount, score):
                self.customers[number] = Customer(number, amount, score)
            case Bought(number):
                self.customers[number] = replace(self.customers.get(number, Customer(number)), bought=True)
            case Reworded():
                self.wording += 1
            case _:
                assert_never(news)

    def act(self, deed: Deed) -> None:
        """A person does something in the CRM."""
        match deed:
            case Typed(number, field):
                self.typing += 1
                self._type("task" if field in OF_TASKS else "opportunity", number, field, self._text(field))
            case Deleted(number, type):
                one = self.place.alive(type, key_of(type, number))
                if one is not None:
                    self.place.side.remove(type, one.id)
            case Merged(loser, survivor, is_noticed):
                self._merge(loser, survivor, is_noticed)
            case _:
                assert_never(deed)

    def run(self, ending: Ending) -> None:
        """The connector plans, and carries out what the day lets it."""
        match ending:
            case Runs():
                self._run()
            case Restarts():
                self.life.restart()
                self._run()
            case Dies(lives, after):
                plan = self._plan()
                if plan is not None:
                    self._die(plan, lives, after)
            case Plans():
                plan = self._plan()
                self.waiting += [plan] if plan is not None else []
            case Undoes(which, is_released):
                self._undo(f"run-{1 + which % max(1, self.life.runs):04}", is_released)
            case AppliesOld(which, dies):
                self._apply_old(which, dies)
            case _:
                assert_never(ending)

    # The truths

    @invariant()
    def all_is_true(self) -> None:
        """See `truths`."""
        now = look(self.place, self.life, self.people)
        for truth in EVERY_TRUTH:
            truth(now)

    def settle(self) -> None:
        """When all is quiet and mended, a few runs bring everything, and the next one writes nothing."""
        self.place.faults.clear()
        self.customers = {
            number: replace(one, amount=100) if one.amount == POISON else one for number, one in self.customers.items()
        }
        self._notice()
        for _ in range(QUIET_RUNS):
            self.place.clock.sleep(NOTHING_IS_ON_ITS_WAY)
            last = self._run()
            self._give_up_what_nobody_wants()
        assert last is not None
        assert last.status is RunStatus.SUCCESS, f"{last}\n{self.life.entries(*OPEN)}"
        before = self.place.calls()
        quiet = self._run()
        assert quiet is not None
        assert not quiet.by_entry, quiet
        writes = [one for one in self.place.side.control.requests[before:] if one in self.place.side.writes()]
        assert not writes, writes
        self.all_is_true()
        everything_is_there(look(self.place, self.life, self.people), self.desired())

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.life.close()
            Path(self.life.url.removeprefix("sqlite:///")).unlink()

    # Their parts

    def _run(self) -> Delivered | None:
        plan = self._plan()
        return self._apply(plan) if plan is not None else None

    def _apply_old(self, which: int, dies: Dies | None) -> None:
        if not self.waiting:
            self.run(dies or Runs())
            return
        plan = self.waiting.pop(which % len(self.waiting))
        self.place.clock.sleep(61)  # by now it is known to be old
        if dies is None:
            self._apply(plan)
        else:
            self._die(plan, dies.lives, dies.after)

    def _die(self, plan: Plan, lives: int, after: bool) -> None:
        if self._lenient(lambda: self.life.dies(plan, lives, after)):
            self.waiting.append(plan)  # somebody may apply it once more

    def _undo(self, run_id: str, is_released: bool) -> None:
        with suppress(MendError):  # a run that wrote nothing
            undone = self._lenient(lambda: self.life.undo(run_id))
            if undone is not None and is_released:
                self.life.release(run_id)

    def _plan(self) -> Plan | None:
        return self._lenient(lambda: self.life.plan(self.desired()))

    def _apply(self, plan: Plan) -> Delivered | None:
        delivered: Delivered | None = self._lenient(lambda: self.life.apply(plan))
        if delivered is not None:
            status_is_true(look(self.place, self.life, self.people), plan, delivered)
            self._repaired(plan)
            self._notice()
        return delivered

    def _repaired(self, plan: Plan) -> None:
        """Fields of ours alone that show again what we want are ours again."""
        for change in plan.changes:
            for one in change.fields:
                record = self.place.alive(change.type.value, change.key) if one.policy is Policy.OWN else None
                if record is not None and self.place.shows(change.type.value, record, one.name, one.after):
                    self.people.touched.discard((change.key, one.name))

    def _lenient(self, act: Callable[[], Any]) -> Any:
        """Do what may be put off (the CRM does not answer) or refused (the plan is too old), as a run may say."""
        try:
            return act()
        except (LaterError, PlanRefusedError):
            return None

    def _give_up_what_nobody_wants(self) -> None:
        """A person drops what keeps waiting though no plan asks for it."""
        wanted = {one.key for one in self.desired()}
        unwanted = [entry.id for entry in self.life.entries(*OPEN) if entry.change.key not in wanted]
        if unwanted:
            self.life.drop(unwanted)

    def _notice(self) -> None:
        self.account_of = {number: self.people.survivor(account) for number, account in enumerate(self.place.accounts)}

    def _merge(self, loser: int, survivor: int, is_noticed: bool) -> None:
        gone, stays = (self.people.survivor(self.place.accounts[one]) for one in (loser, survivor))
        if gone == stays or len(self.people.merged) == ACCOUNTS - 2:
            return
        self.place.side.merge(stays, gone)
        self.people.merged[gone] = stays
        if is_noticed:
            self._notice()

    def _type(self, type: str, number: int, field: str, value: str) -> None:
        customer = Customer(number)
        key = customer.key if type == "opportunity" else customer.task_key
        one = self.place.alive(type, key)
        name = score_field(self.place) if field == "score" else self.place.side.names[field]
        if one is None or self.place.shows(type, one, name, value):
            return
        raw = value
        if field == "text" and one.key is None:  # who edits a body leaves its last line
            raw = with_reference(value, key, None, paragraph=self.place.flavour.crm == "hubspot")
        self.place.side.write(type, {name: raw}, one.id)
        self.people.touched.add((key, name))
        if field != "score":
            self.people.typed[key, name] = value

    def _text(self, field: str) -> str:
        day = f"2027-01-{1 + self.typing % 28:02}"
        match field:
            case "amount":
                return str(7000 + self.typing)
            case "close_date" | "due":
                return day if self.place.flavour.crm == "salesforce" else f"{day}T12:00:00Z"
            case "owner":
                return self.place.people[self.typing % 2]
            case "stage":
                return self.place.stages[STAGES[self.typing % len(STAGES)]]
            case "status":
                return str(done(self.place))
            case "score":
                return "99"
            case _:
                return f"typed {self.typing}"


def score_field(place: Place) -> str:
    """The field of ours that holds the score."""
    return "expansion_score" if place.flavour.crm == "hubspot" else "Expansion_Score__c"


def refuse_poison(place: Place) -> None:
    """An admin's rule: no amount may be the poisonous one."""
    if place.flavour.crm == "hubspot":
        rule: dict[str, Any] = {"deals": {"amount": {"MAX_NUMBER": str(POISON - 1)}}}
        place.side.control.switches["validations"] = rule
    else:
        rule = {"Opportunity": [{"when": {"Amount": float(POISON)}, "message": "too much", "field": "Amount"}]}
        place.side.control.switches["validation_rules"] = rule
