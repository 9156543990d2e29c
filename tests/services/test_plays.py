"""What follows a sale, a trial, a module that nobody uses, and news: when it begins, what it asks, when it stops."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from test_project import INTENT, RULES, opened, world

from connector.domain.change import CrmRecord, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import AccountFeatures, Holding, MetricFeatures
from connector.domain.feed import Feed
from connector.domain.holdout import Arm
from connector.domain.intent import PlayIntent
from connector.domain.link import LinkDecision, LinkState
from connector.domain.play import PLAY_NEED
from connector.domain.policy import Holdout
from connector.domain.receipt import KnownRecord, Receipt
from connector.domain.signal import Signal
from connector.services.customers import crm_side
from connector.services.holdout import Drawn, with_arms
from connector.services.measure import Measured
from connector.services.person_week import PersonWeek
from connector.services.play_tasks import play_task_key
from connector.services.plays import plays_due
from connector.services.project import project
from connector.services.track import ended_plays
from connector.services.world import World

NOW = datetime(2026, 10, 5, 9, tzinfo=UTC)
"""A Monday."""
WITH_HOLDOUT = replace(RULES, policy=replace(RULES.policy, holdout=Holdout(share=0.1, salt="lot")))
USUAL = Feed("files", NOW.date(), dict.fromkeys(range(30), 700), tuple(RULES.catalogue.metrics))
WON = replace(opened(), state=EpisodeState.WON, closed_at=NOW)


def holding(offer: str = "analytics", mrr: int = 9900, **rest: Any) -> Holding:
    return Holding(offer, 1, mrr, mrr, "EUR", date(2026, 1, 5), **rest)


def customer(*held: Holding, **rest: Any) -> AccountFeatures:
    plain = AccountFeatures("b1", currency="EUR", mrr_minor=50000, subscribed=True, data_to=date(2026, 10, 4))
    return replace(plain, holdings={one.offer: one for one in held}, **rest)


def use_of(metric: str, day: date) -> MetricFeatures:
    numbers: dict[str, Any] = dict.fromkeys(
        ("level_28", "level_previous", "mean_90", "std_90", "peak_28", "last_value", "total"), 9.0
    )
    return MetricFeatures(
        account_id="b1",
        metric=metric,
        data_to=day,
        growth=None,
        growth_year=None,
        surge=None,
        slope_90=None,
        active_days=9,
        active_days_previous=9,
        first_day=day,
        last_day=day,
        milestone=None,
        **numbers,
    )


@dataclass
class Life:
    """One customer, day after day, with our tasks as the CRM would hold them."""

    account: AccountFeatures
    now: datetime = NOW
    episodes: dict[str, Episode] = field(default_factory=dict)
    known: dict[str, KnownRecord] = field(default_factory=dict)
    tasks: dict[str, dict[str, str]] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    used: tuple[str, ...] = ()
    rows: dict[str, MetricFeatures] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    feed: Feed | None = USUAL
    arm: Arm | None = None

    def world(self) -> World:
        tasks = tuple(
            CrmRecord(RecordType.TASK, f"t-{k}", dict(v), modified_at=self.now) for k, v in self.tasks.items()
        )
        link = LinkDecision("b1", LinkState.LINKED, NOW, "a1")
        return world(episodes=tuple(self.episodes.values()), known=dict(self.known), tasks=tasks, links=(link,))

    def run(self) -> list[str]:
        """One nightly run: begin, write, and what people ended; give the steps that are new."""
        here = self.world()
        self.episodes |= {one.key: one for one in ended_plays(RULES)(here, self.now)}
        here = self.world()
        measured = Measured(
            self.now,
            {"b1": self.account},
            {"b1": {**self.rows, **{metric: use_of(metric, self.now.date()) for metric in self.used}}},
            {},
            [],
            self.signals,
            self.now.date(),
            (replace(self.feed, told_to=self.now.date()),) if self.feed is not None else (),
        )
        side = with_arms(crm_side(here, self.now), Drawn({"a1": self.arm} if self.arm else {}))
        rules = WITH_HOLDOUT if self.arm else RULES
        week = PersonWeek(here, rules, self.now.date())
        plays, held = plays_due(measured, side, here, rules, self.now.date(), week)
        self.held = [one.reason for one in held]
        made = project((), (), {}, here, RULES, self.now, plays=plays)
        self.episodes |= {one.key: one for one in made.episodes}
        new = []
        for one in made.desired:
            if one.type is not RecordType.TASK:
                continue
            values = {name: f.value or "" for name, f in one.fields.items()}
            before = self.known[one.key].receipts if one.key in self.known else {}
            if one.key not in self.known:
                new.append(one.reason)
                self.tasks[one.key] = values
            elif one.close and all(self.tasks[one.key][n] == r.shown for n, r in before.items()):
                self.tasks[one.key] |= values
            else:
                continue
            sent = {n: Receipt(v, v, rule=one.fields[n].rule) for n, v in values.items()}
            self.known[one.key] = KnownRecord(
                one.key, RecordType.TASK, f"t-{one.key}", "a1", receipts={**before, **sent}
            )
        return new

    def days(self, count: int) -> dict[str, int]:
        """Run every morning; give the step that came and on which day of these."""
        came = {}
        for day in range(1, count + 1):
            self.now += timedelta(days=1)
            came |= dict.fromkeys(self.run(), day)
        return came

    def answer(self, play: str, step: str, answer: str = "", status: str = "Completed") -> None:
        (episode,) = (e for e in self.episodes.values() if e.need == PLAY_NEED + play and e.state is EpisodeState.OPEN)
        task = self.tasks[play_task_key(episode.key, play, step)]
        task |= {"Status": status} | ({"Expansion_Answer__c": answer} if answer else {})

    def open(self) -> list[str]:
        return sorted(t["Subject"] for t in self.tasks.values() if t["Status"] == "Not Started")


def told(id: str, on: date, needs: tuple[str, ...] = (), text: str = "a new CFO (CRM, 1 Oct 2026)") -> Signal:
    return Signal(id, "organisation_change", "context", "b1", needs, 1.0, 0.3, {"en": text, "fr": text}, on)


def sold(**rest: Any) -> Life:
    return Life(customer(holding(), **rest), episodes={WON.key: WON})


def test_d29_after_a_sale_activation_and_a_look_after_7_30_and_60_days() -> None:
    """D29: The start at once, then a look after 7, 30 and 60 days, each shortly before it is due; then it is over."""
    life = sold()

    assert life.run() == ["activation: activate"]
    came = life.days(90)

    assert list(came) == ["activation: week", "activation: month", "activation: two_months", "dormant: ask_cause"]
    assert came["dormant: ask_cause"] == 76, "then help begins, not before: one play about one offer"
    assert 3 <= came["activation: week"] <= 7
    assert 26 <= came["activation: month"] <= 30
    assert 56 <= came["activation: two_months"] <= 60
    due = [date.fromisoformat(task["ActivityDate"]) for task in life.tasks.values()]
    assert [(day - NOW.date()).days for day in sorted(due)][:4] == [1, 7, 30, 60]
    assert [one.split(" why ")[0] for one in life.open()] == ["Ask Acme"], "what nobody touched is taken back"
    assert life.days(30) == {}, "one sale, one play"


def test_d29_everything_stops_once_it_is_used() -> None:
    """D29: The day usage shows, open tasks are taken back and no other comes."""
    life = sold()
    life.run()
    life.used = ("dashboard_views",)
    used = RULES.catalogue.offers["analytics"].used_when
    life.used = (used,) if used else ()

    assert life.days(60) == {}
    assert life.open() == []


def test_d29_what_a_person_began_stays() -> None:
    """D29: A task in progress is its owner's, even when usage starts."""
    life = sold()
    life.run()
    life.days(6)
    life.answer("activation", "activate", status="In Progress")
    life.used = (RULES.catalogue.offers["analytics"].used_when or "",)
    life.days(2)

    assert sorted(task["Status"] for task in life.tasks.values()) == ["Deferred", "In Progress"]


@pytest.mark.parametrize(
    ("answer", "next_step", "role"),
    [
        ("not_understood", "dormant: explain", "support"),
        ("does_not_fit", "dormant: adapt", "csm"),
        ("forgotten", "dormant: remind", "csm"),
    ],
)
def test_d13_the_cause_picks_the_next_step(answer: str, next_step: str, role: str) -> None:
    """D13: Help asks why it is not used; each cause has its own next step."""
    life = Life(customer(holding()))

    assert life.run() == ["dormant: ask_cause"]
    assert "not used in the last 28 days" in next(iter(life.tasks.values()))["Description"]
    life.answer("dormant", "ask_cause", answer)

    assert life.run() == [next_step]
    assert {s.role for s in RULES.plays["dormant"].steps if s.id == next_step.split(": ")[1]} == {role}
    assert life.days(20) == {}


def test_d13_what_was_bought_lately_or_is_used_is_not_dormant() -> None:
    """D13: Sixty days to begin, and no help for who needs none."""
    young = holding()
    fresh = Life(customer(replace(young, since=NOW.date() - timedelta(days=30))))
    busy = Life(customer(young), used=(RULES.catalogue.offers["analytics"].used_when or "",))

    assert fresh.run() == []
    assert busy.run() == []


def test_d13_what_no_usage_tells_of_is_not_called_dormant() -> None:
    """D13: Without usage, or with a late or short file, nobody is helped with what may well be used."""
    short = Feed("files", NOW.date(), {**dict.fromkeys(range(30), 700), 0: 100}, tuple(RULES.catalogue.metrics))

    assert Life(customer(holding()), feed=None).run() == []
    assert Life(customer(holding()), feed=short).run() == []
    assert Life(customer(holding()), feed=replace(short, metrics=("documents",))).run() == []


def test_d14_a_trial_is_reminded_of_before_it_ends() -> None:
    """D14: Half-way and the day before; after its end what was missing, and nothing once it is paid for."""
    ends = NOW.date() + timedelta(days=25)
    trial = customer(holding(mrr=0, trialing=True), trial_ends_on=ends)
    life, paid = Life(trial), Life(trial)
    lately = replace(holding(), since=NOW.date())

    came = life.days(40)
    paid.days(20)
    paid.account = customer(lately)

    assert list(came) == ["trial: halfway", "trial: decide", "trial: after"]
    assert came["trial: halfway"] < came["trial: decide"] < 25
    assert paid.days(20) == {}
    assert paid.open() == []


def test_d14_what_was_missed_of_a_trial_is_not_asked_beside_what_comes_next() -> None:
    """D14: A trial that is first seen days before its end brings one task, and the next once that one is over."""
    ends = NOW.date() + timedelta(days=2)
    life = Life(customer(holding(mrr=0, trialing=True), trial_ends_on=ends))

    assert life.run() == ["trial: decide"]
    came = life.days(20)

    assert list(came) == ["trial: after"]
    assert came["trial: after"] > 2, "after it ended"


def test_d14_who_looks_at_a_module_is_offered_a_trial() -> None:
    """D14: Exploration of a module they do not have brings the proposal of a trial, for cross-sell only."""
    life = Life(customer(), signals=(told("explored", NOW.date(), ("reporting",)),))

    assert life.run() == ["propose_trial: offer_trial"]
    assert "14-day trial" in life.open()[0]
    seats = Life(customer(), signals=(told("explored", NOW.date(), ("more_seats",)),))
    assert seats.run() == []


def test_d10_news_is_told_with_its_source_once() -> None:
    """D10, D11: What a colleague reported is cited with who and when; the same news begins nothing twice."""
    text = "acquired by Nordwind (told by Ana, 1 Oct 2026)"
    life = Life(customer(), signals=(told("told_by_a_colleague", date(2026, 10, 1), text=text),))

    assert life.run() == ["congratulate: congratulate"]
    (task,) = life.tasks.values()
    assert text in task["Description"]
    assert task["Subject"] == "Call Acme: acquired by Nordwind"
    life.answer("congratulate", "congratulate")
    assert life.days(80) == {}


def test_d10_nobody_is_congratulated_on_old_news() -> None:
    """D10: What happened a month ago is the last that begins a play; a rule may hear of it for longer."""
    days = {age: NOW.date() - timedelta(days=age) for age in (30, 31)}
    lives = {age: Life(customer(), signals=(told("new_leadership", on),)) for age, on in days.items()}

    assert {age: life.run() for age, life in lives.items()} == {30: ["congratulate: congratulate"], 31: []}


def test_a_play_that_was_not_useful_ends_and_is_quiet() -> None:
    """An answer ends it; another one comes only after the quiet days, whatever happens."""
    life = Life(customer(), signals=(told("new_leadership", date(2026, 10, 1)),))
    life.run()
    life.answer("congratulate", "congratulate", "not_useful_known")

    life.run()
    life.signals = (told("new_leadership", date(2026, 10, 25)),)

    assert life.run() == []
    assert life.held == ["cool_down"]
    assert EpisodeState.NOT_USEFUL in {one.state for one in life.episodes.values()}
    assert life.days(35) != {}


def test_a_rebuilt_ledger_learns_again_what_a_play_is_about() -> None:
    """A play whose brief was lost goes on with what is known now, under its keys; without a reason it ends."""
    life = Life(customer(holding()))
    life.run()
    life.episodes = {key: replace(one, brief={}, offer=None) for key, one in life.episodes.items()}

    assert life.run() == []
    assert [one.offer for one in life.episodes.values()] == ["analytics"]
    life.episodes = {key: replace(one, brief={}) for key, one in life.episodes.items()}
    life.account = customer()
    life.run()

    assert [one.state for one in life.episodes.values()] == [EpisodeState.WITHDRAWN]
    assert life.open() == []


def test_plays_begin_and_end_in_a_plan_only() -> None:
    """What ends is stored as an episode of the plan, and its open tasks are withdrawn by the same plan."""
    life = sold()
    life.run()
    life.days(6)
    end = PlayIntent("activation", "a1", ended="used")

    made = project((), (), {}, life.world(), RULES, life.now, plays=[end])

    assert [one.state for one in made.episodes] == [EpisodeState.WITHDRAWN]
    assert len([one for one in made.desired if one.close]) == 2
    assert INTENT.need not in {one.need for one in made.episodes}
