"""Facts of the ledger contract about what delivery writes: all of it in one transaction, under the lease."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.domain.change import Outcome, RecordType, Verdict
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import IllegalTransitionError, LaterError
from connector.domain.hold import Hold
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.domain.receipt import Associated, KnownRecord, Receipt, each_once
from connector.ports.ledger import Selection
from connector.services.memory import Memory
from connector.testing.contracts.ledger_world import HERE, NOW, THERE, deed, entry, leased

S = DeliveryState


class DeliveryContract:
    """The outbox, the receipts and the holds."""

    def test_an_outbox_entry_reads_back_as_it_was_written(self, memory: Memory) -> None:
        """Change, refusal, ticket and times are kept."""
        lease = leased(memory)
        sent = replace(entry(), tried_in="run-2", ticket="750x1", changed_at=NOW, crm_id="00T1", reason="why").to(
            S.SENDING
        )
        parked = sent.parked(Outcome(sent.id, Verdict.REJECTED, None, False, {}, "REQUIRED", "“Ümlaut”", "f", "cure"))

        memory.outbox.commit(lease, [parked])

        assert memory.outbox.entries(HERE) == [parked]
        assert memory.outbox.of_run("run-1") == [parked]
        assert memory.outbox.entries(THERE) == []

    def test_entries_come_in_the_plans_order(self, memory: Memory) -> None:
        """Oldest run first, then the plan's order; states that were not asked for stay out."""
        lease = leased(memory)
        later, first, second = entry("c", "run-2"), entry("b", order=1), entry("a", order=2)
        done = entry("d").to(S.SUPERSEDED)

        memory.outbox.commit(lease, [later, second, first, done])

        assert [one.subject for one in memory.outbox.entries(HERE)] == ["b", "a", "c"]
        assert [one.subject for one in memory.outbox.entries(HERE, {S.SUPERSEDED})] == ["d"]
        assert [one.subject for one in memory.outbox.of_run("run-1")] == ["d", "b", "a"]

    def test_a_subject_has_one_open_entry(self, memory: Memory) -> None:
        """A second open entry is refused, and nothing of that transaction stays."""
        lease = leased(memory)
        memory.outbox.commit(lease, [entry(run="run-1")])
        with pytest.raises(IllegalTransitionError, match="second entry"):
            memory.outbox.commit(lease, [entry(run="run-2"), entry("other", run="run-2")])

        assert memory.outbox.entries(HERE) == [entry(run="run-1")]

    def test_an_entry_takes_the_place_of_another_in_one_transaction(self, memory: Memory) -> None:
        """The old one closes and the new one opens, whatever their order."""
        lease = leased(memory)
        memory.outbox.commit(lease, [entry(run="run-1")])

        memory.outbox.commit(lease, [entry(run="run-2"), entry(run="run-1").to(S.SUPERSEDED)])

        assert memory.outbox.entries(HERE) == [entry(run="run-2")]

    def test_receipts_add_up(self, memory: Memory) -> None:
        """A later receipt replaces its field's and leaves the others; associations add up."""
        lease = leased(memory)
        record = KnownRecord("k", RecordType.TASK, "9", "account")
        account, deal = Associated("account", "companies", "account:1"), Associated("deal", "deals", "opportunity:2")
        first = {"a": Receipt("1", "1", False, "r1", "rule"), "b": Receipt("2", None, False, "r1")}
        second = {"a": Receipt("3", "4", True, "r2", "rule 2")}
        one = replace(record, receipts=first, associations=each_once([account]))
        two = replace(record, receipts=second, associations=each_once([deal, account]))
        memory.outbox.commit(lease, known=[one])
        memory.outbox.commit(lease, known=[two, replace(record, associations=each_once([account]))])

        assert memory.receipts.records(HERE) == {
            "k": replace(record, receipts={**first, **second}, associations=each_once([account, deal]))
        }

    def test_a_tombstone_ends_the_open_episode(self, memory: Memory) -> None:
        """A record found deleted ends its episode; one that was won stays won."""
        lease = leased(memory)
        open_one = Episode("k", "account", "analytics", 1, NOW)
        won = replace(open_one, key="w", ordinal=2, state=EpisodeState.WON, closed_at=NOW)
        memory.episodes.save(HERE, [open_one, won])
        gone = KnownRecord("k", RecordType.OPPORTUNITY, "9", "account", tombstone="deleted", gone_at=NOW)
        memory.outbox.commit(lease, known=[gone, replace(gone, key="w")])

        assert memory.episodes.all(HERE) == [replace(open_one, state=EpisodeState.DELETED, closed_at=NOW), won]

    def test_an_episode_that_ended_meanwhile_stays_ended(self, memory: Memory) -> None:
        """A plan that waited does not open again what was lost since."""
        lease = leased(memory)
        planned = Episode("k", "account", "analytics", 1, NOW, silent_on=(NOW.date(),))
        lost = replace(planned, state=EpisodeState.LOST, closed_at=NOW)
        memory.episodes.save(HERE, [lost])

        memory.outbox.commit(lease, episodes=[planned, replace(planned, key="new", ordinal=2)])

        assert [one.state for one in memory.episodes.all(HERE)] == [EpisodeState.LOST, EpisodeState.OPEN]
        assert memory.episodes.all(HERE)[1].silent_on == (NOW.date(),)

    def test_a_commit_is_whole_or_nothing(self, memory: Memory) -> None:
        """When the last part cannot be stored, no part is."""
        lease = leased(memory)
        unstorable = replace(deed("2"), values={"when": NOW})
        known = KnownRecord("k", RecordType.TASK, "9", "account", receipts={"a": Receipt("1", "1")})
        hold = Hold("k", "account", "run-0", "Ana", NOW)
        with pytest.raises(Exception, match="not JSON serializable"):
            memory.outbox.commit(
                lease, [entry()], [known], [Episode("k", "a", "n", 1, NOW)], [hold], [deed("1"), unstorable]
            )

        assert memory.outbox.entries(HERE) == []
        assert memory.receipts.records(HERE) == {}
        assert memory.episodes.all(HERE) == []
        assert memory.holds.all(HERE) == {}
        assert list(memory.audit.records(HERE)) == []

    def test_a_holder_that_lost_the_lease_writes_nothing(self, memory: Memory) -> None:
        """The overtaken one is told so, and no part of what it brought is stored."""
        overtaken = leased(memory)
        assert memory.leases.take(HERE, "you", 61.0, 60.0) is not None
        known = KnownRecord("k", RecordType.TASK, "9", "account")
        with pytest.raises(LaterError, match="took over"):
            memory.outbox.commit(overtaken, [entry()], [known], holds=[Hold("k", "a", "r", "Ana", NOW)], deeds=[deed()])

        assert memory.outbox.entries(HERE) == []
        assert memory.receipts.records(HERE) == {}
        assert memory.holds.all(HERE) == {}
        assert list(memory.audit.records(HERE)) == []

    def test_holds_stand_until_their_run_is_released(self, memory: Memory) -> None:
        """Lifting the holds of one undoing gives them back and leaves those of another."""
        lease = leased(memory)
        first, second, other = (Hold(key, "account", run, "Ana", NOW) for key, run in ("a1", "b1", "c2"))
        memory.outbox.commit(lease, holds=[second, first, other])

        assert memory.holds.all(HERE) == {"a": first, "b": second, "c": other}
        assert memory.holds.release(HERE, "1") == [first, second]
        assert memory.holds.all(HERE) == {"c": other}
        assert memory.holds.release(HERE, "1") == []


def _entries() -> list[OutboxEntry]:
    """Three entries, each with something of its own; the last came into its state first."""
    hours = [NOW + timedelta(hours=hour) for hour in (2, 1, 0)]
    pending, sending, parked = entry("a"), entry("b", "run-2").to(S.SENDING), entry("c", account="other").to(S.SENDING)
    refused = parked.parked(Outcome(parked.id, Verdict.REJECTED, code="REQUIRED", message="lacks a field"))
    return [replace(one, changed_at=at) for one, at in zip((pending, sending, refused), hours, strict=True)]


SELECTIONS = [
    (Selection(), "abc"),
    (Selection(ids=["b"]), "b"),
    (Selection(ids=["run-1/task:a", "c", "unknown"]), "ac"),
    (Selection(ids=[f"unknown-{number}" for number in range(1200)] + ["a"]), "a"),
    (Selection(states={S.PENDING, S.PARKED}), "ac"),
    (Selection(run_id="run-2"), "b"),
    (Selection(account_id="other"), "c"),
    (Selection(code="REQUIRED"), "c"),
    (Selection(since=NOW + timedelta(hours=1)), "ab"),
    (Selection(until=NOW + timedelta(hours=1)), "bc"),
    (Selection(limit=2), "ab"),
    (Selection(states={S.PARKED}, account_id="account"), ""),
    (Selection(since=NOW, until=NOW, code="REQUIRED", account_id="other"), "c"),
]


class SelectionContract:
    """Entries are found by what an operator knows of them."""

    @pytest.mark.parametrize(("wanted", "found"), SELECTIONS)
    def test_every_part_of_a_selection_counts(self, memory: Memory, wanted: Selection, found: Collection[str]) -> None:
        """What is found meets every given part, newest change first; both ends of a period belong to it."""
        memory.outbox.commit(leased(memory), _entries())

        assert [one.subject for one in memory.outbox.select(HERE, wanted)] == list(found)
        assert memory.outbox.select(THERE, wanted) == []

    def test_an_entry_of_unknown_time_comes_last(self, memory: Memory) -> None:
        """It is found where no period is asked for."""
        memory.outbox.commit(leased(memory), [*_entries(), entry("unknown")])

        assert [one.subject for one in memory.outbox.select(HERE, Selection())] == ["a", "b", "c", "unknown"]
        assert [one.subject for one in memory.outbox.select(HERE, Selection(since=NOW))] == ["a", "b", "c"]


class LeaseContract:
    """One deliverer per destination."""

    def test_a_lease_is_one_process_s_until_it_lapses(self, memory: Memory) -> None:
        """Nobody else takes a lease that runs; each holder gets a higher token; the overtaken one frees nothing."""
        first = leased(memory)
        assert memory.leases.take(HERE, "you", 59.0, 60.0) is None
        assert memory.leases.take(HERE, "me", 59.0, 60.0) is None
        renewed = memory.leases.renew(first, 59.0, 60.0)
        assert memory.leases.take(HERE, "you", 61.0, 60.0) is None

        second = memory.leases.take(HERE, "you", 119.0, 60.0)

        assert second is not None
        assert second.token > renewed.token
        with pytest.raises(LaterError, match="took over"):
            memory.leases.renew(renewed, 120.0, 60.0)
        memory.leases.release(renewed)
        assert memory.leases.take(HERE, "third", 120.0, 60.0) is None

    def test_a_released_lease_is_free(self, memory: Memory) -> None:
        """After release anybody takes it at once, and the old holder is fenced off."""
        lease = leased(memory)
        memory.leases.release(lease)
        with pytest.raises(LaterError):
            memory.outbox.commit(lease, [entry()])

        assert memory.leases.take(HERE, "you", 1.0, 60.0) is not None

    def test_destinations_have_leases_of_their_own(self, memory: Memory) -> None:
        """Delivering to one CRM keeps nobody from another."""
        leased(memory)

        assert memory.leases.take(THERE, "you", 0.0, 60.0) is not None
