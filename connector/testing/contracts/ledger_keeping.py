"""Facts of the ledger contract about what runs leave for each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from connector.domain.change import CrmRecord, Destination, RecordType, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import MendError
from connector.domain.holdout import Arm, Assignment
from connector.domain.intent import Held
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.run import Run, RunStatus
from connector.ports.ledger import PlanStatus
from connector.services.memory import Memory
from connector.testing.contracts.ledger_world import HERE, NOW, THERE, Opens, plan

TEXTS = ("Café Zürich – « Pro »", "日本語 \U0001f680", 'it\'s a "test" \\ %s :name', "", " two\nlines\t")
"""Texts that a careless database or driver changes."""


class KeepingContract:
    """What one run stores is what the next one reads."""

    def test_a_ledger_opens_again_as_it_was_left(self, memory: Memory, opens: Opens) -> None:
        """What was stored is there when it is opened again; the epoch is the same, until it is renewed."""
        epoch = memory.destinations.epoch()
        memory.destinations.remember(Destination("hubspot", "1", "Portal"))
        memory.destinations.remember(Destination("hubspot", "1", "Portal of Ana"))

        again = opens()

        assert again.destinations.all() == [Destination("hubspot", "1", "Portal of Ana")]
        assert again.destinations.epoch() == epoch
        assert again.destinations.renew_epoch() != epoch
        assert memory.destinations.epoch() != epoch

    def test_moments_come_back_in_utc(self, memory: Memory) -> None:
        """A moment in any zone is the same moment afterwards, to the microsecond."""
        paris = NOW.astimezone(timezone(timedelta(hours=1)))
        memory.mirror.save(HERE, RecordType.TASK, [], cursor=paris)

        assert memory.mirror.cursor(HERE, RecordType.TASK) == NOW
        assert memory.mirror.cursor(HERE, RecordType.TASK).tzinfo == NOW.tzinfo  # type: ignore[union-attr]
        assert memory.mirror.cursor(HERE, RecordType.ACCOUNT) is None

    def test_texts_come_back_as_they_are(self, memory: Memory) -> None:
        """Accents, other scripts, quotes, line breaks and empty texts are kept; null is no empty text."""
        fields = {"null": None, **{f"f{i}": text for i, text in enumerate(TEXTS)}}
        record = CrmRecord(RecordType.TASK, "ü-1", fields, {"what": ("9", "ß")}, NOW, None)
        memory.mirror.save(HERE, RecordType.TASK, [record])
        memory.links.settle(HERE, [LinkDecision("b", LinkState.UNMATCHED, NOW, billing_name=TEXTS[2])])

        assert memory.mirror.records(HERE, RecordType.TASK) == [record]
        assert memory.links.all(HERE)[0].billing_name == TEXTS[2]

    def test_what_was_drawn_stands(self, memory: Memory, opens: Opens) -> None:
        """An arm is drawn once under a salt; drawn again it stays as it was, and another salt knows nothing of it."""
        first = Assignment("cus_ü", "salt", "001", TEXTS[0], 0.1, Arm.HELD_OUT, "run-1", NOW)
        memory.arms.add([first, replace(first, billing_id="b", arm=Arm.PROPOSED)])
        memory.arms.add([replace(first, arm=Arm.PROPOSED, run_id="run-2"), replace(first, billing_id="c")])
        memory.arms.add([])

        again = opens().arms.all("salt")

        assert again["cus_ü"] == first
        assert {id: one.arm for id, one in again.items()} == {
            "b": Arm.PROPOSED,
            "c": Arm.HELD_OUT,
            "cus_ü": Arm.HELD_OUT,
        }
        assert memory.arms.all("other") == {}

    def test_destinations_are_kept_apart(self, memory: Memory) -> None:
        """Nothing that is stored of one destination shows at another."""
        memory.mirror.save(HERE, RecordType.TASK, [CrmRecord(RecordType.TASK, "1", {})], cursor=NOW)
        memory.links.settle(HERE, [LinkDecision("b", LinkState.UNMATCHED, NOW)])
        memory.episodes.save(HERE, [Episode("k", "account", "need", 1, NOW)])

        assert memory.mirror.records(THERE, RecordType.TASK) == []
        assert memory.mirror.cursor(THERE, RecordType.TASK) is None
        assert memory.links.all(THERE) == []
        assert memory.episodes.all(THERE) == []

    def test_a_deletion_keeps_the_last_fields_seen(self, memory: Memory) -> None:
        """A tombstone marks the mirrored record and does not empty it."""
        seen = CrmRecord(RecordType.TASK, "1", {"subject": "Call"}, {"what": ("9",)}, NOW, NOW)
        memory.mirror.save(HERE, RecordType.TASK, [seen])
        memory.mirror.save(HERE, RecordType.TASK, [CrmRecord(RecordType.TASK, "1", {}, archived=True)])

        assert memory.mirror.records(HERE, RecordType.TASK) == [replace(seen, archived=True)]

    def test_a_page_that_names_a_record_twice_keeps_the_last(self, memory: Memory) -> None:
        """Feeds overlap: of two versions in one page the later stands."""
        first, last = (CrmRecord(RecordType.TASK, "1", {"subject": text}) for text in ("old", "new"))
        memory.mirror.save(HERE, RecordType.TASK, [first, last])

        assert memory.mirror.records(HERE, RecordType.TASK) == [last]

    def test_many_tombstones_at_once(self, memory: Memory) -> None:
        """Thousands of deletions in one page are looked up and stored."""
        ids = [f"{number:05}" for number in range(2500)]
        memory.mirror.save(HERE, RecordType.TASK, [CrmRecord(RecordType.TASK, one, {"a": one}) for one in ids])
        memory.mirror.save(HERE, RecordType.TASK, [CrmRecord(RecordType.TASK, one, {}, archived=True) for one in ids])

        records = memory.mirror.records(HERE, RecordType.TASK)
        assert [(record.id, record.fields["a"], record.archived) for record in records] == [(x, x, True) for x in ids]

    def test_stage_history_adds_up(self, memory: Memory) -> None:
        """Entries into stages are kept once each, oldest first."""
        first, second = StageEntry("9", "proposed", NOW, True), StageEntry("9", "consult", NOW + timedelta(days=1))
        memory.mirror.save_stages(HERE, [second])
        memory.mirror.save_stages(HERE, [first, second, first])

        assert memory.mirror.stages(HERE) == {"9": (first, second)}

    def test_a_persons_link_stands_until_a_person_changes_or_forgets_it(self, memory: Memory) -> None:
        """Runs cannot overwrite a person's decision."""
        persons = LinkDecision("b", LinkState.LINKED, NOW, "1", LinkMethod.PERSON, "ada@example.com")
        automatic = LinkDecision("b", LinkState.AMBIGUOUS, NOW, candidates=("1", "2"))
        memory.links.settle(HERE, [persons])
        memory.links.settle(HERE, [automatic])
        assert memory.links.all(HERE) == [persons]

        memory.links.forget(HERE, ["b"])
        memory.links.settle(HERE, [automatic])

        assert memory.links.all(HERE) == [automatic]

    def test_runs_remember_how_they_ended(self, memory: Memory) -> None:
        """A closed run keeps its summary; the newest of a job is found."""
        first = Run("r1", "sync", HERE, NOW, NOW)
        second = Run("r2", "sync", HERE, NOW, NOW + timedelta(hours=1))
        memory.runs.open(first)
        memory.runs.open(second)
        memory.runs.close("r1", RunStatus.PARTIAL, NOW, {"delivered": {"ok": 3}, "share": 0.25, "none": None})

        summary = {"delivered": {"ok": 3}, "share": 0.25, "none": None}
        assert memory.runs.get("r1") == replace(first, status=RunStatus.PARTIAL, ended_at=NOW, summary=summary)
        assert memory.runs.get("r3") is None
        assert memory.runs.last(HERE, "sync") == second
        assert [run.id for run in memory.runs.list()] == ["r2", "r1"]
        assert [run.id for run in memory.runs.list(limit=1)] == ["r2"]

    def test_a_newer_plan_supersedes_a_waiting_one(self, memory: Memory) -> None:
        """Only the newest plan of a job can be approved, and only once."""
        memory.plans.save(plan("r1"))
        memory.plans.save(plan("r2", NOW + timedelta(hours=1)))
        with pytest.raises(MendError, match="no plan of run r1 waits"):
            memory.plans.approve("r1", "ada@example.com")

        memory.plans.approve("r2", "ada@example.com")

        with pytest.raises(MendError, match="no plan of run r2 waits"):
            memory.plans.approve("r2", "bob@example.com")
        stored = memory.plans.get("r2")
        assert stored is not None
        assert (stored.status, stored.approved_by) == (PlanStatus.APPROVED, "ada@example.com")
        assert stored.plan == plan("r2", NOW + timedelta(hours=1))
        memory.plans.applied("r2")
        assert [one.plan.run_id for one in memory.plans.list(HERE, [PlanStatus.APPLIED])] == ["r2"]

    def test_an_older_plan_leaves_a_newer_one_waiting(self, memory: Memory) -> None:
        """One whose run began earlier and that is applied late takes nothing from the one that waits for a word."""
        memory.runs.open(Run("r1", "sync", HERE, NOW, NOW))
        memory.runs.open(Run("r2", "sync", HERE, NOW, NOW + timedelta(seconds=1)))
        memory.plans.save(plan("r2"))

        memory.plans.save(plan("r1"), PlanStatus.APPLIED)

        assert [one.plan.run_id for one in memory.plans.list(HERE, [PlanStatus.WAITING])] == ["r2"]

    def test_decisions_keep_since_when(self, memory: Memory) -> None:
        """A reason that stays keeps its first run; one that changes, or goes, does not."""
        first, second = Run("r1", "sync", HERE, NOW, NOW), Run("r2", "sync", HERE, NOW + timedelta(days=1), NOW)
        memory.decisions.save(HERE, first, [Held("a", "x", "unhealthy"), Held("a", "y", "cap"), Held("b", "x", "cap")])
        memory.decisions.save(
            HERE, second, [Held("a", "x", "unhealthy", "dispute", 0.4, 2**40), Held("a", "y", "cool_down")]
        )

        current = memory.decisions.current(HERE)
        assert [(one.subject, one.reason, one.since_run) for one in current] == [
            ("x", "unhealthy", "r1"),
            ("y", "cool_down", "r2"),
        ]
        assert (current[0].p, current[0].value, current[0].since) == (0.4, 2**40, NOW)

    def test_episodes_are_kept_in_order(self, memory: Memory) -> None:
        """Episodes come by account, need and ordinal, and a stored one replaces what stood."""
        second = Episode("k2", "a", "need", 2, NOW, offer="analytics", play="negotiation", brief={"p": 0.4, "n": [1]})
        first = Episode("k1", "a", "need", 1, NOW)
        memory.episodes.save(HERE, [second, first])
        lost = replace(first, state=EpisodeState.LOST, closed_at=NOW)
        memory.episodes.save(HERE, [lost])

        assert memory.episodes.all(HERE) == [lost, second]
