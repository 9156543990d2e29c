"""Which tasks a stage asks for: what waits, what comes along, what comes back, and what silence brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_project import INTENT, LABELS, RULES, opened, world

from connector.domain.change import CrmRecord, Desired, RecordType, StageEntry
from connector.domain.keys import task_key
from connector.domain.play import NEGOTIATION, STAGES
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.desk import Desk
from connector.services.done import Standings
from connector.services.project import project
from connector.services.stage_tasks import stage_tasks
from connector.services.world import World

KEY = "e" * 32
MORNING = datetime(2026, 10, 5, 9, tzinfo=UTC)
"""A Monday."""


@dataclass
class Pipeline:
    """One opportunity, and our tasks on it as the CRM would hold them after each run."""

    now: datetime = MORNING
    entries: list[StageEntry] = field(default_factory=list)
    known: dict[str, KnownRecord] = field(default_factory=dict)
    tasks: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def world(self) -> World:
        stage = self.entries[-1].stage
        record = CrmRecord(
            RecordType.OPPORTUNITY, "o1", {"Expansion_Key__c": KEY, "StageName": stage}, {"account": ("a1",)}
        )
        plain = world()
        accounts = {"a1": replace(plain.accounts["a1"], facts=self.facts)}
        tasks = tuple(
            CrmRecord(RecordType.TASK, f"t-{k}", dict(v), modified_at=self.changed[k]) for k, v in self.tasks.items()
        )
        return replace(
            plain,
            accounts=accounts,
            episodes=(replace(opened(), opened_at=MORNING),),
            opportunities=(record,),
            entries={"o1": tuple(self.entries)},
            known=dict(self.known),
            tasks=tasks,
        )

    def move(self, stage: str) -> list[str]:
        """A person moves it to a stage; the next run follows."""
        self.entries.append(StageEntry("o1", LABELS[stage], self.now))  # type: ignore[index]
        return self.run()

    def later(self, days: int) -> list[str]:
        self.now += timedelta(days=days)
        return self.run()

    def run(self) -> list[str]:
        """Write what is wanted, as delivery would; give the steps that are new."""
        made = project((), (), {}, self.world(), RULES, self.now).desired
        new = []
        for one in made:
            if one.type is not RecordType.TASK:
                continue
            values = {name: f.value or "" for name, f in one.fields.items()}
            if one.key not in self.known:
                new.append(one.reason.split(": ")[1])
                self.tasks[one.key], self.changed[one.key] = values, self.now
            elif any(self.tasks[one.key].get(n) != v for n, v in values.items()) and not self._touched(one.key):
                self.tasks[one.key] |= values
                self.changed[one.key] = self.now
            else:
                continue
            before = self.known[one.key].receipts if one.key in self.known else {}
            sent = {n: Receipt(v, v, rule=one.fields[n].rule) for n, v in values.items()}
            self.known[one.key] = KnownRecord(
                one.key, RecordType.TASK, f"t-{one.key}", "a1", receipts={**before, **sent}
            )
        return new

    def _touched(self, key: str) -> bool:
        return any(self.tasks[key].get(n) != r.shown for n, r in self.known[key].receipts.items())

    def do(self, step: str, stage: str, entry: int = 1, answer: str = "") -> list[str]:
        """A person finishes a task; the next run follows."""
        key = key_of(stage, step, entry)
        self.tasks[key] |= {"Status": "Completed"} | ({"Expansion_Answer__c": answer} if answer else {})
        self.changed[key] = self.now
        return self.run()

    def status(self, step: str, stage: str, entry: int = 1) -> str:
        return self.tasks[key_of(stage, step, entry)]["Status"]

    def due(self, step: str, stage: str, entry: int = 1) -> date:
        return date.fromisoformat(self.tasks[key_of(stage, step, entry)]["ActivityDate"])


def key_of(stage: str, step: str, entry: int = 1) -> str:
    return task_key(KEY, NEGOTIATION, stage, entry, step)


def begun(*path: str) -> Pipeline:
    made = Pipeline()
    for stage in ("proposed", *path):
        made.move(stage)
    return made


def test_d27_a_task_waits_until_another_is_done() -> None:
    """D27: The meeting is proposed once they were listened to, counted from that day, and not before."""
    deal = begun("consult")
    assert deal.later(9) == []

    assert deal.do("listen", "consult") == ["meet"]
    assert deal.due("meet", "consult") > deal.now.date()


def test_d27_what_waits_for_two_comes_after_both() -> None:
    """D27: The signature waits for the summary and for the paper process."""
    deal = begun("consult", "confront", "concretize")

    assert deal.do("summary", "concretize") == []
    assert deal.do("paper", "concretize") == ["sign"]
    assert deal.do("sign", "concretize") == ["hand_off"]


def test_a_thrown_away_task_is_not_waited_for() -> None:
    """Who deletes a step has decided that it is not needed: what waits for it comes."""
    deal = begun("consult")
    key = key_of("consult", "listen")
    deal.known[key] = replace(deal.known[key], tombstone="deleted", gone_at=deal.now)

    assert deal.run() == ["meet"]


def test_an_answer_picks_the_next_step() -> None:
    """What came of the call decides what comes next: interest opens the conversation, anything else does not."""
    interested, silent = begun(), begun()

    assert interested.do("check_and_call", "proposed", answer="interested") == ["move_on"]
    assert silent.do("check_and_call", "proposed") == []


def test_d27_a_move_forward_takes_open_tasks_along_once() -> None:
    """D27: An untouched task goes along once, marked with where it comes from; a second move forward takes it back."""
    deal = begun("consult")
    plain = deal.tasks[key_of("consult", "listen")]["Subject"]
    deal.later(1)

    deal.move("confront")
    carried = deal.tasks[key_of("consult", "listen")]["Subject"]
    assert carried == f"{plain} (from Expansion Consult)"
    assert deal.run() == []
    assert deal.tasks[key_of("consult", "listen")]["Subject"] == carried

    deal.move("concretize")
    assert deal.status("listen", "consult") == "Deferred"
    assert deal.status("options", "confront") == "Not Started"


def test_d27_what_a_person_edited_stays_as_it_is() -> None:
    """D27: A task with another day or subject keeps it, whatever the opportunity does."""
    deal = begun("consult")
    key = key_of("consult", "listen")
    deal.tasks[key]["ActivityDate"] = "2026-12-24"

    deal.move("confront")
    assert "(from" not in deal.tasks[key]["Subject"]
    deal.move("consult")
    deal.move("confront")

    assert deal.tasks[key]["Status"] == "Not Started"
    assert key_of("consult", "listen", 2) not in deal.tasks, "somebody works on it: it is not asked for twice"


def test_d27_back_and_forth_asks_once_an_entry_for_what_is_not_done() -> None:
    """D27: Back to consult takes the options back; each entry asks once, and never for what was done."""
    deal = begun("consult")
    deal.do("listen", "consult")
    deal.move("confront")

    deal.later(1)
    assert deal.move("consult") == ["meet"], "listened to already"
    assert deal.status("options", "confront") == "Deferred"
    deal.later(1)
    assert deal.move("confront") == ["options"]
    assert deal.run() == []


@given(
    moves=st.lists(st.tuples(st.sampled_from(STAGES), st.integers(0, 4)), min_size=1, max_size=6),
    done=st.sets(st.sampled_from(["listen", "meet", "options", "compare", "summary", "paper"])),
)
@settings(max_examples=40, deadline=None)
def test_d27_never_two_stages_tasks_on_one_day(moves: Sequence[tuple[str, int]], done: set[str]) -> None:
    """D27: However an opportunity moves, open tasks of two stages are never due on one day."""
    deal = begun()
    for stage, days in moves:
        if deal.entries[-1].stage != LABELS[stage]:  # type: ignore[index]
            deal.move(stage)
        for step in done:
            if deal.tasks.get(key_of(stage, step), {}).get("Status") == "Not Started":
                deal.do(step, stage)
        deal.later(days)

    days_of: dict[date, set[str]] = {}
    for stage in STAGES:
        for step in RULES.negotiation.stages[stage]:
            for entry in range(1, 8):
                task = deal.tasks.get(key_of(stage, step.id, entry))
                if task and task["Status"] == "Not Started":
                    days_of.setdefault(date.fromisoformat(task["ActivityDate"]), set()).add(stage)
    assert all(len(stages) == 1 for stages in days_of.values()), days_of


def test_d28_silence_brings_two_follow_ups_one_escalation_and_then_nothing() -> None:
    """D28: After 7, 14 and 21 business days without a sign of life; then we stop, however long it lasts."""
    deal = begun("consult")
    came = {}
    for day in range(1, 120):
        for step in deal.later(1):
            came[step] = day

    assert list(came) == ["follow_up", "follow_up_again", "escalate"]
    assert came["follow_up"] == 14, "7 business days after the call was due; that gave way to a task of proposed"
    assert 9 <= came["follow_up_again"] - came["follow_up"] <= 11
    assert 9 <= came["escalate"] - came["follow_up_again"] <= 11


def test_d28_a_sign_of_life_takes_the_follow_up_back() -> None:
    """D28: Who listened to them is not asked to follow up any more."""
    deal = begun("consult")
    while "follow_up" not in deal.later(1):
        pass

    deal.do("listen", "consult")

    assert deal.status("follow_up", "consult") == "Deferred"


def test_d28_a_pause_of_ours_brings_no_two_follow_ups_at_once() -> None:
    """D28: A service that was down for two months begins with the first follow-up."""
    deal = begun("consult")

    assert deal.later(60) == ["follow_up"]
    assert deal.later(1) == []


def test_d28_who_puts_a_follow_up_off_is_left_alone() -> None:
    """D28: A person who defers it has decided: no second one, and no escalation."""
    deal = begun("consult")
    while "follow_up" not in deal.later(1):
        pass
    deal.tasks[key_of("consult", "follow_up")]["Status"] = "Deferred"

    assert [step for day in range(60) for step in deal.later(1)] == []


def test_d27_confront_cites_what_consult_wrote_down() -> None:
    """D27: Interests, drivers, brakes and deciders noted on the account stand in the tasks of the next stage."""
    deal = begun("consult")
    deal.facts = {"brakes": "their IT has no time before June", "deciders": "Mia Ray signs"}

    deal.move("confront")
    options = deal.tasks[key_of("confront", "options")]["Description"]

    assert "What holds them back: “their IT has no time before June”." in options
    deal.do("options", "confront")
    assert "You noted on who decides: “Mia Ray signs”." in deal.tasks[key_of("confront", "compare")]["Description"]


def test_an_unknown_brake_is_asked_for() -> None:
    """What nobody wrote down is not made up."""
    deal = begun("consult", "confront")

    assert "Their objections are unknown: ask" in deal.tasks[key_of("confront", "options")]["Description"]


def test_a_renamed_stage_leaves_the_rest_alone() -> None:
    """Who is in a stage that the mapping does not know gets no task, and loses none; the others go on."""
    deal = begun("consult")
    here = deal.world()
    renamed = replace(here, stages=tuple(s for s in here.stages if s.label != LABELS["consult"]))  # type: ignore[index]

    made = project((), (), {}, renamed, RULES, MORNING).desired

    assert [one.type for one in made] == [RecordType.OPPORTUNITY]


def test_d30_a_step_is_for_whom_it_names() -> None:
    """D30: A step for a segment comes to that segment only."""
    only = replace(
        RULES.negotiation.stages["consult"][0],
        when=replace(RULES.negotiation.stages["consult"][0].when, segments=("enterprise",)),
    )
    book = replace(RULES.negotiation, stages={**RULES.negotiation.stages, "consult": [only]})
    rules = replace(RULES, negotiation=book)
    here = begun("consult").world()

    def asked(**brief: Any) -> list[Desired]:
        episode = replace(here.episodes[0], brief={**here.episodes[0].brief, **brief})
        fresh = replace(here, known={}, tasks=())
        return stage_tasks(Desk(fresh, rules, MORNING), episode, Standings(fresh))

    assert [one.reason for one in asked(segment="enterprise")] == ["negotiation: listen"]
    assert asked(segment="smb") == []
    assert asked() == []


@pytest.mark.parametrize("country", ["France", "FR"])
def test_d30_the_territory_has_accounts_without_an_owner(country: str) -> None:
    """D30: The role's own, the account's owner, the territory's, the default; who left is passed over."""
    here = world()
    owners = replace(here.mapping.owners, territories={"FR": "luc@example.com"}, default="ana@example.com")
    here = replace(here, mapping=replace(here.mapping, owners=owners))
    orphan = replace(here.accounts["a1"], owner_id="u9", country=country)

    found = here.owner("support", orphan)

    assert found is not None
    assert found.email == "luc@example.com"
    other = here.owner("support", replace(orphan, country="DE"))
    assert other is not None
    assert other.email == "ana@example.com"
    assert INTENT.segment is None
